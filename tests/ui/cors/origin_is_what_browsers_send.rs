use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = [
    "https://*.example.com",
    "http://localhost:*",
    "https://Example.com:443",
    " https://a.example",
    "https://münchen.example",
    "http://127.1",
    "null",
    "capacitor://localhost",
]))]
struct ChatGateway;

fn main() {}
