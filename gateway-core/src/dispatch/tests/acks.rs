//! Who answers a message: whoever takes its `Ack`, and whatever becomes of that, the client is answered once.

use std::{sync::Arc, time::Duration};

use futures_util::stream;
use serde_json::json;
use tracing::Level;

use crate::{
    Ack, ErrorReply, ExceptionFilter, ExecutionContext, FromMessage, Guard, Interceptor, Next,
    Reply, WsException, WsResponse, WsStream,
    call::reply::ladder::{
        Kind, KindOfEvent as _, KindOfStream as _, KindOfValue as _, Peel, PeelPlain as _,
    },
    captured_log::CapturedLog,
    dispatch::testing::{Client, Plan, World, eventually},
};

const TAKERS: [&str; 5] = ["guard", "before", "handler", "after", "filter"];
const DEEDS: [&str; 4] = ["sends", "sends later", "drops", "drops later"];
const OUTCOMES: [&str; 6] = ["nothing", "value", "event", "stream", "error", "panic"];

/// Longer than a handler takes, and shorter than a test waits.
const LATER: Duration = Duration::from_millis(20);

/// As an extractor of the application's own takes it; others are given the context as a reference.
async fn take(context: &ExecutionContext) -> Result<Ack, WsException> {
    <Ack as FromMessage<()>>::from_message(&mut context.clone()).await
}

/// Does what the name of the event, `taker:deed:outcome`, says of this taker.
async fn act(taker: &str, context: &ExecutionContext) -> Result<(), WsException> {
    let Some((_, deed)) = context.event().split_once(&format!("{taker}:")) else { return Ok(()) };
    let ack = take(context).await?;
    match deed.split(':').next().unwrap_or_default() {
        "sends" => return Ok(ack.send("ack").await?),
        "drops" => {}
        later => {
            let sends = later == "sends later";
            tokio::spawn(async move {
                tokio::time::sleep(LATER).await;
                if sends {
                    ack.send("ack").await.unwrap();
                }
            });
        }
    }
    Ok(())
}

struct Takes;

impl Guard for Takes {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        act("guard", context).await?;
        Ok(true)
    }
}

impl Interceptor for Takes {
    async fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        act("before", context).await?;
        let reply = next.handle().await?;
        act("after", context).await?;
        Ok(reply)
    }
}

impl ExceptionFilter for Takes {
    type Catch = WsException;
    type Body = String;

    async fn catch(
        &self,
        exception: &WsException,
        context: &ExecutionContext,
    ) -> Result<ErrorReply<String>, WsException> {
        act("filter", context).await?;
        let reply = ErrorReply::new("told", &exception.code().to_owned());
        Ok(if context.event().ends_with("unanswered") { reply.without_ack() } else { reply })
    }
}

fn probe<T>(_output: &T) -> Peel<T> {
    Peel::OF
}

/// Ends as the name of the event says; replies are made as generated code makes them.
async fn handle(context: ExecutionContext) -> Result<Reply, WsException> {
    macro_rules! reply {
        ($output:expr) => {{
            let output = $output;
            let peeled = probe(&output).peel();
            (&Kind::of(&peeled)).kind().finish(&peeled)(output, &context)
        }};
    }
    act("handler", &context).await?;
    match context.event().rsplit(':').next() {
        Some("nothing") => reply!(()),
        Some("value") => reply!("value"),
        Some("event") => reply!(WsResponse::new("told", 1)),
        Some("stream") => {
            let events = [1, 2].map(|n| WsResponse::new("told", n));
            reply!(WsStream::new(stream::iter(events)))
        }
        Some("panic") => panic!("on purpose"),
        _ => Err(WsException::new("wrong").with_code("WRONG")),
    }
}

/// What the client reads in the acknowledgement.
fn expected(taker: &str, deed: &str, outcome: &str) -> &'static str {
    let fails = matches!(outcome, "error" | "panic");
    // The pipeline's own answer.
    let own = match outcome {
        "value" => r#"["value"]"#,
        "error" => r#"["WRONG"]"#,
        "panic" => r#"["INTERNAL"]"#,
        _ => "[]",
    };
    match (taker, deed) {
        // Nobody gets as far.
        ("after", _) if fails => own,
        ("filter", _) if !fails => own,
        (_, "sends") => r#"["ack"]"#,
        // The pipeline has an answer, which comes first.
        ("after" | "filter", _) => own,
        _ if fails => own,
        _ if outcome == "value" => r#"["INTERNAL"]"#,
        (_, "sends later") => r#"["ack"]"#,
        _ => r#"["NO_REPLY"]"#,
    }
}

/// Collects the acknowledgements that come until the one with this number has, each with its number.
async fn acks_until(client: &mut Client, last: usize) -> Vec<(usize, String)> {
    let mut acks = Vec::new();
    loop {
        let packet = client.hear().await.expect("an answer");
        let Some(ack) = packet.strip_prefix("43") else { continue };
        let (number, body) = ack.split_once('[').unwrap();
        let number = number.parse().unwrap();
        let code = serde_json::from_str::<Vec<serde_json::Value>>(&format!("[{body}")).unwrap();
        let code = code.into_iter().map(|body| body.get("code").cloned().unwrap_or(body));
        acks.push((number, json!(code.collect::<Vec<_>>()).to_string()));
        if number == last {
            return acks;
        }
    }
}

