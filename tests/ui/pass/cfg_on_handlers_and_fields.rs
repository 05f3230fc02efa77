// What `#[cfg]` removes is not registered, and may name what does not exist.
#![deny(warnings)]

use gateway_core::prelude::*;

#[web_socket_gateway]
pub struct ChatGateway {
    #[cfg(any())]
    missing: Missing,
    #[cfg(any())]
    #[init(missing())]
    initialised: Missing,
    #[cfg(all())]
    #[init]
    pub present: u32,
}

#[web_socket_gateway]
impl ChatGateway {
    #[cfg(any())]
    #[subscribe_message("missing")]
    async fn missing(&self, body: MessageBody<Missing>) -> Missing {
        body.0
    }

    #[cfg(any())]
    #[on_connection]
    async fn missing_hook(&self, missing: Missing) {}

    #[cfg(all())]
    #[subscribe_message("present")]
    async fn present(&self) {}

    // Alternatives for one event.
    #[cfg(all())]
    #[subscribe_message("either")]
    async fn either(&self) {}

    #[cfg(not(all()))]
    #[subscribe_message("either")]
    async fn otherwise(&self) {}
}

#[web_socket_gateway]
impl ChatGateway {
    #[cfg(any())]
    #[subscribe_message("alone")]
    async fn alone(&self, missing: Missing) {}
}

fn main() {}
