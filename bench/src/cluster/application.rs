//! An application of several processes, with the clients of each.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Costs;
use crate::load::{self, Fleet, Join, Speech, Work as _};
use crate::machine::Cores;
use crate::measure::process::{self, CoreTimes};
use crate::redis::Redis;
use crate::servers::{Program, Running};

/// What was sent is elsewhere by then, or lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Until the processes know of each other.
const ACQUAINTANCE: Duration = Duration::from_secs(2);

/// Who is connected to a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clients {
    pub(super) connected: usize,
    /// Whether they are in the room.
    pub(super) members: bool,
}

pub(super) struct Application {
    processes: Vec<Process>,
    /// None for a process that is alone.
    redis: Option<Redis>,
    said: u64,
}

struct Process {
    running: Running,
    fleet: Fleet,
    members: usize,
}

impl Application {
    /// A process for each group of clients; the first client of the first process is the one who speaks.
    pub(super) fn start(program: &Program, groups: &[Clients], cores: Cores) -> Result<Self> {
        let redis = (groups.len() > 1).then(|| Redis::start(cores)).transpose()?;
        let start = |clients: &Clients| {
            let mut command = Command::new(&program.executable);
            command.env_remove("REDIS_URL").envs(redis.iter().map(|it| ("REDIS_URL", it.url())));
            let running = program.start_by(command, cores)?;
            let mut fleet = load::connected(clients.connected, running.target())?;
            if clients.members {
                fleet.run(&mut Join::new())?;
            }
            let members = if clients.members { clients.connected } else { 0 };
            Ok(Process { running, fleet, members })
        };
        let processes = groups.iter().map(start).collect::<Result<Vec<_>>>()?;
        thread::sleep(ACQUAINTANCE);
        Ok(Self { processes, redis, said: 0 })
    }

    /// Answers the pings that came while another application was measured.
    pub(super) fn tend(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(|process| process.fleet.tend())
    }

    /// Speaks to the room for a while, and waits until all of it has been heard.
    pub(super) fn speak(&mut self, rate: f64, length: Duration) -> Result<Costs> {
        let first = self.said;
        let mut works: Vec<Speech> = Vec::new();
        for process in &mut self.processes {
            let mut work = match works.is_empty() {
                true => Speech::new(rate, first),
                false => Speech::heard_from(first),
            };
            process.fleet.begin(&mut work)?;
            works.push(work);
        }
        let before = self.readings()?;
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.step(&mut works, end)?;
        }
        works[0].stop();
        let patience = Instant::now() + PATIENCE;
        while !self.has_been_heard(&works) {
            ensure!(Instant::now() < patience, "lost: {}", self.missing(&works));
            self.step(&mut works, end)?;
        }
        let after = self.readings()?;
        let overtook: u64 = works.iter().map(load::Work::overtook).sum();
        ensure!(overtook == 0, "{overtook} messages came before an earlier one");
        let broadcasts = works[0].said();
        self.said += broadcasts;
        let mut took = after.iter().zip(&before).map(|(after, before)| {
            u64::try_from(after.since(before).on.as_nanos()).context("a long time")
        });
        let redis_ns = self.redis.as_ref().and_then(|_| took.next_back()).transpose()?;
        Ok(Costs {
            broadcasts,
            deliveries: works.iter().map(load::Work::units).sum(),
            processes_ns: took.collect::<Result<_>>()?,
            redis_ns,
        })
    }

    fn step(&mut self, works: &mut [Speech], end: Instant) -> Result<()> {
        for (process, work) in self.processes.iter_mut().zip(works) {
            process.fleet.step(work, Instant::now().min(end))?;
        }
        Ok(())
    }

    fn has_been_heard(&self, works: &[Speech]) -> bool {
        let said = works[0].said();
        let all =
            |(process, work): (&Process, &Speech)| work.units() == said * process.members as u64;
        works[0].is_done() && self.processes.iter().zip(works).all(all)
    }

    fn missing(&self, works: &[Speech]) -> String {
        let heard: Vec<u64> = works.iter().map(load::Work::units).collect();
        let members: Vec<usize> = self.processes.iter().map(|process| process.members).collect();
        format!("{} messages to {members:?} members; heard: {heard:?}", works[0].said())
    }

    /// Of the processes, and of Redis at last.
    fn readings(&self) -> Result<Vec<CoreTimes>> {
        let processes = self.processes.iter().map(|process| process.running.pid());
        let redis = self.redis.iter().map(Redis::pid);
        processes.chain(redis).map(process::core_times).collect()
    }
}
