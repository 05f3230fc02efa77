use gateway_core::WsError;

#[derive(Debug, thiserror::Error, WsError)]
enum TicketError {
    #[error("closed")]
    Closed,
}

#[derive(Debug, thiserror::Error, WsError)]
#[error("closed")]
struct Closed;

fn main() {}
