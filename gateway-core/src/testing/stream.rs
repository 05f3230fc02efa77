//! A connection that is no socket: two ends in one process, which count what passes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// As much as one end may write before the other one reads: about what a socket of the system takes.
const ROOM: usize = 64 * 1024;

/// One end.
#[derive(Debug)]
pub struct End {
    stream: DuplexStream,
    traffic: Arc<Traffic>,
}

/// The bytes of both directions together.
#[derive(Debug, Default)]
pub struct Traffic {
    written: AtomicU64,
    read: AtomicU64,
    /// Ends that are there no more.
    gone: AtomicU64,
}

/// A connection: its two ends.
pub(super) fn pair() -> (End, End) {
    let (near, far) = tokio::io::duplex(ROOM);
    let traffic = Arc::<Traffic>::default();
    let end = |stream| End { stream, traffic: Arc::clone(&traffic) };
    (end(near), end(far))
}

impl End {
    /// What passes between this end and the other one.
    #[must_use]
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.traffic.gone.fetch_add(1, Ordering::SeqCst);
    }
}

impl Traffic {
    /// Whether each end has read what the other one has written, or will not read it any more.
    #[must_use]
    pub fn is_through(&self) -> bool {
        let read = self.read.load(Ordering::SeqCst);
        self.written.load(Ordering::SeqCst) == read || self.gone.load(Ordering::SeqCst) > 0
    }

    /// A number that changes whenever something has passed.
    #[must_use]
    pub fn passed(&self) -> u64 {
        let counters = [&self.written, &self.read, &self.gone];
        counters.iter().map(|counter| counter.load(Ordering::SeqCst)).sum()
    }

    fn wrote(&self, result: &io::Result<usize>) {
        if let Ok(bytes) = result {
            self.written.fetch_add(*bytes as u64, Ordering::SeqCst);
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let bytes = buffer.filled().len() - before;
        self.traffic.read.fetch_add(bytes as u64, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.traffic.wrote(&result);
        Poll::Ready(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        self.traffic.wrote(&result);
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
