//! What is sent: packets, encoded once.

use socketioxide_core::{Str, Value, packet::Packet as BasePacket};

use super::{super::Packet, Hub};
use crate::{
    exception::WsException,
    wire::{self, Args, Argument, InboundArguments, Payload},
};

/// A packet, encoded once and ready for any number of sockets.
#[derive(Debug, Clone)]
pub(crate) struct Frame(pub(super) BasePacket);

impl Frame {
    /// Bytes of its data and attachments: what the line counts.
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

    /// Whether it acknowledges an event of a client.
    pub(crate) fn is_acknowledgement(&self) -> bool {
        use socketioxide_core::packet::PacketData as Data;

        matches!(self.0.inner, Data::EventAck(..) | Data::BinaryAck(..))
    }

    /// The same event, as it is told to other processes: its text and attachments are shared, not copied.
    pub(crate) fn packet(&self) -> Packet {
        use socketioxide_core::packet::PacketData as Data;

        match &self.0.inner {
            Data::Event(value, _)
            | Data::BinaryEvent(value, _)
            | Data::EventAck(value, _)
            | Data::BinaryAck(value, _) => Packet::from(value.clone()),
            _ => Packet::empty(),
        }
    }
}

fn value(event: Option<&str>, payload: &impl Payload) -> Result<Value, EncodeError> {
    let encoded = wire::encode(event, payload)?;
    let attachments = Some(encoded.attachments).filter(|attachments| !attachments.is_empty());
    Ok(Value::Str(Str::from(encoded.text), attachments))
}

/// The value has no encoded form.
#[derive(Debug, thiserror::Error)]
#[error("the payload cannot be encoded: {0}")]
pub(crate) struct EncodeError(#[from] serde_json::Error);

impl Hub {
    pub(crate) fn encode_event(
        &self,
        event: &str,
        payload: &impl Payload,
    ) -> Result<Frame, EncodeError> {
        Ok(Frame(BasePacket::event(self.path(), value(Some(event), payload)?)))
    }

    /// An event that another process has encoded.
    #[cfg_attr(not(feature = "redis"), allow(dead_code))]
    pub(crate) fn event_frame(&self, packet: Packet) -> Frame {
        let Packet { text, attachments } = packet;
        let attachments = (!attachments.is_empty()).then(|| attachments.into());
        Frame(BasePacket::event(self.path(), Value::Str(text, attachments)))
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
        let mut arguments = all.map_err(WsException::internal)?.into_iter();
        if let Some(ack) = ack {
            let changed: Vec<Argument> = arguments.map(change).collect();
            return Ok(self.encode_ack(ack, &Args(changed))?);
        }
        let Some(Argument::String(event)) = arguments.next() else {
            return Err(WsException::internal_error());
        };
        let changed: Vec<Argument> = arguments.map(&mut change).collect();
        Ok(self.encode_event(&event, &Args(changed))?)
    }

    fn path(&self) -> Str {
        self.local.path().clone()
    }
}
