//! The same while the cluster is away, or hangs, or one of the processes does.

use std::time::Instant;

use super::*;
use crate::{Missed, RequestError, SocketsError};

/// What waits for nobody: less than any deadline, and enough for a machine that is busy.
async fn at_once<T>(doing: &str, what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(1), what).await;
    done.unwrap_or_else(|_late| panic!("it waits: {doing}"))
}

async fn until_down(server: &World) {
    let cluster = server.cluster.as_ref().unwrap();
    eventually(|| cluster.why_not().is_some()).await;
}

#[tokio::test]
async fn while_the_cluster_is_away_each_process_goes_on_and_says_what_it_cannot_do() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    instances.network.stop();
    until_down(&instances.all[0].world).await;

    at_once("an emit", server.to("lobby").emit("late", 1)).await.unwrap();
    let client = &mut instances.all[0].client;
    let heard = at_once("who is here", client.hear()).await;
    assert_eq!(heard.as_deref(), Some(r#"42["late",1]"#));
    let joined = at_once("to join", server.sockets_join("attic")).await;
    assert_eq!(joined, Err(SocketsError::ClusterDown));
    assert_eq!(server.to("attic").sockets().len(), 1, "done here");
    let left = at_once("to leave", server.sockets_leave("attic")).await;
    assert_eq!(left, Err(SocketsError::ClusterDown));
    assert_eq!(server.to("attic").sockets().len(), 0, "done here");
    let found = at_once("to find all", server.fetch_sockets::<String>()).await;
    assert_eq!(found.err(), Some(SocketsError::ClusterDown));
    let rooms = at_once("to find all rooms", server.all_rooms()).await;
    assert_eq!(rooms, Err(SocketsError::ClusterDown));
    let available = at_once("to find some", server.fetch_available::<String>()).await.unwrap();
    assert_eq!((available.sockets.len(), available.unanswered.len()), (1, 1));
    assert_eq!(server.local().fetch_sockets::<String>().await.unwrap().len(), 1);
    let asked = at_once("to ask processes", server.server_side_request::<u32>("load", 1)).await;
    assert_eq!(asked, Err(RequestError::ClusterDown));

    let asked = server.to("lobby").emit_with_ack::<u32>("number?", ());
    let answer = async {
        let packet = client.hear().await.unwrap();
        let id = &packet[2..packet.find('[').unwrap()];
        client.say(&format!("43{id}[1]")).await;
    };
    let (acks, ()) = tokio::join!(asked, answer);
    let acks = acks.unwrap();
    assert_eq!((acks.answers.len(), acks.unanswered.len()), (1, 1), "the local ones");

    // What was said comes late, once and in order.
    server.to("lobby").emit("later", 2).await.unwrap();
    instances.network.start();
    let heard = instances.heard().await;
    assert_eq!(heard[1], ["late", "later"]);
    assert_eq!(heard[2], ["late", "later"]);
    // A question that another process missed while it came back is an error; trying again helps.
    let mut joined = server.sockets_join("attic").await;
    for _ in 0..5 {
        if joined.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        joined = server.sockets_join("attic").await;
    }
    assert_eq!(joined, Ok(()));
}

#[tokio::test]
async fn while_the_cluster_hangs_everything_ends_in_time() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    instances.network.freeze();
    let began = Instant::now();
    at_once("an emit", server.to("lobby").emit("late", 1)).await.unwrap();
    let client = &mut instances.all[0].client;
    let heard = at_once("who is here", client.hear()).await;
    assert_eq!(heard.as_deref(), Some(r#"42["late",1]"#));
    // Nobody knows yet that it hangs: all of this ends by its deadline, with an error.
    let (joined, found, acks) = tokio::join!(
        server.sockets_join("attic"),
        server.fetch_sockets::<String>(),
        server.to("ben").emit_with_ack::<u32>("number?", ()),
    );
    let out_of_reach = |error: &SocketsError| {
        matches!(error, SocketsError::ClusterDown | SocketsError::Unanswered { .. })
    };
    assert!(joined.is_err_and(|error| out_of_reach(&error)));
    assert!(found.is_err_and(|error| out_of_reach(&error)));
    assert!(!acks.unwrap().unanswered.is_empty());
    assert!(began.elapsed() < Duration::from_millis(2_700), "{:?}", began.elapsed());
    instances.network.thaw();
    let heard = instances.heard().await;
    assert!(heard[1].contains(&"late".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn one_that_is_silent_is_named_and_the_answers_of_the_others_are_not_lost() {
    let mut instances = Instances::three().await;
    let (_silent, _cluster, _adapter) = Silent::beside(&instances).await;
    let server = instances.server().clone();
    let began = Instant::now();
    let (joined, found, available) = tokio::join!(
        server.sockets_join("attic"),
        server.fetch_sockets::<String>(),
        server.fetch_available::<String>(),
    );
    let names = |error: Option<SocketsError>| match error {
        Some(SocketsError::Unanswered { instances }) => instances,
        other => panic!("{other:?}"),
    };
    assert_eq!(names(joined.err()).len(), 1);
    assert_eq!(names(found.err()).len(), 1);
    let available = available.unwrap();
    assert_eq!((available.sockets.len(), available.unanswered.len()), (3, 1));
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    for process in &instances.all {
        assert_eq!(process.server.to("attic").sockets().len(), 1, "the others have done it");
    }
    let [_, ben, _] = &mut instances.all[..] else { panic!("three") };
    let answer = async {
        let packet = ben.client.hear().await.unwrap();
        let id = packet[2..packet.find('[').unwrap()].to_owned();
        ben.client.say(&format!("43{id}[2]")).await;
    };
    let asked = server.to("ben").emit_with_ack::<u32>("number?", ());
    let (acks, ()) = tokio::join!(asked, answer);
    let acks = acks.unwrap();
    assert_eq!((acks.answers.len(), acks.unanswered.len()), (1, 1));
}

#[tokio::test]
async fn one_that_says_good_bye_meanwhile_is_no_error() {
    let instances = Instances::three().await;
    let (silent, cluster, _adapter) = Silent::beside(&instances).await;
    let server = instances.server();
    let leaves = async {
        eventually(|| !silent.kept.lock().unwrap().is_empty()).await;
        cluster.close().await;
    };
    // A machine that is busy may keep a process from hearing itself, which then asks nobody.
    let asks = async {
        loop {
            let found = server.fetch_sockets::<String>().await;
            if !silent.kept.lock().unwrap().is_empty() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (found, ()) = tokio::join!(asks, leaves);
    assert_eq!(found.map(|found| found.len()), Ok(3));
}

#[tokio::test]
async fn listeners_are_told_what_they_have_missed() {
    let instances = Instances::three().await;
    let mut events = instances.server().server_side_events::<u32>("changed");
    let member: &Arc<crate::socket::namespace::Namespace> =
        instances.all[0].world.gateway.namespace();
    member.missed();
    instances.all[1].server.server_side_emit("changed", 1).await.unwrap();
    assert_eq!(events.next().await, Some(Err(Missed)));
    assert_eq!(events.next().await, Some(Ok(1)));
}
