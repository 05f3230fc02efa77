use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("say \"hello\"")]
    async fn quote(&self) {}

    #[subscribe_message("a\\b")]
    async fn backslash(&self) {}

    #[subscribe_message("a\nb")]
    async fn line_break(&self) {}

    #[subscribe_message("café")]
    async fn not_ascii(&self) {}
}

fn main() {}
