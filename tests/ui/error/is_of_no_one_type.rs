use gateway_core::WsError;

#[derive(Debug, thiserror::Error, WsError)]
#[error("closed")]
#[ws(code = "CLOSED")]
struct Closed<T: std::fmt::Debug>(T);

#[derive(WsError)]
#[ws(code = "CLOSED")]
union Bits {
    bits: u32,
}

fn main() {}
