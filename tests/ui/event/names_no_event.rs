use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
struct NewMessage {
    text: String,
}

#[derive(Serialize, Event)]
#[event]
struct UserJoined {
    user: u64,
}

#[derive(Serialize, Event)]
#[event("")]
struct UserLeft {
    user: u64,
}

fn main() {}
