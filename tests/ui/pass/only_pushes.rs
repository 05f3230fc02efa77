// A gateway that nobody sends anything: by itself, with a block of plain methods, with an empty one.
#![deny(warnings)]

use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/news")]
pub struct NewsGateway {
    server: Server,
}

#[web_socket_gateway]
impl NewsGateway {
    pub async fn publish(&self, headline: &str) -> Result<(), EmitError> {
        self.server.emit("news", headline).await
    }
}

#[web_socket_gateway(namespace = "/ticks")]
pub struct TickGateway {
    pub server: Server,
}

#[web_socket_gateway]
impl TickGateway {}

fn main() {}
