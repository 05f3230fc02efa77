//! The comparison: every server under every load, in turns.

mod contestant;
mod data;
mod latency;
mod loads;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub(crate) use data::{Idle, IdleReading, Run};
pub(crate) use latency::{AtRate, Rate};
pub(crate) use loads::Load;

use crate::check;
use crate::load::{Arrive, Fleet};
use crate::machine::{self, Cores, Machine};
use crate::measure::process;
use crate::servers::{Program, Server};
use crate::stats::Window;
use contestant::{contestants, in_turns};

/// How the comparison is done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) profile: String,
    pub(crate) loads: Vec<Load>,
    pub(crate) servers: Vec<Server>,
    pub(crate) pace: Pace,
    /// How long answers take these at a fixed rate.
    pub(crate) latency: Vec<Server>,
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
    /// Rounds at fixed rates.
    paced_rounds: usize,
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
        paced_rounds: 10,
        idle_rounds: 3,
        idle: &[1_000, 10_000],
    };

    pub(crate) const QUICK: Self = Self {
        warm_up: Duration::from_millis(1_000),
        window: Duration::from_millis(600),
        slice: Duration::from_millis(200),
        rounds: 3,
        paced_rounds: 3,
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
    let mut latency = BTreeMap::new();
    if !options.latency.is_empty() {
        eprintln!("latency at fixed rates");
        let asked: Vec<Program> = programs
            .iter()
            .filter(|program| options.latency.contains(&program.server))
            .cloned()
            .collect();
        latency = latency::measure(&asked, pace, cores)?;
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
        latency,
        idle,
        figures,
    })
}

fn under_load(
    load: Load,
    programs: &[Program],
    pace: &Pace,
    cores: Cores,
) -> Result<BTreeMap<Server, Vec<Window>>> {
    let mut contestants = contestants(load, programs, cores)?;
    for contestant in &mut contestants {
        contestant.window(load, pace.warm_up, pace.slice)?;
    }
    in_turns(&mut contestants, pace.rounds, |contestant| {
        contestant.window(load, pace.window, pace.slice)
    })
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
