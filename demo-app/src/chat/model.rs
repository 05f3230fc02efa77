//! What goes over the wire in `/chat`.

use garde::Validate;
use gateway_core::prelude::{Event, WsError};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::rules::{must, storable};
use crate::user::UserId;

/// Body of `join-room` and `leave-room`.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomRequest {
    #[garde(length(chars, min = 1, max = 64), custom(storable))]
    pub(super) room_id: String,
}

/// Body of `send-message`.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendMessage {
    #[garde(length(chars, min = 1, max = 64), custom(storable))]
    pub(super) room_id: String,
    /// No content is the same mistake as a blank one.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[garde(length(chars, max = 4000), custom(storable))]
    pub(super) content: String,
    /// The client's own name for this message: repeating it does not repeat the message. An empty
    /// name would make all messages of a careless client one message.
    #[garde(length(chars, min = 1, max = 128), inner(custom(storable)))]
    pub(super) client_id: Option<String>,
}

/// Body of `history`.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryRequest {
    #[garde(length(chars, min = 1, max = 64), custom(storable))]
    pub(super) room_id: String,
    #[garde(inner(custom(is_message_id)))]
    pub(super) after: Option<String>,
    #[garde(range(min = 1, max = 200))]
    pub(super) limit: Option<i64>,
}

impl HistoryRequest {
    /// Which messages are asked for: after which one, and how many.
    pub(super) fn page(&self) -> (Option<Uuid>, i64) {
        let after = self.after.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        (after, self.limit.unwrap_or(50))
    }
}

fn is_message_id(id: &str, (): &()) -> garde::Result {
    must(Uuid::try_parse(id).is_ok(), "must be the id of a message")
}

/// Why the chat refuses something.
#[derive(Debug, thiserror::Error, WsError)]
pub(super) enum ChatError {
    #[error("消息内容不能为空")]
    #[ws(code = "EMPTY_MESSAGE")]
    EmptyMessage,
    #[error("你不是这个房间的成员")]
    #[ws(code = "NOT_A_MEMBER")]
    NotAMember,
    #[error("你加入的房间太多")]
    #[ws(code = "TOO_MANY_MEMBERSHIPS")]
    TooManyMemberships,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Somebody has said something in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Event, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
#[event("new-message")]
pub(super) struct ChatMessage {
    /// UUID v7: sorts by time.
    pub(super) id: String,
    pub(super) room_id: String,
    pub(super) content: String,
    pub(super) sender_id: UserId,
    /// ISO 8601.
    pub(super) created_at: String,
}

/// Acknowledgement of `history`, oldest first.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct History {
    pub(super) messages: Vec<ChatMessage>,
}

/// A user has become a member of a room.
#[derive(Debug, Serialize, JsonSchema, Event)]
#[serde(rename_all = "camelCase")]
#[event("user-joined")]
pub(crate) struct UserJoined<'a> {
    pub(super) user_id: UserId,
    pub(super) room_id: &'a str,
}

/// A user is no longer a member of a room.
#[derive(Debug, Serialize, JsonSchema, Event)]
#[serde(rename_all = "camelCase")]
#[event("user-left")]
pub(crate) struct UserLeft<'a> {
    pub(super) user_id: UserId,
    pub(super) room_id: &'a str,
}

/// Acknowledgement of a request with no other answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Success {
    success: bool,
}

pub(super) const SUCCESS: Success = Success { success: true };

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
