use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("connect")]
    async fn connect(&self) {}

    #[subscribe_message("connect_error")]
    async fn connect_error(&self) {}

    #[subscribe_message("disconnect")]
    async fn disconnect(&self) {}

    #[subscribe_message("disconnecting")]
    async fn disconnecting(&self) {}

    #[subscribe_message("newListener")]
    async fn new_listener(&self) {}

    #[subscribe_message("removeListener")]
    async fn remove_listener(&self) {}
}

fn main() {}
