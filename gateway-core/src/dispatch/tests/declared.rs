//! A gateway that lists the events it emits is held to them, however they are sent.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use crate::{
    AckError, EmitError, ErrorReply, Event, ExceptionFilter, ExecutionContext, Reply, Server,
    WsException, WsResponse,
    call::reply::StreamItem,
    dispatch::testing::{Plan, World},
    socket::event::ListedEvents,
};

#[derive(Serialize, Event)]
#[event("listed", crate = crate)]
struct Listed {
    number: u8,
}

#[derive(Serialize, Event)]
#[event("moved", args, crate = crate)]
struct Moved(i32, i32);

#[derive(Serialize, Event)]
#[event("over", crate = crate)]
struct Over;

#[derive(Serialize, Event)]
#[event("foreign", ack = u8, crate = crate)]
struct Foreign;

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.declared = ListedEvents::of(["listed", "moved", "over"]);
    plan
}

fn refused(event: &str) -> EmitError {
    EmitError::Undeclared { event: event.to_owned(), namespace: "/".to_owned() }
}

#[tokio::test]
async fn a_declared_event_has_its_name_and_its_arguments() {
    let world = World::of(plan()).await;
    let server = Server::new(Arc::clone(world.gateway.namespace()));
    let mut client = world.client().await;
    let socket = server.sockets().remove(0);
    server.send(&Listed { number: 1 }).await.unwrap();
    socket.send(&Moved(3, 4)).await.unwrap();
    socket.try_send(&Over).unwrap();
    socket.volatile().send(&Listed { number: 2 }).await.unwrap();
    server.to(socket.id()).send(&Over).await.unwrap();
    server.fetch_sockets::<()>().await.unwrap()[0].send(&Moved(5, 6)).await.unwrap();
    for expected in [
        r#"42["listed",{"number":1}]"#,
        r#"42["moved",3,4]"#,
        r#"42["over"]"#,
        r#"42["listed",{"number":2}]"#,
        r#"42["over"]"#,
        r#"42["moved",5,6]"#,
    ] {
        assert_eq!(client.hear().await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn what_is_not_listed_is_an_error_while_an_application_is_developed() {
    let world = World::of(plan()).await;
    let server = Server::new(Arc::clone(world.gateway.namespace()));
    let mut client = world.client().await;
    let socket = server.sockets().remove(0);
    let wrong = || Err(refused("foreign"));
    assert_eq!(server.emit("foreign", 1).await, wrong());
    assert_eq!(server.send(&Foreign).await, wrong());
    assert_eq!(server.to("room").volatile().emit("foreign", 1).await, wrong());
    assert_eq!(server.emit_with_ack::<u8>("foreign", 1).await.err(), Some(refused("foreign")));
    assert_eq!(server.request(&Foreign).await.err(), Some(refused("foreign")));
    assert_eq!(server.fetch_sockets::<()>().await.unwrap()[0].emit("foreign", 1).await, wrong());
    assert_eq!(socket.emit("foreign", 1).await, wrong());
    assert_eq!(socket.try_emit("foreign", 1), wrong());
    assert_eq!(socket.volatile().emit("foreign", 1).await, wrong());
    assert_eq!(socket.broadcast().emit("foreign", 1).await, wrong());
    assert_eq!(socket.request(&Foreign).await.err(), Some(refused("foreign")));
    let asked = socket.emit_with_ack::<u8>("foreign", 1).await;
    assert_eq!(asked, Err(AckError::Emit(refused("foreign"))));
    // Nothing of it was sent, and nothing is awaited.
    socket.emit("listed", 7).await.unwrap();
    assert_eq!(client.hear().await.as_deref(), Some(r#"42["listed",7]"#));
}

#[tokio::test]
async fn so_is_a_reply_by_that_name() {
    let reply = |context: ExecutionContext| async move {
        let event = WsResponse::of(Foreign);
        event.encode(&context).map(|_| unreachable!("it is not listed"))
    };
    let world = World::of(plan().handle("ask", reply)).await;
    let mut client = world.client().await;
    let answer = client.ask(r#"421["ask"]"#).await;
    assert!(answer.contains("INTERNAL"), "{answer}");
}

/// Tells of errors by an event that is its own.
struct Tells;

impl ExceptionFilter for Tells {
    type Catch = WsException;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        _: &WsException,
        context: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        match context.event() {
            "told" => Ok(ErrorReply::new("sorry", &serde_json::Value::from(1))),
            _ => Err(WsException::new("no")),
        }
    }
}

#[tokio::test]
async fn what_filters_tell_need_not_be_listed() {
    let fail = |_: ExecutionContext| async { Err::<Reply, _>(WsException::new("no")) };
    let mut plan = plan().handle("told", fail).handle("standard", fail);
    plan.enhancers.filters.push(Arc::new(Tells));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"42["told"]"#).await, r#"42["sorry",1]"#);
    assert!(client.ask(r#"42["standard"]"#).await.starts_with(r#"42["exception",{"#));
}

#[tokio::test]
async fn a_gateway_that_lists_nothing_emits_anything() {
    let world = World::of(Plan::default()).await;
    let server = Server::new(Arc::clone(world.gateway.namespace()));
    let mut client = world.client().await;
    server.send(&Listed { number: 1 }).await.unwrap();
    server.emit("foreign", ()).await.unwrap();
    let heard: BTreeSet<Option<String>> = [client.hear().await, client.hear().await].into();
    let expected = [r#"42["listed",{"number":1}]"#, r#"42["foreign"]"#];
    assert_eq!(heard, expected.map(|one| Some(one.to_owned())).into());
}

#[tokio::test]
async fn in_production_it_is_sent_and_counted() {
    let world = World::of(plan()).await;
    let namespace = world.gateway.namespace();
    assert_eq!(namespace.undeclared("foreign", true), Err(refused("foreign")));
    assert_eq!(namespace.undeclared("foreign", false), Ok(()));
}
