//! The store, on every database.

use super::*;
use crate::database::{
    self,
    tests::{TestDatabase, on_every_database},
};

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);

on_every_database!(
    a_restart_keeps_members_and_history,
    only_members_write_and_read,
    a_user_is_a_member_of_so_many_rooms,
    history_is_the_newest_or_what_comes_after,
    a_client_id_names_one_message_per_sender_and_room,
    writers_wait_for_each_other,
    ids_go_on_from_the_newest_whatever_the_clock,
);

fn store(database: AnyPool, settings: &[&str]) -> MessageStore {
    let config = Arc::new(Config::of(settings).unwrap());
    MessageStore { database: Arc::new(database), config }
}

async fn open(database: &TestDatabase) -> MessageStore {
    store(database.open().await, &[])
}

fn message(room_id: &str, content: &str, client_id: Option<&str>) -> SendMessage {
    let (room_id, content) = (room_id.to_owned(), content.to_owned());
    SendMessage { room_id, content, client_id: client_id.map(str::to_owned) }
}

async fn append(store: &MessageStore, sender: UserId, message: SendMessage) -> (ChatMessage, bool) {
    store.append(sender, &message).await.unwrap()
}

async fn say(store: &MessageStore, content: &str) -> ChatMessage {
    let (message, is_new) = append(store, ANN, message("lobby", content, None)).await;
    assert!(is_new);
    message
}

async fn join(store: &MessageStore, room_id: &str, user: UserId) -> bool {
    store.join(room_id, user).await.unwrap()
}

async fn history(store: &MessageStore, after: Option<&str>, limit: i64) -> Result<History> {
    let (room_id, after) = ("lobby".to_owned(), after.map(str::to_owned));
    store.history(ANN, &HistoryRequest { room_id, after, limit: Some(limit) }).await
}

async fn contents(store: &MessageStore, after: Option<&str>, limit: i64) -> Vec<String> {
    let messages = history(store, after, limit).await.unwrap().messages;
    messages.into_iter().map(|message| message.content).collect()
}

fn is_no_member<T>(result: Result<T>) -> bool {
    matches!(result, Err(ChatError::NotAMember))
}

async fn a_restart_keeps_members_and_history(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    let message = say(&store, "hello").await;
    store.database.close().await;

    let store = open(&database).await;
    assert!(!join(&store, "lobby", ANN).await);
    let kept = history(&store, None, 50).await.unwrap();
    assert_eq!(kept, History { messages: vec![message] });
}

#[tokio::test]
async fn a_database_in_memory_is_one_database() {
    let store = store(database::open("sqlite::memory:").await.unwrap(), &[]);
    join(&store, "lobby", ANN).await;
    say(&store, "hello").await;
    let (first, second) = tokio::join!(contents(&store, None, 50), contents(&store, None, 50));
    assert_eq!((first, second), (vec!["hello".to_owned()], vec!["hello".to_owned()]));
}

async fn only_members_write_and_read(database: TestDatabase) {
    let store = open(&database).await;
    let x = message("lobby", "x", None);
    assert!(is_no_member(store.append(ANN, &x).await));
    assert!(is_no_member(history(&store, None, 50).await));

    assert!(join(&store, "lobby", ANN).await);
    assert!(!join(&store, "lobby", ANN).await);
    say(&store, "x").await;
    assert!(is_no_member(store.append(BEN, &x).await));

    assert!(store.leave("lobby", ANN).await.unwrap());
    assert!(!store.leave("lobby", ANN).await.unwrap());
    assert!(is_no_member(store.append(ANN, &x).await));
    assert!(is_no_member(history(&store, None, 50).await));
}

