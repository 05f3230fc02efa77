use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway {
    #[init()]
    sent: u32,
    #[init = 5]
    read: u32,
    #[init(1, 2)]
    joined: u32,
    #[init]
    #[init(3)]
    left: u32,
}

fn main() {}
