//! What a handler returns, and what the client gets for it. The type decides, never its name.

#[doc(hidden)]
pub(crate) mod ladder;

use std::{borrow::Cow, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};

use self::ladder::{Peeled, Peeling};
use crate::{
    call::context::ExecutionContext,
    exception::WsException,
    platform::Frame,
    socket::event::Event,
    wire::{self, Argument, Payload, Shape},
};

/// An event back to the sender, instead of an acknowledgement with a value (NestJS: a returned
/// `{event, data}`). If an acknowledgement was asked for, it is sent empty.
///
/// Return an `Option<WsResponse<T>>` to send an event only sometimes, and a `Vec<WsResponse<T>>` to send
/// several.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Gateway;
/// # impl Gateway {
/// async fn ping(&self) -> WsResponse<&'static str> {
///     WsResponse::new("pong", "now")
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WsResponse<T> {
    event: Cow<'static, str>,
    data: T,
    /// How a declared event is encoded; anything else is encoded as a payload.
    declared: Option<EncodeEvent<T>>,
}

type EncodeEvent<T> = fn(&ExecutionContext, &T) -> Result<Frame, WsException>;

impl<T> WsResponse<T> {
    /// `event` with `data`: one argument, or several as [`Args`](crate::Args).
    pub fn new(event: impl Into<Cow<'static, str>>, data: T) -> Self {
        Self { event: event.into(), data, declared: None }
    }
}

impl<T: PartialEq> PartialEq for WsResponse<T> {
    fn eq(&self, other: &Self) -> bool {
        self.event == other.event && self.data == other.data
    }
}

impl<T: Eq> Eq for WsResponse<T> {}

impl<E: Event> WsResponse<E> {
    /// A declared event: its name and its payload.
    ///
    /// ```
    /// # mod app {
    /// # use gateway_core::prelude::*;
    /// # use serde::Serialize;
    /// #[derive(Serialize, Event)]
    /// #[event("pong")]
    /// pub struct Pong {
    ///     at: u64,
    /// }
    ///
    /// #[web_socket_gateway(emits(Pong))]
    /// pub struct PingGateway;
    ///
    /// #[web_socket_gateway]
    /// impl PingGateway {
    ///     #[subscribe_message("ping")]
    ///     async fn ping(&self) -> WsResponse<Pong> {
    ///         WsResponse::of(Pong { at: 7 })
    ///     }
    /// }
    /// # }
    /// ```
    pub fn of(event: E) -> Self {
        let declared =
            |context: &ExecutionContext, event: &E| encode_event(context, E::NAME, &event.sent());
        Self { event: E::NAME.into(), data: event, declared: Some(declared) }
    }
}

/// Many events back to the sender (NestJS: a returned `Observable`). The stream is stopped when the client
/// leaves; if an acknowledgement was asked for, it is sent empty at the end.
///
/// The stream outlives the call, so it cannot borrow from `&self`: `+ use<>` says so, and whatever it needs
/// from the gateway is cloned into it. Items may be `Result`s; an `Err` ends the stream, and is reported to
/// the client like any other error.
///
/// ```
/// # mod app {
/// use futures_util::{Stream, StreamExt, stream};
/// use gateway_core::prelude::*;
///
/// #[web_socket_gateway(namespace = "/rockets")]
/// pub struct RocketGateway;
///
/// #[web_socket_gateway]
/// impl RocketGateway {
///     #[subscribe_message("launch")]
///     async fn launch(&self) -> WsStream<impl Stream<Item = WsResponse<u8>> + use<>> {
///         WsStream::new(stream::iter([3, 2, 1]).map(|n| WsResponse::new("tick", n)))
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WsStream<S>(S);

impl<S> WsStream<S> {
    /// The events of `stream`; its items are [`WsResponse`]s, or `Result`s of them.
    pub fn new(stream: S) -> Self {
        Self(stream)
    }
}

/// An item of a [`WsStream`].
///
/// ```
/// use gateway_core::prelude::*;
/// # fn takes(_: impl gateway_core::StreamItem) {}
/// takes(WsResponse::new("tick", 1));
/// takes(Ok::<_, WsException>(WsResponse::new("tick", 1)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a `WsStream`",
    label = "expected a stream of `WsResponse<T>` or `Result<WsResponse<T>, E>`"
)]
pub trait StreamItem {
    /// The payload of its event.
    #[doc(hidden)]
    type Data;

    #[doc(hidden)]
    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException>;
}

/// An event that is ready to be sent, in a form that only the platform knows.
#[doc(hidden)]
#[derive(Debug)]
pub struct EncodedEvent(Frame);

impl<T: Payload> StreamItem for WsResponse<T> {
    type Data = T;

    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException> {
        Ok(EncodedEvent(match self.declared {
            Some(encode) => encode(context, &self.data)?,
            None => encode_event(context, &self.event, &self.data)?,
        }))
    }
}

impl<T: Payload, E: Into<WsException>> StreamItem for Result<WsResponse<T>, E> {
    type Data = T;

    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException> {
        self.map_err(Into::into)?.encode(context)
    }
}

