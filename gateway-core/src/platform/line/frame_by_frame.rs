//! A WebSocket's stream before it is a session's: its reader is given one frame at a time, so that what
//! is behind a frame is still there for the next reader.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Line, LineStream, StreamOptions,
    ahead::{ReadAhead, put},
    frames::HeadReader,
};

#[derive(Debug)]
pub(crate) struct FrameByFrame<S> {
    stream: S,
    ahead: ReadAhead,
    head: HeadReader,
    /// Bytes of the current frame that have not passed.
    left: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> FrameByFrame<S> {
    /// Right behind the upgrade.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, ahead: ReadAhead::default(), head: HeadReader::default(), left: 0 }
    }

    /// The session goes on here: its client has said all that an upgrade takes, and socketioxide is
    /// told again. What is behind that has not been read.
    pub(crate) fn upgraded(self, line: Line, options: StreamOptions) -> LineStream<S> {
        LineStream::upgraded(self.stream, self.ahead, line, options)
    }
}

/// Passes bytes up to the end of the current frame, and says how many those were.
fn pass(head: &mut HeadReader, left: &mut u64, bytes: &[u8], buffer: &mut ReadBuf<'_>) -> usize {
    let bytes = &bytes[..bytes.len().min(buffer.remaining())];
    let mut passing = 0;
    if *left == 0 {
        let (size, read) = head.read(bytes);
        passing = size;
        *left = read.map_or(0, |head| head.length);
    }
    let of_payload = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - passing);
    *left -= of_payload as u64;
    put(&bytes[..passing + of_payload], buffer)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for FrameByFrame<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, ahead, head, left } = &mut *self;
        if !ahead.is_empty() {
            ahead.give(|bytes| pass(head, left, bytes, buffer));
            return Poll::Ready(Ok(()));
        }
        let give = |bytes: &[u8]| pass(head, left, bytes, buffer);
        ready!(ahead.poll_fill(Pin::new(stream), context, give))?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FrameByFrame<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Frames as clients send them: of 0, 1, 125, 126 and 70,000 bytes.
    fn frames() -> Vec<Vec<u8>> {
        [0_usize, 1, 125, 126, 70_000]
            .map(|length| {
                let head = super::super::frames::Head {
                    first: 0x81,
                    mask: Some([1, 2, 3, 4]),
                    length: length as u64,
                };
                [head.encode().as_slice(), &vec![7; length]].concat()
            })
            .into()
    }

    #[tokio::test]
    async fn a_read_never_goes_beyond_a_frame() {
        let frames = frames();
        for (size, chunk) in [(1, 1), (3, 1000), (1024, 16 * 1024), (100_000, 200_000)] {
            let (server, mut client) = duplex(1 << 20);
            for piece in frames.concat().chunks(chunk) {
                client.write_all(piece).await.unwrap();
            }
            let mut server = FrameByFrame::new(server);
            for frame in &frames {
                let mut read = Vec::new();
                let mut buffer = vec![0; size];
                while read.len() < frame.len() {
                    let some = server.read(&mut buffer).await.unwrap();
                    assert!(some > 0);
                    read.extend_from_slice(&buffer[..some]);
                }
                assert!(read == *frame, "{size} {}", frame.len());
            }
        }
    }
}
