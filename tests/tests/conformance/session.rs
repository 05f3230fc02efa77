//! A session of Engine.IO, the same on both transports.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde_json::Value;
use tests::raw::{Client, Http, Incoming, Response, Server};
use tokio::time::timeout;

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a server that has something to say takes to say it.
const QUIET: Duration = Duration::from_millis(200);

/// Between the packets of one body.
const SEPARATOR: &str = "\x1e";

const SENDS_TEXT: [(&str, &str); 1] = [("Content-Type", "text/plain;charset=UTF-8")];

/// Where a new session on polling is opened.
pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// What makes a request one for a WebSocket.
pub(crate) const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Polling,
    WebSocket,
}

/// What a server says in one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Bytes(Bytes),
    /// Nothing any more.
    End,
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

pub(crate) struct Session {
    server: SocketAddr,
    way: Way,
    /// The object of the open packet.
    pub(crate) open: Value,
    came: VecDeque<Said>,
}

enum Way {
    /// One connection for polls, and one for posts.
    Polling {
        polls: Http,
        posts: Http,
    },
    WebSocket(Client),
}

impl Session {
    /// A session that is in no namespace yet.
    pub(crate) async fn open(server: &Server, transport: Transport) -> Self {
        let server = server.address();
        let (way, open) = match transport {
            Transport::Polling => {
                let mut polls = Http::open(server).await.expect("a connection");
                let response = polls.request("GET", POLLING, &[], b"").await.expect("a response");
                let open = response.text().expect("text").to_owned();
                let posts = Http::open(server).await.expect("a connection");
                (Way::Polling { polls, posts }, open)
            }
            Transport::WebSocket => {
                let mut client = Client::open_silent(server, "").await.expect("a WebSocket");
                let Ok(Incoming::Text(open)) = client.incoming().await else { panic!("no text") };
                (Way::WebSocket(client), open)
            }
        };
        let open = open.strip_prefix('0').and_then(|json| serde_json::from_str(json).ok());
        let open = open.expect("an open packet");
        Self { server, way, open, came: VecDeque::new() }
    }

    /// A session that is in a namespace and was told what it brought along: `null`.
    pub(crate) async fn connected(server: &Server, transport: Transport, namespace: &str) -> Self {
        let mut session = Self::open(server, transport).await;
        let place = place(namespace);
        session.send(&format!("40{place}")).await;
        let connected = session.next().await;
        assert!(
            matches!(&connected, Said::Text(text) if text.starts_with(&format!("40{place}{{")))
        );
        session.hears(&format!("42{place}[\"auth\",{{}}]")).await;
        session
    }

    pub(crate) fn id(&self) -> &str {
        self.open["sid"].as_str().expect("the id of a session")
    }

    /// Where packets of this session go, and come from, on polling.
    pub(crate) fn target(&self) -> String {
        format!("{POLLING}&sid={}", self.id())
    }

    /// Sends a packet, which must be taken.
    pub(crate) async fn send(&mut self, packet: &str) {
        self.send_all(&[packet]).await;
    }

