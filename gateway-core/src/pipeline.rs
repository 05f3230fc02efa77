//! The way of one message, in the one place that knows its order. It is NestJS's:
//!
//! 1. guards, global → gateway → handler; the first that refuses ends it;
//! 2. interceptors around all that follows, global outermost;
//! 3. pipes and extraction, as each argument is made;
//! 4. the handler;
//! 5. the interceptors' way back, and the reply, encoded and sent;
//! 6. on any error, and on a panic in any of them, the filters, handler → gateway → global.
//!
//! Whatever happens, the client is answered. A handler without any of these pays for none: an empty
//! list is one comparison.

use std::{
    future::{Future, Ready, poll_fn, ready},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::Instant,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{
    connection::Connection,
    context::{ExecutionContext, Occasion},
    exception::WsException,
    filter::ErrorReply,
    interceptor::Next,
    metrics::MessageMetrics,
    outbox::Returned,
    platform::{DisconnectReason, Frame, Refused},
    reply::{EventAndAck, EventStream, Reply, ReplyKind},
};

/// Runs a message through its handler and answers it.
pub(crate) async fn run<H>(context: ExecutionContext, call: impl FnOnce(ExecutionContext) -> H)
where
    H: Future<Output = Result<Reply, WsException>> + Send,
{
    let span = tracing::debug_span!(
        "message",
        namespace = context.namespace(),
        event = context.event(),
        handler = context.handler(),
    );
    let metrics = context.metrics();
    let traced = (!span.is_disabled()).then(Instant::now);
    let started = traced.or_else(|| metrics.and_then(MessageMetrics::begin));
    // The call only makes a future; extraction and the handler run when it is polled, inside the
    // boundary that catches panics. Made where it is pinned: an argument would be kept twice.
    let mut handler = pin!(call(context.clone()));
    let handled = async {
        admit(&context).await?;
        let interceptors = &context.enhancers().interceptors;
        let reply = match interceptors.is_empty() {
            true => handler.as_mut().await?,
            false => Next::new(interceptors, &context, Box::pin(handler)).handle().await?,
        };
        respond(&context, reply).await
    };
    let mut handled = pin!(AssertUnwindSafe(handled).catch_unwind());
    let handled = poll_fn(|task| span.in_scope(|| handled.as_mut().poll(task)));
    let outcome = handled.await.unwrap_or_else(|panic| Err(caught(&context, &*panic)));
    let outcome = outcome.and_then(|()| match context.ack_slot() {
        Some(slot) => slot.handler_succeeded(),
        None => Ok(()),
    });
    let duration = started.map(|started| started.elapsed());
    if traced.is_some() {
        let outcome = outcome.as_ref().map_or_else(WsException::code, |()| "ok");
        span.in_scope(|| tracing::debug!(outcome, ?duration, "handled"));
    }
    if let Some(metrics) = metrics {
        metrics.handled(&outcome, duration);
    }
    if let Err(exception) = outcome {
        Box::pin(answer(&context, exception).instrument(span)).await;
    }
}

/// Asks the guards.
async fn admit(context: &ExecutionContext) -> Result<(), WsException> {
    for guard in context.enhancers().guards.iter() {
        if !guard.can_activate(context).await? {
            return Err(WsException::forbidden("Forbidden resource"));
        }
    }
    Ok(())
}

/// Renews the session of a client that brings a new token.
pub(crate) async fn reauthenticate(context: ExecutionContext) {
    let metrics = context.metrics();
    let started = metrics.and_then(MessageMetrics::begin);
    let renewal = AssertUnwindSafe(renew(&context)).catch_unwind();
    let outcome = renewal.await.unwrap_or_else(|panic| Err(caught(&context, &*panic)));
    if let Some(metrics) = metrics {
        metrics.handled(&outcome, started.map(|started| started.elapsed()));
    }
    if let Err(exception) = outcome {
        answer(&context, exception).await;
    }
}

async fn renew(context: &ExecutionContext) -> Result<(), WsException> {
    let connection = context.connection();
    let Some(authenticator) = &connection.gateway().authenticator else {
        return Err(WsException::unknown_event());
    };
    // A token alone, or an object like the `auth` of the handshake.
    let auth = match context.body() {
        Value::String(token) => json!({ "token": token }),
        auth => auth,
    };
    let handshake = connection.handshake.with_auth(&auth);
    let session = authenticator.authenticate(&handshake).verdict().await?;
    let known = connection.session();
    if known.is_some_and(|known| known.user() != session.user()) {
        return Err(WsException::unauthorized("The token is of another user"));
    }
    connection.renew_session(session);
    if let Some(ack) = context.ack() {
        send(connection, context.hub()?.encode_ack(ack, &json!({ "status": "ok" }))?).await;
    }
    Ok(())
}

/// Lets a client in: `on_connection`, and its user is there. An error is reported to the client, and
/// returned.
pub(crate) async fn welcome(connection: &Arc<Connection>) -> Result<(), WsException> {
    run_hook(Occasion::Connection, connection, None).await?;
    let Err(error) = connection.arrive().await else { return Ok(()) };
    let exception = WsException::from(error);
    let context = ExecutionContext::hook(Arc::clone(connection), Occasion::Connection, None);
    answer(&context, exception.clone()).await;
    Err(exception)
}

/// Runs a hook of a connection's life; an error is reported to the client, and returned.
pub(crate) async fn run_hook(
    occasion: Occasion,
    connection: &Arc<Connection>,
    reason: Option<DisconnectReason>,
) -> Result<(), WsException> {
    let Some(hook) = connection.gateway().hooks.on(occasion) else { return Ok(()) };
    let context = ExecutionContext::hook(Arc::clone(connection), occasion, reason);
    let called = async {
        admit(&context).await?;
        (hook.call)(context.clone()).await
    };
    let outcome = AssertUnwindSafe(called)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(caught(&context, &*panic)));
    if let Err(exception) = &outcome {
        answer(&context, exception.clone()).await;
    }
    outcome
}

