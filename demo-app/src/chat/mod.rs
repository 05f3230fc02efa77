//! The chat: rooms, their members, their messages.

mod gateway;
mod guard;
mod model;
mod store;
mod timing;
mod turns;

pub(crate) use gateway::ChatGateway;
