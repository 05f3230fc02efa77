//! What an operator reads when an application is put together wrongly, and that it goes no further.
//!
//! After a change of wording: `INSTA_UPDATE=always cargo test -p tests --test start_report`, and read
//! every text that changed; those below, within this file, are pasted by hand.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
};

const ANYHOW: &str = env!("CARGO_BIN_EXE_start-report-anyhow");
const BOXED: &str = env!("CARGO_BIN_EXE_start-report-boxed");
const MANY: &str = env!("CARGO_BIN_EXE_start-report-many");
const NONE: &str = env!("CARGO_BIN_EXE_start-report-none");
const IDENTITIES: &str = env!("CARGO_BIN_EXE_start-report-identities");
const ONE: &str = env!("CARGO_BIN_EXE_start-report-one");

/// Starts a program that is to listen on an address which is taken, and gives what it says.
///
/// An application that took its port before it looked for mistakes would complain of the address
/// instead.
fn start(program: &str, arguments: &[&str]) -> (String, SocketAddr) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("the address of a listener");
    let output = Command::new(program)
        .arg(address.to_string())
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    (String::from_utf8(output.stderr).expect("the report is UTF-8"), address)
}

fn report(program: &str, arguments: &[&str]) -> String {
    start(program, arguments).0
}

#[test]
fn every_mistake_comes_in_one_report() {
    insta::with_settings!({ snapshot_path => "start_report", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("many", report(MANY, &[]));
    });
}

#[test]
fn the_report_is_the_same_every_time() {
    let first = report(MANY, &[]);
    for _ in 0..5 {
        assert_eq!(report(MANY, &[]), first);
    }
}

/// The one that shows what the others do not do.
#[test]
fn an_application_that_is_right_goes_on_to_its_port() {
    let (said, address) = start(ONE, &["right"]);
    let first = said.lines().next();
    assert_eq!(first, Some(&*format!("Error: cannot listen on \"{address}\"")), "{said}");
}

/// Authenticators are built first of all services, and may need any.
#[test]
fn an_authenticator_may_be_injected_the_gateway_it_lets_clients_into() {
    let (said, address) = start(ONE, &["looks"]);
    let first = said.lines().next();
    assert_eq!(first, Some(&*format!("Error: cannot listen on \"{address}\"")), "{said}");
}

