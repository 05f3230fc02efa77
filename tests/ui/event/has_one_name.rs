use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("new-message")]
#[event("message")]
struct NewMessage;

fn main() {}
