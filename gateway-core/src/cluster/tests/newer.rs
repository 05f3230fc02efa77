//! Processes of a newer version in the same cluster, as while an application is replaced instance by instance: what they
//! have to say beyond what is known here is passed over.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{Answer, Found, Question, engine::Published, memory::Network},
    process::{processes, seconds},
};
use crate::{counted::Counted, platform::Group, wire::msgpack};

const QUESTIONS: &str = "socket.io#/chat#";

/// Kinds that nothing has yet.
const NEW_ENTRY: u16 = 170;
const NEW_QUESTION: u16 = 171;
const NEW_ANSWER: u16 = 172;

/// What was counted of what a test does, by its fate.
fn counted(test: impl AsyncFnOnce(Network)) -> impl Fn(&str) -> u64 {
    let counted = Counted::by("fate");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&counted, || {
        runtime.block_on(async { test(Network::new()).await });
    });
    let all = counted.all();
    move |fate| all.iter().find(|(name, _)| name == fate).map_or(0, |(_, times)| *times)
}

fn publish(network: &Network, channel: &str, kind: u16, data: &Value) {
    let message =
        json!({ "uid": "newer", "nsp": "/chat", "type": kind, "data": data, "trace": "abc" });
    network.publish(channel, msgpack::loose::write(&message));
}

#[test]
fn entries_of_unknown_kinds_and_fields_are_passed_over_and_the_others_are_heard() {
    let counted = counted(async |network| {
        let all = processes(&network, 2).await;
        for number in 0..10 {
            network.say_as_node("/chat", NEW_ENTRY, "neither JSON nor base64");
            let said = json!({
                "version": 2,
                "opts": { "rooms": [], "except": [], "flags": { "priority": 1 }, "only": ["x"] },
                "packet": { "type": 2, "data": ["said", 7, number], "nsp": "/chat", "trace": {} },
            });
            network.say_as_node("/chat", 3, &said.to_string());
        }
        seconds(2).await;
        let expected: Vec<_> = (0..10).map(|number| (7, number)).collect();
        for process in &all {
            assert_eq!((process.heard(), process.missed()), (expected.clone(), 0));
        }
        // And what is known goes on.
        all[0].say(1);
        all[0].adapter.settle(Duration::from_secs(5)).await.unwrap();
        assert_eq!(all[1].heard().last(), Some(&(0, 1)));
    });
    assert_eq!((counted("unknown"), counted("malformed")), (20, 0));
}

#[test]
fn questions_and_answers_of_unknown_kinds_and_fields_are_passed_over_and_the_others_are_heard() {
    let counted = counted(async |network| {
        let all = processes(&network, 2).await;
        let mut hears = network.subscribe(&[QUESTIONS, "socket.io#/chat#newer#"]);
        publish(&network, QUESTIONS, NEW_QUESTION, &json!({ "requestId": "a", "what": "now?" }));
        let question =
            json!({ "requestId": "b", "gateway": true, "opts": { "only": [] }, "page": 1 });
        publish(&network, QUESTIONS, 7, &question);
        // Of each all sockets, and that these were all.
        let mut kinds = Vec::new();
        for _ in 0..2 * all.len() {
            let answer: Value = msgpack::loose::read(&hears_answer(&mut hears).await);
            assert_eq!(answer["data"]["requestId"], "b");
            kinds.push(answer["type"].as_u64().unwrap());
        }
        kinds.sort_unstable();
        assert_eq!(kinds, [8, 8, 66, 66]);

        let question = Question::Sockets { group: Group::default() };
        let mut asked = all[0].adapter.ask(question, Duration::from_secs(5)).unwrap();
        let question: Value = loop {
            let published = hears.recv().await.unwrap();
            if published.channel == QUESTIONS {
                break msgpack::loose::read(&published.data);
            }
        };
        // It is no server of another make, whose answers are waited for.
        drop(hears);
        let (id, uid) = (&question["data"]["requestId"], question["uid"].as_str().unwrap());
        let answers = format!("socket.io#/chat#{uid}#");
        publish(&network, &answers, NEW_ANSWER, &json!({ "requestId": id }));
        let socket = json!({ "id": "theirs", "rooms": [], "data": null, "since": 1 });
        let answer = json!({ "requestId": id, "gateway": true, "sockets": [socket], "page": 1 });
        publish(&network, &answers, 8, &answer);
        let mut found = Vec::new();
        while let Some(Answer::Sockets(sockets)) = asked.next().await {
            found.extend(sockets.into_iter().map(|socket| socket.id));
        }
        found.sort();
        assert_eq!(found, ["one", "theirs"]);
        assert!(asked.silent().is_empty(), "{:?}", asked.silent());
    });
    // The question at both, and the answer at one.
    assert_eq!((counted("unknown"), counted("malformed")), (3, 0));
}

async fn hears_answer(hears: &mut tokio::sync::mpsc::Receiver<Published>) -> Vec<u8> {
    loop {
        let published = hears.recv().await.unwrap();
        if published.channel != QUESTIONS {
            return published.data.to_vec();
        }
    }
}

/// An older version does not know the question for rooms alone, and tells about all its sockets.
#[tokio::test(start_paused = true)]
async fn who_does_not_know_that_only_rooms_are_wanted_tells_about_sockets() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    let mut hears = network.subscribe(&[QUESTIONS]);
    let mut asked = all[0].adapter.ask(Question::Rooms, Duration::from_secs(5)).unwrap();
    let question: Value = msgpack::loose::read(&hears.recv().await.unwrap().data);
    assert_eq!((&question["type"], &question["data"]["roomsOnly"]), (&json!(7), &json!(true)));
    let (id, uid) = (&question["data"]["requestId"], question["uid"].as_str().unwrap());
    let answers = format!("socket.io#/chat#{uid}#");
    let socket = json!({ "id": "theirs", "rooms": ["theirs", "attic"], "data": null });
    publish(&network, &answers, 8, &json!({ "requestId": id, "sockets": [socket] }));
    let mut rooms = Vec::new();
    while let Some(answer) = asked.next().await {
        match answer {
            Answer::Rooms(names) => rooms.extend(names),
            Answer::Sockets(found) => {
                rooms.extend(found.into_iter().flat_map(Found::into_rooms));
            }
            other => panic!("{other:?}"),
        }
    }
    rooms.sort();
    assert_eq!(rooms, ["attic", "lobby"]);
}

#[test]
fn heartbeats_with_more_in_them_are_heartbeats_and_others_are_counted() {
    let counted = counted(async |network| {
        let all = processes(&network, 2).await;
        let mut beat = json!({ "uid": "newer", "count": 1, "namespaces": ["/chat"], "bye": false, "version": 2 });
        network.publish("socket.io#gateway#", msgpack::loose::write(&beat));
        seconds(1).await;
        assert_eq!(all.iter().map(|process| process.cluster.peers()).collect::<Vec<_>>(), [2, 2]);
        beat["uid"] = json!(17);
        network.publish("socket.io#gateway#", msgpack::loose::write(&beat));
        seconds(5).await;
        assert_eq!(all.iter().map(|process| process.cluster.peers()).collect::<Vec<_>>(), [1, 1]);
    });
    assert_eq!((counted("unknown"), counted("malformed")), (0, 2));
}
