//! Questions and answers in MessagePack, as Socket.IO's adapters write them.
//!
//! What is ours beside it they pass over: `gateway` says that a process of this framework speaks, `sids` and `sid` which
//! clients are meant.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    super::{
        Answer, Found, Question,
        format::{self, EventPacket, Malformed, Options, Room, kind},
    },
    Asks, Part,
};
use crate::{
    platform::Packet,
    wire::{
        self, Argument,
        msgpack::{self, NoForm},
    },
};

/// What is published: who says it, in which namespace, and what.
#[derive(Serialize)]
struct Envelope<'a, D> {
    uid: &'a str,
    nsp: &'a str,
    #[serde(rename = "type")]
    kind: u16,
    data: D,
}

#[derive(Deserialize)]
struct Body<D> {
    data: D,
}

/// Who says something, and where.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) uid: &'a str,
    pub(super) namespace: &'a str,
}

impl Sender<'_> {
    fn write(self, kind: u16, data: impl Serialize) -> Result<Bytes, NoForm> {
        let envelope = Envelope { uid: self.uid, nsp: self.namespace, kind, data };
        msgpack::write(&envelope).map(Bytes::from)
    }
}

pub(super) fn read<D: DeserializeOwned>(data: &[u8]) -> Result<D, Malformed> {
    Ok(msgpack::read::<Body<D>>(data)?.data)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SocketsQuestion {
    pub(super) request_id: String,
    #[serde(default)]
    pub(super) gateway: bool,
    /// Whether only the names of their rooms are wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) rooms_only: bool,
    #[serde(default)]
    pub(super) opts: Options,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerSideQuestion {
    /// Without it, nobody asks for an answer.
    pub(super) request_id: Option<String>,
    #[serde(default)]
    pub(super) gateway: bool,
    pub(super) packet: Vec<Argument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventQuestion {
    pub(super) request_id: Option<String>,
    #[serde(default)]
    pub(super) gateway: bool,
    #[serde(default)]
    pub(super) opts: Options,
    pub(super) packet: EventPacket,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettleQuestion {
    pub(super) request_id: String,
    pub(super) number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SocketsAnswer {
    request_id: String,
    #[serde(default)]
    gateway: bool,
    sockets: Vec<FoundSocket>,
    /// Where only these were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rooms: Option<Vec<Room>>,
}

#[derive(Serialize, Deserialize)]
struct FoundSocket {
    id: String,
    /// What it was connected with, which is not told.
    #[serde(default, skip_deserializing)]
    handshake: HashMap<String, ()>,
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default = "null")]
    data: Argument,
}

fn null() -> Argument {
    Argument::Null
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    request_id: String,
    #[serde(default)]
    gateway: bool,
    #[serde(default = "null")]
    packet: Argument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientCount {
    request_id: String,
    #[serde(default)]
    gateway: bool,
    client_count: usize,
    #[serde(default)]
    sids: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    request_id: String,
}

/// `None` if the question is for nobody, whoever is there.
pub(super) fn question(
    from: Sender<'_>,
    id: &str,
    asks: &Asks,
) -> Result<Option<Bytes>, Malformed> {
    let (request_id, gateway) = (id.to_owned(), true);
    let question = match asks {
        Asks::Question(Question::Sockets { group }) => {
            let Some(opts) = Options::of(group) else { return Ok(None) };
            let question = SocketsQuestion { request_id, gateway, rooms_only: false, opts };
            from.write(kind::SOCKETS, question)?
        }
        Asks::Question(Question::Rooms) => {
            let opts = Options::default();
            let question = SocketsQuestion { request_id, gateway, rooms_only: true, opts };
            from.write(kind::SOCKETS, question)?
        }
        Asks::Question(Question::ServerSide { event, payload }) => {
            let packet = vec![Argument::String(event.clone()), argument(payload)?];
            let request_id = Some(request_id);
            from.write(kind::SERVER_SIDE, ServerSideQuestion { request_id, gateway, packet })?
        }
        Asks::Question(Question::Event { group, packet, timeout }) => {
            let Some(mut opts) = Options::of(group) else { return Ok(None) };
            opts.flags.timeout = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            let packet = EventPacket::of(packet, from.namespace)?;
            let request_id = Some(request_id);
            from.write(kind::EVENT, EventQuestion { request_id, gateway, opts, packet })?
        }
        Asks::Settle { number } => {
            from.write(kind::SETTLE, SettleQuestion { request_id, number: *number })?
        }
    };
    Ok(Some(question))
}

/// A text of JSON as a value.
fn argument(json: &str) -> Result<Argument, Malformed> {
    let value = wire::read(json).map_err(|_| Malformed::Other("it is not JSON"))?;
    Ok(msgpack::rounded(value))
}

pub(super) fn answer(from: Sender<'_>, id: &str, answer: Answer) -> Result<Bytes, Malformed> {
    let (request_id, gateway) = (id.to_owned(), true);
    let answer = match answer {
        Answer::Sockets(sockets) => {
            let sockets = sockets.into_iter().map(FoundSocket::try_from);
            let sockets = sockets.collect::<Result<_, _>>()?;
            let answer = SocketsAnswer { request_id, gateway, sockets, rooms: None };
            from.write(kind::SOCKETS_ANSWER, answer)?
        }
        Answer::Rooms(rooms) => {
            let (sockets, rooms) = (Vec::new(), rooms.into_iter().map(Room::from).collect());
            let answer = SocketsAnswer { request_id, gateway, sockets, rooms: Some(rooms) };
            from.write(kind::SOCKETS_ANSWER, answer)?
        }
        Answer::Reply(json) => {
            let reply = Reply { request_id, gateway, packet: argument(&json)?, sid: None };
            from.write(kind::SERVER_SIDE_ANSWER, reply)?
        }
        Answer::Clients { count, ids } => {
            let sids = ids.iter().map(ToString::to_string).collect();
            let count = ClientCount { request_id, gateway, client_count: count, sids };
            from.write(kind::CLIENT_COUNT, count)?
        }
        Answer::Acknowledged { client, packet } => {
            let values = msgpack::values(packet.text(), packet.attachments())?;
            let packet = values.into_iter().next().unwrap_or(Argument::Null);
            let sid = client.map(|client| client.to_string());
            from.write(kind::CLIENT_ANSWER, Reply { request_id, gateway, packet, sid })?
        }
    };
    Ok(answer)
}

/// An answer for who waits for one, and is refused after some time if there is none.
pub(super) fn no_reply(from: Sender<'_>, id: &str) -> Result<Bytes, Malformed> {
    answer(from, id, Answer::Reply("null".into()))
}

pub(super) fn done(from: Sender<'_>, id: &str) -> Result<Bytes, Malformed> {
    Ok(from.write(kind::DONE, Done { request_id: id.to_owned() })?)
}

/// Which question is answered, whether by a process of this framework, and how.
pub(super) fn read_answer(kind: u16, data: &[u8]) -> Result<(String, bool, Part), Malformed> {
    let (id, is_ours, answer) = match kind {
        kind::SOCKETS_ANSWER => {
            let SocketsAnswer { request_id, gateway, sockets, rooms } = read(data)?;
            let answer = match rooms {
                Some(rooms) => Answer::Rooms(rooms.into_iter().map(String::from).collect()),
                None => {
                    let found = sockets.into_iter().map(Found::try_from);
                    Answer::Sockets(found.collect::<Result<_, _>>()?)
                }
            };
            (request_id, gateway, answer)
        }
        kind::SERVER_SIDE_ANSWER => {
            let Reply { request_id, gateway, packet, sid: _ } = read(data)?;
            (request_id, gateway, Answer::Reply(format::json(&packet)?.into()))
        }
        kind::CLIENT_COUNT => {
            let ClientCount { request_id, gateway, client_count: count, sids } = read(data)?;
            let ids = sids.iter().filter_map(|sid| sid.parse().ok()).collect();
            (request_id, gateway, Answer::Clients { count, ids })
        }
        kind::CLIENT_ANSWER => {
            let Reply { request_id, gateway, packet, sid } = read(data)?;
            let (text, attachments) = msgpack::packet(vec![packet])?;
            let client = sid.and_then(|sid| sid.parse().ok());
            let packet = Packet::new(text, attachments);
            (request_id, gateway, Answer::Acknowledged { client, packet })
        }
        _ => {
            let Done { request_id } = read(data)?;
            return Ok((request_id, true, Part::Done));
        }
    };
    Ok((id, is_ours, Part::Answer(answer)))
}

impl TryFrom<Found> for FoundSocket {
    type Error = Malformed;

    fn try_from(found: Found) -> Result<Self, Malformed> {
        let Found { id, rooms, identity } = found;
        let rooms = rooms.into_iter().map(Room::from).collect();
        Ok(Self { id, handshake: HashMap::new(), rooms, data: argument(&identity)? })
    }
}

impl TryFrom<FoundSocket> for Found {
    type Error = Malformed;

    fn try_from(found: FoundSocket) -> Result<Self, Malformed> {
        let FoundSocket { id, handshake: _, rooms, data } = found;
        let rooms = rooms.into_iter().map(String::from).collect();
        Ok(Self { id, rooms, identity: format::json(&data)?.into() })
    }
}
