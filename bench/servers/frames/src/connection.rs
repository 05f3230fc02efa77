//! One client, in one task.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use garde::Validate as _;
use jsonwebtoken::{Algorithm, Validation};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use uuid::Uuid;

use crate::Shared;
use crate::model::{
    Auth, ChatMessage, Echo, JoinRoom, Joined, Refusal, SendMessage, User, ValidatedEcho,
};
use crate::packet::{self, Packet};
use crate::rooms::Inbox;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const PING_INTERVAL: Duration = Duration::from_secs(25);

/// As the framework's, in bytes. It is filled with zeros before each read, by one instruction that
/// valgrind counts once for each byte: a larger one is hardly slower, and seems to be.
const READ_BUFFER: usize = 1024;

/// What others sent that is written before the socket is flushed.
const BATCH: usize = 256;

struct Connection<'a> {
    shared: &'a Shared,
    socket: WebSocketStream<TcpStream>,
    session: u64,
    inbox: Inbox,
    user: Option<User>,
    rooms: HashSet<String>,
    /// The acknowledgement that an attachment, still to come, is for.
    awaited: Option<Option<u64>>,
    answered_ping: bool,
}

/// Serves a client until it has gone.
pub(crate) async fn run(stream: TcpStream, shared: &Shared) -> Result<(), Failure> {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);

    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    let (inbox, sent) = mpsc::unbounded_channel();
    let mut connection = Connection {
        shared,
        socket,
        session: SESSIONS.fetch_add(1, Ordering::Relaxed),
        inbox,
        user: None,
        rooms: HashSet::new(),
        awaited: None,
        answered_ping: true,
    };
    let result = connection.talk(sent).await;
    for room in &connection.rooms {
        shared.rooms.leave(room, connection.session);
    }
    result
}

impl Connection<'_> {
    async fn talk(&mut self, mut sent: UnboundedReceiver<Utf8Bytes>) -> Result<(), Failure> {
        self.socket.send(Message::text(packet::open(self.session))).await?;
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    let Some(message) = message else { return Ok(()) };
                    self.received(message?).await?;
                    // All that has come is answered before one flush.
                    while let Some(message) = self.socket.next().now_or_never() {
                        let Some(message) = message else { return Ok(()) };
                        self.received(message?).await?;
                    }
                }
                _ = sent.recv_many(&mut batch, BATCH) => {
                    for text in batch.drain(..) {
                        self.socket.feed(Message::Text(text)).await?;
                    }
                }
                _ = pings.tick() => {
                    if !self.answered_ping {
                        return Ok(());
                    }
                    self.answered_ping = false;
                    self.socket.feed(Message::text(packet::PING)).await?;
                }
            }
            self.socket.flush().await?;
        }
    }

    async fn received(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Text(text) => match Packet::parse(&text).ok_or("not understood")? {
                Packet::Pong => self.answered_ping = true,
                Packet::Connect(auth) => self.connect(auth).await?,
                Packet::Event { id, binary: true, .. } => self.awaited = Some(id),
                Packet::Event { id, name, body, .. } => self.event(id, name, body.get()).await?,
            },
            Message::Binary(bytes) => {
                if let Some(id) = self.awaited.take().ok_or("not announced")? {
                    self.socket.feed(Message::text(packet::binary_ack(id))).await?;
                    self.socket.feed(Message::Binary(bytes)).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn connect(&mut self, auth: &str) -> Result<(), Failure> {
        let auth: Auth = serde_json::from_str(auth)?;
        let validation = Validation::new(Algorithm::HS256);
        let answer = match jsonwebtoken::decode(&auth.token, &self.shared.key, &validation) {
            Ok(verified) => {
                self.user = Some(verified.claims);
                packet::connected(self.session)
            }
            Err(_) => packet::refused(),
        };
        Ok(self.socket.feed(Message::text(answer)).await?)
    }

    async fn event(&mut self, id: Option<u64>, name: &str, body: &str) -> Result<(), Failure> {
        let user = self.user.as_ref().ok_or("not connected")?;
        match name {
            "join-room" => {
                let body: JoinRoom = serde_json::from_str(body)?;
                self.shared.rooms.join(&body.room_id, self.session, &self.inbox);
                self.rooms.insert(body.room_id);
                self.acknowledge(id, &Joined { success: true }).await
            }
            "send-message" => {
                let body: SendMessage = serde_json::from_str(body)?;
                let message = ChatMessage {
                    id: Uuid::now_v7(),
                    room_id: body.room_id,
                    content: body.content,
                    sender_id: user.id,
                    created_at: OffsetDateTime::now_utc(),
                };
                let text = packet::event("new-message", &message)?.into();
                self.shared.rooms.send(&message.room_id, &text);
                self.acknowledge(id, &message).await
            }
            "echo" => {
                let body: Echo = serde_json::from_str(body)?;
                self.acknowledge(id, &body).await
            }
            "validated" => {
                let body: ValidatedEcho = serde_json::from_str(body)?;
                match body.validate() {
                    Ok(()) => self.acknowledge(id, &body).await,
                    Err(report) => {
                        let message = report.to_string();
                        self.acknowledge(id, &Refusal { status: "error", message }).await
                    }
                }
            }
            "text" => {
                let text: String = serde_json::from_str(body)?;
                self.acknowledge(id, &text).await
            }
            _ => Err("no such event".into()),
        }
    }

    async fn acknowledge(
        &mut self,
        id: Option<u64>,
        body: &impl serde::Serialize,
    ) -> Result<(), Failure> {
        if let Some(id) = id {
            self.socket.feed(Message::text(packet::ack(id, body)?)).await?;
        }
        Ok(())
    }
}
