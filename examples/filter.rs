//! What clients are told when something goes wrong: errors with codes, and filters.
//!
//! ```sh
//! cargo run -p examples --example filter
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000");
//! console.log(await socket.emitWithAck("book", "12")); // 12
//!
//! // SEAT_TAKEN: seat 12 is taken
//! // NOT_A_SEAT: seats have numbers
//! // INTERNAL: Internal server error
//! for (const seat of ["12", "window", "13"]) {
//!   const { code, message } = await socket.emitWithAck("book", seat);
//!   console.log(`${code}: ${message}`);
//! }
//!
//! /* Whoever does not ask for an acknowledgement hears the event `exception`. */
//! socket.on("exception", ({ code }) => console.log(`heard ${code}`)); // heard SEAT_TAKEN
//! socket.emit("book", "12");
//! ```

use std::{collections::HashSet, env, io, num::ParseIntError, sync::Mutex};

use gateway_core::prelude::*;

/// The application's own error says itself what clients may know about it.
#[derive(Debug, thiserror::Error, WsError)]
enum BookingError {
    #[error("seat {0} is taken")]
    #[ws(code = "SEAT_TAKEN")]
    Taken(u32),
    /// Without a code, clients read "Internal server error", and the log has the rest.
    #[error("the booking was not stored")]
    Store(#[from] io::Error),
}

/// An error of another crate gets its code from a filter that catches its type.
#[injectable]
struct NotASeat;

impl ExceptionFilter for NotASeat {
    type Catch = ParseIntError;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        _: &ParseIntError,
        context: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        let exception = WsException::new("seats have numbers").with_code("NOT_A_SEAT");
        Ok(ErrorReply::standard(&exception, context))
    }
}

#[web_socket_gateway]
#[use_filters(NotASeat)]
struct Theatre {
    #[init]
    taken: Mutex<HashSet<u32>>,
}

#[web_socket_gateway]
impl Theatre {
    /// `?` converts every error: those with a code, and those without.
    #[subscribe_message("book")]
    async fn book(&self, MessageBody(seat): MessageBody<String>) -> Result<u32, WsException> {
        let seat = seat.parse()?;
        self.store(seat)?;
        Ok(seat)
    }
}

impl Theatre {
    fn store(&self, seat: u32) -> Result<(), BookingError> {
        if seat == 13 {
            return Err(io::Error::other("there is no row for it").into());
        }
        let is_free = self.taken.lock().expect("nothing panics while it holds this").insert(seat);
        if is_free { Ok(()) } else { Err(BookingError::Taken(seat)) }
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}
