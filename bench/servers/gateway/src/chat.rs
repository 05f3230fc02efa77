//! The chat, twice: in the order a gateway has by default, and `serial`.

use gateway_core::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::{ChatMessage, Echo, JoinRoom, Joined, SendMessage, User, ValidatedEcho};

#[web_socket_gateway(namespace = "/chat", authenticate = JwtAuthenticator<User>)]
pub(crate) struct ChatGateway {
    server: Server,
}

#[web_socket_gateway(namespace = "/serial", authenticate = JwtAuthenticator<User>, serial)]
pub(crate) struct SerialGateway {
    server: Server,
}

/// The handlers of a gateway; both have the same.
macro_rules! chat {
    ($gateway:ident) => {
        #[web_socket_gateway]
        impl $gateway {
            #[subscribe_message("join-room")]
            async fn join_room(
                &self,
                socket: Socket,
                MessageBody(body): MessageBody<JoinRoom>,
            ) -> Result<Joined, WsException> {
                socket.join(&body.room_id).await?;
                Ok(Joined { success: true })
            }

            #[subscribe_message("send-message")]
            async fn send_message(
                &self,
                Identity(user): Identity<User>,
                MessageBody(body): MessageBody<SendMessage>,
            ) -> Result<ChatMessage, WsException> {
                let message = ChatMessage {
                    id: Uuid::now_v7(),
                    room_id: body.room_id,
                    content: body.content,
                    sender_id: user.id,
                    created_at: OffsetDateTime::now_utc(),
                };
                self.server.to(&message.room_id).emit("new-message", &message).await?;
                Ok(message)
            }

            #[subscribe_message("echo")]
            async fn echo(&self, MessageBody(body): MessageBody<Echo>) -> Echo {
                body
            }

            #[subscribe_message("validated")]
            async fn validated(
                &self,
                MessageBody(Valid(body)): MessageBody<Valid<ValidatedEcho>>,
            ) -> ValidatedEcho {
                body
            }

            #[subscribe_message("text")]
            async fn text(&self, MessageBody(text): MessageBody<String>) -> String {
                text
            }

            #[subscribe_message("binary")]
            async fn binary(&self, MessageBody(bytes): MessageBody<Bytes>) -> Bytes {
                bytes
            }
        }
    };
}

chat!(ChatGateway);
chat!(SerialGateway);
