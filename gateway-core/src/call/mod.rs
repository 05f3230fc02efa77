//! One call of a handler or a hook: its context, what is put around it, what it takes and what it returns.
//!
//! It knows the connection that a call is for, but not how the message arrived: `dispatch/` starts calls.

pub(crate) mod ack;
pub(crate) mod context;
pub(crate) mod enhancers;
pub(crate) mod extract;
pub(crate) mod filter;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod interceptor;
pub(crate) mod metadata;
pub(crate) mod pipe;
pub(crate) mod reply;
pub(crate) mod route;
