//! Guards, pipes, filters and interceptors by themselves.

use gateway_core::{Argument, prelude::*};
use gateway_test::{argument, context};
use serde_json::{Value, json};

#[derive(Clone)]
struct User {
    id: u64,
}

struct IsOwner;

impl Guard for IsOwner {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        let owner: u64 = context.decode()?;
        Ok(context.identity::<User>().is_some_and(|user| user.id == owner))
    }
}

#[tokio::test]
async fn a_guard_sees_the_message_and_its_client() {
    let seven = || Authenticated::new(User { id: 7 }).user(7).roles(["admin"]);
    let own = context().event("delete").payload(7).as_user(seven()).await;
    assert!(IsOwner.can_activate(&own).await.unwrap());
    assert_eq!(
        (own.event(), own.user().as_deref(), &*own.roles()),
        ("delete", Some("7"), &["admin".to_owned()][..])
    );
    let others = context().event("delete").payload(8).as_user(seven()).await;
    assert!(!IsOwner.can_activate(&others).await.unwrap());
    let strangers = context().event("delete").payload(7).await;
    assert!(!IsOwner.can_activate(&strangers).await.unwrap());
}

#[tokio::test]
async fn a_context_has_a_handshake_and_metadata_and_a_socket_that_is_heard() {
    #[derive(Debug, PartialEq)]
    struct Level(u8);

    let address = "203.0.113.7:1".parse().unwrap();
    let context = context().metadata(Level(3)).header("x-lamp", "lit").address(address);
    let context = context.auth(json!({ "key": "k" })).await;
    assert_eq!(context.metadata::<Level>(), Some(&Level(3)));
    assert_eq!(context.handshake().header("x-lamp"), Some("lit"));
    assert_eq!(context.handshake().address(), Some(address));
    assert_eq!(context.handshake().auth()["key"], "k");
    context.socket().emit("hello", 1).await.unwrap();
    assert_eq!(context.client().expect_event::<u8>("hello").await, 1);
    context.server().emit("all", 2).await.unwrap();
    assert_eq!(context.client().expect_event::<u8>("all").await, 2);
}

struct Envelope;

impl Interceptor for Envelope {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        Ok(next.handle().await?.map(|value| json!({ "data": value })))
    }
}

#[tokio::test]
async fn an_interceptor_is_given_what_comes_next() {
    let silent = context().without_ack().await;
    assert!(!silent.wants_ack());
    let reply = Envelope.intercept(&silent, silent.next(Ok("hi"))).await.unwrap();
    assert_eq!(silent.acknowledgement(reply).unwrap(), None);
    let context = context().await;
    let reply = Envelope.intercept(&context, context.next(Ok("hi"))).await.unwrap();
    assert_eq!(context.acknowledgement(reply).unwrap(), Some(json!({ "data": "hi" })));
    let error = WsException::new("no").with_code("NO");
    let failed = Envelope.intercept(&context, context.next(Err::<(), _>(error))).await;
    assert_eq!(failed.err().map(|error| error.code().to_owned()).as_deref(), Some("NO"));
}

struct Positive;

impl Pipe for Positive {
    async fn transform(
        &self,
        value: Argument,
        metadata: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        match value.to::<i64>()? {
            0.. => Ok(value),
            _ => Err(WsException::new(format!("argument {} is negative", metadata.index()))),
        }
    }
}

#[tokio::test]
async fn a_pipe_is_told_which_argument_it_is_given() {
    let third = argument::<i64>("move", 2);
    assert!(Positive.transform(Argument::from(json!(1)), &third).await.is_ok());
    let error = Positive.transform(Argument::from(json!(-1)), &third).await.unwrap_err();
    assert_eq!(error.message(), "argument 2 is negative");
    assert!(third.type_name().contains("i64"));
}

struct Told;

impl ExceptionFilter for Told {
    type Catch = WsException;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        exception: &WsException,
        context: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        Ok(ErrorReply::new(
            "error",
            &json!({ "event": context.event(), "why": exception.message() }),
        ))
    }
}

#[tokio::test]
async fn a_filter_is_given_the_exception_and_the_message() {
    let context = context().event("say").await;
    let reply = Told.catch(&WsException::new("no"), &context).await.unwrap();
    assert_eq!(reply, ErrorReply::new("error", &json!({ "event": "say", "why": "no" })));
    let _: Value = context.body();
}
