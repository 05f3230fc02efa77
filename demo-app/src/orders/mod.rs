//! Orders: taken over HTTP, and told to every device of their user.

mod delivery;
mod events;
mod model;
mod notifications;
mod routes;
mod service;
mod store;
mod streams;

pub(crate) use routes::routes;
