//! [`ExecutionContext`]: one message, or one event of a connection's life, on its way through.

use std::{future::Future, pin::Pin, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    ack::AckSlot,
    connection::Connection,
    enhancers::Enhancers,
    exception::WsException,
    gateway::{GatewayRuntime, Hook, Route},
    handshake::Handshake,
    inbox::Lane,
    metrics::MessageMetrics,
    pipe::ArgumentMetadata,
    pipeline,
    platform::{DisconnectReason, Hub, Packet},
    socket::Socket,
    wire::{self, Argument, DecodeError, InboundArguments},
};

/// What is being handled, and for whom (NestJS: `ExecutionContext`, `ArgumentsHost`): given to
/// extractors and filters.
///
/// ```
/// # use gateway_core::prelude::*;
/// /// NestJS: `createParamDecorator((data, context) => …)`.
/// pub struct Language(pub String);
///
/// impl<G, On> FromMessage<G, On> for Language {
///     async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
///         let language = context.handshake().header("accept-language").unwrap_or("en");
///         Ok(Self(language.to_owned()))
///     }
/// }
/// ```
#[derive(Clone)]
pub struct ExecutionContext {
    /// Shared, so that the handler's future and the pipeline around it each hold a pointer.
    call: Arc<Call>,
    /// The position of the parameter that is being made, where it has pipes of its own.
    pub(crate) parameter: Option<usize>,
}

struct Call {
    owner: Owner,
    subject: Subject,
    packet: Packet,
    ack: Option<i64>,
    ack_slot: Option<AckSlot>,
}

/// Whom the call is for.
enum Owner {
    Client(Arc<Connection>),
    /// `after_init`: nobody has connected yet.
    Gateway(Arc<GatewayRuntime>),
}

/// What the context is about.
pub(crate) enum Subject {
    Message(Arc<Route>),
    UnknownEvent(Arc<str>),
    Hook(Occasion, Option<DisconnectReason>),
    /// The event that renews a session.
    Reauthentication,
    /// The end of a session.
    Session,
    Init,
}

/// A moment of a connection's life that has a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Connection,
    Disconnection,
}

impl Occasion {
    fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "on_connection",
            Self::Disconnection => "on_disconnect",
        }
    }
}

impl ExecutionContext {
    pub(crate) fn message(
        connection: Arc<Connection>,
        route: Arc<Route>,
        packet: Packet,
        ack: Option<i64>,
    ) -> Self {
        let ack_slot = route.takes_ack.then(|| AckSlot::new(&connection, ack));
        let owner = Owner::Client(connection);
        Self::new(Call { owner, subject: Subject::Message(route), packet, ack, ack_slot })
    }

    pub(crate) fn unknown_event(
        connection: Arc<Connection>,
        packet: Packet,
        ack: Option<i64>,
    ) -> Self {
        let subject = Subject::UnknownEvent(packet.event().into());
        let owner = Owner::Client(connection);
        Self::new(Call { owner, subject, packet, ack, ack_slot: None })
    }

    pub(crate) fn reauthentication(
        connection: Arc<Connection>,
        packet: Packet,
        ack: Option<i64>,
    ) -> Self {
        let owner = Owner::Client(connection);
        let subject = Subject::Reauthentication;
        Self::new(Call { owner, subject, packet, ack, ack_slot: None })
    }

    pub(crate) fn hook(
        connection: Arc<Connection>,
        occasion: Occasion,
        reason: Option<DisconnectReason>,
    ) -> Self {
        Self::without_message(Owner::Client(connection), Subject::Hook(occasion, reason))
    }

    pub(crate) fn session(connection: Arc<Connection>) -> Self {
        Self::without_message(Owner::Client(connection), Subject::Session)
    }

    pub(crate) fn init(gateway: Arc<GatewayRuntime>) -> Self {
        Self::without_message(Owner::Gateway(gateway), Subject::Init)
    }

