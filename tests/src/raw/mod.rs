//! A client that is nothing but its bytes, and the server process it talks to.
//!
//! An official client reads as fast as it can and says what the protocol lets it say. This one
//! reads as slowly as a test wants, stops reading, sends thousands of packets in one piece, and
//! packets that no official client would send.

mod client;
mod ends;
mod http;
mod machine;
mod neighbour;
mod packet;
mod polling;
mod probe;
mod server;
mod toll;

pub use client::{Client, Incoming, binary_frame, close_frame, ping_frame, text_frame};
pub use ends::{Ends, Speech, closed};
pub use http::{Http, Response};
pub use machine::{MIB, allow_open_files, in_mib, machine, until};
pub use neighbour::{Latencies, Neighbour, at_rest};
pub use packet::{Kind, Packet};
pub use polling::Polling;
pub use probe::{NO_HEARTBEAT, Probe, number};
pub use server::{MemoryGuard, Server};
pub use toll::{Bounds, Toll};
