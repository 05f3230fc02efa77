//! Excerpts of text that may be long: what a client sent, for an error or for the log.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// Marks where a text was cut.
const MARK: char = '…';

/// The text, or as many whole characters of it as fit into `bytes`, followed by a mark.
pub(crate) fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let kept = text.floor_char_boundary(bytes.saturating_sub(MARK.len_utf8()));
    Cow::Owned(format!("{}{MARK}", &text[..kept]))
}

/// What a value displays, cut in the same way; what does not fit is never even written.
pub(crate) fn display(value: impl fmt::Display, bytes: usize) -> String {
    let mut kept = Kept { text: String::new(), bytes };
    // Writing fails once there is more than is kept; what was written by then is cut.
    let _ = write!(kept, "{value}");
    match cut(&kept.text, bytes) {
        Cow::Borrowed(_) => kept.text,
        Cow::Owned(text) => text,
    }
}

/// As much of what a client has chosen, or may have, as a field of the log is given.
pub(crate) fn logged(value: impl fmt::Display) -> String {
    const LONGEST: usize = 256;
    display(value, LONGEST)
}

struct Kept {
    text: String,
    bytes: usize,
}

impl Write for Kept {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        // One character more than fits shows that the text has to be cut.
        let room = (self.bytes + 1).saturating_sub(self.text.len());
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        self.text.push_str(&piece[..piece.ceil_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_marked() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abc…");
        assert_eq!(cut("ab\u{1F600}defg", 7), "ab…");
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn what_is_displayed_is_cut_alike() {
        for text in ["", "abcdef", "abcdefg", "ab\u{1F600}defg", "\u{1F600}\u{1F600}"] {
            for bytes in 0..10 {
                assert_eq!(display(text, bytes), cut(text, bytes), "{text:?}, {bytes}");
                assert_eq!(
                    display(format_args!("a{text}"), bytes),
                    cut(&format!("a{text}"), bytes)
                );
            }
        }
    }
}
