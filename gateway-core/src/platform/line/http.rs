//! The server's end of a connection while it speaks HTTP.
//!
//! Reads take what there is, the answer to an upgrade travels with the first frame, and a client that
//! does not read what it asked for is not waited for.

use std::{
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    DrainRate, Line, StreamOptions,
    ahead::{Ahead, ReadAhead, put},
    phase::{Phase, Stage},
    stall::{Patience, Stall},
};
use crate::platform::places::Place;

/// What a request's handler may say of the connection it came on.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpLine(Arc<HttpState>);

#[derive(Debug, Default)]
struct HttpState {
    phase: Phase,
    /// The next response may wait for the first frame after it.
    holds_head: AtomicBool,
    /// The response in hand is packets of a session on polling.
    is_polled: AtomicBool,
    polled: Mutex<Option<Line>>,
}

impl HttpLine {
    /// Lets the head of the response that comes next wait, if it accepts an upgrade, for what is
    /// written after it: the two then travel in one packet. Only for an upgrade after which the
    /// server speaks first, since a head alone waits until the connection ends.
    pub(crate) fn hold_head(&self) {
        // The response is written by the task that calls this, or one that it wakes.
        self.0.holds_head.store(true, Ordering::Relaxed);
    }

    /// The response that comes next is packets of this session: its client must read them at the
    /// minimum rate, and where it does not, the session ends.
    pub(crate) fn polls(&self, line: &Line) {
        *self.0.polled.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
        // After what it speaks of, which is under the lock besides.
        self.0.is_polled.store(true, Ordering::Release);
    }

    pub(crate) fn stage(&self) -> Stage {
        self.0.phase.stage()
    }

    /// A request has come, with a body that is still to come where it `has_body`. It is over when what
    /// this returns is dropped.
    pub(crate) fn begin_request(&self, has_body: bool) -> Request {
        self.0.phase.reads_body(has_body);
        self.0.phase.begin_request();
        Request(self.clone())
    }

    /// All of the request's body has come.
    pub(crate) fn has_body(&self) {
        self.0.phase.reads_body(false);
    }

    pub(crate) fn is_reading_body(&self) -> bool {
        self.0.phase.is_reading_body()
    }

    /// The request's body came too slowly.
    pub(crate) fn body_is_late(&self) {
        self.0.phase.body_is_late();
    }

    pub(crate) fn is_body_late(&self) -> bool {
        self.0.phase.is_body_late()
    }

