//! The sockets and rooms of one namespace: encoding, sending, membership.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::Ordering},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use socketioxide::{AckError, adapter::Emitter};
use socketioxide_core::{
    Str, Value,
    adapter::{
        BroadcastFlags, BroadcastOptions, CoreLocalAdapter, Room, SocketEmitter,
        errors::SocketError,
    },
    packet::Packet as BasePacket,
};

use super::{
    Link, Packet, SocketId,
    members::{Group, Members, Names},
};
use crate::{
    exception::WsException,
    rooms,
    wire::{self, Args, Argument, InboundArguments, Payload},
};

/// A packet, encoded once and ready for any number of sockets.
#[derive(Debug, Clone)]
pub(crate) struct Frame(BasePacket);

impl Frame {
    /// Bytes on the wire, about.
    pub(crate) fn size(&self) -> usize {
        use socketioxide_core::packet::PacketData as Data;

        match &self.0.inner {
            Data::Event(Value::Str(text, attachments), _)
            | Data::BinaryEvent(Value::Str(text, attachments), _)
            | Data::EventAck(Value::Str(text, attachments), _)
            | Data::BinaryAck(Value::Str(text, attachments), _) => {
                text.len() + attachments.iter().flatten().map(bytes::Bytes::len).sum::<usize>()
            }
            _ => 0,
        }
    }
}

/// Why a socket did not take a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room for it at the moment.
    Full,
    /// It is gone.
    Gone,
}

/// The acknowledgement of one socket.
pub(crate) enum Answer {
    Here(Packet),
    OnItsWay(Pin<Box<<Emitter as SocketEmitter>::AckStream>>),
}

impl Answer {
    /// `None` if none can come any more.
    pub(crate) async fn packet(self) -> Option<Packet> {
        match self {
            Self::Here(packet) => Some(packet),
            Self::OnItsWay(mut answers) => {
                let (_, answer) = answers.next().await?;
                answer.ok().map(Packet::from)
            }
        }
    }
}

fn value(event: Option<&str>, payload: &impl Payload) -> Result<Value, EncodeError> {
    let encoded = wire::encode(event, payload)?;
    let attachments = Some(encoded.attachments).filter(|attachments| !attachments.is_empty());
    Ok(Value::Str(Str::from(encoded.text), attachments))
}

/// What a send to a group leaves to do.
pub(crate) struct OneByOne {
    pub(crate) frame: Frame,
    pub(crate) ids: Vec<SocketId>,
}

