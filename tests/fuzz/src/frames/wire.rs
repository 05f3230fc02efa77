//! The bytes of a client: frames out, and packets in, read as strictly as official clients read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;

/// A frame as clients send it: masked, by zeros.
pub(super) fn frame(opcode: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(is_last) << 7 | opcode];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// What a client was told.
#[derive(Debug)]
pub(super) enum Told {
    /// Engine.IO's ping, which wants an answer.
    Ping,
    /// An acknowledgement, with its id.
    Answer(u64, Value),
    /// The client is in the namespace `/`.
    LetIn,
    /// The namespace `/` is closed to the client.
    SentAway,
    /// Anything else.
    Other,
}

/// The way in: everything a server sends is checked.
pub(super) struct Reader<S> {
    stream: S,
    bytes: Vec<u8>,
    packets: Packets,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    /// What follows the answer to an upgrade, which must be there already.
    pub(super) async fn upgraded(mut stream: S) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        head.starts_with(b"HTTP/1.1 101 ").then_some(Self {
            stream,
            bytes: Vec::new(),
            packets: Packets::default(),
        })
    }

    /// The next that the client is told; `None` at the end. May be dropped while it waits.
    ///
    /// # Panics
    /// Where an official client would break off: what a server sends is not to be read.
    pub(super) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((opcode, payload)) = self.buffered_frame() {
                match opcode {
                    TEXT => {
                        let text = String::from_utf8(payload).expect("a text frame is UTF-8");
                        return Some(self.packets.text(&text));
                    }
                    BINARY => return Some(self.packets.binary(payload)),
                    CLOSE => return None,
                    _ => return Some(Told::Other),
                }
            }
            match self.stream.read_buf(&mut self.bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn buffered_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second, rest @ ..] = &self.bytes[..] else { return None };
        assert_eq!(first & 0xF0, 0x80, "servers send whole frames, without extensions");
        assert!(*second < 0x80, "servers do not mask");
        let (length, head) = match *second {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let length = usize::try_from(length).expect("a length");
        let opcode = first & 0x0F;
        let payload = self.bytes.get(head..head + length)?.to_vec();
        self.bytes.drain(..head + length);
        Some((opcode, payload))
    }
}

/// Reads packets of either transport.
#[derive(Default)]
pub(super) struct Packets {
    /// A packet whose attachments are on their way.
    waiting: Option<Waiting>,
}

struct Waiting {
    data: Value,
    attachments: usize,
    come: usize,
    told: Told,
}

impl Packets {
    /// Packets of one answer to a poll.
    pub(super) fn body(&mut self, body: &str) -> Vec<Told> {
        let packets = body.split('\x1e').filter(|packet| !packet.is_empty());
        let told = packets.map(|packet| match packet.strip_prefix('b') {
            Some(base64) => self.binary(STANDARD.decode(base64).expect("base64")),
            None => self.text(packet),
        });
        told.collect()
    }

    fn text(&mut self, packet: &str) -> Told {
        assert!(self.waiting.is_none(), "an attachment was to come, not {packet:.200}");
        match packet.as_bytes() {
            [b'2', ..] => Told::Ping,
            [b'4', ..] => self.message(&packet[1..]),
            [b'0' | b'1' | b'3' | b'6', ..] => Told::Other,
            _ => panic!("no packet: {packet:.200}"),
        }
    }

    fn message(&mut self, packet: &str) -> Told {
        let (kind, mut rest) = packet.split_at(1);
        let mut attachments = 0;
        if let "5" | "6" = kind {
            let (count, after) = rest.split_once('-').expect("a number of attachments");
            (attachments, rest) = (count.parse().expect("a number of attachments"), after);
            assert!(attachments <= 10, "{attachments} attachments are more than clients take");
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (id, data) = rest.split_at(digits);
        let data = match data {
            "" => Value::Null,
            data => match serde_json::from_str(data) {
                Ok(data) => data,
                // JavaScript reads what is deeper than this program does: an error repeats, some levels
                // further down, what was sent.
                Err(error) if error.to_string().starts_with("recursion limit") => {
                    return Told::Other;
                }
                Err(error) => panic!("{error}: {packet:.200}"),
            },
        };
        let is_list = data.as_array().is_some_and(|list| match kind {
            "2" | "5" => list.first().is_some_and(Value::is_string),
            _ => true,
        });
        let told = match kind {
            "0" if namespace == "/" => Told::LetIn,
            "0" => Told::Other,
            "1" if namespace == "/" => Told::SentAway,
            "4" if namespace == "/" => Told::SentAway,
            "1" | "4" => Told::Other,
            "2" | "5" if is_list => Told::Other,
            "3" | "6" if is_list => {
                let id = id.parse().expect("an id");
                Told::Answer(id, data[0].clone())
            }
            _ => panic!("no packet: {packet:.200}"),
        };
        if attachments == 0 && !matches!(kind, "5" | "6") {
            return told;
        }
        self.waiting = Some(Waiting { data, attachments, come: 0, told });
        self.complete()
    }

    fn binary(&mut self, _attachment: Vec<u8>) -> Told {
        let waiting = self.waiting.as_mut().expect("no attachment was to come");
        waiting.come += 1;
        self.complete()
    }

    fn complete(&mut self) -> Told {
        match self.waiting.take() {
            Some(waiting) if waiting.come == waiting.attachments => {
                check_placeholders(&waiting.data, waiting.attachments);
                waiting.told
            }
            waiting => {
                self.waiting = waiting;
                Told::Other
            }
        }
    }
}

/// As `socket.io-parser` does: an illegal one ends the client's connection.
fn check_placeholders(data: &Value, attachments: usize) {
    match data {
        Value::Array(items) => items.iter().for_each(|item| check_placeholders(item, attachments)),
        Value::Object(fields) if fields.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = fields.get("num").and_then(Value::as_u64);
            let exists = number.is_some_and(|number| number < attachments as u64);
            assert!(exists, "illegal attachments: {data}");
        }
        Value::Object(fields) => {
            fields.values().for_each(|field| check_placeholders(field, attachments));
        }
        _ => {}
    }
}

/// The head of a request that opens a WebSocket.
pub(super) fn upgrade(session: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{session} HTTP/1.1\r\nHost: localhost\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}
