//! Questions to clients and to processes, and who is found.

use super::*;
use crate::{Acks, RemoteSocket, SocketsError};

/// Acknowledges the next event with this.
async fn acknowledge(client: &mut Client, answer: &str) {
    let packet = client.hear().await.expect("an event");
    let packet = packet.strip_prefix("42").expect("an event");
    let id = &packet[..packet.find('[').unwrap()];
    client.say(&format!("43{id}[{answer}]")).await;
}

fn sorted<R: Ord + Clone>(acks: &Acks<R>) -> Vec<R> {
    let mut answers: Vec<R> = acks.answers.iter().map(|(_, answer)| answer.clone()).collect();
    answers.sort();
    answers
}

#[tokio::test]
async fn clients_of_all_processes_answer_and_who_does_not_is_named() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    let ids: Vec<_> =
        instances.all.iter().map(|process| process.server.sockets()[0].id()).collect();
    let [ann, ben, cleo] = &mut instances.all[..] else { panic!("three") };
    let [ann, ben, cleo] = [&mut ann.client, &mut ben.client, &mut cleo.client];

    let asked = server.to("lobby").emit_with_ack::<u32>("number?", ());
    let answer = async {
        acknowledge(ann, "1").await;
        acknowledge(ben, "2").await;
        acknowledge(cleo, "3").await;
    };
    let (acks, ()) = tokio::join!(asked, answer);
    let acks = acks.unwrap();
    assert_eq!(sorted(&acks), [1, 2, 3]);
    assert!(acks.is_complete(), "{acks:?}");
    for (id, answer) in &acks.answers {
        assert_eq!(Some(*id), ids.get(*answer as usize - 1).copied());
    }

    let asked = server.to(["ben", "cleo"]).emit_with_ack::<u32>("number?", ());
    let answer = async {
        acknowledge(ben, "2").await;
        cleo.hear().await
    };
    let (acks, _) = tokio::join!(asked, answer);
    let acks = acks.unwrap();
    assert_eq!((acks.answers, acks.missing), (vec![(ids[1], 2)], vec![ids[2]]));
    assert!(acks.unanswered.is_empty(), "its process has answered for it");

    let asked = server.to("nobody").emit_with_ack::<u32>("number?", ());
    let acks = tokio::time::timeout(ACK_TIMEOUT / 2, asked).await.expect("at once").unwrap();
    assert!(acks.answers.is_empty() && acks.is_complete());

    let asked = server.to("lobby").local().emit_with_ack::<u32>("number?", ());
    let (acks, ()) = tokio::join!(asked, acknowledge(ann, "1"));
    assert_eq!(acks.unwrap().answers, [(ids[0], 1)]);
}

