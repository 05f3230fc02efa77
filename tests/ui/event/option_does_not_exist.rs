use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("question", akc = bool)]
struct Question;

#[derive(Serialize, Event)]
#[event("order", ack)]
struct Order;

#[derive(Serialize, Event)]
#[event("first", "second")]
struct Two;

fn main() {}
