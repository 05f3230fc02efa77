//! Whether a text is UTF-8, while it passes.

/// Follows a text that comes in masked pieces.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character whose end is to come.
    begun: [u8; 3],
    len: u8,
}

/// Bytes that are unmasked at once.
const AT_ONCE: usize = 256;

impl Utf8 {
    /// Takes the next bytes, of which the first is masked by `mask[0]`: says whether all is well so far.
    #[inline]
    pub(super) fn follow(&mut self, bytes: &[u8], mask: [u8; 4]) -> bool {
        // Nearly always, and without looking at each of them.
        self.len == 0 && is_ascii(bytes, mask) || self.follow_characters(bytes, mask)
    }

    /// Whether no character has begun.
    #[inline]
    pub(super) fn is_between(&self) -> bool {
        self.len == 0
    }

    #[inline(never)]
    fn follow_characters(&mut self, bytes: &[u8], mask: [u8; 4]) -> bool {
        let mut text = [0; AT_ONCE];
        let mut plain = bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        loop {
            let begun = usize::from(self.len);
            text[..begun].copy_from_slice(&self.begun[..begun]);
            let mut len = begun;
            for (place, byte) in text[begun..].iter_mut().zip(plain.by_ref()) {
                *place = byte;
                len += 1;
            }
            if len == begun {
                return true;
            }
            let rest = match std::str::from_utf8(&text[..len]) {
                Ok(_) => &[],
                Err(error) if error.error_len().is_some() => return false,
                Err(error) => &text[error.valid_up_to()..len],
            };
            self.len = rest.len() as u8;
            self.begun[..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Whether all of what is masked is below 0x80, where the mask begins with the bytes.
#[inline]
fn is_ascii(bytes: &[u8], mask: [u8; 4]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;

    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks::<8>();
    let high = words.iter().fold(0, |high, word| high | (u64::from_ne_bytes(*word) ^ wide));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut masked = [0; 8];
    masked[..rest.len()].copy_from_slice(&wide.to_ne_bytes()[..rest.len()]);
    let last = u64::from_ne_bytes(last) ^ u64::from_ne_bytes(masked);
    (high | last) & HIGH == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(bytes: &[u8], mask: [u8; 4]) -> Vec<u8> {
        bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
    }

    /// What is made of bytes that come in chunks of this size.
    fn is_text(bytes: &[u8], mask: [u8; 4], chunk: usize) -> bool {
        let mut utf8 = Utf8::default();
        let mut mask = mask;
        for chunk in bytes.chunks(chunk) {
            if !utf8.follow(&masked(chunk, mask), mask) {
                return false;
            }
            mask.rotate_left(chunk.len() % 4);
        }
        utf8.is_between()
    }

    #[test]
    fn characters_are_followed_wherever_they_are_split() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for text in ["", "a", "party 🎉", "€ä𝄞漢字", &"漢".repeat(400), &"x".repeat(1000)]
        {
            for chunk in [1, 2, 3, 5, 8, 255, 256, 257, 10_000] {
                assert!(is_text(text.as_bytes(), mask, chunk), "{text:.20} in {chunk}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_says_what_the_standard_library_does(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                prop::collection::vec(0..0x80_u8, 0..600),
                any::<String>().prop_map(String::into_bytes),
                any::<String>().prop_map(|text| {
                    let mut bytes = text.into_bytes();
                    bytes.pop();
                    bytes
                }),
            ],
            mask: [u8; 4],
            chunk in 1..50_usize,
        ) {
            prop_assert_eq!(is_text(&bytes, mask, chunk), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
