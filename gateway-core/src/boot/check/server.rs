//! The options of the whole server.

use std::{collections::BTreeMap, panic::Location, time::Duration};

use crate::{
    boot::{
        Blueprint,
        start_report::{Problem, Report, place},
    },
    defaults,
};

/// Where each option was given a value, by the name of its method.
pub(crate) type StatedAt = BTreeMap<&'static str, &'static Location<'static>>;

/// The bytes it takes to join a namespace, with a few to spare.
const LEAST_PAYLOAD: usize = 128;

/// The bytes of a request head that a browser sends, with a few cookies.
const LEAST_HEAD: usize = 2 * 1024;

pub(crate) fn server(blueprint: &Blueprint, report: &mut Report) {
    let Blueprint { server, settings, stated_at, .. } = blueprint;
    let at =
        |option| stated_at.get(option).map_or_else(String::new, |at| format!(" ({})", place(at)));
    for (option, value, default, then) in [
        (
            "ping_interval",
            server.ping_interval,
            told(defaults::PING_INTERVAL),
            "clients would be pinged endlessly",
        ),
        (
            "ping_timeout",
            server.ping_timeout,
            told(defaults::PING_TIMEOUT),
            "no client could answer a ping in time",
        ),
        (
            "upgrade_timeout",
            server.upgrade_timeout,
            told(defaults::UPGRADE_TIMEOUT),
            "no client could upgrade to a WebSocket in time",
        ),
        (
            "write_timeout",
            server.write_timeout.unwrap_or(server.ping_timeout),
            "the value of `ping_timeout`".to_owned(),
            "every client that cannot be written to at once would be cut off",
        ),
        (
            "ack_timeout",
            settings.ack_timeout,
            told(defaults::ACK_TIMEOUT),
            "no acknowledgement could arrive in time",
        ),
    ] {
        // Timers have no finer resolution.
        if value < Duration::from_millis(1) && stated_at.contains_key(option) {
            report.add(Problem::new(
                format!("`.{option}({value:?})`{} is less than a millisecond: {then}", at(option)),
                format!("leave the call out for {default}; `Duration::MAX` means no limit"),
            ));
        }
    }
    let cors = &blueprint.cors;
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        report.add(Problem::new(
            format!(
                "`.cors([..])` allows every origin, with credentials{}",
                at("cors_credentials")
            ),
            "list the origins, or leave `.cors_credentials(true)` out: browsers refuse the combination",
        ));
    }
    if server.transports.is_empty() {
        report.add(Problem::new(
            format!("no transport is left to connect with{}", at("transports")),
            "name one in `.transports([..])`, or leave the call out for both",
        ));
    }
    if server.max_payload < LEAST_PAYLOAD {
        report.add(Problem::new(
            format!(
                "`.max_payload({})`{} is less than a client needs to join a namespace",
                server.max_payload,
                at("max_payload"),
            ),
            format!("give it {LEAST_PAYLOAD} bytes or more, or leave the call out for 1,000,000"),
        ));
    }
    limits(blueprint, &at("limits"), report);
    if let Err((why, help)) = path(&server.path) {
        report.add(Problem::new(
            format!("no client can reach `.path({:?})`{}: {why}", server.path, at("path")),
            help,
        ));
    }
}

