//! Many sockets are asked at once, and whole processes: who answers what, and who does not.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    Acks, Server, ServerSideAnswers, SocketId,
    dispatch::testing::{Client, Plan, World, eventually},
    limits::Limits,
    options::{Options, Overflow},
};

/// How long clients have to answer in these tests.
const PATIENCE: Duration = Duration::from_millis(600);

async fn world() -> World {
    let mut plan = Plan::default();
    plan.settings.ack_timeout = PATIENCE;
    World::of(plan).await
}

fn server(world: &World) -> Server {
    Server::new(Arc::clone(world.gateway.namespace()))
}

/// A client in the room `jury`, and its id.
async fn juror(world: &World) -> (Client, SocketId) {
    let before: Vec<SocketId> = server(world).sockets().iter().map(crate::Socket::id).collect();
    let client = world.client().await;
    let mut sockets = server(world).sockets().into_iter();
    let socket = sockets.find(|socket| !before.contains(&socket.id())).expect("who has come in");
    socket.join("jury").await.unwrap();
    (client, socket.id())
}

/// Acknowledges the next event with these arguments; says what the event was.
async fn acknowledge(client: &mut Client, arguments: &str) -> String {
    let packet = client.hear().await.expect("an event");
    let packet = packet.strip_prefix("42").expect("an event");
    let (id, event) = packet.split_at(packet.find('[').expect("its arguments"));
    client.say(&format!("43{id}{arguments}")).await;
    event.to_owned()
}

fn sorted<R>(mut acks: Acks<R>) -> Acks<R> {
    acks.answers.sort_by_key(|(id, _)| id.to_string());
    acks.missing.sort_by_key(SocketId::to_string);
    acks
}