    /// Sends packets: in one body, or in one piece.
    pub(crate) async fn send_all(&mut self, packets: &[&str]) {
        match &mut self.way {
            Way::Polling { .. } => {
                let response = self.post(packets.join(SEPARATOR).as_bytes()).await;
                assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]));
            }
            Way::WebSocket(client) => {
                for packet in packets {
                    client.send(packet);
                }
                client.flush().await.expect("a connection");
            }
        }
    }

    /// Sends bytes.
    pub(crate) async fn attach(&mut self, bytes: &[u8]) {
        match &mut self.way {
            Way::Polling { .. } => {
                self.send(&format!("b{}", BASE64_STANDARD.encode(bytes))).await;
            }
            Way::WebSocket(client) => {
                client.send_binary(bytes);
                client.flush().await.expect("a connection");
            }
        }
    }

    /// Sends what need not be taken, nor answered.
    pub(crate) async fn send_nonsense(&mut self, packet: &str) {
        match &mut self.way {
            Way::Polling { .. } => drop(self.post(packet.as_bytes()).await),
            Way::WebSocket(client) => {
                client.send(packet);
                // It may be cut while it is still writing.
                let _ = client.flush().await;
            }
        }
    }

    /// Posts a body of packets, of a session on polling.
    pub(crate) async fn post(&mut self, body: &[u8]) -> Response {
        let target = self.target();
        let Way::Polling { posts, .. } = &mut self.way else { panic!("a WebSocket posts nothing") };
        posts.request("POST", &target, &SENDS_TEXT, body).await.expect("a response")
    }

    /// Polls once, of a session on polling.
    pub(crate) async fn poll(&mut self) -> Response {
        let target = self.target();
        let Way::Polling { polls, .. } = &mut self.way else { panic!("a WebSocket polls nothing") };
        polls.request("GET", &target, &[], b"").await.expect("a response")
    }

    /// A poll that waits: the server has nothing more to say.
    pub(crate) async fn waiting_poll(&mut self) -> Http {
        let mut http = Http::open(self.server).await.expect("a connection");
        loop {
            http.send("GET", &self.target(), &[], b"").await.expect("a connection");
            let Ok(response) = timeout(QUIET, http.response()).await else { return http };
            // A ping, which is answered.
            assert_eq!(&response.expect("a response").body[..], b"2");
            self.send("3").await;
        }
    }

    /// A request of this session, over a connection of its own.
    pub(crate) async fn elsewhere(&self, method: &str, body: &[u8]) -> io::Result<Response> {
        let mut http = Http::open(self.server).await?;
        http.request(method, &self.target(), &SENDS_TEXT, body).await
    }

    /// The next packet, heartbeats and what polling fills up with aside.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            match self.next_of_all().await {
                ping if ping == "2".into() => self.send("3").await,
                noop if noop == "6".into() => {}
                said => return said,
            }
        }
    }

    /// The next packet, whatever it is.
    pub(crate) async fn next_of_all(&mut self) -> Said {
        timeout(PATIENCE, async {
            loop {
                if let Some(said) = self.came.pop_front() {
                    return said;
                }
                if let Some(said) = self.read().await {
                    return said;
                }
            }
        })
        .await
        .expect("a packet in time")
    }

    async fn read(&mut self) -> Option<Said> {
        match &mut self.way {
            Way::Polling { .. } => {
                let response = self.poll().await;
                if response.status != 200 {
                    return Some(Said::End);
                }
                let body = response.text().expect("text");
                let packets = body.split(SEPARATOR).filter(|packet| !packet.is_empty());
                self.came.extend(packets.map(|packet| match packet.strip_prefix('b') {
                    Some(bytes) => {
                        Said::Bytes(BASE64_STANDARD.decode(bytes).expect("base64").into())
                    }
                    None => packet.into(),
                }));
                None
            }
            Way::WebSocket(client) => Some(match client.incoming().await {
                Ok(Incoming::Text(text)) => Said::Text(text),
                Ok(Incoming::Binary(bytes)) => Said::Bytes(bytes),
                Ok(Incoming::Close(_)) | Err(_) => Said::End,
            }),
        }
    }

    /// Reads a packet, which must be that one.
    #[track_caller]
    pub(crate) fn hears(&mut self, packet: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move { assert_eq!(self.next().await, packet.into(), "{at}") }
    }

    /// Reads bytes, which must be those.
    #[track_caller]
    pub(crate) fn hears_bytes(&mut self, bytes: &'static [u8]) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move { assert_eq!(self.next().await, Said::Bytes(bytes.into()), "{at}") }
    }

    /// Reads until a ping comes.
    pub(crate) async fn is_pinged(&mut self) {
        loop {
            match self.next_of_all().await {
                Said::End => panic!("the session has ended"),
                ping if ping == "2".into() => return,
                Said::Text(_) | Said::Bytes(_) => {}
            }
        }
    }

    /// It is served: an event of the root namespace, which it must be in, is answered.
    pub(crate) async fn is_alive(&mut self) {
        self.send(r#"421000["message-with-ack","alive"]"#).await;
        self.hears(r#"431000["alive"]"#).await;
    }

    /// Reads until the server says nothing any more, and is no more asked by this name.
    pub(crate) async fn has_ended(&mut self) {
        loop {
            match self.next_of_all().await {
                Said::End => break,
                // A poll that waited is ended by a packet, and the next one is refused.
                Said::Text(_) | Said::Bytes(_) => {}
            }
        }
        let response = self.elsewhere("GET", b"").await.expect("a response");
        assert_eq!(response.status, 400, "{:?}", response.body);
    }
}

/// A namespace as packets name it.
fn place(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}
