//! `/presence`, by a clock that the tests move.

use std::time::Duration;

use gateway_test::TestClient;
use serde_json::{Value, json};
use tokio::time::{advance, pause};

use super::Demo;

const GRACE: Duration = Duration::from_secs(3);
const MOMENT: Duration = Duration::from_millis(10);

async fn start() -> Demo {
    let demo = Demo::with(&["--presence-grace", "3s"]).await;
    // From here on nothing waits for the database, whose thread the clock does not know.
    pause();
    demo
}

async fn online(client: &TestClient) -> Value {
    let mut online: Value = client.ack("get-online-users", ()).await.unwrap();
    online["onlineUserIds"].take()
}

#[tokio::test]
async fn the_first_device_is_told_and_the_last_after_the_grace() {
    let demo = start().await;
    let observer = demo.connect("/presence", 1).await;
    assert_eq!(observer.expect_event::<Value>("user-online").await, json!({ "userId": 1 }));
    let first = demo.connect("/presence", 7).await;
    assert_eq!(observer.expect_event::<Value>("user-online").await, json!({ "userId": 7 }));
    let second = demo.connect("/presence", 7).await;
    first.close().await;
    advance(2 * GRACE).await;
    observer.expect_nothing("user-online").await;
    observer.expect_nothing("user-offline").await;

    second.close().await;
    advance(GRACE - MOMENT).await;
    observer.expect_nothing("user-offline").await;
    assert_eq!(online(&observer).await, json!([1, 7]));
    advance(2 * MOMENT).await;
    assert_eq!(observer.expect_event::<Value>("user-offline").await, json!({ "userId": 7 }));
    assert_eq!(online(&observer).await, json!([1]));
}

#[tokio::test]
async fn a_reload_within_the_grace_is_told_to_nobody() {
    let demo = start().await;
    let observer = demo.connect("/presence", 1).await;
    let page = demo.connect("/presence", 7).await;
    for user in [1, 7] {
        assert_eq!(observer.expect_event::<Value>("user-online").await["userId"], user);
    }
    page.cut();
    demo.0.settle().await;
    advance(GRACE / 2).await;
    let _page = demo.connect("/presence", 7).await;
    advance(2 * GRACE).await;
    observer.expect_nothing("user-offline").await;
    observer.expect_nothing("user-online").await;
}

#[tokio::test]
async fn a_connection_that_is_lost_is_offline_after_the_grace() {
    let demo = start().await;
    let observer = demo.connect("/presence", 1).await;
    demo.connect("/presence", 7).await.cut();
    demo.0.settle().await;
    advance(GRACE + MOMENT).await;
    assert_eq!(observer.expect_event::<Value>("user-offline").await, json!({ "userId": 7 }));
    let _back = demo.connect("/presence", 7).await;
    for user in [1, 7, 7] {
        assert_eq!(observer.expect_event::<Value>("user-online").await["userId"], user);
    }
}

#[tokio::test]
async fn a_session_that_ends_takes_the_user_along() {
    let demo = start().await;
    let observer = demo.connect("/presence", 1).await;
    let brief = demo.token_of(json!(7), Duration::from_secs(5));
    let client = demo.0.connect("/presence").auth(json!({ "token": brief })).await;
    advance(Duration::from_secs(6)).await;
    client.closed().await;
    advance(GRACE + MOMENT).await;
    assert_eq!(observer.expect_event::<Value>("user-offline").await, json!({ "userId": 7 }));
}

#[tokio::test]
async fn who_has_no_token_is_not_let_in() {
    let demo = start().await;
    assert_eq!(demo.refusal("/presence", json!({})).await, "缺少 Token");
    assert_eq!(demo.refusal("/presence", json!({ "token": "x" })).await, "认证失败");
}
