//! [`Ack`]: the acknowledgement, for handlers that send it themselves.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    call::route::Route,
    exception::WsException,
    socket::{connection::Connection, error::EmitError, outbox::Gone},
    wire::Payload,
};

/// The acknowledgement of this message, for the handler to send whenever it likes (NestJS: `@Ack()`).
///
/// Taking it turns the automatic acknowledgement off. If it is dropped unsent, the client is answered with
/// the error `NO_REPLY`, so that no client waits for ever.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Gateway;
/// # impl Gateway {
/// async fn start_job(&self, ack: Ack) -> Result<(), WsException> {
///     ack.send("accepted").await?;
///     // … and now the long part.
///     Ok(())
/// }
/// # }
/// ```
pub struct Ack {
    slot: AckSlot,
}

/// The right to answer one message; shared by its `Ack` and its pipeline.
#[derive(Clone)]
pub(crate) struct AckSlot(Arc<Slot>);

struct Slot {
    connection: Arc<Connection>,
    route: Arc<Route>,
    /// `None` if the client did not ask for one.
    ack: Option<i64>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The `Ack` has not been taken yet, or is still held.
    Open,
    /// The `Ack` was dropped while the handler was still running: the handler's outcome decides.
    Dropped,
    /// The handler has succeeded, and the `Ack` lives on elsewhere.
    Outlives,
    /// Answered.
    Answered,
}

impl Ack {
    pub(crate) fn new(slot: AckSlot) -> Self {
        Self { slot }
    }

    /// Whether the client is waiting for it. Sending one that was not asked for does nothing.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.slot.0.ack.is_some()
    }

    /// Sends the acknowledgement, with one argument, with none (`()`), or with several
    /// ([`Args`](crate::Args)).
    ///
    /// # Errors
    /// If the payload cannot be encoded, or the client is gone.
    pub async fn send(self, payload: impl Payload) -> Result<(), EmitError> {
        let connection = &self.slot.0.connection;
        if connection.is_closed() {
            return Err(EmitError::Disconnected);
        }
        let Some(ack) = self.slot.0.ack else { return Ok(()) };
        // Encoded first: if that fails, the acknowledgement is still open, and answered when it is dropped.
        let frame = connection.namespace().hub().encode_ack(ack, &payload)?;
        if self.slot.claim() {
            self.slot.0.route.answers.learn(frame.size());
            connection.deliver(frame).await.map_err(|Gone| EmitError::Disconnected)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ack")
            .field("user", &self.slot.0.connection.user())
            .field("is_requested", &self.is_requested())
            .finish_non_exhaustive()
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        let mut state = self.slot.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Open => *state = State::Dropped,
            State::Outlives => {
                *state = State::Answered;
                drop(state);
                self.slot.answer_no_reply();
            }
            State::Dropped | State::Answered => {}
        }
    }
}

impl AckSlot {
    pub(crate) fn new(connection: &Arc<Connection>, route: &Arc<Route>, ack: Option<i64>) -> Self {
        Self(Arc::new(Slot {
            connection: Arc::clone(connection),
            route: Arc::clone(route),
            ack,
            state: Mutex::new(State::Open),
        }))
    }

    /// Takes the right to answer, which is given only once.
    pub(crate) fn claim(&self) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, State::Answered) != State::Answered
    }

    /// The handler has succeeded. Checks that the client has been answered, or may still be.
    pub(crate) fn handler_succeeded(&self) -> Result<(), WsException> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Dropped if self.0.ack.is_some() => Err(WsException::no_reply()),
            State::Open => {
                *state = State::Outlives;
                Ok(())
            }
            State::Dropped | State::Outlives | State::Answered => Ok(()),
        }
    }

    /// The `Ack` was dropped after its handler had ended: no pipeline is left to answer.
    fn answer_no_reply(&self) {
        let Some(ack) = self.0.ack else { return };
        let hub = self.0.connection.namespace().hub();
        let body = WsException::no_reply().body();
        let frames = [hub.encode_event("exception", &body), hub.encode_ack(ack, &body)];
        for frame in frames.into_iter().flatten() {
            self.0.connection.send(frame).ok();
        }
    }
}
