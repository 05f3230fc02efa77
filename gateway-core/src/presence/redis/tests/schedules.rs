//! Random schedules of processes and devices, against a model.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{prelude::*, test_runner::TestRunner};

use super::world::{Told, World};
use crate::{
    cluster::redis::{Connection, Place, server::Server},
    presence::contract::device,
};

const USERS: usize = 6;

/// One thing that happens. Processes and devices are chosen from those that there are.
#[derive(Debug, Clone)]
enum Act {
    Begin,
    Arrive {
        process: usize,
        user: usize,
        answer_lost: bool,
    },
    Leave {
        process: usize,
        device: usize,
        answer_lost: bool,
    },
    /// It is gone from one moment to the next.
    Kill(usize),
    /// It cannot reach Redis, or can again.
    Cut(usize),
    Close(usize),
    /// Redis, or the whole machine, stands still for so many seconds.
    Freeze(u64),
    Empty,
    /// What Redis holds is what it will hold again after the next `LoseTheLatest`.
    Remember,
    LoseTheLatest,
}

#[derive(Debug, Clone)]
struct Schedule {
    grace: Duration,
    /// How many devices and users are dealt with at once.
    portion: usize,
    /// Each with the milliseconds before it.
    acts: Vec<(u64, Act)>,
}

fn act(failovers: bool) -> impl Strategy<Value = Act> {
    let lost = || prop::bool::weighted(0.1);
    let arrive = (any::<usize>(), 0..USERS, lost());
    let leave = (any::<usize>(), any::<usize>(), lost());
    let failover = if failovers { 2 } else { 0 };
    prop_oneof![
        8 => Just(Act::Begin),
        34 => arrive.prop_map(|(process, user, answer_lost)| Act::Arrive { process, user, answer_lost }),
        22 => leave.prop_map(|(process, device, answer_lost)| Act::Leave { process, device, answer_lost }),
        4 => any::<usize>().prop_map(Act::Kill),
        8 => any::<usize>().prop_map(Act::Cut),
        2 => any::<usize>().prop_map(Act::Close),
        2 => prop::sample::select(vec![4, 8, 30, 300]).prop_map(Act::Freeze),
        1 => Just(Act::Empty),
        2 * failover => Just(Act::Remember),
        failover => Just(Act::LoseTheLatest),
    ]
}

fn schedule(failovers: bool) -> impl Strategy<Value = Schedule> {
    let gap = prop::sample::select(vec![0, 1, 50, 400, 1000, 1000, 3000, 7000]);
    let grace = prop::sample::select(vec![0, 5000, 5000]).prop_map(Duration::from_millis);
    let portion = prop::sample::select(vec![1, 3, 500]);
    (grace, portion, prop::collection::vec((gap, act(failovers)), 1..120))
        .prop_map(|(grace, portion, acts)| Schedule { grace, portion, acts })
}

/// What should be, with one clock, one place and no failures but those of the schedule.
struct Model {
    grace: u64,
    now: u64,
    passed: Option<u64>,
    hold: u64,
    /// Until when each life of a process is believed in.
    leases: BTreeMap<Life, u64>,
    /// Whose devices Redis knows.
    devices: BTreeMap<(Life, u64), usize>,
    /// Since when users within their grace have been without a device.
    alone: BTreeMap<usize, u64>,
    online: BTreeSet<usize>,
    /// Users who were online when Redis was emptied, and have not been heard of since; and until when they may be.
    doubtful: BTreeSet<usize>,
    decided: u64,
    /// Whether anything has been told since then.
    events: bool,
    told: Vec<(usize, bool)>,
}

/// A process, and how often it was thought dead.
type Life = (usize, usize);

const LEASE: u64 = 10_000;

impl Model {
    fn new(schedule: &Schedule, now: u64) -> Self {
        Self {
            grace: u64::try_from(schedule.grace.as_millis()).unwrap(),
            now,
            passed: Some(now),
            hold: 0,
            leases: BTreeMap::new(),
            devices: BTreeMap::new(),
            alone: BTreeMap::new(),
            online: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            decided: 0,
            events: false,
            told: Vec::new(),
        }
    }

