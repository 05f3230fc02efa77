//! What goes over the wire.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a client says about itself when it connects.
#[derive(Deserialize)]
pub(crate) struct Auth {
    pub(crate) token: String,
}

/// Who a client is, by its token.
#[derive(Clone, Deserialize)]
pub(crate) struct User {
    #[serde(rename = "sub")]
    pub(crate) id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinRoom {
    pub(crate) room_id: String,
}

#[derive(Serialize)]
pub(crate) struct Joined {
    pub(crate) success: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendMessage {
    pub(crate) room_id: String,
    pub(crate) content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatMessage {
    pub(crate) id: Uuid,
    pub(crate) room_id: String,
    pub(crate) content: String,
    pub(crate) sender_id: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Echo {
    pub(crate) text: String,
    pub(crate) n: u64,
}

#[derive(Deserialize, Serialize, Validate)]
pub(crate) struct ValidatedEcho {
    #[garde(length(chars, min = 1, max = 64))]
    pub(crate) text: String,
    #[garde(range(max = 1_000_000_000))]
    pub(crate) n: u64,
}

/// The acknowledgement of a message that broke the rules.
#[derive(Serialize)]
pub(crate) struct Refusal {
    pub(crate) status: &'static str,
    pub(crate) message: String,
}
