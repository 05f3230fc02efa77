use gateway_core::prelude::*;

#[derive(Event)]
#[event("new-message")]
struct NewMessage {
    text: String,
}

fn main() {}