#[tokio::test]
async fn all_are_found_with_who_they_are_and_what_is_done_with_one_is_done_there() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    let mut found = server.fetch_sockets::<String>().await.unwrap();
    found.sort_by(|a, b| a.identity().cmp(b.identity()));
    let names: Vec<&str> = found.iter().map(|socket| socket.identity().as_str()).collect();
    assert_eq!(names, ["ann", "ben", "cleo"]);
    for (socket, process) in found.iter().zip(&instances.all) {
        assert_eq!(socket.id(), process.server.sockets()[0].id().to_string());
        let mut rooms = socket.rooms().to_vec();
        rooms.sort();
        let mut expected = vec![socket.identity().clone(), "lobby".to_owned()];
        expected.sort();
        assert_eq!(rooms, expected);
    }
    let of = |found: Vec<RemoteSocket<()>>| {
        found.iter().map(|one| one.id().to_owned()).collect::<Vec<_>>()
    };
    let cleo = instances.all[2].server.sockets()[0].id();
    assert_eq!(of(server.to(cleo).fetch_sockets().await.unwrap()), [cleo.to_string()]);
    assert_eq!(of(server.user("cleo").fetch_sockets().await.unwrap()), [cleo.to_string()]);
    assert_eq!(server.local().fetch_sockets::<String>().await.unwrap().len(), 1);
    let available = server.to("lobby").fetch_available::<String>().await.unwrap();
    assert_eq!((available.sockets.len(), available.unanswered.len()), (3, 0));
    let wrong = server.fetch_sockets::<u64>().await;
    assert!(matches!(wrong, Err(SocketsError::Identity { .. })), "{wrong:?}");

    let ben = &found[1];
    ben.emit("found", ben.identity()).await.unwrap();
    assert_eq!(instances.all[1].client.hear().await.as_deref(), Some(r#"42["found","ben"]"#));
    ben.join("attic").await.unwrap();
    assert_eq!(instances.all[1].server.to("attic").sockets().len(), 1);
    ben.leave("attic").await.unwrap();
    assert_eq!(instances.all[1].server.to("attic").sockets().len(), 0);
    ben.disconnect().await.unwrap();
    assert_eq!(instances.all[1].client.hear().await.as_deref(), Some("41"));
    // The one that was found here, likewise.
    found[0].emit("found", ()).await.unwrap();
    assert_eq!(instances.all[0].client.hear().await.as_deref(), Some(r#"42["found"]"#));
}

#[tokio::test]
async fn who_cannot_be_told_to_others_is_not_looked_for() {
    let instances = Instances::of(|| {
        let mut plan = plan();
        // As of a type that cannot be serialized.
        plan.identity.codec = None;
        plan
    })
    .await;
    let server = instances.server();
    let refused = server.to("nobody at all").fetch_sockets::<String>().await;
    assert!(matches!(refused, Err(SocketsError::NotSerializable { .. })), "{refused:?}");
    assert_eq!(server.fetch_sockets::<()>().await.unwrap().len(), 3, "as nobody in particular");
    let here = server.local().fetch_sockets::<String>().await.unwrap();
    assert_eq!(here[0].identity(), "ann");
}

#[tokio::test]
async fn an_identity_of_another_form_is_an_error_and_not_a_gap() {
    let instances = Instances::three().await;
    let mut other_version = plan();
    other_version.identity.codec = None;
    let cluster = instances.network.join();
    let other = process(cluster, other_version).await;
    let (_client, _) = enter(&other, "dan").await;
    instances.all[0].world.cluster.as_ref().unwrap().until_it_hears_of(3).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let server = instances.server();
    let refused = server.fetch_sockets::<String>().await;
    assert!(matches!(refused, Err(SocketsError::Unreadable { .. })), "{refused:?}");
    let available = server.fetch_available::<String>().await.unwrap();
    assert_eq!((available.sockets.len(), available.unreadable), (3, 1));
}

#[tokio::test]
async fn processes_are_told_and_asked_and_all_who_listen_answer() {
    let instances = Instances::three().await;
    let server = instances.server().clone();
    let mut listeners: Vec<_> = instances
        .all
        .iter()
        .map(|process| process.server.server_side_events::<u32>("load"))
        .collect();
    server.server_side_emit("load", 7).await.unwrap();
    for listener in &mut listeners {
        assert_eq!(listener.next().await, Some(Ok(7)), "the one that says it, too");
    }
    let mut answering = |count: usize| {
        let listeners: Vec<_> = listeners.drain(..count).collect();
        join_all(listeners.into_iter().enumerate().map(|(index, mut listener)| async move {
            let request = listener.next_request().await.unwrap().unwrap();
            let answer = request.payload() + index as u32;
            request.answer(answer).unwrap();
            listener
        }))
    };
    let asked = server.server_side_request::<u32>("load", 10);
    let (answers, listeners) = tokio::join!(asked, answering(3));
    let mut answers = answers.unwrap();
    answers.answers.sort_unstable();
    assert_eq!((answers.answers, answers.unanswered), (vec![10, 11, 12], vec![]));

    // One does not answer in time: it is named, beside the answers of the others.
    let mut listeners = listeners.into_iter();
    let [mut first, mut second, _third] = [(); 3].map(|()| listeners.next().unwrap());
    let answer = async {
        first.next_request().await.unwrap().unwrap().answer(1).unwrap();
        second.next_request().await.unwrap().unwrap().answer(2).unwrap();
    };
    let (answers, ()) = tokio::join!(server.server_side_request::<u32>("load", 10), answer);
    let mut answers = answers.unwrap();
    answers.answers.sort_unstable();
    assert_eq!(answers.answers, [1, 2]);
    assert_eq!(answers.unanswered.len(), 1, "{answers:?}");
}
