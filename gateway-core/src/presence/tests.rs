//! What the store decides and what is announced, against a model.

mod batches;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture};
use proptest::prelude::*;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Batch, announce,
    announce::one_by_one,
    contract,
    memory::open_in_memory,
    store::{Change, Device, History, News, PresenceStore},
};
use crate::exception::WsException;

/// What devices do is done every ten milliseconds, and no grace ends then.
const TICK: Duration = Duration::from_millis(10);
const GRACE: Duration = Duration::from_millis(35);

type Shared<T> = Arc<Mutex<T>>;

/// One thing a device does, after waiting some ticks.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// It is there from now on; where it was before, the old connection is gone.
    Connect,
    Leave,
    /// Away and back; within the grace or not.
    Reload(u32),
    /// The line breaks, and the server only finds out later. The device is back at once.
    LoseLine(u32),
    /// Gone before it had arrived.
    Abort,
    /// Gone, and told so twice.
    LeaveTwice,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Connect),
        3 => Just(Act::Leave),
        3 => (0..8_u32).prop_map(Act::Reload),
        2 => (0..8_u32).prop_map(Act::LoseLine),
        1 => Just(Act::Abort),
        1 => Just(Act::LeaveTwice),
    ]
}

/// Of a few users, each with a few devices: what every device does, and when observers come.
#[derive(Debug, Clone)]
struct Schedule {
    devices: Vec<(usize, Vec<(u32, Act)>)>,
    observers: Vec<u32>,
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let device = (0..4_usize, prop::collection::vec((0..9_u32, act()), 0..12));
    (prop::collection::vec(device, 1..12), prop::collection::vec(0..60_u32, 0..4))
        .prop_map(|(devices, observers)| Schedule { devices, observers })
}

fn device() -> Device {
    static NUMBER: AtomicU64 = AtomicU64::new(0);

    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Device { number, socket: "AAAAAAAAAAAAAAAA".parse().expect("an id") }
}

/// What was done, in the order in which it was.
#[derive(Default)]
struct Log(Mutex<Vec<(Instant, usize, Device, bool)>>);

/// Who is online, for somebody who knows nothing.
fn everybody(store: &dyn PresenceStore) -> Vec<Arc<str>> {
    match store.online(None).news {
        News::All(users) => users,
        News::Changes(changes) => panic!("changes since nothing: {changes:?}"),
    }
}

struct World {
    store: Arc<dyn PresenceStore>,
    log: Log,
}

impl World {
    /// Nothing else runs between the deed and its entry.
    async fn arrive(&self, user: usize, device: Device) {
        self.store.arrive(&user.to_string(), device).await.expect("a store in memory");
        self.log.0.lock().unwrap().push((Instant::now(), user, device, true));
    }

    async fn leave(&self, user: usize, device: Device) {
        self.store.leave(&user.to_string(), device).await.expect("a store in memory");
        self.log.0.lock().unwrap().push((Instant::now(), user, device, false));
    }
}

async fn live(world: Arc<World>, user: usize, acts: Vec<(u32, Act)>) {
    let mut here: Option<Device> = None;
    for (ticks, act) in acts {
        sleep(TICK * ticks).await;
        match act {
            Act::Connect => {
                if let Some(old) = here.replace(device()) {
                    world.leave(user, old).await;
                }
                world.arrive(user, here.unwrap()).await;
            }
            Act::Leave => {
                if let Some(old) = here.take() {
                    world.leave(user, old).await;
                }
            }
            Act::Reload(ticks) => {
                if let Some(old) = here.take() {
                    world.leave(user, old).await;
                    sleep(TICK * ticks).await;
                    world.arrive(user, *here.insert(device())).await;
                }
            }
            Act::LoseLine(ticks) => {
                if let Some(old) = here.replace(device()) {
                    world.arrive(user, here.unwrap()).await;
                    let world = Arc::clone(&world);
                    tokio::spawn(async move {
                        sleep(TICK * ticks).await;
                        world.leave(user, old).await;
                    });
                } else {
                    here = None;
                }
            }
            Act::Abort => {
                let device = device();
                drop(world.store.arrive(&user.to_string(), device));
                world.leave(user, device).await;
            }
            Act::LeaveTwice => {
                if let Some(old) = here.take() {
                    world.leave(user, old).await;
                    world.leave(user, old).await;
                }
            }
        }
    }
}

/// What should have been told of each user, and who should be there in the end: with nothing but the
/// rule that a user is there while a device is, or was less than a grace ago.
fn model(log: &[(Instant, usize, Device, bool)], end: Instant) -> Expected {
    let mut expected = Expected::default();
    for user in 0..4 {
        let mut devices = BTreeSet::new();
        let mut told = Vec::new();
        let mut alone_since: Option<Instant> = None;
        let mine = log.iter().filter(|(_, of, ..)| *of == user);
        let ends = |alone: Option<Instant>, now: Instant| alone.is_some_and(|at| at + GRACE < now);
        for (now, _, device, arrives) in mine {
            if ends(alone_since, *now) {
                told.push(false);
                alone_since = None;
            }
            if *arrives {
                if devices.is_empty() && alone_since.is_none() {
                    told.push(true);
                }
                devices.insert(device.number);
                alone_since = None;
            } else if devices.remove(&device.number) && devices.is_empty() {
                alone_since = Some(*now);
            }
        }
        if ends(alone_since, end) {
            told.push(false);
        }
        if told.last() == Some(&true) {
            expected.online.insert(user.to_string());
        }
        expected.devices.insert(user, devices.len());
        expected.told.insert(user.to_string(), told);
    }
    expected
}

