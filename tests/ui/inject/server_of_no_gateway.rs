use gateway_core::prelude::*;

struct Store;

#[injectable]
struct Notifications {
    store: Server<Store>,
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("say")]
    async fn say(&self, store: Server<Store>) {}
}

fn main() {
    let app: Option<App> = None;
    if let Some(app) = app {
        app.server::<Store>();
    }
}
