use gateway_core::prelude::*;

struct Config {
    size: usize,
}

#[web_socket_gateway]
struct ChatGateway {
    #[init(|config| config.size)]
    untyped: usize,
    #[init(|config: Config| config.size)]
    owned: usize,
    #[init(|config: &mut Config| config.size)]
    mutable: usize,
    #[init(async |config: &Config| config.size)]
    awaited: usize,
}

#[injectable]
struct Store {
    #[init(|config: &Config| config.size)]
    name: String,
}

fn main() {}
