//! [`TestClient`]: a Socket.IO client in the process of the test.

use std::{
    fmt,
    future::Future,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gateway_core::{
    Event as DeclaredEvent, Payload,
    testing::{Encoded, Received, encode},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    CloseReason, Refusal,
    app::Inner,
    packet::{self, Event},
    session::{Session, Shared, State},
};

/// How long a client waits for what it expects, in Tokio's time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A client of the application, in one namespace. Returned by [`TestApp::connect`](crate::TestApp::connect).
///
/// What it is sent is kept until the test asks for it, in any order. Dropping the client is a closed tab: the
/// connection is lost, and the server is not told why.
///
/// What does not come fails the test, with the line that waited for it and with what came instead. Nothing waits
/// longer than five seconds of Tokio's time.
pub struct TestClient {
    app: Arc<Inner>,
    session: Session,
    next_ack: AtomicU64,
    id: String,
}

impl TestClient {
    pub(crate) fn new(app: Arc<Inner>, session: Session, id: String) -> Self {
        Self { app, session, next_ack: AtomicU64::new(0), id }
    }

    /// The id of its socket.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn shared(&self) -> &Shared {
        &self.session.shared
    }

    /// Emits an event that asks for no acknowledgement.
    ///
    /// # Panics
    /// If the payload cannot be sent.
    #[track_caller]
    pub fn emit(&self, event: &str, payload: impl Payload) {
        let encoded = encoded(Some(event), &payload);
        self.session.say(frames(false, &self.shared().namespace, None, encoded));
    }

    /// Emits an event and waits for its acknowledgement: a `T`, or the error that the server answers with.
    ///
    /// An error is what has `status: "error"`, as the framework's own have; and what is no `T`, but has a `code` and a
    /// `message`, as those of an application's filter may. If a `T` may be anything, expect those with
    /// [`refused`](Self::refused).
    ///
    /// # Errors
    /// The error that the server answers with.
    ///
    /// # Panics
    /// If no acknowledgement comes, or one that is no `T`.
    ///
    /// ```
    /// # use gateway_test::{Refusal, TestClient};
    /// # async fn say(alice: TestClient) -> Result<(), Refusal> {
    /// let words: usize = alice.ack("say", "hello there").await?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn ack<T: DeserializeOwned>(
        &self,
        event: &str,
        payload: impl Payload,
    ) -> impl Future<Output = Result<T, Refusal>> {
        let at = Location::caller();
        let what = format!("the acknowledgement of `{event}`");
        let id = self.ask(event, &payload);
        async move {
            let found = self.wait(at, &what, PATIENCE, |state| state.acks.remove(&id)).await;
            let refusal = Refusal::of(found.shown()).ok();
            let is_said_to_be_one = |refusal: &Refusal| refusal.body["status"] == "error";
            match refusal {
                Some(refusal) if is_said_to_be_one(&refusal) => Err(refusal),
                Some(refusal) => found.read().map_err(|_| refusal),
                None => Ok(read(at, &what, &found)),
            }
        }
    }

    /// Emits an event and waits for the error that the server answers it with.
    ///
    /// # Panics
    /// If no acknowledgement comes, or one that is no error: without `status: "error"`, and without a `code` and a
    /// `message`.
    ///
    /// ```
    /// # use gateway_test::TestClient;
    /// # async fn say(alice: TestClient) {
    /// assert_eq!(alice.refused("say", "").await.code, "EMPTY");
    /// # }
    /// ```
    #[track_caller]
    pub fn refused(&self, event: &str, payload: impl Payload) -> impl Future<Output = Refusal> {
        let at = Location::caller();
        let what = format!("the acknowledgement of `{event}`");
        let id = self.ask(event, &payload);
        async move {
            let found = self.wait(at, &what, PATIENCE, |state| state.acks.remove(&id)).await;
            let refusal = Refusal::of(found.shown());
            refusal.unwrap_or_else(|body| panic!("{at}: {what} is no error: it is {body}"))
        }
    }

    /// Emits an event that is to be acknowledged under this number.
    #[track_caller]
    fn ask(&self, event: &str, payload: &impl Payload) -> u64 {
        let id = self.next_ack.fetch_add(1, Ordering::Relaxed);
        let encoded = encoded(Some(event), payload);
        self.session.say(frames(false, &self.shared().namespace, Some(id), encoded));
        id
    }

    /// Waits for the next `E`, a [declared event](trait@gateway_core::Event) that can be deserialized, too. Other events are
    /// kept.
    ///
    /// # Panics
    /// If it does not come, or cannot be read.
    ///
    /// ```
    /// # use gateway_core::Event;
    /// # use gateway_test::TestClient;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    /// #[event("said")]
    /// struct Said {
    ///     text: String,
    /// }
    ///
    /// async fn hear(bob: TestClient) {
    ///     assert_eq!(bob.expect::<Said>().await, Said { text: "hello".to_owned() });
    /// }
    /// ```
    #[track_caller]
    pub fn expect<E: DeclaredEvent + DeserializeOwned>(&self) -> impl Future<Output = E> {
        self.expect_within(PATIENCE)
    }

    /// The same, for what takes longer than five seconds, or must not take as long.
    ///
    /// # Panics
    /// Like [`expect`](Self::expect).
    #[track_caller]
    pub fn expect_within<E: DeclaredEvent + DeserializeOwned>(
        &self,
        patience: Duration,
    ) -> impl Future<Output = E> {
        let at = Location::caller();
        async move { self.next(at, E::NAME, patience).await.read_event(at) }
    }

    /// Waits for the next event of this name, and reads its arguments as a `T`: several are a tuple, none is `()`.
    /// Other events are kept.
    ///
    /// # Panics
    /// If it does not come, or is no `T`.
    ///
    /// ```
    /// # use gateway_test::TestClient;
    /// # async fn hear(bob: TestClient) {
    /// assert_eq!(bob.expect_event::<String>("said").await, "hello");
    /// let (x, y): (i32, i32) = bob.expect_event("moved").await;
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_event<T: DeserializeOwned>(&self, event: &str) -> impl Future<Output = T> {
        self.expect_event_within(PATIENCE, event)
    }

    /// The same, for what takes longer than five seconds, or must not take as long.
    ///
    /// # Panics
    /// Like [`expect_event`](Self::expect_event).
    #[track_caller]
    pub fn expect_event_within<T: DeserializeOwned>(
        &self,
        patience: Duration,
        event: &str,
    ) -> impl Future<Output = T> {
        let at = Location::caller();
        let name = event.to_owned();
        async move { self.next(at, &name, patience).await.read(at) }
    }

    /// [Settles](crate::TestApp::settle), and then looks whether an event of this name has come that no test has
    /// asked for.
    ///
    /// # Panics
    /// If one has.
    #[track_caller]
    pub fn expect_nothing(&self, event: &str) -> impl Future<Output = ()> {
        let at = Location::caller();
        let name = event.to_owned();
        async move {
            self.app.settle(at).await;
            let found = take(&mut self.shared().state(), &name);
            if let Some(found) = found {
                panic!("{at}: `{name}` came, which was not expected: {}", found.arguments.shown());
            }
        }
    }

    /// Waits for the next `E`, a declared event that asks for an acknowledgement, as `socket.request(..)` sends it, and
    /// returns it and the way to answer it.
    ///
    /// # Panics
    /// If it does not come, or asks for none, or cannot be read.
    ///
    /// ```
    /// # use gateway_core::Event;
    /// # use gateway_test::TestClient;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize, Event)]
    /// #[event("sure?", ack = bool)]
    /// struct Sure {
    ///     of: String,
    /// }
    ///
    /// async fn answer(bob: TestClient) {
    ///     let (question, answer) = bob.expect_request::<Sure>().await;
    ///     answer.send(question.of == "that");
    /// }
    /// ```
    #[track_caller]
    pub fn expect_request<E: DeclaredEvent + DeserializeOwned>(
        &self,
    ) -> impl Future<Output = (E, Answer<'_>)> {
        let at = Location::caller();
        async move {
            let found = self.next(at, E::NAME, PATIENCE).await;
            (found.read_event(at), self.answer_to(at, &found))
        }
    }

    /// Waits for an event of this name that asks for an acknowledgement, and returns what it says and the way to
    /// answer it.
    ///
    /// # Panics
    /// If it does not come, or asks for none, or is no `T`.
    ///
    /// ```
    /// # use gateway_test::TestClient;
    /// # async fn answer(bob: TestClient) {
    /// let (question, answer) = bob.expect_asked::<String>("sure?").await;
    /// answer.send(true);
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_asked<T: DeserializeOwned>(
        &self,
        event: &str,
    ) -> impl Future<Output = (T, Answer<'_>)> {
        let at = Location::caller();
        let name = event.to_owned();
        async move {
            let found = self.next(at, &name, PATIENCE).await;
            (found.read(at), self.answer_to(at, &found))
        }
    }

    /// Answers events of this name from now on, where the server waits for an acknowledgement. They are then not
    /// kept for [`expect`](Self::expect) and its neighbours.
    ///
    /// # Panics
    /// In the client's task, if what comes is no `T`: the server then waits in vain, and the test's next look at this
    /// client fails.
    ///
    /// ```
    /// # use gateway_test::TestClient;
    /// # fn answer(bob: &TestClient) {
    /// bob.on_ask("double", |number: u32| number * 2);
    /// # }
    /// ```
    pub fn on_ask<T: DeserializeOwned, A: Payload>(
        &self,
        event: &str,
        mut answer: impl FnMut(T) -> A + Send + 'static,
    ) {
        let namespace = self.shared().namespace.clone();
        let answers = move |asked: &Event| {
            let value = asked.arguments.read().ok()?;
            let encoded = encode(None, &answer(value)).ok()?;
            Some(frames(true, &namespace, asked.ack, encoded))
        };
        self.shared().state().answers.insert(event.to_owned(), Box::new(answers));
    }

    /// Leaves, as the official client's `disconnect()` does, and waits until the server knows.
    pub async fn close(self) {
        self.session.leave();
        self.shared().wait(|state| state.ended).await;
        self.app.settle(Location::caller()).await;
    }

    /// Loses the connection, without a word to the server: a closed tab, a tunnel, a dead battery.
    pub fn cut(self) {}

    /// Waits until the connection has ended, and says how.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = CloseReason> {
        let at = Location::caller();
        async move {
            let ended = timeout(PATIENCE, self.shared().wait(|state| state.ended)).await;
            ended.unwrap_or_else(|_| self.fail(at, "the end of the connection", PATIENCE))
        }
    }

    /// Whether the connection is still there.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared().state().ended.is_none()
    }

    /// The next event of this name.
    async fn next(&self, at: &Location<'_>, name: &str, patience: Duration) -> Event {
        self.wait(at, &format!("`{name}`"), patience, |state| take(state, name)).await
    }

    fn answer_to(&self, at: &Location<'_>, event: &Event) -> Answer<'_> {
        let Some(ack) = event.ack else {
            panic!(
                "{at}: `{}` came, but the server does not wait for an acknowledgement of it",
                event.name
            );
        };
        Answer { session: &self.session, ack }
    }

    async fn wait<T>(
        &self,
        at: &Location<'_>,
        what: &str,
        patience: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let found = self.shared().wait(|state| match (look(state), &state.fault, state.ended) {
            (Some(found), ..) => Some(Ok(found)),
            (None, Some(fault), _) => Some(Err(fault.clone())),
            (None, None, Some(reason)) => {
                Some(Err(format!("the connection ended ({reason}) before {what} came")))
            }
            (None, None, None) => None,
        });
        match timeout(patience, found).await {
            Ok(Ok(found)) => found,
            Ok(Err(why)) => panic!("{at}: {why}; {}", self.came()),
            Err(_) => self.fail(at, what, patience),
        }
    }

    fn fail(&self, at: &Location<'_>, what: &str, patience: Duration) -> ! {
        panic!("{at}: {what} did not come within {patience:?}; {}", self.came())
    }

    /// What came instead.
    fn came(&self) -> String {
        const MOST: usize = 10;

        let state = self.shared().state();
        let told = |event: &Event| format!("`{}` {}", event.name, event.arguments.shown());
        let mut came: Vec<String> = state.events.iter().take(MOST).map(told).collect();
        match state.events.len() {
            0 => return "no other event came".to_owned(),
            all if all > MOST => came.push(format!("{} more", all - MOST)),
            _ => {}
        }
        format!("what came and was not asked for: {}", came.join(", "))
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TestClient")
            .field("namespace", &self.shared().namespace)
            .finish_non_exhaustive()
    }
}

