use gateway_core::WsError;

#[derive(Debug, thiserror::Error, WsError)]
enum TicketError {
    #[error("empty")]
    #[ws(code = "")]
    Empty,

    #[error("internal")]
    #[ws(code = "INTERNAL")]
    Internal,

    #[error("number")]
    #[ws(code = 404)]
    Number,

    #[error("message")]
    #[ws(message = "It is closed")]
    Message,

    #[error("misspelt")]
    #[ws(kode = "CLOSED")]
    Misspelt,

    #[error("literal")]
    #[ws("CLOSED")]
    Literal,

    #[error("nothing")]
    #[ws]
    Nothing,

    #[error("transparent")]
    #[ws(transparent)]
    Transparent,

    #[error("both")]
    #[ws(transparent, code = "BOTH")]
    Both(std::io::Error),

    #[error("field")]
    #[ws(code = "FIELD")]
    Field(#[ws(code = "ID")] u64),

    #[error("with")]
    #[ws(with = Self::exception)]
    With,
}

fn main() {}
