//! `/chat`: the events of the chat.

use std::sync::Arc;

use super::guard::WsJwtGuard;
use super::model::{
    ChatError, ChatMessage, History, HistoryRequest, RoomRequest, SUCCESS, SendMessage, Success,
    UserJoined, UserLeft,
};
use super::store::MessageStore;
use super::timing::Timing;
use super::turns::Turns;
use crate::user::User;
use gateway_core::prelude::*;

/// The chat. Every client in it is a [`User`]. Whoever connects is told of orders, too: that, and
/// nothing else of the gateway, is in `orders::notifications`.
#[web_socket_gateway(
    namespace = "/chat",
    emits(ChatMessage, UserJoined<'_>, UserLeft<'_>),
    serial,
)]
#[use_interceptors(Timing)]
pub(crate) struct ChatGateway {
    server: Server<Self>,
    messages: Arc<MessageStore>,
    /// Whoever changes a room has its turn until that is announced: what is stored, who hears the
    /// room, and the order of what is heard here then agree. Among several instances the database
    /// decides the order of what is stored.
    #[init]
    turns: Turns,
}

#[web_socket_gateway]
impl ChatGateway {
    #[on_disconnect]
    async fn disconnected(&self, Identity(user): Identity<User>, reason: DisconnectReason) {
        tracing::info!(user = %user.id, %reason, "disconnected");
    }

    /// Makes the user a member, and lets this socket hear the room.
    #[subscribe_message("join-room")]
    async fn join_room(
        &self,
        socket: Socket,
        Identity(user): Identity<User>,
        MessageBody(Valid(RoomRequest { room_id })): MessageBody<Valid<RoomRequest>>,
    ) -> Result<Success, WsException> {
        let room = room_named(&room_id);

        let _turn = self.turns.of(&room_id).await?;
        if self.messages.join(&room_id, user.id).await? {
            socket.to(&room).send(&UserJoined { user_id: user.id, room_id: &room_id }).await?;
        }
        socket.join(room).await?;
        Ok(SUCCESS)
    }

    /// Ends the user's membership: none of its devices hears the room any more.
    #[subscribe_message("leave-room")]
    async fn leave_room(
        &self,
        socket: Socket,
        Identity(user): Identity<User>,
        MessageBody(Valid(RoomRequest { room_id })): MessageBody<Valid<RoomRequest>>,
    ) -> Result<Success, WsException> {
        let room = room_named(&room_id);

        let _turn = self.turns.of(&room_id).await?;
        if self.messages.leave(&room_id, user.id).await? {
            // While the user's other devices still hear it: it is news to them, too.
            socket.to(&room).send(&UserLeft { user_id: user.id, room_id: &room_id }).await?;
        }
        if let Err(error) = self.server.user(user.id).sockets_leave(&room).await {
            // The membership has ended, and so have the ears of all devices here. Those elsewhere are told as soon as
            // they can be: to try again would change nothing.
            tracing::warn!(user = %user.id, %error, "devices on other instances may still hear a room");
        }
        Ok(SUCCESS)
    }

    /// Says something in a room. Everyone who hears it, the sender included, receives `new-message`.
    #[subscribe_message("send-message")]
    #[use_guards(WsJwtGuard)]
    async fn send_message(
        &self,
        Identity(user): Identity<User>,
        MessageBody(Valid(body)): MessageBody<Valid<SendMessage>>,
    ) -> Result<ChatMessage, WsException> {
        if body.content.trim().is_empty() {
            return Err(ChatError::EmptyMessage.into());
        }

        let _turn = self.turns.of(&body.room_id).await?;
        let (message, is_new) = self.messages.append(user.id, &body).await?;
        if is_new {
            self.server.to(room_named(&body.room_id)).send(&message).await?;
        }
        Ok(message)
    }

    /// What was said in a room.
    #[subscribe_message("history")]
    async fn history(
        &self,
        Identity(user): Identity<User>,
        MessageBody(Valid(body)): MessageBody<Valid<HistoryRequest>>,
    ) -> Result<History, WsException> {
        Ok(self.messages.history(user.id, &body).await?)
    }
}

/// The room behind a client's name for it. With a prefix, no client can name a room that is not a chat room.
fn room_named(room_id: &str) -> String {
    format!("room:{room_id}")
}
