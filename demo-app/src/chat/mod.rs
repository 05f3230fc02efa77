//! The chat: rooms, their members, their messages.

mod filter;
mod gateway;
mod model;
mod store;

pub(crate) use store::MessageStore;
