// A gateway's handlers may be spread over blocks and modules; other impls are left alone.
#![deny(warnings)]

use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat")]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) -> u32 {
        self.helper()
    }
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("read")]
    async fn read(&self) {}

    #[on_connection]
    async fn connected(&self) {}
}

impl ChatGateway {
    fn helper(&self) -> u32 {
        Self::NUMBER
    }
}

mod hooks {
    use gateway_core::prelude::*;

    #[web_socket_gateway]
    impl super::ChatGateway {
        pub(super) const NUMBER: u32 = 5;

        #[on_disconnect]
        async fn disconnected(&self) {}

        #[after_init]
        async fn ready(&self) {}

        /// No handler: no attribute.
        pub fn visible<T: Clone>(value: &T) -> T {
            value.clone()
        }
    }
}

fn main() {
    let _ = ChatGateway::visible(&1);
}
