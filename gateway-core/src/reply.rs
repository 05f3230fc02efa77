//! What a handler returns, and what the client gets for it. The type decides, never its name.

use std::{marker::PhantomData, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};

use crate::{
    context::ExecutionContext,
    exception::WsException,
    platform::Frame,
    wire::{Argument, Payload},
};

/// An event back to the sender, in place of an acknowledgement with a value (NestJS: a returned
/// `{event, data}`). An acknowledgement that was asked for is sent empty.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsResponse<T> {
    event: std::borrow::Cow<'static, str>,
    data: T,
}

impl<T> WsResponse<T> {
    /// `event` with `data`: one argument, or several as [`Args`](crate::Args).
    pub fn new(event: impl Into<std::borrow::Cow<'static, str>>, data: T) -> Self {
        Self { event: event.into(), data }
    }
}

/// Many events back to the sender (NestJS: a returned `Observable`). Stopped when the client
/// leaves; the acknowledgement, where one was asked for, is sent empty at the end.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Gateway;
/// # impl Gateway {
/// async fn countdown(&self) -> WsStream<impl futures_util::Stream<Item = WsResponse<u8>> + Send> {
///     WsStream::new(futures_util::stream::iter([3, 2, 1]).map(|n| WsResponse::new("tick", n)))
/// }
/// # }
/// # use futures_util::StreamExt;
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
    #[doc(hidden)]
    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException>;
}

/// An event ready to be sent; its inside is the platform's.
#[doc(hidden)]
#[derive(Debug)]
pub struct EncodedEvent(Frame);

impl<T: Payload> StreamItem for WsResponse<T> {
    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException> {
        Ok(EncodedEvent(encode_event(context, &self.event, &self.data)?))
    }
}

impl<T: Payload, E: Into<WsException>> StreamItem for Result<WsResponse<T>, E> {
    fn encode(self, context: &ExecutionContext) -> Result<EncodedEvent, WsException> {
        self.map_err(Into::into)?.encode(context)
    }
}

/// What a handler's return value became: encoded, inside the boundary that catches panics. What
/// an [`Interceptor`](crate::Interceptor) is given, and gives back.
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
    // Boxed, so that an acknowledgement, which nearly every reply is, is moved for what it is.
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
    /// An acknowledgement of an interceptor's own, in place of the handler's.
    ///
    /// # Errors
    /// When the payload has no encoded form.
    pub fn new(context: &ExecutionContext, payload: impl Payload) -> Result<Self, WsException> {
        Ok(Self::from(match encode_ack(context, &payload)? {
            Some(frame) => ReplyKind::Ack(frame),
            None => ReplyKind::Nothing,
        }))
    }

    /// Changes each value on its way to the client: the acknowledgement's, the event's, or those of
    /// every item of a stream.
    ///
    /// `json!` makes JSON of binary; to keep it, build the [`Argument`] itself.
    #[must_use]
    pub fn map<T: Into<Argument>>(
        mut self,
        mut change: impl FnMut(Argument) -> T + Send + 'static,
    ) -> Self {
        self.maps.push(Box::new(move |value| change(value).into()));
        self
    }

    /// Ends a stream that gives no item for so long with an error; nothing else is concerned.
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

    /// The frames, with all changes made.
    pub(crate) fn settle(self, context: &ExecutionContext) -> Result<ReplyKind, WsException> {
        let Self { kind, mut maps } = self;
        if maps.is_empty() {
            return Ok(kind);
        }
        let hub = Arc::clone(context.hub()?);
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
    crate::socket::check_event(event)?;
    Ok(context.hub()?.encode_event(event, payload)?)
}

/// The acknowledgement, when the client asked for one and the handler did not take it.
fn encode_ack(
    context: &ExecutionContext,
    payload: &impl Payload,
) -> Result<Option<Frame>, WsException> {
    match context.ack() {
        Some(ack) if context.ack_slot().is_none() => {
            Ok(Some(context.hub()?.encode_ack(ack, payload)?))
        }
        _ => Ok(None),
    }
}

/// The first step of the ladder: what a handler returned, without its `Result`.
///
/// Method resolution climbs it: the implementation for `Peel<Result<..>>` is found before the one
/// for `&Peel<T>`, whatever alias the type is written with.
#[doc(hidden)]
#[derive(Debug)]
pub struct Peel<T>(PhantomData<fn() -> T>);

impl<T> Peel<T> {
    /// A probe for the type of `output`.
    pub fn of(_output: &T) -> Self {
        Self(PhantomData)
    }
}

/// The second step: the kind of reply a value is. Those with a type of their own are found before
/// any value.
#[doc(hidden)]
#[derive(Debug)]
pub struct Kind<T>(PhantomData<fn() -> T>);

impl<T> Kind<T> {
    /// A probe for the type of `output`.
    pub fn of(_output: &T) -> Self {
        Self(PhantomData)
    }
}

#[doc(hidden)]
pub mod ladder {
    //! The traits of the ladder; generated code has them in scope.