    fn without_message(owner: Owner, subject: Subject) -> Self {
        Self::new(Call { owner, subject, packet: Packet::empty(), ack: None, ack_slot: None })
    }

    fn new(call: Call) -> Self {
        Self { call: Arc::new(call), parameter: None }
    }

    /// The socket this is about.
    ///
    /// # Panics
    /// In `after_init`, when nobody has connected yet. The application then does not start.
    #[must_use]
    pub fn socket(&self) -> Socket {
        Socket::new(Arc::clone(self.connection()))
    }

    /// The event's name; in a hook, the hook's: `on_connection`, `on_disconnect`, `after_init`.
    #[must_use]
    pub fn event(&self) -> &str {
        match &self.call.subject {
            Subject::Message(route) => route.event,
            Subject::UnknownEvent(event) => event,
            Subject::Hook(occasion, _) => occasion.as_str(),
            Subject::Reauthentication => &self.runtime().reauthenticate,
            Subject::Session => "session",
            Subject::Init => "after_init",
        }
    }

    /// The name of the method that handles it; empty for an event without a handler.
    #[must_use]
    pub fn handler(&self) -> &str {
        match &self.call.subject {
            Subject::Message(route) => route.handler,
            Subject::Hook(occasion, _) => {
                self.gateway_hook(*occasion).map_or("", |hook| hook.handler)
            }
            _ => "",
        }
    }

    /// The name of the gateway's type.
    #[must_use]
    pub fn gateway(&self) -> &str {
        self.runtime().name
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.runtime().namespace.path()
    }

