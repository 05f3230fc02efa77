use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};
use tokio::{runtime::Handle, time::sleep};

use super::*;
use crate::platform::{fault::Fault, forwarded::Client, line::Name, request::HeadText};

const STRANGER: &str = "198.51.100.1";
const OTHER: &str = "203.0.113.1";
const NEIGHBOUR: &str = "127.0.0.1";

fn reception(limits: &Limits, sessions: usize) -> Arc<Reception> {
    Reception::new(limits, sessions, TrustedProxies::default())
}

fn client(ip: &str) -> Client {
    let ip: IpAddr = ip.parse().unwrap();
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::new(ip, 5)));
    Client::of(&extensions)
}

impl Reception {
    fn visit(&self, ip: &str) -> Result<Arc<Visit>, Refusal> {
        self.visit_with(ip, 1)
    }

    /// With a request of so many bytes.
    fn visit_with(&self, ip: &str, bytes: usize) -> Result<Arc<Visit>, Refusal> {
        let client = client(ip);
        let uri = format!("/{}", "x".repeat(bytes - 1)).parse().unwrap();
        let text = HeadText::new(&uri, &HeaderMap::new());
        let head = Arc::new(RequestHead { text, client, ..RequestHead::default() });
        Ok(self.begin(self.enter(&head)?, head))
    }
}

impl Visit {
    /// It is let in, and has not been told yet.
    fn joined(&self) {
        let line = &self.head.line;
        assert!(line.ask(Name::of("/chat"), 1));
        line.join(Name::of("/chat"));
    }
}

fn has_ended(visit: &Visit) -> bool {
    visit.head.line.is_over()
}

#[tokio::test]
async fn so_many_have_not_joined_and_half_of_them_are_of_one_address() {
    let reception = reception(&Limits::default().unjoined_sessions(5_usize), 100);
    let mut visits: Vec<_> = (0..3).map(|_| reception.visit(STRANGER).unwrap()).collect();
    assert_eq!(reception.visit(STRANGER).unwrap_err(), Refusal::Full);
    visits.push(reception.visit(OTHER).unwrap());
    visits.push(reception.visit(NEIGHBOUR).unwrap());
    assert_eq!(reception.visit(NEIGHBOUR).unwrap_err(), Refusal::Full);
    assert_eq!(reception.counts(), (5, 5), "nothing is kept of who was refused");

    // Who joins makes room, and so does who goes.
    visits[0].joined();
    visits[0].joined();
    visits.push(reception.visit(STRANGER).unwrap());
    drop(visits.split_off(5));
    visits.push(reception.visit(OTHER).unwrap());
    assert_eq!(reception.counts(), (6, 5));
    drop(visits);
    assert_eq!(reception.counts(), (0, 0));
}

#[tokio::test]
async fn so_many_bytes_are_kept_of_strangers_and_half_of_them_are_of_one_address() {
    let reception = reception(&Limits::default().unjoined_bytes(1_001_usize), 100);
    let refused = |ip, bytes| reception.visit_with(ip, bytes).unwrap_err() == Refusal::Full;
    let stranger = reception.visit_with(STRANGER, 400).unwrap();
    let line = &stranger.head.line;
    assert!(refused(STRANGER, 102) && refused(OTHER, 502));
    assert_eq!(line.says(101), Ok(true), "what it says counts, too");
    assert_eq!(line.says(1), Err(Fault::UnjoinedBytes));
    let other = reception.visit_with(OTHER, 400).unwrap();
    let neighbour = reception.visit_with(NEIGHBOUR, 100).unwrap();
    assert!(refused(NEIGHBOUR, 1) && refused(OTHER, 1));
    assert_eq!(neighbour.head.line.says(1), Err(Fault::UnjoinedBytes));
    assert_eq!((reception.bytes(), reception.counts()), (1_001, (3, 3)));

    // Who joins makes room and may say what it likes, and who goes makes room.
    stranger.joined();
    assert_eq!(line.says(usize::MAX), Ok(false));
    assert_eq!(reception.bytes(), 500);
    let _stranger = reception.visit_with(STRANGER, 501).unwrap();
    drop(other);
    assert_eq!(reception.bytes(), 601);
}

#[tokio::test]
async fn who_has_not_joined_says_no_more_than_it_takes_to_fail() {
    let limits = Limits::default().auth_bytes(100_usize).namespace_name_bytes(68_usize);
    let reception = reception(&limits.failed_connects(2_usize), 100);
    let stranger = reception.visit_with(STRANGER, 1_000).unwrap();
    let line = &stranger.head.line;
    assert_eq!(line.says(300), Ok(true));
    assert_eq!(line.says(100), Ok(true));
    assert_eq!(line.says(1), Err(Fault::TalkativeStranger { most: 400 }));
    assert_eq!(reception.bytes(), 1_400, "nothing is kept of what is refused");
    let other = reception.visit_with(STRANGER, 1).unwrap();
    assert_eq!(other.head.line.says(400), Ok(true), "each has its own");
    other.joined();
    assert_eq!(other.head.line.says(usize::MAX), Ok(false));
}

