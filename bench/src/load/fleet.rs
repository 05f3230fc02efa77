//! All clients of a load, in one thread over one poll.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use jsonwebtoken::{EncodingKey, Header};
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;

use super::client::{Client, Phase};
use super::frame::{self, Opcode};
use super::packet::Packet;

/// Longer than anything takes that is not lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// What the clients talk to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) namespace: &'static str,
    /// The secret the server verifies tokens with.
    pub(crate) secret: String,
}

/// Something that came for a client.
#[derive(Debug)]
pub(crate) enum Received<'a> {
    Connected,
    /// The server closed the connection of a client that had said good-bye.
    Left,
    Event {
        arguments: &'a str,
    },
    Ack {
        id: u64,
        arguments: &'a str,
        attachment: Option<&'a [u8]>,
    },
}

/// What the clients do.
pub(crate) trait Work {
    /// Sends what can be sent without an answer.
    fn begin(&mut self, clients: &mut Clients) -> Result<()>;

    /// Sends what is due by then, in work that goes by the [clock](Fleet::pace).
    fn tick(&mut self, _: &mut Clients, _by: Instant) -> Result<()> {
        Ok(())
    }

    /// Something came for the client at `at`.
    fn received(&mut self, clients: &mut Clients, at: usize, what: Received<'_>) -> Result<()>;

    /// No more is begun than has been.
    fn stop(&mut self);

    /// How much has been done.
    fn units(&self) -> u64;

    /// How many answers and deliveries came before one that was sent earlier.
    fn overtook(&self) -> u64 {
        0
    }

    /// Whether all that was begun has been answered.
    fn is_done(&self) -> bool;

    /// What is still to come, in words.
    fn missing(&self) -> String;
}

/// Clients that expect nothing.
struct Nothing;

impl Work for Nothing {
    fn begin(&mut self, _: &mut Clients) -> Result<()> {
        Ok(())
    }

    fn received(&mut self, _: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        bail!("client {at} was idle, and received {what:?}")
    }

    fn stop(&mut self) {}

    fn units(&self) -> u64 {
        0
    }

    fn is_done(&self) -> bool {
        true
    }

    fn missing(&self) -> String {
        String::new()
    }
}

/// A token for the `number`th user.
fn token(secret: &str, number: usize) -> Result<String> {
    #[derive(Serialize)]
    struct Claims {
        sub: usize,
        exp: u64,
    }
    /// 2100: a run does not test how tokens end.
    const EXPIRY: u64 = 4_102_444_800;

    let claims = Claims { sub: number, exp: EXPIRY };
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}

/// The clients, as the work sees them.
pub(crate) struct Clients {
    poll: Poll,
    target: Target,
    list: Vec<Client>,
    /// What each says when its engine is open.
    hellos: Vec<String>,
    /// Acknowledgements that wait for their attachment.
    awaited: Vec<Option<(u64, String)>>,
    dirty: Vec<usize>,
    /// What is read into.
    chunk: Vec<u8>,
    opened: usize,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Begins one connection more, or that of a place again whose client has [left](Self::leave).
    pub(crate) fn open(&mut self, at: usize) -> Result<()> {
        let mut client = Client::open(self.target.address, self.opened)?;
        self.opened += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut client.stream, Token(at), interest)?;
        if at < self.list.len() {
            self.list[at] = client;
            self.awaited[at] = None;
        } else {
            ensure!(at == self.list.len(), "clients are opened one after the other");
            let token = token(&self.target.secret, at + 1)?;
            self.hellos.push(format!("40{},{{\"token\":\"{token}\"}}", self.target.namespace));
            self.list.push(client);
            self.awaited.push(None);
        }
        self.dirty.push(at);
        Ok(())
    }

    /// Says good-bye; the server closes the connection.
    pub(crate) fn leave(&mut self, at: usize) {
        self.send(at, Opcode::Close, &1000_u16.to_be_bytes());
        self.list[at].phase = Phase::Leaving;
    }

    /// The id of a client's next message.
    pub(crate) fn next_id(&mut self, at: usize) -> u64 {
        self.list[at].next_id()
    }