    fn polled(&self) -> Option<Line> {
        if !self.0.is_polled.load(Ordering::Acquire) {
            return None;
        }
        self.0.polled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn response_is_out(&self) {
        // Another one begins after this connection's task has seen the end of this.
        if self.0.is_polled.load(Ordering::Relaxed) {
            self.0.is_polled.store(false, Ordering::Relaxed);
            *self.0.polled.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Request(HttpLine);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.phase.end_request();
    }
}

/// A stream below HTTP.
pub(crate) trait Below: AsyncRead + AsyncWrite + Unpin {
    /// Writes what finds room, where that can be tried without a task that waits for it.
    fn try_write(&self, _: &[u8]) -> Option<io::Result<usize>> {
        None
    }
}

impl Below for TcpStream {
    fn try_write(&self, bytes: &[u8]) -> Option<io::Result<usize>> {
        match Self::try_write(self, bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            result => Some(result),
        }
    }
}

pub(crate) struct HttpStream<S> {
    stream: S,
    line: HttpLine,
    /// Kept as long as the socket is.
    place: Option<Place>,
    options: StreamOptions,
    /// Exists while a write is pending.
    stalled: Option<Box<Stall>>,
    /// The head of a response that waits for the first frame; see [`HttpLine::hold_head`].
    head: Bytes,
    ahead: ReadAhead,
}

impl<S: Below> HttpStream<S> {
    pub(crate) fn new(stream: S, place: Option<Place>, options: StreamOptions) -> Self {
        Self {
            stream,
            line: HttpLine::default(),
            place,
            options,
            stalled: None,
            head: Bytes::new(),
            ahead: ReadAhead::default(),
        }
    }

    pub(crate) fn line(&self) -> HttpLine {
        self.line.clone()
    }

    /// Keeps the head of an upgrade's response, where it may wait; says whether it did.
    fn keep_head(&mut self, slices: &[IoSlice<'_>]) -> bool {
        if !self.line.0.holds_head.load(Ordering::Relaxed) {
            return false;
        }
        self.line.0.holds_head.store(false, Ordering::Relaxed);
        let head: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let is_upgrade = head.starts_with(b"HTTP/1.1 101 ");
        if is_upgrade {
            self.head = head.into();
        }
        is_upgrade
    }

    fn poll_write_with_head(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut head = mem::take(&mut self.head);
        let result = poll_write_behind(&mut head, bytes, |slices| {
            self.guard_write(context, |stream, context| stream.poll_write_vectored(context, slices))
        });
        self.head = head;
        result
    }

    /// What is left of it after an upgrade: the stream and its place, the head that waits, and what has
    /// been read ahead.
    pub(super) fn into_parts(mut self) -> (S, Option<Place>, Bytes, Vec<u8>) {
        let mut read = Vec::new();
        self.ahead.give(|bytes| {
            read.extend_from_slice(bytes);
            bytes.len()
        });
        (self.stream, self.place, self.head, read)
    }

    /// Lets a write go through unless the peer has not read for too long.
    fn guard_write(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let result = write(Pin::new(&mut self.stream), context);
        match &result {
            Poll::Ready(Ok(written)) => {
                self.line.0.phase.wrote();
                if let Some(stalled) = &mut self.stalled {
                    stalled.took(*written);
                }
                return result;
            }
            Poll::Ready(Err(_)) => return result,
            Poll::Pending => {}
        }
        self.poll_stalled(context).map(Err)
    }

    /// Something waits for the client: ready when it has for too long.
    #[cold]
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let (options, line) = (self.options, &self.line);
        let stalled = self.stalled.get_or_insert_with(|| {
            // Other responses may be read as slowly as their reader likes, as long as it goes on.
            let rate = match line.polled() {
                Some(_) => options.rate,
                None => DrainRate { bytes_per_second: 0 },
            };
            Box::new(Stall::new(Patience { write: options.write_timeout, rate }))
        });
        ready!(stalled.poll(context));
        // What it was sent it will not have, so it must not go on as if it had.
        if let Some(line) = line.polled() {
            line.cut();
        }
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

/// Writes a head that waited, and with it what it waited for: says how much of that.
pub(super) fn poll_write_behind(
    head: &mut Bytes,
    bytes: &[u8],
    mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    while !head.is_empty() {
        let written = ready!(write(&[IoSlice::new(head), IoSlice::new(bytes)]))?;
        let of_head = written.min(head.len());
        head.advance(of_head);
        if written == 0 || written > of_head {
            return Poll::Ready(Ok(written - of_head));
        }
    }
    write(&[IoSlice::new(bytes)])
}

impl<S: Below> AsyncRead for HttpStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, ahead, line, .. } = &mut *self;
        if !ahead.is_empty() {
            ahead.give(|bytes| put(bytes, buffer));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = if buffer.remaining() >= Ahead::SIZE {
            Pin::new(stream).poll_read(context, buffer)
        } else {
            let filled = ahead.poll_fill(Pin::new(stream), context, |bytes| put(bytes, buffer));
            filled.map_ok(|_bytes| ())
        };
        if buffer.filled().len() > before {
            line.0.phase.heard();
        }
        read
    }
}

impl<S: Below> AsyncWrite for HttpStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.keep_head(&[IoSlice::new(bytes)]) {
            return Poll::Ready(Ok(bytes.len()));
        }
        if !self.head.is_empty() {
            return self.poll_write_with_head(context, bytes);
        }
        // Most writes find room, and then need nothing of what waiting for it takes.
        if self.stalled.is_none()
            && let Some(result) = self.stream.try_write(bytes)
        {
            self.line.0.phase.wrote();
            return Poll::Ready(result);
        }
        self.guard_write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.keep_head(slices) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        if !self.head.is_empty() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write_with_head(context, first.map_or(&[], |slice| slice));
        }
        self.guard_write(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_pending() {
            return self.poll_stalled(context).map(Err);
        }
        if self.head.is_empty() {
            // Whoever flushes has written all there is.
            self.stalled = None;
            self.line.response_is_out();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.head.is_empty() {
            ready!(self.poll_write_with_head(context, &[]))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::Instant,
    };

    use super::{
        super::testing::{HEAD, next, pair},
        *,
    };

    impl Below for DuplexStream {}

    #[tokio::test]
    async fn the_head_of_an_upgrade_travels_with_the_first_frame() {
        for vectored in [true, false] {
            let (mut server, mut client) = pair().await;
            server.line().hold_head();
            let written = if vectored {
                let halves = [IoSlice::new(&HEAD[..9]), IoSlice::new(&HEAD[9..])];
                server.write_vectored(&halves).await
            } else {
                server.write(HEAD).await
            };
            assert_eq!(written.unwrap(), HEAD.len());
            server.flush().await.unwrap();
            assert_eq!(next(&mut client).await, None);

            server.write_all(b"open").await.unwrap();
            assert_eq!(next(&mut client).await, Some([HEAD, b"open"].concat()));
            server.write_all(b"more").await.unwrap();
            assert_eq!(next(&mut client).await.as_deref(), Some(&b"more"[..]));
        }
    }

    #[tokio::test]
    async fn no_other_response_waits() {
        let (mut server, mut client) = pair().await;
        server.write_all(HEAD).await.unwrap();
        assert_eq!(next(&mut client).await.as_deref(), Some(HEAD));

        // What was allowed was the response to one request, which turned out to be a refusal.
        server.line().hold_head();
        for response in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], HEAD] {
            server.write_all(response).await.unwrap();
            assert_eq!(next(&mut client).await.as_deref(), Some(response));
        }
    }

