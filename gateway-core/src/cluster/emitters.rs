//! What workers say that are no members of the cluster: `@socket.io/redis-emitter`, and python-socketio's `RedisManager`
//! with `write_only=True`.
//!
//! They publish on channels of their own, and every process hears them by itself; nothing of it is kept for who is away.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;

use super::{
    Message,
    adapter::{Layout, Shared},
    engine::Published,
    format::{self, EventPacket, Malformed, Options, Room},
};
use crate::{
    excerpt,
    log_limiter::LogLimiter,
    metrics,
    platform::{Group, Names, Packet},
    wire::{Argument, msgpack},
};

/// The channel that python-socketio's managers have where they are not told another.
const PYTHON: &str = "socketio";

/// What emitters call themselves.
const UID: &str = "emitter";

/// How a list of three begins in MessagePack: nothing that members publish does.
const LIST_OF_THREE: u8 = 0x93;

/// The channels that are subscribed to beside those of members.
pub(super) fn channels<'a>(
    layout: &Layout,
    namespaces: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let requests = namespaces.map(|namespace| format!("{}-request#{namespace}#", layout.channels));
    requests.chain([python_channel(layout).to_owned()]).collect()
}

/// Where python-socketio's managers speak. Applications that share a Redis have a prefix each, and so a channel each.
fn python_channel(layout: &Layout) -> &str {
    match &*layout.channels {
        "socket.io" => PYTHON,
        prefix => prefix,
    }
}

/// The patterns of the channels on which events for a single room are published. A server that counts subscribers does
/// not count those by patterns.
pub(super) fn patterns<'a>(
    layout: &Layout,
    namespaces: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let of = |namespace: &str| format!("{}#{}#*#", layout.channels, escaped(namespace));
    namespaces.map(of).collect()
}

/// A pattern that only this text matches.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// In which namespace something is said by an emitter, and what; `None` if it was published by a member, or is none of our
/// business.
pub(super) fn heard(
    layout: &Layout,
    published: &Published,
) -> Option<Result<(String, Message), Malformed>> {
    let Published { channel, data, .. } = published;
    if channel == python_channel(layout) {
        return python(data).transpose();
    }
    let rest = channel.strip_prefix(&layout.channels)?;
    if let Some(namespace) = rest.strip_prefix("-request#") {
        let namespace = namespace.strip_suffix('#')?;
        let request = request(data).transpose()?;
        return Some(request.map(|message| (namespace.to_owned(), message)));
    }
    if data.first() != Some(&LIST_OF_THREE) {
        return None;
    }
    event(data).transpose()
}

fn event(data: &[u8]) -> Result<Option<(String, Message)>, Malformed> {
    let (uid, packet, opts): (String, EventPacket, Options) = msgpack::read(data)?;
    if uid != UID {
        return Ok(None);
    }
    let namespace = packet.namespace().to_owned();
    let is_volatile = opts.is_volatile();
    let (group, packet) = (opts.group(), packet.into_packet()?);
    Ok(Some((namespace, Message::Event { group, packet, is_volatile })))
}

/// What is asked of all servers of Socket.IO's older adapter.
#[derive(Deserialize)]
struct Request {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    opts: Options,
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    data: Vec<Argument>,
    uid: Option<String>,
}

