//! `/chat`.

use std::time::Duration;

use gateway_core::code;
use gateway_test::TestClient;
use serde_json::{Value, json};

use super::{Demo, HOUR};

fn success() -> Value {
    json!({ "success": true })
}

async fn join(client: &TestClient, room: &str) {
    assert_eq!(client.ack("join-room", json!({ "roomId": room })).await, Ok(success()));
}

async fn send(client: &TestClient, room: &str, content: &str) -> Value {
    client.ack("send-message", json!({ "roomId": room, "content": content })).await.unwrap()
}

async fn history(client: &TestClient, asked: Value) -> Vec<Value> {
    let mut history: Value = client.ack("history", asked).await.unwrap();
    serde_json::from_value(history["messages"].take()).unwrap()
}

/// The code that a refused event is answered with; the event `error` says the same.
async fn refused(client: &TestClient, event: &str, body: Value) -> String {
    let refusal = client.refused(event, body).await;
    let told: Value = client.expect_event("error").await;
    assert_eq!(told["code"], *refusal.code);
    client.expect_nothing("exception").await;
    refusal.code
}

#[tokio::test]
async fn who_joins_sends_and_leaves_is_heard_by_the_others() {
    let demo = Demo::start().await;
    let (ada, bob) = (demo.device(1).await, demo.device(2).await);
    join(&bob, "a").await;
    join(&ada, "a").await;
    assert_eq!(
        bob.expect_event::<Value>("user-joined").await,
        json!({ "userId": 1, "roomId": "a" })
    );
    ada.expect_nothing("user-joined").await;

    let message = send(&ada, "a", "你好 😀").await;
    assert_eq!((&message["content"], &message["senderId"]), (&json!("你好 😀"), &json!(1)));
    assert_eq!(bob.expect_event::<Value>("new-message").await, message);
    assert_eq!(ada.expect_event::<Value>("new-message").await, message, "the sender, too");

    let left: Value = ada.ack("leave-room", json!({ "roomId": "a" })).await.unwrap();
    assert_eq!(left, success());
    assert_eq!(bob.expect_event::<Value>("user-left").await, json!({ "userId": 1, "roomId": "a" }));
    send(&bob, "a", "alone").await;
    ada.expect_nothing("new-message").await;
}

#[tokio::test]
async fn who_has_no_good_token_is_told_so() {
    let demo = Demo::start().await;
    let expired = demo.token_of(json!(1), Duration::ZERO);
    for (auth, why) in [
        (json!({}), "缺少 Token"),
        (json!({ "token": "" }), "缺少 Token"),
        (json!({ "token": "Bearer garbage" }), "认证失败"),
        (json!({ "token": expired }), "认证失败"),
        (json!({ "token": demo.token_of(json!("ann"), HOUR) }), "认证失败"),
    ] {
        assert_eq!(demo.refusal("/chat", auth.clone()).await, why, "{auth}");
    }
}

#[tokio::test]
async fn a_refusal_is_in_the_language_of_the_handshake() {
    let demo = Demo::start().await;
    let refused = async |language| {
        let connect = demo.0.connect("/chat").header("accept-language", language);
        connect.attempt().await.unwrap_err().to_string()
    };
    assert_eq!(refused("en-US,en;q=0.9").await, "Missing token");
    assert_eq!(refused("de, en").await, "缺少 Token");
}

#[tokio::test]
async fn the_token_may_come_in_the_header() {
    let demo = Demo::start().await;
    let token = demo.token(1);
    for value in [format!("Bearer {token}"), format!("bearer {token}"), token.clone()] {
        let device = demo.0.connect("/chat").header("authorization", &value).await;
        join(&device, "a").await;
    }
}

#[tokio::test]
async fn a_string_of_digits_is_the_same_user() {
    let demo = Demo::start().await;
    let number = demo.device(7).await;
    let token = demo.token_of(json!("007"), HOUR);
    let digits = demo.0.connect("/chat").auth(json!({ "token": token })).await;
    join(&number, "a").await;
    assert_eq!(send(&digits, "a", "the same").await["senderId"], 7);
}

#[tokio::test]
async fn a_blank_message_is_refused() {
    let demo = Demo::start().await;
    let ada = demo.device(1).await;
    join(&ada, "a").await;
    for content in ["", "   ", "\n\t\u{3000}"] {
        let body = json!({ "roomId": "a", "content": content });
        assert_eq!(refused(&ada, "send-message", body).await, "EMPTY_MESSAGE");
    }
    assert!(history(&ada, json!({ "roomId": "a" })).await.is_empty());
}

#[tokio::test]
async fn who_is_no_member_neither_sends_nor_reads() {
    let demo = Demo::start().await;
    let (member, stranger) = (demo.device(1).await, demo.device(2).await);
    join(&member, "a").await;
    let body = json!({ "roomId": "a", "content": "hi" });
    assert_eq!(refused(&stranger, "send-message", body).await, "NOT_A_MEMBER");
    assert_eq!(refused(&stranger, "history", json!({ "roomId": "a" })).await, "NOT_A_MEMBER");
    member.expect_nothing("new-message").await;
}

