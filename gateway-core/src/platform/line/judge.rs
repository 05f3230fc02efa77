//! What clients say, packet by packet, on either transport: the heads are read, and what is not allowed is
//! found before socketioxide sees all of it. What socketioxide refuses by itself it refuses without a word.
//!
//! ```text
//! 4 <kind> [<attachments> -] [<namespace> ,] [<number>] [<data>]
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::{Line, beginning::Beginning, membership::Name};
use crate::{clock, limits::Limits, platform::fault::Fault};

/// What a client may say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PacketLimits {
    /// Bytes of a message, or of all its attachments.
    pub(crate) max_payload: usize,
    namespace_name_bytes: usize,
    attachments: usize,
    attachments_timeout: Duration,
    pub(super) failed_connects: usize,
}

impl PacketLimits {
    pub(crate) fn of(limits: &Limits, max_payload: usize) -> Self {
        Self {
            max_payload,
            namespace_name_bytes: limits.namespace_name_bytes,
            attachments: limits.attachments,
            attachments_timeout: limits.attachments_timeout,
            failed_connects: limits.failed_connects,
        }
    }
}

#[cfg(test)]
impl Default for PacketLimits {
    fn default() -> Self {
        Self::of(&Limits::default(), crate::defaults::MAX_PAYLOAD)
    }
}

/// Follows the packets of one client.
#[derive(Debug)]
pub(crate) struct Judge {
    limits: PacketLimits,
    /// Most heads are like the one before.
    usual: Beginning,
    at: At,
    packet: Packet,
    /// A number of the head, as far as it has come.
    number: Option<u64>,
    /// The name of the namespace, as far as it has come.
    name: Name,
    name_bytes: usize,
    /// How many attachments are to follow it.
    attachments: usize,
    awaited: Awaited,
    is_greeted: bool,
    /// Events that are complete, and that socketioxide hands on, where it can read them.
    events: u32,
}

/// The attachments of a packet whose text has come.
#[derive(Debug, Clone, Copy, Default)]
struct Awaited {
    number: usize,
    of_event: bool,
    /// Bytes of those that have come.
    bytes: u64,
    /// Until when the next one is to begin.
    due: Option<Instant>,
}

/// How far a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// A sign of life.
    Heartbeat,
    /// The kind of a packet is to come.
    Kind,
    /// The number of its attachments.
    Attachments,
    /// Its namespace, or what is behind it.
    Head,
    /// The rest of the namespace's name.
    Name,
    /// Its number, or its data.
    Number,
    /// Nothing more is looked at.
    Behind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packet {
    /// Of Engine.IO.
    Other,
    Connect,
    Disconnect,
    Event,
    Ack,
}

impl Judge {
    /// Of a session whose first message is to come.
    pub(crate) fn new(limits: PacketLimits) -> Self {
        Self {
            limits,
            usual: Beginning::default(),
            at: At::Start,
            packet: Packet::Other,
            number: None,
            name: Name::BEGUN,
            name_bytes: 0,
            attachments: 0,
            awaited: Awaited::default(),
            is_greeted: false,
            events: 0,
        }
    }

    /// Of a session of which this is all that is known, after so many events.
    pub(super) fn after(limits: PacketLimits, events: u32) -> Self {
        Self { is_greeted: true, events, ..Self::new(limits) }
    }

    /// Events that are complete, counted as [`Line::heard`] does.
    #[inline]
    pub(crate) fn events(&self) -> u32 {
        self.events
    }

    pub(super) fn limits(&self) -> &PacketLimits {
        &self.limits
    }

    /// Whether the next bytes of a text matter.
    #[inline]
    pub(super) fn is_reading(&self) -> bool {
        self.at != At::Behind
    }

    /// A packet as it stands in a body, text or bytes in base64.
    pub(crate) fn packet(&mut self, packet: &[u8], line: &Line) -> Result<(), Fault> {
        match packet {
            [b'b', encoded @ ..] => {
                self.attachment()?;
                self.attached(base64_len(encoded))?;
                self.end_of_attachment();
                Ok(())
            }
            text => {
                self.text(text, [0; 4], line)?;
                self.end_of_text(line)
            }
        }
    }

    /// The next bytes of a text, of which the first is masked by `mask[0]`.
    #[inline]
    pub(super) fn text(&mut self, bytes: &[u8], mask: [u8; 4], line: &Line) -> Result<(), Fault> {
        if self.at == At::Start && self.awaited.number == 0 && self.is_as_usual(bytes, mask) {
            return Ok(());
        }
        self.read(bytes, mask, line)
    }

