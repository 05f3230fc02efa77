//! `/presence`: users who come and go, on however many devices.

use gateway_core::prelude::*;
use serde::Serialize;

use crate::auth::TokenAuthenticator;
use crate::config::Config;
use crate::user::UserId;
use crate::ws_error::WsExceptionFilter;

/// Tells everyone who comes and goes.
#[web_socket_gateway(
    namespace = "/presence",
    authenticate = TokenAuthenticator,
    cors(origins = |config: &Config| config.cors_origin.clone(), credentials = true),
    presence(grace = |config: &Config| config.presence_grace),
)]
#[use_filters(WsExceptionFilter)]
pub(crate) struct PresenceGateway {
    presence: Presence<UserId>,
}

/// A user has come or gone, as everyone is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserChange {
    user_id: UserId,
}

impl OnPresence for PresenceGateway {
    type User = UserId;

    async fn user_online(&self, user_id: UserId, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.emit("user-online", UserChange { user_id }).await?)
    }

    async fn user_offline(&self, user_id: UserId, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.emit("user-offline", UserChange { user_id }).await?)
    }
}

/// The answer to `get-online-users`.
#[derive(Serialize)]
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
