//! One server, and everything that is done to it.

use tests::raw::{Client, MIB, Polling, in_mib, machine, until};

use crate::{
    AUTHENTICATE, GIVEN_BACK, GIVES_BACK, JOIN, KEPT, LATE, fixture, http, is_full, joined,
    packets, sessions,
};

/// What it may be larger by in the end.
fn left() -> u64 {
    match (GIVES_BACK, is_full()) {
        (true, _) => KEPT,
        // Pieces of what several attacks were in.
        (false, false) => 2 * KEPT,
        // The same of thousands of connections.
        (false, true) => 256 * MIB,
    }
}

/// Attacks one after the other leave no more than the first would.
#[tokio::test(flavor = "multi_thread")]
async fn one_server_withstands_all_of_it_and_is_as_small_as_before() {
    let _machine = machine().await;
    let all = || [http::ALL, sessions::ALL, packets::ALL, joined::ALL].concat();
    // What one of them may leave with the system's allocator hides what the others do.
    let all = || all().into_iter().filter(|attack| GIVES_BACK || attack.kept <= left());
    let mut settings: Vec<_> = all().flat_map(|attack| attack.settings).copied().collect();
    if !is_full() {
        settings.extend(all().flat_map(|attack| attack.bounded).copied());
    }
    let times = [http::HEAD, http::BODY, http::KEEP_ALIVE, JOIN, AUTHENTICATE];
    let server = fixture(&times, &settings);
    // What is made once, for the first client of a kind.
    let mut client = Client::open(server.address(), "/raw").await.expect("a connection");
    client.answer("length", &format!("{:?}", "x".repeat(900_000))).await.expect("an answer");
    let mut session = Polling::open(server.address(), "/raw").await.expect("a session");
    session.answer("value", "7").await.expect("an answer");
    session.say("1").await.expect("it ends");
    drop((client, session));

    let before = server.memory("VmRSS").expect("the memory");
    for attack in all() {
        attack.is_withstood_by(&server).await;
    }
    let memory = || server.memory("VmRSS").expect("the memory");
    until(GIVEN_BACK + LATE, async || memory() <= before + left()).await;
    let after = memory();
    println!("all: {} before, {} after", in_mib(before), in_mib(after));
    assert!(after <= before + left(), "{} before, {} after", in_mib(before), in_mib(after));
}