    /// Whether the head is like the last one, and all there.
    #[inline]
    fn is_as_usual(&mut self, bytes: &[u8], mask: [u8; 4]) -> bool {
        let text = first(bytes, mask);
        let Some(len) = self.usual.of(text) else { return false };
        // A number that ends within them is not too large.
        let digits = text[len..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_event = text[1] == EVENT;
        if text.get(len + digits) != Some(&b'[') || !(is_event || digits > 0) {
            return false;
        }
        self.packet = if is_event { Packet::Event } else { Packet::Ack };
        self.at = At::Behind;
        true
    }

    #[cold]
    #[inline(never)]
    fn read(&mut self, bytes: &[u8], mask: [u8; 4], line: &Line) -> Result<(), Fault> {
        let begins = self.at == At::Start;
        for (byte, mask) in bytes.iter().zip(mask.iter().cycle()) {
            self.step(byte ^ mask, line)?;
            if self.at == At::Behind {
                break;
            }
        }
        let text = first(bytes, mask);
        let len = if self.name_bytes == 0 { 2 } else { 2 + self.name_bytes + 1 };
        let is_plain = matches!(self.packet, Packet::Event | Packet::Ack) && text[1] < b'5';
        if begins && self.at == At::Behind && is_plain && len <= Beginning::SIZE {
            self.usual.learn(text, len);
        }
        Ok(())
    }

    fn step(&mut self, byte: u8, line: &Line) -> Result<(), Fault> {
        self.at = match (self.at, byte) {
            (At::Start, _) => self.begin(byte)?,
            // Probes are for upgrades.
            (At::Heartbeat, b'p') => return Err(Fault::Packet),
            (At::Heartbeat | At::Behind, _) => At::Behind,
            (At::Kind, _) => self.kind(byte)?,
            (At::Attachments, b'-') => {
                self.attachments = self.attachments()?;
                At::Head
            }
            (At::Attachments, _) => {
                self.digit(byte)?;
                At::Attachments
            }
            (At::Head | At::Name, _) if self.is_of_name(byte) => {
                self.name = self.name.then(byte);
                self.name_bytes += 1;
                let most = self.limits.namespace_name_bytes;
                if self.name_bytes > most {
                    return Err(Fault::NamespaceName { most });
                }
                At::Name
            }
            (At::Head, _) => {
                let behind = self.addressed(line)?;
                if behind == At::Number { self.behind_namespace(byte)? } else { behind }
            }
            (At::Name, _) => self.addressed(line)?,
            (At::Number, _) => self.behind_namespace(byte)?,
        };
        Ok(())
    }

    /// The first byte of a text.
    fn begin(&mut self, byte: u8) -> Result<At, Fault> {
        self.packet = Packet::Other;
        (self.number, self.attachments) = (None, 0);
        (self.name, self.name_bytes) = (Name::BEGUN, 0);
        self.is_in_time()?;
        match byte {
            // Of a message of which attachments are to come, nothing else is said before.
            b'4' if self.awaited.number > 0 => Err(Fault::Packet),
            b'4' => Ok(At::Kind),
            b'2' | b'3' => Ok(At::Heartbeat),
            b'1' => Ok(At::Behind),
            _ => Err(Fault::Packet),
        }
    }

    fn kind(&mut self, byte: u8) -> Result<At, Fault> {
        if !self.is_greeted && byte != b'0' {
            return Err(Fault::Parser);
        }
        let (packet, next) = match byte {
            b'0' => (Packet::Connect, At::Head),
            b'1' => (Packet::Disconnect, At::Head),
            EVENT => (Packet::Event, At::Head),
            b'3' => (Packet::Ack, At::Head),
            b'5' => (Packet::Event, At::Attachments),
            b'6' => (Packet::Ack, At::Attachments),
            _ => return Err(Fault::Packet),
        };
        self.packet = packet;
        Ok(next)
    }

    /// A digit of a number that socketioxide, and a client, can read.
    fn digit(&mut self, byte: u8) -> Result<(), Fault> {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0')).ok_or(Fault::Packet)?;
        let number = self.number.unwrap_or(0).checked_mul(10);
        let number = number.and_then(|number| number.checked_add(digit));
        let number = number.filter(|number| i64::try_from(*number).is_ok());
        self.number = Some(number.ok_or(Fault::Packet)?);
        Ok(())
    }

    fn attachments(&mut self) -> Result<usize, Fault> {
        let number = self.number.take().ok_or(Fault::Packet)?;
        let most = self.limits.attachments;
        usize::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .ok_or(Fault::Attachments { most })
    }

    fn is_of_name(&self, byte: u8) -> bool {
        if self.at == At::Head { byte == b'/' } else { byte != b',' }
    }

    /// The packet's namespace is known: says what is behind it.
    fn addressed(&mut self, line: &Line) -> Result<At, Fault> {
        let namespace = if self.name_bytes == 0 { Name::ROOT } else { self.name };
        match self.packet {
            Packet::Connect => {
                self.is_greeted = true;
                self.usual = Beginning::default();
                line.comes(namespace);
                Ok(At::Behind)
            }
            Packet::Disconnect => {
                // What comes next may not be taken any more.
                self.usual = Beginning::default();
                if line.leaves(namespace) { Ok(At::Behind) } else { Err(Fault::NotConnected) }
            }
            Packet::Event | Packet::Ack if line.may_speak(namespace) => Ok(At::Number),
            Packet::Event | Packet::Ack => Err(Fault::NotConnected),
            Packet::Other => Ok(At::Behind),
        }
    }

    /// A byte of an event or an acknowledgement behind its namespace: of the number, or of the list that
    /// is its data.
    fn behind_namespace(&mut self, byte: u8) -> Result<At, Fault> {
        let is_ack = self.packet == Packet::Ack;
        match byte {
            b'[' if self.number.is_some() || !is_ack => Ok(At::Behind),
            // JSON may begin with it, but socketioxide overlooks a number before.
            b' ' | b'\t' | b'\r' | b'\n' if self.number.is_none() && !is_ack => Ok(At::Behind),
            _ => {
                self.digit(byte)?;
                Ok(At::Number)
            }
        }
    }

    /// A text is over.
    #[inline]
    pub(super) fn end_of_text(&mut self, line: &Line) -> Result<(), Fault> {
        if self.at != At::Behind {
            self.end_of_head(line)?;
        }
        self.at = At::Start;
        let of_event = self.packet == Packet::Event;
        if self.attachments > 0 {
            let number = std::mem::take(&mut self.attachments);
            self.awaited = Awaited { number, of_event, bytes: 0, due: self.due_from_now() };
        } else if of_event {
            self.events = self.events.wrapping_add(1);
        }
        Ok(())
    }

    /// The text ends with its head, or in it.
    #[cold]
    fn end_of_head(&mut self, line: &Line) -> Result<(), Fault> {
        match self.at {
            At::Heartbeat | At::Behind => Ok(()),
            At::Head | At::Name => match self.addressed(line)? {
                At::Number => Err(Fault::Packet),
                _ => Ok(()),
            },
            At::Kind if !self.is_greeted => Err(Fault::Parser),
            At::Start | At::Kind | At::Attachments | At::Number => Err(Fault::Packet),
        }
    }

    /// Bytes begin.
    pub(super) fn attachment(&mut self) -> Result<(), Fault> {
        if !self.is_greeted {
            return Err(Fault::Parser);
        }
        if self.awaited.number == 0 {
            return Err(Fault::Bytes);
        }
        self.is_in_time()
    }

    /// So many more are to come, or have.
    pub(super) fn attached(&mut self, bytes: u64) -> Result<(), Fault> {
        self.awaited.bytes = self.awaited.bytes.saturating_add(bytes);
        let max_payload = self.limits.max_payload;
        if self.awaited.bytes > max_payload as u64 {
            return Err(Fault::TooLarge { max_payload });
        }
        Ok(())
    }

    /// All of them have come.
    pub(super) fn end_of_attachment(&mut self) {
        self.awaited.number = self.awaited.number.saturating_sub(1);
        if self.awaited.number > 0 {
            self.awaited.due = self.due_from_now();
        } else {
            self.events = self.events.wrapping_add(u32::from(self.awaited.of_event));
            self.awaited = Awaited::default();
        }
    }

    /// Until when the next attachment is to begin, if one is to come. Whoever reads waits no longer than that.
    #[inline]
    pub(super) fn attachment_due(&self) -> Option<Instant> {
        self.awaited.due
    }

    /// What is to come was not read for a while, which is not the client's fault.
    #[cold]
    pub(super) fn excuse(&mut self) {
        if self.awaited.due.is_some() {
            self.awaited.due = self.due_from_now();
        }
    }

    /// A body that began to come at that time is about to be judged: so did the attachment that it begins with.
    pub(super) fn begun(&mut self, body: &[u8], at: Instant) {
        if body.starts_with(b"b") && self.awaited.due.is_some_and(|due| at <= due) {
            self.excuse();
        }
    }

    fn due_from_now(&self) -> Option<Instant> {
        Some(clock::after(self.limits.attachments_timeout))
    }

    /// Whether the attachment that is to come has not taken too long.
    fn is_in_time(&self) -> Result<(), Fault> {
        match self.awaited.due {
            Some(due) if clock::now() > due => Err(Fault::LateAttachments),
            _ => Ok(()),
        }
    }
}

/// The kind of an event without attachments.
const EVENT: u8 = b'2';

/// The first bytes of a text, as they are without the mask, and zeros behind its end.
#[inline]
fn first(bytes: &[u8], mask: [u8; 4]) -> [u8; Beginning::SIZE] {
    let mut text = [0; Beginning::SIZE];
    if let Some(bytes) = bytes.first_chunk::<{ Beginning::SIZE }>() {
        let mask = u128::from(u32::from_ne_bytes(mask)) * 0x0000_0001_0000_0001_0000_0001_0000_0001;
        return (u128::from_ne_bytes(*bytes) ^ mask).to_ne_bytes();
    }
    for ((place, byte), mask) in text.iter_mut().zip(bytes).zip(mask.iter().cycle()) {
        *place = byte ^ mask;
    }
    text
}

/// Bytes that are encoded in base64.
fn base64_len(encoded: &[u8]) -> u64 {
    let padding = encoded.iter().rev().take_while(|byte| **byte == b'=').count();
    (encoded.len() - padding) as u64 * 3 / 4
}

#[cfg(test)]
mod tests;
