use gateway_core::prelude::*;

#[web_socket_gateway(cors(origin = ["https://example.com"], methods = ["GET"]))]
struct ChatGateway;

fn main() {}
