//! How a gateway is tested: in one process, without a port, with fakes where they help, and without waiting.
//!
//! ```sh
//! cargo test -p examples --example test
//! cargo run -p examples --example test
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000/auction");
//! const heard = new Promise((resolve) => socket.on("highest", resolve));
//! console.log(await socket.emitWithAck("bid", 10)); // 10
//! console.log(await heard); // 10
//! console.log((await socket.emitWithAck("bid", 9)).code); // TOO_LOW
//! ```

use std::{
    env, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gateway_core::prelude::*;

/// Where bids are kept.
trait Ledger: Send + Sync {
    fn store(&self, bid: u64) -> io::Result<()>;
}

/// Tests put another one in its place.
#[injectable(as dyn Ledger)]
struct File;

impl Ledger for File {
    fn store(&self, _bid: u64) -> io::Result<()> {
        Ok(())
    }
}

#[web_socket_gateway(namespace = "/auction")]
struct Auction {
    server: Server,
    ledger: Arc<dyn Ledger>,
    #[init]
    highest: Mutex<u64>,
}

#[web_socket_gateway]
impl Auction {
    #[subscribe_message("bid", serial)]
    #[use_guards(Throttle::per_socket(2, Duration::from_secs(60)))]
    async fn bid(&self, MessageBody(bid): MessageBody<u64>) -> Result<u64, WsException> {
        self.accept(bid)?;
        self.server.emit("highest", bid).await?;
        Ok(bid)
    }
}

impl Auction {
    fn accept(&self, bid: u64) -> Result<(), WsException> {
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        if bid <= *highest {
            return Err(WsException::new("somebody has bid more").with_code("TOO_LOW"));
        }
        self.ledger.store(bid)?;
        *highest = bid;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}

#[cfg(test)]
mod tests {
    use gateway_test::TestApp;

    use super::*;

    #[tokio::test]
    async fn everybody_hears_of_the_highest_bid() {
        let app = TestApp::new(App::builder()).build().await;
        let (ada, ben) = (app.connect("/auction").await, app.connect("/auction").await);
        assert_eq!(ada.ack::<u64>("bid", 10).await, Ok(10));
        assert_eq!(ben.expect_event::<u64>("highest").await, 10);
        assert_eq!(ben.ack::<u64>("bid", 9).await.unwrap_err().code, "TOO_LOW");
    }

    struct Full;

    impl Ledger for Full {
        fn store(&self, _bid: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[tokio::test]
    async fn nobody_hears_of_a_bid_that_was_not_stored() {
        let app = TestApp::new(App::builder()).provide_arc::<dyn Ledger>(Arc::new(Full));
        let app = app.build().await;
        let (ada, ben) = (app.connect("/auction").await, app.connect("/auction").await);
        assert_eq!(ada.ack::<u64>("bid", 10).await.unwrap_err().code, code::INTERNAL);
        ben.expect_nothing("highest").await;
    }

    /// A minute passes in no time.
    #[tokio::test(start_paused = true)]
    async fn a_third_bid_has_to_wait() {
        let app = TestApp::new(App::builder()).build().await;
        let ada = app.connect("/auction").await;
        for bid in [10, 20] {
            assert_eq!(ada.ack::<u64>("bid", bid).await, Ok(bid));
        }
        assert_eq!(ada.ack::<u64>("bid", 30).await.unwrap_err().code, code::THROTTLED);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(ada.ack::<u64>("bid", 30).await, Ok(30));
    }
}
