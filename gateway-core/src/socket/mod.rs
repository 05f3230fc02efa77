//! The way out: connections, what waits for them, and the handles that applications hold.

pub(crate) mod acks;
pub(crate) mod broadcast;
pub(crate) mod connection;
pub(crate) mod deadlines;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod handle;
mod member;
pub(crate) mod namespace;
mod namespaces;
pub(crate) mod newest;
pub(crate) mod observer;
pub(crate) mod outbox;
pub(crate) mod remote_socket;
pub(crate) mod rooms;
pub(crate) mod server;
pub(crate) mod server_side;
pub(crate) mod settings;
