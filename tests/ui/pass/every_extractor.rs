// Arguments are chosen by type, in any order.
#![deny(warnings)]

use bytes::Bytes;
use gateway_core::prelude::*;
use std::sync::Arc;

#[derive(Clone, serde::Deserialize)]
pub struct User {
    pub id: u64,
}

#[derive(Default)]
pub struct Session;

#[injectable]
pub struct Store;

pub struct Locale(pub String);

impl<G: Send + Sync, On> FromMessage<G, On> for Locale {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self(context.event().to_owned()))
    }
}

#[web_socket_gateway(authenticate = JwtAuthenticator<User>)]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("all")]
    async fn all(
        &self,
        MessageBody(_body): MessageBody<String>,
        socket: Socket,
        server: Server,
        Identity(user): Identity<User>,
        SocketData(session): SocketData<Session>,
        handshake: Handshake,
        EventName(event): EventName,
        Inject(store): Inject<Store>,
        Locale(locale): Locale,
    ) {
        drop((socket, server, user.id, session, handshake, event, locale));
        let _: Arc<Store> = store;
    }

    #[subscribe_message("binary")]
    async fn binary(&self, first: Bytes, all: Vec<Bytes>, mut rest: Option<Bytes>) {
        drop((first, all, rest.take()));
    }

    #[subscribe_message("positional")]
    async fn positional(&self, MessageBody((a, b)): MessageBody<(u32, Option<String>)>) {
        drop((a, b));
    }

    #[subscribe_message("arguments")]
    async fn arguments(&self, MessageBody(arguments): MessageBody<Arguments>) -> Args<Arguments> {
        Args(arguments)
    }

    #[subscribe_message("ack")]
    async fn ack(&self, ack: Ack) {
        drop(ack);
    }

    #[subscribe_message("maybe")]
    async fn maybe(
        &self,
        body: Option<MessageBody<u32>>,
        text: Result<MessageBody<String>, WsException>,
        user: Option<Identity<User>>,
    ) {
        drop((body, text, user));
    }

    #[subscribe_message("own")]
    async fn own(&self, _: MessageBody<<Self as Names>::Name>) {}

    #[after_init]
    async fn ready(&self, server: Server, store: Inject<Store>, locale: Locale) {
        drop((server, store, locale));
    }

    #[on_connection]
    async fn connected(
        &self,
        socket: Socket,
        server: Server,
        user: Identity<User>,
        session: SocketData<Session>,
        handshake: Handshake,
        store: Inject<Store>,
    ) {
        drop((socket, server, user, session, handshake, store));
    }

    #[on_disconnect]
    async fn disconnected(&self, reason: DisconnectReason, socket: Socket, user: Identity<User>) {
        drop((reason, socket, user));
    }
}

trait Names {
    type Name;
}

impl Names for ChatGateway {
    type Name = String;
}

fn main() {}
