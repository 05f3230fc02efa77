//! Packets that no official client sends, over both transports: each is refused before it costs anything,
//! and who sent it is told why.

use std::collections::VecDeque;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tests::raw::{Client, Http, Incoming, Server, text_frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::{MIB, NO_HEARTBEAT, Probe, client, fixture, fixture_with, in_mib, machine, until};

/// More than an answer takes.
const SOON: Duration = Duration::from_secs(10);

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const SEPARATOR: &str = "\x1e";

/// How WebSockets are closed.
const PROTOCOL_ERROR: u16 = 1002;
const UNACCEPTABLE: u16 = 1003;
const NOT_THE_TYPE: u16 = 1007;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// Somebody who is in no namespace yet.
enum Stranger {
    WebSocket(Client),
    Polling { posts: Http, polls: Http, target: String, heard: VecDeque<String> },
}

impl Stranger {
    /// One for each transport.
    async fn both(server: &Server) -> [Self; 2] {
        let websocket = Client::open_silent(server.address(), "").await.expect("a WebSocket");
        let mut websocket = Self::WebSocket(websocket);
        assert!(websocket.hears().await.expect("an open packet").starts_with('0'));
        let mut polls = Http::open(server.address()).await.expect("a connection");
        let open = polls.request("GET", POLLING, &[], b"").await.expect("a response");
        let open = open.text().expect("text").to_owned();
        let sid = open.split('"').nth(3).expect("an id");
        let target = format!("{POLLING}&sid={sid}");
        let posts = Http::open(server.address()).await.expect("a connection");
        [websocket, Self::Polling { posts, polls, target, heard: VecDeque::new() }]
    }

    /// Ones that are in a namespace.
    async fn both_in(server: &Server, namespace: &str) -> [Self; 2] {
        let mut both = Self::both(server).await;
        for one in &mut both {
            one.says(&[&format!("40{namespace},")]).await;
            let answer = one.hears().await.expect("an answer");
            assert!(answer.starts_with(&format!("40{namespace},")), "{answer}");
        }
        both
    }

    /// Says all of it at once; `b` and base64 are bytes.
    async fn says(&mut self, packets: &[&str]) {
        let status = self.tries(packets).await;
        assert!(status.is_none_or(|status| status == 200), "{status:?}");
    }

    /// The same, where it may not be taken: the status of the answer, on polling.
    async fn tries(&mut self, packets: &[&str]) -> Option<u16> {
        match self {
            Self::WebSocket(client) => {
                for packet in packets {
                    match packet.strip_prefix('b') {
                        Some(bytes) => {
                            client.send_binary(&BASE64_STANDARD.decode(bytes).expect("base64"));
                        }
                        None => client.send(packet),
                    }
                }
                // It may be cut while it still writes.
                let _ = client.flush().await;
                None
            }
            Self::Polling { posts, target, .. } => {
                let body = packets.join(SEPARATOR);
                let headers = [("Content-Type", "text/plain;charset=UTF-8")];
                let response = posts.request("POST", target, &headers, body.as_bytes()).await;
                Some(response.expect("a response").status)
            }
        }
    }

    /// The next packet of text, pings aside, which are answered; nothing where there is none any more.
    async fn hears(&mut self) -> Option<String> {
        timeout(SOON, async {
            loop {
                match self.next().await.ok()?.as_str() {
                    "2" => drop(self.tries(&["3"]).await),
                    "6" => {}
                    packet => return Some(packet.to_owned()),
                }
            }
        })
        .await
        .expect("a packet in time")
    }

    /// The code of the close frame, on a WebSocket, where it is the end.
    async fn next(&mut self) -> Result<String, Option<u16>> {
        match self {
            Self::WebSocket(client) => match client.incoming().await {
                Ok(Incoming::Text(text)) => Ok(text),
                Ok(Incoming::Close(code)) => Err(code),
                Ok(Incoming::Binary(_)) => panic!("no bytes are sent here"),
                Err(_) => Err(None),
            },
            Self::Polling { polls, target, heard, .. } => loop {
                if let Some(packet) = heard.pop_front() {
                    return Ok(packet);
                }
                let response = polls.request("GET", target, &[], b"").await.map_err(|_| None)?;
                if response.status != 200 {
                    return Err(None);
                }
                let packets = response.text().expect("text").split(SEPARATOR);
                heard.extend(packets.filter(|packet| !packet.is_empty()).map(str::to_owned));
            },
        }
    }

    /// Says what is not allowed: it hears nothing more but the code, or on polling that this is a bad
    /// request, and its session is over.
    async fn is_cut_for(&mut self, packets: &[&str], code: u16) {
        let what: String = packets.join(" ").chars().take(60).collect();
        match self.tries(packets).await {
            None => self.is_cut(code, &what).await,
            Some(status) => {
                assert_eq!(status, 400, "{what}");
                self.is_cut(code, &what).await;
            }
        }
    }

    async fn is_cut(&mut self, code: u16, what: &str) {
        let end = timeout(SOON, async {
            loop {
                match self.next().await {
                    Err(end) => return end,
                    Ok(packet) => {
                        // A ping, and the end of the session, which polls are ended with.
                        assert!(
                            matches!(&*packet, "1" | "2" | "6"),
                            "{what} is answered: {packet:.100}"
                        );
                    }
                }
            }
        });
        let end = end.await.unwrap_or_else(|_| panic!("{what}: the session goes on"));
        match self {
            Self::WebSocket(..) => assert_eq!(end, Some(code), "{what}"),
            Self::Polling { posts, target, .. } => {
                let response = posts.request("POST", target, &[], b"3").await.expect("a response");
                assert_eq!(response.status, 400, "{what}: the session is over");
            }
        }
    }

    /// It is served, in `/raw`.
    async fn is_served(&mut self) {
        self.says(&[r#"42/raw,7["value",7]"#]).await;
        assert_eq!(self.hears().await.as_deref(), Some("43/raw,7[7]"));
    }
}

/// A name of so many bytes.
fn name(bytes: usize) -> String {
    format!("/{}", "n".repeat(bytes - 1))
}

#[tokio::test]
async fn names_of_namespaces_are_not_long() {
    let server = fixture();
    for head in ["40", "41", "42", "451-", "43"] {
        for mut one in Stranger::both_in(&server, "/raw").await {
            one.is_cut_for(&[&format!("{head}{},1[1]", name(256))], POLICY).await;
        }
    }
    for mut one in Stranger::both(&server).await {
        one.says(&[&format!("40{},", name(255))]).await;
        let answer = one.hears().await.expect("an answer");
        assert_eq!(answer, format!(r#"44{},{{"message":"Invalid namespace"}}"#, name(255)));
    }
}

/// Where an answer repeated them, clients that do not read would make the server keep hundreds of
/// megabytes.
#[tokio::test]
async fn long_names_cost_no_memory() {
    /// Twice and more of what may be taken, if an answer to each waits for its client.
    const SESSIONS: usize = 40;

    let _machine = machine().await;
    // Not for want of room for all that strangers say.
    let server = fixture_with(&[("LIMIT_unjoined_bytes", "1000000000")]);
    // What one message of this size takes.
    let grown_by_one = 16 * MIB;
    let guard = server.guard_memory(grown_by_one * 4).expect("the memory");
    let long = format!("40{},", name(999_000));
    let mut unread = Vec::new();
    for _ in 0..SESSIONS {
        for mut one in Stranger::both(&server).await {
            one.tries(&[&long]).await;
            unread.push(one);
        }
    }
    let grown = guard.grown();
    assert!(grown <= grown_by_one, "{} for names", in_mib(grown));
    for mut one in unread {
        let end = timeout(SOON, async { while one.next().await.is_ok() {} });
        end.await.expect("the session is over");
    }
}

#[tokio::test]
async fn five_connects_in_a_row_may_fail() {
    let server = fixture();
    for mut one in Stranger::both_in(&server, "/raw").await {
        for _ in 0..3 {
            for _ in 0..4 {
                one.says(&["40/nowhere,"]).await;
                assert!(one.hears().await.expect("an answer").starts_with("44/nowhere,"));
            }
            // Each that succeeds is a new beginning.
            one.says(&["41/raw,"]).await;
            one.says(&["40/raw,"]).await;
            assert!(one.hears().await.expect("an answer").starts_with("40/raw,"));
        }
        for _ in 0..5 {
            one.says(&["40/nowhere,"]).await;
            assert!(
                one.hears().await.expect("the last is answered, too").starts_with("44/nowhere,")
            );
        }
        one.is_cut(POLICY, "the fifth").await;
    }
}

#[tokio::test]
async fn a_client_is_in_few_namespaces() {
    let server = fixture_with(&[("LIMIT_namespaces_per_connection", "2")]);
    for mut one in Stranger::both_in(&server, "/raw").await {
        one.says(&["40/rooms,"]).await;
        assert!(one.hears().await.expect("an answer").starts_with("40/rooms,"));
        for _ in 0..3 {
            one.says(&["40/ways,"]).await;
            let answer = one.hears().await.expect("an answer");
            assert_eq!(answer, r#"44/ways,{"message":"Too many namespaces"}"#);
        }
        // Who is in one already is not counted twice, and who leaves gives its place back.
        one.says(&["40/raw,"]).await;
        one.is_served().await;
        one.says(&["41/rooms,"]).await;
        one.says(&["40/ways,"]).await;
        assert!(one.hears().await.expect("an answer").starts_with("40/ways,"));
    }
}

#[tokio::test]
async fn auth_is_not_large() {
    let server = fixture();
    for mut one in Stranger::both(&server).await {
        let of_size = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        one.says(&[&format!("40/raw,{}", of_size(16 * 1024 + 1))]).await;
        let answer = one.hears().await.expect("an answer");
        assert_eq!(answer, r#"44/raw,{"message":"`auth` is larger than 16384 bytes"}"#);
        one.says(&[&format!("40/raw,{}", of_size(16 * 1024))]).await;
        assert!(one.hears().await.expect("an answer").starts_with("40/raw,"));
    }
}

#[tokio::test]
async fn bytes_come_behind_their_message() {
    let server = fixture();
    for mut one in Stranger::both(&server).await {
        one.is_cut_for(&["bAQID"], PROTOCOL_ERROR).await;
    }
    for mut one in Stranger::both(&server).await {
        // Nobody was let in yet.
        one.says(&["40/nowhere,"]).await;
        assert!(one.hears().await.expect("an answer").starts_with("44/nowhere,"));
        one.is_cut_for(&[r#"451-/nowhere,["value",1]"#, "bAQID"], PROTOCOL_ERROR).await;
    }
    for mut one in Stranger::both_in(&server, "/raw").await {
        one.is_cut_for(&["bAQID"], UNACCEPTABLE).await;
    }
}

#[tokio::test]
async fn attachments_are_few_and_as_large_as_a_message_may_be() {
    let server = fixture();
    for many in [r#"4511-/raw,["attachments",[]]"#, r#"4510000-/raw,["attachments",[]]"#] {
        for mut one in Stranger::both_in(&server, "/raw").await {
            one.is_cut_for(&[many], POLICY).await;
        }
    }
    let half = format!("b{}", BASE64_STANDARD.encode(vec![7; 500_000]));
    let head = |number: usize| {
        let names = |at| format!(r#"{{"_placeholder":true,"num":{at}}}"#);
        let names: Vec<_> = (0..number).map(names).collect();
        format!(r#"45{number}-/raw,7["attachments",[{}]]"#, names.join(","))
    };
    for mut one in Stranger::both_in(&server, "/raw").await {
        for part in [&head(2), &half, &half] {
            one.says(&[part]).await;
        }
        assert_eq!(one.hears().await.as_deref(), Some("43/raw,7[1000000]"));
        let mut ten = vec![head(10)];
        ten.extend(std::iter::repeat_n("bAQ==".to_owned(), 10));
        one.says(&ten.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(one.hears().await.as_deref(), Some("43/raw,7[10]"));
        for part in [&head(3), &half, &half] {
            one.says(&[part]).await;
        }
        one.is_cut_for(&["bAQ=="], TOO_BIG).await;
    }
}

/// A client that never sends the rest: it goes on answering pings, or has none to answer and says nothing.
#[tokio::test]
async fn attachments_that_do_not_come_are_not_waited_for() {
    for ping_interval in ["300", "25000"] {
        let settings = [("PING_INTERVAL_MS", ping_interval), ("LIMIT_attachments_timeout", "500")];
        let server = fixture_with(&settings);
        for mut one in Stranger::both_in(&server, "/raw").await {
            one.says(&[r#"452-/raw,["attachments",[]]"#, "bAQID"]).await;
            let end = timeout(SOON, async {
                loop {
                    match one.next().await {
                        Ok(ping) if ping == "2" => drop(one.tries(&["3"]).await),
                        Ok(packet) => assert!(matches!(&*packet, "1" | "6"), "{packet}"),
                        Err(end) => return end,
                    }
                }
            });
            let end = end.await.expect("the session is ended");
            if matches!(one, Stranger::WebSocket(..)) {
                assert_eq!(end, Some(POLICY));
            }
        }
    }
}

#[tokio::test]
async fn a_packet_that_cannot_be_read_is_told_so() {
    let server = fixture();
    for packet in [
        // What the line finds.
        "x",
        "5",
        "",
        "4",
        "48",
        "44/raw,{}",
        "42/raw,",
        "42/raw,{}",
        r#"45/raw,["a"]"#,
        "43/raw,[1]",
        // A number that nobody could be answered under.
        r#"42/raw,9223372036854775808["value",1]"#,
        // And what socketioxide does.
        "42/raw,[",
        "42/raw,[1]",
        r#"42/raw,["value",{]"#,
        r#"42/raw,["a\"b"]"#,
        r#"450-/raw,["value""#,
    ] {
        for mut one in Stranger::both_in(&server, "/raw").await {
            if packet.is_empty() && matches!(one, Stranger::Polling { .. }) {
                // There it is a body without packets.
                continue;
            }
            one.is_cut_for(&[packet], NOT_THE_TYPE).await;
        }
    }
    for mut one in Stranger::both_in(&server, "/raw").await {
        // The largest number there is.
        one.says(&[r#"42/raw,9223372036854775807["value",1]"#]).await;
        assert_eq!(one.hears().await.as_deref(), Some("43/raw,9223372036854775807[1]"));
        one.is_served().await;
    }
}

#[tokio::test]
async fn what_came_before_is_handled_and_nothing_behind() {
    let server = fixture();
    let mut member = client(&server, "/raw").await;
    member.answer("join", "").await.expect("a member");
    for mut one in Stranger::both_in(&server, "/raw").await {
        let say = |word: &str| format!(r#"42/raw,["relay","{word}"]"#);
        let packets = [&say("before"), r#"42/nowhere,["relay","wrong"]"#, &say("behind")];
        one.is_cut_for(&packets, PROTOCOL_ERROR).await;
        member.ask("relay", r#""last""#);
        for word in ["before", "last"] {
            let packet = loop {
                let packet =
                    timeout(SOON, member.packet()).await.expect("in time").expect("a packet");
                if packet.is_event("relayed") {
                    break packet;
                }
            };
            assert_eq!(packet.data, format!(r#"["relayed","{word}"]"#));
        }
    }
}

#[tokio::test]
async fn who_is_not_in_a_namespace_is_told_so() {
    let server = fixture();
    for packet in [
        r#"42/ways,["value",1]"#,
        "41/ways,",
        "43/ways,1[]",
        r#"451-/ways,["a"]"#,
        r#"42/nowhere,["value",1]"#,
        r#"42["value",1]"#,
    ] {
        for mut one in Stranger::both_in(&server, "/raw").await {
            one.is_cut_for(&[packet], PROTOCOL_ERROR).await;
        }
    }
    for mut one in Stranger::both_in(&server, "/raw").await {
        let said = r#"42/raw,["value",1,"and more than sixteen bytes"]"#;
        one.says(&[said, said]).await;
        one.is_cut_for(&["41/raw,", said], PROTOCOL_ERROR).await;
    }
}

/// It has not heard of it yet.
#[tokio::test]
async fn who_was_sent_away_may_speak_on() {
    let server = fixture();
    for mut one in Stranger::both_in(&server, "/raw").await {
        one.says(&["40/custom,"]).await;
        assert!(one.hears().await.expect("an answer").starts_with("40/custom,"));
        assert_eq!(one.hears().await.as_deref(), Some(r#"42/custom,["auth",{}]"#));
        for _ in 0..3 {
            let on = r#"42/custom,5["message-with-ack",1]"#;
            let bytes = r#"451-/custom,6["message-with-ack",{"_placeholder":true,"num":0}]"#;
            let away = r#"42/custom,["send-away"]"#;
            one.says(&[away, on, on, bytes, "bAQID", "43/custom,1[]", on]).await;
            assert_eq!(one.hears().await.as_deref(), Some("41/custom,"));
            one.is_served().await;
            // It comes back, and so do its messages, also behind some that are from before.
            one.says(&[on, "40/custom,"]).await;
            assert!(one.hears().await.expect("an answer").starts_with("40/custom,"));
            assert_eq!(one.hears().await.as_deref(), Some(r#"42/custom,["auth",{}]"#));
            one.says(&[on]).await;
            assert_eq!(one.hears().await.as_deref(), Some("43/custom,5[1]"));
        }
        // Or it leaves in the same moment, and comes back.
        one.says(&[r#"42/custom,["send-away"]"#, "41/custom,", "40/custom,"]).await;
        assert_eq!(one.hears().await.as_deref(), Some("41/custom,"));
        assert!(one.hears().await.expect("an answer").starts_with("40/custom,"));
        assert_eq!(one.hears().await.as_deref(), Some(r#"42/custom,["auth",{}]"#));
        one.is_served().await;
    }
}

/// Once it has heard of it and is in another namespace, too, nothing of it is left.
#[tokio::test]
async fn nothing_is_kept_of_who_was_sent_away() {
    let server = fixture();
    let mut probe = Probe::of(&server).await;
    let mut both = Stranger::both_in(&server, "/hooks").await;
    for one in &mut both {
        one.says(&["40/raw,"]).await;
        while !one.hears().await.expect("an answer").starts_with("40/raw,") {}
        one.says(&[r#"42/hooks,["kick-me"]"#]).await;
        while one.hears().await.expect("a good-bye") != "41/hooks," {}
    }
    let is_empty = until(SOON, async || probe.sockets("/hooks").await == 0).await;
    assert!(is_empty.is_some(), "they are still there");
    for one in &mut both {
        one.is_served().await;
    }
}

/// A member that comes and goes elsewhere, and reads none of the answers: those alone cannot fill
/// socketioxide's buffer, where a message to the room would then find no room.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_read_leave_room_for_others() {
    /// More than the system keeps of them, and socketioxide.
    const OFTEN: usize = 5_000;
    /// What the server takes at least to do what it is asked, unless it does not read it.
    const STILL: Duration = Duration::from_secs(1);

    let _machine = machine().await;
    // The member is not cut for reading nothing: a busy machine takes longer for all this than it may.
    let [interval, patience] = NO_HEARTBEAT;
    let server = fixture_with(&[interval, patience, ("MIN_DRAIN_RATE", "0")]);
    let mut probe = Probe::of(&server).await;
    let mut member = Client::open_narrow(server.address(), "/raw", 4096).await.expect("a member");
    member.answer("join", "").await.expect("a member");
    let mut member = member.into_stream();
    let mut answers = 0;
    while answers < OFTEN {
        let (packet, count) = if answers % 2 == 0 { ("40/rooms,", 1) } else { ("41/rooms,", 0) };
        member.write_all(&text_frame(packet)).await.expect("a connection");
        let taken = async { while probe.sockets("/rooms").await != count {} };
        if timeout(STILL, taken).await.is_err() {
            break;
        }
        answers += 1;
    }
    assert!(answers > 100 && answers < OFTEN, "after {answers} nothing more is read");
    let mut sender = client(&server, "/raw").await;
    let sent = sender.answer("to-room", r#"{"count":1,"size":10}"#).await.expect("it is sent");
    assert_eq!(sent, 1);
    let hears = timeout(SOON, async {
        let (mut heard, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
        while !heard.windows(6).any(|part| part == br#""tick""#) {
            let read = member.read(&mut piece).await.expect("a connection");
            assert!(read > 0, "it was cut");
            // The end may stand in two pieces.
            heard.drain(..heard.len().saturating_sub(6));
            heard.extend_from_slice(&piece[..read]);
        }
    });
    hears.await.expect("it hears what the room is told");
}