    /// Sends an event that wants an acknowledgement; `arguments` as in `"event",1`.
    pub(crate) fn ask(&mut self, at: usize, id: u64, arguments: fmt::Arguments<'_>) {
        let text = format!("42{},{id}[{arguments}]", self.target.namespace);
        self.send(at, Opcode::Text, text.as_bytes());
    }

    /// The same with an attachment for its only argument.
    pub(crate) fn ask_with(&mut self, at: usize, id: u64, event: &str, attachment: &[u8]) {
        let namespace = self.target.namespace;
        let text = format!("451-{namespace},{id}[\"{event}\",{{\"_placeholder\":true,\"num\":0}}]");
        self.send(at, Opcode::Text, text.as_bytes());
        self.send(at, Opcode::Binary, attachment);
    }

    fn send(&mut self, at: usize, opcode: Opcode, payload: &[u8]) {
        self.list[at].send(opcode, payload);
        if self.dirty.last() != Some(&at) {
            self.dirty.push(at);
        }
    }

    fn flush(&mut self) -> Result<()> {
        while let Some(at) = self.dirty.pop() {
            let client = &mut self.list[at];
            if !client.closed {
                client.flush().with_context(|| format!("client {at} cannot write"))?;
            }
        }
        Ok(())
    }

    /// Reads what came for a client, the end too if it is `ending`, and tells the work.
    fn read(&mut self, at: usize, ending: bool, work: &mut dyn Work) -> Result<()> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let read = self.read_by(&mut chunk, at, ending, work);
        self.chunk = chunk;
        read
    }

    fn read_by(
        &mut self,
        chunk: &mut [u8],
        at: usize,
        ending: bool,
        work: &mut dyn Work,
    ) -> Result<()> {
        while let Some(read) = self.list[at].read(chunk)? {
            if self.list[at].closed {
                return self.closed(at, work);
            }
            self.understand(at, &chunk[..read], work)?;
            // Less than there was room for: the socket is empty, and says when it no longer is.
            if read < chunk.len() && !ending {
                break;
            }
        }
        Ok(())
    }

    fn closed(&mut self, at: usize, work: &mut dyn Work) -> Result<()> {
        let client = &mut self.list[at];
        ensure!(client.phase == Phase::Leaving, "the server dropped the connection of client {at}");
        self.poll.registry().deregister(&mut client.stream)?;
        work.received(self, at, Received::Left)
    }

    fn understand(&mut self, at: usize, new: &[u8], work: &mut dyn Work) -> Result<()> {
        let mut kept = std::mem::take(&mut self.list[at].received);
        if kept.is_empty() {
            let done = self.frames(at, new, work)?;
            kept.extend_from_slice(&new[done..]);
        } else {
            kept.extend_from_slice(new);
            let done = self.frames(at, &kept, work)?;
            kept.drain(..done);
        }
        self.list[at].received = kept;
        Ok(())
    }

    /// Takes all whole frames a buffer begins with; answers with their length.
    fn frames(&mut self, at: usize, buffer: &[u8], work: &mut dyn Work) -> Result<usize> {
        let mut done = 0;
        if self.list[at].phase == Phase::Upgrading {
            match self.list[at].upgraded(buffer)? {
                Some(length) => done = length,
                None => return Ok(0),
            }
        }
        while let Some(frame) = frame::decode(&buffer[done..])? {
            done += frame.length;
            match frame.opcode {
                // What was on its way when it left.
                _ if self.list[at].phase == Phase::Leaving => {}
                Opcode::Text => self.text(at, std::str::from_utf8(frame.payload)?, work)?,
                Opcode::Binary => {
                    let awaited = self.awaited[at].take();
                    let (id, arguments) = awaited.context("an attachment of nothing")?;
                    let attachment = Some(frame.payload);
                    let ack = Received::Ack { id, arguments: &arguments, attachment };
                    work.received(self, at, ack)?;
                }
                Opcode::Ping => self.send(at, Opcode::Pong, frame.payload),
                Opcode::Pong => {}
                Opcode::Close => bail!("the server closed the connection of client {at}"),
            }
        }
        Ok(done)
    }

    fn text(&mut self, at: usize, text: &str, work: &mut dyn Work) -> Result<()> {
        match Packet::parse(text, self.target.namespace)? {
            Packet::Open => {
                let hello = std::mem::take(&mut self.hellos[at]);
                self.send(at, Opcode::Text, hello.as_bytes());
                self.hellos[at] = hello;
            }
            Packet::Ping => self.send(at, Opcode::Text, b"3"),
            Packet::Connected => {
                self.list[at].phase = Phase::Connected;
                work.received(self, at, Received::Connected)?;
            }
            Packet::Event { arguments } => {
                work.received(self, at, Received::Event { arguments })?;
            }
            Packet::Ack { id, arguments, attachments: 0 } => {
                work.received(self, at, Received::Ack { id, arguments, attachment: None })?;
            }
            Packet::Ack { id, arguments, .. } => {
                self.awaited[at] = Some((id, arguments.to_owned()));
            }
            Packet::Refused(why) => bail!("client {at} was not let in: {why}"),
            Packet::Disconnected => bail!("client {at} was sent away"),
        }
        Ok(())
    }
}

