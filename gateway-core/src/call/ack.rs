//! [`Ack`]: the acknowledgement, for handlers that send it themselves.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::{
    call::route::Route,
    exception::WsException,
    platform::Frame,
    socket::{connection::Connection, error::EmitError, outbox::Gone},
    wire::Payload,
};

/// The acknowledgement of this message, for the handler to send whenever it likes (NestJS: `@Ack()`).
///
/// Taking it turns the automatic acknowledgement off. If it is dropped unsent, the client is answered with
/// the error `NO_REPLY`, so that no client waits for ever.
///
/// A message has one `Ack`, whoever takes it: the handler, an extractor that
/// [contains it](crate::FromMessage#extractors-that-answer), or a guard or an interceptor, on a clone of its context.
/// Whoever comes second gets an error. If the pipeline has something to answer as well, such as an error or an
/// interceptor's reply, the first answer counts.
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

/// The acknowledgement of one message, and who may send it.
pub(crate) struct Acknowledgement {
    /// `None` if the client did not ask for one.
    id: Option<i64>,
    /// Given once: to an `Ack`, which then shares the slot with the pipeline, or to the pipeline alone (`None`).
    right: OnceLock<Option<AckSlot>>,
}

/// The right to answer one message; shared by its `Ack` and its pipeline.
#[derive(Clone)]
pub(crate) struct AckSlot(Arc<Slot>);

struct Slot {
    connection: Arc<Connection>,
    route: Arc<Route>,
    /// The event, where the route does not say which.
    event: Option<Box<str>>,
    /// `None` if the client did not ask for one.
    ack: Option<i64>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The `Ack` is held, and the pipeline has not ended.
    Open,
    /// The `Ack` was dropped before the pipeline ended: what the pipeline comes to decides.
    Dropped,
    /// The pipeline has ended, and the `Ack` lives on elsewhere.
    Outlives,
    /// Answered.
    Answered,
}

impl Ack {
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
            self.slot.tell_sent(&frame);
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

impl Acknowledgement {
    pub(crate) fn of_message(id: Option<i64>) -> Self {
        Self { id, right: OnceLock::new() }
    }

    /// Where there is no message, nobody can take it.
    pub(crate) fn none() -> Self {
        Self { id: None, right: OnceLock::from(None) }
    }

    /// Its number, if the client asked for one.
    pub(crate) fn id(&self) -> Option<i64> {
        self.id
    }

    /// Takes it out of the pipeline's hands.
    ///
    /// # Errors
    /// If it has been taken, if the pipeline has sent it, or if there is none.
    pub(crate) fn take(
        &self,
        of: impl FnOnce() -> (Arc<Connection>, Arc<Route>, Option<Box<str>>),
    ) -> Result<Ack, WsException> {
        let mut taken = None;
        self.right.get_or_init(|| {
            let (connection, route, event) = of();
            let state = Mutex::new(State::Open);
            let slot = AckSlot(Arc::new(Slot { connection, route, event, ack: self.id, state }));
            taken = Some(Ack { slot: slot.clone() });
            Some(slot)
        });
        taken.ok_or_else(|| {
            WsException::internal(
                "the `Ack` cannot be taken: a message has one, which somebody has taken or sent, and a hook has none",
            )
        })
    }

    /// Whether somebody has taken the `Ack`.
    pub(crate) fn is_taken(&self) -> bool {
        self.slot().is_some()
    }

    fn slot(&self) -> Option<&AckSlot> {
        self.right.get()?.as_ref()
    }

    /// Takes the pipeline's right to answer, and returns the number to answer with: `None` if nobody asked, or
    /// somebody has answered.
    pub(crate) fn claim(&self) -> Option<i64> {
        let id = self.id?;
        let is_mine = match self.right.set(None) {
            Ok(()) => true,
            Err(_given) => self.slot().is_some_and(AckSlot::claim),
        };
        is_mine.then_some(id)
    }

    /// The pipeline has ended, and leaves the answer to whoever has taken the `Ack`.
    ///
    /// # Errors
    /// `NO_REPLY`, if the `Ack` was dropped and the client is waiting.
    pub(crate) fn leave(&self) -> Result<(), WsException> {
        self.slot().map_or(Ok(()), AckSlot::leave)
    }
}

impl AckSlot {
    /// Takes the right to answer, which is given only once.
    fn claim(&self) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, State::Answered) != State::Answered
    }

    fn leave(&self) -> Result<(), WsException> {
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

    /// Tells the application's observers that the client is about to be sent this.
    fn tell_sent(&self, frame: &Frame) {
        let Slot { connection, route, event, .. } = &*self.0;
        let event = event.as_deref().or(route.event.as_deref());
        connection.tell_sent(frame, event.unwrap_or_default());
    }

    /// The `Ack` was dropped after the pipeline had ended, so nobody else is left to answer.
    fn answer_no_reply(&self) {
        let Some(ack) = self.0.ack else { return };
        let hub = self.0.connection.namespace().hub();
        let body = WsException::no_reply().body();
        let frames = [hub.encode_event("exception", &body), hub.encode_ack(ack, &body)];
        for frame in frames.into_iter().flatten() {
            self.tell_sent(&frame);
            self.0.connection.send(frame).ok();
        }
    }
}
