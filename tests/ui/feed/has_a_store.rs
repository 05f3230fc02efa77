use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/post", emits(Letter))]
struct PostGateway;

#[derive(serde::Serialize, Event)]
#[event("letter", ack = ())]
struct Letter;

struct Letters;

fn main() {
    drop(App::builder().feed::<Letters>());
}