/// The clients and the loop that drives them.
pub(crate) struct Fleet {
    clients: Clients,
    events: Events,
    /// After so long without progress something is lost.
    patience: Duration,
}

impl Fleet {
    pub(crate) fn new(target: Target) -> Result<Self> {
        let clients = Clients {
            poll: Poll::new()?,
            target,
            list: Vec::new(),
            hellos: Vec::new(),
            awaited: Vec::new(),
            dirty: Vec::new(),
            chunk: vec![0; CHUNK],
            opened: 0,
        };
        Ok(Self { clients, events: Events::with_capacity(1024), patience: PATIENCE })
    }

    /// Gives up soon.
    #[cfg(test)]
    pub(crate) fn impatient(self) -> Self {
        Self { patience: Duration::from_secs(1), ..self }
    }

    /// Begins the work.
    pub(crate) fn begin(&mut self, work: &mut dyn Work) -> Result<()> {
        work.begin(&mut self.clients)?;
        self.clients.flush()
    }

    /// Goes on with the work until `end`.
    pub(crate) fn work_until(&mut self, work: &mut dyn Work, end: Instant) -> Result<()> {
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(work, left)?;
        }
        Ok(())
    }

    /// Goes on for a while with work that goes by the clock. Never sleeps: how long it takes to wake
    /// up would be in what is measured.
    pub(crate) fn pace(&mut self, work: &mut dyn Work, length: Duration) -> Result<()> {
        let end = Instant::now() + length;
        loop {
            // What was due in time is sent, even if this thread comes too late for that.
            let now = Instant::now().min(end);
            self.step(work, now)?;
            if now == end {
                return Ok(());
            }
        }
    }

    /// Sends what is due by then, and takes what has come, without waiting for anything.
    pub(crate) fn step(&mut self, work: &mut dyn Work, by: Instant) -> Result<()> {
        work.tick(&mut self.clients, by)?;
        self.clients.flush()?;
        self.turn(work, Duration::ZERO)
    }

    /// Goes on with the work until all that was begun has been answered.
    pub(crate) fn finish(&mut self, work: &mut dyn Work) -> Result<()> {
        let mut progress = (work.units(), Instant::now());
        while !work.is_done() {
            if work.units() != progress.0 {
                progress = (work.units(), Instant::now());
            }
            ensure!(progress.1.elapsed() < self.patience, "lost: {}", work.missing());
            self.turn(work, self.patience / 20)?;
        }
        Ok(())
    }

    /// Lets clients answer pings while nothing is asked of them.
    pub(crate) fn tend(&mut self) -> Result<()> {
        loop {
            self.turn(&mut Nothing, Duration::ZERO)?;
            if self.events.is_empty() {
                return Ok(());
            }
        }
    }

    /// All of a work that ends by itself.
    pub(crate) fn run(&mut self, work: &mut dyn Work) -> Result<()> {
        self.begin(work)?;
        self.finish(work)
    }

    fn turn(&mut self, work: &mut dyn Work, timeout: Duration) -> Result<()> {
        match self.clients.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let Token(at) = event.token();
            if event.is_writable() {
                self.clients.dirty.push(at);
            }
            if event.is_readable() && !self.clients.list[at].closed {
                self.clients.read(at, event.is_read_closed(), work)?;
            }
        }
        self.clients.flush()
    }
}
