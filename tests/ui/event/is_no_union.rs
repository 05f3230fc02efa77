use gateway_core::prelude::*;

#[derive(Event)]
#[event("either")]
union Either {
    whole: u64,
    part: f64,
}

fn main() {}
