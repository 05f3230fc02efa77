//! A session on HTTP polling by hand: it comes for its packets when it is told to, or never.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::http::Http;
use super::packet::{Kind, Packet};

/// Between packets of one body.
const SEPARATOR: char = '\x1e';
const PATIENCE: Duration = Duration::from_secs(10);

/// A session, connected to one namespace. The server is not told when it is dropped.
#[derive(Debug)]
pub struct Polling {
    http: Http,
    namespace: String,
    /// In a query.
    session: String,
}

impl Polling {
    /// Opens a session, and waits until the namespace has let it in.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or is refused.
    pub async fn open(server: SocketAddr, namespace: &str) -> io::Result<Self> {
        let http = Http::open(server).await?;
        let mut polling = Self { http, namespace: namespace.to_owned(), session: String::new() };
        let open = polling.request("GET", "").await?;
        let session = open.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next());
        polling.session =
            format!("&sid={}", session.ok_or_else(|| io::Error::other(open.clone()))?);
        polling.say(&format!("40{namespace},")).await?;
        polling.until(|packet| packet.kind == Kind::Connect).await?;
        Ok(polling)
    }

    /// Posts an event, and polls until it is acknowledged.
    ///
    /// # Errors
    ///
    /// Where the session has ended.
    pub async fn answer(&mut self, event: &str, argument: &str) -> io::Result<()> {
        let text = format!("42{},1[\"{event}\",{argument}]", self.namespace);
        self.say(&text).await?;
        self.until(|packet| packet.kind == Kind::Ack).await
    }

    /// Posts an event so many times in one body, asking for acknowledgements.
    ///
    /// # Errors
    ///
    /// Where the session has ended.
    pub async fn ask_often(&mut self, event: &str, times: u64) -> io::Result<()> {
        let namespace = &self.namespace;
        let packets: Vec<_> =
            (1..=times).map(|id| format!("42{namespace},{id}[\"{event}\"]")).collect();
        let body = packets.join(&SEPARATOR.to_string());
        self.say(&body).await
    }

    /// Its session, as it stands in the query of a request.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Posts packets.
    ///
    /// # Errors
    ///
    /// Where the session has ended.
    pub async fn say(&mut self, text: &str) -> io::Result<()> {
        self.request("POST", text).await.map(drop)
    }

    /// Polls once: the packets.
    ///
    /// # Errors
    ///
    /// Where the session has ended.
    pub async fn poll(&mut self) -> io::Result<Vec<String>> {
        let body = self.request("GET", "").await?;
        Ok(body.split(SEPARATOR).map(str::to_owned).collect())
    }

    async fn until(&mut self, wanted: impl Fn(&Packet) -> bool) -> io::Result<()> {
        loop {
            let body = self.request("GET", "").await?;
            let packets: Vec<_> = body.split(SEPARATOR).collect();
            if packets.contains(&"2") {
                self.say("3").await?;
            }
            if packets.into_iter().filter_map(Packet::parse).any(|packet| wanted(&packet)) {
                return Ok(());
            }
        }
    }

    async fn request(&mut self, method: &str, body: &str) -> io::Result<String> {
        let target = format!("/socket.io/?EIO=4&transport=polling{}", self.session);
        let headers = [("Content-Type", "text/plain")];
        let request = self.http.request(method, &target, &headers, body.as_bytes());
        let response = timeout(PATIENCE, request).await??;
        let text = response.text()?.to_owned();
        match response.status {
            200 => Ok(text),
            status => Err(io::Error::other(format!("{status}: {text}"))),
        }
    }
}
