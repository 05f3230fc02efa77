//! Where connections come from: a port, a Unix socket, or whatever else an application listens on.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

#[cfg(unix)]
use super::unix_socket::UnixSocket;
use crate::platform::line::{Below, DrainRate};

/// The other end of a connection, as the listener knows it.
///
/// A listener of your own, for [`App::listen_on`](crate::App::listen_on), says this of every connection.
///
/// ```
/// use std::net::SocketAddr;
/// use gateway_core::PeerAddress;
///
/// let address: SocketAddr = "198.51.100.7:40000".parse().unwrap();
/// assert_eq!(PeerAddress::from(address), PeerAddress::Network(address));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// An address, by which clients are limited and throttled.
    Network(SocketAddr),
    /// A program on this machine, over a Unix socket: a proxy, if `unix` is one of the
    /// [trusted proxies](crate::AppBuilder::trusted_proxies).
    Unix,
    /// Nothing is known about it. Limits per address do not apply to it, and
    /// [`Throttle::per_address`](crate::Throttle::per_address) refuses it.
    Unknown,
}

impl PeerAddress {
    pub(crate) fn network(self) -> Option<SocketAddr> {
        match self {
            Self::Network(address) => Some(address),
            Self::Unix | Self::Unknown => None,
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Network(address)
    }
}

#[cfg(unix)]
impl From<tokio::net::unix::SocketAddr> for PeerAddress {
    fn from(_: tokio::net::unix::SocketAddr) -> Self {
        Self::Unix
    }
}

/// For the log.
impl fmt::Display for PeerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(formatter),
            Self::Unix => formatter.write_str("(a Unix socket)"),
            Self::Unknown => formatter.write_str("(unknown)"),
        }
    }
}

/// What an application listens on.
pub(crate) enum Listener {
    /// By far the most common, so its streams are not boxed.
    Tcp(TcpListener),
    Boxed(Box<dyn AnyIncoming>),
}

impl Listener {
    /// One of the application's own. Those that we know ourselves are treated as if we had bound them.
    pub(crate) fn of<L>(listener: L) -> Self
    where
        L: axum::serve::Listener<Addr: Into<PeerAddress>>,
    {
        let listener = match downcast::<_, TcpListener>(listener) {
            Ok(tcp) => return Self::Tcp(tcp),
            Err(listener) => listener,
        };
        #[cfg(unix)]
        let listener = match downcast::<_, tokio::net::UnixListener>(listener) {
            Ok(unix) => return UnixSocket::from(unix).into(),
            Err(listener) => listener,
        };
        Self::Boxed(Box::new(Foreign(listener)))
    }

    /// Whether it is a Unix socket, over which nobody has an address.
    pub(crate) fn is_unix(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Boxed(listener) => listener.is_unix(),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => listener.fmt(formatter),
            Self::Boxed(_) => formatter.debug_struct("Listener").finish_non_exhaustive(),
        }
    }
}

fn downcast<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    match (&mut value as &mut dyn std::any::Any).downcast_mut::<Option<U>>().and_then(Option::take)
    {
        Some(known) => Ok(known),
        None => Err(value.expect("nobody has taken it")),
    }
}

/// Connections, one after the other.
pub(super) trait Incoming: Send + 'static {
    type Stream: Below + Send + 'static;

    /// The next one. Whatever fails with one of them is dealt with inside.
    fn next(&mut self) -> impl Future<Output = (Self::Stream, PeerAddress)> + Send;
}

impl Incoming for TcpListener {
    type Stream = TcpStream;

    async fn next(&mut self) -> (TcpStream, PeerAddress) {
        let (stream, address) = accepted(|| self.accept()).await;
        // Without it, late acks wait for the peer's delayed TCP acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        (stream, address.into())
    }
}

/// Connections of any other kind.
pub(crate) trait AnyIncoming: Send {
    fn next(&mut self) -> BoxFuture<'_, (AnyStream, PeerAddress)>;

    fn is_unix(&self) -> bool {
        false
    }
}

impl Incoming for Box<dyn AnyIncoming> {
    type Stream = AnyStream;

    async fn next(&mut self) -> (AnyStream, PeerAddress) {
        (**self).next().await
    }
}

/// One that comes from outside, and deals with errors itself.
struct Foreign<L>(L);

impl<L> AnyIncoming for Foreign<L>
where
    L: axum::serve::Listener<Addr: Into<PeerAddress>>,
{
    fn next(&mut self) -> BoxFuture<'_, (AnyStream, PeerAddress)> {
        Box::pin(async {
            let (stream, address) = self.0.accept().await;
            (AnyStream::new(Unknown(stream)), address.into())
        })
    }
}

/// The next connection that can be accepted.
pub(super) async fn accepted<T, F>(mut accept: impl FnMut() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match accept().await {
            Ok(connection) => return connection,
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, most likely: those of others must close first.
                tracing::error!(%error, "connections cannot be accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Tells the kernel how much to take of what is written before it was sent, for each connection: they
/// inherit it from the listener.
pub(super) fn keep_little_unsent(listener: &TcpListener) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    {
        let socket = socket2::SockRef::from(listener);
        if let Err(error) = socket.set_tcp_notsent_lowat(DrainRate::UNSENT) {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT was refused");
        }
    }
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = (listener, DrainRate::UNSENT);
}

/// The stream of any connection but TCP's.
pub(crate) struct AnyStream(Box<dyn Below + Send>);

impl AnyStream {
    pub(crate) fn new(stream: impl Below + Send + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl fmt::Debug for AnyStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnyStream").finish_non_exhaustive()
    }
}

impl Below for AnyStream {
    fn try_write(&self, bytes: &[u8]) -> Option<io::Result<usize>> {
        self.0.try_write(bytes)
    }
}

/// A stream of which nothing is known but that it is one.
struct Unknown<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Below for Unknown<S> {}

/// A stream around another one, its only field, which is what reads and writes.
macro_rules! pass_on {
    ($(<$parameter:ident>)? for $stream:ty) => {
        impl$(<$parameter: AsyncRead + AsyncWrite + Unpin>)? AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_read(context, buffer)
            }
        }

        impl$(<$parameter: AsyncRead + AsyncWrite + Unpin>)? AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(context, bytes)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write_vectored(context, slices)
            }

            fn is_write_vectored(&self) -> bool {
                self.0.is_write_vectored()
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_flush(context)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_shutdown(context)
            }
        }
    };
}

#[cfg(feature = "tls")]
pub(super) use pass_on;

pass_on!(for AnyStream);
pass_on!(<S> for Unknown<S>);
