//! A WebSocket's stream: what passes is counted, and the reader and the writer can be reached from
//! outside.
//!
//! socketioxide ends a connection by way of its writer, so while the writer waits for a client that
//! does not read, nothing ends at all: neither the heartbeat's verdict nor a disconnect. Both doors
//! are here, below the writer.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    CLOSED, CLOSES_WITH, CUT, DISMISSED, DrainRate, ENDED, FAULTY, Judge, Line, PINGED,
    PacketLimits, RETELLS, SENT_AWAY, STREAMS,
    ahead::ReadAhead,
    inbound::{Gate, Inbound},
    is_paused,
    linger::Linger,
    outbound::{Outbound, close_frame},
    stall::{Patience, Stall},
};
use crate::platform::fault::Fault;

/// What is the same for all streams of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamOptions {
    /// For how long a write may take nothing at all.
    pub(crate) write_timeout: Duration,
    pub(crate) rate: DrainRate,
    pub(crate) packets: PacketLimits,
}

#[cfg(test)]
impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            write_timeout: Duration::from_secs(20),
            rate: DrainRate { bytes_per_second: 2048 },
            packets: PacketLimits::default(),
        }
    }
}

/// Any stream on which a session speaks WebSocket.
pub(crate) struct LineStream<S: AsyncWrite + Unpin> {
    stream: S,
    line: Line,
    options: StreamOptions,
    inbound: Inbound,
    outbound: Outbound,
    ahead: ReadAhead,
    /// Exists while something waits.
    stalled: Option<Box<Stall>>,
    /// Exists while an attachment is waited for.
    late: Option<Pin<Box<Sleep>>>,
    closing: Option<Box<Closing>>,
    /// The client has been told why the session ends.
    has_told: bool,
}

/// What the client of an upgrade has said, in masked text frames; a mask of zeros changes nothing.
const UPGRADE: [u8; 19] = *b"\x81\x86\0\0\0\x002probe\x81\x81\0\0\0\x005";

/// What it was answered.
const ANSWER: &[u8] = b"\x81\x063probe";

#[derive(Debug)]
enum Closing {
    /// The close frame that is written in another's place.
    Frame {
        frame: Vec<u8>,
        written: usize,
        /// Bytes of the frame whose place it takes.
        replaced: usize,
    },
    /// It was written, and the client is given the time to read it.
    Lingers(Linger),
}

impl Line {
    /// Of what comes by the session's WebSocket: it goes on where polling has ended.
    fn judge_of_stream(&self, limits: PacketLimits) -> Judge {
        let Some(judge) = self.judge_of_posts() else { return Judge::new(limits) };
        let unknown = || Judge::after(limits, self.heard());
        match judge.try_lock() {
            Ok(mut judge) => std::mem::replace(&mut *judge, unknown()),
            // A body is being read, which comes too late.
            Err(_) => unknown(),
        }
    }

    /// An event was given to socketioxide that it has not handed on.
    #[cold]
    fn miss_event(&self) {
        // Of a session that has ended it hands on nothing.
        if !self.has(ENDED) {
            self.fail(Fault::Packet);
        }
    }