/// The way to answer one of the server's questions.
#[derive(Debug)]
#[must_use = "the server waits for it"]
pub struct Answer<'a> {
    session: &'a Session,
    ack: u64,
}

impl Answer<'_> {
    /// Sends the acknowledgement.
    ///
    /// # Panics
    /// If the payload cannot be sent.
    #[track_caller]
    pub fn send(self, payload: impl Payload) {
        let encoded = encoded(None, &payload);
        self.session.say(frames(true, &self.session.shared.namespace, Some(self.ack), encoded));
    }
}

#[track_caller]
fn encoded(event: Option<&str>, payload: &impl Payload) -> Encoded {
    encode(event, payload).unwrap_or_else(|error| panic!("this cannot be sent: {error}"))
}

fn frames(is_ack: bool, namespace: &str, id: Option<u64>, encoded: Encoded) -> Vec<Message> {
    let text = packet::message(is_ack, namespace, id, &encoded);
    let attachments = encoded.attachments.into_iter().map(Message::Binary);
    [Message::text(text)].into_iter().chain(attachments).collect()
}

fn take(state: &mut State, event: &str) -> Option<Event> {
    let at = state.events.iter().position(|one| one.name == event)?;
    state.events.remove(at)
}

impl Event {
    fn read<T: DeserializeOwned>(&self, at: &Location<'_>) -> T {
        read(at, &format!("`{}`", self.name), &self.arguments)
    }

    fn read_event<E: DeclaredEvent + DeserializeOwned>(&self, at: &Location<'_>) -> E {
        let what = format!("`{}`", self.name);
        self.arguments
            .read_event()
            .unwrap_or_else(|error| unread::<E>(at, &what, &error, &self.arguments))
    }
}

fn read<T: DeserializeOwned>(at: &Location<'_>, what: &str, arguments: &Received) -> T {
    arguments.read().unwrap_or_else(|error| unread::<T>(at, what, &error, arguments))
}

fn unread<T>(at: &Location<'_>, what: &str, error: &str, arguments: &Received) -> ! {
    let wanted = std::any::type_name::<T>();
    panic!("{at}: {what} is no `{wanted}`: {error}; it is {}", arguments.shown())
}
