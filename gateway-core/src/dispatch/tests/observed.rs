//! What observers are told, and that they change nothing.

use std::sync::{Arc, Mutex};

use tracing::Level;

use super::echo;
use crate::{
    Arguments, Authenticated, DisconnectReason, EncodedArguments, Handshake, Observer, Server,
    Socket, Target, WsException,
    auth::Authenticator,
    call::reply::ReplyKind,
    captured_log::CapturedLog,
    dispatch::testing::{Plan, World, eventually},
};

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn has(&self, what: &str) -> bool {
        self.0.lock().unwrap().iter().any(|note| note == what)
    }
}

impl Observer for Notes {
    fn connected(&self, _: &Socket) {
        self.note("connected".to_owned());
    }

    fn disconnected(&self, _: &Socket, reason: DisconnectReason) {
        self.note(format!("disconnected: {reason}"));
    }

    fn joined(&self, _: &Socket, room: &str) {
        self.note(format!("joined {room}"));
    }

    fn left(&self, _: &Socket, room: &str) {
        self.note(format!("left {room}"));
    }

    fn received(&self, _: &Socket, event: &str, arguments: &EncodedArguments<'_>) {
        self.note(format!("received {event}({})", arguments.text()));
    }

    fn answered(&self, _: &Socket, event: &str, arguments: &EncodedArguments<'_>) {
        self.note(format!("answered {event}({})", arguments.text()));
    }

