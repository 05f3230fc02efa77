//! [`Route`]: what calls of one event, or of one hook, have in common.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;

use crate::{
    call::{context::ExecutionContext, enhancers::Enhancers, reply::Reply},
    exception::WsException,
    inject::Services,
    log_limiter::LogLimiter,
    metrics::MessageMetrics,
    socket::namespace::Namespace,
};

/// What all routes of a gateway have in common.
pub(crate) struct GatewayInfo {
    /// The name of the gateway's type.
    pub(crate) name: &'static str,
    pub(crate) namespace: Arc<Namespace>,
    /// For `Inject<T>` arguments.
    pub(crate) services: Arc<Services>,
}

/// Where a call goes. Immutable, and shared by all calls of its event: a connection's memory does
/// not grow with the number of handlers.
pub(crate) struct Route {
    pub(crate) gateway: Arc<GatewayInfo>,
    /// The event, or the hook. `None` for unknown events, whose names only the messages have.
    pub(crate) event: Option<Cow<'static, str>>,
    /// The method's name; empty if there is none.
    pub(crate) handler: &'static str,
    pub(crate) enhancers: Enhancers,
    /// Counts the messages; `None` for calls that are not messages.
    pub(crate) metrics: Option<MessageMetrics>,
    pub(crate) lane: Option<Lane>,
    /// Whether its payload is a secret, which no error may repeat.
    pub(crate) takes_secrets: bool,
    pub(crate) answers: Answers,
    /// Lines of the log about what went wrong here.
    pub(crate) failures: LogLimiter,
    pub(crate) action: Action,
}

impl Route {
    /// The route of what no handler handles; `enhancers` answer for it.
    pub(crate) fn of_nothing(
        gateway: &Arc<GatewayInfo>,
        event: &'static str,
        enhancers: Enhancers,
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            event: Some(Cow::Borrowed(event)),
            handler: "",
            enhancers,
            metrics: None,
            lane: None,
            takes_secrets: false,
            answers: Answers::default(),
            failures: LogLimiter::of(10),
            action: Action::Nothing,
        }
    }
}

/// How large a route's answers are, judging by earlier ones.
///
/// A client may ask for so many large answers at once that they do not fit into its outbox; the rest would
/// occupy memory until they do. So a message starts only when there is room for its expected answer.
#[derive(Debug, Default)]
pub(crate) struct Answers(AtomicUsize);

impl Answers {
    /// Smaller answers do not matter: as many fit as can run at once.
    const LARGE: usize = 16 * 1024;

    /// How many bytes the next answer is expected to have.
    pub(crate) fn expected(&self) -> usize {
        // An estimate: it orders no other memory, and a lost update is made up for by the next one.
        self.0.load(Ordering::Relaxed)
    }

    /// Records the size of an answer. A larger one counts at once, smaller ones only gradually.
    pub(crate) fn learn(&self, size: usize) {
        let expected = self.expected();
        let size = if size < Self::LARGE { 0 } else { size };
        let learnt = match size >= expected {
            true => size,
            false => expected - (expected - size).div_ceil(8),
        };
        if learnt != expected {
            self.0.store(learnt, Ordering::Relaxed);
        }
    }
}

/// Messages that share a lane run strictly one at a time.
pub(crate) type Lane = u16;

/// What a call does.
pub(crate) enum Action {
    /// A handler of messages is called.
    Handle(HandlerFn),
    /// A hook is called.
    Hook(HookFn),
    /// Nothing is called: for events without a handler, and for what the framework itself tells clients.
    Nothing,
}

/// Calls a method of a gateway. The future is boxed where the method's type is known, so that everything
/// around it is compiled once and not for every handler.
pub(crate) trait Method<T>: Send + Sync {
    /// Calling makes a future, and does nothing else.
    fn call<'a>(&'a self, context: &'a ExecutionContext) -> BoxFuture<'a, Result<T, WsException>>;
}

/// Tests have closures in their place, which own what they are called with.
#[cfg(test)]
impl<T, F> Method<T> for F
where
    F: Fn(ExecutionContext) -> BoxFuture<'static, Result<T, WsException>> + Send + Sync,
{
    fn call<'a>(&'a self, context: &'a ExecutionContext) -> BoxFuture<'a, Result<T, WsException>> {
        self(context.clone())
    }
}

/// A method of any gateway.
pub(crate) type CallFn<T> = Box<dyn Method<T>>;

/// Calls a method that handles messages.
pub(crate) type HandlerFn = CallFn<Reply>;

/// Calls a hook.
pub(crate) type HookFn = CallFn<()>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_follows_what_came() {
        let answers = Answers::default();
        for (size, expected) in [(100, 0), (1_000_000, 1_000_000), (2_000_000, 2_000_000)] {
            answers.learn(size);
            assert_eq!(answers.expected(), expected);
        }
        answers.learn(100);
        assert_eq!(answers.expected(), 1_750_000);
        for _ in 0..200 {
            answers.learn(100);
        }
        assert_eq!(answers.expected(), 0);
    }
}
