use gateway_core::WsError;

#[derive(Debug, WsError)]
enum TicketError {
    #[ws(code = "CLOSED", message = "It is closed")]
    Closed,
}

fn main() {}
