// Presence: with and without a grace, with hooks and without.
#![deny(warnings)]

use std::sync::Arc;
use std::time;

use gateway_core::prelude::*;

pub struct Duration;

pub struct Config {
    pub grace: time::Duration,
}

#[web_socket_gateway(namespace = "/plain", presence)]
pub struct Plain {
    pub presence: Presence<u64>,
}

impl OnPresence for Plain {
    type User = u64;
}

#[web_socket_gateway(
    namespace = "/fixed",
    presence(grace = time::Duration::from_secs(3)),
)]
pub struct Fixed;

impl OnPresence for Fixed {
    type User = String;

    async fn user_online(&self, user: String, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.except("silent").emit("here", user).await?)
    }
}

#[web_socket_gateway(namespace = "/computed", presence(grace = |config: &Config| config.grace))]
pub struct Computed {
    presence: Presence<u64>,
    plain: Arc<Plain>,
}

impl OnPresence for Computed {
    type User = u64;

    async fn user_offline(&self, user: u64, everyone: Broadcast) -> Result<(), WsException> {
        if self.plain.presence.is_online(&user).await? {
            return Ok(());
        }
        everyone.emit("gone", user).await?;
        Ok(())
    }
}

#[web_socket_gateway(namespace = "/together", presence)]
pub struct Together;

impl OnPresence for Together {
    type User = String;

    async fn users_changed(
        &self,
        changes: PresenceChanges<String>,
        everyone: Broadcast,
    ) -> Result<(), WsException> {
        everyone.clone().emit("changed", Args((changes.online(), changes.offline()))).await?;
        for change in changes {
            let event = if change.online { "here" } else { "gone" };
            everyone.clone().emit(event, change.user).await?;
        }
        Ok(())
    }
}

#[web_socket_gateway]
impl Computed {
    #[subscribe_message("who")]
    async fn who(&self) -> Result<OnlineUsers<u64>, PresenceError> {
        self.presence.online().await
    }

    #[subscribe_message("where")]
    async fn devices(
        &self,
        MessageBody(user): MessageBody<u64>,
    ) -> Result<Vec<SocketId>, WsException> {
        Ok(self.presence.devices(&user).await?)
    }
}

fn main() {}
