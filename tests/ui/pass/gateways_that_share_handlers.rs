//! Handlers that several gateways have in common are written once, by a `macro_rules!` that takes the gateway.
#![deny(warnings)]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gateway_core::prelude::*;

/// What they share, as a service.
#[injectable]
pub struct Visits {
    #[init]
    counted: AtomicU64,
}

impl Visits {
    fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[web_socket_gateway(namespace = "/buyers")]
pub struct BuyerGateway {
    visits: Arc<Visits>,
}

#[web_socket_gateway(namespace = "/sellers")]
pub struct SellerGateway {
    visits: Arc<Visits>,
}

/// The handlers of everybody who can be visited.
macro_rules! visited {
    ($($gateway:ident),*) => {$(
        #[web_socket_gateway]
        impl $gateway {
            #[subscribe_message("visit")]
            async fn visit(&self) -> u64 {
                self.visits.count()
            }
        }
    )*};
}

visited!(BuyerGateway, SellerGateway);

/// And one of its own.
#[web_socket_gateway]
impl SellerGateway {
    #[subscribe_message("sell")]
    async fn sell(&self, MessageBody(_price): MessageBody<u64>) {}
}

#[tokio::main]
async fn main() {
    let app = App::builder().build().await.unwrap();
    let table = app.route_table();
    let events = table.lines().filter_map(|line| line.split_whitespace().nth(1));
    assert_eq!(events.filter(|event| *event == "visit").count(), 2, "{table}");
}