    fn sent(&self, target: &Target<'_>, event: &str, arguments: &EncodedArguments<'_>) {
        let count = arguments.read::<Arguments>().unwrap().len();
        let whom = match target.socket() {
            Some(_) => "one".to_owned(),
            None if target.is_everyone() => "everyone".to_owned(),
            None => format!("{:?}{:?}", names(target.rooms()), names(target.users())),
        };
        let except = target.except().count();
        let local = if target.is_local() { ", local" } else { "" };
        self.note(format!("sent {whom} but {except}{local}: {event} {count}"));
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.collect()
}

async fn observed(plan: Plan) -> (World, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let mut plan = plan.handle("echo", echo);
    plan.settings.observers.add(Arc::clone(&notes) as _);
    (World::of(plan).await, notes)
}

fn server(world: &World) -> Server {
    Server::new(Arc::clone(world.gateway.namespace()))
}

#[tokio::test]
async fn a_client_is_seen_from_its_coming_to_its_going() {
    let (world, notes) = observed(Plan::default()).await;
    let client = world.client().await;
    eventually(|| notes.has("connected")).await;
    let socket = server(&world).sockets().remove(0);
    socket.join(["a", "b"]).await.unwrap();
    // Where it is already, it does not join, and where it is not, it does not leave.
    socket.join(["b", "c"]).await.unwrap();
    server(&world).sockets_leave(["a", "x"]).await.unwrap();
    assert_eq!(notes.take(), ["connected", "joined a", "joined b", "joined c", "left a"]);
    drop(client);
    eventually(|| notes.has("disconnected: transport close")).await;
    let mut going = notes.take();
    going[..2].sort();
    assert_eq!(going, ["left b", "left c", "disconnected: transport close"]);
    // Who is gone joins nothing.
    socket.join("d").await.unwrap_err();
    socket.emit("late", ()).await.unwrap_err();
    assert!(notes.take().is_empty());
}

#[tokio::test]
async fn events_and_answers_are_seen_in_both_directions() {
    let (world, notes) = observed(Plan::default()).await;
    let mut client = world.client().await;
    eventually(|| notes.has("connected")).await;
    notes.take();
    assert_eq!(client.ask(r#"421["echo",{"a":"b"},2]"#).await, r#"431[[{"a":"b"},2]]"#);
    client.ask(r#"42["nobody's"]"#).await;
    assert_eq!(
        notes.take(),
        [
            r#"received echo({"a":"b"},2)"#,
            r#"answered echo([{"a":"b"},2])"#,
            "received nobody's()",
            "sent one but 0, local: exception 1",
        ]
    );
}

#[tokio::test]
async fn an_answer_is_seen_with_its_event_whoever_gives_it_and_whenever() {
    let plan = Plan::default().handle_others(|context| async move {
        let ack = context.take_ack()?;
        if context.event() == "forgets" {
            drop(ack);
        } else {
            ack.send("sent").await?;
        }
        Ok(ReplyKind::Nothing.into())
    });
    let (world, notes) = observed(plan).await;
    let mut client = world.client().await;
    eventually(|| notes.has("connected")).await;
    notes.take();
    assert_eq!(client.ask(r#"421["asks",1]"#).await, r#"431["sent"]"#);
    assert_eq!(notes.take(), ["received asks(1)", r#"answered asks("sent")"#]);
    client.ask(r#"422["forgets"]"#).await;
    let told = notes.take();
    assert!(told[2].starts_with("answered forgets({") && told[2].contains("NO_REPLY"), "{told:?}");
}

#[tokio::test]
async fn whom_it_is_sent_to_is_told_as_it_was_said() {
    let (world, notes) = observed(Plan::default()).await;
    let _client = world.client().await;
    let server = server(&world);
    eventually(|| notes.has("connected")).await;
    let socket = server.sockets().remove(0);
    notes.take();
    server.emit("all", ()).await.unwrap();
    server.user(7).to(["a", "\u{1}odd"]).except("b").emit("some", 1).await.unwrap();
    socket.broadcast().local().emit("others", ()).await.unwrap();
    socket.emit("one", crate::Args((1, 2))).await.unwrap();
    socket.try_emit("a \"name\"", [1]).unwrap();
    assert_eq!(
        notes.take(),
        [
            "sent everyone but 0: all 0",
            "sent [\"a\", \"\\u{1}odd\"][\"7\"] but 1: some 1",
            "sent everyone but 1, local: others 0",
            "sent one but 0, local: one 2",
            "sent one but 0, local: a \"name\" 1",
        ]
    );
    // What is not sent is not told.
    server.emit("disconnect", ()).await.unwrap_err();
    assert!(notes.take().is_empty());
}

/// Lets everybody in.
struct Anybody;

impl Authenticator for Anybody {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        Ok(Authenticated::new(()))
    }
}

#[tokio::test]
async fn a_credential_is_not_told() {
    let (world, notes) = observed(Plan::default().authenticate(Arc::new(Anybody))).await;
    let mut client = world.client().await;
    let answer = client.ask(r#"421["reauthenticate",{"token":"secret"}]"#).await;
    assert!(answer.starts_with("431"), "{answer}");
    assert!(notes.has("received reauthenticate()"));
    assert!(!notes.take().iter().any(|note| note.contains("secret")));
}

/// Emits whenever something is answered, and panics at what comes in.
struct Meddler;

impl Observer for Meddler {
    fn received(&self, _: &Socket, _: &str, _: &EncodedArguments<'_>) {
        panic!("it may be anything");
    }

    fn answered(&self, socket: &Socket, _: &str, _: &EncodedArguments<'_>) {
        socket.try_emit("told", "by an observer").unwrap();
    }

    fn sent(&self, target: &Target<'_>, _: &str, _: &EncodedArguments<'_>) {
        target.socket().unwrap().try_emit("again", ()).unwrap();
    }
}

#[tokio::test]
async fn one_that_panics_or_emits_does_no_harm() {
    let (log, _logging) = CapturedLog::of(Level::ERROR);
    let notes = Arc::new(Notes::default());
    let mut plan = Plan::default().handle("echo", echo);
    plan.settings.observers.add(Arc::new(Meddler));
    plan.settings.observers.add(Arc::clone(&notes) as _);
    let world = World::of(plan).await;
    let mut client = world.client().await;
    client.say(r#"421["echo",1]"#).await;
    // What an observer sends arrives, and is told to none of them.
    assert_eq!(client.hear().await.unwrap(), r#"42["told","by an observer"]"#);
    assert_eq!(client.hear().await.unwrap(), "431[1]");
    let told: Vec<_> = notes.take().into_iter().filter(|note| note != "connected").collect();
    assert_eq!(told, ["received echo(1)", "answered echo(1)"]);
    assert!(log.text().contains("an observer panicked"), "{}", log.text());
}
