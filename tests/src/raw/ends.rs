//! Connections that a server is to end: how many it did, when, and with which word.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::{Client, Incoming};

/// What a connection says: something, and something again and again.
#[derive(Debug, Clone, Default)]
pub struct Speech {
    /// At its beginning.
    pub at_once: Bytes,
    /// Then, until it is ended.
    pub then: Option<(Bytes, Duration)>,
}

/// How connections have ended.
#[derive(Debug, Default)]
pub struct Ends {
    /// Those that have not.
    pub open: usize,
    /// When the first and the last did, since the connection was opened.
    pub earliest: Option<Duration>,
    /// See there.
    pub latest: Duration,
    /// How many were told what: the status of an answer, or the code of a close frame.
    pub told: BTreeMap<Option<u16>, usize>,
}

impl Ends {
    /// Whether all have ended, and were told the same.
    #[must_use]
    pub fn all_told(&self, word: Option<u16>) -> bool {
        self.open == 0 && self.told.keys().all(|told| *told == word)
    }

    fn add(&mut self, end: Option<(Duration, Option<u16>)>) {
        let Some((after, word)) = end else {
            self.open += 1;
            return;
        };
        self.earliest = Some(self.earliest.map_or(after, |earliest| earliest.min(after)));
        self.latest = self.latest.max(after);
        *self.told.entry(word).or_default() += 1;
    }
}

impl Speech {
    /// What is said at once, and nothing more.
    pub fn once(text: impl Into<Bytes>) -> Self {
        Self { at_once: text.into(), then: None }
    }

    /// So many connections say this, and are waited for.
    ///
    /// # Errors
    ///
    /// Where one is not even accepted.
    ///
    /// # Panics
    ///
    /// Where a task of theirs does.
    pub async fn by(
        &self,
        count: usize,
        server: SocketAddr,
        patience: Duration,
    ) -> io::Result<Ends> {
        let mut open = JoinSet::new();
        for _ in 0..count {
            let stream = TcpStream::connect(server).await?;
            let speech = self.clone();
            let begun = Instant::now();
            open.spawn(async move {
                let word = timeout(patience, speech.to(stream)).await.ok()?;
                Some((begun.elapsed(), word))
            });
        }
        Ok(of_all(open).await)
    }

    /// Speaks until the end, which is told by the status of the first answer, if there was one.
    async fn to(self, stream: TcpStream) -> Option<u16> {
        let (mut reader, mut writer) = stream.into_split();
        let speaking = async {
            // It may be ended at any time.
            writer.write_all(&self.at_once).await.ok();
            if let Some((again, every)) = self.then {
                loop {
                    sleep(every).await;
                    if writer.write_all(&again).await.is_err() {
                        break;
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        let hearing = async {
            let mut head = [0; 16];
            let mut had = 0;
            loop {
                let mut rest = [0; 1024];
                let into = if had < head.len() { &mut head[had..] } else { &mut rest[..] };
                match reader.read(into).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => had = (had + count).min(head.len()),
                }
            }
            let status = std::str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.1 ")?;
            status.get(..3)?.parse().ok()
        };
        tokio::select! {
            word = hearing => word,
            () = speaking => None,
        }
    }
}

/// Reads each WebSocket to its end, and answers nothing.
///
/// # Panics
///
/// Where a task that reads does.
pub async fn closed(clients: Vec<Client>, patience: Duration) -> Ends {
    let mut open = JoinSet::new();
    for mut client in clients {
        let begun = Instant::now();
        open.spawn(async move {
            let reading = async {
                let mut word = None;
                // What waits to be written goes out meanwhile.
                while let Ok(said) = client.incoming().await {
                    if let Incoming::Close(code) = said {
                        word = code;
                    }
                }
                word
            };
            let word = timeout(patience, reading).await.ok()?;
            Some((begun.elapsed(), word))
        });
    }
    of_all(open).await
}

async fn of_all(open: JoinSet<Option<(Duration, Option<u16>)>>) -> Ends {
    let mut ends = Ends::default();
    open.join_all().await.into_iter().for_each(|end| ends.add(end));
    ends
}
