//! Redis, where the processes of an application meet.

mod engine;
mod options;
mod place;
#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;

pub use self::options::Redis;
pub(crate) use self::place::{Connection, Place};
