//! The first poll of a message's pipeline, which is the only one for most messages.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio_util::sync::ReusableBoxFuture;

use crate::{call::context::ExecutionContext, dispatch::pipeline};

/// A message's pipeline on its way.
pub(super) type Pending = ReusableBoxFuture<'static, ()>;

thread_local! {
    /// The memory of the last pipeline that was done at once, for the next one on this thread.
    static SPARE: Cell<Option<Pending>> = const { Cell::new(None) };
}

/// Polls a message's pipeline once, and returns it if it is not done.
///
/// One poll without a waker loses no wake-up: a task polls it again at once.
pub(super) fn poll_once(context: ExecutionContext) -> Option<Pending> {
    let mut pending = match SPARE.take() {
        Some(mut spare) => {
            spare.set(pipeline::run(context));
            spare
        }
        None => Pending::new(pipeline::run(context)),
    };
    match pin!(&mut pending).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(()) => {
            SPARE.set(Some(pending));
            None
        }
        Poll::Pending => Some(pending),
    }
}
