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

async fn open(database: &TestDatabase) -> MessageStore {
    MessageStore { database: Arc::new(database.open().await) }
}

fn draft(sender: UserId, content: &str) -> Draft<'_> {
    Draft { room_id: "lobby", sender, content, client_id: None }
}

async fn say(store: &MessageStore, sender: UserId, content: &str) -> ChatMessage {
    match store.append(draft(sender, content)).await.unwrap() {
        Appended::New(message) => message,
        other => panic!("{other:?}"),
    }
}

async fn join(store: &MessageStore, room_id: &str, user: UserId) -> Joined {
    store.join(room_id, user, usize::MAX).await.unwrap()
}

async fn contents(store: &MessageStore, after: Option<&str>, limit: i64) -> Vec<String> {
    let after = after.map(|id| Uuid::try_parse(id).unwrap());
    let messages = store.history("lobby", ANN, after, limit).await.unwrap().unwrap();
    messages.into_iter().map(|message| message.content).collect()
}

async fn a_restart_keeps_members_and_history(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    let message = say(&store, ANN, "hello").await;
    store.database.close().await;

    let store = open(&database).await;
    assert_eq!(join(&store, "lobby", ANN).await, Joined::Before);
    assert_eq!(store.history("lobby", ANN, None, 50).await.unwrap(), Some(vec![message]));
}

#[tokio::test]
async fn a_database_in_memory_is_one_database() {
    let store =
        MessageStore { database: Arc::new(database::open("sqlite::memory:").await.unwrap()) };
    join(&store, "lobby", ANN).await;
    say(&store, ANN, "hello").await;
    let (first, second) = tokio::join!(contents(&store, None, 50), contents(&store, None, 50));
    assert_eq!((first, second), (vec!["hello".to_owned()], vec!["hello".to_owned()]));
}

async fn only_members_write_and_read(database: TestDatabase) {
    let store = open(&database).await;
    assert_eq!(store.append(draft(ANN, "x")).await.unwrap(), Appended::NotAMember);
    assert_eq!(store.history("lobby", ANN, None, 50).await.unwrap(), None);

    assert_eq!(join(&store, "lobby", ANN).await, Joined::New);
    assert_eq!(join(&store, "lobby", ANN).await, Joined::Before);
    say(&store, ANN, "x").await;
    assert_eq!(store.append(draft(BEN, "x")).await.unwrap(), Appended::NotAMember);

    assert!(store.leave("lobby", ANN).await.unwrap());
    assert!(!store.leave("lobby", ANN).await.unwrap());
    assert_eq!(store.append(draft(ANN, "x")).await.unwrap(), Appended::NotAMember);
    assert_eq!(store.history("lobby", ANN, None, 50).await.unwrap(), None);
}

async fn a_user_is_a_member_of_so_many_rooms(database: TestDatabase) {
    let (here, there) = (open(&database).await, open(&database).await);
    let mut joining = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = if number % 2 == 0 { here.clone() } else { there.clone() };
        joining.spawn(async move { store.join(&format!("room-{number}"), ANN, 5).await.unwrap() });
    }
    let joined = joining.join_all().await;
    let new = joined.iter().filter(|joined| **joined == Joined::New).count();
    assert_eq!((new, joined.len()), (5, 20), "{joined:?}");

    // Who is a member may come back, another user has its own, and who leaves makes room.
    let rooms: Vec<String> = (0..20).map(|number| format!("room-{number}")).collect();
    let mut members = Vec::new();
    for room_id in &rooms {
        match here.join(room_id, ANN, 5).await.unwrap() {
            Joined::Before => members.push(room_id),
            other => assert_eq!(other, Joined::TooManyMemberships),
        }
    }
    assert_eq!(members.len(), 5);
    assert_eq!(here.join("room-0", BEN, 5).await.unwrap(), Joined::New);
    assert!(here.leave(members[0], ANN).await.unwrap());
    assert!(!here.leave(members[0], ANN).await.unwrap());
    assert_eq!(there.join("attic", ANN, 5).await.unwrap(), Joined::New);
    assert_eq!(there.join("cellar", ANN, 5).await.unwrap(), Joined::TooManyMemberships);
    assert_eq!(here.history("cellar", ANN, None, 1).await.unwrap(), None);
}

async fn history_is_the_newest_or_what_comes_after(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    join(&store, "attic", ANN).await;
    let mut ids = Vec::new();
    for content in ["a", "b", "c", "d"] {
        ids.push(say(&store, ANN, content).await.id);
    }
    store.append(Draft { room_id: "attic", ..draft(ANN, "elsewhere") }).await.unwrap();

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
    let named = Draft { client_id: Some("c-1"), ..draft(ANN, "once") };
    let Appended::New(message) = store.append(named).await.unwrap() else { panic!("not new") };
    let repeated = store.append(Draft { content: "twice", ..named }).await.unwrap();
    assert_eq!(repeated, Appended::Known(message));
    assert_eq!(contents(&store, None, 50).await, ["once"]);

    for other in
        [Draft { sender: BEN, ..named }, Draft { room_id: "attic", ..named }, draft(ANN, "unnamed")]
    {
        assert!(matches!(store.append(other).await.unwrap(), Appended::New(_)));
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
            store.append(Draft { client_id: Some(&name), ..draft(ANN, &name) }).await.unwrap()
        });
    }
    let new = writers
        .join_all()
        .await
        .into_iter()
        .filter(|appended| matches!(appended, Appended::New(_)))
        .count();
    assert_eq!(new, 10);
    assert_eq!(contents(&here, None, 200).await.len(), 10);
}

async fn ids_go_on_from_the_newest_whatever_the_clock(database: TestDatabase) {
    let store = open(&database).await;
    join(&store, "lobby", ANN).await;
    let first = say(&store, ANN, "first").await;
    // A process whose clock is far ahead wrote last.
    let ahead = "ffff0000-0000-7000-8000-00000000000f";
    sqlx::query("UPDATE rooms SET newest = $1")
        .bind(ahead)
        .execute(&*store.database)
        .await
        .unwrap();
    let second = say(&store, ANN, "second").await;
    let third = say(&store, ANN, "third").await;
    assert_eq!(second.id, "ffff0000-0000-7000-8000-000000000010");
    assert!(second.id < third.id);
    assert_eq!(contents(&store, Some(&first.id), 50).await, ["second", "third"]);
}