    use super::*;

    /// An error a handler may return.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the error of a handler",
        label = "this error does not convert into a `WsException`",
        note = "implement `std::error::Error` for it (the client then reads \"Internal server error\"), \
                or `From<{Self}> for WsException`"
    )]
    pub trait HandlerError {
        fn into_exception(self) -> WsException;
    }

    #[diagnostic::do_not_recommend]
    impl<E: Into<WsException>> HandlerError for E {
        fn into_exception(self) -> WsException {
            self.into()
        }
    }

    pub trait PeelResult<T, E> {
        fn peel(&self, output: Result<T, E>) -> Result<T, WsException>
        where
            E: HandlerError;
    }

    impl<T, E> PeelResult<T, E> for Peel<Result<T, E>> {
        fn peel(&self, output: Result<T, E>) -> Result<T, WsException>
        where
            E: HandlerError,
        {
            output.map_err(HandlerError::into_exception)
        }
    }

    pub trait PeelPlain<T> {
        fn peel(&self, output: T) -> Result<T, WsException>;
    }

    impl<T> PeelPlain<T> for &Peel<T> {
        fn peel(&self, output: T) -> Result<T, WsException> {
            Ok(output)
        }
    }

    /// A value a handler may return.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the answer of a handler",
        label = "this handler returns `{Self}`, which has no serialized form",
        note = "derive `serde::Serialize` for it, or return `()`, `WsResponse<T>` or `WsStream<S>`; \
                `Args<T>` takes a tuple, a `Vec` or `Arguments`"
    )]
    pub trait Answer {
        fn encode_ack(&self, context: &ExecutionContext) -> Result<Option<Frame_>, WsException>;
    }

    /// Hides the platform's frame.
    #[derive(Debug)]
    pub struct Frame_(pub(super) Frame);

    #[diagnostic::do_not_recommend]
    impl<T: Payload> Answer for T {
        fn encode_ack(&self, context: &ExecutionContext) -> Result<Option<Frame_>, WsException> {
            Ok(super::encode_ack(context, self)?.map(Frame_))
        }
    }

    #[derive(Debug)]
    pub struct ValueReply;
    #[derive(Debug)]
    pub struct EventReply;
    #[derive(Debug)]
    pub struct StreamReply;

    pub trait KindOfEvent {
        fn kind(&self) -> EventReply;
    }

    impl<T> KindOfEvent for Kind<WsResponse<T>> {
        fn kind(&self) -> EventReply {
            EventReply
        }
    }

    pub trait KindOfStream {
        fn kind(&self) -> StreamReply;
    }

    impl<S> KindOfStream for Kind<WsStream<S>> {
        fn kind(&self) -> StreamReply {
            StreamReply
        }
    }

    pub trait KindOfValue {
        fn kind(&self) -> ValueReply;
    }

    impl<T> KindOfValue for &Kind<T> {
        fn kind(&self) -> ValueReply {
            ValueReply
        }
    }

    impl ValueReply {
        pub fn reply<T: Answer>(
            self,
            output: T,
            context: &ExecutionContext,
        ) -> Result<Reply, WsException> {
            Ok(Reply::from(match output.encode_ack(context)? {
                Some(frame) => ReplyKind::Ack(frame.0),
                None => ReplyKind::Nothing,
            }))
        }
    }

    impl EventReply {
        pub fn reply<T: Payload>(
            self,
            output: WsResponse<T>,
            context: &ExecutionContext,
        ) -> Result<Reply, WsException> {
            let EncodedEvent(event) = output.encode(context)?;
            let ack = super::encode_ack(context, &())?;
            Ok(Reply::from(ReplyKind::Event(Box::new(EventAndAck { event, ack }))))
        }
    }

    impl StreamReply {
        pub fn reply<S>(
            self,
            output: WsStream<S>,
            context: &ExecutionContext,
        ) -> Result<Reply, WsException>
        where
            S: Stream<Item: StreamItem> + Send + 'static,
        {
            let ack = super::encode_ack(context, &())?.map(Box::new);
            let context = context.clone();
            let events = output.0.map(move |item| item.encode(&context).map(|event| event.0));
            Ok(Reply::from(ReplyKind::Stream { events: Box::pin(events), ack }))
        }
    }
}

/// What a hook may return.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "nobody would receive this",
    note = "hooks return `()` or `Result<(), E>`; to tell the client something, emit an event"
)]
pub trait HookOutput {
    #[doc(hidden)]
    fn finish(self) -> Result<(), WsException>;
}

impl HookOutput for () {
    fn finish(self) -> Result<(), WsException> {
        Ok(())
    }
}

impl<E: Into<WsException>> HookOutput for Result<(), E> {
    fn finish(self) -> Result<(), WsException> {
        self.map_err(Into::into)
    }
}

/// Ends a hook.
#[doc(hidden)]
pub fn finish_hook<T: HookOutput>(output: T) -> Result<(), WsException> {
    output.finish()
}
