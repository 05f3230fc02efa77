//! What clients do: connect, ask and be answered, talk in a room.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::fleet::{Clients, Received, Work};
use super::packet::excerpt;
use super::window::{Place, Window};

/// Connections that are being opened at the same time.
const OPENING: usize = 64;

/// Connects as many clients as are wanted, and keeps them.
pub(crate) struct Arrive {
    wanted: usize,
    connected: u64,
}

impl Arrive {
    /// Until the fleet has `wanted` clients.
    pub(crate) fn new(wanted: usize) -> Self {
        Self { wanted, connected: 0 }
    }

    fn next(&self, clients: &mut Clients) -> Result<()> {
        if clients.len() < self.wanted { clients.open(clients.len()) } else { Ok(()) }
    }
}

impl Work for Arrive {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        self.connected = clients.len() as u64;
        (0..OPENING).try_for_each(|_| self.next(clients))
    }

    fn received(&mut self, clients: &mut Clients, _: usize, what: Received<'_>) -> Result<()> {
        match what {
            Received::Connected => self.connected += 1,
            other => bail!("not asked for: {other:?}"),
        }
        self.next(clients)
    }

    fn stop(&mut self) {}

    fn units(&self) -> u64 {
        self.connected
    }

    fn is_done(&self) -> bool {
        self.connected >= self.wanted as u64
    }

    fn missing(&self) -> String {
        format!("{} of {} connections", self.wanted as u64 - self.connected, self.wanted)
    }
}

/// Connects, is let in, leaves, and connects again, in a number of places at once.
pub(crate) struct Churn {
    places: usize,
    left: u64,
    open: usize,
    connected: u64,
}

impl Churn {
    pub(crate) fn new(places: usize, connections: u64) -> Self {
        Self { places, left: connections, open: 0, connected: 0 }
    }

    fn open(&mut self, clients: &mut Clients, at: usize) -> Result<()> {
        if self.left > 0 {
            self.left -= 1;
            self.open += 1;
            clients.open(at)?;
        }
        Ok(())
    }
}

impl Work for Churn {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        (0..self.places).try_for_each(|at| self.open(clients, at))
    }

    fn received(&mut self, clients: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        match what {
            Received::Connected => {
                self.connected += 1;
                clients.leave(at);
                Ok(())
            }
            Received::Left => {
                self.open -= 1;
                self.open(clients, at)
            }
            other => bail!("not asked for: {other:?}"),
        }
    }

    fn stop(&mut self) {
        self.left = 0;
    }

    fn units(&self) -> u64 {
        self.connected
    }

    fn is_done(&self) -> bool {
        self.open == 0 && self.left == 0
    }

    fn missing(&self) -> String {
        format!("{} connections", self.open as u64 + self.left)
    }
}

/// What is asked in a [round trip](RoundTrips).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// A small typed object.
    Echo,
    /// The same with rules that it keeps.
    Validated,
    /// A text of [`LARGE`] bytes.
    Text,
    /// An attachment of [`LARGE`] bytes.
    Binary,
}

/// The size of large payloads, in bytes.
const LARGE: usize = 64 * 1024;

/// Asks and is answered, each client with a number of questions in flight.
pub(crate) struct RoundTrips {
    question: Question,
    in_flight: usize,
    /// The next questions are asked when *all* answers have come, in one write.
    lockstep: bool,
    left: u64,
    large: String,
    waiting: Vec<VecDeque<u64>>,
    answered: u64,
    /// Answers that overtook an earlier one.
    overtook: u64,
}

impl RoundTrips {
    /// `questions` by all clients together.
    pub(crate) fn new(question: Question, in_flight: usize, questions: u64) -> Self {
        let large = match question {
            Question::Echo | Question::Validated => String::new(),
            Question::Text | Question::Binary => {
                "text and data ".chars().cycle().take(LARGE).collect()
            }
        };
        Self {
            question,
            in_flight,
            lockstep: false,
            left: questions,
            large,
            waiting: Vec::new(),
            answered: 0,
            overtook: 0,
        }
    }

    /// Makes what a server does independent of when it is scheduled.
    pub(crate) fn in_lockstep(self) -> Self {
        Self { lockstep: true, ..self }
    }

