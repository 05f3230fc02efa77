//! What leaves for a client on a WebSocket, frame by frame.

use super::{
    frames::{BINARY, CLOSE, FINAL, Head, HeadReader, TEXT, short_text},
    packets::{Own, PacketReader, Passed, Plain, Text},
};

/// Follows the frames that the stream below has taken.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    head: HeadReader,
    /// Bytes of the current frame that have not passed.
    left: u64,
    frame: Frame,
    packets: PacketReader,
    plain: Plain,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Frame {
    #[default]
    Other,
    Text,
    /// A text of which nothing more need be read.
    KnownText,
    Binary(u64),
}

/// What has left with some bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departed {
    pub(super) packets: usize,
    pub(super) bytes: usize,
    /// What of it socketioxide has sent by itself.
    pub(super) own: Departures,
}

/// What socketioxide has sent by itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departures {
    /// A ping of Engine.IO.
    pub(super) pinged: bool,
    /// The end of the session.
    pub(super) closed: bool,
    /// Somebody was let in.
    pub(super) accepted: bool,
    /// How many were not, since the last who was.
    pub(super) refused: u32,
    /// Answers to CONNECTs, in all.
    pub(super) answers: u32,
}

impl Departed {
    pub(super) fn text(&mut self, text: Text) {
        match text {
            Text::Passed(passed) => self.packet(passed),
            Text::Own(own) => self.own.note(own),
            Text::Nothing => {}
        }
    }

    /// A packet of ours.
    pub(super) fn packet(&mut self, Passed { bytes }: Passed) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

impl Departures {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn note(&mut self, own: Own) {
        match own {
            Own::Ping => self.pinged = true,
            Own::Close => self.closed = true,
            Own::Connect => {
                self.answers += 1;
                self.accepted = true;
                self.refused = 0;
            }
            Own::ConnectError => {
                self.answers += 1;
                self.refused += 1;
            }
        }
    }
}

impl Outbound {
    /// The next bytes were taken.
    // There is one caller that counts, and it calls this for every write.
    #[inline(always)]
    pub(super) fn took(&mut self, bytes: &[u8]) -> Departed {
        let mut departed = Departed::default();
        let rest = if self.is_between() { self.whole_packets(bytes, &mut departed) } else { bytes };
        if !rest.is_empty() {
            self.follow(rest, &mut departed);
        }
        departed
    }

    /// Whether no frame has been begun.
    #[inline(always)]
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_between() && self.packets.is_between()
    }

    /// Takes note of the packets at the beginning that are whole, and plain: nearly always those are
    /// all. Says what is behind them.
    #[inline]
    fn whole_packets<'a>(&mut self, mut bytes: &'a [u8], departed: &mut Departed) -> &'a [u8] {
        while let Some((payload, behind)) = short_text(bytes)
            && let Some(size) = self.plain.data(payload)
        {
            departed.packets += 1;
            departed.bytes += size;
            bytes = behind;
        }
        bytes
    }

    /// Whatever they are, and wherever they begin and end.
    #[cold]
    #[inline(never)]
    fn follow(&mut self, mut bytes: &[u8], departed: &mut Departed) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let (size, head) = self.head.read(bytes);
                bytes = &bytes[size..];
                let Some(head) = head else { break };
                self.left = head.length;
                self.frame = match head.opcode() {
                    TEXT => Frame::Text,
                    BINARY => Frame::Binary(head.length),
                    _ => Frame::Other,
                };
            }
            let part = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= part as u64;
            if self.frame == Frame::Text && self.packets.text(&bytes[..part], self.left) {
                self.frame = Frame::KnownText;
            }
            bytes = &bytes[part..];
            if self.left == 0 {
                self.end_of_frame(departed);
            }
        }
    }

    fn end_of_frame(&mut self, departed: &mut Departed) {
        match self.frame {
            Frame::Other => {}
            Frame::Binary(size) => {
                if let Some(passed) = self.packets.end_of_binary(size) {
                    departed.packet(passed);
                }
            }
            Frame::Text | Frame::KnownText => departed.text(self.packets.end_of_text()),
        }
    }

    /// Where in bytes that are to follow a close frame begins, and its size.
    pub(super) fn find_close(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        if !self.head.partial().is_empty() {
            return None;
        }
        let mut at = usize::try_from(self.left).ok()?;
        loop {
            let (size, head) = HeadReader::default().read(bytes.get(at..)?);
            let head = head?;
            let size = size.checked_add(usize::try_from(head.length).ok()?)?;
            if head.opcode() == CLOSE {
                return (at + size <= bytes.len()).then_some((at, size));
            }
            at = at.checked_add(size)?;
        }
    }
}

