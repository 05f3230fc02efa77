use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway {
    #[use_filters(Translate)]
    #[init]
    sent: u32,
}

fn main() {}