/// A handler's encoded return value: what an [`Interceptor`](crate::Interceptor) is given by
/// [`Next::handle`](crate::Next::handle), and what it returns.
///
/// ```
/// use gateway_core::prelude::*;
/// use serde_json::json;
///
/// #[injectable]
/// pub struct Envelope;
///
/// impl Interceptor for Envelope {
///     async fn intercept(
///         &self,
///         _: &ExecutionContext,
///         next: Next<'_>,
///     ) -> Result<Reply, WsException> {
///         Ok(next.handle().await?.map(|value| json!({ "data": value })))
///     }
/// }
/// ```
pub struct Reply {
    kind: ReplyKind,
    maps: Vec<Map>,
}

type Map = Box<dyn FnMut(Argument) -> Argument + Send>;

pub(crate) enum ReplyKind {
    Nothing,
    Ack(Frame),
    // Boxed to keep acknowledgements, which nearly every reply is, cheap to move.
    Event(Box<EventAndAck>),
    Stream { events: EventStream, ack: Option<Box<Frame>> },
}

pub(crate) struct EventAndAck {
    pub(crate) event: Frame,
    pub(crate) ack: Option<Frame>,
}

pub(crate) type EventStream = Pin<Box<dyn Stream<Item = Result<Frame, WsException>> + Send>>;

impl From<ReplyKind> for Reply {
    fn from(kind: ReplyKind) -> Self {
        Self { kind, maps: Vec::new() }
    }
}

impl Reply {
    /// An interceptor's own acknowledgement, in place of the handler's. If the handler takes its
    /// [`Ack`](crate::Ack), the first answer counts: this one, unless the handler has already answered.
    ///
    /// # Errors
    /// If the payload cannot be encoded.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// /// Answers without asking the handler.
    /// #[injectable]
    /// pub struct Cached;
    ///
    /// impl Interceptor for Cached {
    ///     async fn intercept(
    ///         &self,
    ///         context: &ExecutionContext,
    ///         next: Next<'_>,
    ///     ) -> Result<Reply, WsException> {
    ///         match context.event() {
    ///             "version" => Reply::new(context, "1.0"),
    ///             _ => next.handle().await,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn new(context: &ExecutionContext, payload: impl Payload) -> Result<Self, WsException> {
        let Some(ack) = context.ack().id() else { return Ok(Self::from(ReplyKind::Nothing)) };
        Ok(Self::from(ReplyKind::Ack(context.hub().encode_ack(ack, &payload)?)))
    }

    /// Changes each value on its way to the client: that of the acknowledgement, of the event, or of every
    /// item of a stream.
    ///
    /// `json!` turns binary data into JSON; to keep it binary, build the [`Argument`] yourself.
    #[must_use]
    pub fn map<T: Into<Argument>>(
        mut self,
        mut change: impl FnMut(Argument) -> T + Send + 'static,
    ) -> Self {
        self.maps.push(Box::new(move |value| change(value).into()));
        self
    }

    /// Ends a stream with an error if it yields no item for this long; other replies stay as they are.
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        if let ReplyKind::Stream { events, ack } = self.kind {
            let events = futures_util::stream::unfold(Some(events), move |events| async move {
                let mut events = events?;
                match tokio::time::timeout(patience, events.next()).await {
                    Ok(item) => item.map(|item| (item, Some(events))),
                    Err(_elapsed) => Some((Err(WsException::timed_out()), None)),
                }
            });
            self.kind = ReplyKind::Stream { events: Box::pin(events), ack };
        }
        self
    }

    /// The frames, with all changes applied.
    pub(crate) fn settle(self, context: &ExecutionContext) -> Result<ReplyKind, WsException> {
        let Self { kind, mut maps } = self;
        if maps.is_empty() {
            return Ok(kind);
        }
        let hub = Arc::clone(context.hub());
        let mut change = move |frame: Frame| {
            hub.map_arguments(frame, |value| maps.iter_mut().fold(value, |value, map| map(value)))
        };
        Ok(match kind {
            ReplyKind::Nothing => ReplyKind::Nothing,
            ReplyKind::Ack(frame) => ReplyKind::Ack(change(frame)?),
            ReplyKind::Event(both) => {
                let EventAndAck { event, ack } = *both;
                ReplyKind::Event(Box::new(EventAndAck { event: change(event)?, ack }))
            }
            ReplyKind::Stream { events, ack } => {
                let events = events.map(move |item| item.and_then(&mut change));
                ReplyKind::Stream { events: Box::pin(events), ack }
            }
        })
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.kind {
            ReplyKind::Nothing => "Nothing",
            ReplyKind::Ack(_) => "Ack",
            ReplyKind::Event(_) => "Event",
            ReplyKind::Stream { .. } => "Stream",
        })
    }
}

fn encode_event(
    context: &ExecutionContext,
    event: &str,
    payload: &impl Payload,
) -> Result<Frame, WsException> {
    context.gateway_namespace().may_emit(event)?;
    Ok(context.hub().encode_event(event, payload)?)
}