/// The value has no encoded form.
#[derive(Debug, thiserror::Error)]
#[error("the payload cannot be encoded: {0}")]
pub(crate) struct EncodeError(#[from] serde_json::Error);

pub(crate) struct Hub {
    local: CoreLocalAdapter<Emitter>,
    members: RwLock<Members>,
}

impl Hub {
    pub(super) fn new(local: CoreLocalAdapter<Emitter>) -> Self {
        Self { local, members: RwLock::default() }
    }

    pub(super) fn local(&self) -> &CoreLocalAdapter<Emitter> {
        &self.local
    }

    pub(crate) fn encode_event(
        &self,
        event: &str,
        payload: &impl Payload,
    ) -> Result<Frame, EncodeError> {
        Ok(Frame(BasePacket::event(self.path(), value(Some(event), payload)?)))
    }

    pub(crate) fn encode_ack(
        &self,
        ack: i64,
        payload: &impl Payload,
    ) -> Result<Frame, EncodeError> {
        Ok(Frame(BasePacket::ack(self.path(), value(None, payload)?, ack)))
    }

    /// The frame with each of its arguments changed.
    pub(crate) fn map_arguments(
        &self,
        frame: Frame,
        mut change: impl FnMut(Argument) -> Argument,
    ) -> Result<Frame, WsException> {
        use socketioxide_core::packet::PacketData as Data;

        let (value, ack) = match frame.0.inner {
            Data::Event(value, _) | Data::BinaryEvent(value, _) => (value, None),
            Data::EventAck(value, ack) | Data::BinaryAck(value, ack) => (value, Some(ack)),
            _ => return Ok(frame),
        };
        let packet = Packet::from(value);
        let all = InboundArguments::acknowledgement(packet.text(), packet.attachments()).tree();
        // What we encoded we can read.
        let mut arguments = all.map_err(|error| WsException::bad_payload(error.field))?.into_iter();
        if let Some(ack) = ack {
            let changed: Vec<Argument> = arguments.map(change).collect();
            return Ok(self.encode_ack(ack, &Args(changed))?);
        }
        let Some(Argument::String(event)) = arguments.next() else {
            return Err(WsException::panicked());
        };
        let changed: Vec<Argument> = arguments.map(&mut change).collect();
        Ok(self.encode_event(&event, &Args(changed))?)
    }

    /// Hands a frame to one socket. Never waits.
    pub(crate) fn send(&self, to: SocketId, frame: Frame) -> Result<(), Refused> {
        match self.local.broadcast(frame.0, BroadcastOptions::new(to.0)) {
            Ok(()) => Ok(()),
            Err(errors) => Err(errors.first().map_or(Refused::Gone, Refused::from)),
        }
    }

    /// Hands an event that asks for an acknowledgement to one socket. Never waits.
    pub(crate) fn send_with_ack(&self, to: SocketId, frame: Frame) -> Result<Answer, Refused> {
        // How long to wait is the caller's business, and an answer nobody waits for is forgotten.
        let (answers, _) = self.local.broadcast_with_ack(
            frame.0,
            BroadcastOptions::new(to.0),
            Some(Duration::MAX),
        );
        let mut answers = Box::pin(answers);
        // That it could not even send the event the base says in the answer. Unconstrained, because
        // a task that has used up its turn would see no answer at all.
        match tokio::task::unconstrained(answers.next()).now_or_never() {
            None => Ok(Answer::OnItsWay(answers)),
            Some(Some((_, Ok(value)))) => Ok(Answer::Here(Packet::from(value))),
            Some(Some((_, Err(AckError::Socket(error))))) => Err(Refused::from(&error)),
            Some(_) => Err(Refused::Gone),
        }
    }

    pub(crate) fn enter(&self, link: &Arc<Link>) {
        let mut members = self.members_mut();
        if members.enter(Arc::clone(link)) {
            self.local.del_all(link.id.0);
        }
    }

    /// Takes a socket out of the namespace and its rooms.
    pub(crate) fn forget(&self, link: &Link) {
        if self.members_mut().remove(link) {
            self.local.del_all(link.id.0);
        }
    }

    /// Joins rooms, unless the socket is gone: the base would keep them for one it has forgotten.
    pub(crate) fn join(&self, link: &Link, rooms: Names) -> bool {
        let mut members = self.members_mut();
        if !members.is_here(link) {
            return false;
        }
        for room in &rooms {
            members.join(link.id, room);
        }
        let mirrored: Vec<String> = rooms.into_iter().filter(|room| is_mirrored(room)).collect();
        if !mirrored.is_empty() {
            self.local.add_all(link.id.0, mirrored);
        }
        true
    }

    pub(crate) fn leave(&self, link: &Link, rooms: Names) {
        let mut members = self.members_mut();
        if members.is_here(link) {
            for room in &rooms {
                members.leave(link.id, room);
            }
            self.local.del(link.id.0, rooms.into_vec());
        }
    }

    pub(crate) fn rooms_of(&self, id: SocketId) -> Vec<String> {
        self.members().rooms_of(id).map(str::to_owned).collect()
    }

    /// The rooms that have a member.
    pub(crate) fn rooms(&self) -> Vec<String> {
        self.members().rooms().map(str::to_owned).collect()
    }

    /// The sockets a group reaches.
    pub(crate) fn reached(&self, group: &Group) -> Vec<SocketId> {
        self.members().of(group).ids()
    }

    /// Takes a socket out of group sends, or lets it take part again.
    pub(crate) fn set_apart(&self, link: &Link, apart: bool) {
        // With the table locked nobody sends.
        let members = self.members_mut();
        link.apart.store(apart, Ordering::Relaxed);
        // One that is gone must not take out who came back under its id.
        match (members.is_here(link), apart) {
            (false, _) => {}
            (true, true) => self.local.add_all(link.id.0, [APART]),
            (true, false) => self.local.del(link.id.0, [APART]),
        }
    }

    /// Hands a frame to all members of a group that have a place for it, encoded once and in one
    /// go: says how many those are. What is left must be sent to one by one.
    pub(crate) fn send_to_group(&self, frame: Frame, group: Group) -> (u64, Option<OneByOne>) {
        let members = self.members();
        let reached = members.of(&group);
        if !group.rooms.iter().chain(&group.except).all(|room| is_mirrored(room)) {
            return (0, Some(OneByOne { frame, ids: reached.ids() }));
        }
        // The base knows no sockets among the rooms, and leaves out one socket, the sender.
        let mut sender = None;
        let senders = group.except.iter().filter_map(|room| members.named(room));
        let senders = senders.inspect(|link| sender = Some(link.id)).count();
        if senders > 1 || group.rooms.iter().any(|room| members.named(room).is_some()) {
            return (0, Some(OneByOne { frame, ids: reached.ids() }));
        }
        let (mut together, mut apart) = (0, Vec::new());
        let all_claimed = reached.all(|link| {
            let is_apart = link.is_apart();
            match is_apart {
                true => apart.push(link.id),
                false => together += 1,
            }
            is_apart || link.claim_with_others()
        });
        if !all_claimed {
            // The queue of who has no place takes it from here, and takes it out of the next group.
            return (0, Some(OneByOne { frame, ids: reached.ids() }));
        }
        let left = (!apart.is_empty()).then(|| OneByOne { frame: frame.clone(), ids: apart });
        let refused = self.local.broadcast(frame.0, options(group, sender)).err();
        if refused.iter().flatten().any(|error| Refused::from(error) == Refused::Full) {
            tracing::error!("a place that was claimed was not there; this is a bug");
        }
        (together, left)
    }

    fn members(&self) -> RwLockReadGuard<'_, Members> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn members_mut(&self) -> RwLockWriteGuard<'_, Members> {
        self.members.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends one socket's connection to the namespace, and not that of who has come since under its
    /// id.
    ///
    /// # Errors
    /// The base must first queue its good-bye, and does nothing at all when the queue is full.
    pub(crate) fn disconnect(&self, link: &Link) -> Result<(), Refused> {
        if !self.members().is_here(link) {
            return Err(Refused::Gone);
        }
        self.local
            .disconnect_socket(BroadcastOptions::new(link.id.0))
            .map_err(|errors| errors.first().map_or(Refused::Gone, Refused::from))
    }

    fn path(&self) -> Str {
        self.local.path().clone()
    }
}

impl From<&SocketError> for Refused {
    fn from(error: &SocketError) -> Self {
        match error {
            SocketError::InternalChannelFull => Self::Full,
            SocketError::Closed => Self::Gone,
        }
    }
}

/// The base's room of those that group sends leave out; no application's room begins like this.
const APART: &str = "\u{1}apart";

/// Whether the base knows of a room. Ours, those of users, have so few members that a send to each
/// costs less than a second table for every connection.
fn is_mirrored(room: &str) -> bool {
    !rooms::is_own(room)
}

/// The group for the base.
fn options(group: Group, sender: Option<SocketId>) -> BroadcastOptions {
    let mut options = BroadcastOptions::default();
    if group.rooms.is_empty() || sender.is_some() {
        options.add_flag(BroadcastFlags::Broadcast);
    }
    options.rooms = group.rooms.into_iter().map(Room::Owned).collect();
    options.except = group.except.into_iter().map(Room::Owned).collect();
    options.except.push(Room::Borrowed(APART));
    options.sid = sender.map(|SocketId(sid)| sid);
    options
}
