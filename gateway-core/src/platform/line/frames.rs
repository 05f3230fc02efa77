//! The heads of WebSocket frames (RFC 6455, 5.2), read from a stream that may end anywhere.

/// Of a frame: what its first two to fourteen bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The first byte: whether the frame is a message's last, reserved bits, and the opcode.
    pub(super) first: u8,
    pub(super) mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub(super) length: u64,
}

pub(super) const FINAL: u8 = 0x80;
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// A control frame may come between the frames of a message.
const CONTROL: u8 = 0x8;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

impl Head {
    /// Bytes of the longest head.
    pub(super) const MAX: usize = 14;

    pub(super) fn opcode(&self) -> u8 {
        self.first & OPCODE
    }

    pub(super) fn is_final(&self) -> bool {
        self.first & FINAL != 0
    }

    pub(super) fn is_control(&self) -> bool {
        self.first & CONTROL != 0
    }

    /// As it is written, in the shortest form of its length.
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = Bytes::default();
        bytes.push(self.first);
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match self.length {
            0..126 => bytes.push(self.length as u8 | masked),
            126..0x1_0000 => {
                bytes.push(126 | masked);
                bytes.extend(&(self.length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(127 | masked);
                bytes.extend(&self.length.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            bytes.extend(&mask);
        }
        bytes
    }
}

/// Of a head, or of a part of one: a few bytes, in place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bytes {
    bytes: [u8; Head::MAX],
    len: u8,
}

impl Bytes {
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Collects a head.
#[derive(Debug, Default)]
pub(super) struct HeadReader(Bytes);

impl HeadReader {
    /// Takes what it needs of `bytes`: says how many those are, and the head once it is complete.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Option<Head>) {
        // Nearly always all of it is there.
        if self.0.len == 0
            && let Some((size, head)) = parse(bytes)
        {
            return (size, Some(head));
        }
        for (taken, byte) in bytes.iter().enumerate() {
            self.0.push(*byte);
            if let Some((_, head)) = parse(self.0.as_slice()) {
                self.0 = Bytes::default();
                return (taken + 1, Some(head));
            }
        }
        (bytes.len(), None)
    }

    /// Whether no head has begun.
    #[inline]
    pub(super) fn is_between(&self) -> bool {
        self.0.len == 0
    }

    /// The bytes of a head that is not complete.
    pub(super) fn partial(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// The payload of a text of the server that is wholly at the beginning, and what is behind it: of
/// those below 64 KiB, which need no more than a look.
#[inline]
pub(super) fn short_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const SHORT: u8 = 125;
    const MEDIUM: u8 = 126;
    const WHOLE: u8 = FINAL | TEXT;

    match *bytes {
        [WHOLE, length @ 0..=SHORT, ref rest @ ..] => rest.split_at_checked(length.into()),
        [WHOLE, MEDIUM, high, low, ref rest @ ..] => {
            rest.split_at_checked(u16::from_be_bytes([high, low]).into())
        }
        _ => None,
    }
}

/// The head at the beginning, if it is complete, and its size.
#[inline]
fn parse(bytes: &[u8]) -> Option<(usize, Head)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second & !MASKED {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        length => (u64::from(length), rest),
    };
    let (mask, rest) = match second & MASKED {
        0 => (None, rest),
        _ => {
            let (mask, rest) = rest.split_first_chunk()?;
            (Some(*mask), rest)
        }
    };
    Some((bytes.len() - rest.len(), Head { first, mask, length }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads() -> impl Strategy<Value = Head> {
        let length = prop_oneof![0..130_u64, 65_000..66_000_u64, any::<u64>()];
        (any::<u8>(), prop::option::of(any::<[u8; 4]>()), length)
            .prop_map(|(first, mask, length)| Head { first, mask, length })
    }

    proptest! {
        #[test]
        fn a_head_is_read_as_it_was_written_wherever_it_is_split(
            head in heads(),
            behind in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let written = head.encode().as_slice().to_vec();
            let stream = [&written[..], &behind].concat();
            for split in 0..=stream.len() {
                let mut reader = HeadReader::default();
                let (before, after) = stream.split_at(split);
                let (taken, found) = reader.read(before);
                let (taken, found) = match found {
                    Some(head) => (taken, Some(head)),
                    None => {
                        prop_assert_eq!(taken, before.len());
                        prop_assert_eq!(reader.partial(), before);
                        let (more, found) = reader.read(after);
                        (taken + more, found)
                    }
                };
                prop_assert_eq!(found, Some(head));
                prop_assert_eq!(taken, written.len());
                prop_assert!(reader.partial().is_empty());
            }
        }
    }

    #[test]
    fn the_examples_of_the_standard() {
        for (bytes, size, head) in [
            (&[0x81, 0x05, 0x48][..], 2, Head { first: 0x81, mask: None, length: 5 }),
            (
                &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f],
                6,
                Head { first: 0x81, mask: Some([0x37, 0xfa, 0x21, 0x3d]), length: 5 },
            ),
            (&[0x82, 0x7e, 0x01, 0x00], 4, Head { first: 0x82, mask: None, length: 256 }),
            (
                &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0],
                10,
                Head { first: 0x82, mask: None, length: 65_536 },
            ),
        ] {
            assert_eq!(parse(bytes), Some((size, head)));
        }
    }
}
