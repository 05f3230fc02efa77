//! The end of a connection whose client is in the middle of what it may not send.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

/// Reads on for a while, for nobody: a socket that is closed while something unread is in it is reset,
/// and then the client never sees the close frame that was sent before.
#[derive(Debug)]
pub(crate) struct Linger(Pin<Box<Sleep>>);

impl Linger {
    /// A client reads the close frame within a round trip, whatever else it still writes.
    pub(crate) const TIME: Duration = Duration::from_secs(2);

    pub(super) fn new() -> Self {
        Self(Box::pin(sleep(Self::TIME)))
    }

    /// Ready when the client has gone, or has had its time.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        mut stream: Pin<&mut impl AsyncRead>,
    ) -> Poll<()> {
        if self.0.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut unwanted = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut unwanted);
            match stream.as_mut().poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