#[tokio::test]
async fn every_field_that_breaks_a_rule_is_named() {
    let demo = Demo::start().await;
    let ada = demo.device(1).await;
    let fields = async |event: &str, body: Value| {
        let refusal = ada.refused(event, body).await;
        assert_eq!(refusal.code, code::VALIDATION);
        let mut paths: Vec<_> = refusal.errors.into_iter().map(|error| error.path).collect();
        paths.sort();
        paths
    };
    assert_eq!(fields("join-room", json!({ "roomId": "房".repeat(65) })).await, ["roomId"]);
    let both = json!({ "roomId": "", "content": "x".repeat(4001) });
    assert_eq!(fields("send-message", both).await, ["content", "roomId"]);
    assert_eq!(fields("history", json!({ "roomId": "a", "limit": 201 })).await, ["limit"]);
}

#[tokio::test]
async fn what_has_another_form_or_an_unknown_name_is_answered_and_it_goes_on() {
    let demo = Demo::start().await;
    let ada = demo.device(1).await;
    for body in [json!(null), json!("text"), json!([]), json!({}), json!({ "roomId": 5 })] {
        assert_eq!(refused(&ada, "join-room", body).await, code::BAD_PAYLOAD);
    }
    assert_eq!(refused(&ada, "nobody-knows", json!({})).await, code::UNKNOWN_EVENT);
    join(&ada, "a").await;
}

#[tokio::test]
async fn the_history_is_oldest_first_and_goes_on_after_a_message() {
    let demo = Demo::start().await;
    let ada = demo.device(1).await;
    join(&ada, "a").await;
    let mut sent = Vec::new();
    for number in 0..60 {
        sent.push(send(&ada, "a", &number.to_string()).await);
    }
    assert_eq!(history(&ada, json!({ "roomId": "a" })).await, sent[10..], "50, by default");
    assert_eq!(history(&ada, json!({ "roomId": "a", "limit": 1 })).await, sent[59..]);
    let after = json!({ "roomId": "a", "after": sent[9]["id"], "limit": 3 });
    assert_eq!(history(&ada, after).await, sent[10..13]);
}

#[tokio::test]
async fn membership_is_the_users_and_told_once() {
    let demo = Demo::start().await;
    let listener = demo.device(2).await;
    join(&listener, "a").await;
    let (first, second) = (demo.device(1).await, demo.device(1).await);
    for device in [&first, &first, &second] {
        join(device, "a").await;
    }
    listener.expect_event::<Value>("user-joined").await;
    listener.expect_nothing("user-joined").await;

    first.close().await;
    second.cut();
    let third = demo.device(1).await;
    send(&third, "a", "still a member").await;
    listener.expect_nothing("user-left").await;
}

#[tokio::test]
async fn a_socket_hears_a_room_from_its_own_join_on() {
    let demo = Demo::start().await;
    let (joined, other) = (demo.device(1).await, demo.device(1).await);
    join(&joined, "a").await;
    send(&joined, "a", "one").await;
    other.expect_nothing("new-message").await;
    join(&other, "a").await;
    let two = send(&joined, "a", "two").await;
    assert_eq!(other.expect_event::<Value>("new-message").await, two);
}

#[tokio::test]
async fn what_one_socket_sends_takes_effect_in_that_order() {
    let demo = Demo::start().await;
    let (ada, bob) = (demo.device(1).await, demo.device(2).await);
    join(&bob, "a").await;
    // Not one of them waits for the one before.
    ada.emit("join-room", json!({ "roomId": "a" }));
    for number in 0..50 {
        ada.emit("send-message", json!({ "roomId": "a", "content": number.to_string() }));
    }
    ada.emit("leave-room", json!({ "roomId": "a" }));
    bob.expect_event::<Value>("user-left").await;
    for number in 0..50 {
        assert_eq!(bob.expect_event::<Value>("new-message").await["content"], number.to_string());
    }
}

#[tokio::test]
async fn a_message_under_one_name_is_stored_and_heard_once() {
    let demo = Demo::start().await;
    let (ada, bob) = (demo.device(1).await, demo.device(2).await);
    join(&ada, "a").await;
    join(&bob, "a").await;
    let body = json!({ "roomId": "a", "content": "once", "clientId": "my name for it" });
    let first: Value = ada.ack("send-message", &body).await.unwrap();
    let again: Value = demo.device(1).await.ack("send-message", &body).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(bob.expect_event::<Value>("new-message").await, first);
    bob.expect_nothing("new-message").await;
    assert_eq!(history(&ada, json!({ "roomId": "a" })).await, [first]);
}
