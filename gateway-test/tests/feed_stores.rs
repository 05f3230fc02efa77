//! A store that does not do what a feed needs is found out.

use std::{collections::HashMap, sync::Mutex};

use gateway_core::prelude::*;
use gateway_test::assert_feed_store;

#[derive(serde::Serialize, Event)]
#[event("letter", ack = ())]
struct Letter;

#[web_socket_gateway(namespace = "/post", emits(Letter))]
struct PostGateway;

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// A number is left out now and then, as by a sequence whose transaction was rolled back.
    Gap,
    /// Users share their numbers.
    Shared,
    /// A number becomes visible before a smaller one.
    Early,
    Newest,
    SettlesNothing,
    SettlesForAll,
    ForgetsSettled,
    Since,
    After,
    /// The same page again and again.
    Stuck,
}

struct Letters {
    fault: Fault,
    /// Whether each is settled, and visible.
    users: Mutex<HashMap<u64, Vec<(bool, bool)>>>,
}

impl Letters {
    async fn append(&self, user: u64) -> i64 {
        let user = if self.fault == Fault::Shared { 1 } else { user };
        let number = {
            let mut users = self.users.lock().unwrap();
            let letters = users.entry(user).or_default();
            if self.fault == Fault::Gap && letters.len() % 7 == 6 {
                letters.push((false, false));
            }
            letters.push((false, self.fault != Fault::Early || letters.len() % 5 != 4));
            letters.len()
        };
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.users.lock().unwrap().get_mut(&user).unwrap()[number - 1].1 = true;
        number as i64
    }
}

impl FeedStore for Letters {
    type Gateway = PostGateway;
    type User = u64;
    type Update = i64;
    type Event<'a> = Letter;

    async fn newest(&self, user: &u64) -> Result<i64, WsException> {
        let newest = self.users.lock().unwrap().get(user).map_or(0, Vec::len) as i64;
        Ok(if self.fault == Fault::Newest && newest > 0 { newest - 1 } else { newest })
    }

    async fn unseen(&self, user: &u64, unseen: Unseen) -> Result<Vec<i64>, WsException> {
        let users = self.users.lock().unwrap();
        let letters = (1..).zip(users.get(user).into_iter().flatten().copied());
        let is_wanted = |number: i64, settled: bool| match self.fault {
            Fault::ForgetsSettled => !settled,
            Fault::Since => !settled || number > unseen.since,
            _ => !settled || number >= unseen.since,
        };
        let is_after = |number: i64| match self.fault {
            // Of what is asked for in the middle.
            Fault::After if unseen.after == 3 => number > 4,
            Fault::Stuck => true,
            _ => number > unseen.after,
        };
        let letters = letters.filter(|(number, (settled, visible))| {
            *visible && is_after(*number) && is_wanted(*number, *settled)
        });
        Ok(letters.map(|(number, _)| number).take(7).collect())
    }

    async fn settle(&self, user: &u64, number: i64) -> Result<(), WsException> {
        let index = number as usize - 1;
        let mut users = self.users.lock().unwrap();
        match self.fault {
            Fault::SettlesNothing => {}
            Fault::SettlesForAll => users.values_mut().for_each(|letters| letters[index].0 = true),
            _ => users.get_mut(user).expect("a user")[index].0 = true,
        }
        Ok(())
    }

    fn number(number: &i64) -> i64 {
        *number
    }

    fn event(_: &i64, _: &Handshake) -> Letter {
        Letter
    }
}

async fn check(fault: Fault) {
    let letters = Letters { fault, users: Mutex::default() };
    assert_feed_store(&letters, [1, 2], async |user| letters.append(*user).await).await;
}

#[tokio::test]
async fn one_that_does_is_not() {
    check(Fault::None).await;
}

macro_rules! found_out {
    ($($test:ident: $fault:ident, $told:literal;)*) => {
        $(#[tokio::test]
        #[should_panic(expected = $told)]
        async fn $test() {
            check(Fault::$fault).await;
        })*
    };
}

found_out! {
    numbers_with_gaps: Gap, "numbered without a gap";
    users_who_share_numbers: Shared, "has numbers of their own";
    numbers_out_of_order: Early, "visible after all smaller ones";
    another_newest: Newest, "`newest` is the last number";
    settling_nothing: SettlesNothing, "seen by nobody who comes later";
    settling_for_all: SettlesForAll, "seen by nobody who comes later";
    forgetting_what_is_settled: ForgetsSettled, "from `since` on";
    another_since: Since, "from `since` on";
    another_after: After, "begins behind `after`";
    the_same_page_again: Stuck, "is answered with";
}
