//! Names of types as people write them.

/// A type's name as one would write it: without the paths of its modules.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut word = String::new();
    for character in name.chars() {
        match character {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn names_lose_their_paths() {
        assert_eq!(short("alloc::string::String"), "String");
        assert_eq!(
            short("core::result::Result<(app::A, u8), gateway_core::WsException>"),
            "Result<(A, u8), WsException>"
        );
        assert_eq!(short("dyn app::Clock"), "dyn Clock");
        assert_eq!(short("&str"), "&str");
    }
}
