//! The comparison: every server under every load, in turns.

mod data;
mod loads;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

pub(crate) use data::{Idle, IdleReading, Run, Slice, Window};
pub(crate) use loads::Load;

use crate::check;
use crate::load::{Arrive, Fleet, Join, Work};
use crate::machine::{self, Cores, Machine};
use crate::measure::process;
use crate::servers::{Program, Running, Server};

/// How the comparison is done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) profile: String,
    pub(crate) loads: Vec<Load>,
    pub(crate) servers: Vec<Server>,
    pub(crate) pace: Pace,
    /// Whether idle connections are measured, and what is the same on every run is counted.
    pub(crate) everything: bool,
    pub(crate) command: String,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Until a server runs as fast as it will.
    warm_up: Duration,
    window: Duration,
    slice: Duration,
    rounds: usize,
    /// Rounds of idle connections.
    idle_rounds: usize,
    idle: &'static [usize],
}

impl Pace {
    pub(crate) const FULL: Self = Self {
        warm_up: Duration::from_secs(3),
        window: Duration::from_secs(2),
        slice: Duration::from_millis(250),
        rounds: 5,
        idle_rounds: 3,
        idle: &[1_000, 10_000],
    };

    pub(crate) const QUICK: Self = Self {
        warm_up: Duration::from_millis(1_000),
        window: Duration::from_millis(600),
        slice: Duration::from_millis(200),
        rounds: 3,
        idle_rounds: 1,
        idle: &[1_000],
    };

    fn most_connections(&self) -> usize {
        // The largest room is the other place where there are many.
        self.idle.iter().copied().max().unwrap_or(0).max(1_000 * Server::ALL.len())
    }
}

/// Builds, runs and keeps everything.
pub(crate) fn run(options: &Options) -> Result<Run> {
    let Options { loads, servers, pace, profile, .. } = options;
    let cores = Cores::take()?;
    machine::raise_open_files(pace.most_connections())?;
    let programs = Program::build_all(servers, profile)?;
    let machine = Machine::describe(cores)?;
    cores.like_clients()?;

    let mut measured = BTreeMap::new();
    for load in loads {
        eprintln!("{}", load.title());
        measured.insert(*load, under_load(*load, &programs, pace, cores)?);
    }
    let mut idle = BTreeMap::new();
    let mut figures = BTreeMap::new();
    if options.everything {
        eprintln!("idle connections");
        idle = idle_connections(&programs, pace, cores)?;
        let counted: Vec<Program> =
            programs.iter().filter(|program| program.server.has_tasks()).cloned().collect();
        figures = check::measure(&counted, cores)?;
    }
    Ok(Run {
        machine,
        command: options.command.clone(),
        date: time::OffsetDateTime::now_utc().date().to_string(),
        profile: profile.clone(),
        window_ms: u64::try_from(pace.window.as_millis())?,
        rounds: pace.rounds,
        loads: measured,
        idle,
        figures,
    })
}

/// A server with its clients.
struct Contestant {
    server: Server,
    running: Running,
    fleet: Fleet,
    windows: Vec<Window>,
}

fn under_load(
    load: Load,
    programs: &[Program],
    pace: &Pace,
    cores: Cores,
) -> Result<BTreeMap<Server, Vec<Window>>> {
    let mut contestants = programs
        .iter()
        .map(|program| {
            let running = program.start(cores)?;
            let mut fleet = Fleet::new(running.target())?;
            fleet.run(&mut Arrive::new(load.clients()))?;
            if load.in_a_room() {
                fleet.run(&mut Join::new())?;
            }
            Ok(Contestant { server: program.server, running, fleet, windows: Vec::new() })
        })
        .collect::<Result<Vec<_>>>()?;
    for contestant in &mut contestants {
        window(load, contestant, pace.warm_up, pace, cores)?;
    }
    for _ in 0..pace.rounds {
        for at in 0..contestants.len() {
            // The others' clients answer the pings that came meanwhile.
            contestants.iter_mut().try_for_each(|other| other.fleet.tend())?;
            let window = window(load, &mut contestants[at], pace.window, pace, cores)?;
            contestants[at].windows.push(window);
        }
    }
    Ok(contestants.into_iter().map(|done| (done.server, done.windows)).collect())
}

/// The load upon one server for a while.
fn window(
    load: Load,
    contestant: &mut Contestant,
    length: Duration,
    pace: &Pace,
    cores: Cores,
) -> Result<Window> {
    let server = contestant.server;
    let context = || format!("{server} with the load {:?}", load.title());
    let window = measure(load, contestant, length, pace, cores).with_context(context)?;
    ensure!(
        window.overtook == 0 || !server.keeps_order(),
        "{}: {} answers came before an earlier one",
        context(),
        window.overtook
    );
    Ok(window)
}

fn measure(
    load: Load,
    contestant: &mut Contestant,
    length: Duration,
    pace: &Pace,
    cores: Cores,
) -> Result<Window> {
    let Contestant { running, fleet, .. } = contestant;
    let mut work = load.work();
    fleet.begin(work.as_mut())?;
    let begun = Instant::now();
    let mut slices = Vec::new();
    let mut before = Reading::take(running, work.as_ref(), cores)?;
    while begun.elapsed() < length {
        fleet.work_until(work.as_mut(), Instant::now() + pace.slice)?;
        let after = Reading::take(running, work.as_ref(), cores)?;
        slices.push(after.since(&before));
        before = after;
    }
    work.stop();
    fleet.finish(work.as_mut())?;
    Ok(Window { slices, overtook: work.overtook() })
}

/// The clocks and counters at one moment.
struct Reading {
    at: Instant,
    units: u64,
    cpu: Duration,
    stolen: Duration,
}

impl Reading {
    fn take(running: &Running, work: &dyn Work, cores: Cores) -> Result<Self> {
        let stolen = cores.of_servers().map(process::stolen_time).transpose()?.unwrap_or_default();
        let cpu = process::cpu_time(running.pid())?;
        Ok(Self { at: Instant::now(), units: work.units(), cpu, stolen })
    }

    fn since(&self, before: &Self) -> Slice {
        let microseconds = |duration: Duration| duration.as_micros() as u64;
        Slice {
            units: self.units - before.units,
            cpu_us: microseconds(self.cpu - before.cpu),
            wall_us: microseconds(self.at - before.at),
            stolen_us: microseconds(self.stolen - before.stolen),
        }
    }
}

fn idle_connections(
    programs: &[Program],
    pace: &Pace,
    cores: Cores,
) -> Result<BTreeMap<Server, Vec<Idle>>> {
    let mut measured: BTreeMap<Server, Vec<Idle>> = BTreeMap::new();
    for _ in 0..pace.idle_rounds {
        for program in programs {
            let idle = idle(program, pace.idle, cores)
                .with_context(|| format!("{} with idle connections", program.server))?;
            measured.entry(program.server).or_default().push(idle);
        }
    }
    Ok(measured)
}

/// A fresh server with more and more clients that say nothing.
fn idle(program: &Program, steps: &[usize], cores: Cores) -> Result<Idle> {
    let running = program.start(cores)?;
    let resident = || process::resident(running.pid());
    let base_bytes = resident()?;
    let mut fleet = Fleet::new(running.target())?;
    let mut readings = Vec::new();
    for connections in steps {
        fleet.run(&mut Arrive::new(*connections))?;
        let tasks = program.server.has_tasks().then(|| running.tasks()).transpose()?;
        let resident_bytes = resident()?;
        readings.push(IdleReading { connections: *connections, resident_bytes, tasks });
    }
    Ok(Idle { base_bytes, readings })
}
