//! The HTTP server: who comes in, how much time each connection has for what, and how it ends.

mod body;
mod connection;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use connection::Connection;

use super::{
    line::{Below, DrainRate, HttpLine, HttpStream, StreamOptions},
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
    pub(crate) address: SocketAddr,
    pub(crate) http: HttpLine,
}

impl Server {
    /// Serves until `shutdown` resolves, then runs `close` and lets open requests end, all of it within
    /// `patience`.
    pub(crate) async fn serve<C: Future<Output = Ended>>(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        patience: Duration,
        close: impl FnOnce(Instant) -> C,
    ) -> Ended {
        keep_little_unsent(&listener);
        let (going, goes) = watch::channel(Going::On);
        let connections = TaskTracker::new();
        // In a task, so that a worker accepts: the thread of `main` is none, and would have to wake one
        // for every connection.
        let accepting = tokio::spawn(accept(listener, self, goes, connections.clone()));
        let accepting = AbortOnDropHandle::new(accepting);
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
    listener: TcpListener,
    server: Server,
    goes: watch::Receiver<Going>,
    connections: TaskTracker,
) {
    let Server { router, streams, times, places } = server;
    let refusals = Arc::new(Semaphore::new(limits::refusals_at_once()));
    loop {
        let (stream, address) = next(&listener).await;
        let place = match places.enter(Some(address.ip()), 1) {
            Ok(place) => place,
            Err(full) => {
                told(full, address);
                refuse(stream, &refusals);
                continue;
            }
        };
        let stream = HttpStream::new(stream, Some(place), streams);
        let peer = Peer { address, http: stream.line() };
        let connection = Connection { peer, times, goes: goes.clone() };
        connections.spawn(connection.serve(stream, router.clone()));
    }
}

/// Counts it, and says it in the log.
fn told(full: Full, by: SocketAddr) {
    match full {
        Full::All => reached::connections(by),
        Full::OfAddress => reached::connections_per_address(by),
    }
}

async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Without it, late acks wait for the peer's delayed TCP acknowledgement.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was refused");
                }
                return (stream, address);
            }
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

/// Tells the kernel how much to take of what is written before it was sent, for each connection: they
/// inherit it from the listener.
fn keep_little_unsent(listener: &TcpListener) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    {
        let socket = socket2::SockRef::from(listener);
        if let Err(error) = socket.set_tcp_notsent_lowat(DrainRate::UNSENT) {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT was refused");
        }
    }
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = listener;
}

#[cfg(test)]
mod tests;
