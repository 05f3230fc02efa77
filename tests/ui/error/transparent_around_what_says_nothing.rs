use gateway_core::WsError;

#[derive(Debug, thiserror::Error, WsError)]
enum TicketError {
    #[error("the store is not there")]
    #[ws(transparent)]
    Store(std::io::Error),
}

fn main() {}