    fn ask(&mut self, clients: &mut Clients, at: usize) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let id = clients.next_id(at);
        match self.question {
            Question::Echo | Question::Validated => {
                let event = if self.question == Question::Echo { "echo" } else { "validated" };
                ask_small(clients, at, id, event);
            }
            Question::Text => clients.ask(at, id, format_args!("\"text\",\"{}\"", self.large)),
            Question::Binary => clients.ask_with(at, id, "binary", self.large.as_bytes()),
        }
        self.waiting[at].push_back(id);
    }

    fn is_answer(&self, id: u64, arguments: &str, attachment: Option<&[u8]>) -> bool {
        match self.question {
            Question::Echo | Question::Validated => is_small(arguments, id),
            Question::Text => {
                let text = arguments.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
                text == Some(&self.large)
            }
            Question::Binary => attachment == Some(self.large.as_bytes()),
        }
    }
}

/// The text of a small question; its number is the id of the message.
const SMALL: &str = "how are you today?";

/// Sends the small object, which is to be answered with the same.
pub(super) fn ask_small(clients: &mut Clients, at: usize, id: u64, event: &str) {
    clients.ask(at, id, format_args!("\"{event}\",{{\"text\":\"{SMALL}\",\"n\":{id}}}"));
}

/// Whether an acknowledgement is the small object that was sent with `id`.
pub(super) fn is_small(arguments: &str, id: u64) -> bool {
    // As every server here writes it, and without a parser's price.
    let number = arguments
        .strip_prefix("[{\"text\":\"")
        .and_then(|rest| rest.strip_prefix(SMALL))
        .and_then(|rest| rest.strip_prefix("\",\"n\":"))
        .and_then(|rest| rest.strip_suffix("}]"));
    number.is_some_and(|number| number.parse() == Ok(id))
}

impl Work for RoundTrips {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        self.waiting.resize_with(clients.len(), VecDeque::new);
        for _ in 0..self.in_flight {
            (0..clients.len()).for_each(|at| self.ask(clients, at));
        }
        Ok(())
    }

    fn received(&mut self, clients: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        let Received::Ack { id, arguments, attachment } = what else {
            bail!("not asked for: {what:?}");
        };
        let place = self.waiting[at].iter().position(|waiting| *waiting == id);
        let place = place.with_context(|| format!("client {at}: a second answer to {id}"))?;
        self.waiting[at].remove(place);
        self.overtook += u64::from(place > 0);
        ensure!(
            self.is_answer(id, arguments, attachment),
            "client {at}: the answer to {id} is {}",
            excerpt(arguments)
        );
        self.answered += 1;
        if !self.lockstep {
            self.ask(clients, at);
        } else if self.waiting[at].is_empty() {
            (0..self.in_flight).for_each(|_| self.ask(clients, at));
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.left = 0;
    }

    fn units(&self) -> u64 {
        self.answered
    }

    fn overtook(&self) -> u64 {
        self.overtook
    }

    fn is_done(&self) -> bool {
        self.waiting.iter().all(VecDeque::is_empty)
    }

    fn missing(&self) -> String {
        let count: usize = self.waiting.iter().map(VecDeque::len).sum();
        let waiting = self.waiting.iter().enumerate().find(|(_, waiting)| !waiting.is_empty());
        format!("{count} acknowledgements; a client and the ids it waits for: {waiting:?}")
    }
}

/// Everyone joins one room.
pub(crate) struct Join {
    waiting: u64,
    joined: u64,
}

impl Join {
    pub(crate) fn new() -> Self {
        Self { waiting: 0, joined: 0 }
    }
}

impl Work for Join {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        for at in 0..clients.len() {
            let id = clients.next_id(at);
            clients.ask(at, id, format_args!("\"join-room\",{{\"roomId\":\"{ROOM}\"}}"));
            self.waiting += 1;
        }
        Ok(())
    }

    fn received(&mut self, _: &mut Clients, _: usize, what: Received<'_>) -> Result<()> {
        match what {
            Received::Ack { arguments: r#"[{"success":true}]"#, .. } => {}
            other => bail!("no join: {other:?}"),
        }
        self.waiting -= 1;
        self.joined += 1;
        Ok(())
    }

    fn stop(&mut self) {}

    fn units(&self) -> u64 {
        self.joined
    }

    fn is_done(&self) -> bool {
        self.waiting == 0
    }

    fn missing(&self) -> String {
        format!("{} members of the room", self.waiting)
    }
}

const ROOM: &str = "the-room";