fn request(data: &[u8]) -> Result<Option<Message>, Malformed> {
    const JOIN: u8 = 2;
    const LEAVE: u8 = 3;
    const DISCONNECT: u8 = 4;
    const SERVER_SIDE: u8 = 6;

    let Request { kind, opts, rooms, close, data, uid } = serde_json::from_slice(data)?;
    // Emitters do not say who they are when they ask for the first three, and servers always do.
    if uid.is_some_and(|uid| uid != UID) {
        return Ok(None);
    }
    let (group, rooms) = (opts.group(), rooms.into_iter().map(String::from).collect::<Names>());
    Ok(Some(match kind {
        JOIN => Message::Join { group, rooms },
        LEAVE => Message::Leave { group, rooms },
        DISCONNECT => Message::Disconnect { group, close },
        SERVER_SIDE => {
            let (event, payload) = format::server_side(&data)?;
            Message::ServerSide { event, payload }
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
struct FromPython {
    method: String,
    namespace: Option<String>,
    #[serde(default)]
    event: String,
    data: Option<Argument>,
    #[serde(default)]
    binary: bool,
    room: Option<OneOrMany>,
    skip_sid: Option<OneOrMany>,
    sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Room),
    Many(Vec<Room>),
}

impl From<OneOrMany> for Names {
    fn from(rooms: OneOrMany) -> Self {
        match rooms {
            OneOrMany::One(room) => [room.into()].into(),
            OneOrMany::Many(rooms) => rooms.into_iter().map(String::from).collect(),
        }
    }
}

fn python(data: &[u8]) -> Result<Option<(String, Message)>, Malformed> {
    let said: FromPython = serde_json::from_slice(data)?;
    let FromPython { method, namespace, event, data, binary, room, skip_sid, sid } = said;
    let rooms = room.map(Names::from);
    let socket = || {
        let sid = sid.clone().ok_or(Malformed::Other("it says no `sid`"))?;
        Ok::<_, Malformed>(Group { rooms: Some([sid].into()), except: Names::new() })
    };
    let some = |rooms: Option<Names>| rooms.ok_or(Malformed::Other("it says no `room`"));
    let message = match method.as_str() {
        "emit" => {
            let packet = packet_of_python(event, data.unwrap_or(Argument::Null), binary)?;
            let except = skip_sid.map(Names::from).unwrap_or_default();
            Message::Event { group: Group { rooms, except }, packet, is_volatile: false }
        }
        "disconnect" => Message::Disconnect { group: socket()?, close: false },
        "enter_room" => Message::Join { group: socket()?, rooms: some(rooms)? },
        "leave_room" => Message::Leave { group: socket()?, rooms: some(rooms)? },
        "close_room" => {
            let rooms = some(rooms)?;
            let group = Group { rooms: Some(rooms.clone()), except: Names::new() };
            Message::Leave { group, rooms }
        }
        _ => return Ok(None),
    };
    Ok(Some((namespace.unwrap_or_else(|| "/".to_owned()), message)))
}

/// The data is the list of arguments; with binary in it, that list with placeholders, and then the attachments.
fn packet_of_python(event: String, data: Argument, binary: bool) -> Result<Packet, Malformed> {
    let Argument::Array(mut arguments) = data else {
        return Err(Malformed::Other("`data` is not a list of arguments"));
    };
    let mut attachments = Vec::new();
    if binary {
        let mut items = arguments.into_iter();
        let Some(Argument::Array(first)) = items.next() else {
            return Err(Malformed::Other("`data` has no list of arguments in front"));
        };
        for item in items {
            let Argument::String(base64) = item else {
                return Err(Malformed::Other("an attachment is not base64"));
            };
            attachments.push(Bytes::from(STANDARD.decode(base64)?));
        }
        arguments = first;
    }
    arguments.insert(0, Argument::String(event));
    let text = serde_json::to_string(&arguments)?;
    let values = msgpack::values(&text, &attachments)?;
    let (text, attachments) = msgpack::packet(values)?;
    Ok(Packet::new(text, attachments))
}

/// Whether an emitter said it; if so, it is on its way to the namespace that the emitter named.
pub(super) fn hear(shared: &Shared, published: &Published) -> bool {
    match heard(&shared.layout, published) {
        None => return false,
        Some(Ok((namespace, message))) => {
            if let Some(inbox) = shared.inbox(&namespace) {
                inbox.push_said(message, published.data.len());
            }
        }
        Some(Err(error)) => {
            static LIMITER: LogLimiter = LogLimiter::new();
            metrics::cluster_malformed();
            if let Some(times) = LIMITER.count() {
                let error = excerpt::logged(error);
                tracing::warn!(error, times, "a message of an emitter cannot be read");
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard_on(channel: &str, data: &[u8]) -> Option<Result<(String, Message), Malformed>> {
        let data = Bytes::copy_from_slice(data);
        let published = Published { channel: channel.to_owned(), data, by_pattern: true };
        heard(&Layout::default(), &published)
    }

    fn said(channel: &str, data: &[u8]) -> String {
        format!("{:?}", heard_on(channel, data).unwrap().unwrap())
    }

    #[test]
    fn events_of_the_emitter_for_node_are_heard() {
        let packet = || EventPacket::of(&Packet::new(r#"["said",1]"#.to_owned(), vec![]), "/chat");
        let group = Group { rooms: Some(["lobby".to_owned()].into()), except: Names::new() };
        let of = |uid: &str| {
            let message = (uid, packet().unwrap(), Options::of(&group).unwrap());
            msgpack::write(&message).unwrap()
        };
        let expected = r#"("/chat", Event { group: Group { rooms: Some(["lobby"]), except: [] }, packet: Packet { text: Str(b"[\"said\",1]"), attachments: [] }, is_volatile: false })"#;
        assert_eq!(said("socket.io#/chat#lobby#", &of("emitter")), expected);
        // Another server's, of the older adapter.
        assert!(heard_on("socket.io#/chat#lobby#", &of("a server")).is_none());
        // An answer to a member.
        assert!(heard_on("socket.io#/chat#uid#", &[0x84]).is_none());
    }

    #[test]
    fn requests_of_the_emitter_for_node_are_heard() {
        let opts = r#""opts":{"rooms":["a"],"except":["b"]}"#;
        let group = r#"Group { rooms: Some(["a"]), except: ["b"] }"#;
        for (request, expected) in [
            (
                format!(r#"{{"type":2,{opts},"rooms":["x"]}}"#),
                format!(r#"Join {{ group: {group}, rooms: ["x"] }}"#),
            ),
            (
                format!(r#"{{"type":3,{opts},"rooms":["x"]}}"#),
                format!(r#"Leave {{ group: {group}, rooms: ["x"] }}"#),
            ),
            (
                format!(r#"{{"type":4,{opts},"close":true}}"#),
                format!("Disconnect {{ group: {group}, close: true }}"),
            ),
            (
                r#"{"uid":"emitter","type":6,"data":["sum",{"x":1}]}"#.to_owned(),
                r#"ServerSide { event: "sum", payload: "{\"x\":1}" }"#.to_owned(),
            ),
        ] {
            let said = said("socket.io-request#/chat#", request.as_bytes());
            assert_eq!(said, format!(r#"("/chat", {expected})"#));
        }
        assert!(heard_on("socket.io-request#/chat#", br#"{"type":0}"#).is_none());
        assert!(heard_on("socket.io-request#/chat#", b"{").unwrap().is_err());
    }

    #[test]
    fn what_python_says_is_heard() {
        let emit = |rest: &str| {
            format!(
                r#"{{"method":"emit","event":"said","namespace":"/chat","host_id":"1","callback":null,{rest}}}"#
            )
        };
        let expected = |rooms: &str, except: &str, text: &str, attachments: &str| {
            format!(
                r#"("/chat", Event {{ group: Group {{ rooms: {rooms}, except: [{except}] }}, packet: Packet {{ text: Str(b{text:?}), attachments: [{attachments}] }}, is_volatile: false }})"#
            )
        };
        for (rest, expected) in [
            (
                r#""data":[{"a":1}],"binary":false,"room":"lobby","skip_sid":"one""#,
                expected(r#"Some(["lobby"])"#, r#""one""#, r#"["said",{"a":1}]"#, ""),
            ),
            (
                r#""data":[[{"_placeholder":true,"num":0}],"AQI="],"binary":true,"room":null,"skip_sid":["one","two"]"#,
                expected(
                    "None",
                    r#""one", "two""#,
                    r#"["said",{"_placeholder":true,"num":0}]"#,
                    r#"b"\x01\x02""#,
                ),
            ),
        ] {
            assert_eq!(said("socketio", emit(rest).as_bytes()), expected);
        }
        for (message, expected) in [
            (
                r#"{"method":"disconnect","sid":"one","namespace":"/chat"}"#,
                r#"("/chat", Disconnect { group: Group { rooms: Some(["one"]), except: [] }, close: false })"#,
            ),
            (
                r#"{"method":"enter_room","sid":"one","room":"x"}"#,
                r#"("/", Join { group: Group { rooms: Some(["one"]), except: [] }, rooms: ["x"] })"#,
            ),
            (
                r#"{"method":"close_room","room":"x","namespace":"/"}"#,
                r#"("/", Leave { group: Group { rooms: Some(["x"]), except: [] }, rooms: ["x"] })"#,
            ),
        ] {
            assert_eq!(said("socketio", message.as_bytes()), expected);
        }
        for malformed in [
            "{",
            "[]",
            r#"{"method":"disconnect"}"#,
            &emit(r#""data":1"#),
            &emit(r#""data":[[]],"binary":true,"room":{}"#),
        ] {
            assert!(heard_on("socketio", malformed.as_bytes()).unwrap().is_err(), "{malformed}");
        }
        assert!(heard_on("socketio", br#"{"method":"callback"}"#).is_none());
    }

    #[test]
    fn patterns_mean_what_they_say() {
        let patterns = patterns(&Layout::default(), ["/chat", "/a*[b]"].into_iter());
        assert_eq!(patterns, ["socket.io#/chat#*#", r"socket.io#/a\*\[b\]#*#"]);
    }
}