#[tokio::test]
async fn all_answers_of_a_room_come_together() {
    let world = world().await;
    let (mut ann, ann_id) = juror(&world).await;
    let (mut ben, ben_id) = juror(&world).await;
    let _outsider = world.client().await;
    let server = server(&world);
    let asked = server.to("jury").emit_with_ack::<u32>("guilty?", "him");
    let answer = async {
        assert_eq!(acknowledge(&mut ann, "[1]").await, r#"["guilty?","him"]"#);
        assert_eq!(acknowledge(&mut ben, "[2,\"and more\"]").await, r#"["guilty?","him"]"#);
    };
    let (acks, ()) = tokio::join!(asked, answer);
    let acks = sorted(acks.unwrap());
    let mut expected = vec![(ann_id, 1), (ben_id, 2)];
    expected.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(acks.answers, expected);
    assert!(acks.is_complete(), "{acks:?}");
}

#[tokio::test]
async fn nobody_who_is_there_answers_nothing_at_once() {
    let world = world().await;
    let asked = server(&world).to("jury").emit_with_ack::<Value>("guilty?", ());
    let acks = tokio::time::timeout(PATIENCE / 2, asked).await.expect("at once").unwrap();
    assert!(acks.answers.is_empty() && acks.is_complete());
    let reserved = server(&world).to("jury").emit_with_ack::<Value>("disconnect", ()).await;
    assert!(matches!(reserved, Err(crate::EmitError::ReservedEvent(_))));
}

#[tokio::test]
async fn who_leaves_or_is_silent_or_answers_something_else_is_missing() {
    let world = world().await;
    let (mut answers, answers_id) = juror(&world).await;
    let (mut confused, confused_id) = juror(&world).await;
    let (mut leaves, leaves_id) = juror(&world).await;
    let (_silent, silent_id) = juror(&world).await;
    let server = server(&world);
    let begun = std::time::Instant::now();
    let asked = server.to("jury").emit_with_ack::<u32>("guilty?", ());
    let answer = async {
        acknowledge(&mut confused, r#"["who?"]"#).await;
        leaves.hear().await;
        drop(leaves);
        acknowledge(&mut answers, "[1]").await;
    };
    let (acks, ()) = tokio::join!(asked, answer);
    let acks = sorted(acks.unwrap());
    assert_eq!(acks.answers, [(answers_id, 1)]);
    let mut missing = [confused_id, leaves_id, silent_id];
    missing.sort_by_key(SocketId::to_string);
    assert_eq!(acks.missing, missing);
    assert!(!acks.is_complete());
    assert!(begun.elapsed() >= PATIENCE, "the silent one had its time");
    // Nothing of it is kept.
    let sockets = server.sockets();
    let outstanding = || sockets.iter().map(|socket| world.outstanding(socket.id())).sum::<usize>();
    eventually(|| outstanding() == 0).await;
}

#[tokio::test]
async fn who_is_behind_with_its_acknowledgements_is_not_asked_once_more() {
    let mut plan = Plan::default();
    plan.settings.ack_timeout = PATIENCE;
    plan.settings.limits = Limits::default().outstanding_asks(1_usize);
    let world = World::of(plan).await;
    let (mut client, id) = juror(&world).await;
    let server = server(&world);
    let (first, second) = tokio::join!(
        server.to("jury").emit_with_ack::<u32>("first", ()),
        server.to("jury").emit_with_ack::<u32>("second", ()),
    );
    assert_eq!([first.unwrap().missing, second.unwrap().missing], [[id], [id]]);
    assert!(client.hear().await.unwrap().contains("first"));
    server.to("jury").emit("third", ()).await.unwrap();
    assert!(client.hear().await.unwrap().contains("third"));
}

#[tokio::test]
async fn whose_queue_is_full_is_treated_as_by_any_emit_to_a_room() {
    let mut plan = Plan::default();
    plan.settings.ack_timeout = PATIENCE;
    plan.options =
        Options { outbox_packets: 1, overflow: Overflow::DropNewest, ..Options::default() };
    let world = World::of(plan).await;
    let (_reads_nothing, id) = juror(&world).await;
    let server = server(&world);
    let large = "x".repeat(8 * 1024 * 1024);
    // The first fills the socket's buffers, and stays in flight.
    server.to("jury").emit("large", &large).await.unwrap();
    server.to("jury").emit("large", &large).await.unwrap();
    let acks = server.to("jury").emit_with_ack::<u32>("guilty?", ()).await.unwrap();
    assert_eq!(acks.missing, [id]);
    assert_eq!(server.socket_count(), 1, "`DropNewest` keeps it");
}

#[tokio::test]
async fn a_process_answers_once_whoever_listens() {
    let world = world().await;
    let server = server(&world);
    let nobody = server.server_side_request::<u32>("load", ()).await.unwrap();
    assert!(nobody.answers.is_empty() && nobody.unanswered.is_empty());

    let mut one = server.server_side_events::<u32>("load");
    let mut two = server.server_side_events::<u32>("load");
    let asked = server.server_side_request::<u32>("load", 20);
    let answer = async {
        let request = one.next_request().await.unwrap().unwrap();
        let doubled = request.payload() * 2;
        request.answer(doubled).unwrap();
        two.next_request().await.unwrap().unwrap().answer("too late").unwrap();
    };
    let (answers, ()) = tokio::join!(asked, answer);
    let ServerSideAnswers { answers, unanswered, unreadable, .. } = answers.unwrap();
    assert_eq!((answers, unanswered, unreadable), (vec![40], vec![], 0));
}

#[tokio::test]
async fn listeners_may_have_no_answer_or_another_or_none_in_time() {
    let world = world().await;
    let server = server(&world);
    let mut events = server.server_side_events::<u32>("load");
    let asked = server.server_side_request::<u32>("load", 1);
    let (answers, event) = tokio::join!(asked, events.next());
    assert_eq!(event, Some(Ok(1)), "who only wants to know, hears of it");
    assert_eq!(answers.unwrap().unanswered, Vec::<String>::new());

    let asked = server.server_side_request::<u32>("load", 1);
    let answer = async {
        events.next_request().await.unwrap().unwrap().answer("none").unwrap();
    };
    let (answers, ()) = tokio::join!(asked, answer);
    assert_eq!(answers.unwrap().unreadable, 1);

    // Nobody takes it, and so nobody has dropped it either.
    let answers = server.server_side_request::<u32>("load", 1).await.unwrap();
    assert_eq!(answers.unanswered, ["this process"]);
    events.next_request().await.unwrap().unwrap().answer(1).expect("nobody waits any more");

    // An emit is answered by nobody, and an answer to it goes nowhere.
    server.server_side_emit("load", 7).await.unwrap();
    let event = events.next_request().await.unwrap().unwrap();
    assert_eq!(*event.payload(), 7);
    event.answer("unasked").unwrap();
}
