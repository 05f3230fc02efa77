//! The way in: a gateway as it runs, and the conversation with each of its clients.

pub(crate) mod attend;
pub(crate) mod conversation;
pub(crate) mod draining;
pub(crate) mod gateway;
pub(crate) mod inbox;
pub(crate) mod pipeline;
pub(crate) mod sessions;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
