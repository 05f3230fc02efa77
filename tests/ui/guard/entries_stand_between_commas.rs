use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_guards(Members Admins, Roles::any(["admin"]) Owners)]
struct ChatGateway;

#[web_socket_gateway]
#[use_guards = "Members"]
struct PresenceGateway;

fn main() {}
