//! Many processes of one application, which act as one: what is said in a namespace by one of them, all others
//! hear.
//!
//! This layer knows no sockets. Each namespace has an [`Adapter`], as in Socket.IO, through which it
//! [says](Adapter::say) and [asks](Adapter::ask), and is a [`Member`] itself, which hears what others say and answers
//! what they ask.
//!
//! ```text
//! Adapter::say ─▶ outgoing ─▶ writer ─▶ ┌────────┐ ─▶ reader ─▶ incoming ─▶ inbox ─▶ Member::hear
//!                                       │ engine │
//! Adapter::ask ─▶ ask ─────────▶ talk ─▶ └────────┘ ─▶ talk ─▶ ask ─▶ Member::asked, Asked::next
//! ```
//!
//! What is said is an *entry* of the *log*, which is kept by the [engine](engine::Engine). Entries of one process are
//! numbered, and whatever becomes of the log, others hear each of them once and in order, or are told that they have
//! missed some.

mod adapter;
mod ask;
mod emitters;
mod engine;
mod format;
mod health;
mod inbox;
mod incoming;
#[cfg(test)]
pub(crate) mod memory;
mod message;
mod outgoing;
mod pace;
mod peers;
mod post;
mod reader;
#[cfg(feature = "redis")]
pub(crate) mod redis;
mod retry;
mod talk;
#[cfg(test)]
mod tests;
mod writer;

#[cfg(feature = "redis")]
pub(crate) use self::retry::{Retry, random};
pub(crate) use self::{
    adapter::{Adapter, Cluster},
    ask::{Answers, Asked},
    message::{Answer, ClusterDown, Found, Member, Message, NotAll, Question},
};
