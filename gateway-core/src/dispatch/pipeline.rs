//! The path of one message, in the only place that knows its order, which is NestJS's:
//!
//! 1. guards, global → gateway → handler; the first one that refuses ends it;
//! 2. interceptors around everything that follows, global outermost;
//! 3. pipes and extraction, as each argument is made;
//! 4. the handler;
//! 5. back through the interceptors, and the reply, encoded and sent;
//! 6. on any error, and on a panic in any of them, the filters, handler → gateway → global.
//!
//! Whatever happens, the client is answered. A handler without any of these pays for none: an empty
//! list is one comparison.

use std::{
    any::Any,
    future::{Future, Ready, poll_fn, ready},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either},
};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    call::{
        context::ExecutionContext,
        filter::{Answer, ErrorReply},
        interceptor::Next,
        reply::{EventAndAck, EventStream, Reply, ReplyKind},
        route::{Action, HandlerFn, Route},
    },
    clock,
    exception::{WsException, logged_chain},
    excerpt,
    limits::reached,
    metrics::{MessageMetrics, Outcome},
    platform::{DisconnectReason, Frame, Refused},
    socket::{
        connection::Connection,
        error::{AckError, EmitError, JoinError, SocketsError},
        outbox::{Delivery, Gone},
    },
    wire,
};

/// Runs a message to its end: whatever happens on the way, the client is answered.
pub(crate) async fn run(context: ExecutionContext) {
    let span = context.span();
    let metrics = context.metrics();
    let traced = (!span.is_disabled()).then(clock::now);
    let started = traced.or_else(|| metrics.and_then(MessageMetrics::begin));
    let mut handled = pin!(AssertUnwindSafe(handle(&context)).catch_unwind());
    let handled = poll_fn(|task| {
        // So that attachments the handler sends on are shared and not copied.
        wire::knowing(context.attachments(), || span.in_scope(|| handled.as_mut().poll(task)))
    });
    let caught = |panic: Box<dyn Any + Send>| Err(span.in_scope(|| caught(&context, &*panic)));
    let outcome = handled.await.unwrap_or_else(caught);
    let outcome = outcome.and_then(|()| context.ack().leave());
    if let Err(exception) = outcome {
        return Box::pin(fail(&context, exception, started).instrument(span)).await;
    }
    let duration = started.map(|started| started.elapsed());
    if traced.is_some() {
        span.in_scope(|| tracing::debug!(outcome = "ok", ?duration, "handled"));
    }
    if let Some(metrics) = metrics {
        metrics.handled(Outcome::Ok, duration);
    }
}

/// Ends a message that went wrong. What it counts as is known only once the filters have been asked.
async fn fail(context: &ExecutionContext, exception: WsException, started: Option<Instant>) {
    let answer = explain(context, exception).await;
    let duration = started.map(|started| started.elapsed());
    tracing::debug!(outcome = answer.code(), ?duration, "handled");
    if let Some(metrics) = context.metrics() {
        let outcome = if answer.is_failure() { Outcome::Failed } else { Outcome::Told };
        metrics.handled(outcome, duration);
    }
    tell(context, answer.reply).await;
}

/// From the first guard to the reply.
async fn handle(context: &ExecutionContext) -> Result<(), WsException> {
    match &context.route().action {
        Action::Handle(handler) => {
            // What the handler holds is dropped when it ends, or when an interceptor gives it up: before the reply is sent,
            // and before a filter runs.
            let reply = match context.gateway_namespace().caps.handler_time {
                Duration::MAX => {
                    admit(context).await?;
                    intercept(context, handler).await?
                }
                time => in_time(time, context, handler).await?,
            };
            respond(context, reply).await
        }
        Action::Hook(_) | Action::Nothing => Err(WsException::unknown_event()),
    }
}

/// The same up to the reply, within the time there is for it; in a box, so that where there is no limit the
/// future of a message is no larger for it.
fn in_time<'a>(
    time: Duration,
    context: &'a ExecutionContext,
    handler: &'a HandlerFn,
) -> Replying<'a> {
    Box::pin(async move {
        let replying = async {
            admit(context).await?;
            intercept(context, handler).await
        };
        tokio::time::timeout(time, replying).await.unwrap_or_else(|_elapsed| {
            reached::handler_time(format_args!("{}::{}", context.gateway(), context.handler()));
            Err(WsException::timed_out())
        })
    })
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

/// Calls the handler, with the interceptors around it.
fn intercept<'a>(context: &'a ExecutionContext, handler: &'a HandlerFn) -> Replying<'a> {
    // Extraction and the handler itself run when the future is polled.
    let handler = handler.call(context);
    let interceptors = &context.enhancers().interceptors;
    match interceptors.is_empty() {
        true => handler,
        false => Box::pin(Next::new(interceptors, context, handler).handle()),
    }
}

type Replying<'a> = BoxFuture<'a, Result<Reply, WsException>>;

