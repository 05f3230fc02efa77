//! The store, on every database.

use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_core::{FeedStore as _, Unseen};

use super::*;
use crate::database::tests::{TestDatabase, on_every_database};

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);

on_every_database!(
    an_order_is_its_users,
    updates_are_kept_as_a_feed_must_keep_them,
    a_restart_keeps_orders_and_updates,
);

async fn open(database: &TestDatabase) -> OrderStore {
    OrderStore { database: Arc::new(database.open().await) }
}

async fn order(store: &OrderStore, user: UserId) -> String {
    let items = vec![Item { sku: "A1".to_owned(), quantity: 2 }];
    store.create(user, items).await.unwrap().0.id
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

async fn updates_are_kept_as_a_feed_must_keep_them(database: TestDatabase) {
    let (here, there) = (open(&database).await, open(&database).await);
    let (odd, even) = (&there, &here);
    let count = AtomicUsize::new(0);
    gateway_test::assert_feed_store(&here, [ANN, BEN], async |user| {
        let store =
            if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { even } else { odd };
        store.create(*user, Vec::new()).await.unwrap().1
    })
    .await;
}

async fn a_restart_keeps_orders_and_updates(database: TestDatabase) {
    let store = open(&database).await;
    let first = order(&store, ANN).await;
    let second = order(&store, ANN).await;
    store.settle(&ANN, 1).await.unwrap();
    store.database.close().await;

    let store = open(&database).await;
    let all = store.unseen(&ANN, Unseen { after: 0, since: 0 }).await.unwrap();
    let ids: Vec<&str> = all.iter().map(|update| update.order_id.as_str()).collect();
    assert_eq!(ids, [&first, &second]);
    let unsettled = store.unseen(&ANN, Unseen { after: 0, since: i64::MAX }).await.unwrap();
    assert_eq!(unsettled, all[1..]);
}
