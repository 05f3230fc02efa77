//! What happens when processes and Redis fail, in real time.

use std::time::Instant;

use futures_util::{StreamExt, future::join_all};
use redis::cmd;
use tokio::time::sleep;

use super::super::*;
use crate::{
    cluster::redis::server::{Server, redis_cluster},
    presence::{
        Presence,
        contract::{self, device},
        store::News,
    },
};

const GRACE: Duration = Duration::from_secs(2);

/// Longer than anything takes, unless it does not come.
const LONG: Duration = Duration::from_secs(30);

/// The store of one process, and what it has told.
struct Node {
    store: Arc<dyn PresenceStore>,
    told: Arc<Mutex<Vec<(String, bool)>>>,
}

impl Node {
    fn open(server: &Server, grace: Duration) -> Self {
        Self::open_as("app", server.place(), grace)
    }

    /// Whoever has looked is told of everybody, also of those who come before it has read who is there.
    fn open_as(application: &str, place: Place, grace: Duration) -> Self {
        let node = Self::open_unseeing(application, place, grace);
        assert!(node.online().is_empty(), "it has not read anything yet");
        node
    }

    /// Whom it is told of depends on whether it has connected before they come.
    fn open_unseeing(application: &str, place: Place, grace: Duration) -> Self {
        let (store, mut changes) =
            open_in_redis(place, application, "/chat", grace, History::default());
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tells = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(Change { user, online }) = changes.next().await {
                tells.lock().unwrap().push((user.to_string(), online));
            }
        });
        Self { store, told }
    }

    async fn arrive(&self, user: &str, number: u64) {
        self.store.arrive(user, device(number)).await.expect("never an error");
    }

    async fn leave(&self, user: &str, number: u64) {
        self.store.leave(user, device(number)).await.expect("never an error");
    }

    fn told(&self) -> Vec<(String, bool)> {
        self.told.lock().unwrap().clone()
    }

    fn told_of(&self, user: &str) -> Vec<bool> {
        self.told().iter().filter(|(of, _)| of == user).map(|(_, online)| *online).collect()
    }

    async fn has_told(&self, user: &str, told: &[bool]) {
        eventually(async || self.told_of(user) == told).await;
    }

    async fn devices(&self, user: &str) -> Option<usize> {
        self.store.devices(user).await.ok().map(|devices| devices.len())
    }

    fn online(&self) -> Vec<String> {
        let News::All(users) = self.store.online(None).news else {
            panic!("changes since nothing")
        };
        let mut users: Vec<_> = users.iter().map(ToString::to_string).collect();
        users.sort_unstable();
        users
    }
}

