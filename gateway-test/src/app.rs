//! [`TestApp`]: the application, with what a test replaces in it.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, SystemTime},
};

use gateway_core::{
    AppBuilder, AppError, Authenticator, Event, ExceptionFilter, Guard, Interceptor, Pipe, Server,
    testing::{self, End, Overrides, Served, Vouchers},
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::Instant,
};

use crate::{Connect, Http, SentEvents, recorder::Recorder, session::Shared};

/// An application that a test is about to build, with what the test replaces in it. Returned by [`TestApp::new`].
///
/// As soon as a test [provides](Self::provide) something, or serves [only](Self::only) some of the gateways, services
/// that no served gateway needs are built only if they can be: a test need not provide for what it leaves out.
#[must_use = "it does nothing before it is built"]
pub struct TestAppBuilder {
    builder: AppBuilder,
}

impl TestAppBuilder {
    fn change(mut self, change: impl FnOnce(&mut Overrides)) -> Self {
        change(testing::overrides(&mut self.builder));
        self
    }

    /// Provides a service in the place of the one that the application provides, or would build (NestJS:
    /// `overrideProvider(T).useValue(..)`).
    pub fn provide<T: Send + Sync + 'static>(self, service: T) -> Self {
        self.provide_arc(Arc::new(service))
    }

    /// The same for a service that is already shared, or that is injected as a trait: `provide_arc::<dyn Store>(..)`.
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(self, service: Arc<T>) -> Self {
        self.change(|overrides| overrides.provide_arc(service))
    }

    /// Serves the gateway `G`, and of the others only those for which this is called, too.
    pub fn only<G: gateway_core::Gateway>(self) -> Self {
        self.change(Overrides::only::<G>)
    }

    /// Asks `by` wherever the application has a guard of type `A`: on a gateway, a handler or a hook, or globally, by
    /// type or as a value (NestJS: `overrideGuard(A).useValue(..)`). That there is none is a startup error, here and
    /// below.
    pub fn override_guard<A: Guard>(self, by: impl Guard) -> Self {
        self.change(|overrides| overrides.guard::<A>(by))
    }

    /// Runs `by` wherever the application has an interceptor of type `A`.
    pub fn override_interceptor<A: Interceptor>(self, by: impl Interceptor) -> Self {
        self.change(|overrides| overrides.interceptor::<A>(by))
    }

    /// Runs `by` wherever the application has a pipe of type `A`, also on a single argument.
    pub fn override_pipe<A: Pipe>(self, by: impl Pipe) -> Self {
        self.change(|overrides| overrides.pipe::<A>(by))
    }

    /// Asks `by` wherever the application has an exception filter of type `A`.
    pub fn override_filter<A: ExceptionFilter>(self, by: impl ExceptionFilter) -> Self {
        self.change(|overrides| overrides.filter::<A>(by))
    }

    /// Asks `by` wherever a gateway or a route would ask the authenticator `A`. To say of a single client who it is,
    /// there is [`as_user`](Connect::as_user).
    pub fn override_authenticator<A: Authenticator>(
        self,
        by: impl Authenticator<Identity = A::Identity>,
    ) -> Self {
        self.change(|overrides| overrides.authenticator::<A, _>(by))
    }

    /// Builds the application, and serves it to the test's clients.
    ///
    /// # Panics
    /// If it cannot start, with the start report.
    #[track_caller]
    pub fn build(self) -> impl Future<Output = TestApp> {
        let at = Location::caller();
        async move { self.try_build().await.unwrap_or_else(|error| panic!("{at}: {error:?}")) }
    }

    /// The same for tests of what is wrong with an application.
    ///
    /// # Errors
    /// Why it cannot start.
    pub async fn try_build(mut self) -> Result<TestApp, AppError> {
        let path = testing::path(&self.builder).to_owned();
        let recorder = Arc::<Recorder>::default();
        let vouchers = Arc::clone(&testing::overrides(&mut self.builder).vouchers);
        let began = (Instant::now(), SystemTime::now());
        let app = self.builder.observe(Arc::clone(&recorder)).build().await?;
        Ok(TestApp(Arc::new(Inner {
            served: Served::start(app),
            path,
            vouchers,
            sessions: Mutex::default(),
            next_port: AtomicU16::new(0),
            began,
            recorder,
        })))
    }
}