fn plan(events: impl IntoIterator<Item = String>) -> Plan {
    let mut plan = Plan::default().handle("echo", super::echo);
    for event in events {
        plan = plan.handle(event.leak(), handle);
    }
    plan.enhancers.guards.push(Arc::new(Takes));
    plan.enhancers.interceptors.push(Arc::new(Takes));
    plan.enhancers.filters.push(Arc::new(Takes));
    plan
}

#[tokio::test]
async fn whoever_takes_the_ack_the_client_is_answered_once() {
    let cases = || {
        let of_taker = |taker| DEEDS.into_iter().map(move |deed| (taker, deed));
        let of_deed = |(taker, deed)| OUTCOMES.into_iter().map(move |end| (taker, deed, end));
        TAKERS.into_iter().flat_map(of_taker).flat_map(of_deed)
    };
    let event = |(taker, deed, outcome)| format!("{taker}:{deed}:{outcome}");
    let world = World::of(plan(cases().map(event))).await;
    let mut client = world.client().await;
    let mut acks = Vec::new();
    for (number, case) in cases().enumerate() {
        client.say(&format!(r#"42{number}["{}"]"#, event(case))).await;
        acks.extend(acks_until(&mut client, number).await);
    }
    // A second answer would come by now.
    tokio::time::sleep(10 * LATER).await;
    client.say(r#"429999["echo"]"#).await;
    acks.extend(acks_until(&mut client, 9999).await);
    acks.pop();
    let expected = cases().enumerate().map(|(number, (taker, deed, outcome))| {
        (number, expected(taker, deed, outcome).to_owned(), event((taker, deed, outcome)))
    });
    let events = cases().map(event).collect::<Vec<_>>();
    let heard = acks.into_iter().map(|(number, body)| (number, body, events[number].clone()));
    assert_eq!(heard.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_filter_leaves_unanswered_is_left_to_who_holds_the_ack() {
    let events = ["sends later", "drops later"].map(|deed| format!("handler:{deed}:unanswered"));
    let world = World::of(plan(events.clone())).await;
    let mut client = world.client().await;
    for (event, answer) in events.iter().zip([r#"["ack"]"#, r#"["NO_REPLY"]"#]) {
        client.say(&format!(r#"421["{event}"]"#)).await;
        assert_eq!(acks_until(&mut client, 1).await, [(1, answer.to_owned())]);
    }
}

#[tokio::test]
async fn a_second_ack_is_an_error_and_the_log_says_why() {
    let (log, _logging) = CapturedLog::of(Level::INFO);
    let late = Arc::<std::sync::Mutex<Option<bool>>>::default();
    let taken_late = Arc::clone(&late);
    let plan = Plan::default()
        .handle("twice", async |context: ExecutionContext| {
            let _first = take(&context).await?;
            take(&context).await?.send("second").await?;
            Reply::new(&context, "unreached")
        })
        .handle("late", move |context: ExecutionContext| {
            let late = Arc::clone(&taken_late);
            async move {
                let kept = context.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(LATER).await;
                    *late.lock().unwrap() = Some(take(&kept).await.is_ok());
                });
                Reply::new(&context, "at once")
            }
        });
    let world = World::of(plan).await;
    let mut client = world.client().await;
    client.say(r#"421["twice"]"#).await;
    assert_eq!(acks_until(&mut client, 1).await, [(1, r#"["INTERNAL"]"#.to_owned())]);
    assert!(log.text().contains("a message has one"), "{}", log.text());
    assert_eq!(client.ask(r#"422["late"]"#).await, r#"432["at once"]"#);
    eventually(|| late.lock().unwrap().is_some()).await;
    assert_eq!(*late.lock().unwrap(), Some(false), "it has been answered");
    let hook = Arc::clone(&world.gateway.routes.arrival);
    let error = take(&ExecutionContext::without_message(None, hook, None)).await.unwrap_err();
    assert!(error.is_internal(), "a hook has none: {error:?}");
}

#[tokio::test]
async fn a_value_that_nobody_receives_is_an_error_and_the_log_says_why() {
    let (log, _logging) = CapturedLog::of(Level::INFO);
    let event = "handler:sends:value".to_owned();
    let world = World::of(plan([event.clone()])).await;
    let mut client = world.client().await;
    client.say(&format!(r#"421["{event}"]"#)).await;
    assert_eq!(acks_until(&mut client, 1).await, [(1, r#"["ack"]"#.to_owned())]);
    assert_eq!(client.hear().await.as_deref(), Some(r#"42["told","INTERNAL"]"#));
    assert!(log.text().contains("nobody receives the value"), "{}", log.text());
    // Nobody waits for one here.
    client.say(&format!(r#"42["{event}"]"#)).await;
    assert_eq!(client.ask(r#"422["echo"]"#).await, r#"432[null]"#);
}
