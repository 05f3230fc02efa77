//! Several processes on one Redis, under a clock that is set, and what they do one after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::super::{
    Shared,
    keeper::Process,
    reader,
    scripts::{Desk, EventId, Time},
};
use crate::{
    cluster::redis::{Connection, Place},
    presence::{
        contract::device,
        store::{Changes, Device, History},
    },
};

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub(in super::super) struct SetTime {
    milliseconds: Arc<AtomicU64>,
    began: Instant,
}

impl SetTime {
    fn new() -> Self {
        Self { milliseconds: Arc::new(AtomicU64::new(1_000_000)), began: Instant::now() }
    }

    // Moved and read by one thread.
    pub(in super::super) fn milliseconds(&self) -> u64 {
        self.milliseconds.load(Ordering::Relaxed)
    }

    pub(in super::super) fn now(&self) -> Instant {
        self.began + Duration::from_millis(self.milliseconds())
    }

    fn pass(&self, milliseconds: u64) {
        self.milliseconds.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

/// A change, as it was told.
pub(super) type Told = (String, bool);

/// A process, of which each step is taken by hand.
pub(super) struct Member {
    shared: Shared,
    process: Process,
    desk: Desk,
    changes: Changes,
    /// Its devices' users, by number.
    pub(super) devices: BTreeMap<u64, String>,
    /// What it has told.
    pub(super) told: Vec<Told>,
    /// Whether it cannot reach Redis.
    pub(super) cut: bool,
    /// Whether it ever could not.
    pub(super) was_cut: bool,
}

impl Member {
    /// Says what there is to say, and that it is alive.
    pub(super) async fn beat(&mut self) {
        loop {
            self.say().await;
            if !self.process.beat(&self.shared, &mut self.desk).await.expect("Redis").is_zero() {
                return;
            }
        }
    }

    pub(super) async fn say(&mut self) {
        self.process.say(&self.shared, &mut self.desk).await.expect("Redis");
    }

    /// Follows all events that there are.
    pub(super) async fn read(&mut self) {
        loop {
            let before = self.shared.view().position();
            reader::step(&self.shared, &mut self.desk, Duration::ZERO).await.expect("Redis");
            let view = self.shared.view();
            if view.position() == before && !view.must_be_loaded() {
                break;
            }
        }
        while let Some(Some(change)) = self.changes.next().now_or_never() {
            self.told.push((change.user.to_string(), change.online));
        }
    }

    /// The connections were cut, and have come back.
    pub(super) async fn reconnect(&mut self) {
        self.shared.view().interrupt();
        self.process.doubt();
        self.beat().await;
        self.read().await;
    }

    pub(super) fn is_online(&self, user: &str) -> bool {
        self.shared.view().is_online(user)
    }
}

/// The world of one schedule. Its processes are by number; a number that is gone does not come back.
pub(super) struct World {
    connection: Connection,
    place: Place,
    application: String,
    pub(super) grace: Duration,
    pub(super) time: SetTime,
    pub(super) members: BTreeMap<usize, Member>,
    /// What Redis held at a moment.
    remembered: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    begun: usize,
    devices: u64,
}

impl World {
    pub(super) fn new(connection: &Connection, place: &Place, grace: Duration) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);

        // Only the number's being unique counts.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            connection: connection.clone(),
            place: place.clone(),
            application: format!("world-{number}"),
            grace,
            time: SetTime::new(),
            members: BTreeMap::new(),
            remembered: None,
            begun: 0,
            devices: 0,
        }
    }

    /// Begins a process. Returns its number.
    pub(super) async fn begin(&mut self) -> usize {
        let (shared, changes) = Shared::new(
            self.place.clone(),
            &self.application,
            "/chat",
            self.grace,
            History::default(),
            Time::Set(self.time.clone()),
        );
        let desk = shared.desk(self.connection.clone());
        let mut member = Member {
            shared,
            process: Process::default(),
            desk,
            changes,
            devices: BTreeMap::new(),
            told: Vec::new(),
            cut: false,
            was_cut: false,
        };
        member.read().await;
        member.beat().await;
        self.begun += 1;
        self.members.insert(self.begun, member);
        self.begun
    }

    pub(super) fn member(&mut self, number: usize) -> &mut Member {
        self.members.get_mut(&number).expect("a process")
    }

    /// A user's device comes to a process. Its number is returned. If the first answer is lost, all is said again.
    pub(super) async fn arrive(&mut self, number: usize, user: &str, answer_lost: bool) -> u64 {
        self.devices += 1;
        let coming = device(self.devices);
        let member = self.member(number);
        member.devices.insert(coming.number, user.to_owned());
        drop(member.shared.devices().arrive(user, coming));
        if !member.cut {
            if answer_lost {
                member.say_in_vain().await;
            }
            member.say().await;
        }
        self.read_all().await;
        coming.number
    }

    pub(super) async fn leave(&mut self, number: usize, device: u64, answer_lost: bool) {
        let member = self.member(number);
        member.devices.remove(&device).expect("a device");
        let leaving = Device { number: device, socket: self::device(device).socket };
        drop(member.shared.devices().leave(leaving));
        if !member.cut {
            if answer_lost {
                member.say_in_vain().await;
            }
            member.say().await;
        }
        self.read_all().await;
    }

    /// Ends a process with all that belongs to it.
    pub(super) async fn close(&mut self, number: usize) {
        let mut member = self.members.remove(&number).expect("a process");
        member.process.close(&member.shared, &mut member.desk).await.expect("Redis");
        self.read_all().await;
    }

    /// Time passes in which nothing happens, and then everybody does what has to be done each second.
    pub(super) async fn pass(&mut self, time: Duration) {
        self.time.pass(u64::try_from(time.as_millis()).expect("a short time"));
        self.beat_all().await;
    }

    pub(super) async fn beat_all(&mut self) {
        for member in self.members.values_mut().filter(|member| !member.cut) {
            member.beat().await;
        }
        self.read_all().await;
    }

    async fn read_all(&mut self) {
        for member in self.members.values_mut().filter(|member| !member.cut) {
            member.read().await;
        }
    }

    /// Everything that is due is done, in small portions.
    pub(super) async fn reap(&mut self, portion: usize) {
        let mut desk = self.desk();
        for _ in 0..10_000 {
            let answered = desk.beat("nobody", self.grace, portion, EventId::default()).await;
            if !answered.expect("Redis").more {
                return self.read_all().await;
            }
        }
        panic!("there is no end to it");
    }

    pub(super) fn desk(&self) -> Desk {
        Desk::new(self.connection.clone(), &self.prefix(), &Time::Set(self.time.clone()))
    }

    pub(super) fn prefix(&self) -> String {
        format!("gw:{{{}}}:/chat:", self.application)
    }

    pub(super) async fn keys(&self) -> BTreeSet<String> {
        let mut keys = redis::cmd("KEYS");
        keys.arg(format!("{}*", self.prefix()));
        let keys: Vec<String> =
            keys.query_async(&mut self.connection.clone()).await.expect("Redis");
        keys.iter().map(|key| key[self.prefix().len()..].to_owned()).collect()
    }

    /// Redis loses all it holds.
    pub(super) async fn empty(&mut self) {
        for key in self.keys().await {
            let mut delete = redis::cmd("DEL");
            delete.arg(self.prefix() + &key);
            delete.exec_async(&mut self.connection).await.expect("Redis");
        }
    }

    /// A replica gets this far.
    pub(super) async fn remember(&mut self) {
        let mut remembered = Vec::new();
        for key in self.keys().await {
            let key = (self.prefix() + &key).into_bytes();
            let dump: Vec<u8> = redis::cmd("DUMP")
                .arg(&key)
                .query_async(&mut self.connection)
                .await
                .expect("Redis");
            remembered.push((key, dump));
        }
        self.remembered = Some(remembered);
    }

    /// The replica takes over. Everybody connects to it.
    pub(super) async fn lose_the_latest(&mut self) {
        let Some(remembered) = self.remembered.take() else { return };
        self.empty().await;
        for (key, dump) in remembered {
            let mut restore = redis::cmd("RESTORE");
            restore.arg(key).arg(0).arg(dump);
            restore.exec_async(&mut self.connection).await.expect("Redis");
        }
        for member in self.members.values_mut().filter(|member| !member.cut) {
            member.reconnect().await;
        }
        // One may take back what Redis should have forgotten before another has said what it should know: without a
        // grace, a user who changed devices is told offline and online again.
        self.read_all().await;
    }

    /// Users with a device at a process that is there, and can reach Redis.
    pub(super) fn present(&self) -> BTreeSet<&str> {
        let reaching = self.members.values().filter(|member| !member.cut);
        reaching.flat_map(|member| member.devices.values().map(String::as_str)).collect()
    }
}

impl Member {
    /// Says the next things, and never hears the answer.
    async fn say_in_vain(&mut self) {
        let Some(name) = self.process.known_as().map(str::to_owned) else { return };
        let (come, gone) = {
            let mut devices = self.shared.devices();
            (devices.next_to_say(), devices.next_to_take_back())
        };
        let come = come.iter().map(|(device, user)| (*device, &**user));
        self.desk.arrive(&name, come).await.expect("Redis");
        let gone = gone.iter().map(|(device, user)| (*device, &**user));
        self.desk.leave(&name, self.shared.grace, gone).await.expect("Redis");
    }
}