async fn a_user_is_a_member_of_so_many_rooms(database: TestDatabase) {
    let open = async || store(database.open().await, &["--rooms-per-user", "5"]);
    let (here, there) = (open().await, open().await);
    let mut joining = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = if number % 2 == 0 { here.clone() } else { there.clone() };
        joining.spawn(async move { store.join(&format!("room-{number}"), ANN).await });
    }
    let joined = joining.join_all().await;
    let new = joined.iter().filter(|joined| matches!(joined, Ok(true))).count();
    assert_eq!((new, joined.len()), (5, 20), "{joined:?}");

    // Who is a member may come back, another user has its own, and who leaves makes room.
    let is_one_too_many = |joined| matches!(joined, Err(ChatError::TooManyMemberships));
    let rooms: Vec<String> = (0..20).map(|number| format!("room-{number}")).collect();
    let mut members = Vec::new();
    for room_id in &rooms {
        match here.join(room_id, ANN).await {
            Ok(is_new) => members.push((room_id, is_new)),
            refused => assert!(is_one_too_many(refused)),
        }
    }
    assert_eq!(members.len(), 5);
    assert!(members.iter().all(|(_, is_new)| !is_new));
    assert!(here.join("room-0", BEN).await.unwrap());
    let (left, _) = members[0];
    assert!(here.leave(left, ANN).await.unwrap());
    assert!(!here.leave(left, ANN).await.unwrap());
    assert!(there.join("attic", ANN).await.unwrap());
    assert!(is_one_too_many(there.join("cellar", ANN).await));
    assert!(is_no_member(here.append(ANN, &message("cellar", "x", None)).await));
}

async fn history_is_the_newest_or_what_comes_after(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    join(&store, "attic", ANN).await;
    let mut ids = Vec::new();
    for content in ["a", "b", "c", "d"] {
        ids.push(say(&store, content).await.id);
    }
    append(&store, ANN, message("attic", "elsewhere", None)).await;

    assert!(ids.is_sorted());
    assert_eq!(contents(&store, None, 50).await, ["a", "b", "c", "d"]);
    assert_eq!(contents(&store, None, 2).await, ["c", "d"]);
    assert_eq!(contents(&store, Some(&ids[0]), 2).await, ["b", "c"]);
    assert_eq!(contents(&store, Some(&ids[3]), 2).await, Vec::<String>::new());
}

async fn a_client_id_names_one_message_per_sender_and_room(database: TestDatabase) {
    let store = open(&database).await;
    for (room, user) in [("lobby", ANN), ("lobby", BEN), ("attic", ANN)] {
        join(&store, room, user).await;
    }
    let named = |room_id, content| message(room_id, content, Some("c-1"));
    let (first, is_new) = append(&store, ANN, named("lobby", "once")).await;
    assert!(is_new);
    let repeated = append(&store, ANN, named("lobby", "twice")).await;
    assert_eq!(repeated, (first, false));
    assert_eq!(contents(&store, None, 50).await, ["once"]);

    let unnamed = || message("lobby", "unnamed", None);
    for (sender, other) in [
        (BEN, named("lobby", "once")),
        (ANN, named("attic", "once")),
        (ANN, unnamed()),
        (ANN, unnamed()),
    ] {
        assert!(append(&store, sender, other).await.1);
    }
}

async fn writers_wait_for_each_other(database: TestDatabase) {
    let (here, there) = (open(&database).await, open(&database).await);
    join(&here, "lobby", ANN).await;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = if number % 2 == 0 { here.clone() } else { there.clone() };
        // The same ten names from everywhere at once.
        writers.spawn(async move {
            let name = (number / 4).to_string();
            append(&store, ANN, message("lobby", &name, Some(&name))).await
        });
    }
    let new = writers.join_all().await.into_iter().filter(|(_, is_new)| *is_new).count();
    assert_eq!(new, 10);
    assert_eq!(contents(&here, None, 200).await.len(), 10);
}

async fn ids_go_on_from_the_newest_whatever_the_clock(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    let first = say(&store, "first").await;
    // A process whose clock is far ahead wrote last.
    let ahead = "ffff0000-0000-7000-8000-00000000000f";
    sqlx::query("UPDATE rooms SET newest = $1")
        .bind(ahead)
        .execute(&*store.database)
        .await
        .unwrap();
    let second = say(&store, "second").await;
    let third = say(&store, "third").await;
    assert_eq!(second.id, "ffff0000-0000-7000-8000-000000000010");
    assert!(second.id < third.id);
    assert_eq!(contents(&store, Some(&first.id), 50).await, ["second", "third"]);
}
