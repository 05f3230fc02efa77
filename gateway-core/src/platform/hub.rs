//! The sockets and rooms of one namespace: encoding, sending, membership.

use std::{collections::HashSet, pin::Pin, time::Duration};

use futures_util::{FutureExt, StreamExt};
use socketioxide::{AckError, adapter::Emitter};
use socketioxide_core::{
    Sid, Str,
    adapter::{
        BroadcastFlags, BroadcastOptions, CoreLocalAdapter, Room, SocketEmitter,
        errors::SocketError,
    },
    packet::Packet as BasePacket,
    parser::Parse,
};

use super::{Packet, SocketId};
use crate::{
    exception::WsException,
    rooms,
    wire::{Args, Argument, InboundArguments, Payload},
};

/// A packet, encoded once and ready for any number of sockets.
#[derive(Debug, Clone)]
pub(crate) struct Frame(BasePacket);

impl Frame {
    /// Bytes on the wire, about.
    pub(crate) fn size(&self) -> usize {
        use socketioxide_core::{Value, packet::PacketData as Data};

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
    /// Its buffer is full for the moment.
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

/// The value has no encoded form.
#[derive(Debug, thiserror::Error)]
#[error("the payload cannot be encoded: {0}")]
pub(crate) struct EncodeError(String);

/// The sockets in any of `rooms` (in the namespace, when there are none) and in none of `except`; a
/// socket's id is the name of a room with that socket alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) rooms: Vec<String>,
    pub(crate) except: Vec<String>,
}

impl Group {
    /// Whether the base can send to it in one go: it knows no sockets among the rooms, and takes
    /// out one socket, the sender.
    pub(crate) fn can_be_sent_to(&self, is_here: impl Fn(SocketId) -> bool) -> bool {
        let named = |room: &String| socket_named(room).is_some_and(|sid| is_here(SocketId(sid)));
        !self.rooms.iter().any(named) && self.except.iter().filter(|room| named(room)).count() <= 1
    }
}

pub(crate) struct Hub {
    local: CoreLocalAdapter<Emitter>,
}

impl Hub {
    pub(super) fn new(local: CoreLocalAdapter<Emitter>) -> Self {
        Self { local }
    }

    pub(super) fn local(&self) -> &CoreLocalAdapter<Emitter> {
        &self.local
    }

    pub(crate) fn encode_event(
        &self,
        event: &str,
        payload: &impl Payload,
    ) -> Result<Frame, EncodeError> {
        let value = self
            .local
            .parser()
            .encode_value(&payload.wire(), Some(event))
            .map_err(|error| EncodeError(error.to_string()))?;
        Ok(Frame(BasePacket::event(self.path(), value)))
    }

    pub(crate) fn encode_ack(
        &self,
        ack: i64,
        payload: &impl Payload,
    ) -> Result<Frame, EncodeError> {
        let value = self
            .local
            .parser()
            .encode_value(&payload.wire(), None)
            .map_err(|error| EncodeError(error.to_string()))?;
        Ok(Frame(BasePacket::ack(self.path(), value, ack)))
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

    pub(crate) fn join(&self, id: SocketId, rooms: Vec<String>) {
        self.local.add_all(id.0, rooms);
    }

    pub(crate) fn leave(&self, id: SocketId, rooms: Vec<String>) {
        self.local.del(id.0, rooms);
    }

    pub(crate) fn leave_all(&self, id: SocketId) {
        self.local.del_all(id.0);
    }

    pub(crate) fn rooms_of(&self, id: SocketId) -> Vec<String> {
        self.local.socket_rooms(id.0).into_iter().map(Room::into_owned).collect()
    }

    /// The rooms that have a member.
    pub(crate) fn rooms(&self) -> Vec<String> {
        let mut options = BroadcastOptions::default();
        options.add_flag(BroadcastFlags::Broadcast);
        self.local.rooms(options).into_iter().map(Room::into_owned).collect()
    }

    /// The sockets a group reaches.
    pub(crate) fn members(&self, group: &Group) -> Vec<SocketId> {
        let Group { rooms, except } = group;
        let mut members = self.local.sockets(options(rooms, except));

        let excluded: HashSet<Sid> = except.iter().filter_map(|room| socket_named(room)).collect();
        if !excluded.is_empty() {
            members.retain(|sid| !excluded.contains(sid));
        }
        for named in rooms.iter().filter_map(|room| socket_named(room)) {
            let mut in_excepted_room = false;
            if !except.is_empty() {
                let own = self.local.socket_rooms(named);
                in_excepted_room = except.iter().any(|room| own.contains(room.as_str()));
            }
            if !excluded.contains(&named) && !in_excepted_room && !members.contains(&named) {
                members.push(named);
            }
        }
        members.into_iter().map(SocketId).collect()
    }

    /// Hands a frame to the members of a group, but for those that stand
    /// [apart](crate::namespace::Namespace::set_apart): the frame is encoded once. Every member's
    /// line must have been [claimed](super::Link::claim_with_others).
    pub(crate) fn send_to_group(&self, frame: Frame, group: Group) {
        let mut options = options(&group.rooms, &group.except);
        if let Some(sender) = group.except.iter().find_map(|room| socket_named(room)) {
            options.sid = Some(sender);
            options.add_flag(BroadcastFlags::Broadcast);
        }
        options.except.push(Room::Owned(rooms::apart()));
        let refused = self.local.broadcast(frame.0, options).err().unwrap_or_default();
        if refused.iter().any(|error| Refused::from(error) == Refused::Full) {
            tracing::error!("a claimed line had no room for a packet; this is a bug");
        }
    }

    /// Ends one socket's connection to the namespace.
    ///
    /// # Errors
    /// The base must first queue its good-bye, and does nothing at all when the queue is full.
    pub(crate) fn disconnect(&self, id: SocketId) -> Result<(), Refused> {
        self.local
            .disconnect_socket(BroadcastOptions::new(id.0))
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

fn options(rooms: &[String], except: &[String]) -> BroadcastOptions {
    let mut options = BroadcastOptions::default();
    options.rooms = rooms.iter().cloned().map(Room::Owned).collect();
    options.except = except.iter().cloned().map(Room::Owned).collect();
    if rooms.is_empty() {
        options.add_flag(BroadcastFlags::Broadcast);
    }
    options
}

/// The socket a room is named after. Ids have 16 characters, so ordinary names are told by length.
fn socket_named(room: &str) -> Option<Sid> {
    if room.len() == 16 { room.parse().ok() } else { None }
}
