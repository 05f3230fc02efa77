//! A session on polling tries a WebSocket, and goes on polling until the WebSocket has proved itself.
//!
//! socketioxide commits itself once it has read the probe: from then on it answers polls with nothing, and whatever goes
//! wrong ends the session. So the WebSocket is held here until its client has said the last word, `5`, and only then is
//! socketioxide told. A failure before that costs nothing but the attempt: a proxy that lets the handshake through but not
//! the frames, or a client that gives up.

use std::{future::Future, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::line::{Attempt, FrameByFrame, LineStream, NoAttempt, StreamOptions};
use crate::clock;

/// The client's first word, and the answer.
const PROBE: &str = "2probe";
const PROBED: &str = "3probe";
/// The client's last word: what it says from now on, it says here.
const UPGRADE: &str = "5";

/// Until a poll of a client that was probed is ended once more; each time it takes twice as long.
///
/// A client that hears of the end of its poll before it has the answer to its probe polls again, and
/// then waits for that poll.
const FLUSH_AGAIN: Duration = Duration::from_millis(100);

/// The longest message before an upgrade, in bytes.
const LONGEST: usize = 125;

/// How long to wait for a client that was told to go, so that it can read why.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a session stays on polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The WebSocket was closed, or broke.
    Closed,
    /// The client has not said its last word in time.
    TimedOut,
    /// It has said something else.
    NotAProbe,
    /// The session has ended meanwhile.
    SessionEnded,
    /// The session does not try it.
    Refused(NoAttempt),
}

/// A WebSocket that a session does not go over to.
#[derive(Debug)]
pub(super) struct Failed<S> {
    pub(super) why: Failure,
    candidate: Option<Candidate<S>>,
}

/// Holds a WebSocket that a session on polling tries, for `patience` at most: the session's stream, if
/// its client has gone over to it.
///
/// Once this has returned, the session may try another one, unless it has this one.
pub(super) async fn go_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: impl Future<Output = Option<S>>,
    attempt: Result<Attempt, NoAttempt>,
    patience: Duration,
    options: StreamOptions,
) -> Result<LineStream<S>, Failed<S>> {
    let mut candidate = None;
    let tried = timeout(patience, async {
        let stream = stream.await.ok_or(Failure::Closed)?;
        let candidate = candidate.insert(Candidate::new(stream).await);
        let mut attempt = attempt.map_err(Failure::Refused)?;
        candidate.probed(&mut attempt).await?;
        Ok(attempt)
    });
    match (tried.await.unwrap_or(Err(Failure::TimedOut)), candidate) {
        (Ok(attempt), Some(candidate)) => attempt
            .succeed(candidate.into_stream(), options)
            .ok_or(Failed { why: Failure::SessionEnded, candidate: None }),
        // There is nothing that could have succeeded.
        (Ok(_), None) => Err(Failed { why: Failure::Closed, candidate: None }),
        (Err(why), candidate) => Err(Failed { why, candidate }),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Failed<S> {
    /// Tells the client why, and waits a moment for it to hear.
    pub(super) async fn dismiss(self) {
        let Some(Candidate(mut socket)) = self.candidate else { return };
        let farewell = async {
            if let Some(frame) = self.why.farewell() {
                socket.close(Some(frame)).await?;
            }
            while socket.next().await.is_some_and(|message| message.is_ok()) {}
            Ok::<_, Error>(())
        };
        // Whoever has gone does not hear it.
        timeout(FAREWELL, farewell).await.ok();
    }
}

impl Failure {
    /// In a word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::TimedOut => "timeout",
            Self::NotAProbe => "protocol",
            Self::SessionEnded => "ended",
            Self::Refused(_) => "refused",
        }
    }

    /// What the client is told, if it still listens.
    fn farewell(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Closed => return None,
            Self::TimedOut => (CloseCode::Policy, "the upgrade took too long"),
            Self::NotAProbe => (CloseCode::Protocol, "an upgrade was expected: 2probe, then 5"),
            Self::SessionEnded | Self::Refused(NoAttempt::Unknown) => {
                (CloseCode::Away, "the session has ended")
            }
            Self::Refused(NoAttempt::Upgrading) => {
                (CloseCode::Policy, "the session is already trying another WebSocket")
            }
            Self::Refused(NoAttempt::Upgraded) => {
                (CloseCode::Policy, "the session already has a WebSocket")
            }
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// A WebSocket that does not belong to a session yet.
#[derive(Debug)]
struct Candidate<S>(WebSocketStream<FrameByFrame<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> Candidate<S> {
    /// Right behind the upgrade.
    async fn new(stream: S) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(LONGEST)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST))
            .max_frame_size(Some(LONGEST));
        let stream = FrameByFrame::new(stream);
        Self(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await)
    }

    /// Answers probes until the client goes over, or it has failed.
    async fn probed(&mut self, attempt: &mut Attempt) -> Result<(), Failure> {
        let mut flushes = None::<Flushes>;
        loop {
            let flush_again = async {
                match &flushes {
                    Some(flushes) => sleep_until(flushes.next).await,
                    None => std::future::pending().await,
                }
            };
            let message = tokio::select! {
                message = self.0.next() => message,
                () = attempt.ended() => return Err(Failure::SessionEnded),
                () = flush_again => {
                    attempt.flush_polls();
                    flushes = flushes.map(Flushes::again);
                    continue;
                }
            };
            match step(message.as_ref())? {
                Step::Wait => {}
                Step::Answer => {
                    let answer = self.0.send(Message::text(PROBED));
                    answer.await.map_err(|_| Failure::Closed)?;
                    attempt.flush_polls();
                    flushes.get_or_insert_with(Flushes::begin);
                }
                Step::GoOver => return Ok(()),
            }
        }
    }

    /// Its stream, from which nothing has been read after the client's last word.
    fn into_stream(self) -> FrameByFrame<S> {
        self.0.into_inner()
    }
}

/// What is to be done about a message, or its absence.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Wait,
    Answer,
    GoOver,
}

fn step(message: Option<&Result<Message, Error>>) -> Result<Step, Failure> {
    match message {
        Some(Ok(Message::Text(text))) if text.as_str() == PROBE => Ok(Step::Answer),
        // As socket.io's server does, which does not insist on a probe before.
        Some(Ok(Message::Text(text))) if text.as_str() == UPGRADE => Ok(Step::GoOver),
        // Those of the protocol below are answered there.
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Step::Wait),
        None | Some(Ok(Message::Close(_))) => Err(Failure::Closed),
        Some(Err(
            Error::Io(_)
            | Error::ConnectionClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
        )) => Err(Failure::Closed),
        Some(_) => Err(Failure::NotAProbe),
    }
}

/// When polls are ended while the client is to go over.
#[derive(Debug, Clone, Copy)]
struct Flushes {
    next: Instant,
    pause: Duration,
}

impl Flushes {
    /// The first time was now.
    fn begin() -> Self {
        Self { next: clock::now() + FLUSH_AGAIN, pause: FLUSH_AGAIN }
    }

    fn again(self) -> Self {
        Self { next: self.next + self.pause, pause: self.pause.saturating_mul(2) }
    }
}

#[cfg(test)]
mod tests;
