//! The gateway: a room for each ticket, and one for all agents.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::{Binary, prelude::*};
use serde::{Deserialize, Serialize};

use crate::Person;
use crate::tickets::{Message, Ticket, Tickets};

#[web_socket_gateway(
    namespace = "/desk",
    authenticate = JwtAuthenticator<Person>,
    presence(grace = Duration::from_secs(2)),
)]
pub(crate) struct Desk {
    server: Server,
    tickets: Arc<Tickets>,
    presence: Presence<String>,
}

/// Passed on as it came, and not kept.
#[derive(Serialize, Deserialize)]
struct File {
    ticket: u64,
    name: String,
    content: Binary,
}

type Answer<T> = Result<T, WsException>;

fn room(ticket: u64) -> String {
    format!("ticket-{ticket}")
}

#[web_socket_gateway]
impl Desk {
    #[on_connection]
    async fn connected(&self, socket: Socket, Identity(person): Identity<Person>) -> Answer<()> {
        if person.is_agent() {
            socket.join("agents").await?;
        }
        Ok(())
    }

    #[subscribe_message("open")]
    #[use_guards(Roles::any(["customer"]))]
    async fn open(
        &self,
        socket: Socket,
        Identity(person): Identity<Person>,
        MessageBody(subject): MessageBody<String>,
    ) -> Answer<Ticket> {
        let ticket = self.tickets.open(&person, subject)?;
        socket.join(room(ticket.id)).await?;
        self.server.to("agents").emit("opened", &ticket).await?;
        Ok(ticket)
    }

    /// The ticket so far; from now on, the socket hears whatever happens in it.
    #[subscribe_message("follow")]
    async fn follow(
        &self,
        socket: Socket,
        Identity(person): Identity<Person>,
        MessageBody(id): MessageBody<u64>,
    ) -> Answer<Ticket> {
        let ticket = self.tickets.find(id, &person)?;
        socket.join(room(id)).await?;
        Ok(ticket)
    }

    #[subscribe_message("say")]
    async fn say(
        &self,
        Identity(person): Identity<Person>,
        MessageBody(Valid(mut message)): MessageBody<Valid<Message>>,
    ) -> Answer<()> {
        self.tickets.find(message.ticket, &person)?;
        message.from = person.name;
        self.tickets.add(&message)?;
        Ok(self.server.to(room(message.ticket)).emit("said", &message).await?)
    }

    #[subscribe_message("attach")]
    async fn attach(
        &self,
        socket: Socket,
        Identity(person): Identity<Person>,
        MessageBody(file): MessageBody<File>,
    ) -> Answer<usize> {
        self.tickets.find(file.ticket, &person)?;
        let bytes = file.content.len();
        socket.to(room(file.ticket)).emit("attached", file).await?;
        Ok(bytes)
    }

    /// Slow readers can do without it, and a client that sends too many need not hear of that.
    #[subscribe_message("typing")]
    #[use_guards(Throttle::per_socket(5, Duration::from_secs(5)).quietly())]
    async fn typing(
        &self,
        socket: Socket,
        Identity(person): Identity<Person>,
        MessageBody(id): MessageBody<u64>,
    ) -> Answer<()> {
        self.tickets.find(id, &person)?;
        Ok(socket.to(room(id)).volatile().emit("typing", Args((id, person.name))).await?)
    }

    #[subscribe_message("close")]
    #[use_guards(Roles::any(["agent"]))]
    async fn close(&self, MessageBody(id): MessageBody<u64>) -> Answer<()> {
        self.tickets.close(id)?;
        Ok(self.server.to(room(id)).emit("closed", id).await?)
    }

    #[subscribe_message("who-is-online")]
    #[use_guards(Roles::any(["agent"]))]
    async fn who_is_online(&self) -> Answer<OnlineUsers<String>> {
        Ok(self.presence.online().await?)
    }
}

impl OnPresence for Desk {
    type User = String;

    async fn user_online(&self, name: String, everyone: Broadcast) -> Answer<()> {
        Ok(everyone.to("agents").emit("online", name).await?)
    }

    async fn user_offline(&self, name: String, everyone: Broadcast) -> Answer<()> {
        Ok(everyone.to("agents").emit("offline", name).await?)
    }
}
