use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event(7)]
struct Seven;

#[derive(Serialize, Event)]
#[event(name = "new-message")]
struct NewMessage;

#[derive(Serialize, Event)]
#[event(ack = bool)]
struct Question;

fn main() {}
