//! The figures of one server.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::Figures;
use crate::load::{Arrive, Churn, Fleet, Join, Question, RoundTrips, Talk, Work};
use crate::machine::Cores;
use crate::measure::callgrind::Instrumented;
use crate::measure::process;
use crate::measure::syscalls::{self, Counter};
use crate::servers::{Program, Running};

/// Members of the room that deliveries are counted in.
const MEMBERS: usize = 50;

/// Connections of the first and the second reading of the memory.
const IDLE: [usize; 2] = [2_000, 10_000];

/// Readings of a figure that is not the same every time; the median counts.
const ROUNDS: usize = 5;

/// Everything about one server.
pub(crate) fn all(
    program: &Program,
    counter: Counter,
    directory: &Path,
    cores: Cores,
) -> Result<Figures> {
    let mut figures = Figures::new();
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

/// Connects clients.
fn fleet(running: &Running, clients: usize) -> Result<Fleet> {
    let mut fleet = Fleet::new(running.target())?;
    fleet.run(&mut Arrive::new(clients))?;
    Ok(fleet)
}

/// What a server does for each message is the same if it is asked in lockstep by one client.
fn instructions(
    program: &Program,
    directory: &Path,
    cores: Cores,
    figures: &mut Figures,
) -> Result<()> {
    let mut server = Instrumented::start(program, directory, cores)?;
    let mut one = fleet(&server.running, 1)?;
    let mut room = fleet(&server.running, MEMBERS)?;
    let mut door = Fleet::new(server.running.target())?;
    room.run(&mut Join::new())?;
    server.instrument()?;

    let ask = |question, in_flight, questions| {
        RoundTrips::new(question, in_flight, questions).in_lockstep()
    };
    let mut count = |name: &str,
                     fleet: &mut Fleet,
                     warm_up: &mut dyn Work,
                     work: &mut dyn Work|
     -> Result<(f64, f64)> {
        fleet.run(warm_up)?;
        let cost = server.count(name, || fleet.run(work))?;
        let units = work.units() as f64;
        Ok((cost.instructions as f64 / units, cost.allocations as f64 / units))
    };

    let echo = Question::Echo;
    let (ack, ack_allocations) =
        count("ack", &mut one, &mut ask(echo, 1, 200), &mut ask(echo, 1, 1_000))?;
    let (ack16, ack16_allocations) =
        count("ack-16", &mut one, &mut ask(echo, 16, 320), &mut ask(echo, 16, 3_200))?;
    let validated = Question::Validated;
    let (valid, valid_allocations) =
        count("validated", &mut one, &mut ask(validated, 1, 200), &mut ask(validated, 1, 1_000))?;
    let mut talk = Talk::new(1, 20);
    let (delivery, delivery_allocations) =
        count("delivery", &mut room, &mut talk, &mut Talk::new(1, 100))?;
    let (burst, burst_allocations) =
        count("burst", &mut room, &mut Talk::new(8, 5), &mut Talk::new(8, 20))?;
    let (connect, connect_allocations) =
        count("connect", &mut door, &mut Churn::new(1, 20), &mut Churn::new(1, 100))?;

    figures.insert("instructions per ack", ack);
    figures.insert("instructions per ack, 16 in flight", ack16);
    figures.insert("instructions per validated ack", valid);
    figures.insert("instructions per delivery", delivery);
    figures.insert("instructions per delivery, burst of 8", burst);
    figures.insert("instructions per connect", connect);
    figures.insert("allocations per ack", ack_allocations);
    figures.insert("allocations per ack, 16 in flight", ack16_allocations);
    figures.insert("allocations per validated ack", valid_allocations);
    figures.insert("allocations per delivery", delivery_allocations);
    figures.insert("allocations per delivery, burst of 8", burst_allocations);
    figures.insert("allocations per connect", connect_allocations);
    Ok(())
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
    let count = |fleet: &mut Fleet, work: &dyn Fn() -> Box<dyn Work>| -> Result<f64> {
        fleet.run(work().as_mut())?;
        let mut readings = (0..ROUNDS)
            .map(|_| {
                let mut work = work();
                let calls = counter.count(running.pid(), &scratch, || fleet.run(work.as_mut()))?;
                Ok(calls as f64 / work.units() as f64)
            })
            .collect::<Result<Vec<_>>>()?;
        readings.sort_by(f64::total_cmp);
        Ok(readings[ROUNDS / 2])
    };
    let mut clients = fleet(&running, 100)?;
    let ack = count(&mut clients, &|| Box::new(RoundTrips::new(Question::Echo, 1, 10_000)))?;
    let mut clients = fleet(&running, 50)?;
    let ack16 = count(&mut clients, &|| Box::new(RoundTrips::new(Question::Echo, 16, 32_000)))?;
    let mut room = fleet(&running, MEMBERS)?;
    room.run(&mut Join::new())?;
    let delivery = count(&mut room, &|| Box::new(Talk::new(1, 300)))?;
    let burst = count(&mut room, &|| Box::new(Talk::new(8, 100)))?;
    figures.insert("syscalls per ack", ack);
    figures.insert("syscalls per ack, 16 in flight", ack16);
    figures.insert("syscalls per delivery", delivery);
    figures.insert("syscalls per delivery, burst of 8", burst);
    Ok(())
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
    figures.insert("bytes per idle connection", (more_bytes - bytes) / connections);
    figures.insert("tasks per idle connection", (more_tasks - tasks) / connections);
    Ok(())
}
