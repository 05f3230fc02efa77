use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error)]
#[error("the room is full")]
struct RoomIsFull;

impl From<RoomIsFull> for WsException {
    fn from(error: RoomIsFull) -> Self {
        WsException::new(error.to_string()).with_code("ROOM_IS_FULL")
    }
}

fn main() {}