    /// Everybody has come by, at this time.
    fn pass(&mut self, now: u64, reaching: &[Life]) {
        self.now = now;
        if self.passed.is_some_and(|passed| now - passed > 3500) {
            self.hold = now + 10_000;
        }
        self.passed = Some(now);
        for life in reaching {
            self.leases.insert(*life, now + LEASE);
        }
        if now >= self.hold {
            let over = |since: u64| since + self.grace <= now;
            let over: Vec<_> = self
                .alone
                .iter()
                .filter(|(_, since)| over(**since))
                .map(|(user, _)| *user)
                .collect();
            for user in over {
                self.alone.remove(&user);
                self.goes(user);
            }
            let late = self.leases.iter().filter(|(_, until)| **until <= now);
            for life in late.map(|(life, _)| *life).collect::<Vec<_>>() {
                self.bury(life);
            }
        }
        if self.decided <= now {
            for user in std::mem::take(&mut self.doubtful) {
                self.told.push((user, false));
            }
        }
    }

    fn bury(&mut self, life: Life) {
        self.leases.remove(&life);
        let devices = self.devices.keys().filter(|(of, _)| *of == life);
        for (_, device) in devices.copied().collect::<Vec<_>>() {
            self.leave(life, device);
        }
    }

    fn begin(&mut self, life: Life) {
        self.leases.insert(life, self.now + LEASE);
    }

    fn arrive(&mut self, life: Life, device: u64, user: usize) {
        self.devices.insert((life, device), user);
        self.alone.remove(&user);
        let known = self.doubtful.remove(&user);
        if self.online.insert(user) {
            self.events = true;
            if !known {
                self.told.push((user, true));
            }
        }
    }

    fn leave(&mut self, life: Life, device: u64) {
        let Some(user) = self.devices.remove(&(life, device)) else { return };
        if self.devices.values().any(|other| *other == user) {
            return;
        }
        if self.grace == 0 {
            self.goes(user);
        } else {
            self.alone.insert(user, self.now);
        }
    }

    fn goes(&mut self, user: usize) {
        if self.online.remove(&user) {
            self.events = true;
            self.told.push((user, false));
        }
    }

    fn empty(&mut self) {
        self.leases.clear();
        self.devices.clear();
        self.alone.clear();
        (self.passed, self.hold) = (None, 0);
        if std::mem::take(&mut self.events) {
            self.doubtful.append(&mut self.online);
            self.decided = self.now + 13_000;
        }
    }

    fn shown(&self) -> BTreeSet<usize> {
        &self.online | &self.doubtful
    }
}

/// A process, as the model has to know it.
#[derive(Debug, Default)]
struct Known {
    lives: usize,
    devices: BTreeMap<u64, usize>,
    /// Of those, which came while it could not reach Redis.
    unsaid: BTreeSet<u64>,
    /// Which left then, and are known to Redis.
    gone: BTreeSet<u64>,
    /// How much had been told when it began.
    since: usize,
    /// Whether Redis had just been emptied then, so that it does not know of everybody whom others remember.
    late: bool,
}

/// Runs a schedule, in which one process, the first, sees all.
struct Run {
    world: World,
    model: Model,
    known: BTreeMap<usize, Known>,
    portion: usize,
    /// Whether the model says what is told. If not, it is no more than what must be true in any case.
    exact: bool,
}

impl Run {
    async fn of(
        schedule: Schedule,
        exact: bool,
        connection: &Connection,
        place: &Place,
    ) -> Result<(), TestCaseError> {
        let world = World::new(connection, place, schedule.grace);
        let model = Model::new(&schedule, world.time.milliseconds());
        let mut run =
            Self { world, model, known: BTreeMap::new(), portion: schedule.portion, exact };
        run.begin().await;
        for (gap, act) in schedule.acts {
            run.pass(gap).await;
            run.act(act).await;
            run.check()?;
        }
        run.end().await
    }

    fn life(&self, process: usize) -> Life {
        (process, self.known[&process].lives)
    }

    async fn begin(&mut self) {
        let process = self.world.begin().await;
        self.known.insert(
            process,
            Known {
                since: self.model.told.len(),
                late: !self.model.doubtful.is_empty(),
                ..Known::default()
            },
        );
        self.model.begin(self.life(process));
    }