/// Answers an event that has no handler.
pub(crate) async fn answer_unknown(context: ExecutionContext) {
    if let Some(metrics) = context.metrics() {
        metrics.unknown();
    }
    answer(&context, WsException::unknown_event()).await;
}

/// Answers with an exception: by the filters, or else as the framework does.
pub(crate) async fn answer(context: &ExecutionContext, exception: WsException) {
    let reply = explain(context, exception).await;
    let connection = context.connection();
    for frame in frames(context, &reply) {
        send(connection, frame).await;
    }
}

/// Answers a message that was not even started, without ever waiting for its sender: a client that
/// floods does not read either.
pub(crate) fn refuse(context: ExecutionContext, exception: WsException) {
    if let Some(metrics) = context.metrics() {
        metrics.refused(&exception);
    }
    let refusal = async move {
        let reply = explain(&context, exception).await;
        for frame in frames(&context, &reply) {
            if context.connection().send(frame) == Err(Refused::Full) {
                context.connection().give_up();
            }
        }
    };
    // Filters rarely wait, and then no task is needed.
    let mut refusal = Box::pin(refusal);
    if refusal.as_mut().now_or_never().is_none() {
        tokio::spawn(refusal);
    }
}

/// Sends a reply. Most are an acknowledgement, and sent when this returns.
fn respond(context: &ExecutionContext, reply: Reply) -> Responding<'_> {
    let connection = context.connection();
    match reply.settle(context) {
        Ok(ReplyKind::Nothing) => ready(Ok(())).left_future(),
        Ok(ReplyKind::Ack(frame)) => match send(connection, frame) {
            Either::Left(_sent) => ready(Ok(())).left_future(),
            Either::Right(waiting) => waiting.map(Ok).boxed().right_future(),
        },
        Ok(ReplyKind::Event(both)) => deliver_event(connection, *both).boxed().right_future(),
        Ok(ReplyKind::Stream { events, ack }) => {
            deliver_stream(connection, events, ack).boxed().right_future()
        }
        Err(exception) => ready(Err(exception)).left_future(),
    }
}

type Responding<'a> =
    Either<Ready<Result<(), WsException>>, BoxFuture<'a, Result<(), WsException>>>;

async fn deliver_event(
    connection: &Arc<Connection>,
    reply: EventAndAck,
) -> Result<(), WsException> {
    send(connection, reply.event).await;
    deliver_ack(connection, reply.ack).await
}

/// Sends the events of a stream as long as there is a client.
async fn deliver_stream(
    connection: &Arc<Connection>,
    mut events: EventStream,
    ack: Option<Box<Frame>>,
) -> Result<(), WsException> {
    let mut gone = Box::pin(connection.gone());
    loop {
        match select(events.next(), gone).await {
            Either::Left((Some(event), still_here)) => {
                send(connection, event?).await;
                gone = still_here;
            }
            Either::Left((None, _)) => return deliver_ack(connection, ack.map(|ack| *ack)).await,
            Either::Right(_) => return Ok(()),
        }
    }
}

async fn deliver_ack(connection: &Arc<Connection>, ack: Option<Frame>) -> Result<(), WsException> {
    if let Some(ack) = ack {
        send(connection, ack).await;
    }
    Ok(())
}

/// Asks the filters what to tell the client.
async fn explain(context: &ExecutionContext, exception: WsException) -> ErrorReply {
    report(context, &exception);
    context.enhancers().filters.reply(context, exception).await
}

fn report(context: &ExecutionContext, exception: &WsException) {
    if exception.is_internal() {
        tracing::error!(
            namespace = context.namespace(),
            event = context.event(),
            handler = context.handler(),
            error = exception.source().map(ToString::to_string),
            "a handler failed"
        );
    }
}

fn frames(context: &ExecutionContext, reply: &ErrorReply) -> Vec<Frame> {
    let Some(hub) = context.connection().namespace().hub() else { return Vec::new() };
    let event = reply.event.as_ref().map(|(name, body)| hub.encode_event(name, body));
    let ack = context.take_ack().and_then(|ack| {
        let body = reply.ack.as_ref()?;
        Some(hub.encode_ack(ack, body))
    });
    // JSON values always have an encoded form.
    event.into_iter().chain(ack).filter_map(Result::ok).collect()
}

/// Sends a part of an answer: at once where the client has room. Else the handler's place stays taken
/// until it has, which slows down a client that asks faster than it reads; one that does not read at
/// all is disconnected, since it would otherwise wait for this answer for ever.
pub(crate) fn send(connection: &Arc<Connection>, frame: Frame) -> Sending {
    let Err(Returned::Full(frame)) = connection.offer(frame) else {
        return ready(()).left_future();
    };
    let connection = Arc::clone(connection);
    // Rare, and large: it must not make the future of every message larger.
    let waiting = async move {
        let patience = connection.gateway().settings.emit_timeout;
        if connection.wait_for_room(frame, patience).await == Err(Refused::Full) {
            connection.give_up();
        }
    };
    waiting.boxed().right_future()
}

pub(crate) type Sending = Either<Ready<()>, BoxFuture<'static, ()>>;

/// Turns a panic into an exception that says nothing to the client.
fn caught(context: &ExecutionContext, panic: &(dyn std::any::Any + Send)) -> WsException {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not text)");
    tracing::error!(
        namespace = context.namespace(),
        event = context.event(),
        handler = context.handler(),
        panic = message,
        "a handler panicked"
    );
    WsException::panicked()
}
