//! Bytes that a client on a WebSocket sends as text: `b` and base64, as on polling.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::frames::{BINARY, CONTINUATION, FINAL, Head};

/// As lenient as the reference server's: who pads and who does not is understood.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What such a text begins with.
pub(super) const MARK: u8 = b'b';

/// Collects a text, which its reader then is given in frames of bytes.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    text: Vec<u8>,
}

impl Encoded {
    /// The next bytes, of which the first is masked by `mask[0]`.
    pub(super) fn follow(&mut self, bytes: &[u8], mask: [u8; 4]) {
        self.text.extend(bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }

    /// How many bytes it stands for, and their frames, none of them larger than `piece`; nothing where it
    /// is not base64.
    pub(super) fn into_frames(self, piece: usize) -> Option<(usize, Vec<u8>)> {
        let bytes = BASE64.decode(self.text.strip_prefix(&[MARK])?).ok()?;
        drop(self.text);
        let mut frames = Vec::with_capacity(bytes.len() + (bytes.len() / piece + 1) * Head::MAX);
        let mut rest = &bytes[..];
        let mut opcode = BINARY;
        loop {
            let (payload, behind) = rest.split_at(rest.len().min(piece));
            let last = if behind.is_empty() { FINAL } else { 0 };
            let length = payload.len() as u64;
            let head = Head { first: last | opcode, mask: Some([0; 4]), length };
            frames.extend_from_slice(head.encode().as_slice());
            frames.extend_from_slice(payload);
            if behind.is_empty() {
                return Some((bytes.len(), frames));
            }
            (rest, opcode) = (behind, CONTINUATION);
        }
    }
}
