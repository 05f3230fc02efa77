//! The load generator: many clients in one thread, which count every answer.

mod client;
mod fleet;
mod frame;
mod packet;
#[cfg(test)]
mod tests;
mod window;
mod work;

pub(crate) use fleet::{Fleet, Target, Work};
pub(crate) use work::{Arrive, Churn, Join, Question, RoundTrips, Talk};