impl fmt::Debug for TestAppBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TestAppBuilder").finish_non_exhaustive()
    }
}

/// An application that runs in the process of the test, without a port: its clients' connections are streams in
/// memory, behind which everything is as in production.
///
/// Time is Tokio's: under `#[tokio::test(start_paused = true)]`, tokens expire, throttles refill, users go offline and
/// acknowledgements time out when the test [advances](https://docs.rs/tokio/latest/tokio/time/fn.advance.html) the clock, or as soon as everything waits.
///
/// ```standalone_crate
/// # mod gateways {
/// # use gateway_core::prelude::*;
/// #[web_socket_gateway(namespace = "/chat")]
/// pub struct ChatGateway {
///     server: Server,
/// }
///
/// #[web_socket_gateway]
/// impl ChatGateway {
///     #[subscribe_message("say")]
///     async fn say(&self, MessageBody(text): MessageBody<String>) -> Result<usize, WsException> {
///         self.server.emit("said", &text).await?;
///         Ok(text.len())
///     }
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use gateway_core::App;
/// use gateway_test::TestApp;
///
/// let app = TestApp::new(App::builder()).build().await;
/// let alice = app.connect("/chat").await;
/// let bob = app.connect("/chat").await;
/// assert_eq!(alice.ack::<usize>("say", "hi").await, Ok(2));
/// assert_eq!(bob.expect_event::<String>("said").await, "hi");
/// # }
/// ```
pub struct TestApp(Arc<Inner>);

/// What clients need of the application.
pub(crate) struct Inner {
    pub(crate) served: Served,
    /// Of the Socket.IO server.
    pub(crate) path: String,
    pub(crate) vouchers: Arc<Vouchers>,
    sessions: Mutex<Vec<Weak<Shared>>>,
    next_port: AtomicU16,
    began: (Instant, SystemTime),
    recorder: Arc<Recorder>,
}

impl TestApp {
    /// Begins with the application's own builder: the function that production calls, or `App::builder()`.
    #[allow(clippy::new_ret_no_self, reason = "what is new is not built yet")]
    pub fn new(builder: AppBuilder) -> TestAppBuilder {
        TestAppBuilder { builder }
    }

    /// Connects a client to a namespace.
    #[track_caller]
    pub fn connect(&self, namespace: &str) -> Connect {
        Connect::new(Arc::clone(&self.0), Location::caller(), namespace)
    }

