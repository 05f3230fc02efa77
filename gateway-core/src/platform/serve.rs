//! The HTTP server around the namespaces.

use std::{borrow::Cow, future::Future, io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use socketioxide::{SocketIo, TransportType, layer::SocketIoLayer};
use tokio::{net::TcpListener, sync::oneshot, task::JoinError, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Mounted, Transport,
    adapter::{GatewayAdapter, Hubs},
    io::{GuardedStream, Line},
    request::DetachLayer,
};

/// What is the whole server's and no gateway's.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    pub(crate) path: Cow<'static, str>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_payload: usize,
    /// As long as a ping may take, unless said otherwise.
    pub(crate) write_timeout: Option<Duration>,
    /// How long shutting down may take.
    pub(crate) drain_timeout: Duration,
}

impl ServerOptions {
    /// Who takes nothing at all for the time a ping may take cannot have answered one either, and
    /// the base cannot end such a session while its writer waits.
    pub(crate) fn write_timeout(&self) -> Duration {
        self.write_timeout.unwrap_or(self.ping_timeout)
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            path: Cow::Borrowed("/socket.io"),
            transports: vec![Transport::Polling, Transport::Websocket],
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(45),
            max_payload: 1_000_000,
            write_timeout: None,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Read buffer of a WebSocket, in bytes: messages of a chat are small, and what there is of larger
/// ones the line has read ahead.
const WS_READ_BUFFER: usize = 1024;

/// Packets the base's buffer of one client takes: twice our window, and as much again for its own
/// pings and for namespaces that share the client.
const BUFFER: usize = 4 * Line::WINDOW as usize;

/// Where requests go to namespaces.
pub(crate) type NamespacesLayer = (DetachLayer, SocketIoLayer<GatewayAdapter>);

/// Opens the server: namespaces are mounted on the first, requests go through the second.
pub(crate) fn open(options: &ServerOptions) -> (Mounted, NamespacesLayer) {
    let hubs = Hubs::default();
    let builder = SocketIo::builder()
        .req_path(options.path.clone())
        .ping_interval(options.ping_interval)
        .ping_timeout(options.ping_timeout)
        .connect_timeout(options.connect_timeout)
        .max_payload(options.max_payload as u64)
        .ws_max_message_size(options.max_payload)
        .ws_max_frame_size(options.max_payload)
        .ws_read_buffer_size(WS_READ_BUFFER)
        .max_buffer_size(BUFFER)
        .with_adapter::<GatewayAdapter>(hubs.clone());
    let builder = match options.transports.as_slice() {
        [Transport::Polling] => builder.transports([TransportType::Polling]),
        [Transport::Websocket] => builder.transports([TransportType::Websocket]),
        _ => builder.transports([TransportType::Polling, TransportType::Websocket]),
    };
    let (layer, io) = builder.build_layer();
    (Mounted::new(io, hubs), (DetachLayer::new(&options.path), layer))
}

/// Serves until `shutdown` resolves, then runs `close` and lets open requests end, all of it within
/// `patience`.
pub(crate) async fn serve<C: Future<Output = ()>>(
    listener: TcpListener,
    write_timeout: Duration,
    router: Router,
    shutdown: impl Future<Output = ()>,
    patience: Duration,
    close: impl FnOnce(Instant) -> C,
) -> io::Result<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = GuardedListener { listener, write_timeout };
    let service = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async {
        stopped.await.ok();
    });
    // In a task, so that a worker accepts: the thread of `main` is none, and would have to wake one
    // for every connection.
    let mut serving = AbortOnDropHandle::new(tokio::spawn(serving.into_future()));
    tokio::select! {
        result = &mut serving => return served(result),
        () = shutdown => {}
    }
    let deadline = Instant::now() + patience;
    // The server goes on in the meantime: clients on polling read their last packets by requests,
    // and whoever asks is told that it is not ready.
    tokio::select! {
        result = &mut serving => return served(result),
        () = close(deadline) => {}
    }
    stop.send(()).ok();
    tokio::time::timeout_at(deadline, serving).await.map_or(Ok(()), served)
}

fn served(result: Result<io::Result<()>, JoinError>) -> io::Result<()> {
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) line: Line,
}

impl Connected<IncomingStream<'_, GuardedListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, GuardedListener>) -> Self {
        Self { address: *stream.remote_addr(), line: stream.io().line() }
    }
}

pub(crate) struct GuardedListener {
    listener: TcpListener,
    write_timeout: Duration,
}

impl Listener for GuardedListener {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Without it, late acks wait for the peer's delayed TCP acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY was refused");
                    }
                    return (GuardedStream::new(stream, self.write_timeout), address);
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

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
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