/// The limits on what strangers may take: with a limit of zero, nobody could be served.
fn limits(blueprint: &Blueprint, at: &str, report: &mut Report) {
    let limits = &blueprint.settings.limits;
    for (limit, is_nothing) in [
        ("connections", limits.connections == Some(0)),
        ("connections_per_address", limits.connections_per_address == Some(0)),
        ("sessions", limits.sessions == Some(0)),
        ("handshakes_per_second", limits.handshakes_per_second == 0),
        ("unjoined_sessions", limits.unjoined_sessions == 0),
        ("tls_handshakes", limits.tls_handshakes == 0),
        ("connect_timeout", limits.connect_timeout < Duration::from_millis(1)),
        ("head_timeout", limits.head_timeout < Duration::from_millis(1)),
        ("body_timeout", limits.body_timeout < Duration::from_millis(1)),
        ("keep_alive", limits.keep_alive < Duration::from_millis(1)),
        ("event_name_bytes", limits.event_name_bytes == 0),
        ("room_name_bytes", limits.room_name_bytes == 0),
        ("rooms_per_socket", limits.rooms_per_socket == 0),
        ("outstanding_asks", limits.outstanding_asks == 0),
        ("sockets_per_user", limits.sockets_per_user == 0),
        ("handler_time", limits.handler_time < Duration::from_millis(1)),
        ("authentication_timeout", limits.authentication_timeout < Duration::from_millis(1)),
        ("namespaces_per_connection", limits.namespaces_per_connection == 0),
        ("namespace_name_bytes", limits.namespace_name_bytes == 0),
        ("auth_bytes", limits.auth_bytes == 0),
        ("failed_connects", limits.failed_connects == 0),
        ("attachments_timeout", limits.attachments_timeout < Duration::from_millis(1)),
    ] {
        if is_nothing {
            report.add(Problem::new(
                format!("the limit `{limit}`{at} is zero: nobody could be served"),
                "leave the call out for the default",
            ));
        }
    }
    for (limit, bytes, least, default) in [
        ("head_bytes", limits.head_bytes, LEAST_HEAD, "32 KiB"),
        // One address may have half of it.
        ("unjoined_bytes", limits.unjoined_bytes, 2 * LEAST_HEAD, "32 MiB"),
    ] {
        if bytes < least {
            report.add(Problem::new(
                format!("the limit `{limit}`{at} is {bytes}: browsers send more"),
                format!("give it {least} bytes or more, or leave the call out for {default}"),
            ));
        }
    }
}

fn told(default: Duration) -> String {
    format!("{} s", default.as_secs())
}

/// Checks that every kind of client requests exactly this path. They differ in how they write characters that
/// have to be escaped, and some resolve a path first.
fn path(path: &str) -> Result<(), (&'static str, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()+,;=:@/".contains(c);
    let help = || "use letters, digits, `-`, `_` and `/`, as in `/realtime`".to_owned();
    let Some(rest) = path.strip_prefix('/') else {
        return Err(match path {
            "" => (
                "it would take every path of the application",
                "give the server a path of its own, as in `/realtime`, or leave the call out for `/socket.io`".to_owned(),
            ),
            _ => ("a path must start with `/`", format!("write `.path(\"/{path}\")`")),
        });
    };
    if rest.contains(['{', '}', '*']) {
        return Err(("the server's path cannot have parameters", help()));
    }
    if rest.contains(['?', '#']) {
        return Err(("a query or a fragment is not part of a path", help()));
    }
    if !rest.chars().all(plain) {
        return Err(("clients escape some of its characters, and not all in the same way", help()));
    }
    if rest.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(("clients would resolve a segment that is empty or made of dots", help()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_every_client_asks_for() {
        for good in ["/socket.io", "/ws", "/api/v1/realtime", "/a-b_c~d", "/@me"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for (bad, says) in [
            ("", "every path"),
            ("socket.io", "start"),
            ("/ws/{id}", "parameters"),
            ("/ws/{*rest}", "parameters"),
            ("/ws?a=b", "query"),
            ("/ws#a", "fragment"),
            ("/with space", "escape"),
            ("/caf%C3%A9", "escape"),
            ("/café", "escape"),
            ("/a\\b", "escape"),
            ("/a\n", "escape"),
            ("/a//b", "empty"),
            ("//a", "empty"),
            ("/a/", "empty"),
            ("/a/../b", "dots"),
            ("/.", "dots"),
        ] {
            let (why, help) = path(bad).expect_err(bad);
            assert!(why.contains(says), "{bad}: {why}");
            assert!(!help.is_empty());
        }
    }

    #[test]
    fn what_the_defaults_are_is_right() {
        let mut report = Report::default();
        server(&Blueprint::default(), &mut report);
        assert_eq!(report.sentences(), Vec::<String>::new());
    }
}
