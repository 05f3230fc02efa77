//! Encrypted connections: whose certificates, and how long a handshake may take.

mod certificates;

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

pub use certificates::{Tls, TlsError};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use super::{
    Going,
    listener::{AnyStream, PeerAddress, pass_on},
};
use crate::{
    limits::{Limits, reached},
    platform::{TrustedProxies, line::Below, places::Places},
};

/// Turns connections into encrypted ones.
#[derive(Clone)]
pub(crate) struct Encryption {
    acceptor: TlsAcceptor,
    /// How long a client may take for its part of the handshake.
    within: Duration,
    handshakes: Arc<Places>,
}

impl Encryption {
    pub(crate) fn new(config: ServerConfig, limits: &Limits, proxies: TrustedProxies) -> Self {
        let most = limits.tls_handshakes;
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            within: limits.head_timeout,
            handshakes: Places::new(most, most.div_ceil(2), proxies),
        }
    }

    /// `None` if the client does not encrypt, takes too long, or comes when too many are at it. There is nothing
    /// that it could be told.
    pub(super) async fn accept<S>(
        &self,
        stream: S,
        peer: PeerAddress,
        mut goes: watch::Receiver<Going>,
    ) -> Option<AnyStream>
    where
        S: Below + Send + 'static,
    {
        let ip = peer.network().map(|address| address.ip());
        let Ok(_place) = self.handshakes.enter(ip, 1) else {
            reached::tls_handshakes(peer);
            return None;
        };
        let accepted = self.acceptor.accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(Encrypted::<S>::BUFFER));
        });
        let accepted = tokio::select! {
            biased;
            accepted = timeout(self.within, accepted) => accepted,
            // Nothing has been asked yet.
            _ = goes.changed() => return None,
        };
        match accepted {
            Ok(Ok(stream)) => Some(AnyStream::new(Encrypted(stream))),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "a TLS handshake has failed");
                None
            }
            Err(_elapsed) => {
                reached::head_timeout(peer);
                None
            }
        }
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encryption").finish_non_exhaustive()
    }
}

/// An encrypted stream, which does not end without saying so.
struct Encrypted<S: AsyncRead + AsyncWrite + Unpin>(TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Encrypted<S> {
    /// Bytes that are encrypted before the socket takes them: one record, so that little of what is taken for sent
    /// has not left the process.
    const BUFFER: usize = 16 * 1024;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Below for Encrypted<S> {}

impl<S: AsyncRead + AsyncWrite + Unpin> Drop for Encrypted<S> {
    /// Without a `close_notify`, the end could be somebody else's doing. WebSockets are dropped behind their close
    /// frame.
    fn drop(&mut self) {
        self.0.get_mut().1.send_close_notify();
        let mut context = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut self.0).poll_flush(&mut context);
    }
}

pass_on!(<S> for Encrypted<S>);

#[cfg(test)]
mod tests;
