//! What clients can make the log say, as often as they like.

use std::sync::Arc;

use tracing::Level;

use crate::{
    Authenticated, EmitError, ErrorReply, ExceptionFilter, ExecutionContext, Handshake, JoinError,
    WsException,
    auth::Authenticator,
    captured_log::CapturedLog,
    dispatch::testing::{Plan, World, eventually},
};

/// What a client sends, and an error repeats.
fn long() -> String {
    "x".repeat(50_000)
}

/// Of that, a line of the log is given so much.
const SHOWN: usize = 256;

/// Everybody is a user of a long name.
struct LongName;

impl Authenticator for LongName {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        Ok(Authenticated::new(()).user(long()))
    }
}

/// Fails, and says why at length.
struct Broken;

impl Authenticator for Broken {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        Err(WsException::internal(long()))
    }
}

/// Answers with an event that nobody may emit.
struct Reserved;

impl ExceptionFilter for Reserved {
    type Catch = std::num::ParseIntError;
    type Body = ();

    async fn catch(
        &self,
        _: &std::num::ParseIntError,
        _: &ExecutionContext,
    ) -> Result<ErrorReply<()>, WsException> {
        Ok(ErrorReply::new("disconnect", &()))
    }
}

/// No line is longer than what may stand in its fields, and there are some, and not many.
fn assert_bounded(log: &CapturedLog, most_lines: usize) {
    let text = log.text();
    let longest = text.lines().map(str::len).max().unwrap_or_default();
    let lines = text.lines().count();
    assert!(longest > 0 && longest < 4 * SHOWN + 512, "{longest} bytes: {text:.2000}");
    assert!(lines <= most_lines, "{lines} lines: {text:.2000}");
}

#[tokio::test]
async fn a_client_whose_messages_fail_does_not_fill_the_log() {
    const TIMES: usize = 300;

    let (log, _logging) = CapturedLog::of(Level::INFO);
    let plan = Plan::default()
        .authenticate(Arc::new(LongName))
        .handle("fails", async |context: ExecutionContext| {
            let sent: String = context.decode()?;
            Err(WsException::internal(sent))
        })
        .handle("panics", async |context: ExecutionContext| {
            let sent: String = context.decode()?;
            panic!("{sent}")
        })
        .handle("is-filtered", async |_| Err("x".parse::<u8>().unwrap_err().into()));
    let mut plan = plan;
    plan.enhancers.filters.push(Arc::new(Reserved));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    for event in ["fails", "panics", "is-filtered", "unknown", &long()] {
        for _ in 0..TIMES {
            client.say(&format!(r#"42["{event}","{}"]"#, long())).await;
            let told = client.hear().await.expect("an answer");
            assert!(told.starts_with(r#"42["exception","#), "{told:.100}");
        }
    }
    let text = log.text();
    for said in ["a handler failed", "a handler panicked", "an exception filter's event"] {
        assert!(text.contains(said), "{text:.2000}");
    }
    // Ten of each of three routes, twice where a filter fails and its error is logged as well; and those
    // of a limit that was reached.
    assert_bounded(&log, 50);
}

#[tokio::test]
async fn who_is_not_let_in_does_not_fill_the_log() {
    let (log, _logging) = CapturedLog::of(Level::INFO);
    let world = World::of(Plan::default().authenticate(Arc::new(Broken))).await;
    for _ in 0..50 {
        let mut client = world.newcomer().await;
        while !client.hear().await.expect("a refusal").starts_with("44") {}
    }
    assert!(log.text().contains("authentication failed"), "{}", log.text());
    assert_bounded(&log, 10);
}

#[tokio::test]
async fn who_leaves_is_no_error() {
    let (log, _logging) = CapturedLog::of(Level::INFO);
    let plan = Plan::default()
        .handle("joins", async |context: ExecutionContext| {
            context.socket().disconnected().await;
            Err(context.socket().join("room").await.unwrap_err().into())
        })
        .handle("emits", async |context: ExecutionContext| {
            context.socket().disconnected().await;
            let error = context.socket().emit("event", 1).await.unwrap_err();
            assert_eq!(error, EmitError::Disconnected);
            Err(error.into())
        })
        .handle("echo", super::echo);
    let world = World::of(plan).await;
    for _ in 0..20 {
        let mut client = world.client().await;
        client.say(r#"42["joins"]"#).await;
        client.say(r#"42["emits"]"#).await;
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]", "both have begun");
    }
    eventually(|| world.gateway.conversations.read().unwrap().is_empty()).await;
    assert_eq!(log.text(), "");
    assert!(WsException::from(JoinError::Disconnected).is_internal());
}
