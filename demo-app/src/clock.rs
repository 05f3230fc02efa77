//! Points in time as clients see them.

use std::num::NonZeroU8;

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

/// To the millisecond.
const FORM: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) })
    .encode();

/// The present as ISO 8601 in UTC with milliseconds, the form of JavaScript's `Date.toISOString()`.
pub(crate) fn now() -> String {
    iso_8601(OffsetDateTime::now_utc())
}

fn iso_8601(time: OffsetDateTime) -> String {
    time.format(&Iso8601::<FORM>).expect("a year of four digits")
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
