use gateway_core::prelude::*;

struct Config {
    origins: Vec<String>,
}

#[web_socket_gateway(cors(origins = |config| config.origins.clone()))]
struct ChatGateway;

#[web_socket_gateway(cors(origins = |config: Config| config.origins))]
struct PresenceGateway;

fn main() {}
