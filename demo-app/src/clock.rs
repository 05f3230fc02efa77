//! Points in time as clients see them.

use time::OffsetDateTime;

/// The present as ISO 8601 in UTC with milliseconds, the form of JavaScript's `Date.toISOString()`.
pub(crate) fn now() -> String {
    iso_8601(OffsetDateTime::now_utc())
}

fn iso_8601(time: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_javascript_prints() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_709_164_805_007_999_999).unwrap();
        assert_eq!(iso_8601(time), "2024-02-29T00:00:05.007Z");
    }
}
