//! What every store of a feed must do.

use std::fmt::Debug;

use futures_util::future::join_all;
use gateway_core::{FeedStore, Unseen, WsException};

/// How many updates are appended at the same time.
const WRITERS: i64 = 40;

/// Checks that a store does what [`FeedStore`] promises, with two users that nothing was appended for yet. `append`
/// appends an update for a user, in a transaction as the application does it, and returns its number.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[derive(serde::Serialize, Event)]
/// # #[event("letter", ack = ())]
/// # pub struct Letter;
/// # #[web_socket_gateway(namespace = "/post", emits(Letter))]
/// # pub struct PostGateway;
/// # #[derive(Default)]
/// # pub struct Letters(std::sync::Mutex<std::collections::HashMap<u64, Vec<bool>>>);
/// # impl Letters {
/// #     pub async fn append(&self, user: u64) -> i64 {
/// #         let mut users = self.0.lock().unwrap();
/// #         let letters = users.entry(user).or_default();
/// #         letters.push(false);
/// #         letters.len() as i64
/// #     }
/// # }
/// # impl FeedStore for Letters {
/// #     type Gateway = PostGateway;
/// #     type User = u64;
/// #     type Update = i64;
/// #     type Event<'a> = Letter;
/// #     async fn newest(&self, user: &u64) -> Result<i64, WsException> {
/// #         Ok(self.0.lock().unwrap().get(user).map_or(0, Vec::len) as i64)
/// #     }
/// #     async fn unseen(&self, user: &u64, unseen: Unseen) -> Result<Vec<i64>, WsException> {
/// #         let users = self.0.lock().unwrap();
/// #         let letters = (1..).zip(users.get(user).into_iter().flatten().copied());
/// #         let letters = letters.filter(|(number, settled)| {
/// #             *number > unseen.after && (!settled || *number >= unseen.since)
/// #         });
/// #         Ok(letters.map(|(number, _)| number).take(7).collect())
/// #     }
/// #     async fn settle(&self, user: &u64, number: i64) -> Result<(), WsException> {
/// #         if let Some(letters) = self.0.lock().unwrap().get_mut(user) {
/// #             letters[number as usize - 1] = true;
/// #         }
/// #         Ok(())
/// #     }
/// #     fn number(number: &i64) -> i64 { *number }
/// #     fn event<'a>(_: &'a i64, _: &Handshake) -> Letter { Letter }
/// # }
/// # }
/// # use app::Letters;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // In a `#[tokio::test]`, on each database that the application runs on:
/// let letters = Letters::default();
/// gateway_test::assert_feed_store(&letters, [1, 2], async |user| letters.append(*user).await).await;
/// # }
/// ```
///
/// # Panics
/// With what does not hold.
pub async fn assert_feed_store<S>(
    store: &S,
    users: [S::User; 2],
    append: impl AsyncFn(&S::User) -> i64,
) where
    S: FeedStore,
    S::User: Debug,
{
    let [user, other] = &users;
    for user in &users {
        let empty = (newest(store, user).await, unseen(store, user, 0, 0).await);
        assert_eq!(empty, (0, Vec::new()), "nothing was appended for {user:?} yet");
    }

    let reads = async {
        let mut seen = Vec::new();
        loop {
            let after = seen.last().copied().unwrap_or_default();
            if after >= WRITERS {
                return seen;
            }
            seen.extend(page(store, user, Unseen { after, since: 0 }).await);
            tokio::task::yield_now().await;
        }
    };
    let writes = join_all((0..WRITERS).map(|_| append(user)));
    let others = join_all((0..WRITERS / 2).map(|_| append(other)));
    let (seen, mut numbers, mut numbers_of_other) = tokio::join!(reads, writes, others);
    numbers.sort_unstable();
    numbers_of_other.sort_unstable();
    let all: Vec<i64> = (1..=WRITERS).collect();
    assert_eq!(numbers, all, "each user's updates are numbered without a gap");
    assert_eq!(
        numbers_of_other,
        (1..=WRITERS / 2).collect::<Vec<_>>(),
        "each user has numbers of their own"
    );
    assert_eq!(seen, all, "a number becomes visible after all smaller ones");
    assert_eq!(newest(store, user).await, WRITERS, "`newest` is the last number");

    for number in [2, 4, 4] {
        held(store.settle(user, number).await, "`settle`");
    }
    held(store.settle(other, 1).await, "`settle`");
    let without: Vec<i64> = all.iter().copied().filter(|number| ![2, 4].contains(number)).collect();
    let unsettled = unseen(store, user, 0, i64::MAX).await;
    assert_eq!(
        unsettled, without,
        "what is settled, once or twice, is seen by nobody who comes later"
    );
    let since: Vec<i64> = all.iter().copied().filter(|number| *number != 2).collect();
    assert_eq!(
        unseen(store, user, 0, 4).await,
        since,
        "from `since` on, what is settled is seen, too"
    );
    assert_eq!(unseen(store, user, 0, 0).await, all, "what is settled is still there for streams");
    assert_eq!(unseen(store, user, 3, 0).await, all[3..], "what is seen begins behind `after`");
}

async fn newest<S: FeedStore>(store: &S, user: &S::User) -> i64 {
    held(store.newest(user).await, "`newest`")
}

/// All pages of them.
async fn unseen<S: FeedStore>(store: &S, user: &S::User, after: i64, since: i64) -> Vec<i64> {
    let mut numbers = Vec::new();
    loop {
        let after = numbers.last().copied().unwrap_or(after);
        let page = page(store, user, Unseen { after, since }).await;
        if page.is_empty() {
            return numbers;
        }
        numbers.extend(page);
    }
}

/// The numbers of one page. Whoever reads on from its last one gets further.
async fn page<S: FeedStore>(store: &S, user: &S::User, unseen: Unseen) -> Vec<i64> {
    let page = held(store.unseen(user, unseen).await, "`unseen`");
    let numbers: Vec<i64> = page.iter().map(S::number).collect();
    let is_in_order = numbers.is_sorted_by(|one, next| one < next);
    let is_behind = numbers.first().is_none_or(|first| *first > unseen.after);
    assert!(is_in_order && is_behind, "{unseen:?} is answered with {numbers:?}");
    numbers
}

fn held<T>(result: Result<T, WsException>, what: &str) -> T {
    result.unwrap_or_else(|exception| panic!("{what} failed: {exception}"))
}
