//! Messages ⇄ entries, in the format of Socket.IO's own adapters: so servers of other makes are members of the
//! same cluster.
//!
//! An entry is JSON, into which the text of a packet is put as it is; what has binary data in it is base64 of
//! MessagePack. Everything that was written by somebody else is checked as if a client had sent it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::Message;
use crate::{
    platform::{Group, Names, Packet},
    wire::{
        Argument,
        msgpack::{self, NoForm},
    },
};

/// What an entry or a request is; the numbers below 64 are those of Socket.IO, and the others are passed over by servers
/// of other makes.
pub(super) mod kind {
    pub(in crate::cluster) const EVENT: u16 = 3;
    pub(in crate::cluster) const JOIN: u16 = 4;
    pub(in crate::cluster) const LEAVE: u16 = 5;
    pub(in crate::cluster) const DISCONNECT: u16 = 6;
    pub(in crate::cluster) const SOCKETS: u16 = 7;
    pub(in crate::cluster) const SOCKETS_ANSWER: u16 = 8;
    pub(in crate::cluster) const SERVER_SIDE: u16 = 9;
    pub(in crate::cluster) const SERVER_SIDE_ANSWER: u16 = 10;
    pub(in crate::cluster) const CLIENT_COUNT: u16 = 11;
    pub(in crate::cluster) const CLIENT_ANSWER: u16 = 12;
    pub(in crate::cluster) const REPLACE: u16 = 64;
    /// Has everything been done up to this entry?
    pub(in crate::cluster) const SETTLE: u16 = 65;
    /// That was the last answer.
    pub(in crate::cluster) const DONE: u16 = 66;
    /// Nothing but the number of an entry that follows some that were given up: who reads it has missed those.
    pub(in crate::cluster) const GAP: u16 = 67;
}

/// The packet type of an event.
const EVENT_PACKET: u8 = 2;

/// Why something cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Msgpack(#[from] NoForm),
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
    #[error("{0}")]
    Other(&'static str),
}

/// Whom something is for. No rooms are everybody.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    except: Vec<Room>,
    #[serde(default)]
    pub(super) flags: Flags,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Flags {
    /// How long acknowledgements are waited for, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volatile: Option<bool>,
}