    #[tokio::test]
    async fn a_head_that_nothing_follows_goes_with_the_end() {
        let (mut server, mut client) = pair().await;
        server.line().hold_head();
        server.write_all(HEAD).await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(next(&mut client).await.as_deref(), Some(HEAD));
        assert_eq!(next(&mut client).await.as_deref(), Some(&b""[..]));
    }

    #[tokio::test]
    async fn what_follows_a_head_may_be_more_than_the_line_takes_at_once() {
        let (mut server, mut client) = pair().await;
        server.line().hold_head();
        let frame: Vec<u8> = (0..4 << 20).map(|byte| byte as u8).collect();
        let sent = [HEAD, &frame].concat();
        let writing = tokio::spawn(async move {
            server.write_all(HEAD).await.unwrap();
            server.write_all(&frame).await.unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received == sent);
    }

    #[tokio::test]
    async fn what_is_read_ahead_is_handed_out_in_order() {
        let (mut server, mut client) = pair().await;
        let sent: Vec<u8> = (0..100_000).map(|byte: u32| (byte % 251) as u8).collect();
        let all = sent.clone();
        let writing = tokio::spawn(async move {
            client.write_all(&all).await.unwrap();
        });
        let mut received = Vec::new();
        for size in [24, 1, 4096, 1024].into_iter().cycle() {
            let mut buffer = vec![0; size];
            match server.read(&mut buffer).await.unwrap() {
                0 => break,
                read => received.extend_from_slice(&buffer[..read]),
            }
        }
        writing.await.unwrap();
        assert!(received == sent);
    }

    /// Writes to a client that takes a few bytes every few seconds: how it ended, and after how long.
    async fn written_slowly(polled: Option<&Line>) -> (io::Result<()>, u64) {
        let (server, mut client) = duplex(1024);
        let mut server = HttpStream::new(server, None, StreamOptions::default());
        if let Some(line) = polled {
            server.line().polls(line);
        }
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while client.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
        let begun = Instant::now();
        let written = server.write_all(&vec![0; 32 * 1024]).await;
        reading.abort();
        (written, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn packets_must_be_read_at_the_minimum_rate_and_nothing_else() {
        assert!(written_slowly(None).await.0.is_ok());
        let line = Line::default();
        let (written, seconds) = written_slowly(Some(&line)).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds, 10);
        assert!(line.is_cut());
    }
}
