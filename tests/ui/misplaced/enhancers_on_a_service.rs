use gateway_core::prelude::*;

#[use_guards(Members)]
#[injectable]
#[use_pipes(Trim)]
struct Notifications;

fn main() {}
