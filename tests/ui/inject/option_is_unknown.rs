use gateway_core::prelude::*;

trait Clock {}

#[injectable(as Clock)]
struct SystemClock;

#[injectable(scope = Request)]
struct WallClock;

fn main() {}
