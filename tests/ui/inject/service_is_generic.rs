use gateway_core::prelude::*;

#[injectable]
struct Store<T> {
    #[init]
    rows: Vec<T>,
}

fn main() {}
