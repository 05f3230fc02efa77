//! The way out: connections, what waits for them, and the handles that applications hold.

pub(crate) mod connection;
pub(crate) mod deadlines;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod namespace;
pub(crate) mod outbox;
pub(crate) mod remote_socket;
pub(crate) mod server;
pub(crate) mod server_side;
pub(crate) mod settings;