#[tokio::test]
async fn there_are_so_many_sessions_in_all() {
    let reception = reception(&Limits::default(), 2);
    let visits = [reception.visit(STRANGER).unwrap(), reception.visit(OTHER).unwrap()];
    visits.iter().for_each(|visit| visit.joined());
    assert!(reception.is_full());
    assert_eq!(reception.visit(NEIGHBOUR).unwrap_err(), Refusal::Full);
    assert_eq!(reception.counts(), (2, 0));
    drop(visits);
    assert!(!reception.is_full());
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_when_to_ask_again_and_takes_no_place() {
    let reception = reception(&Limits::default().handshakes_per_second(1_usize), 100);
    let _visits = [(); 3].map(|()| reception.visit(STRANGER).unwrap());
    for _ in 0..10 {
        assert_eq!(reception.visit(STRANGER).unwrap_err(), Refusal::TooFast { wait: 2 });
    }
    let _other = reception.visit(OTHER).unwrap();
    assert_eq!(reception.counts(), (4, 4));
    sleep(Duration::from_secs(1)).await;
    reception.visit(STRANGER).unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_thousand_clients_of_one_address_come_back_within_a_second() {
    let reception = reception(&Limits::default(), 10_000);
    let visits: Vec<_> = (0..2_000).map(|_| reception.visit(STRANGER).unwrap()).collect();
    assert_eq!(reception.counts(), (2_000, 2_000));
    drop(visits);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_join_in_time_is_ended() {
    let reception = reception(&Limits::default(), 100);
    let late = reception.visit(STRANGER).unwrap();
    let joined = reception.visit(STRANGER).unwrap();
    sleep(Duration::from_secs(5)).await;
    joined.joined();
    let later = reception.visit(STRANGER).unwrap();
    sleep(Duration::from_millis(4_990)).await;
    assert!(!has_ended(&late));
    sleep(Duration::from_millis(20)).await;
    assert!(has_ended(&late) && !has_ended(&later));
    sleep(Duration::from_secs(5)).await;
    assert!(has_ended(&later) && !has_ended(&joined));
    assert_eq!(reception.counts(), (3, 2), "they count as long as they are there");
}

#[tokio::test(start_paused = true)]
async fn who_is_being_authenticated_is_not_ended_before_the_answer() {
    let reception = reception(&Limits::default(), 100);
    assert_eq!(reception.longest(), Duration::from_secs(21));
    let [refused, granted] = [STRANGER, OTHER].map(|ip| reception.visit(ip).unwrap());
    let asking = refused.ask();
    granted.ask().granted();
    sleep(Duration::from_secs(15)).await;
    assert!(!has_ended(&refused) && !has_ended(&granted));
    drop(asking);
    sleep(Duration::from_millis(1_100)).await;
    assert!(has_ended(&refused), "within a second of the answer");
    granted.joined();
    sleep(Duration::from_secs(60)).await;
    assert!(!has_ended(&granted));
}

#[tokio::test(start_paused = true)]
async fn one_task_waits_for_all_of_them_and_none_where_there_are_none() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let reception = reception(&Limits::default(), 5_000);
    let visits: Vec<_> = (0..2_000).map(|_| reception.visit(NEIGHBOUR).unwrap()).collect();
    assert_eq!(tasks(), before + 1);
    sleep(Duration::from_secs(11)).await;
    assert!(visits.iter().all(|visit| has_ended(visit)));
    assert_eq!((tasks(), reception.waiting.len()), (before, 0));
    // And again.
    let visit = reception.visit(NEIGHBOUR).unwrap();
    sleep(Duration::from_secs(11)).await;
    assert!(has_ended(&visit));
}

#[tokio::test]
async fn nothing_is_kept_of_who_has_gone_or_joined() {
    for patience in [Duration::from_secs(10), Duration::MAX] {
        let limits = Limits::default().handshakes_per_second(usize::MAX).connect_timeout(patience);
        let reception = reception(&limits, 100_000);
        let strangers: Vec<_> = (0..10).map(|_| reception.visit(OTHER).unwrap()).collect();
        let mut joined = Vec::new();
        for comer in 0..50_000 {
            let visit = reception.visit(STRANGER).unwrap();
            if comer % 2 == 0 {
                visit.joined();
                joined.push(visit);
            }
        }
        assert_eq!(reception.counts(), (25_010, 10));
        assert!(reception.waiting.len() <= 1_024, "{}", reception.waiting.len());
        assert_eq!(reception.registry.len(), 25_010);
        drop((strangers, joined));
        assert_eq!(reception.registry.len(), 0);
    }
}
