use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("disconnect")]
struct Gone {
    reason: String,
}

fn main() {}
