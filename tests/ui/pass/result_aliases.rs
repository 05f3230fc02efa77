// The type decides what a reply is, and not its name.
#![deny(warnings)]

use gateway_core::prelude::*;

type Outcome<T> = std::result::Result<T, WsException>;
type Nothing = ();
type Answer = WsResponse<u32>;

mod chat {
    use super::*;

    pub type Result<T> = super::Outcome<T>;

    #[derive(Debug)]
    pub struct Full;

    impl std::fmt::Display for Full {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("full")
        }
    }

    impl std::error::Error for Full {}

    #[web_socket_gateway]
    pub struct ChatGateway;

    #[web_socket_gateway]
    impl ChatGateway {
        #[subscribe_message("outcome")]
        async fn outcome(&self) -> Outcome<u32> {
            Ok(1)
        }

        #[subscribe_message("module")]
        async fn module(&self) -> Result<()> {
            Ok(())
        }

        #[subscribe_message("nothing")]
        async fn nothing(&self) -> Nothing {}

        #[subscribe_message("answer")]
        async fn answer(&self) -> Result<Answer> {
            Ok(WsResponse::new("answer", 1))
        }

        #[subscribe_message("error")]
        async fn error(&self) -> std::result::Result<u32, Full> {
            Err(Full)
        }

        #[on_connection]
        async fn connected(&self) -> Outcome<()> {
            Ok(())
        }
    }
}

fn main() {
    let _ = chat::ChatGateway;
}