    fn gate(&self) -> Gate {
        let flags = self.flags();
        // An upgrade is no message. It passes with the first read, and nothing that matters with it.
        if (is_paused(flags) || self.0.answers.are_too_many()) && flags & RETELLS == 0 {
            Gate::Paused
        } else if flags & SENT_AWAY != 0 {
            Gate::Narrow
        } else {
            Gate::Open
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> LineStream<S> {
    /// Of a session that begins here.
    pub(crate) fn new(stream: S, line: Line, options: StreamOptions) -> Self {
        Self::behind(ReadAhead::default(), stream, line, options)
    }

    /// Of a session that began on polling, whose client has probed this stream and has gone over to
    /// it; `ahead` was read behind that.
    ///
    /// socketioxide reads what the client has said, and writes an answer that goes nowhere.
    pub(super) fn upgraded(
        stream: S,
        mut ahead: ReadAhead,
        line: Line,
        options: StreamOptions,
    ) -> Self {
        ahead.unread(&UPGRADE);
        line.set(RETELLS);
        let mut upgraded = Self::behind(ahead, stream, line, options);
        upgraded.inbound.retell(2);
        upgraded
    }

    fn behind(ahead: ReadAhead, stream: S, line: Line, options: StreamOptions) -> Self {
        let inbound = Inbound::new(line.judge_of_stream(options.packets));
        line.set(STREAMS);
        Self {
            stream,
            line,
            options,
            inbound,
            outbound: Outbound::default(),
            ahead,
            stalled: None,
            late: None,
            closing: None,
            has_told: false,
        }
    }

    /// Hands out of what was read, and says whether that was anything.
    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let gate = self.line.gate();
        if gate == Gate::Paused
            && self.inbound.is_holding()
            && self.line.has(PINGED)
            && self.line.clear(PINGED)
        {
            self.inbound.pong();
        }
        let before = buffer.filled().len();
        self.ahead.give(|bytes| self.inbound.pass(bytes, buffer, gate, &self.line));
        self.judge();
        buffer.filled().len() > before
    }

    /// Notes what the client may not do as soon as it is seen.
    #[inline]
    fn judge(&self) {
        if let Some(fault) = self.inbound.fault() {
            self.line.fail(fault);
        }
    }

    /// An event that the reader was given, and is behind it, was not handed on: socketioxide could not
    /// read it, and has ended the session for that.
    #[inline]
    fn check_heard(&self) {
        if self.inbound.events().is_some_and(|events| events != self.line.heard()) {
            self.line.miss_event();
        }
    }

    /// Whether the reader must wait although something is there for it.
    fn is_held_back(&self) -> bool {
        self.inbound.is_holding() && self.line.is_paused()
    }

    /// Why nothing is read any more.
    fn over(&self) -> Option<io::Error> {
        let flags = self.line.flags();
        if flags & (CUT | DISMISSED) != 0 {
            return Some(Self::aborted());
        }
        (flags & FAULTY != 0).then(|| io::ErrorKind::InvalidData.into())
    }

    fn aborted() -> io::Error {
        io::ErrorKind::ConnectionAborted.into()
    }

    /// Nothing has come, and an attachment is to: its client may fall silent, and nobody else would look.
    #[cold]
    fn wait_for_attachment(&mut self, due: Instant, context: &mut Context<'_>) {
        let late = self.late.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if late.deadline() != due {
            late.as_mut().reset(due);
        }
        if late.as_mut().poll(context).is_ready() {
            self.line.fail(Fault::LateAttachments);
        }
    }

    /// Some of what was to be written has been.
    #[inline]
    fn took(&mut self, bytes: &[u8]) {
        self.line.departed(self.outbound.took(bytes), self.options.packets.failed_connects);
    }

    /// Passes on a write's outcome, and takes note of it.
    #[cold]
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(written)) => {
                self.took(&bytes[..written]);
                if self.stalled.is_some() {
                    self.went_on(written, written == bytes.len());
                }
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => {
                // The reader must learn of it too: only its end makes socketioxide close the session.
                self.line.broke();
                Poll::Ready(Err(error))
            }
            Poll::Pending => self.wait(context).map(Err),
        }
    }

    /// Flushes where something is closing, or waits for its client: what is encrypted may wait behind the write.
    #[cold]
    fn poll_flush_apart(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_some() {
            return self.poll_flush_closing(context);
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_pending() {
            return self.wait(context).map(Err);
        }
        if let Some(stalled) = &mut self.stalled {
            stalled.took(0);
        }
        flushed
    }

    #[cold]
    fn went_on(&mut self, written: usize, all: bool) {
        if all && self.line.ledger().in_flight().is_nothing() {
            self.stalled = None;
        } else if let Some(stalled) = &mut self.stalled {
            stalled.took(written);
        }
    }

    /// A write is pending: ready when it has been for too long, or the line was cut.
    #[cold]
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.line.0.writer.register(context.waker());
        if self.line.is_cut() {
            return Poll::Ready(Self::aborted());
        }
        let StreamOptions { write_timeout: write, rate, .. } = self.options;
        let stalled =
            self.stalled.get_or_insert_with(|| Box::new(Stall::new(Patience { write, rate })));
        ready!(stalled.poll(context));
        self.line.cut();
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// As `poll_write`, where a frame is to be written in another form, or not at all.
    #[cold]
    fn poll_write_otherwise(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.has(RETELLS) && self.line.clear(RETELLS) && bytes.starts_with(ANSWER) {
            return Poll::Ready(Ok(ANSWER.len()));
        }
        if self.closing.is_none() {
            // The reader may not have come back yet.
            if self.line.has(CLOSED) {
                self.check_heard();
            }
            let Some(payload) = self.line.close_payload() else {
                return self.poll_write_through(context, bytes);
            };
            match self.outbound.find_close(bytes) {
                None => return self.poll_write_through(context, bytes),
                // First what is before it.
                Some((at @ 1.., _)) => return self.poll_write_through(context, &bytes[..at]),
                Some((0, replaced)) => {
                    let frame = close_frame(payload);
                    self.closing = Some(Box::new(Closing::Frame { frame, written: 0, replaced }));
                }
            }
        }
        loop {
            let Some(Closing::Frame { frame, written, replaced }) = self.closing.as_deref_mut()
            else {
                // Nothing follows a close frame.
                return Poll::Ready(Err(Self::aborted()));
            };
            let rest = &frame[*written..];
            if rest.is_empty() {
                let replaced = *replaced;
                self.has_told = true;
                self.closing =
                    self.line.has(FAULTY).then(|| Box::new(Closing::Lingers(Linger::new())));
                self.took(&bytes[..replaced]);
                return Poll::Ready(Ok(replaced));
            }
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(more)) => *written += more,
                Poll::Ready(Err(error)) => {
                    self.line.broke();
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return self.wait(context).map(Err),
            }
        }
    }

