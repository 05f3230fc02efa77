//! What a test costs: an application, a client, a message and its answer.

use std::time::{Duration, Instant};

use gateway_core::prelude::*;
use gateway_test::TestApp;

mod gateways {
    use super::*;

    #[web_socket_gateway(namespace = "/echo")]
    pub(crate) struct EchoGateway;

    #[web_socket_gateway]
    impl EchoGateway {
        #[subscribe_message("echo")]
        async fn echo(&self, MessageBody(text): MessageBody<String>) -> String {
            text
        }
    }
}

/// In a debug build, on one core of a machine that others use, too.
const MOST: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_test_takes_five_milliseconds_at_most() {
    let once = async || {
        let began = Instant::now();
        let app = TestApp::new(App::builder()).build().await;
        let client = app.connect("/echo").await;
        assert_eq!(client.ack::<String>("echo", "hi").await.unwrap(), "hi");
        client.expect_nothing("exception").await;
        began.elapsed()
    };
    let mut took = Vec::new();
    for _ in 0..50 {
        took.push(once().await);
    }
    took.sort();
    println!("median {:?}, best {:?}", took[took.len() / 2], took[0]);
    // The best of them: the others may have waited for the machine.
    assert!(took[0] <= MOST, "{took:?}");
}
