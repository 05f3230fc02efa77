//! A WebSocket by hand. Nothing happens on its own: bytes are read and written only while one of
//! its methods is awaited.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::packet::{Kind, Packet};

/// More than any of these servers takes to answer, unless it does not.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is read at once where nobody says otherwise, in bytes.
const AT_ONCE: usize = 64 * 1024;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// A client, connected to one namespace, until it is dropped.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    namespace: String,
    incoming: BytesMut,
    outgoing: BytesMut,
    last_id: u64,
}

impl Client {
    /// Connects, by WebSocket, and waits until the namespace has let it in.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is refused.
    pub async fn open(server: SocketAddr, namespace: &str) -> io::Result<Self> {
        Self::open_with(server, namespace, None).await
    }

    /// The same with little room for what it has not read yet: `receive_buffer` is what the system
    /// is asked for, in bytes, and most of what leaves the server then waits there.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is refused.
    pub async fn open_narrow(
        server: SocketAddr,
        namespace: &str,
        receive_buffer: u32,
    ) -> io::Result<Self> {
        Self::open_with(server, namespace, Some(receive_buffer)).await
    }

    /// A WebSocket that has said nothing yet, of the session that `query` names or a new one. What
    /// comes is read by [`incoming`](Self::incoming).
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is refused.
    pub async fn open_silent(server: SocketAddr, query: &str) -> io::Result<Self> {
        Self::tried_by(server, "", query).await
    }

    /// A WebSocket that a session on polling tries (`session` is [`Polling::session`]), on which
    /// nothing has been said yet.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is refused.
    ///
    /// [`Polling::session`]: super::Polling::session
    pub async fn tried_by(server: SocketAddr, namespace: &str, session: &str) -> io::Result<Self> {
        let mut client = Self::begin(server, namespace, None).await?;
        timeout(PATIENCE, client.upgrade(server, session)).await??;
        Ok(client)
    }

