//! The figures of one server.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::figures::{Figures, Kind, Per};
use crate::load::{self, Arrive, Churn, Fleet, Join, Question, RoundTrips, Talk, Work};
use crate::machine::Cores;
use crate::measure::callgrind::Instrumented;
use crate::measure::process;
use crate::measure::syscalls::{self, Counter};
use crate::servers::Program;
use crate::stats;

/// Members of the room that deliveries are counted in.
const MEMBERS: usize = 50;

/// Readings of callgrind, whose least counts: how the heap happens to lie, and who is woken first,
/// only ever adds.
const READINGS: usize = 5;

/// Connections of the first and the second reading of the memory.
const IDLE: [usize; 2] = [2_000, MOST_CONNECTIONS];

/// As many as there ever are.
pub(crate) const MOST_CONNECTIONS: usize = 10_000;

/// Everything about one server.
pub(crate) fn all(
    program: &Program,
    counter: Counter,
    directory: &Path,
    cores: Cores,
) -> Result<Figures> {
    let mut figures = Figures::default();
    let begun = Instant::now();
    instructions(program, directory, cores, &mut figures)?;
    eprintln!("{}: instructions, {:.0?}", program.server, begun.elapsed());
    let begun = Instant::now();
    system_calls(program, counter, directory, cores, &mut figures)?;
    eprintln!("{}: system calls, {:.0?}", program.server, begun.elapsed());
    let begun = Instant::now();
    idle(program, cores, &mut figures)?;
    eprintln!("{}: idle connections, {:.0?}", program.server, begun.elapsed());
    Ok(figures)
}

/// What a server does for each message is the same if it is asked in lockstep by one client.
fn instructions(
    program: &Program,
    directory: &Path,
    cores: Cores,
    figures: &mut Figures,
) -> Result<()> {
    let mut server = Instrumented::start(program, directory, cores)?;
    let mut one = load::connected(1, server.running.target())?;
    let mut room = load::connected(MEMBERS, server.running.target())?;
    let mut door = Fleet::new(server.running.target())?;
    room.run(&mut Join::new())?;
    server.instrument()?;

    let mut count = |per: Per, fleet: &mut Fleet, work: &dyn Fn() -> Box<dyn Work>| -> Result<()> {
        fleet.run(work().as_mut())?;
        let mut instructions = Vec::new();
        let mut allocations = Vec::new();
        for _ in 0..READINGS {
            let mut work = work();
            let cost = server.count(&per.to_string(), || fleet.run(work.as_mut()))?;
            let units = work.units() as f64;
            instructions.push(cost.instructions as f64 / units);
            allocations.push(cost.allocations as f64 / units);
        }
        // Large attachments may be copied once more or not, as the heap happens to lie, and are little else
        // than copied.
        if per != Per::Binary {
            figures.insert(Kind::Instructions, per, stats::least(&instructions));
        }
        figures.insert(Kind::Allocations, per, stats::least(&allocations));
        Ok(())
    };
    let ask = |question, in_flight, questions| {
        Box::new(RoundTrips::new(question, in_flight, questions).in_lockstep())
    };
    count(Per::Ack, &mut one, &|| ask(Question::Echo, 1, 250))?;
    count(Per::Pipelined, &mut one, &|| ask(Question::Echo, 16, 800))?;
    count(Per::Validated, &mut one, &|| ask(Question::Validated, 1, 250))?;
    count(Per::Text, &mut one, &|| ask(Question::Text, 1, 15))?;
    count(Per::Binary, &mut one, &|| ask(Question::Binary, 1, 15))?;
    count(Per::Delivery, &mut room, &|| Box::new(Talk::new(1, 25)))?;
    count(Per::Burst, &mut room, &|| Box::new(Talk::new(8, 6)))?;
    count(Per::Connect, &mut door, &|| Box::new(Churn::new(1, 50)))
}

fn system_calls(
    program: &Program,
    counter: Counter,
    directory: &Path,
    cores: Cores,
    figures: &mut Figures,
) -> Result<()> {
    let running = program.start(cores)?;
    let scratch = syscalls::scratch(directory);
    let mut count = |per: Per, mut fleet: Fleet, work: &dyn Fn() -> Box<dyn Work>| -> Result<()> {
        fleet.run(work().as_mut())?;
        let reading = |_| {
            let mut work = work();
            let calls = counter.count(running.pid(), &scratch, || fleet.run(work.as_mut()))?;
            Ok(calls as f64 / work.units() as f64)
        };
        let readings = (0..counter.rounds()).map(reading).collect::<Result<Vec<_>>>()?;
        figures.insert(Kind::Syscalls, per, stats::median(&readings));
        Ok(())
    };
    // As many clients as keep the server busy: how much it does at once is part of the figure.
    let ask =
        |question, in_flight, questions| Box::new(RoundTrips::new(question, in_flight, questions));
    let room = || -> Result<Fleet> {
        let mut room = load::connected(MEMBERS, running.target())?;
        room.run(&mut Join::new())?;
        Ok(room)
    };
    count(Per::Ack, load::connected(100, running.target())?, &|| ask(Question::Echo, 1, 4_000))?;
    count(Per::Pipelined, load::connected(50, running.target())?, &|| {
        ask(Question::Echo, 16, 16_000)
    })?;
    count(Per::Text, load::connected(10, running.target())?, &|| ask(Question::Text, 1, 100))?;
    count(Per::Binary, load::connected(10, running.target())?, &|| ask(Question::Binary, 1, 100))?;
    count(Per::Delivery, room()?, &|| Box::new(Talk::new(1, 100)))?;
    count(Per::Burst, room()?, &|| Box::new(Talk::new(8, 50)))
}

fn idle(program: &Program, cores: Cores, figures: &mut Figures) -> Result<()> {
    let running = program.start(cores)?;
    let mut fleet = Fleet::new(running.target())?;
    let mut reading = |connections| -> Result<(f64, f64)> {
        fleet.run(&mut Arrive::new(connections))?;
        let tasks = running.tasks()?;
        Ok((process::resident(running.pid())? as f64, tasks as f64))
    };
    let (bytes, tasks) = reading(IDLE[0])?;
    let (more_bytes, more_tasks) = reading(IDLE[1])?;
    let connections = (IDLE[1] - IDLE[0]) as f64;
    figures.insert(Kind::Bytes, Per::Idle, (more_bytes - bytes) / connections);
    figures.insert(Kind::Tasks, Per::Idle, (more_tasks - tasks) / connections);
    Ok(())
}
