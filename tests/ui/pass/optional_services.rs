//! A service that may be missing is an `Option`.
#![deny(warnings)]

use std::sync::Arc;

use gateway_core::prelude::*;

pub trait Mailer: Send + Sync {}

#[injectable]
pub struct Audit;

#[web_socket_gateway]
pub struct ChatGateway {
    pub mailer: Option<Arc<dyn Mailer>>,
    pub audit: Option<Arc<Audit>>,
}

#[tokio::main]
async fn main() {
    App::builder().expect::<Caller>().build().await.unwrap();
}

#[web_socket_gateway(namespace = "/caller")]
pub struct Caller {
    chat: Arc<ChatGateway>,
}

#[web_socket_gateway]
impl Caller {
    #[after_init]
    async fn ready(&self) {
        assert!(self.chat.mailer.is_none(), "nothing provides it");
        assert!(self.chat.audit.is_some(), "it is injectable");
    }
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("say")]
    async fn say(&self) {}
}
