// `crate = path` says where the framework is, for those who re-export it under another name.
#![deny(warnings)]

mod framework {
    pub use gateway_core as gateways;
}

use framework::gateways::prelude::*;

#[web_socket_gateway(namespace = "/chat", crate = crate::framework::gateways)]
pub struct ChatGateway;

#[web_socket_gateway(crate = framework::gateways)]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) -> u32 {
        1
    }
}

#[injectable(crate = framework::gateways)]
pub struct Store;

// By its path, without an import.
#[gateway_core::web_socket_gateway]
impl ChatGateway {
    #[gateway_core::subscribe_message("read")]
    async fn read(&self) {}

    #[framework::gateways::on_connection]
    async fn connected(&self) {}
}

fn main() {}
