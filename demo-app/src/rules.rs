//! Rules for fields, beyond those that garde has.

/// What a rule is made of: what must hold, and what is said where it does not.
pub(crate) fn must(hold: bool, otherwise: &str) -> garde::Result {
    if hold { Ok(()) } else { Err(garde::Error::new(otherwise)) }
}

/// For text that is to be stored: PostgreSQL takes every character but U+0000.
pub(crate) fn storable(text: &str, (): &()) -> garde::Result {
    must(!text.contains('\0'), "must not contain the character U+0000")
}
