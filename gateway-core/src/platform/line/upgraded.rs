//! What is below a WebSocket: the connection itself, where the server is ours.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    ahead::put,
    http::{Below, HttpStream, poll_write_behind},
};
use crate::platform::{places::Place, server::listener::AnyStream};

/// The stream of a connection that has been upgraded.
#[derive(Debug)]
pub(crate) enum Upgraded {
    /// Of our own server. Nothing that HTTP needed is between it and the session any more.
    Tcp(Own<TcpStream>),
    /// Of our own server, too, and no socket of TCP.
    Any(Own<AnyStream>),
    /// Of whatever else has served the request.
    Other(TokioIo<hyper::upgrade::Upgraded>),
}

#[derive(Debug)]
pub(crate) struct Own<S> {
    socket: S,
    _place: Option<Place>,
    /// Until that has passed.
    left_over: Option<Box<LeftOver>>,
}

/// What was underway when HTTP ended.
#[derive(Debug)]
struct LeftOver {
    /// The head of the response, which travels with the first frame.
    head: Bytes,
    /// What the client sent right behind its request.
    read: Bytes,
}

impl From<hyper::upgrade::Upgraded> for Upgraded {
    fn from(upgraded: hyper::upgrade::Upgraded) -> Self {
        let upgraded = match own(upgraded) {
            Ok(own) => return Self::Tcp(own),
            Err(upgraded) => upgraded,
        };
        own(upgraded).map_or_else(|other| Self::Other(TokioIo::new(other)), Self::Any)
    }
}

/// Takes apart what our server has served over such streams.
fn own<S: Below + Send + 'static>(
    upgraded: hyper::upgrade::Upgraded,
) -> Result<Own<S>, hyper::upgrade::Upgraded> {
    let parts = upgraded.downcast::<TokioIo<HttpStream<S>>>()?;
    Ok(Own::new(parts.io.into_inner(), parts.read_buf))
}

impl<S: Below> Own<S> {
    /// `read` is what HTTP has read and not used.
    pub(super) fn new(stream: HttpStream<S>, read: Bytes) -> Self {
        let (socket, _place, head, ahead) = stream.into_parts();
        let read = if ahead.is_empty() { read } else { [&*read, &ahead].concat().into() };
        let is_clean = head.is_empty() && read.is_empty();
        Self { socket, _place, left_over: (!is_clean).then(|| Box::new(LeftOver { head, read })) }
    }

    /// Hands out what was read before, and says whether that was anything.
    #[cold]
    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(left_over) = &mut self.left_over else { return false };
        let taken = put(&left_over.read, buffer);
        left_over.read.advance(taken);
        self.settle();
        taken > 0
    }

    #[cold]
    fn poll_write_with_head(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        let mut write =
            |slices: &[IoSlice<'_>]| socket.as_mut().poll_write_vectored(context, slices);
        let result = match &mut self.left_over {
            Some(left_over) => poll_write_behind(&mut left_over.head, bytes, write),
            None => write(&[IoSlice::new(bytes)]),
        };
        self.settle();
        result
    }

    fn settle(&mut self) {
        self.left_over.take_if(|left_over| left_over.head.is_empty() && left_over.read.is_empty());
    }
}

impl<S: Below> AsyncRead for Own<S> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left_over.is_some() && self.hand_out(buffer) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: Below> AsyncWrite for Own<S> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.left_over.is_some() {
            return self.poll_write_with_head(context, bytes);
        }
        // Most writes find room, and then need nothing of what waiting for it takes.
        match self.socket.try_write(bytes) {
            Some(result) => Poll::Ready(result),
            None => Pin::new(&mut self.socket).poll_write(context, bytes),
        }
    }

    /// A head goes on waiting for the first frame.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.left_over.as_ref().is_some_and(|left_over| !left_over.head.is_empty()) {
            ready!(self.poll_write_with_head(context, &[]))?;
        }
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// What is no socket of TCP, kept out of the way of what is: these are called for each packet.
impl Upgraded {
    #[inline(never)]
    fn poll_write_elsewhere(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(own) => Pin::new(own).poll_write(context, bytes),
            Self::Any(own) => Pin::new(own).poll_write(context, bytes),
            Self::Other(other) => Pin::new(other).poll_write(context, bytes),
        }
    }

    #[inline(never)]
    fn poll_flush_elsewhere(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(own) => Pin::new(own).poll_flush(context),
            Self::Any(own) => Pin::new(own).poll_flush(context),
            Self::Other(other) => Pin::new(other).poll_flush(context),
        }
    }
}

impl AsyncRead for Upgraded {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(own) => Pin::new(own).poll_read(context, buffer),
            Self::Any(own) => Pin::new(own).poll_read(context, buffer),
            Self::Other(other) => Pin::new(other).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Upgraded {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(own) => Pin::new(own).poll_write(context, bytes),
            other => other.poll_write_elsewhere(context, bytes),
        }
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            // A socket has nothing to flush, and a head waits for the first frame.
            Self::Tcp(_) => Poll::Ready(Ok(())),
            other => other.poll_flush_elsewhere(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(own) => Pin::new(own).poll_shutdown(context),
            Self::Any(own) => Pin::new(own).poll_shutdown(context),
            Self::Other(other) => Pin::new(other).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{
        super::testing::{HEAD, next, pair},
        *,
    };

    /// The server's end of a connection whose client asked for an upgrade and sent this behind it, of
    /// which HTTP has read some; and the client's end.
    async fn upgraded(sent: &[u8], read: usize) -> (Upgraded, TcpStream) {
        let (mut server, mut client) = pair().await;
        client.write_all(sent).await.unwrap();
        let mut by_http = vec![0; read];
        server.read_exact(&mut by_http).await.unwrap();
        server.line().hold_head();
        server.write_all(HEAD).await.unwrap();
        (Upgraded::Tcp(Own::new(server, by_http.into())), client)
    }

    #[tokio::test]
    async fn the_head_travels_with_the_first_frame() {
        let (mut server, mut client) = upgraded(b"", 0).await;
        server.flush().await.unwrap();
        assert_eq!(next(&mut client).await, None);
        server.write_all(b"open").await.unwrap();
        assert_eq!(next(&mut client).await, Some([HEAD, b"open"].concat()));
        server.write_all(b"more").await.unwrap();
        assert_eq!(next(&mut client).await.as_deref(), Some(&b"more"[..]));
        let Upgraded::Tcp(own) = server else { panic!("{server:?}") };
        assert!(own.left_over.is_none());
    }

    #[tokio::test]
    async fn a_head_that_nothing_follows_goes_with_the_end() {
        let (mut server, mut client) = upgraded(b"", 0).await;
        server.shutdown().await.unwrap();
        assert_eq!(next(&mut client).await.as_deref(), Some(HEAD));
        assert_eq!(next(&mut client).await.as_deref(), Some(&b""[..]));
    }

    #[tokio::test]
    async fn nothing_is_lost_of_what_came_behind_the_request() {
        let sent: Vec<u8> = (0..100_u8).collect();
        for read in [0, 1, 40, 100] {
            let (mut server, mut client) = upgraded(&sent, read).await;
            client.write_all(b"later").await.unwrap();
            let mut received = vec![0; 105];
            for part in received.chunks_mut(7) {
                server.read_exact(part).await.unwrap();
            }
            assert_eq!(received, [&sent[..], b"later"].concat());
            server.write_all(b"open").await.unwrap();
            assert_eq!(next(&mut client).await, Some([HEAD, b"open"].concat()));
        }
    }
}
