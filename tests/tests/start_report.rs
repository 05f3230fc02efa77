//! What an operator reads when an application is put together wrongly, and that it goes no further.
//!
//! After a change of wording: `INSTA_UPDATE=always cargo test -p tests --test start_report`, and read
//! every text that changed; those below, within this file, are pasted by hand.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
};

const MANY: &str = env!("CARGO_BIN_EXE_start-report-many");
const NONE: &str = env!("CARGO_BIN_EXE_start-report-none");
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

#[test]
fn there_is_no_gateway() {
    insta::assert_snapshot!(report(NONE, &[]), @r#"
    Error: the application cannot start: 1 problem

      1. there is no gateway
         help: put `#[web_socket_gateway]` on a struct; where the gateways are in a library, link it: `use my_gateways as _;`
    "#);
}

#[test]
fn an_expected_gateway_is_missing() {
    insta::assert_snapshot!(report(ONE, &["expected"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LostGateway` is expected, and not registered
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
         help: give each a name of its own: it is all that `/readyz` says of it
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

      1. `LobbyGateway::enter` takes `Identity<User>` (tests/tests/start_report/one.rs:91), and nothing authenticates the clients of `/lobby`
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`

      2. `LobbyGateway::welcome` takes `Identity<User>` (tests/tests/start_report/one.rs:88), and nothing authenticates the clients of `/lobby`
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`

      3. `LobbyGateway` (tests/tests/start_report/one.rs:69) keeps presence, and nothing says which user a client is
         help: write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`
    "#);
}

#[test]
fn the_application_knows_clients_as_something_else() {
    insta::assert_snapshot!(report(ONE, &["somebody else"]), @r#"
    Error: the application cannot start: 2 problems

      1. `LobbyGateway::enter` takes `Identity<User>` (tests/tests/start_report/one.rs:91), and `KnowsVisitors` gives `Visitor`
         help: write `Identity<Visitor>`

      2. `LobbyGateway::welcome` takes `Identity<User>` (tests/tests/start_report/one.rs:88), and `KnowsVisitors` gives `Visitor`
         help: write `Identity<Visitor>`
    "#);
}

#[test]
fn after_init_refuses() {
    insta::assert_snapshot!(report(ONE, &["refuses"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway::prepare` (`after_init`) failed: the lobby is being cleaned (CLEANING)
         help: the application starts when it succeeds
    "#);
}

#[test]
fn after_init_fails() {
    insta::assert_snapshot!(report(ONE, &["fails"]), @r#"
    Error: the application cannot start: 1 problem

      1. `LobbyGateway::prepare` (`after_init`) failed: Internal server error (INTERNAL): there is no table `rooms`
         help: the application starts when it succeeds
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
         help: the application starts when it succeeds
    "#);
}