/// A close frame of the server with this payload.
pub(super) fn close_frame(payload: &[u8]) -> Vec<u8> {
    let head = Head { first: FINAL | CLOSE, mask: None, length: payload.len() as u64 };
    [head.encode().as_slice(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let head = Head { first: FINAL | opcode, mask: None, length: payload.len() as u64 };
        [head.encode().as_slice(), payload].concat()
    }

    /// Three packets of ours, of 5, 66,000 + 5 + 3 and 4 bytes, and much that is not.
    fn stream() -> (Vec<u8>, Vec<usize>) {
        let mut stream = Vec::new();
        let mut ends = Vec::new();
        for (opcode, payload, is_end) in [
            (TEXT, &br#"0{"sid":"x"}"#[..], false),
            (TEXT, br#"40/chat,{"sid":"x"}"#, false),
            (TEXT, br#"42/chat,["a"]"#, true),
            (TEXT, b"2", false),
            (TEXT, br#"452-["b"]"#, false),
            (0x9, b"a ping of the protocol below", false),
            (BINARY, &[7; 66_000], false),
            (TEXT, b"3probe", false),
            (BINARY, b"xyz", true),
            (BINARY, b"of nobody", false),
            (TEXT, b"4312[{}]", true),
            (CLOSE, b"", false),
        ] {
            stream.extend(frame(opcode, payload));
            if is_end {
                ends.push(stream.len());
            }
        }
        (stream, ends)
    }

    #[test]
    fn a_packet_has_left_with_its_last_byte_wherever_the_stream_is_split() {
        let (stream, ends) = stream();
        let (start, end) = (ends[0] + 60, ends[1] - 60);
        let splits = (0..start).chain(end..=stream.len());
        for split in splits {
            let mut outbound = Outbound::default();
            let before = outbound.took(&stream[..split]);
            assert_eq!(before.packets, ends.iter().filter(|end| **end <= split).count(), "{split}");
            let after = outbound.took(&stream[split..]);
            assert_eq!(before.packets + after.packets, 3);
            assert_eq!(before.bytes + after.bytes, 5 + 66_008 + 4);
            assert!(before.own.pinged || after.own.pinged);
            assert_eq!(before.own.answers + after.own.answers, 1);
        }
        let mut outbound = Outbound::default();
        let all = stream.iter().map(|byte| outbound.took(&[*byte]));
        assert_eq!(all.map(|departed| departed.bytes).sum::<usize>(), 5 + 66_008 + 4);
    }

    #[test]
    fn a_close_frame_is_found_behind_others() {
        let (stream, ends) = stream();
        let outbound = Outbound::default();
        assert_eq!(outbound.find_close(&stream), Some((ends[2], 2)));
        assert_eq!(outbound.find_close(&stream[..ends[2]]), None);
        assert_eq!(outbound.find_close(&stream[..ends[2] + 1]), None);
        let mut outbound = Outbound::default();
        outbound.took(&stream[..ends[0] + 20]);
        assert_eq!(outbound.find_close(&stream[ends[0] + 20..]), Some((ends[2] - ends[0] - 20, 2)));
    }
}
