//! Two applications in one process share nothing but their code.

use gateway_core::prelude::*;
use tests::raw::Client;

async fn serve() -> std::net::SocketAddr {
    let app = App::builder().build().await.expect("an application");
    let bound = app.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.local_addr();
    tokio::spawn(bound.serve_until(std::future::pending()));
    address
}

#[tokio::test]
async fn what_one_has_counted_the_other_has_not() {
    let (one, other) = (serve().await, serve().await);
    let mut of_one = Client::open(one, "/library").await.expect("a client");
    let mut of_other = Client::open(other, "/library").await.expect("a client");
    for asked in 1..=3 {
        assert_eq!(of_one.answer("asked", "").await.expect("an answer"), asked);
    }
    assert_eq!(of_other.answer("asked", "").await.expect("an answer"), 1);
}
