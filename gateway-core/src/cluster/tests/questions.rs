//! What processes ask each other.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    super::{Answer, Answers, ClusterDown, Member, Message, NotAll, Question, memory::Network},
    process::{Process, processes, seconds, until_all_know_each_other},
};
use crate::platform::{Group, Packet};

/// As when an application opens its namespaces while it is connected already.
#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_opened_later_is_asked_in_too() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    seconds(2).await;
    let later: Vec<_> = all.iter().map(|process| process.cluster.adapter("/later")).collect();
    seconds(3).await;
    assert!(later.iter().all(|adapter| adapter.others() == 1));
}

#[tokio::test(start_paused = true)]
async fn everybody_answers_a_question() {
    let network = Network::new();
    let all = processes(&network, 3).await;
    let ask = |question| all[0].adapter.ask(question, Duration::from_secs(5)).unwrap();

    let mut asked = ask(Question::Sockets { group: Group::default() });
    for _ in 0..2 {
        let Some(Answer::Sockets(found)) = asked.next().await else { panic!() };
        assert_eq!(found[0].id, "one");
        assert_eq!(found[0].rooms, ["lobby"]);
        assert_eq!(&*found[0].identity, r#"{"name":"Ann"}"#);
    }
    assert!(asked.next().await.is_none());
    assert!(asked.silent().is_empty());

    let mut asked = ask(Question::ServerSide { event: "sum".to_owned(), payload: "[1]".into() });
    for _ in 0..2 {
        let Some(Answer::Reply(reply)) = asked.next().await else { panic!() };
        assert_eq!(&*reply, r#"["sum",[1]]"#);
    }
    assert!(asked.next().await.is_none());

    let packet =
        Packet::new(r#"["file",{"_placeholder":true,"num":0}]"#.to_owned(), vec!["x".into()]);
    let timeout = Duration::from_secs(1);
    let mut asked = ask(Question::Event { group: Group::default(), packet, timeout });
    let (mut counted, mut acknowledged) = (0, 0);
    while let Some(answer) = asked.next().await {
        match answer {
            Answer::Clients { count, ids } => {
                assert_eq!(ids.len(), count);
                counted += count;
            }
            Answer::Acknowledged { client, packet } => {
                assert!(client.is_some());
                assert_eq!(packet.text(), r#"[["file",{"_placeholder":true,"num":0}]]"#);
                acknowledged += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((counted, acknowledged), (2, 2));
    assert!(asked.silent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_named_and_who_is_gone_is_not_waited_for() {
    let network = Network::new();
    let mut all = processes(&network, 2).await;
    all.push(Process::of(network.join()));
    all[2].listener.fall_silent();
    until_all_know_each_other(&all).await;
    let ask = |within| {
        let question = Question::Sockets { group: Group::default() };
        all[0].adapter.ask(question, Duration::from_secs(within)).unwrap()
    };
    let mut asked = ask(5);
    assert!(asked.next().await.is_some());
    assert!(asked.next().await.is_none());
    assert_eq!(asked.silent(), [all[2].cluster.uid()]);

    let mut asked = ask(60);
    assert!(asked.next().await.is_some());
    let began = tokio::time::Instant::now();
    all[2].cluster.close().await;
    assert!(asked.next().await.is_none());
    assert!(asked.silent().is_empty());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(all[0].adapter.others(), 1);

    // Without good-bye.
    let dying = Process::of(network.join());
    dying.listener.fall_silent();
    seconds(3).await;
    let mut asked = all[0]
        .adapter
        .ask(Question::Sockets { group: Group::default() }, Duration::from_secs(60))
        .unwrap();
    assert!(asked.next().await.is_some());
    let began = tokio::time::Instant::now();
    drop(dying);
    assert!(asked.next().await.is_none());
    assert!(asked.silent().is_empty());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_the_cluster_nothing_is_waited_for() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    let ranks = (all[0].adapter.rank().await, all[1].adapter.rank().await);
    assert!(ranks.0.is_some() && ranks.0 < ranks.1);
    network.stop();
    seconds(2).await;
    all[0].say(1);
    let began = tokio::time::Instant::now();
    let question = Question::Sockets { group: Group::default() };
    let refused = all[0].adapter.ask(question, Duration::from_secs(5));
    assert_eq!(refused.err(), Some(ClusterDown));
    assert_eq!(all[0].adapter.settle(Duration::from_secs(5)).await, Err(NotAll::Down));
    assert_eq!(all[0].adapter.rank().await, None);
    all[0].cluster.close().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn settling_waits_until_others_have_done_what_was_said() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    network.delay(Duration::from_millis(200));
    all[0].say(1);
    all[0].adapter.settle(Duration::from_secs(5)).await.unwrap();
    assert_eq!(all[1].heard(), [(0, 1)]);

    // One that hears nothing more: another one is attached that never ends hearing.
    struct Stuck;
    impl Member for Stuck {
        fn may_reach(&self, _group: &Group) -> bool {
            true
        }

        fn hear(self: Arc<Self>, _: Message) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
        fn missed(&self) {}
        fn asked(self: Arc<Self>, _: Question, _: Answers) {}
    }
    let stuck: Arc<dyn Member> = Arc::new(Stuck);
    all[1].adapter.attach(Arc::downgrade(&stuck));
    all[0].say(2);
    let settled = all[0].adapter.settle(Duration::from_secs(2)).await;
    assert_eq!(settled, Err(NotAll::Silent(vec![all[1].cluster.uid().to_owned()])));
}

#[tokio::test(start_paused = true)]
async fn who_has_just_come_settles_what_was_said_before() {
    let network = Network::new();
    let mut all = processes(&network, 1).await;
    all[0].say(1);
    seconds(1).await;
    all.push(Process::of(network.join()));
    until_all_know_each_other(&all).await;
    all[0].adapter.settle(Duration::from_secs(5)).await.unwrap();
    assert_eq!(all[1].heard(), []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_does_not_settle() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    network.freeze();
    all[0].say(1);
    assert_eq!(all[0].adapter.settle(Duration::from_secs(1)).await, Err(NotAll::Down));
}

#[tokio::test(start_paused = true)]
async fn who_has_just_come_is_asked_and_asks_at_once() {
    let network = Network::new();
    let mut all = processes(&network, 2).await;
    // Between two heartbeats.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let come = tokio::time::Instant::now();
    all.push(Process::of(network.join()));
    until_all_know_each_other(&all).await;
    assert!(come.elapsed() < Duration::from_millis(250), "{:?}", come.elapsed());
}
