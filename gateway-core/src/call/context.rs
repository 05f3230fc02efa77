//! [`ExecutionContext`]: one message, or one moment of a connection's life, on its way through the pipeline.

use std::{borrow::Cow, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{Level, Metadata, Span};

use crate::{
    auth::handshake::Handshake,
    call::{
        ack::{Ack, Acknowledgement},
        enhancers::Enhancers,
        pipe::ArgumentMetadata,
        route::{GatewayInfo, Lane, Route},
    },
    exception::WsException,
    excerpt,
    metrics::MessageMetrics,
    platform::{DisconnectReason, Frame, Hub, Packet},
    socket::{connection::Connection, handle::Socket, namespace::Namespace},
    wire::{self, Argument, EncodedArguments, InboundArguments, Shape, Unreadable},
};

/// What is being handled, and for which client (NestJS: `ExecutionContext`, `ArgumentsHost`). Guards,
/// interceptors, extractors and filters are given it.
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
    /// The parameter that is being extracted.
    pub(crate) parameter: Parameter,
}

/// What is known about a handler's parameter.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parameter {
    /// How the payload is read, if the parameter's type decides it.
    pub(crate) shape: Option<Shape>,
    /// The parameter's position, if it has pipes of its own.
    pub(crate) position: Option<usize>,
}

struct Call {
    route: Arc<Route>,
    /// The client that the call is for; `None` in `after_init`, when nobody has connected yet.
    connection: Option<Arc<Connection>>,
    packet: Packet,
    ack: Acknowledgement,
    /// Present in `on_disconnect`.
    reason: Option<DisconnectReason>,
}

/// A payload that has been read.
pub(crate) struct Payload<T> {
    pub(crate) value: T,
    /// The arguments it was read from, if they went through pipes.
    #[cfg_attr(not(feature = "validate"), allow(dead_code, reason = "only rules look at it"))]
    pub(crate) piped: Option<Vec<Argument>>,
}

/// The name of a call's span.
const SPAN: &str = "message";

/// A macro, because a span's level is fixed at the place where it is written.
macro_rules! span_at {
    ($level:expr, $context:expr $(, $field:ident = $value:expr)?) => {
        tracing::span!(
            $level,
            SPAN,
            namespace = $context.namespace(),
            event = &*$context.pattern(),
            handler = $context.handler(),
            user = $context.user_if_known(),
            $($field = $value,)?
        )
    };
}

impl ExecutionContext {
    /// The context of a message.
    pub(crate) fn message(
        connection: Arc<Connection>,
        route: Arc<Route>,
        packet: Packet,
        ack: Option<i64>,
    ) -> Self {
        let connection = Some(connection);
        let ack = Acknowledgement::of_message(ack);
        Self::new(Call { route, connection, packet, ack, reason: None })
    }

    /// The context of a call that no message starts: a hook, `after_init` among them, or the end of a session.
    pub(crate) fn without_message(
        connection: Option<Arc<Connection>>,
        route: Arc<Route>,
        reason: Option<DisconnectReason>,
    ) -> Self {
        let (packet, ack) = (Packet::empty(), Acknowledgement::none());
        Self::new(Call { route, connection, packet, ack, reason })
    }

    fn new(call: Call) -> Self {
        Self { call: Arc::new(call), parameter: Parameter::default() }
    }

    /// The socket that this call is for.
    ///
    /// # Panics
    /// In `after_init`, when nobody has connected yet; the application then does not start.
    #[must_use]
    pub fn socket(&self) -> Socket {
        Socket::new(Arc::clone(self.connection()))
    }

    /// The event's name; in a hook, the name of the hook: `on_connection`, `on_disconnect` or `after_init`.
    #[must_use]
    pub fn event(&self) -> &str {
        match &self.call.route.event {
            Some(event) => event,
            None => self.call.packet.event(),
        }
    }

    /// The name of the method that handles it; empty for an event without a handler.
    #[must_use]
    pub fn handler(&self) -> &str {
        self.call.route.handler
    }

    /// The name of the gateway's type.
    #[must_use]
    pub fn gateway(&self) -> &str {
        self.gateway_info().name
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.gateway_info().namespace.path()
    }

