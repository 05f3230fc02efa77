//! The application: every extractor and every kind of reply.

use std::time::Duration;

use futures_util::{Stream, stream};
use garde::Validate;
use gateway_core::Binary;
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where everybody hears what is relayed.
const ROOM: &str = "all";

/// What an application may have in its body.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[garde(length(max = 5))]
    name: String,
    #[serde(default)]
    #[garde(range(max = 9))]
    size: Option<u8>,
    #[serde(default)]
    #[garde(skip)]
    rest: Vec<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Unit,
    One(i64),
    Two(String, f64),
    Named { binary: Option<Binary>, map: std::collections::BTreeMap<String, Value> },
}

/// Everything that is kept of a socket.
#[derive(Default)]
struct Kept;

/// Takes what the client says it is.
#[injectable]
struct Believing;

impl Authenticator for Believing {
    type Identity = Value;

    async fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> Result<Authenticated<Value>, WsException> {
        let auth = handshake.auth();
        match &auth["user"] {
            Value::Null => Err(WsException::unauthorized("nobody")),
            Value::String(user) => Ok(Authenticated::new(auth.clone()).user(user)),
            user => Ok(Authenticated::new(auth.clone()).user(user)),
        }
    }
}

#[injectable]
struct NotOdd;

impl Guard for NotOdd {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        Ok(context.event().len().is_multiple_of(2))
    }
}

#[injectable]
struct Turned;

impl Pipe for Turned {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        match value {
            Argument::Array(mut items) => {
                items.reverse();
                Ok(Argument::Array(items))
            }
            Argument::Null => Err(WsException::new("nothing to turn")),
            other => Ok(other),
        }
    }
}

#[injectable]
struct Wrapped;

impl Interceptor for Wrapped {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        Ok(next.handle().await?.map(|value| serde_json::json!({ "data": value })))
    }
}

#[web_socket_gateway(namespace = "/")]
struct MainGateway {
    server: Server,
}

#[web_socket_gateway]
impl MainGateway {
    #[on_connection]
    async fn connected(&self, socket: Socket, _handshake: Handshake) -> Result<(), WsException> {
        Ok(socket.join(ROOM).await?)
    }

    #[on_disconnect]
    async fn disconnected(&self, socket: Socket, _reason: DisconnectReason) {
        self.server.to(ROOM).emit("left", socket.rooms().len()).await.ok();
    }

    #[subscribe_message("echo")]
    async fn echo(&self, MessageBody(body): MessageBody<Arguments>) -> Args<Arguments> {
        Args(body)
    }

    /// To everybody, so that what one client sends is read by another.
    #[subscribe_message("relay")]
    async fn relay(&self, MessageBody(body): MessageBody<Arguments>) -> Result<(), WsException> {
        Ok(self.server.to(ROOM).emit("relayed", Args(body)).await?)
    }

    #[subscribe_message("value")]
    async fn value(&self, MessageBody(value): MessageBody<Value>) -> Value {
        value
    }

    #[subscribe_message("number")]
    async fn number(&self, MessageBody(number): MessageBody<f64>) -> f64 {
        number
    }

    #[subscribe_message("text")]
    async fn text(
        &self,
        MessageBody(text): MessageBody<String>,
        EventName(event): EventName,
    ) -> String {
        event.to_string() + &text
    }

    #[subscribe_message("tuple")]
    async fn tuple(
        &self,
        MessageBody(body): MessageBody<(u32, Option<String>, Vec<i8>)>,
    ) -> Args<(u32, Option<String>, Vec<i8>)> {
        Args(body)
    }

    #[subscribe_message("valid")]
    async fn valid(&self, MessageBody(Valid(form)): MessageBody<Valid<Form>>) -> WsResponse<Form> {
        WsResponse::new("form", form)
    }

    #[subscribe_message("shape")]
    async fn shape(&self, MessageBody(shape): MessageBody<Shape>) -> Vec<WsResponse<Shape>> {
        vec![WsResponse::new("shape", shape), WsResponse::new("shape", Shape::Unit)]
    }

    #[subscribe_message("bytes")]
    async fn bytes(&self, first: Option<Bytes>, all: Vec<Bytes>) -> (Option<Bytes>, Vec<Bytes>) {
        (first, all)
    }