    /// What the client brought along when it connected.
    ///
    /// # Panics
    /// As [`socket`](Self::socket).
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.connection().handshake
    }

    /// Whether the client waits for an acknowledgement.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.call.ack.is_some()
    }

    /// The payload as JSON: the first argument, or an array where there are several; binary is
    /// left out. For logs and filters; handlers take [`MessageBody`](crate::MessageBody).
    #[must_use]
    pub fn body(&self) -> Value {
        let mut arguments: Vec<Value> =
            serde_json::from_str(self.call.packet.text()).unwrap_or_default();
        if !arguments.is_empty() {
            arguments.remove(0);
        }
        match arguments.len() {
            0 => Value::Null,
            1 => arguments.remove(0),
            _ => Value::Array(arguments),
        }
    }

    /// Reads the arguments as a `T`, as [`MessageBody<T>`](crate::MessageBody) does.
    ///
    /// # Errors
    /// `BAD_PAYLOAD`, with the field that was wrong.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        self.arguments().decode().map_err(|error| WsException::bad_payload(error.field))
    }

    /// All arguments, after the pipes that concern them.
    pub(crate) async fn piped<T>(&self) -> Result<Vec<Argument>, WsException> {
        let refused = |error: DecodeError| WsException::bad_payload(error.field);
        let mut arguments = self.arguments().tree().map_err(refused)?;
        let wanted = wire::wanted::<T>(arguments.len());
        arguments.resize(arguments.len().max(wanted), Argument::Null);
        for (index, argument) in arguments.iter_mut().enumerate().take(wanted) {
            let type_name = std::any::type_name::<T>();
            let metadata = ArgumentMetadata { index, event: self.event(), type_name };
            for pipe in self.enhancers().pipes(self.parameter) {
                let value = std::mem::replace(argument, Argument::Null);
                *argument = pipe.transform(value, &metadata).await?;
            }
        }
        Ok(arguments)
    }

    pub(crate) fn has_pipes(&self) -> bool {
        self.enhancers().pipes(self.parameter).next().is_some()
    }

    /// The event's arguments as a `T`, by way of the pipes.
    pub(crate) async fn payload<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        if !self.has_pipes() {
            return self.decode();
        }
        let arguments = self.piped::<T>().await?;
        wire::from_tree(&arguments).map_err(|error| WsException::bad_payload(error.field))
    }

    fn arguments(&self) -> InboundArguments<'_> {
        InboundArguments::new(self.call.packet.text(), self.call.packet.attachments())
    }

    pub(crate) fn attachments(&self) -> &[bytes::Bytes] {
        self.call.packet.attachments()
    }

    pub(crate) fn hub(&self) -> Result<&Arc<Hub>, WsException> {
        // Messages come through the hub, so it is there.
        self.runtime().namespace.hub().ok_or_else(WsException::panicked)
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        match &self.call.owner {
            Owner::Client(connection) => connection,
            Owner::Gateway(_) => panic!("there is no client yet in `after_init`"),
        }
    }

    pub(crate) fn runtime(&self) -> &GatewayRuntime {
        match &self.call.owner {
            Owner::Client(connection) => connection.gateway(),
            Owner::Gateway(gateway) => gateway,
        }
    }

    pub(crate) fn ack(&self) -> Option<i64> {
        self.call.ack
    }

    /// The acknowledgement to answer with an error, unless the handler has answered by itself.
    pub(crate) fn take_ack(&self) -> Option<i64> {
        match &self.call.ack_slot {
            Some(slot) if !slot.claim() => None,
            _ => self.call.ack,
        }
    }

    /// What stands around the handler.
    pub(crate) fn enhancers(&self) -> &Enhancers {
        match &self.call.subject {
            Subject::Message(route) => &route.enhancers,
            Subject::Hook(occasion, _) => self
                .gateway_hook(*occasion)
                .map_or(&self.runtime().enhancers, |hook| &hook.enhancers),
            _ => &self.runtime().enhancers,
        }
    }

    /// What `#[set_metadata(..)]` says on the handler, or else on its gateway.
    #[must_use]
    pub fn metadata<T: 'static>(&self) -> Option<&T> {
        self.enhancers().metadata.get()
    }

    /// Who the client is, when an authenticator said so, and as a `U`.
    #[must_use]
    pub fn identity<U: Send + Sync + 'static>(&self) -> Option<Arc<U>> {
        self.connection().session()?.identity()
    }

    /// The id of the user, when the authenticator gave one.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.connection().session()?.user().map(str::to_owned)
    }

    /// The roles of the user, as the authenticator gave them.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        self.connection().session().map(|session| session.roles().to_vec()).unwrap_or_default()
    }

    /// Where it is counted, when it is a message.
    pub(crate) fn metrics(&self) -> Option<&MessageMetrics> {
        match &self.call.subject {
            Subject::Message(route) => Some(&route.metrics),
            Subject::UnknownEvent(_) => Some(&self.runtime().unknown_events),
            Subject::Reauthentication => Some(&self.runtime().renewals),
            Subject::Hook(..) | Subject::Session | Subject::Init => None,
        }
    }

    pub(crate) fn ack_slot(&self) -> Option<&AckSlot> {
        self.call.ack_slot.as_ref()
    }

    pub(crate) fn disconnect_reason(&self) -> Option<DisconnectReason> {
        match self.call.subject {
            Subject::Hook(_, reason) => reason,
            _ => None,
        }
    }

    /// What it occupies while it waits, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.call.packet.size()
    }

    pub(crate) fn lane(&self) -> Option<Lane> {
        match &self.call.subject {
            Subject::Message(route) => route.lane,
            _ => None,
        }
    }

    /// The work this message is, ready to be polled.
    pub(crate) fn into_pipeline(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.call.subject {
            Subject::Message(route) => route.handle.start(self.clone()),
            Subject::Reauthentication => Box::pin(pipeline::reauthenticate(self)),
            _ => Box::pin(pipeline::answer_unknown(self)),
        }
    }

    fn gateway_hook(&self, occasion: Occasion) -> Option<&Hook> {
        self.runtime().hooks.on(occasion)
    }
}

impl std::fmt::Debug for ExecutionContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ExecutionContext")
            .field("namespace", &self.namespace())
            .field("event", &self.event())
            .field("handler", &self.handler())
            .finish_non_exhaustive()
    }
}
