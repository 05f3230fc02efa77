//! One session per user: who goes on, and what the others are told.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;

use super::echo;
use crate::{
    Authenticated, Handshake, WsException,
    auth::Authenticator,
    dispatch::testing::{Client, Plan, World, eventually},
    options::{Options, Sessions},
    socket::newest::Older,
};

/// Clients are who they say they are; who says nothing is nobody.
pub(super) struct ByName;

impl Authenticator for ByName {
    type Identity = String;

    async fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> Result<Authenticated<String>, WsException> {
        let name = handshake.auth()["name"].as_str().unwrap_or_default().to_owned();
        let known = Authenticated::new(name.clone());
        Ok(if name.is_empty() { known } else { known.user(name) })
    }
}

pub(super) fn plan() -> Plan {
    let mut plan = Plan::default().authenticate(Arc::new(ByName)).handle("echo", echo);
    plan.options =
        Options { sessions: Sessions::Newest, sockets_per_user: Some(1), ..Options::default() };
    plan
}

/// A client of this name, and what it hears of whether it is let in.
pub(super) async fn enter(world: &World, name: &str) -> (Client, String) {
    let mut client = world.newcomer_with(&json!({ "name": name }).to_string()).await;
    loop {
        let heard = client.hear().await.expect("an answer");
        if heard.starts_with('4') {
            return (client, heard);
        }
    }
}

const REPLACED: &str = r#""code":"REPLACED""#;

/// It is told why, then disconnected, and then nothing.
pub(super) async fn assert_replaced(client: &mut Client) {
    let told = client.hear().await.expect("why");
    assert!(told.starts_with(r#"42["exception","#) && told.contains(REPLACED), "{told}");
    assert_eq!(client.hear().await.as_deref(), Some("41"));
}

#[tokio::test]
async fn the_newest_session_goes_on_and_the_one_before_is_told_why_it_ends() {
    let world = World::of(plan()).await;
    let (mut first, _) = enter(&world, "ada").await;
    let (mut other, _) = enter(&world, "ben").await;
    let (mut second, heard) = enter(&world, "ada").await;
    assert!(heard.starts_with("40"), "{heard}");
    assert_replaced(&mut first).await;
    let (mut third, _) = enter(&world, "ada").await;
    assert_replaced(&mut second).await;
    for client in [&mut third, &mut other] {
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    }
}

#[tokio::test]
async fn who_is_nobody_replaces_nobody() {
    let world = World::of(plan()).await;
    let (mut first, _) = enter(&world, "").await;
    let (mut second, _) = enter(&world, "").await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    }
}

#[tokio::test]
async fn of_many_that_come_at_once_one_goes_on() {
    let world = World::of(plan()).await;
    let entering = (0..20).map(|_| enter(&world, "ada"));
    let _clients = futures_util::future::join_all(entering).await;
    eventually(|| world.gateway.namespace().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.gateway.namespace().len(), 1);
}

#[tokio::test]
async fn the_rank_decides_and_not_who_comes_in_first() {
    let world = World::of(plan()).await;
    let (mut ada, _) = enter(&world, "ada").await;
    let (mut ben, _) = enter(&world, "ben").await;
    let namespace = world.gateway.namespace();
    let newest = namespace.newest.as_ref().unwrap();
    let connections: HashMap<String, _> = namespace
        .everyone()
        .into_iter()
        .map(|connection| (connection.user().unwrap(), connection))
        .collect();
    let (earlier, later) = (newest.rank(None).await, newest.rank(None).await);
    // As if both were of one user.
    assert_eq!(newest.begin("x", &connections["ben"], later, None).await, Ok(()));
    assert_eq!(newest.begin("x", &connections["ada"], earlier, None).await, Err(Older));
    for client in [&mut ada, &mut ben] {
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]", "neither has ended");
    }
}

#[tokio::test]
async fn who_has_left_is_remembered_no_longer() {
    let world = World::of(plan()).await;
    let (first, _) = enter(&world, "ada").await;
    drop(first);
    let newest = world.gateway.namespace().newest.as_ref().unwrap();
    eventually(|| newest.is_empty()).await;
}
