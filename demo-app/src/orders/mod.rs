//! Orders: taken over HTTP, and told to every device of their user.

mod model;
mod notifications;
mod routes;
mod store;

pub(crate) use routes::routes;
pub(crate) use store::OrderStore;
