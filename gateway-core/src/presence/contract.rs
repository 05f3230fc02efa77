//! What every store promises, wherever it is.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

use super::store::{Change, Changes, Device, News, Online, PresenceStore};

/// Longer than anything takes, unless it does not come.
const LONG: Duration = Duration::from_secs(20);

/// The device of a number, with a socket of its own.
pub(super) fn device(number: u64) -> Device {
    let socket = format!("{number:016}");
    Device { number, socket: socket.parse().expect("an id") }
}

/// Checks a store in which nobody is online.
pub(super) async fn holds(store: &dyn PresenceStore, mut changes: Changes, grace: Duration) {
    let mut next =
        async || timeout(LONG, changes.next()).await.expect("a change").expect("a store");
    let change = |user: &str, online| Change { user: user.into(), online };
    let sockets =
        |numbers: &[u64]| numbers.iter().map(|number| device(*number).socket).collect::<Vec<_>>();

    let Online { version: at_first, news } = store.online(None);
    assert_eq!(news, News::All(Vec::new()));
    assert!(!store.is_online("ann"));
    assert_eq!(store.devices("ann").await.unwrap(), []);

    // The first device counts, and once.
    store.arrive("ann", device(1)).await.unwrap();
    assert!(store.is_online("ann"), "shown at once");
    store.arrive("ann", device(1)).await.unwrap();
    assert_eq!(store.devices("ann").await.unwrap(), sockets(&[1]));
    store.arrive("ann", device(2)).await.unwrap();
    store.arrive("ann", device(3)).await.unwrap();
    assert_eq!(store.devices("ann").await.unwrap(), sockets(&[1, 2, 3]), "as they came");
    store.arrive("bob", device(4)).await.unwrap();
    assert_eq!(next().await, change("ann", true));
    assert_eq!(next().await, change("bob", true));

    let Online { version, news } = store.online(None);
    let News::All(all) = news else { panic!("changes since nothing: {news:?}") };
    let all: BTreeSet<Arc<str>> = all.into_iter().collect();
    assert_eq!(all, BTreeSet::from(["ann".into(), "bob".into()]));
    assert_eq!(store.online(Some(version)).news, News::Changes(Vec::new()));
    let both = vec![change("ann", true), change("bob", true)];
    assert_eq!(store.online(Some(at_first)).news, News::Changes(both));

    // The last one counts, and once; and nobody's who was never there.
    store.leave("ann", device(1)).await.unwrap();
    store.leave("ann", device(1)).await.unwrap();
    store.leave("cid", device(5)).await.unwrap();
    assert_eq!(store.devices("ann").await.unwrap(), sockets(&[2, 3]));
    store.leave("ann", device(2)).await.unwrap();
    store.leave("ann", device(3)).await.unwrap();
    assert_eq!(store.devices("ann").await.unwrap(), []);
    assert!(store.is_online("ann"), "within the grace");

    // Back within the grace, twice.
    for number in [6, 7] {
        sleep(grace / 2).await;
        store.arrive("ann", device(number)).await.unwrap();
        store.leave("ann", device(number)).await.unwrap();
    }
    sleep(grace / 2).await;
    assert!(store.is_online("ann"), "the grace begins with the last device to leave");
    assert_eq!(next().await, change("ann", false), "and nothing before");
    assert!(!store.is_online("ann"));
    assert!(store.is_online("bob"));
    assert_eq!(store.online(Some(version)).news, News::Changes(vec![change("ann", false)]));
}
