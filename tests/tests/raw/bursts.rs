//! A client that reads what it is sent, and says much in one piece: it is served as fast as that
//! goes, and cut for nothing. Every request is acknowledged, with its value or `OVERLOADED`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::raw::{Client, Kind, Packet};
use tokio::time::timeout;

use crate::{Probe, client, fixture_with, machine, number};

/// What was seen to be cut; the inbox takes 8,192.
const REQUESTS: u64 = 20_000;

/// What a debug build may take to answer all of them.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Default)]
struct Answers {
    outstanding: HashSet<u64>,
    values: u64,
    overloaded: u64,
    /// Questions of the server that were answered.
    questions: u64,
}

impl Answers {
    fn take(&mut self, packet: &Packet) {
        let id = packet.id.expect("the number of an acknowledgement");
        assert!(self.outstanding.remove(&id), "{id} was answered twice, or never asked");
        let answer = packet.answer();
        if answer == id {
            self.values += 1;
        } else {
            assert_eq!(answer["code"], "OVERLOADED", "{id}: {answer}");
            self.overloaded += 1;
        }
    }
}

/// Writes so many requests, and reads until all are answered. The client answers heartbeats and
/// questions behind what it has begun to write, as every client does: they share the stream.
async fn burst(
    client: &mut Client,
    requests: impl IntoIterator<Item = (String, String)>,
) -> Answers {
    let mut answers = Answers::default();
    for (event, rest) in requests {
        // The acknowledgement's number is what is asked for, too.
        let id = answers.outstanding.len() as u64 + 1;
        assert_eq!(client.ask(&event, &rest.replace("ID", &id.to_string())), id);
        answers.outstanding.insert(id);
    }
    let begun = Instant::now();
    let all = async {
        while !answers.outstanding.is_empty() {
            let packet = match client.packet().await {
                Ok(packet) => packet,
                Err(error) => {
                    let (left, after) = (answers.outstanding.len(), begun.elapsed());
                    panic!("cut after {after:?} with {left} unanswered: {error}");
                }
            };
            match packet.kind {
                Kind::Ack => answers.take(&packet),
                Kind::Event if packet.is_event("question") => {
                    let (id, question) = (packet.id.expect("asked"), &packet.list()[1]);
                    let namespace = client.namespace().to_owned();
                    client.send(&format!("43{namespace},{id}[{question}]"));
                    answers.questions += 1;
                }
                Kind::Event => assert!(packet.is_event("exception"), "{packet:?}"),
                _ => panic!("{packet:?}"),
            }
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        panic!("{} were not answered in {PATIENCE:?}", answers.outstanding.len());
    }
    answers
}

fn requests(count: u64, event: &str, rest: &str) -> impl Iterator<Item = (String, String)> {
    let request = (event.to_owned(), rest.to_owned());
    (0..count).map(move |_| request.clone())
}

async fn it_is_still_served(client: &mut Client) {
    let value = client.answer("value", "5").await.expect("it stays connected");
    assert_eq!(value, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_in_one_piece_of_a_client_that_reads_are_all_acknowledged() {
    let _machine = machine().await;
    let server = fixture_with(&[]);
    let mut client = client(&server, "/raw").await;
    let answers = burst(&mut client, requests(REQUESTS, "value", "ID")).await;
    assert_eq!(answers.values + answers.overloaded, REQUESTS);
    it_is_still_served(&mut client).await;
    assert_eq!(Probe::of(&server).await.slow("/raw").await, 0);
}

/// The server stops reading, and with that it does not read the pong which stands behind the
/// requests: it must not take that for silence. 64 at a time and 30 ms for each make a burst of
/// some 9 s. The pong of the first heartbeat has more than 10,000 of them before it, 5 s, and the
/// time for it is 3 s: more than a debug build takes to read them without a pause, and more than a
/// busy machine keeps either side from its turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_reading_costs_a_healthy_client_no_heartbeat() {
    let _machine = machine().await;
    let server = fixture_with(&[("PING_INTERVAL_MS", "1500"), ("PING_TIMEOUT_MS", "3000")]);
    let mut client = client(&server, "/raw").await;
    let answers = burst(&mut client, requests(REQUESTS, "later", "ID,30")).await;
    assert_eq!(answers.values + answers.overloaded, REQUESTS);
    it_is_still_served(&mut client).await;
}

/// The same where handlers take so long that none starts during a whole pause: heartbeats fall due
/// while it lasts, and while what came meanwhile is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_ends_by_its_time_costs_a_healthy_client_no_heartbeat() {
    let _machine = machine().await;
    let server = fixture_with(&[("PING_INTERVAL_MS", "700"), ("PING_TIMEOUT_MS", "2000")]);
    let mut client = client(&server, "/raw").await;
    let slow = requests(64, "later", "ID,4000");
    let answers = burst(&mut client, slow.chain(requests(REQUESTS, "value", "ID"))).await;
    assert_eq!(answers.values + answers.overloaded, 64 + REQUESTS);
    assert!(answers.overloaded > 0, "64 run for 4 s, and behind them there is room for 8,192");
    it_is_still_served(&mut client).await;
}

/// All places are taken by handlers that wait for what stands behind thousands of requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_reading_costs_no_handler_its_acknowledgement() {
    let _machine = machine().await;
    let server = fixture_with(&[]);
    let mut client = client(&server, "/raw").await;
    let asking = requests(64, "ask", "ID");
    let answers = burst(&mut client, asking.chain(requests(REQUESTS, "value", "ID"))).await;
    assert_eq!(answers.questions, 64);
    assert_eq!(answers.values + answers.overloaded, 64 + REQUESTS);
    it_is_still_served(&mut client).await;
}

/// `value` answers what it was asked, so this is what the others rely on.
#[tokio::test]
async fn a_request_is_answered_with_its_own_number() {
    let server = fixture_with(&[]);
    let mut client = client(&server, "/raw").await;
    let value: Value = client.answer("value", "9007199254740991").await.expect("an answer");
    assert_eq!(number(&value), 9_007_199_254_740_991);
}