/// In JavaScript, rooms may have numbers for names.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Room(String);

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumber;

        impl Visitor<'_> for NameOrNumber {
            type Value = Room;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a room, or a number")
            }

            fn visit_str<E>(self, name: &str) -> Result<Room, E> {
                Ok(Room(name.to_owned()))
            }

            fn visit_string<E>(self, name: String) -> Result<Room, E> {
                Ok(Room(name))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Room, E> {
                Ok(Room(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Room, E> {
                Ok(Room(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Room, E> {
                Ok(Room(number.to_string()))
            }
        }

        deserializer.deserialize_any(NameOrNumber)
    }
}

impl From<Room> for String {
    fn from(Room(name): Room) -> Self {
        name
    }
}

fn names(rooms: Vec<Room>) -> Names {
    rooms.into_iter().map(String::from).collect()
}

impl Options {
    /// `None` if the group is nobody, whoever is there.
    pub(super) fn of(group: &Group) -> Option<Self> {
        let rooms = group.rooms.as_deref();
        if rooms.is_some_and(<[String]>::is_empty) {
            return None;
        }
        let named = |names: &[String]| names.iter().cloned().map(Room).collect();
        let rooms = rooms.map(named).unwrap_or_default();
        Some(Self { rooms, except: named(&group.except), flags: Flags::default() })
    }

    pub(super) fn is_volatile(&self) -> bool {
        self.flags.volatile == Some(true)
    }

    pub(super) fn group(self) -> Group {
        let rooms = (!self.rooms.is_empty()).then(|| names(self.rooms));
        Group { rooms, except: names(self.except) }
    }
}

#[derive(Serialize, Deserialize)]
struct Rooms {
    opts: Options,
    rooms: Vec<Room>,
}

#[derive(Serialize, Deserialize)]
struct Disconnect {
    opts: Options,
    #[serde(default)]
    close: bool,
}

#[derive(Serialize, Deserialize)]
struct Replace {
    user: String,
    rank: u64,
}

/// An event with its text still as it was written.
#[derive(Deserialize)]
struct TextEvent<'a> {
    #[serde(default)]
    opts: Options,
    #[serde(borrow)]
    packet: TextPacket<'a>,
}

#[derive(Deserialize)]
struct TextPacket<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// An event as a value.
#[derive(Serialize, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    pub(super) opts: Options,
    pub(super) packet: EventPacket,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EventPacket {
    #[serde(rename = "type")]
    kind: u8,
    data: Vec<Argument>,
    #[serde(default)]
    nsp: String,
}

impl EventPacket {
    pub(super) fn of(packet: &Packet, namespace: &str) -> Result<Self, Malformed> {
        let data = msgpack::values(packet.text(), packet.attachments())?;
        Ok(Self { kind: EVENT_PACKET, data, nsp: namespace.to_owned() })
    }

    /// Where it is for.
    pub(super) fn namespace(&self) -> &str {
        &self.nsp
    }

    pub(super) fn into_packet(self) -> Result<Packet, Malformed> {
        match self.data.first() {
            Some(Argument::String(name)) if self.kind == EVENT_PACKET => check_name(name)?,
            _ => return Err(NOT_AN_EVENT),
        }
        let (text, attachments) = msgpack::packet(self.data)?;
        Ok(Packet::new(text, attachments))
    }
}

#[derive(Deserialize)]
struct TextServerSide<'a> {
    #[serde(borrow)]
    packet: Vec<&'a RawValue>,
}

/// A server-side event's name, and the first of its arguments as JSON.
pub(super) fn server_side(packet: &[Argument]) -> Result<(String, std::sync::Arc<str>), Malformed> {
    let Some(Argument::String(event)) = packet.first() else {
        return Err(Malformed::Other("a server-side event has no name"));
    };
    let payload = packet.get(1).unwrap_or(&Argument::Null);
    Ok((event.clone(), json(payload)?.into()))
}

/// A value as JSON.
pub(super) fn json(value: &Argument) -> Result<String, Malformed> {
    Ok(serde_json::to_string(value)?)
}

/// The kind of an entry, and its data; `None` for nobody.
pub(super) fn encode(
    message: &Message,
    namespace: &str,
) -> Result<Option<(u16, Bytes)>, Malformed> {
    let encoded = match message {
        Message::Event { group, packet, is_volatile } => {
            let Some(mut opts) = Options::of(group) else { return Ok(None) };
            opts.flags.volatile = is_volatile.then_some(true);
            (kind::EVENT, event(opts, packet, namespace)?)
        }
        Message::Join { group, rooms } => {
            let Some(data) = rooms_of(group, rooms)? else { return Ok(None) };
            (kind::JOIN, data)
        }
        Message::Leave { group, rooms } => {
            let Some(data) = rooms_of(group, rooms)? else { return Ok(None) };
            (kind::LEAVE, data)
        }
        Message::Disconnect { group, close } => {
            let Some(opts) = Options::of(group) else { return Ok(None) };
            (kind::DISCONNECT, serde_json::to_string(&Disconnect { opts, close: *close })?)
        }
        Message::ServerSide { event, payload } => {
            let event = serde_json::to_string(event)?;
            (kind::SERVER_SIDE, format!(r#"{{"packet":[{event},{payload}]}}"#))
        }
        Message::Replace { user, rank } => {
            let replace = Replace { user: user.clone(), rank: *rank };
            (kind::REPLACE, serde_json::to_string(&replace)?)
        }
    };
    Ok(Some((encoded.0, encoded.1.into())))
}

fn rooms_of(group: &Group, rooms: &Names) -> Result<Option<String>, Malformed> {
    let Some(opts) = Options::of(group) else { return Ok(None) };
    let rooms = rooms.iter().cloned().map(Room).collect();
    Ok(Some(serde_json::to_string(&Rooms { opts, rooms })?))
}

fn event(opts: Options, packet: &Packet, namespace: &str) -> Result<String, Malformed> {
    if packet.attachments().is_empty() {
        let (opts, nsp) = (serde_json::to_string(&opts)?, serde_json::to_string(namespace)?);
        let text = packet.text();
        return Ok(format!(
            r#"{{"opts":{opts},"packet":{{"type":{EVENT_PACKET},"data":{text},"nsp":{nsp}}}}}"#
        ));
    }
    let event = Event { opts, packet: EventPacket::of(packet, namespace)? };
    Ok(STANDARD.encode(msgpack::write(&event)?))
}

/// What is known of an event before the event itself is read.
#[derive(Debug)]
pub(super) struct Opening {
    /// Whom it is for.
    pub(super) group: Group,
    is_volatile: bool,
}

impl From<Options> for Opening {
    fn from(opts: Options) -> Self {
        Self { is_volatile: opts.is_volatile(), group: opts.group() }
    }
}

/// The opening of an event, where it stands before everything else, as this framework writes it.
pub(super) fn opening(data: &[u8]) -> Option<Opening> {
    let rest = data.strip_prefix(br#"{"opts":"#)?;
    let opts = serde_json::Deserializer::from_slice(rest).into_iter::<Options>().next()?;
    opts.ok().map(Opening::from)
}

/// `None` if nobody here knows what an entry of this kind is.
pub(super) fn decode(kind: u16, data: &[u8]) -> Result<Option<Message>, Malformed> {
    let message = match kind {
        kind::EVENT => decode_event(data)?,
        kind::JOIN => {
            let Rooms { opts, rooms } = read(data)?;
            Message::Join { group: opts.group(), rooms: names(rooms) }
        }
        kind::LEAVE => {
            let Rooms { opts, rooms } = read(data)?;
            Message::Leave { group: opts.group(), rooms: names(rooms) }
        }
        kind::DISCONNECT => {
            let Disconnect { opts, close } = read(data)?;
            Message::Disconnect { group: opts.group(), close }
        }
        kind::SERVER_SIDE => decode_server_side(data)?,
        kind::REPLACE => {
            let Replace { user, rank } = read(data)?;
            Message::Replace { user, rank }
        }
        _ => return Ok(None),
    };
    Ok(Some(message))
}

fn is_json(data: &[u8]) -> bool {
    data.first() == Some(&b'{')
}

fn read<T: DeserializeOwned>(data: &[u8]) -> Result<T, Malformed> {
    if is_json(data) {
        return Ok(serde_json::from_slice(data)?);
    }
    Ok(msgpack::read(&STANDARD.decode(data)?)?)
}

const NOT_AN_EVENT: Malformed =
    Malformed::Other("the packet is not an event that clients can read");

/// Official clients end the connection at a name that the protocol reserves, so others must not make us send it.
fn check_name(name: &str) -> Result<(), Malformed> {
    gateway_names::emitted(name)
        .map_err(|_| Malformed::Other("the event's name is reserved by the protocol"))
}

fn decode_event(data: &[u8]) -> Result<Message, Malformed> {
    if !is_json(data) {
        let Event { opts, packet } = read(data)?;
        let Opening { group, is_volatile } = opts.into();
        return Ok(Message::Event { group, packet: packet.into_packet()?, is_volatile });
    }
    let TextEvent { opts, packet } = serde_json::from_slice(data)?;
    let Opening { group, is_volatile } = opts.into();
    Ok(Message::Event { group, packet: packet.read()?, is_volatile })
}

/// An event whose [`opening`] has been read.
pub(super) fn decode_rest(opening: Opening, data: &[u8]) -> Result<Message, Malformed> {
    #[derive(Deserialize)]
    struct Rest<'a> {
        #[serde(borrow)]
        packet: TextPacket<'a>,
    }
    let Rest { packet } = serde_json::from_slice(data)?;
    let Opening { group, is_volatile } = opening;
    Ok(Message::Event { group, packet: packet.read()?, is_volatile })
}

impl TextPacket<'_> {
    fn read(&self) -> Result<Packet, Malformed> {
        let text = self.data.get();
        match msgpack::event_name(text) {
            Some(name) if self.kind == EVENT_PACKET => check_name(&name)?,
            _ => return Err(NOT_AN_EVENT),
        }
        Ok(Packet::new(text.to_owned(), Vec::new()))
    }
}

fn decode_server_side(data: &[u8]) -> Result<Message, Malformed> {
    #[derive(Deserialize)]
    struct ServerSide {
        packet: Vec<Argument>,
    }
    if !is_json(data) {
        let ServerSide { packet } = read(data)?;
        let (event, payload) = server_side(&packet)?;
        return Ok(Message::ServerSide { event, payload });
    }
    let TextServerSide { packet } = serde_json::from_slice(data)?;
    let mut packet: SmallVec<[&RawValue; 2]> = packet.into();
    packet.truncate(2);
    let Some(event) = packet.first() else {
        return Err(Malformed::Other("a server-side event has no name"));
    };
    let payload = packet.get(1).map_or("null", |payload| payload.get());
    Ok(Message::ServerSide { event: serde_json::from_str(event.get())?, payload: payload.into() })
}

#[cfg(test)]
mod tests;
