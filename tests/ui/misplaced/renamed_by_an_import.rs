use gateway_core::prelude::*;
use gateway_core::{subscribe_message as on, use_guards as guarded_by};

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on("say")]
    async fn say(&self) {}

    #[guarded_by(Roles::any(["admin"]))]
    #[subscribe_message("wipe")]
    async fn wipe(&self) {}
}

fn main() {}
