use gateway_core::prelude::*;

#[web_socket_gateway(guards(Members), interceptors = [Timing], filters(Translate))]
struct ChatGateway;

fn main() {}
