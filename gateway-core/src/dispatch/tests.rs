//! What a conversation promises whatever hangs, panics or expires, over real connections.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use metrics::{Counter, Gauge, Histogram, KeyName, SharedString, Unit};
use serde_json::json;
use tracing::{Event, Id, Metadata, span, subscriber::Interest};

use crate::{
    Authenticated, ErrorReply, ExceptionFilter, ExecutionContext, Handshake, JoinError, Reply,
    WsException,
    auth::Authenticator,
    clock::Clock,
    dispatch::{
        conversation::Conversation,
        testing::{Plan, World, eventually},
    },
    limits::Limits,
    options::Options,
};

mod acks;
mod asked;
#[cfg(feature = "macros")]
mod declared;
mod instances;
mod limits;
mod logs;
mod newest;
mod observed;
mod volatile;

async fn echo(context: ExecutionContext) -> Result<Reply, WsException> {
    Reply::new(&context, context.body())
}

/// The only client, held weakly.
fn only(world: &World) -> Weak<Conversation> {
    let here = world.gateway.conversations.read().unwrap();
    here.values().next().cloned().unwrap_or_default()
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn who_leaves_while_on_connection_hangs_leaves_nothing_behind() {
    let world = World::of(Plan::default().on_connection(pending).handle("echo", echo)).await;
    let mut client = world.client().await;
    client.say(r#"42["echo","waits for on_connection"]"#).await;
    let conversation = only(&world);
    eventually(|| conversation.upgrade().is_some_and(|client| client.has_waiting())).await;
    drop(client);
    // As when ten seconds are over.
    world.gateway.draining.end_patience();
    eventually(|| conversation.strong_count() == 0).await;
    assert!(world.gateway.conversations.read().unwrap().is_empty());
    assert_eq!(world.gateway.namespace().len(), 0);
}

#[tokio::test]
async fn a_handler_is_dropped_when_it_has_outlived_its_client_for_too_long() {
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = Arc::clone(&dropped);
    let mut plan = Plan::default().handle("hang", move |_| {
        let guard = Dropped(Arc::clone(&guard));
        async move {
            let _guard = guard;
            pending().await
        }
    });
    plan.options = Options { handler_grace: Duration::from_millis(200), ..Options::default() };
    let world = World::of(plan).await;
    let mut client = world.client().await;
    client.say(r#"42["hang"]"#).await;
    let conversation = only(&world);
    eventually(|| conversation.upgrade().is_some_and(|client| client.running() == 1)).await;
    drop(client);
    eventually(|| conversation.upgrade().is_none_or(|client| client.connection.is_closed())).await;
    assert!(!dropped.load(Ordering::SeqCst), "not at once: it may have something to finish");
    eventually(|| dropped.load(Ordering::SeqCst) && conversation.strong_count() == 0).await;
}

#[tokio::test]
async fn an_on_disconnect_that_hangs_is_dropped_in_the_end() {
    let mut plan = Plan::default().on_disconnect(pending);
    plan.options = Options { handler_grace: Duration::from_millis(100), ..Options::default() };
    let world = World::of(plan).await;
    let client = world.client().await;
    let conversation = only(&world);
    drop(client);
    eventually(|| conversation.strong_count() == 0).await;
}

/// A subscriber that panics at the span of each message: what stands around the pipeline's boundary.
struct Panicking(Arc<AtomicBool>);

impl tracing::Subscriber for Panicking {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert!(
            metadata.name() != "message" || !self.0.load(Ordering::SeqCst),
            "a layer of somebody's"
        );
        false
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_panic_around_the_pipeline_costs_one_message_and_no_place() {
    let panics = Arc::new(AtomicBool::new(true));
    // One thread runs everything here.
    let _subscribed = tracing::subscriber::set_default(Panicking(Arc::clone(&panics)));
    let mut plan = Plan::default().handle("echo", echo);
    plan.options = Options { concurrency: 1, serial: true, ..Options::default() };
    let world = World::of(plan).await;
    let mut client = world.client().await;
    for _ in 0..3 {
        client.say(r#"42["echo",1]"#).await;
    }
    client.say(r#"42["echo",2]"#).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    panics.store(false, Ordering::SeqCst);
    assert_eq!(client.ask(r#"421["echo",3]"#).await, "431[3]");
    assert_eq!(only(&world).upgrade().unwrap().running(), 0);
}

/// Lets everybody in for a minute, by the clock of the test.
struct ForAMinute(Clock);

impl Authenticator for ForAMinute {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        Ok(Authenticated::new(()).user(1).expires_at(self.0.wall() + Duration::from_secs(60)))
    }
}

fn for_a_minute(handled: &Arc<AtomicUsize>) -> Plan {
    let clock = Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    let handled = Arc::clone(handled);
    let mut plan = Plan::default();
    plan.clock = clock.clone();
    let plan = plan.handle("echo", move |context| {
        handled.fetch_add(1, Ordering::SeqCst);
        echo(context)
    });
    plan.authenticate(Arc::new(ForAMinute(clock)))
}

#[tokio::test]
async fn a_session_ends_by_the_calendar_also_where_no_timer_has_noticed() {
    let handled = Arc::new(AtomicUsize::new(0));
    let plan = for_a_minute(&handled);
    let clock = plan.clock.clone();
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    clock.jump(Duration::from_secs(61));
    let told = client.ask(r#"422["echo",2]"#).await;
    assert!(told.contains("TOKEN_EXPIRED"), "{told}");
    assert_eq!(client.hear().await.as_deref(), Some("41"), "and is sent away");
    assert_eq!(handled.load(Ordering::SeqCst), 1, "no handler runs for a session that is over");
}

#[tokio::test]
async fn an_idle_session_ends_by_the_calendar_too() {
    let plan = for_a_minute(&Arc::default());
    let clock = plan.clock.clone();
    let world = World::of(plan).await;
    let mut client = world.client().await;
    clock.jump(Duration::from_secs(61));
    let told = client.hear().await.expect("the end of the session");
    assert!(told.contains("TOKEN_EXPIRED"), "{told}");
}

/// Never says who anybody is, and counts how often that is still awaited.
#[derive(Default)]
struct NeverSays(Arc<AtomicUsize>);

impl Authenticator for NeverSays {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        struct Asked<'a>(&'a AtomicUsize);
        impl Drop for Asked<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        let _asked = Asked(&self.0);
        pending().await
    }
}

#[tokio::test]
async fn an_authenticator_that_hangs_is_dropped_when_its_client_leaves() {
    const CLIENTS: usize = 100;

    let asked = Arc::<AtomicUsize>::default();
    let mut plan = Plan::default().authenticate(Arc::new(NeverSays(Arc::clone(&asked))));
    plan.settings.limits = Limits::default().authentication_timeout(Duration::MAX);
    let world = World::of(plan).await;
    // What the server runs beside its clients, and one of them warms it up.
    drop(world.newcomer().await);
    eventually(|| asked.load(Ordering::SeqCst) == 0).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(world.newcomer().await);
    }
    eventually(|| asked.load(Ordering::SeqCst) == CLIENTS).await;
    let while_here = tasks();
    drop(clients);
    let left = std::time::Instant::now();
    eventually(|| asked.load(Ordering::SeqCst) == 0).await;
    // Each has one more for the time that socketioxide gives a client to join, which is none of this.
    eventually(|| tasks() + CLIENTS <= while_here).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
}

#[tokio::test]
async fn an_authenticator_that_hangs_is_dropped_when_a_client_on_polling_leaves() {
    let asked = Arc::<AtomicUsize>::default();
    let mut plan = Plan::default().authenticate(Arc::new(NeverSays(Arc::clone(&asked))));
    plan.settings.limits = Limits::default().authentication_timeout(Duration::MAX);
    let world = World::of(plan).await;
    let session = world.polled().await;
    world.post(&session, "40").await;
    eventually(|| asked.load(Ordering::SeqCst) == 1).await;
    world.post(&session, "1").await;
    eventually(|| asked.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn an_authenticator_that_hangs_is_dropped_in_its_time_and_its_client_told() {
    let asked = Arc::<AtomicUsize>::default();
    let mut plan = Plan::default().authenticate(Arc::new(NeverSays(Arc::clone(&asked))));
    plan.settings.limits = Limits::default().authentication_timeout(Duration::from_millis(50));
    let world = World::of(plan).await;
    let mut client = world.newcomer().await;
    let opened = client.hear().await.unwrap();
    assert!(opened.starts_with('0'), "{opened}");
    let told = client.hear().await.unwrap();
    assert_eq!(told, r#"44{"message":"Authentication took too long"}"#);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// Takes its time to say that a token has expired.
struct Slow;

impl ExceptionFilter for Slow {
    type Catch = WsException;
    type Body = String;

    async fn catch(
        &self,
        exception: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply<String>, WsException> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(ErrorReply::new("told", &exception.code().to_owned()))
    }
}

#[tokio::test]
async fn a_renewal_in_the_last_moment_counts() {
    let mut plan = for_a_minute(&Arc::default());
    plan.enhancers.filters.push(Arc::new(Slow));
    let clock = plan.clock.clone();
    let world = World::of(plan).await;
    let mut client = world.client().await;
    clock.jump(Duration::from_secs(61));
    // While the filter thinks about the end of the session, which the calendar has brought about.
    let conversation = only(&world).upgrade().unwrap();
    conversation.check_session();
    conversation.connection.set_session(
        Authenticated::new(()).user(1).expires_at(clock.wall() + Duration::from_secs(60)).into(),
    );
    assert_eq!(client.hear().await.as_deref(), Some(r#"42["told","TOKEN_EXPIRED"]"#));
    assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]", "it stays");
}

/// Never ends.
struct Hangs;

impl ExceptionFilter for Hangs {
    type Catch = WsException;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        _: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        pending().await
    }
}

#[tokio::test]
async fn refusals_that_wait_for_a_filter_are_bounded() {
    let mut plan = Plan::default().handle("echo", echo);
    plan.enhancers.filters.push(Arc::new(Hangs));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    let conversation = only(&world).upgrade().unwrap();
    // From here on all that comes is refused.
    assert!(conversation.finish().now_or_never().is_some());
    for number in 0..100 {
        client.say(&format!(r#"42{number}["echo",1]"#)).await;
    }
    // The first 64 wait for their filter; those after it are answered without.
    for number in 64..100 {
        let refused = json!({
            "status": "error",
            "message": "The server is shutting down",
            "code": "SHUTTING_DOWN",
            "cause": { "pattern": "echo" },
        });
        let event = client.hear().await.unwrap();
        assert!(event.starts_with(r#"42["exception","#), "{event}");
        let ack = client.hear().await.unwrap();
        let (id, body) = ack.trim_start_matches("43").split_once('[').unwrap();
        assert_eq!(id, number.to_string());
        let body: serde_json::Value = serde_json::from_str(body.trim_end_matches(']')).unwrap();
        assert_eq!(body, refused);
    }
}

/// Counts messages by event and outcome.
#[derive(Default)]
struct Outcomes(Mutex<HashMap<(String, String), Arc<AtomicU64>>>);

impl Outcomes {
    /// The outcomes of an event, each as often as it was counted.
    fn of(&self, event: &str) -> Vec<(String, u64)> {
        let counted = self.0.lock().unwrap();
        let of_event = counted
            .iter()
            .filter(|((of, _), count)| of == event && count.load(Ordering::Relaxed) > 0);
        of_event
            .map(|((_, outcome), count)| (outcome.clone(), count.load(Ordering::Relaxed)))
            .collect()
    }
}

impl metrics::Recorder for Outcomes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> Counter {
        let label = |name: &str| key.labels().find(|label| label.key() == name);
        match (label("event"), label("outcome")) {
            (Some(event), Some(outcome)) => {
                let key = (event.value().to_owned(), outcome.value().to_owned());
                Counter::from_arc(Arc::clone(self.0.lock().unwrap().entry(key).or_default()))
            }
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Reckons with one kind of error.
struct Expects;

impl ExceptionFilter for Expects {
    type Catch = std::num::ParseIntError;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        _: &std::num::ParseIntError,
        _: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        Ok(ErrorReply::new("exception", &json!({ "code": "NO_NUMBER" })))
    }
}

#[tokio::test]
async fn what_a_message_counts_as_is_known_after_the_filters() {
    let outcomes = Outcomes::default();
    let _recording = metrics::set_default_local_recorder(&outcomes);
    let mut plan = Plan::default()
        .handle("expected", async |_| Err("x".parse::<u8>().unwrap_err().into()))
        .handle("told", async |_| Err(WsException::new("no")))
        .handle("internal", async |_| Err(std::fmt::Error.into()))
        .handle("panics", async |_| panic!("on purpose"))
        .handle("left", async |context: ExecutionContext| {
            context.socket().disconnected().await;
            Err(JoinError::Disconnected.into())
        })
        .handle("echo", echo);
    plan.enhancers.filters.push(Arc::new(Expects));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    for event in ["expected", "told", "internal", "panics"] {
        let heard = client.ask(&format!(r#"42["{event}"]"#)).await;
        assert!(heard.starts_with(r#"42["exception","#), "{heard}");
    }
    client.say(r#"42["left"]"#).await;
    assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    drop(client);
    let once = |outcome: &str| vec![(outcome.to_owned(), 1)];
    eventually(|| outcomes.of("left") == once("error")).await;
    assert_eq!(outcomes.of("expected"), once("error"));
    assert_eq!(outcomes.of("told"), once("error"));
    assert_eq!(outcomes.of("internal"), once("failed"));
    assert_eq!(outcomes.of("panics"), once("failed"));
    assert_eq!(outcomes.of("echo"), once("ok"));
}
