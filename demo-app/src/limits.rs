//! What the demo itself refuses for there being too much of it, counted as the framework counts its own refusals.

use metrics::{counter, describe_counter};

const REACHED: &str = "demo_limits_reached_total";

/// A limit, by its name, has refused something.
pub(crate) fn reached(limit: &'static str) {
    tracing::debug!(limit, "a limit was reached");
    counter!(REACHED, "limit" => limit).increment(1);
}

/// Tells the recorder, which must be there, what is counted.
pub(crate) fn describe() {
    describe_counter!(
        REACHED,
        "What was refused, by the limit of the demo's own that was reached."
    );
}
