use std::time::Duration;

use gateway_core::Authenticated;
use gateway_test::{TestApp, TestClient};
use serde_json::{Value, json};

use crate::Person;

async fn enter(app: &TestApp, name: &str, role: &str) -> TestClient {
    let person = Person { name: name.to_owned(), role: role.to_owned() };
    app.connect("/desk").as_user(Authenticated::new(person).user(name).roles([role])).await
}

/// An agent and a customer who follow a ticket: its number.
async fn ticket(agent: &TestClient, customer: &TestClient) -> u64 {
    let ticket: Value = customer.ack("open", "No tea").await.unwrap();
    assert_eq!(agent.expect_event::<Value>("opened").await, ticket);
    let id = ticket["id"].as_u64().unwrap();
    agent.ack::<Value>("follow", id).await.unwrap();
    id
}

#[tokio::test]
async fn what_is_said_reaches_those_who_may_hear_it() {
    let app = TestApp::new(crate::app()).build().await;
    let (ada, ben) = (enter(&app, "ada", "agent").await, enter(&app, "ben", "customer").await);
    let id = ticket(&ada, &ben).await;
    let eve = enter(&app, "eve", "customer").await;
    assert_eq!(eve.ack::<Value>("follow", id).await.unwrap_err().code, "NO_SUCH_TICKET");
    ada.ack::<()>("say", json!({ "ticket": id, "text": "Soon" })).await.unwrap();
    let message: Value = ben.expect_event("said").await;
    assert_eq!(message, json!({ "ticket": id, "from": "ada", "text": "Soon" }));
    eve.expect_nothing("said").await;
}

#[tokio::test]
async fn a_notice_reaches_all_devices_of_a_person() {
    let app = TestApp::new(crate::app()).build().await;
    let (phone, laptop) =
        (enter(&app, "ben", "customer").await, enter(&app, "ben", "customer").await);
    app.http().post("/people/ben").body("Tea is here").await.assert_status(202);
    assert_eq!(phone.expect_event::<String>("notice").await, "Tea is here");
    assert_eq!(laptop.expect_event::<String>("notice").await, "Tea is here");
}

#[tokio::test(start_paused = true)]
async fn agents_hear_who_has_gone_after_two_seconds() {
    let app = TestApp::new(crate::app()).build().await;
    let agent = enter(&app, "ada", "agent").await;
    enter(&app, "ben", "customer").await.cut();
    tokio::time::advance(Duration::from_secs(1)).await;
    agent.expect_nothing("offline").await;
    assert_eq!(agent.expect_event::<String>("offline").await, "ben");
}
