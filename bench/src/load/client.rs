//! One client: a socket, what has come and is not a whole frame yet, what waits to be written.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use super::frame::{self, Opcode};

/// Addresses of the loopback that clients come from, in turn: one address has fewer ports than a
/// churn of connections uses up before the system gives them back.
const SOURCES: u8 = 64;

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The HTTP request is out.
    Upgrading,
    /// The engine or the namespace is being opened.
    Opening,
    Connected,
    /// The client said good-bye.
    Leaving,
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) phase: Phase,
    /// Nothing more will come.
    pub(crate) closed: bool,
    /// What has come of a frame that is not whole.
    pub(crate) received: Vec<u8>,
    outgoing: Vec<u8>,
    written: usize,
    random: u32,
    next_id: u64,
}

impl Client {
    /// Begins to connect; the request to upgrade is written as soon as that is done.
    pub(crate) fn open(server: SocketAddr, serial_number: usize) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        let last = 2 + (serial_number % usize::from(SOURCES)) as u8;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into())?;
        match socket.connect(&server.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error).with_context(|| format!("no connection to {server}")),
        }
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             User-Agent: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            phase: Phase::Upgrading,
            closed: false,
            received: Vec::new(),
            outgoing: request.into_bytes(),
            written: 0,
            random: 0x9E37_79B9 ^ (serial_number as u32).wrapping_mul(0x85EB_CA6B) | 1,
            next_id: 0,
        })
    }

    /// The id for the next message that wants an acknowledgement.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        // xorshift: a mask must differ, not be secret.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        frame::encode(opcode, payload, self.random.to_le_bytes(), &mut self.outgoing);
    }

    /// Writes what is queued, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                // Not connected yet: the event that says so comes back here.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
                {
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads what there is, as far as `into` has room. `None`: nothing at the moment.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(into) {
                Ok(read) => {
                    self.closed = read == 0;
                    return Ok(Some(read));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the answer to the upgrade: how long it is, once it is whole.
    pub(crate) fn upgraded(&mut self, buffer: &[u8]) -> Result<Option<usize>> {
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        if !buffer.starts_with(b"HTTP/1.1 101") {
            bail!("no upgrade: {}", String::from_utf8_lossy(&buffer[..end]));
        }
        self.phase = Phase::Opening;
        Ok(Some(end + 4))
    }
}

/// `EINPROGRESS`: a socket that does not block is still connecting.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
