//! An application that calls gateway-core by another name, and wants no more of it than the attributes:
//! they find it by that name, without `crate = ..`.

use std::sync::Arc;

use gw::prelude::*;

/// Somebody to ask.
#[injectable]
#[derive(Debug)]
pub struct Clock;

/// A gateway like any other.
#[web_socket_gateway(namespace = "/renamed")]
#[derive(Debug)]
pub struct RenamedGateway {
    clock: Arc<Clock>,
}

#[web_socket_gateway]
impl RenamedGateway {
    #[subscribe_message("clock")]
    async fn clock(&self) -> String {
        format!("{:?}", self.clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn its_gateways_are_found() {
        let app = App::builder().expect::<RenamedGateway>().build().await.unwrap();
        assert!(app.route_table().contains("RenamedGateway::clock"), "{}", app.route_table());
    }
}
