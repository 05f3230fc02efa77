use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct Receipt {
    read: bool,
}

#[derive(Serialize, Event)]
#[event("parcel", ack = Receipt)]
struct Parcel;

fn main() {}
