//! [`Ack`]: the acknowledgement in the handler's own hands.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    connection::Connection, error::EmitError, exception::WsException, pipeline, wire::Payload,
};

/// The acknowledgement of this message, for the handler to send when it likes (NestJS: `@Ack()`).
///
/// Taking it turns the automatic acknowledgement off. One that is dropped unsent is answered with
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
#[derive(Debug)]
pub struct Ack {
    slot: AckSlot,
}

/// The right to answer one message; shared by its `Ack` and its pipeline.
#[derive(Debug, Clone)]
pub(crate) struct AckSlot(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    connection: Arc<Connection>,
    /// `None` when the client asked for none.
    ack: Option<i64>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No `Ack` was made of it yet, or it is still held.
    Open,
    /// The `Ack` was dropped while the handler still ran: its outcome decides.
    Dropped,
    /// The handler has ended well, the `Ack` lives on elsewhere.
    Outlives,
    /// Answered.
    Answered,
}

impl Ack {
    pub(crate) fn new(slot: AckSlot) -> Self {
        Self { slot }
    }

    /// Whether the client waits for it; sending one nobody asked for does nothing.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.slot.0.ack.is_some()
    }

    /// Acknowledges: with one argument, none (`()`), or several ([`Args`](crate::Args)).
    ///
    /// # Errors
    /// When the payload has no encoded form, or the client is gone.
    pub async fn send(self, payload: impl Payload) -> Result<(), EmitError> {
        let connection = &self.slot.0.connection;
        if connection.is_closed() {
            return Err(EmitError::Disconnected);
        }
        let (Some(ack), Some(hub)) = (self.slot.0.ack, connection.namespace().hub()) else {
            return Ok(());
        };
        // Encoded first: what cannot be encoded leaves the acknowledgement open, and unanswered
        // ones are answered when dropped.
        let frame = hub.encode_ack(ack, &payload)?;
        if self.slot.claim() {
            pipeline::send(connection, frame).await;
        }
        Ok(())
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
    pub(crate) fn new(connection: &Arc<Connection>, ack: Option<i64>) -> Self {
        Self(Arc::new(Slot {
            connection: Arc::clone(connection),
            ack,
            state: Mutex::new(State::Open),
        }))
    }

    /// The right to answer, given once.
    pub(crate) fn claim(&self) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, State::Answered) != State::Answered
    }

    /// The handler has ended well; whether the client was, or will be, answered.
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
        let (Some(ack), Some(hub)) = (self.0.ack, self.0.connection.namespace().hub()) else {
            return;
        };
        let body = WsException::no_reply().body();
        let frames = [hub.encode_event("exception", &body), hub.encode_ack(ack, &body)];
        for frame in frames.into_iter().flatten() {
            self.0.connection.send(frame).ok();
        }
    }
}
