use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("moved", args)]
struct Moved {
    x: i32,
    y: i32,
}

#[derive(Serialize, Event)]
#[event("turned", args)]
struct Turned(i32);

fn main() {}
