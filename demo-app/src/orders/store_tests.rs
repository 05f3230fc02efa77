//! The store, on every database.

use super::*;
use crate::database::tests::{TestDatabase, on_every_database};

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);

on_every_database!(
    an_order_is_its_users,
    updates_are_numbered_without_a_gap,
    a_restart_keeps_orders_and_updates,
    what_is_settled_is_new_only_to_those_who_were_there,
);

async fn open(database: &TestDatabase) -> OrderStore {
    OrderStore { database: Arc::new(database.open().await) }
}

async fn order(store: &OrderStore, user: UserId) -> String {
    let items = vec![Item { sku: "A1".to_owned(), quantity: 2 }];
    store.create(user, items).await.unwrap().0.id
}

fn numbers(updates: &[Update]) -> Vec<i64> {
    updates.iter().map(|update| update.number).collect()
}

async fn an_order_is_its_users(database: TestDatabase) {
    let store = open(&database).await;
    let items = vec![Item { sku: "房 \"A\"".to_owned(), quantity: 10_000 }];
    let (order, number) = store.create(ANN, items.clone()).await.unwrap();
    assert_eq!((number, &order.items, order.status), (1, &items, Status::Confirmed));
    let id = Uuid::try_parse(&order.id).unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(store.find(id, ANN).await.unwrap(), Some(order));
    assert_eq!(store.find(id, BEN).await.unwrap(), None);
    assert_eq!(store.find(Uuid::now_v7(), ANN).await.unwrap(), None);
}

async fn updates_are_numbered_without_a_gap(database: TestDatabase) {
    let (here, there) = (open(&database).await, open(&database).await);
    assert_eq!(here.newest(ANN).await.unwrap(), 0);
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..60 {
        let store = if number % 2 == 0 { here.clone() } else { there.clone() };
        let user = if number % 3 == 0 { BEN } else { ANN };
        writers.spawn(async move { order(&store, user).await });
    }
    // Whoever reads on while they write passes over none.
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let updates = here.after(ANN, seen.len() as i64).await.unwrap();
        seen.extend(numbers(&updates));
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, (1..=40).collect::<Vec<_>>());
    writers.join_all().await;
    assert_eq!(numbers(&here.after(BEN, 0).await.unwrap()), (1..=20).collect::<Vec<_>>());
    assert_eq!((here.newest(ANN).await.unwrap(), there.newest(BEN).await.unwrap()), (40, 20));
}

async fn a_restart_keeps_orders_and_updates(database: TestDatabase) {
    let store = open(&database).await;
    let first = order(&store, ANN).await;
    let second = order(&store, ANN).await;
    store.settle(ANN, 1).await.unwrap();
    store.database.close().await;

    let store = open(&database).await;
    let updates = store.after(ANN, 0).await.unwrap();
    let ids: Vec<&str> = updates.iter().map(|update| update.order_id.as_str()).collect();
    assert_eq!(ids, [&first, &second]);
    assert_eq!(numbers(&store.unseen(ANN, 0, i64::MAX).await.unwrap()), [2]);
}

async fn what_is_settled_is_new_only_to_those_who_were_there(database: TestDatabase) {
    let store = open(&database).await;
    for _ in 0..5 {
        order(&store, ANN).await;
    }
    for number in [2, 4, 4] {
        store.settle(ANN, number).await.unwrap();
    }
    store.settle(BEN, 1).await.unwrap();
    let unseen = async |after, since| numbers(&store.unseen(ANN, after, since).await.unwrap());
    assert_eq!(unseen(0, i64::MAX).await, [1, 3, 5]);
    assert_eq!(unseen(0, 4).await, [1, 3, 4, 5]);
    assert_eq!(unseen(3, 2).await, [4, 5]);
    assert_eq!(numbers(&store.after(ANN, 1).await.unwrap()), [2, 3, 4, 5]);
}
