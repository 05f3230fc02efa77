use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat", emits("new-message"))]
pub struct ChatGateway {
    server: Server,
}

#[web_socket_gateway(namespace = "/news", emits)]
pub struct NewsGateway {
    server: Server,
}

#[web_socket_gateway(namespace = "/empty", emits())]
pub struct EmptyGateway {
    server: Server,
}

#[web_socket_gateway(namespace = "/value", emits = NewMessage)]
pub struct ValueGateway {
    server: Server,
}

fn main() {}