    /// As `poll_flush`, where a close frame is written: the writer, which lets the connection go behind
    /// it, waits until its client has had the time to read it.
    #[cold]
    fn poll_flush_closing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if let Some(Closing::Lingers(linger)) = self.closing.as_deref_mut() {
            ready!(linger.poll(context, Pin::new(&mut self.stream)));
            self.closing = None;
        }
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn poll_write_through(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = result
            && self.stalled.is_none()
        {
            self.took(&bytes[..written]);
            return result;
        }
        self.wrote(context, bytes, result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for LineStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check_heard();
        if let Some(error) = this.over() {
            return Poll::Ready(Err(error));
        }
        if !this.ahead.is_empty() || this.inbound.has_more() {
            // What is there is handed out without asking the system, which would end the task's turn
            // now and then.
            let turn = ready!(coop::poll_proceed(context));
            if this.hand_out(buffer) {
                turn.made_progress();
                return Poll::Ready(Ok(()));
            }
        }
        loop {
            if let Some(error) = this.over() {
                return Poll::Ready(Err(error));
            }
            if this.is_held_back() {
                this.line.0.reader.register(context.waker());
                // Whoever changed something before that has woken nobody.
                if let Some(error) = this.over() {
                    return Poll::Ready(Err(error));
                }
                if this.line.is_paused() && !this.line.has(PINGED) {
                    return Poll::Pending;
                }
                if this.hand_out(buffer) {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            let Self { stream, ahead, inbound, line, .. } = this;
            let before = buffer.filled().len();
            // Who was sent away has heard of it before it says what is read here.
            let read = ahead.poll_fill(Pin::new(stream), context, |bytes| {
                inbound.pass(bytes, buffer, line.gate(), line)
            });
            let passed = buffer.filled().len() > before;
            this.judge();
            match read {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) if passed => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.line.0.reader.register(context.waker());
                    match this.inbound.attachment_due() {
                        Some(due) => this.wait_for_attachment(due, context),
                        None => this.late = None,
                    }
                    return match this.over() {
                        Some(error) => Poll::Ready(Err(error)),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LineStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let flags = self.line.flags();
        if flags & CUT != 0 {
            return Poll::Ready(Err(Self::aborted()));
        }
        if flags & (CLOSES_WITH | RETELLS | CLOSED) != 0 {
            return self.poll_write_otherwise(context, bytes);
        }
        self.poll_write_through(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_cut() {
            return Poll::Ready(Err(Self::aborted()));
        }
        if self.closing.is_some() || self.stalled.is_some() {
            return self.poll_flush_apart(context);
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.wait(context).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncWrite + Unpin> LineStream<S> {
    /// A session that ends before socketioxide has begun to write is let go without a close frame. Then little has
    /// been written, and there is room for ours; if there is not, the client is not told.
    fn tell_at_last(&mut self) {
        let has_begun = self.has_told || self.closing.is_some() || !self.outbound.is_between();
        let Some(payload) = self.line.close_payload() else { return };
        if has_begun || self.line.is_cut() {
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        let stream = &mut self.stream;
        if Pin::new(&mut *stream).poll_write(&mut context, &close_frame(payload)).is_ready() {
            let _ = Pin::new(stream).poll_flush(&mut context);
        }
    }
}

impl<S: AsyncWrite + Unpin> Drop for LineStream<S> {
    fn drop(&mut self) {
        self.tell_at_last();
        // Should socketioxide give an upgrade up, it leaves a session on polling that is sent nothing
        // any more. All others are no longer on polling, or have ended, and do not hear this.
        self.line.end_polling();
        self.line.end();
    }
}

#[cfg(test)]
mod tests;
