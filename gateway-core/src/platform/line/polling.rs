//! What leaves for a client on polling: the body of a response, in pieces.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::AbortOnDropHandle;

use super::{
    DrainRate, Line, PacketLimits, StreamOptions, outbound::Departed, packets::PacketReader,
};

/// Packets of a session, as one response of its server.
///
/// The HTTP server takes it piece by piece, and a packet has left when its last byte was taken. That
/// server has a buffer of its own: with hyper, some hundred KiB may still be there.
#[derive(Debug)]
pub(crate) struct PolledBody {
    packets: Bytes,
    /// Bytes that were taken.
    taken: usize,
    /// Where the first packet begins that has not been taken completely.
    next: usize,
    /// Up to where its end has been looked for.
    searched: usize,
    reader: PacketReader,
    line: Line,
    failed_connects: usize,
    watched: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    taken: Arc<AtomicUsize>,
    _watch: AbortOnDropHandle<()>,
}

/// Bytes of a piece.
const PIECE: usize = 16 * 1024;

/// What an HTTP server may take at once without its client reading: nothing to watch.
const TAKEN_AT_ONCE: usize = 256 * 1024;

/// Between two packets.
const SEPARATOR: u8 = 0x1e;

impl PolledBody {
    pub(crate) fn new(packets: Bytes, line: Line, options: StreamOptions) -> Self {
        let StreamOptions { rate, packets: PacketLimits { failed_connects, .. }, .. } = options;
        let watched = (packets.len() > TAKEN_AT_ONCE && rate.bytes_per_second > 0)
            .then(|| Watched::new(line.clone(), rate));
        Self {
            packets,
            taken: 0,
            next: 0,
            searched: 0,
            reader: PacketReader::default(),
            line,
            failed_connects,
            watched,
        }
    }

    fn is_taken(&self) -> bool {
        self.taken == self.packets.len()
    }

    /// Counts the packets that end before what was taken does.
    fn count(&mut self) {
        let mut departed = Departed::default();
        while self.next < self.taken || self.is_taken() && self.next < self.packets.len() {
            let searched = self.searched.max(self.next);
            let found =
                self.packets[searched..self.taken].iter().position(|byte| *byte == SEPARATOR);
            let end = match found {
                Some(end) => searched + end,
                None if self.is_taken() => self.taken,
                None => {
                    self.searched = self.taken;
                    break;
                }
            };
            let packet = &self.packets[self.next..end];
            self.next = end + 1;
            match packet {
                [b'b', encoded @ ..] => {
                    if let Some(passed) = self.reader.end_of_binary(decoded_len(encoded)) {
                        departed.packet(passed);
                    }
                }
                text => {
                    self.reader.text(text, 0);
                    departed.text(self.reader.end_of_text());
                }
            }
        }
        self.line.departed(departed, self.failed_connects);
    }
}

/// Bytes that are encoded in padded base64.
fn decoded_len(encoded: &[u8]) -> u64 {
    let padding = encoded.iter().rev().take_while(|byte| **byte == b'=').count();
    (encoded.len() / 4 * 3).saturating_sub(padding) as u64
}

/// Whether the packets of one side end the session, or are the nothing with which socketioxide ends a poll
/// of one that has ended.
pub(crate) fn end_session(packets: &[u8]) -> bool {
    packets.is_empty() || packets.split(|byte| *byte == SEPARATOR).any(|packet| packet == b"1")
}

impl Watched {
    /// Cuts the line if too little is taken.
    fn new(line: Line, rate: DrainRate) -> Self {
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let watch = tokio::spawn(async move {
            let mut before = 0;
            loop {
                tokio::time::sleep(DrainRate::WINDOW).await;
                // A count, and nothing that it publishes.
                let now = counted.load(Ordering::Relaxed);
                if ((now - before) as u64) < rate.per_window() {
                    line.cut();
                    return;
                }
                before = now;
            }
        });
        Self { taken, _watch: AbortOnDropHandle::new(watch) }
    }
}

impl Body for PolledBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_taken() {
            return Poll::Ready(None);
        }
        let from = self.taken;
        self.taken = self.packets.len().min(from + PIECE);
        let piece = self.packets.slice(from..self.taken);
        self.count();
        if let Some(watched) = &self.watched {
            watched.taken.store(self.taken, Ordering::Relaxed);
        }
        if self.is_taken() {
            self.watched = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_taken()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.packets.len() - self.taken) as u64)
    }
}

impl Drop for PolledBody {
    fn drop(&mut self) {
        // What it was to read is nowhere else any more, and it must not go on without.
        if !self.is_taken() {
            self.line.cut();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;
    use crate::platform::line::InFlight;

    /// What one look yields.
    fn piece(body: &mut PolledBody) -> Option<Bytes> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let frame = frame.now_or_never().expect("always ready")?;
        Some(frame.unwrap().into_data().unwrap())
    }

    #[test]
    fn the_size_of_what_is_encoded() {
        for (encoded, size) in [("", 0), ("AQ==", 1), ("AQI=", 2), ("AQID", 3), ("AQIDBA==", 4)] {
            assert_eq!(decoded_len(encoded.as_bytes()), size);
        }
    }

    #[test]
    fn packets_have_left_when_they_were_taken() {
        let line = Line::default();
        let large = format!(r#"["{}"]"#, "x".repeat(40_000));
        for size in [5, large.len(), 5 + 4 + 1, 2] {
            line.ledger().claim(size);
        }
        let packets = [
            r#"40{"sid":"x"}"#,
            r#"42["a"]"#,
            "2",
            &format!("42/chat,{large}"),
            r#"452-["b"]"#,
            "bAQIDBA==",
            "bAQ==",
            "439[]",
        ]
        .join("\x1e");
        let mut body =
            PolledBody::new(packets.clone().into(), line.clone(), StreamOptions::default());
        assert_eq!(body.size_hint().exact(), Some(packets.len() as u64));
        let mut taken = Vec::new();
        let first = piece(&mut body).unwrap();
        taken.extend_from_slice(&first);
        assert_eq!(line.ledger().in_flight().packets, 3);
        taken.extend_from_slice(&piece(&mut body).unwrap());
        assert_eq!(line.ledger().in_flight().packets, 3);
        assert!(!body.is_end_stream());
        taken.extend_from_slice(&piece(&mut body).unwrap());
        assert_eq!(line.ledger().in_flight(), InFlight::default());
        assert!(body.is_end_stream() && piece(&mut body).is_none());
        assert_eq!(taken, packets.into_bytes());
        drop(body);
        assert!(!line.is_cut());
    }

    #[test]
    fn who_does_not_take_all_of_it_is_not_to_go_on() {
        let line = Line::default();
        let mut body =
            PolledBody::new(vec![b'x'; 20_000].into(), line.clone(), StreamOptions::default());
        piece(&mut body).unwrap();
        drop(body);
        assert!(line.is_cut());
        let line = Line::default();
        drop(PolledBody::new(Bytes::new(), line.clone(), StreamOptions::default()));
        assert!(!line.is_cut());
    }

    #[tokio::test(start_paused = true)]
    async fn it_must_be_taken_at_the_minimum_rate() {
        for (every, cut) in [(5, false), (9, true)] {
            let line = Line::default();
            let mut body =
                PolledBody::new(vec![b'x'; 600_000].into(), line.clone(), StreamOptions::default());
            while piece(&mut body).is_some() {
                tokio::time::sleep(Duration::from_secs(every)).await;
            }
            assert_eq!(line.is_cut(), cut, "{every}");
        }
    }
}
