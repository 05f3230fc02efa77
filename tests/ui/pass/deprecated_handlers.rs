// Marking a handler or a gateway as deprecated warns who calls it, and not its registration.
#![deny(warnings)]

use gateway_core::prelude::*;

#[web_socket_gateway]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[deprecated = "use `send-message`"]
    #[subscribe_message("say")]
    pub async fn say(&self) {}

    #[subscribe_message("shout")]
    #[deprecated]
    pub async fn shout(&self) {}

    #[deprecated]
    #[on_connection]
    pub async fn connected(&self) {}
}

fn main() {}
