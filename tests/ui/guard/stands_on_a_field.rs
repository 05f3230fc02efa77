use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway {
    #[use_guards(Members)]
    server: Server,
}

#[injectable]
struct Notifications {
    #[use_guards(Members)]
    chat: std::sync::Arc<ChatGateway>,
}

fn main() {}
