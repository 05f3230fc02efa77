use gateway_core::prelude::*;

#[derive(serde::Deserialize)]
struct Point {
    x: i32,
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("bodies")]
    async fn bodies(&self, MessageBody(room): MessageBody<String>, MessageBody(count): MessageBody<u64>) {
        drop((room, count));
    }

    #[subscribe_message("both-forms")]
    async fn both_forms(&self, name: MessageBody<String>, MessageBody(Valid(point)): MessageBody<Valid<Point>>) {
        drop((name, point.x));
    }

    #[subscribe_message("acks")]
    async fn acks(&self, first: Ack, second: Option<Ack>) {
        drop((first, second));
    }
}

fn main() {}