    /// Sends requests to the application's routes.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(Arc::clone(&self.0))
    }

    /// The declared events `E` that the application has sent so far, and to whom: no client is needed for that.
    ///
    /// ```
    /// # use gateway_core::Event;
    /// # use gateway_test::TestApp;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    /// #[event("order-update", ack = ())]
    /// struct OrderUpdate {
    ///     status: String,
    /// }
    ///
    /// # async fn look(app: TestApp) {
    /// let told = app.sent::<OrderUpdate>().to_user(7);
    /// assert_eq!(told.read(), [OrderUpdate { status: "confirmed".to_owned() }]);
    /// # }
    /// ```
    #[must_use]
    pub fn sent<E: Event>(&self) -> SentEvents<E> {
        self.0.recorder.sent(E::NAME)
    }

    /// The events of this name that the application has sent so far, and to whom.
    ///
    /// ```
    /// # use gateway_test::TestApp;
    /// # async fn look(app: TestApp) {
    /// let told = app.sent_event("order-update").to_user(7);
    /// assert_eq!(told.len(), 1);
    /// assert_eq!(told[0].arguments()["status"], "confirmed");
    /// # }
    /// ```
    #[must_use]
    pub fn sent_event(&self, event: &str) -> SentEvents {
        self.0.recorder.sent(event)
    }

    /// A service or a gateway of the application (NestJS: `module.get(..)`).
    ///
    /// # Panics
    /// If nothing provides it.
    #[must_use]
    #[track_caller]
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Arc<T> {
        let service = self.0.served.get();
        service.unwrap_or_else(|| panic!("nothing provides a `{}`", std::any::type_name::<T>()))
    }

    /// The `Server` of a namespace.
    ///
    /// # Panics
    /// If no gateway serves it.
    #[must_use]
    #[track_caller]
    pub fn server(&self, namespace: &str) -> Server {
        self.0.served.server(namespace).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Waits until nothing is under way: every message has been handled and every answer has arrived, in both
    /// directions, of all clients. Then what has not come does not come, before time passes or somebody acts.
    ///
    /// It does not sleep, and time does not move, unless a handler waits for time or for something outside of the
    /// process, such as a database: then it looks again every millisecond. What tasks of the application wait for, it
    /// does not know.
    ///
    /// # Panics
    /// If a message is still being handled after five seconds.
    #[track_caller]
    pub fn settle(&self) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move { self.0.settle(at).await }
    }

    /// What the application takes for the time, when it looks at tokens and sessions: the real time of the beginning
    /// of the test, and what has passed since on Tokio's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let (instant, wall) = self.0.began;
        wall + instant.elapsed()
    }

    /// The table of routes, as `App::route_table` has it.
    #[must_use]
    pub fn route_table(&self) -> &str {
        self.0.served.routes()
    }

    /// Shuts the application down as a signal would: clients hear what they are told in production, and
    /// `on_disconnect` runs.
    ///
    /// # Errors
    /// If something had to be ended by force.
    pub async fn shut_down(&self) -> Result<(), AppError> {
        self.0.served.shut_down().await
    }
}

impl Inner {
    /// Opens a connection.
    pub(crate) fn open(&self, address: Option<SocketAddr>) -> End {
        let address = address.unwrap_or_else(|| {
            // Those that systems give to clients.
            let port = 49152 + self.next_port.fetch_add(1, Ordering::Relaxed) % 16384;
            (Ipv4Addr::LOCALHOST, port).into()
        });
        self.served.connect(address)
    }

    /// Looks at this client's connection, too, whenever it waits for everything to settle.
    pub(crate) fn watch(&self, session: &Arc<Shared>) {
        self.sessions().push(Arc::downgrade(session));
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Shared>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn settle(&self, at: &Location<'_>) {
        /// How often nothing has to happen in a row: each time, every task that can go on does.
        const QUIET: u32 = 32;
        /// How often it looks before it lets time pass.
        const AT_ONCE: u32 = 1000;
        /// How often it looks altogether: for five seconds.
        const ALTOGETHER: u32 = AT_ONCE + 5000;
        const PAUSE: Duration = Duration::from_millis(1);

        // Other threads go on by themselves, and are given the time for it.
        let is_alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let (mut quiet, mut before) = (0, 0);
        for look in 0..ALTOGETHER {
            if is_alone && look < AT_ONCE {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
            let (under_way, passed) = self.look();
            quiet = if under_way.is_none() && passed == before { quiet + 1 } else { 0 };
            before = passed;
            if quiet >= if is_alone { QUIET } else { QUIET / 8 } {
                return;
            }
        }
        let (under_way, _) = self.look();
        let under_way = under_way.unwrap_or_else(|| "messages still come and go".to_owned());
        panic!("{at}: the application does not settle: {under_way}");
    }

    /// What is under way, and a number that changes when something passes.
    fn look(&self) -> (Option<String>, u64) {
        let mut sessions = self.sessions();
        sessions.retain(|session| session.strong_count() > 0);
        let all: Vec<Arc<Shared>> = sessions.iter().filter_map(Weak::upgrade).collect();
        drop(sessions);
        let on_its_way = all.iter().any(|session| !session.is_through());
        let on_its_way =
            on_its_way.then(|| "something is on its way to or from a client".to_owned());
        let passed = all.iter().map(|session| session.traffic.passed()).sum();
        (on_its_way.or_else(|| self.served.under_way()), passed)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl fmt::Debug for TestApp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TestApp").finish_non_exhaustive()
    }
}
