//! Who is online.

mod gateway;
