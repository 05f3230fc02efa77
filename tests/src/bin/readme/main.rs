//! The program of the README as it stands there, but for the address, which is `LISTEN`'s.
//! `wire/cases/readme.test.mjs` runs the README's client against it.

#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/readme.rs"));