    /// What the client sent when it connected.
    ///
    /// # Panics
    /// In `after_init`, like [`socket`](Self::socket).
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.connection().handshake
    }

    /// Whether the client is waiting for an acknowledgement.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.call.ack.id().is_some()
    }

    /// The payload as JSON: the first argument, or an array if there are several. Binary data is left out.
    /// This is for logs and filters; handlers take [`MessageBody`](crate::MessageBody).
    #[must_use]
    pub fn body(&self) -> Value {
        let mut arguments = self.arguments().values().unwrap_or_default();
        let body = match arguments.len() {
            0 => Argument::Null,
            1 => arguments.remove(0),
            _ => Argument::Array(arguments),
        };
        body.to().unwrap_or_default()
    }

    /// The [`body`](Self::body), or its text cut at `longest` bytes. A payload that is much longer is not even
    /// parsed.
    pub(crate) fn excerpt(&self, longest: usize) -> Value {
        let text = self.call.packet.text();
        if text.len() <= 4 * longest {
            let body = self.body();
            let text = body.to_string();
            if text.len() <= longest {
                return body;
            }
            return excerpt::cut(&text, longest).into();
        }
        excerpt::cut(self.call.packet.arguments(), longest).into()
    }

    /// The [`event`](Self::event), cut for an error or the log: an unknown event may be of any length.
    pub(crate) fn pattern(&self) -> Cow<'_, str> {
        const LONGEST: usize = 128;
        excerpt::cut(self.event(), LONGEST)
    }

    /// Reads the arguments as a `T`, as [`MessageBody<T>`](crate::MessageBody) does.
    ///
    /// # Errors
    /// `BAD_PAYLOAD`, with the field that was wrong.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        self.arguments().decode().map_err(|error| self.bad_payload(error))
    }

    /// All arguments, after the pipes that apply to them.
    async fn piped<T>(&self, shape: Shape) -> Result<Vec<Argument>, WsException> {
        let mut arguments = self.sent()?;
        let wanted = shape.wanted(arguments.len());
        arguments.resize(arguments.len().max(wanted), Argument::Null);
        for (index, argument) in arguments.iter_mut().enumerate().take(wanted) {
            let type_name = std::any::type_name::<T>();
            let metadata = ArgumentMetadata { index, event: self.event(), type_name };
            for pipe in self.enhancers().pipes(self.parameter.position) {
                let value = std::mem::replace(argument, Argument::Null);
                *argument = pipe.transform(value, &metadata).await?;
            }
        }
        Ok(arguments)
    }

    fn has_pipes(&self) -> bool {
        self.enhancers().pipes(self.parameter.position).next().is_some()
    }

    /// The event's arguments as a `T`, after the pipes, together with what the pipes returned: pipes may have
    /// side effects, so they run only once.
    pub(crate) async fn payload<T: DeserializeOwned>(&self) -> Result<Payload<T>, WsException> {
        let shape = self.parameter.shape.unwrap_or_else(wire::shape::<T>);
        if !self.has_pipes() {
            let value = self.arguments().decode_as(shape);
            let value = value.map_err(|error| self.bad_payload(error))?;
            return Ok(Payload { value, piped: None });
        }
        let piped = self.piped::<T>(shape).await?;
        let value = wire::from_tree(&piped, shape).map_err(|error| self.bad_payload(error))?;
        Ok(Payload { value, piped: Some(piped) })
    }

    /// The arguments as they were sent.
    pub(crate) fn sent(&self) -> Result<Vec<Argument>, WsException> {
        self.arguments().tree().map_err(|error| self.bad_payload(error))
    }

    fn bad_payload(&self, error: Unreadable) -> WsException {
        let repeats = self.gateway_namespace().settings.include_cause;
        WsException::bad_payload(error.field(repeats))
    }

    fn arguments(&self) -> InboundArguments<'_> {
        InboundArguments::new(self.call.packet.text(), self.call.packet.attachments())
    }

    /// Tells the application's observers that this has come.
    pub(crate) fn tell_received(&self) {
        let (text, attachments) = (self.call.packet.text(), self.call.packet.attachments());
        let arguments = match self.route().takes_secrets {
            true => EncodedArguments::hidden(),
            false => EncodedArguments::of_event(text, attachments),
        };
        self.connection().tell_received(self.event(), &arguments);
    }

    /// Tells them that the client is about to be sent this.
    #[inline]
    pub(crate) fn tell_sent(&self, frame: &Frame) {
        if self.connection().is_observed() {
            self.connection().tell_sent(frame, self.event());
        }
    }

    pub(crate) fn attachments(&self) -> &[bytes::Bytes] {
        self.call.packet.attachments()
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        self.gateway_namespace().hub()
    }

    pub(crate) fn gateway_namespace(&self) -> &Arc<Namespace> {
        &self.gateway_info().namespace
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        self.call.connection.as_ref().expect("there is no client yet in `after_init`")
    }

    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.call.route
    }

    pub(crate) fn gateway_info(&self) -> &GatewayInfo {
        &self.call.route.gateway
    }

    pub(crate) fn ack(&self) -> &Acknowledgement {
        &self.call.ack
    }

    /// The [`Ack`], for whoever answers in the pipeline's place.
    pub(crate) fn take_ack(&self) -> Result<Ack, WsException> {
        let of = || {
            let event = self.route().event.is_none().then(|| self.event().into());
            (Arc::clone(self.connection()), Arc::clone(self.route()), event)
        };
        self.call.ack.take(of)
    }

    /// What is put around the handler.
    pub(crate) fn enhancers(&self) -> &Enhancers {
        &self.call.route.enhancers
    }

    /// The `T` that `#[set_metadata(..)]` has put on the handler, or else on its gateway.
    #[must_use]
    pub fn metadata<T: 'static>(&self) -> Option<&T> {
        self.enhancers().metadata.get()
    }

    /// Who the client is. `None` if no authenticator has identified it, or if its identity is not a `U`.
    ///
    /// # Panics
    /// In `after_init`, like [`socket`](Self::socket).
    #[must_use]
    pub fn identity<U: Send + Sync + 'static>(&self) -> Option<Arc<U>> {
        self.connection().session()?.identity()
    }

    /// The user's id, if the authenticator gave one.
    ///
    /// # Panics
    /// In `after_init`, like [`socket`](Self::socket).
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.connection().user()
    }

    fn user_if_known(&self) -> Option<String> {
        self.call.connection.as_ref()?.user().map(excerpt::logged)
    }

    /// The user's roles, as the authenticator gave them; none if it gave none.
    ///
    /// # Panics
    /// In `after_init`, like [`socket`](Self::socket).
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        self.connection().session().map(|session| session.roles().to_vec()).unwrap_or_default()
    }

    /// The metrics that count it, if it is a message.
    pub(crate) fn metrics(&self) -> Option<&MessageMetrics> {
        self.call.route.metrics.as_ref()
    }

    /// The span of this call: what is logged inside it need not say which call it is about. The fields are
    /// computed only if a subscriber listens.
    pub(crate) fn span(&self) -> Span {
        // The key to the client's session is for who looks closely.
        let socket = || Some(tracing::field::display(self.call.connection.as_ref()?.id()));
        span_at!(Level::DEBUG, self, socket = socket())
    }

    /// Logs something about this call, in its span. If spans of that level are off, one is opened for this
    /// alone.
    pub(crate) fn log(&self, log: impl FnOnce()) {
        let is_own = |span: &Metadata<'_>| span.name() == SPAN && span.target() == module_path!();
        match Span::current().metadata() {
            Some(span) if is_own(span) => log(),
            _ => span_at!(Level::ERROR, self).in_scope(log),
        }
    }

    /// Logs that something went wrong with this, which clients can repeat at will: `log` is told how many
    /// times it stands for, where it is not too many lines of this route.
    pub(crate) fn log_failure(&self, log: impl FnOnce(u64)) {
        if let Some(times) = self.call.route.failures.count() {
            self.log(|| log(times));
        }
    }

    pub(crate) fn disconnect_reason(&self) -> Option<DisconnectReason> {
        self.call.reason
    }

    /// How many bytes it occupies while it waits.
    pub(crate) fn size(&self) -> usize {
        self.call.packet.size()
    }

    /// How many bytes its answer is expected to have.
    pub(crate) fn expected_answer(&self) -> usize {
        self.call.route.answers.expected()
    }

    pub(crate) fn lane(&self) -> Option<Lane> {
        self.call.route.lane
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
