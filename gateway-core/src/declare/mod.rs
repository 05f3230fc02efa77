//! What generated code declares: the attributes, the facts they state, and the registry that
//! collects them.

#[cfg(feature = "macros")]
pub(crate) mod attributes;
pub(crate) mod facts;
pub(crate) mod registry;
mod server_of;
