//! What one call of the system yields, where the reader asks for less.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

/// A WebSocket's own buffer is small, since every connection has one, and a server looks at a
/// request's first few bytes before it reads on. So this is there only until the reader has come for
/// all of it.
#[derive(Debug)]
pub(super) struct Ahead {
    bytes: Vec<u8>,
    /// How many of them the reader has been given.
    given: usize,
}

impl Ahead {
    pub(super) const SIZE: usize = 16 * 1024;

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

/// The place for what was read ahead: empty, mostly.
#[derive(Debug, Default)]
pub(super) struct ReadAhead(Option<Box<Ahead>>);

impl ReadAhead {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Reads what there is; `give` takes of it, and says how much. It is called once, also where
    /// nothing was read. Says how much was read.
    pub(super) fn poll_fill(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        context: &mut Context<'_>,
        give: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let mut ahead = Ahead::take();
        let read = poll_read_buf(stream, context, &mut ahead.bytes);
        self.0 = Some(ahead);
        self.give(give);
        read
    }

    /// Lets `bytes` be read before what is there.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        let behind = self.0.take();
        let mut ahead = Ahead::take();
        ahead.bytes.extend_from_slice(bytes);
        if let Some(behind) = behind {
            ahead.bytes.extend_from_slice(&behind.bytes[behind.given..]);
        }
        self.0 = Some(ahead);
    }

    /// Lets `give` take of what was read, and keeps the rest.
    #[inline]
    pub(super) fn give(&mut self, give: impl FnOnce(&[u8]) -> usize) {
        let Some(mut ahead) = self.0.take() else {
            give(&[]);
            return;
        };
        ahead.given += give(&ahead.bytes[ahead.given..]);
        if ahead.given < ahead.bytes.len() {
            self.0 = Some(ahead);
        } else {
            ahead.put_back();
        }
    }
}

/// Copies what there is room for, and says how much that was.
pub(super) fn put(bytes: &[u8], buffer: &mut ReadBuf<'_>) -> usize {
    let part = bytes.len().min(buffer.remaining());
    buffer.put_slice(&bytes[..part]);
    part
}
