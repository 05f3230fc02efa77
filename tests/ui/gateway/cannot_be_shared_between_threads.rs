use std::cell::RefCell;

use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway {
    #[init]
    names: RefCell<Vec<String>>,
}

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self) {}

    #[subscribe_message("join")]
    async fn join(&self, MessageBody(name): MessageBody<String>) -> usize {
        self.names.borrow_mut().push(name);
        self.names.borrow().len()
    }
}

#[injectable]
struct Names {
    #[init]
    names: RefCell<Vec<String>>,
}

fn main() {}
