//! Orders, over HTTP, and what the devices of their users are told.

use std::time::Duration;

use gateway_test::{HttpRequest, TestClient};
use serde_json::{Value, json};

use super::Demo;

fn post(demo: &Demo, user: u64) -> HttpRequest {
    demo.0.http().post("/orders").bearer(&demo.token(user))
}

async fn order(demo: &Demo, user: u64) -> String {
    let items = json!({ "items": [{ "sku": "A1", "quantity": 2 }] });
    let made: Value = post(demo, user).json(&items).await.assert_status(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

fn update(id: &str) -> Value {
    json!({ "orderId": id, "status": "confirmed", "message": "你的订单已确认" })
}

/// The next update, acknowledged.
async fn heard(device: &TestClient) -> Value {
    let (update, answer) = device.expect_asked::<Value>("order-update").await;
    answer.send(());
    update
}

#[tokio::test]
async fn an_order_is_told_to_every_device_of_its_user_and_to_nobody_else() {
    let demo = Demo::start().await;
    let devices = [demo.device(1).await, demo.device(1).await];
    let other = demo.device(2).await;
    let id = order(&demo, 1).await;
    for device in &devices {
        assert_eq!(heard(device).await, update(&id));
    }
    other.expect_nothing("order-update").await;
    assert_eq!(demo.0.sent_event("order-update").len(), devices.len());
}

#[tokio::test]
async fn an_order_is_for_its_owner() {
    let demo = Demo::start().await;
    let id = order(&demo, 1).await;
    let get =
        |user: u64, id: &str| demo.0.http().get(&format!("/orders/{id}")).bearer(&demo.token(user));
    let own: Value = get(1, &id).await.assert_status(200).json();
    assert_eq!((&own["id"], &own["userId"]), (&json!(id), &json!(1)));
    for (user, id) in [(2, &*id), (1, "0197c5a1-0000-7000-8000-000000000000"), (1, "x")] {
        let refused: Value = get(user, id).await.assert_status(404).json();
        assert_eq!(refused, json!({ "code": "NOT_FOUND" }));
    }
}

#[tokio::test]
async fn an_order_without_a_good_token_is_refused_whatever_it_is() {
    let demo = Demo::start().await;
    let http = demo.0.http();
    let missing: Value = http.post("/orders").body("{").await.assert_status(401).json();
    assert_eq!(missing, json!({ "code": "UNAUTHORIZED", "message": "缺少 Token" }));
    let bad = http.get("/orders/x").bearer("garbage").await.assert_status(401);
    assert_eq!(bad.json::<Value>()["message"], "认证失败");
}

#[tokio::test]
async fn every_field_of_an_order_that_breaks_a_rule_is_named() {
    let demo = Demo::start().await;
    let items =
        json!({ "items": [{ "sku": "A1", "quantity": 1 }, {}, "x", { "sku": "", "quantity": 0 }] });
    let refused: Value = post(&demo, 1).json(&items).await.assert_status(422).json();
    let errors = refused["errors"].as_array().expect("errors");
    let paths: Vec<_> = errors.iter().map(|error| error["path"].as_str().unwrap()).collect();
    let expected =
        [1, 2, 3].map(|index| ["quantity", "sku"].map(|field| format!("items[{index}].{field}")));
    assert_eq!(paths, expected.concat());
}

#[tokio::test]
async fn an_update_that_was_missed_comes_until_it_is_acknowledged() {
    let demo = Demo::start().await;
    let made = [order(&demo, 1).await, order(&demo, 1).await, order(&demo, 1).await];
    let deaf = demo.device(1).await;
    for id in &made {
        assert_eq!(deaf.expect_event::<Value>("order-update").await, update(id));
    }
    deaf.cut();
    // Nobody has acknowledged anything: again, to whoever connects.
    let next = demo.device(1).await;
    for id in &made {
        assert_eq!(heard(&next).await, update(id));
    }
    next.close().await;
    // The acknowledgements are stored by a task of the demo's own, which takes its time; so is the one of the order
    // that each try makes, and a try that comes too soon after another one would be sent that.
    for tries in 0.. {
        tokio::time::sleep(Duration::from_millis(tries)).await;
        if missed(&demo).await == 0 {
            break;
        }
        assert!(tries < 100, "what was acknowledged is sent again");
    }
}

/// How many updates a new device is sent before that of an order made now.
async fn missed(demo: &Demo) -> usize {
    let device = demo.device(1).await;
    let last = update(&order(demo, 1).await);
    let mut before = 0;
    while heard(&device).await != last {
        before += 1;
    }
    // Not lost on its way: what a device that is cut off has said last may never arrive.
    device.close().await;
    before
}
