use gateway_core::prelude::*;

struct Needs(&'static str);

#[web_socket_gateway]
#[set_metadata(Needs("member"), Needs("admin"))]
struct ChatGateway;

fn main() {}
