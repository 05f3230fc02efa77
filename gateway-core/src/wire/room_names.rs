//! Names of rooms. The application's names and the framework's own never collide.

/// The names of our own rooms start with this. If one of the application's names does, two more are put in front.
const OWN: char = '\u{1}';

/// The room of all sockets of one user.
pub(crate) fn of_user(id: &str) -> String {
    format!("{OWN}user:{id}")
}

/// Whether a stored name is one of ours.
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with(OWN)
}

/// Whether it is the room of a user, as stored.
pub(crate) fn is_of_user(name: &str) -> bool {
    name.strip_prefix(OWN).is_some_and(|rest| !rest.starts_with(OWN))
}

/// One of the application's names, as it is stored.
pub(crate) fn stored(name: String) -> String {
    if name.starts_with(OWN) { format!("{OWN}{OWN}{name}") } else { name }
}

/// A stored name as the application gave it; `None` for our own.
pub(crate) fn shown(name: String) -> Option<String> {
    match is_own(&name) {
        false => Some(name),
        true => shown_of(&name).map(str::to_owned),
    }
}

/// The same, borrowed.
pub(crate) fn shown_of(name: &str) -> Option<&str> {
    match name.strip_prefix(OWN) {
        None => Some(name),
        Some(rest) => rest.strip_prefix(OWN),
    }
}

/// The user whose room a stored name is.
pub(crate) fn user_of(name: &str) -> Option<&str> {
    name.strip_prefix(OWN)?.strip_prefix("user:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_application_come_back_and_never_collide() {
        for name in ["lobby", "", "user:1", "\u{1}user:1", "\u{1}\u{1}x"] {
            let stored = stored(name.to_owned());
            assert_eq!(shown(stored.clone()).as_deref(), Some(name));
            assert_ne!(stored, of_user("1"));
            assert!(!is_of_user(&stored));
        }
        assert_eq!(shown(of_user("1")), None);
        assert_eq!(user_of(&of_user("1")), Some("1"));
        assert_eq!(user_of("user:1").or(user_of(&stored("\u{1}user:1".to_owned()))), None);
        assert!(is_of_user(&of_user("1")));
    }
}