    async fn pass(&mut self, gap: u64) {
        let mut rest = gap;
        loop {
            let tick = rest.min(1000);
            self.stand_still(tick).await;
            rest -= tick;
            if rest == 0 {
                return;
            }
        }
    }

    async fn stand_still(&mut self, milliseconds: u64) {
        self.world.pass(Duration::from_millis(milliseconds)).await;
        if self.exact {
            // Without this, who comes back before anybody has noticed was never away.
            self.world.reap(self.portion).await;
        }
        let reaching: Vec<_> = self
            .world
            .members
            .iter()
            .filter(|(_, member)| !member.cut)
            .map(|(number, _)| self.life(*number))
            .collect();
        self.model.pass(self.world.time.milliseconds(), &reaching);
    }

    /// One of the processes, or one of those that things may happen to.
    fn choose(&self, index: usize, but_the_first: bool) -> Option<usize> {
        let from: Vec<_> =
            self.known.keys().copied().filter(|number| !but_the_first || *number > 1).collect();
        (!from.is_empty()).then(|| from[index % from.len()])
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Begin if self.known.len() < 5 => self.begin().await,
            Act::Begin => {}
            Act::Arrive { process, user, answer_lost } => {
                let process = self.choose(process, false).expect("the first");
                let device = self.world.arrive(process, &name(user), answer_lost).await;
                let cut = self.world.member(process).cut;
                let life = self.life(process);
                let known = self.known.get_mut(&process).expect("a process");
                known.devices.insert(device, user);
                if cut {
                    known.unsaid.insert(device);
                } else {
                    self.model.arrive(life, device, user);
                }
            }
            Act::Leave { process, device, answer_lost } => {
                let process = self.choose(process, false).expect("the first");
                let life = self.life(process);
                let known = self.known.get_mut(&process).expect("a process");
                let devices: Vec<_> = known.devices.keys().copied().collect();
                if devices.is_empty() {
                    return;
                }
                let device = devices[device % devices.len()];
                known.devices.remove(&device);
                let unsaid = known.unsaid.remove(&device);
                if !self.world.member(process).cut {
                    self.model.leave(life, device);
                } else if !unsaid {
                    known.gone.insert(device);
                }
                self.world.leave(process, device, answer_lost).await;
            }
            Act::Kill(index) => {
                let Some(process) = self.choose(index, true) else { return };
                self.world.members.remove(&process);
                self.known.remove(&process);
            }
            Act::Cut(index) => {
                let Some(process) = self.choose(index, true) else { return };
                let member = self.world.member(process);
                (member.cut, member.was_cut) = (!member.cut, true);
                if !member.cut {
                    self.mend(process).await;
                }
            }
            Act::Close(index) => {
                let Some(process) = self.choose(index, true) else { return };
                if !self.world.member(process).cut {
                    let life = self.life(process);
                    self.known.remove(&process);
                    self.world.close(process).await;
                    self.model.bury(life);
                }
            }
            Act::Freeze(seconds) => self.stand_still(1000 * seconds).await,
            Act::Empty => {
                self.world.empty().await;
                self.world.beat_all().await;
                self.model.empty();
                self.model.passed = Some(self.model.now);
                for process in self.known.keys().copied().collect::<Vec<_>>() {
                    if !self.world.member(process).cut {
                        self.begin_anew(process);
                    }
                }
            }
            Act::Remember => self.world.remember().await,
            Act::LoseTheLatest => self.world.lose_the_latest().await,
        }
    }

    /// A process that was cut off reaches Redis again.
    async fn mend(&mut self, process: usize) {
        self.world.member(process).reconnect().await;
        self.world.beat_all().await;
        let life = self.life(process);
        if !self.model.leases.contains_key(&life) {
            return self.begin_anew(process);
        }
        self.model.leases.insert(life, self.model.now + LEASE);
        let known = self.known.get_mut(&process).expect("a process");
        for device in std::mem::take(&mut known.unsaid) {
            self.model.arrive(life, device, known.devices[&device]);
        }
        for device in std::mem::take(&mut known.gone) {
            self.model.leave(life, device);
        }
    }

    fn begin_anew(&mut self, process: usize) {
        let known = self.known.get_mut(&process).expect("a process");
        known.lives += 1;
        known.unsaid.clear();
        known.gone.clear();
        let life = (process, known.lives);
        self.model.begin(life);
        for (device, user) in &known.devices {
            self.model.arrive(life, *device, *user);
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let present = self.world.present();
        for (number, member) in self.world.members.iter().filter(|(_, member)| !member.cut) {
            for user in &present {
                prop_assert!(member.is_online(user), "{user} is offline at {number}");
            }
        }
        if self.exact {
            let first = &self.world.members[&1];
            let shown: BTreeSet<_> =
                (0..USERS).filter(|user| first.is_online(&name(*user))).collect();
            prop_assert_eq!(shown, self.model.shown());
        }
        Ok(())
    }

    /// Everybody can reach Redis again, and there is time for everything.
    async fn end(mut self) -> Result<(), TestCaseError> {
        for process in self.known.keys().copied().collect::<Vec<_>>() {
            if std::mem::take(&mut self.world.member(process).cut) {
                self.mend(process).await;
            }
        }
        self.pass(40_000).await;
        self.check()?;
        self.compare().await?;

        // Of processes that are no more, nothing stays but the past.
        self.known.clear();
        self.world.members.clear();
        for _ in 0..60 {
            self.stand_still(1000).await;
            self.world.reap(self.portion).await;
        }
        let left = self.world.keys().await;
        let past = ["arrivals", "clock", "events"].map(str::to_owned);
        prop_assert!(left.is_subset(&past.into()), "{left:?}");
        self.world.empty().await;
        Ok(())
    }

    async fn compare(&mut self) -> Result<(), TestCaseError> {
        let here: BTreeMap<_, Vec<_>> = self.here();
        let mut desk = self.world.desk();
        for user in 0..USERS {
            let devices = here.get(&user).cloned().unwrap_or_default();
            let mut found = desk.sockets(&name(user)).await.expect("Redis");
            let mut expected: Vec<_> =
                devices.iter().map(|number| device(*number).socket).collect();
            found.sort_unstable_by_key(ToString::to_string);
            expected.sort_unstable_by_key(ToString::to_string);
            prop_assert_eq!(found, expected, "devices of {}", user);
            for (number, member) in &self.world.members {
                prop_assert_eq!(
                    member.is_online(&name(user)),
                    !devices.is_empty(),
                    "{} at {}",
                    user,
                    number
                );
                let told = of(&member.told, user);
                let alternates = told.windows(2).all(|pair| pair[0] != pair[1]);
                prop_assert!(alternates, "{user} at {number}: {told:?}");
                let known = &self.known[number];
                if self.exact && !known.late && !member.was_cut {
                    let since = &self.model.told[known.since..];
                    let expected: Vec<_> = since
                        .iter()
                        .filter(|(of, _)| *of == user)
                        .map(|(_, online)| *online)
                        .collect();
                    prop_assert_eq!(told, expected, "told of {} at {}", user, number);
                }
            }
        }
        Ok(())
    }

    /// The devices of each user.
    fn here(&self) -> BTreeMap<usize, Vec<u64>> {
        let mut here: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (device, user) in self.known.values().flat_map(|known| &known.devices) {
            here.entry(*user).or_default().push(*device);
        }
        here
    }
}

fn name(user: usize) -> String {
    format!("user {user}")
}

fn of(told: &[Told], user: usize) -> Vec<bool> {
    told.iter().filter(|(of, _)| *of == name(user)).map(|(_, online)| *online).collect()
}

/// How many schedules are run: a hundred, or as many as the environment says.
fn schedules() -> u32 {
    let number = std::env::var("PRESENCE_SCHEDULES").ok();
    number.map_or(100, |number| number.parse().expect("PRESENCE_SCHEDULES is a number"))
}

fn check(exact: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start();
    let place = server.place();
    let connection = runtime.block_on(place.connect("key")).expect("Redis");
    let config =
        ProptestConfig { max_shrink_time: 20_000, ..ProptestConfig::with_cases(schedules()) };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&schedule(!exact), |schedule| {
        runtime.block_on(Run::of(schedule, exact, &connection, &place))
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn whatever_processes_do_each_change_is_told_once_and_as_the_model_says() {
    check(true);
}

/// Redis also fails over to a replica that has not heard of the latest.
#[test]
fn whatever_redis_forgets_nobody_who_is_there_goes_offline_and_in_the_end_all_is_right() {
    check(false);
}
