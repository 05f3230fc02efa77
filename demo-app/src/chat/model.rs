//! What goes over the wire in `/chat`.

use gateway_core::prelude::{FieldError, WsException};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::auth::UserId;

const ROOM_ID_LENGTH: usize = 64;
const CONTENT_LENGTH: usize = 4_000;
const CLIENT_ID_LENGTH: usize = 128;
const HISTORY_LIMIT: i64 = 200;
const HISTORY_LIMIT_DEFAULT: i64 = 50;

/// Body of `join-room` and `leave-room`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomRequest {
    pub(super) room_id: String,
}

impl RoomRequest {
    pub(super) fn validate(&self) -> Result<(), WsException> {
        accept(wrong_room_id(&self.room_id))
    }
}

/// Body of `send-message`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendMessage {
    pub(super) room_id: String,
    /// No content is the same mistake as a blank one.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) content: String,
    /// The client's own name for this message: repeating it does not repeat the message.
    pub(super) client_id: Option<String>,
}

impl SendMessage {
    pub(super) fn validate(&self) -> Result<(), WsException> {
        let content = longer_than(CONTENT_LENGTH, &self.content).then(|| {
            FieldError::new("content", format!("must be at most {CONTENT_LENGTH} characters long"))
        });
        // An empty name would make all messages of a careless client one message.
        let client_id =
            self.client_id.as_ref().filter(|id| id.is_empty() || longer_than(CLIENT_ID_LENGTH, id));
        let client_id = client_id.map(|_| {
            FieldError::new("clientId", format!("must be 1 to {CLIENT_ID_LENGTH} characters long"))
        });
        accept(wrong_room_id(&self.room_id).into_iter().chain(content).chain(client_id))?;

        if self.content.trim().is_empty() {
            return Err(WsException::new("消息内容不能为空").with_code("EMPTY_MESSAGE"));
        }
        Ok(())
    }
}

/// Body of `history`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryRequest {
    pub(super) room_id: String,
    after: Option<String>,
    limit: Option<i64>,
}

impl HistoryRequest {
    /// Which messages are asked for: after which one, and how many.
    pub(super) fn page(&self) -> Result<(Option<Uuid>, i64), WsException> {
        let after = self.after.as_deref().map(Uuid::try_parse).transpose();
        let limit = self.limit.unwrap_or(HISTORY_LIMIT_DEFAULT);
        let wrong_after =
            after.is_err().then(|| FieldError::new("after", "must be the id of a message"));
        let wrong_limit = (!(1..=HISTORY_LIMIT).contains(&limit))
            .then(|| FieldError::new("limit", format!("must be 1 to {HISTORY_LIMIT}")));
        accept(wrong_room_id(&self.room_id).into_iter().chain(wrong_after).chain(wrong_limit))?;
        Ok((after.unwrap_or_default(), limit))
    }
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Serialize)]
pub(super) struct History {
    pub(super) messages: Vec<ChatMessage>,
}

/// `user-joined` and `user-left`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipChange<'a> {
    pub(super) user_id: UserId,
    pub(super) room_id: &'a str,
}

/// Acknowledgement of a request with no other answer.
#[derive(Debug, Serialize)]
pub(super) struct Success {
    success: bool,
}

impl Success {
    pub(super) const fn new() -> Self {
        Self { success: true }
    }
}

/// The client named a room it is not a member of.
pub(super) fn not_a_member() -> WsException {
    WsException::new("你不是这个房间的成员").with_code("NOT_A_MEMBER")
}

fn accept(errors: impl IntoIterator<Item = FieldError>) -> Result<(), WsException> {
    let mut errors = errors.into_iter().peekable();
    if errors.peek().is_none() { Ok(()) } else { Err(WsException::validation(errors)) }
}

fn wrong_room_id(room_id: &str) -> Option<FieldError> {
    (room_id.is_empty() || longer_than(ROOM_ID_LENGTH, room_id)).then(|| {
        FieldError::new("roomId", format!("must be 1 to {ROOM_ID_LENGTH} characters long"))
    })
}

fn longer_than(characters: usize, text: &str) -> bool {
    text.chars().nth(characters).is_some()
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