/// The acknowledgement, if the client asked for one and nobody has taken the `Ack`.
///
/// # Errors
/// If it cannot be encoded; and for a value beside a taken `Ack`. `BesideAck` refuses that where a parameter
/// is the `Ack`, but whether a custom extractor, a guard or an interceptor takes it is only known now.
fn encode_ack<T: Payload>(
    context: &ExecutionContext,
    payload: &T,
) -> Result<Option<Frame>, WsException> {
    let Some(ack) = context.ack().id() else { return Ok(None) };
    if !context.ack().is_taken() {
        return Ok(Some(context.hub().encode_ack(ack, payload)?));
    }
    match wire::shape::<T>() {
        Shape::Nothing => Ok(None),
        Shape::One | Shape::List => Err(WsException::internal(
            "nobody receives the value that the handler returned: its `Ack` was taken by an extractor, a guard or an interceptor",
        )),
    }
}

/// A value a handler may return.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's answer",
    label = "this handler returns `{Self}`, which cannot be serialized",
    note = "derive `serde::Serialize` for it, or return `()`, `WsResponse<T>`, an `Option` or a `Vec` \
            of it, or `WsStream<S>`; \
            `Args<T>` takes a tuple, a `Vec` or `Arguments`"
)]
pub trait Answer {
    fn encode_ack(&self, context: &ExecutionContext) -> Result<Option<Frame_>, WsException>;
}

/// Hides the platform's frame.
#[doc(hidden)]
#[derive(Debug)]
pub struct Frame_(Frame);

#[diagnostic::do_not_recommend]
impl<T: Payload> Answer for T {
    fn encode_ack(&self, context: &ExecutionContext) -> Result<Option<Frame_>, WsException> {
        Ok(encode_ack(context, self)?.map(Frame_))
    }
}

/// What becomes of a method's output.
pub(crate) type Finish<O, T> = fn(O, &ExecutionContext) -> Result<T, WsException>;

/// The kind of reply that a value is: the acknowledgement.
#[doc(hidden)]
#[derive(Debug)]
pub struct ValueReply;

impl ValueReply {
    pub fn finish<O, T: Answer, P: Peeling<O, T>>(self, _: &Peeled<O, T, P>) -> Finish<O, Reply> {
        |output, context| {
            Ok(Reply::from(match P::peel(output)?.encode_ack(context)? {
                Some(frame) => ReplyKind::Ack(frame.0),
                None => ReplyKind::Nothing,
            }))
        }
    }
}

/// An event, and an empty acknowledgement.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventReply;

impl EventReply {
    pub fn finish<O, T: Payload, P: Peeling<O, WsResponse<T>>>(
        self,
        _: &Peeled<O, WsResponse<T>, P>,
    ) -> Finish<O, Reply> {
        |output, context| {
            let EncodedEvent(event) = P::peel(output)?.encode(context)?;
            let ack = encode_ack(context, &())?;
            Ok(Reply::from(ReplyKind::Event(Box::new(EventAndAck { event, ack }))))
        }
    }
}

/// Some events, or none, and an empty acknowledgement.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventsReply;

impl EventsReply {
    /// All of them are encoded before the first is sent, so that either all are sent or none.
    pub fn finish<O, E, T: Payload, P: Peeling<O, E>>(self, _: &Peeled<O, E, P>) -> Finish<O, Reply>
    where
        E: IntoIterator<Item = WsResponse<T>>,
    {
        |output, context| {
            let encode = |response: WsResponse<T>| Ok(response.encode(context)?.0);
            let events = P::peel(output)?.into_iter().map(encode);
            let events = events.collect::<Result<Vec<Frame>, WsException>>()?;
            let ack = encode_ack(context, &())?.map(Box::new);
            let events = Box::pin(stream::iter(events.into_iter().map(Ok)));
            Ok(Reply::from(ReplyKind::Stream { events, ack }))
        }
    }
}

/// A stream of events, after an empty acknowledgement.
#[doc(hidden)]
#[derive(Debug)]
pub struct StreamReply;

impl StreamReply {
    pub fn finish<O, S, P: Peeling<O, WsStream<S>>>(
        self,
        _: &Peeled<O, WsStream<S>, P>,
    ) -> Finish<O, Reply>
    where
        S: Stream<Item: StreamItem> + Send + 'static,
    {
        |output, context| {
            let WsStream(events) = P::peel(output)?;
            let ack = encode_ack(context, &())?.map(Box::new);
            let context = context.clone();
            let events = events.map(move |item| item.encode(&context).map(|event| event.0));
            Ok(Reply::from(ReplyKind::Stream { events: Box::pin(events), ack }))
        }
    }
}

/// What a hook may return, without its `Result`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "nobody would receive this",
    note = "hooks return `()` or `Result<(), E>`; to tell the client something, emit an event"
)]
pub trait HookOutput {}

impl HookOutput for () {}

/// Ends a hook.
#[doc(hidden)]
pub fn finish_hook<O, T: HookOutput, P: Peeling<O, T>>(_: &Peeled<O, T, P>) -> Finish<O, ()> {
    |output, _context| P::peel(output).map(|_nothing| ())
}
