use gateway_core::prelude::*;

#[use_filters(Translate)]
struct NoGateway;

#[use_filters(Translate)]
fn free() {}

impl NoGateway {
    #[use_filters(Translate)]
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

fn main() {}