/// Runs a hook of a connection's life; an error is reported to the client, and returned.
pub(crate) async fn run_hook(
    connection: &Arc<Connection>,
    hook: Option<&Arc<Route>>,
    reason: Option<DisconnectReason>,
) -> Result<(), WsException> {
    let Some(route) = hook else { return Ok(()) };
    let Action::Hook(hook) = &route.action else { return Ok(()) };
    let connection = Some(Arc::clone(connection));
    let context = ExecutionContext::without_message(connection, Arc::clone(route), reason);
    let called = async {
        admit(&context).await?;
        hook.call(&context).await
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

/// Answers with an exception: through the filters, or else with the framework's answer.
pub(crate) async fn answer(context: &ExecutionContext, exception: WsException) {
    let answer = explain(context, exception).await;
    tell(context, answer.reply).await;
}

async fn tell(context: &ExecutionContext, reply: ErrorReply) {
    for frame in frames(context, reply) {
        if deliver(context, frame).await == Err(Gone) {
            return;
        }
    }
}

/// Answers a message that was not even started. It never waits for its sender: a client that floods
/// does not read either.
pub(crate) async fn refuse(context: ExecutionContext, exception: WsException) {
    let answer = explain(&context, exception).await;
    send_refusal(&context, answer.reply);
}

/// Like [`refuse`], without asking the filters.
pub(crate) fn refuse_unfiltered(context: &ExecutionContext, exception: &WsException) {
    send_refusal(context, ErrorReply::standard(exception, context));
}

fn send_refusal(context: &ExecutionContext, reply: ErrorReply) {
    for frame in frames(context, reply) {
        context.tell_sent(&frame);
        if context.connection().send_last(frame) == Err(Refused::Full) {
            context.connection().give_up();
        }
    }
}

/// Sends a part of an answer.
fn deliver(context: &ExecutionContext, frame: Frame) -> Delivery {
    context.tell_sent(&frame);
    context.connection().deliver(frame)
}

/// Sends a reply. Most are an acknowledgement, and sent when this returns.
fn respond(context: &ExecutionContext, reply: Reply) -> Responding<'_> {
    match reply.settle(context) {
        Ok(ReplyKind::Nothing) => ready(Ok(())).left_future(),
        // Who had taken the `Ack` has answered, and an interceptor again: the first answer counts.
        Ok(ReplyKind::Ack(_)) if context.ack().claim().is_none() => ready(Ok(())).left_future(),
        Ok(ReplyKind::Ack(frame)) => {
            context.route().answers.learn(frame.size());
            match deliver(context, frame) {
                Either::Left(_sent) => ready(Ok(())).left_future(),
                Either::Right(waiting) => waiting.map(|_sent| Ok(())).boxed().right_future(),
            }
        }
        Ok(ReplyKind::Event(both)) => deliver_event(context, *both).boxed().right_future(),
        Ok(ReplyKind::Stream { events, ack }) => {
            deliver_stream(context, events, ack).boxed().right_future()
        }
        Err(exception) => ready(Err(exception)).left_future(),
    }
}

type Responding<'a> =
    Either<Ready<Result<(), WsException>>, BoxFuture<'a, Result<(), WsException>>>;

async fn deliver_event(context: &ExecutionContext, reply: EventAndAck) -> Result<(), WsException> {
    if deliver(context, reply.event).await.is_ok() {
        deliver_ack(context, reply.ack).await;
    }
    Ok(())
}

/// Sends the events of a stream as long as there is a client.
async fn deliver_stream(
    context: &ExecutionContext,
    mut events: EventStream,
    ack: Option<Box<Frame>>,
) -> Result<(), WsException> {
    let mut gone = pin!(context.connection().gone());
    loop {
        // The client first: with a stream that is always ready, its departure would otherwise never be noticed.
        let event = tokio::select! {
            biased;
            () = &mut gone => return Ok(()),
            event = events.next() => event,
        };
        let Some(event) = event else { break };
        if deliver(context, event?).await == Err(Gone) {
            return Ok(());
        }
        // It must not keep others from their turn either.
        tokio::task::consume_budget().await;
    }
    deliver_ack(context, ack.map(|ack| *ack)).await;
    Ok(())
}

async fn deliver_ack(context: &ExecutionContext, ack: Option<Frame>) {
    // Somebody may have taken the `Ack` since this was encoded, and answered.
    if let Some(ack) = ack
        && context.ack().claim().is_some()
    {
        // Who is gone needs none.
        deliver(context, ack).await.ok();
    }
}

/// Asks the filters what to tell the client, and logs what nobody expected.
async fn explain(context: &ExecutionContext, exception: WsException) -> Answer {
    let is_departure = is_departure(context, &exception);
    let mut answer = context.enhancers().filters.answer(context, exception).await;
    answer.is_expected |= is_departure;
    if is_departure {
        context.log(|| tracing::debug!("a handler ended when its client left"));
    } else if answer.is_failure() && !answer.exception.is_panic() {
        let error = answer.exception.source().map(|error| logged_chain(error));
        context.log_failure(|times| tracing::error!(error, times, "a handler failed"));
    }
    answer
}

/// Whether a handler failed only because its client is gone: every client could fill the log with that.
fn is_departure(context: &ExecutionContext, exception: &WsException) -> bool {
    let is_gone = matches!(exception.source_as(), Some(EmitError::Disconnected))
        || matches!(exception.source_as(), Some(AckError::Emit(EmitError::Disconnected)))
        || matches!(exception.source_as(), Some(SocketsError::Disconnected))
        || matches!(exception.source_as(), Some(JoinError::Disconnected));
    is_gone && context.connection().is_closed()
}

/// What an error is told with.
fn frames(context: &ExecutionContext, reply: ErrorReply) -> Vec<Frame> {
    let hub = context.hub();
    let event = reply.event.as_ref().and_then(|(name, body)| hub.encode_event(name, body).ok());
    let ack = match &reply.ack {
        Some(body) => context.ack().claim().and_then(|ack| hub.encode_ack(ack, body).ok()),
        None => {
            // A filter leaves it unanswered, unless the `Ack` lives on elsewhere.
            context.ack().leave().ok();
            None
        }
    };
    // JSON values always have an encoded form.
    event.into_iter().chain(ack).collect()
}

/// Turns a panic into an exception that says nothing to the client.
fn caught(context: &ExecutionContext, panic: &(dyn Any + Send)) -> WsException {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not text)");
    let panic = excerpt::logged(message);
    context.log_failure(|times| tracing::error!(panic, times, "a handler panicked"));
    WsException::panicked(message)
}
