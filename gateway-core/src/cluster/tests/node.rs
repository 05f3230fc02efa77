//! Servers of other makes, as members of the same cluster.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    super::{Answer, Question, engine::Published, memory::Network},
    process::{processes, seconds},
};
use crate::{platform::Group, wire::msgpack};

const QUESTIONS: &str = "socket.io#/chat#";
const ANSWERS: &str = "socket.io#/chat#node#";

/// A server with Socket.IO's own adapter, as far as others see it.
struct Node<'a> {
    network: &'a Network,
    hears: mpsc::Receiver<Published>,
}

impl<'a> Node<'a> {
    fn join(network: &'a Network) -> Self {
        Self { network, hears: network.subscribe(&[QUESTIONS, ANSWERS]) }
    }

    fn publish(&self, channel: &str, kind: u8, data: Value) {
        let message = json!({ "uid": "node", "nsp": "/chat", "type": kind, "data": data });
        self.network.publish(channel, msgpack::loose::write(&message));
    }

    /// What it hears next on this channel.
    async fn hear(&mut self, channel: &str) -> Value {
        loop {
            let published = self.hears.recv().await.unwrap();
            if published.channel == channel {
                return msgpack::loose::read(&published.data);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_server_is_answered_as_it_expects() {
    let network = Network::new();
    let _all = processes(&network, 1).await;
    let mut node = Node::join(&network);
    let opts = json!({ "rooms": [], "except": [], "flags": { "timeout": 1000 } });

    node.publish(QUESTIONS, 7, json!({ "opts": opts, "requestId": "a" }));
    let answer = node.hear(ANSWERS).await;
    assert_eq!((&answer["type"], &answer["nsp"]), (&json!(8), &json!("/chat")));
    assert_eq!(answer["data"]["requestId"], "a");
    let socket =
        json!({ "id": "one", "handshake": {}, "rooms": ["lobby"], "data": { "name": "Ann" } });
    assert_eq!(answer["data"]["sockets"], json!([socket]));

    node.publish(QUESTIONS, 9, json!({ "requestId": "b", "packet": ["sum", { "x": 1 }] }));
    let answer = node.hear(ANSWERS).await;
    assert_eq!((&answer["type"], &answer["data"]["requestId"]), (&json!(10), &json!("b")));
    assert_eq!(answer["data"]["packet"], json!(["sum", { "x": 1 }]));

    let packet = json!({ "type": 2, "data": ["said", 1], "nsp": "/chat" });
    node.publish(QUESTIONS, 3, json!({ "requestId": "c", "opts": opts, "packet": packet }));
    let count = node.hear(ANSWERS).await;
    assert_eq!((&count["type"], &count["data"]["clientCount"]), (&json!(11), &json!(1)));
    let answer = node.hear(ANSWERS).await;
    assert_eq!((&answer["type"], &answer["data"]["packet"]), (&json!(12), &json!(["said", 1])));
}

/// It would refuse what was asked of it after five seconds, if one of those it asks said nothing.
#[tokio::test(start_paused = true)]
async fn a_node_server_is_answered_also_by_who_does_not_listen() {
    let network = Network::new();
    let all = processes(&network, 1).await;
    let mut node = Node::join(&network);
    all[0].listener.give_no_answers();
    node.publish(QUESTIONS, 9, json!({ "requestId": "a", "packet": ["sum"] }));
    let answer = node.hear(ANSWERS).await;
    assert_eq!((&answer["type"], &answer["data"]["packet"]), (&json!(10), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_node_server_is_asked_and_is_named_if_it_is_silent() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    let mut node = Node::join(&network);
    let ask = || {
        let question = Question::Sockets { group: Group::default() };
        all[0].adapter.ask(question, Duration::from_secs(5)).unwrap()
    };
    let mut asked = ask();
    let question = node.hear(QUESTIONS).await;
    assert_eq!(question["type"], 7);
    assert_eq!(question["data"]["opts"], json!({ "rooms": [], "except": [], "flags": {} }));
    let (id, uid) = (&question["data"]["requestId"], question["uid"].as_str().unwrap());
    let bob = json!({ "id": "a socket of node's", "handshake": { "headers": {} }, "rooms": ["a", 7], "data": { "b": 1 } });
    let answers = format!("socket.io#/chat#{uid}#");
    node.publish(&answers, 8, json!({ "requestId": id, "sockets": [bob] }));
    let mut ids = Vec::new();
    while let Some(answer) = asked.next().await {
        let Answer::Sockets(found) = answer else { panic!("{answer:?}") };
        ids.extend(found.into_iter().map(|found| (found.id, found.rooms.join(" "))));
    }
    ids.sort();
    let found = |id: &str, rooms: &str| (id.to_owned(), rooms.to_owned());
    assert_eq!(ids, [found("a socket of node's", "a 7"), found("one", "lobby")]);
    assert!(asked.silent().is_empty());

    let mut asked = ask();
    while asked.next().await.is_some() {}
    assert_eq!(asked.silent(), ["1 server of another make"]);

    // It ends while it is being asked.
    let mut asked = ask();
    node.hear(QUESTIONS).await;
    drop(node);
    while asked.next().await.is_some() {}
    assert!(asked.silent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_node_server_says_is_heard_once_though_the_log_is_read_again() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    let said = |number: usize| {
        let packet = json!({ "type": 2, "data": ["said", 7, number], "nsp": "/chat" });
        let data = json!({ "opts": { "rooms": [], "except": [], "flags": {} }, "packet": packet });
        network.say_as_node("/chat", 3, &data.to_string());
    };
    (0..10).for_each(said);
    seconds(2).await;
    network.lose_the_end(3);
    seconds(3).await;
    network.say_as_node("/chat", 3, "{ malformed");
    network.say_as_node("/chat", 99, "unknown");
    network.say_as_node("/elsewhere", 3, "{}");
    (10..20).for_each(said);
    seconds(3).await;
    let expected: Vec<_> = (0..20).map(|number| (7, number)).collect();
    for process in &all {
        assert_eq!((process.heard(), process.missed()), (expected.clone(), 0));
    }
}
