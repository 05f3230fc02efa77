use gateway_core::prelude::*;

#[subscribe_message("send-message")]
async fn send_message(socket: Socket) {
    drop(socket);
}

fn main() {}
