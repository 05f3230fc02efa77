//! [`context()`]: what guards, pipes, filters and interceptors are given, for unit tests of them.

use std::{
    fmt,
    future::{Future, IntoFuture},
    net::SocketAddr,
    ops::Deref,
    pin::Pin,
};

use gateway_core::{
    App, AppBuilder, ArgumentMetadata, Authenticated, ExecutionContext, Next, Payload, Reply,
    WsException, testing,
};
use serde::Serialize;
use serde_json::Value;

use crate::{Connect, TestApp, TestClient};

/// Begins with the context of a message `message` without arguments, from a client whom nobody knows and who waits for an
/// acknowledgement.
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_test::context;
/// use serde_json::json;
///
/// /// Lets nobody talk about the weather.
/// struct NoWeather;
///
/// impl Guard for NoWeather {
///     async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
///         Ok(!context.decode::<String>()?.contains("rain"))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let said = context().event("say").payload("it will rain").await;
/// assert_eq!(NoWeather.can_activate(&said).await.unwrap(), false);
/// let wrong = context().event("say").payload(json!({ "text": 7 })).await;
/// assert_eq!(NoWeather.can_activate(&wrong).await.unwrap_err().code(), code::BAD_PAYLOAD);
/// # }
/// ```
pub fn context() -> ContextBuilder {
    ContextBuilder {
        event: "message".to_owned(),
        builder: App::builder(),
        changes: Vec::new(),
        connect: Vec::new(),
        say: Box::new(|client, event, wants_ack| say(client, event, (), wants_ack)),
        wants_ack: true,
    }
}

/// A context that is about to be made: `.await` makes it. Returned by [`context()`].
#[must_use = "it is made when it is awaited"]
pub struct ContextBuilder {
    event: String,
    builder: AppBuilder,
    changes: Vec<Change>,
    connect: Vec<Introduction>,
    say: Say,
    wants_ack: bool,
}

/// What the application is to be beforehand.
type Change = Box<dyn FnOnce(&mut AppBuilder) + Send>;

/// What the client says of itself when it connects.
type Introduction = Box<dyn FnOnce(Connect) -> Connect + Send>;

/// Sends the message.
type Say = Box<dyn FnOnce(&TestClient, &str, bool) + Send>;

fn say(client: &TestClient, event: &str, payload: impl Payload, wants_ack: bool) {
    if wants_ack {
        // It is sent at once; nobody waits for the answer.
        drop(client.ack::<Value>(event, payload));
    } else {
        client.emit(event, payload);
    }
}

impl ContextBuilder {
    /// The name of the event.
    pub fn event(mut self, event: &str) -> Self {
        event.clone_into(&mut self.event);
        self
    }

    /// The arguments of the event: one, or several as [`Args`](gateway_core::Args).
    pub fn payload(mut self, payload: impl Payload + Send + 'static) -> Self {
        self.say = Box::new(move |client, event, wants_ack| say(client, event, payload, wants_ack));
        self
    }

    /// The client does not ask for an acknowledgement; otherwise it does.
    pub fn without_ack(mut self) -> Self {
        self.wants_ack = false;
        self
    }

    /// The client: what an authenticator would have said of it.
    pub fn as_user<I: Clone + Send + Sync + 'static>(mut self, client: Authenticated<I>) -> Self {
        self.changes.push(Box::new(testing::stage_identity::<I>));
        self.connecting(|connect| connect.as_user(client))
    }

    /// What the client has sent as `auth` when it connected.
    pub fn auth(self, auth: impl Serialize) -> Self {
        let auth = serde_json::to_value(auth).unwrap_or_default();
        self.connecting(|connect| connect.auth(auth))
    }

    /// A header of the request with which the client has connected.
    pub fn header(self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.connecting(move |connect| connect.header(&name, &value))
    }

    /// Where the client comes from.
    pub fn address(self, address: SocketAddr) -> Self {
        self.connecting(move |connect| connect.address(address))
    }

    /// A value on the handler, as `#[set_metadata(..)]` puts it there.
    pub fn metadata<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.changes.push(Box::new(|builder| testing::stage_metadata(builder, value)));
        self
    }

    fn connecting(mut self, change: impl FnOnce(Connect) -> Connect + Send + 'static) -> Self {
        self.connect.push(Box::new(change));
        self
    }

    async fn make(self) -> TestContext {
        let Self { event, mut builder, changes, connect, say, wants_ack } = self;
        let mut contexts = testing::stage(&mut builder, &event);
        changes.into_iter().for_each(|change| change(&mut builder));
        let app = TestApp::new(builder).build().await;
        let connecting = app.connect(testing::NAMESPACE);
        let client = connect.into_iter().fold(connecting, |connect, change| change(connect)).await;
        say(&client, &event, wants_ack);
        let context = contexts.recv().await.expect("the message arrives");
        app.settle().await;
        TestContext { context, client, app }
    }
}

impl IntoFuture for ContextBuilder {
    type Output = TestContext;
    type IntoFuture = Pin<Box<dyn Future<Output = TestContext>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

impl fmt::Debug for ContextBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContextBuilder").field("event", &self.event).finish_non_exhaustive()
    }
}

/// The context of a message, wherever an [`ExecutionContext`] is taken. Its client is there, and hears what it is sent.
#[derive(Debug)]
pub struct TestContext {
    context: ExecutionContext,
    client: TestClient,
    app: TestApp,
}

impl Deref for TestContext {
    type Target = ExecutionContext;

    fn deref(&self) -> &ExecutionContext {
        &self.context
    }
}

impl TestContext {
    /// The client that has sent the message.
    #[must_use]
    pub fn client(&self) -> &TestClient {
        &self.client
    }

    /// The `Server` of the client's namespace.
    #[must_use]
    pub fn server(&self) -> gateway_core::Server {
        self.app.server(testing::NAMESPACE)
    }

    /// What comes after an interceptor, and answers `answer`.
    ///
    /// ```
    /// use gateway_core::{Logging, prelude::*};
    /// use gateway_test::context;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let context = context().await;
    /// let reply = Logging.intercept(&context, context.next(Ok(7))).await.unwrap();
    /// assert_eq!(context.acknowledgement(reply).unwrap(), Some(7.into()));
    /// # }
    /// ```
    pub fn next(&self, answer: Result<impl Payload, WsException>) -> Next<'_> {
        testing::next(&self.context, answer)
    }

    /// What a reply acknowledges the message with; `None` if with nothing.
    ///
    /// # Errors
    /// What has gone wrong when an interceptor changed it.
    pub fn acknowledgement(&self, reply: Reply) -> Result<Option<Value>, WsException> {
        testing::acknowledgement(reply, &self.context)
    }
}

/// What a pipe is told of an argument: the one at `index` of `event`, which will be read as a `T`.
///
/// ```
/// use gateway_test::argument;
/// assert_eq!(argument::<String>("say", 0).event(), "say");
/// ```
#[must_use]
pub fn argument<T>(event: &str, index: usize) -> ArgumentMetadata<'_> {
    testing::argument::<T>(event, index)
}
