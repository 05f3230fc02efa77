use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway {
    #[set_metadata(Needs("member"))]
    #[init]
    sent: u32,
}

fn main() {}