async fn eventually(condition: impl AsyncFn() -> bool) {
    let until = Instant::now() + LONG;
    while !condition().await {
        assert!(Instant::now() < until, "it does not come");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn command(server: &Server, name: &str) {
    let mut connection = server.place().connect("key").await.expect("Redis");
    cmd(name).exec_async(&mut connection).await.expect("Redis");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_redis_keeps_what_every_store_promises() {
    let server = Server::start();
    for grace in [Duration::from_millis(500), Duration::from_millis(2500)] {
        let namespace = format!("/{}", grace.as_millis());
        let (store, changes) =
            open_in_redis(server.place(), "app", &namespace, grace, History::default());
        contract::holds(&*store, changes, grace).await;
    }
}

/// Those that the documentation of [`Redis`](crate::Redis) names.
#[tokio::test(flavor = "multi_thread")]
async fn few_permissions_suffice() {
    let server = Server::start();
    let url = server.for_a_user_with_few_permissions().await;
    let place = || Place::parse(&url).expect("a URL");
    let (store, changes) = open_in_redis(place(), "app", "/promises", GRACE, History::default());
    contract::holds(&*store, changes, GRACE).await;
    let [a, b] = [Node::open_as("app", place(), GRACE), Node::open_as("app", place(), GRACE)];
    a.arrive("ann", 1).await;
    b.has_told("ann", &[true]).await;
    // The devices of a process are compared, and those of a dead one are buried.
    let mut connection = server.place().connect("key").await.expect("Redis");
    cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec_async(&mut connection).await.ok();
    b.arrive("bob", 2).await;
    // Whoever asks before the connection is back is told so.
    eventually(async || b.devices("ann").await == Some(1)).await;
    drop(a);
    b.has_told("ann", &[true, false]).await;
    assert_eq!(b.told_of("bob"), [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_that_share_a_redis_see_nothing_of_each_other() {
    let server = Server::start();
    let [ours, theirs] = ["ours", "theirs"].map(|name| Node::open_as(name, server.place(), GRACE));
    ours.arrive("ann", 1).await;
    theirs.arrive("ann", 2).await;
    theirs.arrive("bob", 3).await;
    theirs.has_told("bob", &[true]).await;
    ours.leave("ann", 1).await;
    ours.has_told("ann", &[true, false]).await;
    assert_eq!((ours.online(), ours.told().len()), (Vec::new(), 2));
    assert_eq!((theirs.online(), theirs.told().len()), (vec!["ann".into(), "bob".into()], 2));
    assert_eq!((ours.devices("ann").await, theirs.devices("ann").await), (Some(0), Some(1)));
}

/// All keys of a namespace have one slot, and the node that owns it is found.
#[tokio::test(flavor = "multi_thread")]
async fn so_does_one_in_a_redis_cluster() {
    let (_nodes, place) = redis_cluster().await;
    for application in ["a", "b"] {
        let (store, changes) =
            open_in_redis(place.clone(), application, "/chat", GRACE, History::default());
        contract::holds(&*store, changes, GRACE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_killed_process_go_offline_once_and_in_time() {
    let server = Server::start();
    let [killed, left] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
    killed.arrive("ann", 1).await;
    killed.arrive("bob", 2).await;
    left.arrive("bob", 3).await;
    left.arrive("cid", 4).await;
    let began = Instant::now();
    drop(killed);
    left.has_told("ann", &[true, false]).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_secs(10 + 1 + 1) + GRACE, "{took:?}");
    assert!(took >= Duration::from_secs(8) + GRACE, "not before the lease is over: {took:?}");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(left.told_of("ann"), [true, false]);
    assert_eq!([left.told_of("bob"), left.told_of("cid")], [[true], [true]]);
    assert_eq!(left.devices("bob").await, Some(1));
}

/// However long: shorter than the lease, or longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_takes_nobody_offline() {
    join_all([2, 8, 30].map(|seconds| async move {
        let server = Server::start();
        let [a, b] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
        a.arrive("ann", 1).await;
        b.arrive("bob", 2).await;
        b.has_told("ann", &[true]).await;
        a.has_told("bob", &[true]).await;

        server.freeze();
        sleep(Duration::from_secs(seconds) / 2).await;
        // A reload, which ends at the other process.
        a.leave("ann", 1).await;
        b.arrive("ann", 3).await;
        assert!(a.store.is_online("ann") && b.store.is_online("bob"));
        sleep(Duration::from_secs(seconds) / 2).await;
        server.thaw();

        // As long as anything may be put off.
        sleep(Duration::from_secs(10 + 3) + GRACE).await;
        for node in [&a, &b] {
            assert_eq!([node.told_of("ann"), node.told_of("bob")], [[true], [true]], "{seconds} s");
            assert_eq!(node.devices("ann").await, Some(1));
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_while_redis_is_away_is_told_when_it_is_back() {
    let server = Server::start();
    let [a, b] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
    a.arrive("ann", 1).await;
    server.freeze();
    let began = Instant::now();
    a.arrive("bob", 2).await;
    assert!(began.elapsed() < 2 * PATIENCE, "{:?}", began.elapsed());
    // Connecting is what takes up to two seconds.
    sleep(Duration::from_millis(2500)).await;
    let began = Instant::now();
    a.arrive("cid", 3).await;
    a.leave("ann", 1).await;
    a.arrive("dan", 4).await;
    a.leave("dan", 4).await;
    assert!(began.elapsed() < PATIENCE, "known to be away: {:?}", began.elapsed());
    assert_eq!(a.store.devices("ann").await, Err(PresenceError::Unavailable));
    assert!(a.store.is_online("ann"), "Redis is away, and not she");

    server.thaw();
    let back = Instant::now();
    for node in [&a, &b] {
        node.has_told("bob", &[true]).await;
        node.has_told("cid", &[true]).await;
    }
    assert!(back.elapsed() < Duration::from_secs(4), "{:?}", back.elapsed());
    for node in [&a, &b] {
        node.has_told("ann", &[true, false]).await;
        assert!(node.told_of("dan").is_empty(), "gone before anybody could know");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_filled_again_and_nobody_is_told_twice() {
    let mut server = Server::start();
    let [a, b] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
    a.arrive("ann", 1).await;
    b.arrive("bob", 2).await;
    b.arrive("cid", 3).await;
    a.has_told("cid", &[true]).await;

    b.leave("cid", 3).await;
    let began = Instant::now();
    command(&server, "FLUSHALL").await;
    eventually(async || a.devices("bob").await == Some(1) && b.devices("ann").await == Some(1))
        .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for node in [&a, &b] {
        // Redis does not know any more that she had left.
        node.has_told("cid", &[true, false]).await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    server.kill();
    sleep(Duration::from_secs(3)).await;
    server.resume();
    let began = Instant::now();
    eventually(async || a.devices("bob").await == Some(1) && b.devices("ann").await == Some(1))
        .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    sleep(Duration::from_secs(15)).await;
    for node in [&a, &b] {
        assert_eq!([node.told_of("ann"), node.told_of("bob")], [[true], [true]]);
        assert_eq!(node.online(), ["ann", "bob"]);
    }
}

/// As after a failover to a replica that was behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_forgotten_is_said_again_and_taken_back_again() {
    let mut server = Server::start();
    let [a, b] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
    a.arrive("ann", 1).await;
    a.arrive("bob", 2).await;
    command(&server, "SAVE").await;
    // As many come as go, so that the number of devices does not show it.
    a.arrive("cid", 3).await;
    a.leave("bob", 2).await;
    b.has_told("cid", &[true]).await;
    server.kill();
    server.resume();
    eventually(async || a.devices("cid").await == Some(1) && b.devices("bob").await == Some(0))
        .await;
    for node in [&a, &b] {
        node.has_told("bob", &[true, false]).await;
    }
    sleep(Duration::from_secs(15)).await;
    for node in [&a, &b] {
        assert_eq!([node.told_of("ann"), node.told_of("cid")], [[true], [true]]);
        assert_eq!(node.told_of("bob"), [true, false]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_yet_is_waited_for() {
    let mut server = Server::start();
    server.kill();
    let node = Node::open(&server, GRACE);
    let began = Instant::now();
    node.arrive("ann", 1).await;
    node.arrive("bob", 2).await;
    node.leave("bob", 2).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(node.store.devices("ann").await, Err(PresenceError::Unavailable));
    server.resume();
    node.has_told("ann", &[true]).await;
    assert_eq!(node.online(), ["ann"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_elsewhere_after_a_shutdown_was_never_away() {
    let server = Server::start();
    let [a, b] = [Node::open(&server, GRACE), Node::open(&server, GRACE)];
    let users: Vec<_> = (0..1500_u64).map(|user| user.to_string()).collect();
    join_all(users.iter().zip(0..).map(|(user, number)| a.arrive(user, number))).await;
    eventually(async || b.told().len() == users.len()).await;

    a.store.close().await;
    assert_eq!(b.devices("7").await, Some(0), "nobody waits for the lease");
    join_all(users.iter().zip(2000..).map(|(user, number)| b.arrive(user, number))).await;
    assert_eq!(b.devices("7").await, Some(1));
    sleep(GRACE + Duration::from_secs(2)).await;
    assert_eq!(b.told().len(), users.len(), "and nothing more");
}

/// They have not come online just now, and nobody here has asked before.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_begins_is_not_told_of_those_who_were_online_before() {
    let server = Server::start();
    let first = Node::open(&server, GRACE);
    first.arrive("ann", 1).await;
    let second = Node::open_unseeing("app", server.place(), GRACE);
    second.arrive("bob", 2).await;
    second.has_told("bob", &[true]).await;
    assert_eq!(second.told().len(), 1);
    assert_eq!(second.online(), ["ann", "bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_many_users_does_not_ask_redis() {
    const MANY: u64 = 50_000;

    let server = Server::start();
    let (store, _changes) =
        open_in_redis(server.place(), "app", "/chat", GRACE, History::default());
    let users: Vec<_> = (0..MANY).map(|user| user.to_string()).collect();
    let began = Instant::now();
    join_all(users.iter().zip(0..).map(|(user, number)| store.arrive(user, device(number)))).await;
    println!("{MANY} users arrived in {:?}", began.elapsed());
    let presence = Presence::<u64>::new(store);
    eventually(async || presence.online().await.unwrap().len() as u64 == MANY).await;
    server.freeze();
    let mut looks = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        assert_eq!(presence.online().await.unwrap().len() as u64, MANY);
        looks.push(began.elapsed());
    }
    looks.sort_unstable();
    println!("a look at {MANY} users: {:?}", looks[50]);
    assert!(looks[50] <= Duration::from_micros(50), "{:?}", looks[50]);
}
