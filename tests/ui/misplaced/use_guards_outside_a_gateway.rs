use gateway_core::prelude::*;

#[use_guards(Admin)]
#[web_socket_gateway]
struct ChatGateway;

#[use_interceptors(Timing)]
fn timed() {}

#[use_pipes(Trim)]
mod pipes {}

#[set_metadata(Role::Admin)]
struct Settings;

fn main() {}