#[derive(Default)]
struct Expected {
    told: BTreeMap<String, Vec<bool>>,
    online: BTreeSet<String>,
    devices: HashMap<usize, usize>,
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

async fn run(schedule: Schedule) -> Result<(), TestCaseError> {
    let (store, changes) = open_in_memory(GRACE, History::default());
    let world = Arc::new(World { store, log: Log::default() });
    let begun = Instant::now();

    // What each observer has heard: the first is there from the beginning.
    let observers: Vec<Instant> =
        schedule.observers.iter().map(|ticks| begun + TICK * *ticks).chain([begun]).collect();
    let heard: Shared<Vec<(Instant, Change)>> = Shared::default();
    let hear = Arc::clone(&heard);
    tokio::spawn(one_by_one(changes, move |change| {
        hear.lock().unwrap().push((Instant::now(), change));
        async { Ok(()) }
    }));

    let mut lives = JoinSet::new();
    for (user, acts) in schedule.devices {
        lives.spawn(live(Arc::clone(&world), user, acts));
    }
    lives.join_all().await;
    // Until all lines that were lost are known to be, and then half a grace: some are within it.
    sleep(TICK * 9 + GRACE / 2).await;

    let end = Instant::now();
    let log = world.log.0.lock().unwrap().clone();
    let Expected { told, online, devices } = model(&log, end);

    let is_online: BTreeSet<String> =
        everybody(&*world.store).iter().map(ToString::to_string).collect();
    prop_assert_eq!(&is_online, &online);
    for user in 0..4 {
        let name = user.to_string();
        prop_assert_eq!(world.store.is_online(&name), online.contains(&name));
        prop_assert_eq!(world.store.devices(&name).await.unwrap().len(), devices[&user]);
    }
    let heard = heard.lock().unwrap().clone();
    for (user, told) in told {
        let of_user = |from: Instant| -> Vec<bool> {
            let since = heard.iter().filter(|(at, change)| *at >= from && *change.user == *user);
            since.map(|(_, change)| change.online).collect()
        };
        prop_assert_eq!(&of_user(begun), &told, "user {}", user);
        for observer in &observers {
            let seen = of_user(*observer);
            prop_assert!(seen.windows(2).all(|two| two[0] != two[1]), "{seen:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_ends_as_the_model_says(schedule in schedule()) {
        paused().block_on(run(schedule))?;
    }

    /// However long an announcement takes, and however it ends, a user's changes are told one by
    /// one, each once, in their order.
    #[test]
    fn announcements_of_a_user_never_overlap(
        changes in prop::collection::vec((0..5_usize, 0..6_u8, 0..50_u64), 0..150)
    ) {
        paused().block_on(async {
            let mut online = [false; 5];
            let changes: Vec<_> = changes
                .into_iter()
                .enumerate()
                .map(|(number, (user, how, ms))| {
                    online[user] = !online[user];
                    let change = Change { user: user.to_string().into(), online: online[user] };
                    (number, change, how, ms)
                })
                .collect();
            let plans: Shared<HashMap<Arc<str>, Vec<_>>> = Shared::default();
            for (number, change, how, ms) in changes.iter().rev() {
                let mut plans = plans.lock().unwrap();
                plans.entry(Arc::clone(&change.user)).or_default().push((*number, *how, *ms));
            }
            let busy: Shared<BTreeSet<Arc<str>>> = Shared::default();
            let told: Shared<Vec<(Arc<str>, usize)>> = Shared::default();
            let tell = {
                let told = Arc::clone(&told);
                move |change: Change| {
                    let (number, how, ms) =
                        plans.lock().unwrap().get_mut(&change.user).unwrap().pop().unwrap();
                    assert!(busy.lock().unwrap().insert(Arc::clone(&change.user)), "overlap");
                    told.lock().unwrap().push((Arc::clone(&change.user), number));
                    let done = Done(Arc::clone(&busy), Arc::clone(&change.user));
                    async move {
                        let _done = done;
                        sleep(Duration::from_millis(ms)).await;
                        match how {
                            0 => panic!("an announcement that panics"),
                            1 => Err(WsException::new("one that fails")),
                            2 => pending().await,
                            _ => Ok(()),
                        }
                    }
                }
            };
            let all = changes.iter().map(|(_, change, ..)| change.clone()).collect::<Vec<_>>();
            one_by_one(futures_util::stream::iter(all).boxed(), tell).await;

            let told = told.lock().unwrap();
            prop_assert_eq!(told.len(), changes.len());
            for user in 0..5_usize {
                let name: Arc<str> = user.to_string().into();
                let order: Vec<usize> =
                    told.iter().filter(|(of, _)| *of == name).map(|(_, number)| *number).collect();
                prop_assert!(order.is_sorted(), "{order:?}");
            }
            Ok(())
        })?;
    }
}

/// Ends an announcement, also one that panics or is given up.
struct Done(Shared<BTreeSet<Arc<str>>>, Arc<str>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_announcement_holds_up_nobody_else() {
    let changes = [("slow", true), ("slow", false), ("quick", true), ("quick", false)];
    let changes = changes.map(|(user, online)| Change { user: user.into(), online });
    let heard: Shared<Vec<(Duration, Change)>> = Shared::default();
    let begun = Instant::now();
    let hear = Arc::clone(&heard);
    let tell = move |change: Change| {
        hear.lock().unwrap().push((begun.elapsed(), change.clone()));
        async move {
            if &*change.user == "slow" {
                sleep_until(begun + Duration::from_secs(3)).await;
            }
            Ok(())
        }
    };
    one_by_one(futures_util::stream::iter(changes.clone()).boxed(), tell).await;
    let at = |wanted: &Change| {
        let heard = heard.lock().unwrap();
        heard.iter().find(|(_, change)| change == wanted).expect("told").0
    };
    let [slow_comes, slow_goes, quick_comes, quick_goes] = &changes;
    assert_eq!(at(slow_comes), Duration::ZERO);
    assert_eq!(at(slow_goes), Duration::from_secs(3));
    assert_eq!(at(quick_comes), Duration::ZERO);
    assert_eq!(at(quick_goes), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_user_without_a_grace_is_gone_at_once() {
    let (store, mut changes) = open_in_memory(Duration::ZERO, History::default());
    let phone = device();
    store.arrive("7", phone).await.unwrap();
    store.leave("7", phone).await.unwrap();
    assert!(!store.is_online("7"));
    for online in [true, false] {
        assert_eq!(changes.next().await, Some(Change { user: "7".into(), online }));
    }
}

/// Years, and more than a clock can tell.
#[tokio::test(start_paused = true)]
async fn a_grace_may_be_longer_than_any_timer() {
    for grace in [Duration::from_secs(3 * 24 * 60 * 60), Duration::MAX] {
        let (store, mut changes) = open_in_memory(grace, History::default());
        let phone = device();
        store.arrive("7", phone).await.unwrap();
        store.leave("7", phone).await.unwrap();
        assert!(changes.next().await.unwrap().online);
        sleep(Duration::from_secs(3 * 24 * 60 * 60 - 1)).await;
        assert!(store.is_online("7"));
        sleep(Duration::from_secs(2)).await;
        assert_eq!(store.is_online("7"), grace == Duration::MAX);
    }
}

#[tokio::test]
async fn nothing_is_left_when_the_store_goes() {
    let (store, changes) = open_in_memory(Duration::from_secs(60), History::default());
    let announcing =
        tokio::spawn(announce(changes, |_| async { Ok(()) }, |_| async { Ok(Batch::Announced) }));
    let phone = device();
    store.arrive("7", phone).await.unwrap();
    store.leave("7", phone).await.unwrap();
    drop(store);
    announcing.await.unwrap();
}

/// Reconnects that meet the end of the grace, on real threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grace_that_ends_meets_reconnects() {
    let (store, mut changes) = open_in_memory(Duration::from_millis(2), History::default());
    let mut devices = JoinSet::new();
    for number in 0..16_u64 {
        let store = Arc::clone(&store);
        devices.spawn(async move {
            let user = (number % 4).to_string();
            for round in 0..150_u64 {
                // At least once, all devices of a user are away for longer than the grace.
                while round == 75 && store.is_online(&user) {
                    sleep(Duration::from_millis(1)).await;
                }
                let phone = device();
                store.arrive(&user, phone).await.unwrap();
                assert!(store.is_online(&user));
                if (round + number) % 3 == 0 {
                    tokio::task::yield_now().await;
                }
                store.leave(&user, phone).await.unwrap();
                sleep(Duration::from_micros(500 * ((round * 7 + number) % 9))).await;
            }
        });
    }
    devices.join_all().await;

    while !everybody(&*store).is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    drop(store);

    let mut online = [false; 4];
    let mut count = 0;
    while let Some(Change { user, online: now }) = changes.next().await {
        let there = &mut online[user.parse::<usize>().unwrap()];
        assert_ne!(*there, now, "user {user} after {count} changes");
        *there = now;
        count += 1;
    }
    assert_eq!(online, [false; 4]);
    assert!(count > 8, "no grace has ended in between");
}

#[tokio::test]
async fn memory_promises_what_every_store_does() {
    let grace = Duration::from_secs(1);
    let (store, changes) = open_in_memory(grace, History::default());
    contract::holds(&*store, changes, grace).await;
}
