use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = ["https://example.com"], credentials))]
struct ChatGateway;

fn main() {}
