//! Events that servers and clients share are constants, wherever those stand.
#![deny(warnings)]

use gateway_core::prelude::*;

pub mod events {
    pub const SEND: &str = "send-message";
    pub static READ: &str = "read";

    pub enum Event {
        Joined,
    }

    impl Event {
        pub const fn name(self) -> &'static str {
            match self {
                Self::Joined => "joined",
            }
        }
    }
}

#[web_socket_gateway]
pub struct ChatGateway;

impl ChatGateway {
    const OWN: &str = "own";
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message(events::SEND)]
    async fn send(&self) {}

    #[subscribe_message(events::READ, serial)]
    async fn read(&self) {}

    #[subscribe_message(events::Event::Joined.name())]
    async fn joined(&self) {}

    #[subscribe_message(Self::OWN)]
    async fn own(&self) {}

    #[subscribe_message(concat!("a", "-", "b"))]
    async fn joined_together(&self) {}
}

fn main() {}
