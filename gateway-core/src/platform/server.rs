//! The HTTP server: who comes in, how much time each connection has for what, and how it ends.

mod body;
mod connection;
pub(crate) mod listener;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(unix)]
pub(crate) mod unix_socket;

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use connection::Connection;
use listener::{Incoming, Listener, PeerAddress, keep_little_unsent};

use super::{
    line::{Below, HttpLine, HttpStream, StreamOptions},
    places::{Full, Places},
};
use crate::{
    clock,
    limits::{self, Limits, reached},
};

/// What a connection is given time for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The head of a request, from its first byte on; the first of a connection, from its beginning.
    pub(crate) head: Duration,
    /// Nothing, between two requests.
    pub(crate) keep_alive: Duration,
    /// The next byte of a body.
    pub(crate) body: Duration,
    /// Bytes of a body per second, beyond that; 0 asks for nothing.
    pub(crate) body_rate: usize,
    /// Bytes of the largest head.
    pub(crate) head_bytes: usize,
}

impl Times {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            head: limits.head_timeout,
            keep_alive: limits.keep_alive,
            body: limits.body_timeout,
            body_rate: limits.body_rate,
            head_bytes: limits.head_bytes,
        }
    }

    /// How long it may be before a connection is looked at again, whatever it does meanwhile.
    fn look(&self) -> Duration {
        self.head.min(self.keep_alive)
    }
}

/// All that serving takes.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) streams: StreamOptions,
    pub(crate) times: Times,
    pub(crate) places: Arc<Places>,
    /// `None` if connections are not encrypted, or it is not we who do it.
    #[cfg(feature = "tls")]
    pub(crate) encryption: Option<tls::Encryption>,
}

/// Whether connections go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    /// What has been asked is answered, and nothing more.
    Out,
    /// Nothing is waited for.
    Over,
}

/// How serving has ended, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything that was going on came to its end.
    ByItself,
    /// Something did not, in the time there was.
    ByForce,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: PeerAddress,
    /// Whether we ourselves have encrypted the connection.
    pub(crate) is_encrypted: bool,
    pub(crate) http: HttpLine,
}

impl Server {
    pub(crate) fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        let is_encrypted = self.encryption.is_some();
        #[cfg(not(feature = "tls"))]
        let is_encrypted = false;
        is_encrypted
    }

    /// Serves until `shutdown` resolves, then runs `close` and lets open requests end, all of it within
    /// `patience`.
    pub(crate) async fn serve<C: Future<Output = Ended>>(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
        patience: Duration,
        close: impl FnOnce(Instant) -> C,
    ) -> Ended {
        let (going, goes) = watch::channel(Going::On);
        let connections = TaskTracker::new();
        // In a task, so that a worker accepts: the thread of `main` is none, and would have to wake one
        // for every connection.
        let accepting = AbortOnDropHandle::new(match listener {
            Listener::Tcp(listener) => {
                keep_little_unsent(&listener);
                tokio::spawn(accept(listener, self, goes, connections.clone()))
            }
            Listener::Boxed(listener) => {
                tokio::spawn(accept(listener, self, goes, connections.clone()))
            }
        });
        shutdown.await;
        let deadline = clock::after(patience);
        // The server goes on in the meantime: clients on polling read their last packets by requests,
        // and whoever asks is told that it is not ready.
        let closed = close(deadline).await;
        accepting.abort();
        accepting.await.ok();
        going.send_replace(Going::Out);
        connections.close();
        if timeout_at(deadline, connections.wait()).await.is_ok() {
            return closed;
        }
        tracing::warn!("some requests were not answered in time");
        going.send_replace(Going::Over);
        Ended::ByForce
    }
}

async fn accept(
    mut listener: impl Incoming,
    server: Server,
    goes: watch::Receiver<Going>,
    connections: TaskTracker,
) {
    let refusals = Arc::new(Semaphore::new(limits::refusals_at_once()));
    loop {
        let (stream, address) = listener.next().await;
        let place = server.places.enter(address.network().map(|address| address.ip()), 1);
        let place = match place {
            Ok(place) => place,
            Err(full) => {
                told(full, address);
                // Who expects a handshake could not read why.
                if !server.is_encrypted() {
                    refuse(stream, &refusals);
                }
                continue;
            }
        };
        let Server { router, streams, times, .. } = &server;
        let (router, streams, times) = (router.clone(), *streams, *times);
        let goes = goes.clone();
        #[cfg(feature = "tls")]
        if let Some(encryption) = server.encryption.clone() {
            connections.spawn(async move {
                let Some(stream) = encryption.accept(stream, address, goes.clone()).await else {
                    return;
                };
                let stream = HttpStream::new(stream, Some(place), streams);
                let peer = Peer { address, is_encrypted: true, http: stream.line() };
                Connection { peer, times, goes }.serve(stream, router).await;
            });
            continue;
        }
        let stream = HttpStream::new(stream, Some(place), streams);
        let peer = Peer { address, is_encrypted: false, http: stream.line() };
        connections.spawn(Connection { peer, times, goes }.serve(stream, router));
    }
}

/// Counts it, and says it in the log.
fn told(full: Full, by: PeerAddress) {
    match full {
        Full::All => reached::connections(by),
        Full::OfAddress => reached::connections_per_address(by),
    }
}

/// How long a refused client may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers a connection for which there is no place, and ends it. If too many are being answered already, it
/// is only ended.
fn refuse<S: Below + Send + 'static>(mut stream: S, refusals: &Arc<Semaphore>) {
    let Ok(permit) = Arc::clone(refusals).try_acquire_owned() else { return };
    tokio::spawn(async move {
        let _permit = permit;
        let body = r#"{"code":"OVERLOADED","message":"Too many connections"}"#;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\nretry-after: 5\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len(),
        );
        let told = async {
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            // What has come and is not read when a connection is closed resets it, and takes the answer
            // with it.
            let mut request = [0; 1024];
            while stream.read(&mut request).await? > 0 {}
            io::Result::Ok(())
        };
        timeout(LAST_WORDS, told).await.ok();
    });
}

#[cfg(test)]
mod tests;
