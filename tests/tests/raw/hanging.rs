//! Handlers that never end by themselves: they outlive their client by a bounded time.

use std::time::Duration;

use crate::{Probe, client, fixture, until};

const CLIENTS: u64 = 30;

/// What one socket may have running, by default.
const AT_ONCE: u64 = 64;

/// How long a handler may outlive its client: what `/raw-hanging` in the fixture leaves at the
/// default of a gateway.
const GRACE: Duration = Duration::from_secs(30);

/// For 2,000 tasks to be dropped in a debug build, beside other tests.
const LATE: Duration = Duration::from_secs(5);

/// Tasks of the server that come and go.
const TASKS_NOISE: u64 = 10;

#[tokio::test]
async fn handlers_that_hang_are_dropped_some_time_after_their_client_has_left() {
    let server = fixture();
    let mut probe = Probe::of(&server).await;
    let baseline = probe.counter("tasks").await;

    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = client(&server, "/raw-hanging").await;
        for _ in 0..AT_ONCE {
            client.ask("hang", "");
        }
        client.flush().await.expect("the requests");
        clients.push(client);
    }
    let all = CLIENTS * AT_ONCE;
    let running =
        until(Duration::from_secs(10), async || probe.counter("hanging").await == all).await;
    assert!(running.is_some(), "{} run of {all}", probe.counter("hanging").await);

    drop(clients);
    let gone = until(GRACE + LATE, async || {
        probe.counter("hanging").await == 0
            && probe.counter("tasks").await <= baseline + TASKS_NOISE
    })
    .await;
    let (hanging, tasks) = (probe.counter("hanging").await, probe.counter("tasks").await);
    assert!(gone.is_some(), "{hanging} still run, in {tasks} tasks where {baseline} were");
}