/// Members of a room take turns to send a few messages at once, which all members receive; the
/// next turn begins when all that has arrived.
pub(crate) struct Talk {
    burst: usize,
    left: u64,
    sender: usize,
    sent: u64,
    waiting_acks: u64,
    waiting_deliveries: u64,
    members: Vec<Window>,
    delivered: u64,
    overtook: u64,
}

impl Talk {
    /// `turns` of `burst` messages. All clients are in the room.
    pub(crate) fn new(burst: usize, turns: u64) -> Self {
        Self {
            burst,
            left: turns,
            sender: 0,
            sent: 0,
            waiting_acks: 0,
            waiting_deliveries: 0,
            members: Vec::new(),
            delivered: 0,
            overtook: 0,
        }
    }

    fn turn(&mut self, clients: &mut Clients) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        for _ in 0..self.burst {
            say(clients, self.sender, self.sent);
            self.sent += 1;
            self.waiting_acks += 1;
            self.waiting_deliveries += clients.len() as u64;
        }
        self.sender = (self.sender + 1) % clients.len();
    }
}

/// Sends a message to the room, which says its number.
pub(super) fn say(clients: &mut Clients, at: usize, number: u64) {
    let id = clients.next_id(at);
    let message = format_args!(
        "\"send-message\",{{\"roomId\":\"{ROOM}\",\"content\":\"{number:010} {SAID}\"}}"
    );
    clients.ask(at, id, message);
}

/// Which message this is, by its content.
pub(super) fn number_of(message: &str) -> Result<u64> {
    let content = message.split_once("\"content\":\"").map(|(_, content)| content);
    let number = content.and_then(|content| content.get(..10)).and_then(|n| n.parse().ok());
    number.with_context(|| format!("no message: {}", excerpt(message)))
}

const EVENT: &str = "[\"new-message\",";

/// Whether a message, the last of some arguments, has the form that all servers agreed on.
fn check_message(text: &str) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Message<'a> {
        id: &'a str,
        room_id: &'a str,
        content: &'a str,
        #[serde(rename = "senderId")]
        _sender_id: u64,
        created_at: &'a str,
    }
    let text = text.strip_suffix(']').unwrap_or_default();
    let message: Message<'_> =
        serde_json::from_str(text).with_context(|| format!("no message: {}", excerpt(text)))?;
    // The version is the first digit of the third group.
    ensure!(
        message.id.len() == 36 && message.id.as_bytes()[14] == b'7',
        "{} is no UUID of version 7",
        message.id
    );
    ensure!(message.room_id == ROOM && message.content.ends_with(SAID), "another message: {text}");
    ensure!(message.created_at.ends_with('Z'), "{} is not ISO 8601", message.created_at);
    Ok(())
}

/// What is said in a room, after the number.
const SAID: &str = "Let us meet at eight in front of the station, as always.";

impl Work for Talk {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        self.members.resize_with(clients.len(), || Window::from(self.sent));
        self.turn(clients);
        Ok(())
    }

    fn received(&mut self, clients: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        match what {
            Received::Ack { arguments, .. } => {
                check_message(arguments.strip_prefix('[').unwrap_or_default())?;
                self.waiting_acks = self.waiting_acks.checked_sub(1).context("one ack too many")?;
            }
            Received::Event { arguments } => {
                let number = number_of(arguments)?;
                // The first are looked at closely, the others must only be the right ones.
                if number == 0 {
                    check_message(arguments.strip_prefix(EVENT).unwrap_or_default())?;
                }
                match self.members[at].take(number) {
                    Some(Place::Next) => {}
                    Some(Place::Ahead) => self.overtook += 1,
                    None => bail!("client {at}: message {number} came twice"),
                }
                self.delivered += 1;
                self.waiting_deliveries =
                    self.waiting_deliveries.checked_sub(1).context("one delivery too many")?;
            }
            other => bail!("not asked for: {other:?}"),
        }
        if self.is_done() {
            self.turn(clients);
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.left = 0;
    }

    fn units(&self) -> u64 {
        self.delivered
    }

    fn overtook(&self) -> u64 {
        self.overtook
    }

    fn is_done(&self) -> bool {
        self.waiting_acks == 0 && self.waiting_deliveries == 0
    }

    fn missing(&self) -> String {
        let (acks, deliveries) = (self.waiting_acks, self.waiting_deliveries);
        format!("{acks} acknowledgements and {deliveries} deliveries")
    }
}