    #[subscribe_message("binary")]
    async fn binary(&self, MessageBody(binary): MessageBody<Vec<Binary>>) -> Vec<Binary> {
        binary
    }

    #[subscribe_message("maybe")]
    async fn maybe(
        &self,
        number: Option<MessageBody<i128>>,
        text: Result<MessageBody<String>, WsException>,
    ) -> Option<WsResponse<bool>> {
        (number.is_some() || text.is_ok()).then(|| WsResponse::new("maybe", number.is_some()))
    }

    #[subscribe_message("by-hand")]
    async fn by_hand(&self, ack: Ack, MessageBody(value): MessageBody<Value>) {
        if !value.is_null() {
            ack.send(value).await.ok();
        }
    }

    #[subscribe_message("ask")]
    async fn ask(&self, socket: Socket) -> Result<Value, WsException> {
        let answer = socket.emit_for_ack::<Value>("question", "what?").await?;
        Ok(answer.within(Duration::from_secs(3)).answer().await?)
    }

    #[subscribe_message("join")]
    async fn join(
        &self,
        socket: Socket,
        SocketData(_kept): SocketData<Kept>,
        MessageBody(room): MessageBody<String>,
    ) -> Result<usize, WsException> {
        socket.join(room.as_str()).await?;
        Ok(socket.rooms().len())
    }

    #[subscribe_message("leave")]
    async fn leave(&self, socket: Socket, MessageBody(rooms): MessageBody<Vec<String>>) {
        socket.leave(rooms).await;
    }

    #[subscribe_message("ticks")]
    async fn ticks(
        &self,
        MessageBody(count): MessageBody<u8>,
    ) -> WsStream<impl Stream<Item = Result<WsResponse<u8>, WsException>> + use<>> {
        WsStream::new(stream::iter((0..count).map(|tick| Ok(WsResponse::new("tick", tick)))))
    }

    #[subscribe_message("slow")]
    async fn slow(&self, MessageBody(seconds): MessageBody<u8>) -> u8 {
        tokio::time::sleep(Duration::from_secs(u64::from(seconds) % 10)).await;
        seconds
    }

    #[subscribe_message("fails")]
    async fn fails(&self, MessageBody(text): MessageBody<String>) -> Result<(), std::io::Error> {
        Err(std::io::Error::other(text))
    }

    #[subscribe_message("refuses")]
    async fn refuses(&self, MessageBody(text): MessageBody<String>) -> Result<(), WsException> {
        Err(WsException::new(text).with_code("REFUSED"))
    }

    #[subscribe_message("guarded")]
    #[use_guards(NotOdd)]
    async fn guarded(&self) -> u8 {
        1
    }

    #[subscribe_message("piped")]
    #[use_pipes(Turned)]
    #[use_interceptors(Wrapped)]
    async fn piped(&self, MessageBody(value): MessageBody<Arguments>) -> Args<Arguments> {
        Args(value)
    }

    #[subscribe_message("address")]
    async fn address(&self, handshake: Handshake) -> Result<Value, WsException> {
        let query = handshake.query_as::<Value>().unwrap_or_default();
        Ok(serde_json::json!([handshake.auth(), query, handshake.header("host")]))
    }

    #[subscribe_message("go")]
    async fn go(&self, socket: Socket) {
        socket.disconnect();
    }
}

/// One message at a time, of somebody.
#[web_socket_gateway(
    namespace = "/members",
    authenticate = Believing,
    serial,
    concurrency = 2,
    inbox(messages = 8, bytes = 64 * 1024),
    presence(grace = Duration::from_secs(1)),
)]
struct MembersGateway {
    presence: Presence<String>,
}

impl OnPresence for MembersGateway {
    type User = String;

    async fn user_online(&self, user: String, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.emit("online", user).await?)
    }

    async fn user_offline(&self, user: String, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.emit("offline", user).await?)
    }
}

#[web_socket_gateway]
impl MembersGateway {
    #[subscribe_message("who")]
    async fn who(
        &self,
        Identity(user): Identity<Value>,
    ) -> Result<Args<(Value, OnlineUsers<String>)>, PresenceError> {
        Ok(Args((user, self.presence.online().await?)))
    }

    #[subscribe_message("slow")]
    async fn slow(&self, MessageBody(value): MessageBody<Value>) -> Value {
        tokio::time::sleep(Duration::from_millis(100)).await;
        value
    }
}
