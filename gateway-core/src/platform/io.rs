//! The server's end of a TCP connection: it can be cut from outside, and it does not wait for ever
//! for a peer that stopped reading.
//!
//! The base ends a connection by way of its writer, so while the writer waits for a peer that does
//! not read, nothing ends at all: neither the heartbeat's verdict nor a disconnect. Both doors are
//! here, below the writer.

use std::{
    cell::Cell,
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_util::io::poll_read_buf;

/// One TCP connection, as those see it who are not its reader or writer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Arc<State>);

#[derive(Debug, Default)]
pub(crate) struct State {
    cut: AtomicBool,
    /// The next response may wait for the first frame after it.
    holds_head: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// How often the writer has flushed: each time, it had found nothing more to send.
    flushes: AtomicU32,
    /// The flush after which `sent` began.
    since: AtomicU32,
    sent: AtomicU32,
}

impl Line {
    /// Packets that may be on their way to the writer at once.
    ///
    /// Well below the base's buffer: its pings go through the same buffer, and one that finds no
    /// room there ends the session of a client that did nothing wrong.
    pub(crate) const WINDOW: u32 = 128;

    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    /// Takes a place in the window, if there is one.
    ///
    /// Packets that were sent between the writer's last look and its flush are no longer counted,
    /// so up to twice the window may be on the way.
    pub(crate) fn claim(&self) -> bool {
        let flushes = self.0.flushes.load(Ordering::Relaxed);
        // Two at once may forget one packet of each other; there is headroom for many.
        if self.0.since.load(Ordering::Relaxed) != flushes {
            self.0.since.store(flushes, Ordering::Relaxed);
            self.0.sent.store(0, Ordering::Relaxed);
        }
        if self.0.sent.load(Ordering::Relaxed) >= Self::WINDOW {
            return false;
        }
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Lets the head of the response that comes next wait, if it accepts an upgrade, for what is
    /// written after it: the two then travel in one packet. Only for an upgrade after which the
    /// server speaks first, since a head alone waits until the connection ends.
    pub(super) fn hold_head(&self) {
        self.0.holds_head.store(true, Ordering::Relaxed);
    }

    /// A handle that does not outlive the connection.
    pub(super) fn downgrade(&self) -> Weak<State> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(line: &Weak<State>) -> Option<Self> {
        line.upgrade().map(Self)
    }

    fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::SeqCst)
    }
}

pub(crate) struct GuardedStream {
    stream: TcpStream,
    line: Line,
    write_timeout: Duration,
    /// Runs while a write is pending.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The head of a response that waits for the first frame; see [`Line::hold_head`].
    head: Bytes,
    /// What was read ahead of the reader.
    ahead: Option<Box<Ahead>>,
}

/// What one call of the system yields, where the reader asks for less: a WebSocket's own buffer is
/// small, since every connection has one, and a server looks at a request's first few bytes before
/// it reads on. So it is there only until the reader has come for all of it.
struct Ahead {
    bytes: Vec<u8>,
    /// How many of them the reader has been given.
    given: usize,
}

impl Ahead {
    const SIZE: usize = 16 * 1024;

    /// An empty one: this thread's spare, where it is not in use.
    fn take() -> Box<Self> {
        let spare = SPARE.take();
        spare.unwrap_or_else(|| Box::new(Self { bytes: Vec::with_capacity(Self::SIZE), given: 0 }))
    }

    fn put_back(mut self: Box<Self>) {
        self.bytes.clear();
        self.given = 0;
        SPARE.set(Some(self));
    }
}

thread_local! {
    /// Most readers come for all of it at once, so that one for all of a thread's connections will do.
    static SPARE: Cell<Option<Box<Ahead>>> = const { Cell::new(None) };
}

impl GuardedStream {
    pub(crate) fn new(stream: TcpStream, write_timeout: Duration) -> Self {
        Self {
            stream,
            line: Line::default(),
            write_timeout,
            stalled: None,
            head: Bytes::new(),
            ahead: None,
        }
    }

    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Reads more than the reader asks for, which costs fewer calls of the system.
    fn read_ahead(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ahead = Ahead::take();
        let read = poll_read_buf(Pin::new(&mut self.stream), context, &mut ahead.bytes);
        self.give(ahead, buffer);
        read.map_ok(|_bytes| ())
    }

    /// Hands out of what was read ahead, and keeps the rest.
    fn give(&mut self, mut ahead: Box<Ahead>, buffer: &mut ReadBuf<'_>) {
        let rest = &ahead.bytes[ahead.given..];
        let part = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..part]);
        ahead.given += part;
        if ahead.given < ahead.bytes.len() {
            self.ahead = Some(ahead);
        } else {
            ahead.put_back();
        }
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

    /// Writes the head that waits, and with it what was waited for: says how much of that.
    fn poll_write_with_head(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        while !self.head.is_empty() {
            let mut head = mem::take(&mut self.head);
            let both = [IoSlice::new(&head), IoSlice::new(bytes)];
            let result = self
                .guard_write(context, |stream, context| stream.poll_write_vectored(context, &both));
            let written = match result {
                Poll::Ready(Ok(written)) if written > head.len() => {
                    return Poll::Ready(Ok(written - head.len()));
                }
                Poll::Ready(Ok(written)) => written,
                _ => 0,
            };
            head.advance(written);
            self.head = head;
            if written == 0 {
                return result;
            }
        }
        self.guard_write(context, |stream, context| stream.poll_write(context, bytes))
    }

    /// Lets a write go through unless the line was cut or the peer has not read for too long.
    fn guard_write<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.line.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let result = write(Pin::new(&mut self.stream), context);
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        self.line.0.writer.register(context.waker());
        if self.line.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => {
                // The reader must learn of it too: only its end makes the base close the session.
                self.line.cut();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if let Some(ahead) = self.ahead.take() {
            self.give(ahead, buffer);
            return Poll::Ready(Ok(()));
        }
        let result = if buffer.remaining() < Ahead::SIZE {
            self.read_ahead(context, buffer)
        } else {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        };
        if result.is_pending() {
            self.line.0.reader.register(context.waker());
            if self.line.is_cut() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        result
    }
}

impl AsyncWrite for GuardedStream {
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
        if self.stalled.is_none() && !self.line.is_cut() {
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
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

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TCP keeps nothing back, so a flush only says that the writer has nothing more to send.
        if self.line.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        self.line.0.flushes.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
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
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::{sleep, timeout},
    };

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

    /// The server's end, and the client's.
    async fn pair() -> (GuardedStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (GuardedStream::new(server, Duration::from_secs(5)), client)
    }

    /// What one read of the client yields, if there is anything to read soon.
    async fn next(client: &mut TcpStream) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 1024];
        let read = timeout(Duration::from_millis(50), client.read(&mut buffer)).await.ok()?;
        buffer.truncate(read.unwrap());
        Some(buffer)
    }

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

    #[tokio::test]
    async fn a_line_that_is_cut_ends_for_its_reader_and_its_writer() {
        let (mut server, _client) = pair().await;
        let line = server.line();
        let mut buffer = [0; 8];
        let reading = async {
            tokio::select! {
                // First, since whoever is polled for another reason finds the line cut, too.
                biased;
                () = sleep(Duration::from_secs(5)) => panic!("nobody woke the reader"),
                read = server.read(&mut buffer) => read,
            }
        };
        let (read, ()) = tokio::join!(reading, async { line.cut() });
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        let written = server.write(b"late").await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
