use gateway_core::prelude::*;

type Answer = Ack;
type Perhaps<T> = Option<T>;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("alias")]
    async fn alias(&self, answer: Answer) -> u32 {
        drop(answer);
        1
    }

    #[subscribe_message("generic")]
    async fn generic(&self, socket: Socket, ack: Perhaps<Answer>) -> Result<String, WsException> {
        drop((socket, ack));
        Ok(String::new())
    }

    #[subscribe_message("event")]
    async fn event(&self, answer: Answer) -> WsResponse<u32> {
        drop(answer);
        WsResponse::new("event", 1)
    }
}

fn main() {}
