//! The HTTP server around the namespaces.

use std::{borrow::Cow, sync::Arc, time::Duration};

use socketioxide::{ParserConfig, SocketIo, TransportType};

use super::{
    Mounted, Transport,
    adapter::{GatewayAdapter, Hubs},
    line::{DrainRate, PacketLimits, StreamOptions, WINDOW_PACKETS},
    mount::DoorLimits,
    namespaces::{Namespaces, NotFound, Tried},
    porter::Porter,
    reception::Reception,
};
use crate::{defaults, limits::Limits};

/// What is the whole server's and no gateway's.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    pub(crate) path: Cow<'static, str>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) upgrade_timeout: Duration,
    /// Whether a session on polling may go over to a WebSocket.
    pub(crate) allows_upgrades: bool,
    pub(crate) porter: Porter,
    /// Whether requests of a session must come from the address that has opened it.
    pub(crate) bind_to_address: bool,
    pub(crate) max_payload: usize,
    /// As long as a ping may take, unless said otherwise.
    pub(crate) write_timeout: Option<Duration>,
    /// What a client must take while something waits for it; 0 asks for nothing.
    pub(crate) min_drain_rate: usize,
    /// How long shutting down may take.
    pub(crate) drain_timeout: Duration,
}

impl ServerOptions {
    pub(super) fn offers(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }

    pub(crate) fn streams(&self, limits: &Limits) -> StreamOptions {
        StreamOptions {
            // Who takes nothing at all for the time a ping may take cannot have answered one either,
            // and socketioxide cannot end such a session while its writer waits.
            write_timeout: self.write_timeout.unwrap_or(self.ping_timeout),
            rate: DrainRate { bytes_per_second: self.min_drain_rate },
            packets: PacketLimits::of(limits, self.max_payload),
        }
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            path: Cow::Borrowed("/socket.io"),
            transports: vec![Transport::Polling, Transport::Websocket],
            ping_interval: defaults::PING_INTERVAL,
            ping_timeout: defaults::PING_TIMEOUT,
            upgrade_timeout: defaults::UPGRADE_TIMEOUT,
            allows_upgrades: true,
            porter: Porter::default(),
            bind_to_address: false,
            max_payload: defaults::MAX_PAYLOAD,
            write_timeout: None,
            min_drain_rate: defaults::MIN_DRAIN_RATE,
            drain_timeout: defaults::DRAIN_TIMEOUT,
        }
    }
}

/// Read buffer of a WebSocket, in bytes: messages of a chat are small, and what there is of larger
/// ones the line has read ahead.
const WS_READ_BUFFER: usize = 1024;

/// Packets that socketioxide's buffer of one client takes: our window, and much more for what it sends
/// by itself, its pings and its answers to those who ask to be let in, of which the line allows fewer.
const BUFFER: usize = 4 * WINDOW_PACKETS as usize;

/// A client adds both times of its pings up to that of a timer, which in JavaScript fires at once where it
/// is 2^31 milliseconds or more.
const LONGEST_PING: Duration = Duration::from_secs(12 * 24 * 60 * 60);

/// Opens the server: namespaces are mounted on the first, the second answers requests.
pub(crate) fn open(
    options: &ServerOptions,
    limits: &Limits,
    reception: Arc<Reception>,
    tried: Tried,
) -> (Mounted, Namespaces) {
    let hubs = Hubs::default();
    // What it refuses it refuses without a word, so the line refuses it before.
    let parser = ParserConfig::common()
        .max_incoming_binaries(limits.attachments)
        .max_incoming_binary_buf_size(options.max_payload)
        .packet_completion_timeout(Duration::MAX);
    let builder = SocketIo::builder()
        .req_path(options.path.clone())
        .ping_interval(options.ping_interval.min(LONGEST_PING))
        .ping_timeout(options.ping_timeout.min(LONGEST_PING))
        .connect_timeout(reception.longest())
        .max_payload(options.max_payload as u64)
        .ws_max_message_size(options.max_payload)
        .ws_max_frame_size(options.max_payload)
        .ws_read_buffer_size(WS_READ_BUFFER)
        .max_buffer_size(BUFFER)
        .with_parser(parser)
        .with_adapter::<GatewayAdapter>(hubs.clone());
    let offered = [Transport::Polling, Transport::Websocket].map(|one| options.offers(one));
    let builder = match offered {
        [true, false] => builder.transports([TransportType::Polling]),
        [false, true] => builder.transports([TransportType::Websocket]),
        _ => builder.transports([TransportType::Polling, TransportType::Websocket]),
    };
    let (service, io) = builder.build_with_inner_svc(NotFound);
    let mounted = Mounted::new(io, hubs, DoorLimits::of(limits), Arc::clone(&reception));
    (mounted, Namespaces::new(service, options, limits, reception, tried))
}
