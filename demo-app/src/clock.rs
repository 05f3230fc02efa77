//! Points in time as clients see them.

use std::time::SystemTime;

/// The present as ISO 8601 in UTC with milliseconds, the form of JavaScript's `Date.toISOString()`.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_javascript_prints() {
        let now = now();
        assert_eq!(now.len(), "2024-02-29T00:00:05.007Z".len(), "{now}");
        let age = humantime::parse_rfc3339(&now).unwrap().elapsed().unwrap();
        assert!(age.as_secs() < 60, "{now}");
    }
}
