use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = ["https://example.com"], credentials = "include"))]
struct ChatGateway;

fn main() {}
