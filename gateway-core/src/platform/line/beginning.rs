//! How the last packet began: the next one mostly begins in the same way.

/// A kind and a namespace, in the first bytes of a text.
#[derive(Debug)]
pub(super) struct Beginning {
    bytes: u128,
    /// Which bytes those are.
    mask: u128,
    len: u8,
}

impl Default for Beginning {
    fn default() -> Self {
        // Which nothing begins with.
        Self { bytes: u128::MAX, mask: 0, len: 0 }
    }
}

impl Beginning {
    /// Bytes of a text that are looked at.
    pub(super) const SIZE: usize = 16;

    /// Bytes of the beginning, where a text has the same.
    #[inline]
    pub(super) fn of(&self, text: [u8; Self::SIZE]) -> Option<usize> {
        (u128::from_ne_bytes(text) & self.mask == self.bytes).then_some(usize::from(self.len))
    }

    /// Remembers the first `len` bytes of a text that begins with `42` or `43`: an event or an
    /// acknowledgement, which are alike from now on.
    pub(super) fn learn(&mut self, text: [u8; Self::SIZE], len: usize) {
        let mut mask = [0; Self::SIZE];
        mask[..len].fill(0xff);
        mask[1] = !(b'2' ^ b'3');
        self.len = len as u8;
        self.mask = u128::from_ne_bytes(mask);
        self.bytes = u128::from_ne_bytes(text) & self.mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> [u8; Beginning::SIZE] {
        let mut bytes = [b' '; Beginning::SIZE];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn events_and_acknowledgements_of_one_namespace_begin_alike() {
        let mut beginning = Beginning::default();
        assert_eq!(beginning.of([0; 16]), None);
        assert_eq!(beginning.of([0xff; 16]), None);
        beginning.learn(text("42/chat,[1]"), 8);
        for (other, len) in [
            ("42/chat,[2]", Some(8)),
            ("43/chat,7[]", Some(8)),
            ("42/chats,[1]", None),
            ("45/chat,[1]", None),
            ("42[1]", None),
        ] {
            assert_eq!(beginning.of(text(other)), len, "{other}");
        }
    }
}
