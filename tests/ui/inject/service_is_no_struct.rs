use gateway_core::prelude::*;

#[injectable]
enum Store {
    Memory,
    Disk,
}

#[injectable]
fn store() {}

fn main() {}
