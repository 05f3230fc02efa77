use gateway_core::prelude::*;

trait Clock: Send + Sync {}

#[injectable(as dyn Clock)]
struct SystemClock;

fn main() {}
