//! `/presence`: users who come and go, on however many devices.

use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::config::Config;
use crate::user::UserId;

/// Tells everyone who comes and goes.
#[web_socket_gateway(
    namespace = "/presence",
    presence(grace = |config: &Config| config.presence_grace),
    emits(UserOnline, UserOffline),
)]
pub(crate) struct PresenceGateway {
    presence: Presence<UserId>,
}

/// A user has come.
#[derive(Serialize, JsonSchema, Event)]
#[serde(rename_all = "camelCase")]
#[event("user-online")]
struct UserOnline {
    user_id: UserId,
}

/// A user has gone, with every device.
#[derive(Serialize, JsonSchema, Event)]
#[serde(rename_all = "camelCase")]
#[event("user-offline")]
struct UserOffline {
    user_id: UserId,
}

impl OnPresence for PresenceGateway {
    type User = UserId;

    async fn user_online(&self, user_id: UserId, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.send(&UserOnline { user_id }).await?)
    }

    async fn user_offline(&self, user_id: UserId, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.send(&UserOffline { user_id }).await?)
    }
}

/// The answer to `get-online-users`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OnlineUserIds {
    online_user_ids: OnlineUsers<UserId>,
}

#[web_socket_gateway]
impl PresenceGateway {
    /// Everyone who is online, in ascending order.
    #[subscribe_message("get-online-users")]
    async fn online_users(&self) -> Result<OnlineUserIds, WsException> {
        Ok(OnlineUserIds { online_user_ids: self.presence.online().await? })
    }
}