    async fn begin(
        server: SocketAddr,
        namespace: &str,
        receive_buffer: Option<u32>,
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            namespace: namespace.to_owned(),
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            last_id: 0,
        })
    }

    async fn open_with(
        server: SocketAddr,
        namespace: &str,
        receive_buffer: Option<u32>,
    ) -> io::Result<Self> {
        let mut client = Self::begin(server, namespace, receive_buffer).await?;
        let opening = async {
            client.upgrade(server, "").await?;
            let connect = format!("40{namespace},");
            client.send(&connect);
            loop {
                let packet = client.packet().await?;
                match packet.kind {
                    Kind::Connect => return Ok(()),
                    Kind::ConnectError => return Err(io::Error::other(packet.data)),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, opening).await??;
        Ok(client)
    }

    async fn upgrade(&mut self, server: SocketAddr, query: &str) -> io::Result<()> {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: {server}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        self.write(request.as_bytes());
        loop {
            if let Some(end) = self.incoming.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.incoming.split_to(end + 4);
                if head.starts_with(b"HTTP/1.1 101 ") {
                    return Ok(());
                }
                return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
            }
            self.exchange(4_096).await?;
        }
    }

    /// The namespace it is in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its connection, without anything that has been read or waits to be written.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Leaves `text` in a frame, to be written by whatever is awaited next.
    pub fn send(&mut self, text: &str) {
        push_frame(&mut self.outgoing, TEXT, text.as_bytes());
    }

    /// The same with an attachment.
    pub fn send_binary(&mut self, attachment: &[u8]) {
        push_frame(&mut self.outgoing, BINARY, attachment);
    }

    /// The same with bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Leaves an event that asks for an acknowledgement, and says under which number. `arguments`
    /// is the JSON behind the name, without brackets, or nothing.
    pub fn ask(&mut self, event: &str, arguments: &str) -> u64 {
        self.last_id += 1;
        let (id, namespace) = (self.last_id, &self.namespace);
        let comma = if arguments.is_empty() { "" } else { "," };
        let text = format!("42{namespace},{id}[\"{event}\"{comma}{arguments}]");
        self.send(&text);
        id
    }

    /// Asks, and reads until the acknowledgement has come; other packets are lost.
    ///
    /// # Errors
    ///
    /// Where the connection ends first, or nothing comes for 20 s.
    pub async fn answer(&mut self, event: &str, arguments: &str) -> io::Result<Value> {
        let id = self.ask(event, arguments);
        timeout(PATIENCE, self.answer_to(id)).await?
    }

    /// Reads until an acknowledgement has come; other packets are lost.
    ///
    /// # Errors
    ///
    /// Where the connection ends first.
    pub async fn answer_to(&mut self, id: u64) -> io::Result<Value> {
        loop {
            let packet = self.packet().await?;
            if packet.kind == Kind::Ack && packet.id == Some(id) {
                return Ok(packet.answer());
            }
        }
    }

    /// The next packet of Socket.IO, without its attachments, which are skipped. Answers
    /// heartbeats.
    ///
    /// # Errors
    ///
    /// Where the connection has ended.
    pub async fn packet(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = self.buffered_packet()? {
                return Ok(packet);
            }
            self.exchange(AT_ONCE).await?;
        }
    }

    /// The next packet with its attachments.
    ///
    /// # Errors
    ///
    /// Where the connection has ended.
    pub async fn whole_packet(&mut self) -> io::Result<(Packet, Vec<Bytes>)> {
        let packet = self.packet().await?;
        let mut attachments = Vec::with_capacity(packet.attachments);
        while attachments.len() < packet.attachments {
            match self.buffered()? {
                Some(Frame { opcode: BINARY, payload }) => attachments.push(payload),
                Some(_) => {}
                None => self.exchange(AT_ONCE).await?,
            }
        }
        Ok((packet, attachments))
    }

    /// What comes next, as it is: heartbeats are the caller's to answer.
    ///
    /// # Errors
    ///
    /// Where the connection has ended without a word.
    pub async fn incoming(&mut self) -> io::Result<Incoming> {
        loop {
            let Some(Frame { opcode, payload }) = take_frame(&mut self.incoming) else {
                self.exchange(AT_ONCE).await?;
                continue;
            };
            match opcode {
                TEXT => {
                    let text = String::from_utf8(payload.into()).map_err(io::Error::other)?;
                    return Ok(Incoming::Text(text));
                }
                BINARY => return Ok(Incoming::Binary(payload)),
                CLOSE => {
                    let code = payload.first_chunk().copied().map(u16::from_be_bytes);
                    return Ok(Incoming::Close(code));
                }
                _ => {}
            }
        }
    }

    /// One call of the system at most each way: reads `most` bytes or fewer.
    ///
    /// # Errors
    ///
    /// Where the connection has ended.
    pub async fn exchange(&mut self, most: usize) -> io::Result<()> {
        let mut interest = Interest::READABLE;
        if !self.outgoing.is_empty() {
            interest |= Interest::WRITABLE;
        }
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() && !self.outgoing.is_empty() {
            if let Some(written) = unless_blocked(self.stream.try_write(&self.outgoing))? {
                self.outgoing.advance(written);
            }
            if self.outgoing.is_empty() {
                // What was sent in one large piece is not kept.
                self.outgoing = BytesMut::new();
            }
        }
        if ready.is_readable() {
            let before = self.incoming.len();
            self.incoming.resize(before + most, 0);
            let read = unless_blocked(self.stream.try_read(&mut self.incoming[before..]));
            let count = *read.as_ref().ok().and_then(Option::as_ref).unwrap_or(&0);
            self.incoming.truncate(before + count);
            if read? == Some(0) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Writes all that waits, and keeps what comes meanwhile.
    ///
    /// # Errors
    ///
    /// Where the connection has ended.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            self.exchange(AT_ONCE).await?;
        }
        Ok(())
    }

    /// The next packet of those that have been read. Answers heartbeats, and skips attachments.
    ///
    /// # Errors
    ///
    /// Where the server has closed the connection.
    pub fn buffered_packet(&mut self) -> io::Result<Option<Packet>> {
        while let Some(frame) = self.buffered()? {
            if let Some(packet) = frame.text().and_then(Packet::parse) {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    fn buffered(&mut self) -> io::Result<Option<Frame>> {
        while let Some(frame) = take_frame(&mut self.incoming) {
            match (frame.opcode, &frame.payload[..]) {
                (CLOSE, [first, second, why @ ..]) => {
                    let code = u16::from_be_bytes([*first, *second]);
                    let why = String::from_utf8_lossy(why);
                    return Err(aborted(format!("closed with {code}: {why}")));
                }
                (CLOSE, _) => return Err(aborted("closed without a code")),
                // Engine.IO ends a session with a packet of its own.
                (TEXT, b"1") => return Err(aborted("the session was closed")),
                (TEXT, b"2") => self.send("3"),
                (TEXT | BINARY, _) => return Ok(Some(frame)),
                _ => {}
            }
        }
        Ok(None)
    }
}

fn aborted(why: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, why.into())
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a server sends over a WebSocket, beside the pings of the WebSocket itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A frame of text.
    Text(String),
    /// A frame of bytes.
    Binary(Bytes),
    /// The end, with its code where there is one.
    Close(Option<u16>),
}

struct Frame {
    opcode: u8,
    payload: Bytes,
}

impl Frame {
    fn text(&self) -> Option<&str> {
        if self.opcode == TEXT { std::str::from_utf8(&self.payload).ok() } else { None }
    }
}

/// A frame from its first byte to its last, if it is there. Servers neither mask nor, here, split.
fn take_frame(bytes: &mut BytesMut) -> Option<Frame> {
    let (head, length) = match bytes.get(1)? {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(*short)),
    };
    let length = usize::try_from(length).ok()?;
    if bytes.len() < head + length {
        return None;
    }
    let opcode = bytes[0] & 0x0f;
    bytes.advance(head);
    Some(Frame { opcode, payload: bytes.split_to(length).freeze() })
}

/// A frame of text as a client sends it, for those who write many in one piece.
#[must_use]
pub fn text_frame(text: &str) -> Bytes {
    frame(TEXT, text.as_bytes())
}

/// The same with an attachment.
#[must_use]
pub fn binary_frame(attachment: &[u8]) -> Bytes {
    frame(BINARY, attachment)
}

/// The end of a WebSocket, without a code.
#[must_use]
pub fn close_frame() -> Bytes {
    frame(CLOSE, b"")
}

/// A ping of the WebSocket itself.
#[must_use]
pub fn ping_frame() -> Bytes {
    frame(PING, b"")
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    push_frame(&mut frame, opcode, payload);
    frame.freeze()
}

/// Masked with zeros, which leave it as it is.
fn push_frame(bytes: &mut BytesMut, opcode: u8, payload: &[u8]) {
    bytes.extend_from_slice(&[0x80 | opcode]);
    match payload.len() {
        length @ 0..126 => bytes.extend_from_slice(&[0x80 | length as u8]),
        length @ 126..=0xffff => {
            bytes.extend_from_slice(&[0x80 | 126]);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.extend_from_slice(&[0x80 | 127]);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
}
