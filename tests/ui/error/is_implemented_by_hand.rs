use gateway_core::{WsError, WsException};

#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

impl WsError for Closed {
    fn exception(&self) -> WsException {
        WsException::new("closed").with_code("CLOSED")
    }
}

fn main() {}