#[test]
fn no_transport_is_left() {
    insta::assert_snapshot!(report(ONE, &["no transport"]), @r#"
    Error: the application cannot start: 1 problem

      1. no transport is left to connect with (tests/tests/start_report/one.rs:21)
         help: name one in `.transports([..])`, or leave the call out for both
    "#);
}

/// Public reports: https://github.com/socketio/socket.io/issues/2701 (its path),
/// https://github.com/scylladb/scylla-rust-driver/issues/1695 (an interval of zero).
#[test]
fn every_option_of_the_server_is_checked() {
    insta::assert_snapshot!(report(ONE, &["server"]), @r#"
    Error: the application cannot start: 28 problems

      1. `.ack_timeout(0ns)` (tests/tests/start_report/one.rs:182) is less than a millisecond: no acknowledgement could arrive in time
         help: leave the call out for 5 s; `Duration::MAX` means no limit

      2. `.max_payload(0)` (tests/tests/start_report/one.rs:184) is less than a client needs to join a namespace
         help: give it 128 bytes or more, or leave the call out for 1,000,000

      3. `.ping_interval(0ns)` (tests/tests/start_report/one.rs:178) is less than a millisecond: clients would be pinged endlessly
         help: leave the call out for 25 s; `Duration::MAX` means no limit

      4. `.ping_timeout(999µs)` (tests/tests/start_report/one.rs:179) is less than a millisecond: no client could answer a ping in time
         help: leave the call out for 20 s; `Duration::MAX` means no limit

      5. `.upgrade_timeout(0ns)` (tests/tests/start_report/one.rs:180) is less than a millisecond: no client could upgrade to a WebSocket in time
         help: leave the call out for 10 s; `Duration::MAX` means no limit

      6. `.write_timeout(0ns)` (tests/tests/start_report/one.rs:181) is less than a millisecond: every client that cannot be written to at once would be cut off
         help: leave the call out for the value of `ping_timeout`; `Duration::MAX` means no limit

      7. no client can emit the event of `LobbyGateway::enter` (tests/tests/start_report/one.rs:119): its name has 5 bytes, and the limit `event_name_bytes` is 0
         help: shorten the name, or raise the limit: `.limits(Limits::default().event_name_bytes(..))`

      8. no client can emit the event of `LobbyGateway::reauthenticate` (tests/tests/start_report/one.rs:95): its name has 14 bytes, and the limit `event_name_bytes` is 0
         help: shorten the name, or raise the limit: `.limits(Limits::default().event_name_bytes(..))`

      9. no client can reach `.path("/ws/{id}")` (tests/tests/start_report/one.rs:187): the server's path cannot have parameters
         help: use letters, digits, `-`, `_` and `/`, as in `/realtime`

     10. no transport is left to connect with (tests/tests/start_report/one.rs:183)
         help: name one in `.transports([..])`, or leave the call out for both

     11. the application uses a global guard or interceptor that cannot work: 5 messages in 0ns is not a rate
         help: change its arguments, or leave it out

     12. the limit `authentication_timeout` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     13. the limit `body_timeout` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     14. the limit `connect_timeout` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     15. the limit `connections_per_address` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     16. the limit `connections` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     17. the limit `event_name_bytes` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     18. the limit `handler_time` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     19. the limit `head_bytes` (tests/tests/start_report/one.rs:185) is 1: browsers send more
         help: give it 2048 bytes or more, or leave the call out for 32 KiB

     20. the limit `head_timeout` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     21. the limit `keep_alive` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     22. the limit `outstanding_asks` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     23. the limit `room_name_bytes` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     24. the limit `rooms_per_socket` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     25. the limit `sessions` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     26. the limit `sockets_per_user` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default

     27. the limit `unjoined_bytes` (tests/tests/start_report/one.rs:185) is 1: browsers send more
         help: give it 4096 bytes or more, or leave the call out for 32 MiB

     28. the limit `unjoined_sessions` (tests/tests/start_report/one.rs:185) is zero: nobody could be served
         help: leave the call out for the default
    "#);
}

/// Public reports: https://github.com/tokio-rs/axum/issues/488, https://github.com/tokio-rs/axum/issues/1306.
#[test]
fn a_route_stands_where_another_is_to_be() {
    insta::assert_snapshot!(report(ONE, &["taken"]), @r#"
    Error: the application cannot start: 3 problems

      1. the application has a route `/healthz`, which the health checks need (tests/tests/start_report/one.rs:23)
         help: give your route another path, or leave out `.health_checks()` and `.readiness_check(..)`

      2. the application has a route `/socket.io/`, which is the path of its Socket.IO server
         help: give the route another path, or move the server: `.path("/realtime")`

      3. the application has a route `/socket.io`, which is the path of its Socket.IO server
         help: give the route another path, or move the server: `.path("/realtime")`
    "#);
}

#[test]
fn no_client_can_reach_the_path() {
    for path in ["", "/", "socket.io", "/with space", "/a%20b", "/a//b", "/a/..", "/é", "/a?b"] {
        let said = report(ONE, &["path", path]);
        assert!(said.contains(": 1 problem\n"), "{path}: {said}");
        assert!(said.contains("no client can reach"), "{path}: {said}");
        assert!(said.contains("start_report/one.rs:"), "{path}: {said}");
    }
    for path in ["/ws", "/ws/", "/api/v1/realtime"] {
        assert!(report(ONE, &["path", path]).contains("cannot listen"), "{path}");
    }
}

#[test]
fn a_transport_named_twice_is_that_transport() {
    assert!(report(ONE, &["one transport twice"]).contains("cannot listen"));
}

#[test]
fn the_secret_is_empty() {
    insta::assert_snapshot!(report(ONE, &["no secret"]), @r#"
    Error: the application cannot start: 1 problem

      1. the secret of the `JwtService` is empty: anybody could sign tokens
         help: give it one of 32 random bytes or more, for example from `openssl rand -hex 32`; if it comes from the environment, do not start without it
    "#);
}

#[test]
fn an_audience_is_required_and_not_named() {
    insta::assert_snapshot!(report(ONE, &["no audience"]), @r#"
    Error: the application cannot start: 1 problem

      1. the `JwtService` requires an audience, but is not told which
         help: write `.audience("..")`, with the name that tokens use for this application in `aud`
    "#);
}

#[test]
fn nothing_verifies_tokens() {
    insta::assert_snapshot!(report(ONE, &["no tokens"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway` (tests/tests/start_report/one.rs:95) and the application authenticate with `JwtAuthenticator<User>`, which needs a `JwtService`, but nothing provides it
         help: add `.provide(JwtService::hs256(secret))` to the `App::builder()`
    "#);
}

#[test]
fn a_service_is_in_two_arcs() {
    insta::assert_snapshot!(report(ONE, &["shared twice"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway` (tests/tests/start_report/one.rs:95) and the application authenticate with `JwtAuthenticator<User>`, which needs a `JwtService`, but what is provided is an `Arc<JwtService>` inside another `Arc`
         help: use `.provide_arc(..)` for what is already in an `Arc`
    "#);
}

#[test]
fn proxies_and_hosts_are_none() {
    insta::assert_snapshot!(report(ONE, &["front"]), @r#"
    Error: the application cannot start: 5 problems

      1. "*.example" is not a host that can be allowed (tests/tests/start_report/one.rs:236)
         help: write a name or an address, with a port or for all: `chat.example`, `localhost:3000`, `[::1]`; no scheme, and no pattern

      2. "10.0.0.1/8" is not an address or network of trusted proxies (tests/tests/start_report/one.rs:235)
         help: write `10.0.0.0/8` for the network, or `10.0.0.1` for that address alone

      3. "::1" is not a host that can be allowed (tests/tests/start_report/one.rs:236)
         help: write a name or an address, with a port or for all: `chat.example`, `localhost:3000`, `[::1]`; no scheme, and no pattern

      4. "https://chat.example" is not a host that can be allowed (tests/tests/start_report/one.rs:236)
         help: write a name or an address, with a port or for all: `chat.example`, `localhost:3000`, `[::1]`; no scheme, and no pattern

      5. "loopback" is not an address or network of trusted proxies (tests/tests/start_report/one.rs:235)
         help: write addresses and networks: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`; or `unix`
    "#);
}

#[test]
fn no_host_is_allowed() {
    insta::assert_snapshot!(report(ONE, &["no hosts"]), @r#"
    Error: the application cannot start: 1 problem

      1. no host is allowed, so nobody could connect (tests/tests/start_report/one.rs:237)
         help: name the hosts in `.allowed_hosts([..])`, or leave the call out for any
    "#);
}

/// Whose word counts must not hang on the names of namespaces.
#[test]
fn two_authenticators_give_the_identity_of_a_route() {
    insta::assert_snapshot!(report(IDENTITIES, &["with routes"]), @r#"
    Error: the application cannot start: 1 problem

      1. a route that takes `Identity<User>` could ask any of 2 authenticators: `Guest` of `KioskGateway` (tests/tests/start_report/identities.rs:77), `JwtAuthenticator<User>` of `ChatGateway` (tests/tests/start_report/identities.rs:86)
         help: choose one for routes, by `.authenticate::<..>()` on the `App::builder()` (it also serves gateways that name none), or give each of them an identity type of its own instead of `User`
    "#);
}

#[test]
fn without_routes_two_authenticators_may_give_one_identity() {
    let (said, address) = start(IDENTITIES, &["alone"]);
    let first = said.lines().next();
    assert_eq!(first, Some(&*format!("Error: cannot listen on \"{address}\"")), "{said}");
}

fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program).arg("-").args(arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Of the routes it is served beside, the start knew nothing.
#[test]
fn a_router_with_two_authenticators_for_one_identity_is_not_handed_out() {
    let (code, _, said) = run(IDENTITIES, &["as a router"]);
    assert_eq!(code, Some(101), "{said}");
    for part in
        ["the application cannot start: 1 problem", "`Guest` of `KioskGateway`", "identities.rs"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn the_application_says_who_gives_the_identity_of_a_route() {
    let (code, said, _) = run(IDENTITIES, &["decided"]);
    assert_eq!(code, Some(0));
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    let (code, said, _) = run(IDENTITIES, &["decided otherwise"]);
    assert_eq!(code, Some(0));
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("the user 999"), "{said}");
}

#[test]
fn there_is_no_gateway() {
    insta::assert_snapshot!(report(NONE, &[]), @r#"
    Error: the application cannot start: 1 problem

      1. there are no gateways
         help: put `#[web_socket_gateway]` on a struct; if the gateways are in a library, link it: `use my_gateways as _;`
    "#);
}

/// `main` may return what it likes: the report is the same.
#[test]
fn the_report_is_readable_whatever_main_returns() {
    assert_eq!(report(ANYHOW, &[]), report(NONE, &[]));
    assert_eq!(report(BOXED, &[]), report(NONE, &[]));
}

#[test]
fn an_expected_gateway_is_missing() {
    insta::assert_snapshot!(report(ONE, &["expected"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LostGateway` is expected, but not registered
         help: is its crate linked? write `use my_gateways as _;` in the application
    "#);
}

#[test]
fn a_service_is_provided_twice() {
    insta::assert_snapshot!(report(ONE, &["twice"]), @r#"
    Error: the application cannot start: 1 problem

      1. `Mistake` is provided twice
         help: provide it once; two values of one type need two types
    "#);
}

#[test]
fn two_readiness_checks_have_one_name() {
    insta::assert_snapshot!(report(ONE, &["ready twice"]), @r#"
    Error: the application cannot start: 1 problem

      1. two readiness checks are called `database`
         help: give each a name of its own: it is all that `/readyz` says about it
    "#);
}

/// How a test puts another service in the place of one: both fail, and say who they are.
#[test]
fn what_is_provided_goes_before_what_is_injectable() {
    assert!(report(ONE, &["own words"]).contains("failed: what is injectable (EXCEPTION)"));
    assert!(report(ONE, &["other words"]).contains("failed: what is provided (EXCEPTION)"));
}

#[test]
fn nobody_knows_who_the_client_is() {
    insta::assert_snapshot!(report(ONE, &["nobody"]), @r#"
    Error: the application cannot start: 3 problems

      1. `LobbyGateway::enter` takes `Identity<User>` (tests/tests/start_report/one.rs:119), but nothing authenticates the clients of `/lobby`
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`

      2. `LobbyGateway::welcome` takes `Identity<User>` (tests/tests/start_report/one.rs:115), but nothing authenticates the clients of `/lobby`
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`

      3. `LobbyGateway` (tests/tests/start_report/one.rs:95) keeps presence, but nothing says which user a client is
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`
    "#);
}

#[test]
fn the_application_knows_clients_as_something_else() {
    insta::assert_snapshot!(report(ONE, &["somebody else"]), @r#"
    Error: the application cannot start: 2 problems

      1. `LobbyGateway::enter` takes `Identity<User>` (tests/tests/start_report/one.rs:119), but `KnowsVisitors` gives `Visitor`
         help: write `Identity<Visitor>`

      2. `LobbyGateway::welcome` takes `Identity<User>` (tests/tests/start_report/one.rs:115), but `KnowsVisitors` gives `Visitor`
         help: write `Identity<Visitor>`
    "#);
}

#[test]
fn what_is_injected_cannot_work() {
    insta::assert_snapshot!(report(ONE, &["picky"]), @r#"
    Error: the application cannot start: 1 problem

      1. `Picky` cannot work: there is nothing to pick
         help: change its arguments, or leave it out
    "#);
}

#[test]
fn after_init_refuses() {
    insta::assert_snapshot!(report(ONE, &["refuses"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway::prepare` (`after_init`) failed: the lobby is being cleaned (CLEANING)
         help: the application does not start until it succeeds
    "#);
}

#[test]
fn after_init_fails() {
    insta::assert_snapshot!(report(ONE, &["fails"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway::prepare` (`after_init`) failed: Internal server error (INTERNAL): there is no table `rooms`
         help: the application does not start until it succeeds
    "#);
}

#[test]
fn after_init_panics() {
    let said = report(ONE, &["panics"]);
    // Before it comes what Rust itself says of a panic.
    let begin = said.find("Error: ").expect("a report");
    insta::assert_snapshot!(&said[begin..], @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway::prepare` (`after_init`) failed: it panicked
         help: the application does not start until it succeeds
    "#);
}

#[test]
fn factories_are_checked_before_any_of_them_runs() {
    insta::assert_snapshot!(report(ONE, &["factories"]), @r#"
    Error: the application cannot start: 5 problems

      1. `LooksForTheLost` computes its field `size` from a `Nothing` (tests/tests/start_report/one.rs:279), but nothing provides it
         help: add `.provide(Nothing { .. })` to the `App::builder()`, or write `#[injectable]` above `struct Nothing`

      2. `LooksForTheLost` has a `Server<LostGateway>` (field `lost`, tests/tests/start_report/one.rs:278), but the application does not have that gateway
         help: is its crate linked? write `use my_gateways as _;` in the application

      3. `u16` is provided twice
         help: provide it once; two values of one type need two types

      4. services need each other in a cycle: `Egg` (factory, tests/tests/start_report/one.rs:257) → `Hen` (factory, tests/tests/start_report/one.rs:258) → `Egg`
         help: have one of them made without the other, and introduce them to each other later

      5. the factory of `u8` takes a `Nothing` (tests/tests/start_report/one.rs:256), but nothing provides it
         help: add `.provide(Nothing { .. })` to the `App::builder()`, or write `#[injectable]` above `struct Nothing`
    "#);
}

#[test]
fn every_factory_that_fails_is_reported() {
    insta::assert_snapshot!(report(ONE, &["factories that fail"]), @r#"
    Error: the application cannot start: 2 problems

      1. the factory of `Egg` (tests/tests/start_report/one.rs:266) failed: there is no hen
         help: the application does not start until it succeeds

      2. the factory of `u8` (tests/tests/start_report/one.rs:265) failed: invalid digit found in string
         help: the application does not start until it succeeds
    "#);
}

#[test]
fn the_applications_origins_are_checked() {
    insta::assert_snapshot!(report(ONE, &["cors"]), @r#"
    Error: the application cannot start: 2 problems

      1. `.cors([..])` (tests/tests/start_report/one.rs:238) allows the origin "chat.example", which no browser sends: an origin must start with a scheme
         help: write `"https://chat.example"`, as in the browser's address bar

      2. `.cors([..])` allows every origin, with credentials (tests/tests/start_report/one.rs:238)
         help: list the origins, or leave `.cors_credentials(true)` out: browsers refuse the combination
    "#);
}

#[test]
fn metrics_need_a_path_of_their_own() {
    insta::assert_snapshot!(report(ONE, &["metrics"]), @r#"
    Error: the application cannot start: 1 problem

      1. `.prometheus("metrics")` (tests/tests/start_report/one.rs:241) is no path that can be asked for
         help: write a path that begins with a slash, and has no parameters: `/metrics`
    "#);
    insta::assert_snapshot!(report(ONE, &["metrics beside a route"]), @r#"
    Error: the application cannot start: 1 problem

      1. the application has a route `/healthz`, which Prometheus is to read (tests/tests/start_report/one.rs:242)
         help: give your route another path, or choose another for `.prometheus(..)`
    "#);
}

#[test]
fn nobody_provides_the_end() {
    insta::assert_snapshot!(report(ONE, &["stopping"]), @r#"
    Error: the application cannot start: 1 problem

      1. a `Stopping` is provided, but every application has its own
         help: leave it out: it is injected without being provided
    "#);
}

#[test]
fn a_secret_that_a_factory_makes_is_checked_as_well() {
    insta::assert_snapshot!(report(ONE, &["made secret"]), @r#"
    Error: the application cannot start: 1 problem

      1. the secret of the `JwtService` is empty: anybody could sign tokens
         help: give it one of 32 random bytes or more, for example from `openssl rand -hex 32`; if it comes from the environment, do not start without it
    "#);
}
