//! Several places of a cluster on a real Redis, which is killed, frozen, emptied, and whose connections are cut.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Place, Redis,
    engine::RedisEngine,
    server::{Server, redis_cluster},
};
use crate::{
    cluster::{
        Question,
        adapter::Layout,
        tests::{Process, Tally, a_batch_is_appended_once, load, until_all_know_each_other},
    },
    platform::Group,
    wire::msgpack,
};

/// 200 a second, as each of three processes says.
const EVERY: Duration = Duration::from_millis(5);

/// These tests measure whether something is in time, and each of them has a lot to do.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

const NOTHING: Tally = Tally { lost: 0, doubled: 0, reordered: 0, told: 0 };

async fn processes(url: &str, count: usize) -> Vec<Process> {
    let join = |_| Process::of(Redis::at(url).join().expect("a URL"));
    let processes: Vec<_> = (0..count).map(join).collect();
    until_all_know_each_other(&processes).await;
    processes
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// What becomes of what three processes say while that happens. Everything has to be there a second after the last of it
/// was said, or the next second at the latest.
async fn tally(mut redis: Server, during: impl AsyncFnOnce(&mut Server)) -> Tally {
    let url = redis.url();
    tally_at(&url, async || during(&mut redis).await).await
}

async fn tally_at(url: &str, during: impl AsyncFnOnce()) -> Tally {
    let _turn = ONE_AT_A_TIME.lock().await;
    let all = processes(url, 3).await;
    let said = load(&all, EVERY, async {
        seconds(0.5).await;
        during().await;
        seconds(1.0).await;
    })
    .await;
    seconds(1.0).await;
    Tally::of(&all, said)
}

/// Again and again, until there is time for it on a machine that is busy.
async fn command(redis: &Server, words: &[&str]) {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    for _ in 0..20 {
        let Ok(mut connection) = redis.place().connect("").await else { continue };
        if command.exec_async(&mut connection).await.is_ok() {
            return;
        }
    }
    panic!("no answer to {words:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_says_all_others_hear_once_and_in_order() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let redis = Server::start();
    let all = processes(&redis.url(), 3).await;
    for number in 0..10_000 {
        all.iter().for_each(|process| process.say(number));
    }
    for one in &all {
        one.adapter.settle(Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(Tally::of(&all, 10_000), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_back_after_two_seconds_without_its_data_it_loses_nothing() {
    let tally = tally(Server::start(), async |redis: &mut Server| {
        redis.kill();
        seconds(2.0).await;
        redis.resume();
        seconds(1.0).await;
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_back_after_six_seconds_it_loses_nothing() {
    let tally = tally(Server::start(), async |redis: &mut Server| {
        redis.kill();
        seconds(6.0).await;
        redis.resume();
        seconds(1.0).await;
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_for_five_seconds_it_loses_nothing() {
    let tally = tally(Server::start(), async |redis: &mut Server| {
        redis.freeze();
        seconds(5.0).await;
        redis.thaw();
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_six_times_a_second_lose_nothing() {
    let tally = tally(Server::start(), async |redis: &mut Server| {
        for _ in 0..30 {
            command(redis, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
            command(redis, &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
            seconds(0.166).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emptied_it_loses_nothing() {
    let tally = tally(Server::start(), async |redis: &mut Server| {
        for _ in 0..3 {
            command(redis, &["FLUSHALL"]).await;
            seconds(0.7).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_loses_nothing() {
    let mut master = Server::start();
    let _replica = Server::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    let sentinel = Server::sentinel(&master);
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let place = Place::parse(&url).expect("a URL");
    let mut outage = Duration::ZERO;
    let tally = tally_at(&url, async || {
        master.kill();
        let killed = Instant::now();
        while place.connect("").await.is_err() {
            seconds(0.05).await;
        }
        outage = killed.elapsed();
        seconds(2.0).await;
    })
    .await;
    // It takes the Sentinel two seconds, unless the machine has more to do than it can.
    match outage < Duration::from_secs(10) {
        true => assert_eq!(tally, NOTHING, "after {outage:?}"),
        false => assert_eq!((tally.doubled, tally.reordered), (0, 0), "after {outage:?}"),
    }
}

/// What a worker says that is no member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emitters_are_heard_by_everybody_once() {
    let redis = Server::start();
    let join = |_| Process::of(Redis::at(redis.url()).emitters().join().expect("a URL"));
    let all: Vec<_> = (0..2).map(join).collect();
    until_all_know_each_other(&all).await;
    let python = r#"{"method":"emit","event":"said","data":[7,1],"namespace":"/chat"}"#;
    command(&redis, &["PUBLISH", "socketio", python]).await;
    let packet = serde_json::json!({ "type": 2, "data": ["said", 7, 2], "nsp": "/chat" });
    let node = msgpack::loose::write(&serde_json::json!(["emitter", packet, { "rooms": ["a"] }]));
    let mut connection = redis.place().connect("").await.expect("a connection");
    let mut publish = cmd("PUBLISH");
    publish.arg("socket.io#/chat#a#").arg(&node[..]);
    publish.exec_async(&mut connection).await.expect("an answer");
    seconds(1.0).await;
    // And members still are, once.
    all[0].say(3);
    all[0].adapter.settle(Duration::from_secs(5)).await.unwrap();
    assert_eq!(all[1].heard(), [(7, 1), (7, 2), (0, 3)]);
    assert_eq!(all[0].heard(), [(7, 1), (7, 2)]);
}

/// Each has a stream and a prefix of its own, as the documentation of [`Redis::stream`] says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_that_share_a_redis_hear_nothing_of_each_other() {
    let redis = Server::start();
    let join = |name: &str| {
        let there = Redis::at(redis.url()).stream(name).prefix(name).emitters();
        Process::of(there.join().expect("a URL"))
    };
    let ours = [join("ours"), join("ours")];
    let theirs = [join("theirs")];
    until_all_know_each_other(&ours).await;
    until_all_know_each_other(&theirs).await;
    assert_eq!((ours[0].cluster.peers(), theirs[0].cluster.peers()), (1, 0));
    ours[0].say(1);
    theirs[0].say(2);
    for (asks, expected) in [(&ours[0], 1), (&theirs[0], 0)] {
        let question = Question::Sockets { group: Group::default() };
        let mut asked = asks.adapter.ask(question, Duration::from_secs(5)).unwrap();
        let mut answers = 0;
        while asked.next().await.is_some() {
            answers += 1;
        }
        assert_eq!((answers, asked.silent()), (expected, Vec::new()));
    }
    let python = |number: usize| {
        format!(r#"{{"method":"emit","event":"said","data":[7,{number}],"namespace":"/chat"}}"#)
    };
    command(&redis, &["PUBLISH", "ours", &python(3)]).await;
    command(&redis, &["PUBLISH", "socketio", &python(4)]).await;
    let packet = serde_json::json!({ "type": 2, "data": ["said", 7, 5], "nsp": "/chat" });
    let node = msgpack::loose::write(&serde_json::json!(["emitter", packet, {}]));
    let mut connection = redis.place().connect("").await.expect("a connection");
    let mut publish = cmd("PUBLISH");
    publish.arg("ours#/chat#").arg(&node[..]).exec_async(&mut connection).await.expect("an answer");
    seconds(1.0).await;
    let mut heard = ours[1].heard();
    heard.sort_unstable();
    assert_eq!(heard, [(0, 1), (7, 3), (7, 5)]);
    assert_eq!(theirs[0].heard(), []);
    assert_eq!(theirs[0].missed() + ours[1].missed(), 0);
}

#[tokio::test]
async fn a_batch_is_appended_once_whatever_comes_late() {
    let redis = Server::start();
    let (_nodes, cluster) = redis_cluster().await;
    for place in [redis.place(), cluster] {
        let engine = RedisEngine::new(place, &Layout::default(), "socket.io", 1_000);
        a_batch_is_appended_once(&engine).await;
    }
}

/// What an entry has in fields that are not known here, its writer says to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_with_unknown_fields_are_heard() {
    let redis = Server::start();
    let all = processes(&redis.url(), 1).await;
    let data = r#"{"opts":{},"packet":{"type":2,"data":["said",7,1],"nsp":"/chat"}}"#;
    let newer = ["uid", "newer", "v", "2", "nsp", "/chat", "type", "3", "data", data, "n", "1"];
    command(&redis, &[&["XADD", "socket.io", "*"], &newer[..], &["trace", "abc"]].concat()).await;
    seconds(1.0).await;
    assert_eq!((all[0].heard(), all[0].missed()), (vec![(7, 1)], 0));
}

/// Those that the documentation of [`Redis`] names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_permissions_suffice() {
    let redis = Server::start();
    let url = redis.for_a_user_with_few_permissions().await;
    let join = |_| Process::of(Redis::at(&url).emitters().join().expect("a URL"));
    let all: Vec<_> = (0..2).map(join).collect();
    let known = timeout(Duration::from_secs(20), until_all_know_each_other(&all)).await;
    assert!(known.is_ok(), "{:?}", all[0].cluster.why_not());
    all[0].say(1);
    all[0].adapter.settle(Duration::from_secs(5)).await.unwrap();
    let question = Question::Sockets { group: Group::default() };
    let mut asked = all[0].adapter.ask(question, Duration::from_secs(5)).unwrap();
    assert!(asked.next().await.is_some());
    assert!(all[0].adapter.rank().await < all[1].adapter.rank().await);
}
