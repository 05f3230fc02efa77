//! Servers that are loaded in turns.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::loads::Load;
use crate::load::{self, Fleet, Join, Work};
use crate::machine::Cores;
use crate::measure::process::{self, CoreTimes};
use crate::servers::{Program, Running, Server};
use crate::stats::{Slice, Window};

/// A server with its clients.
pub(super) struct Contestant {
    pub(super) server: Server,
    running: Running,
    pub(super) fleet: Fleet,
    cores: Cores,
}

/// Starts servers, each with the clients of a load.
pub(super) fn contestants(
    load: Load,
    programs: &[Program],
    cores: Cores,
) -> Result<Vec<Contestant>> {
    let start = |program: &Program| {
        let running = program.start(cores)?;
        let mut fleet = load::connected(load.clients(), running.target())?;
        if load.in_a_room() {
            fleet.run(&mut Join::new())?;
        }
        Ok(Contestant { server: program.server, running, fleet, cores })
    };
    programs.iter().map(start).collect()
}

/// Measures one after the other, A B C A B C.
pub(super) fn in_turns<T>(
    contestants: &mut [Contestant],
    rounds: usize,
    mut measure: impl FnMut(&mut Contestant) -> Result<T>,
) -> Result<BTreeMap<Server, Vec<T>>> {
    let mut measured: BTreeMap<Server, Vec<T>> = BTreeMap::new();
    for _ in 0..rounds {
        for at in 0..contestants.len() {
            // The others' clients answer the pings that came meanwhile.
            contestants.iter_mut().try_for_each(|other| other.fleet.tend())?;
            let contestant = &mut contestants[at];
            let found = measure(contestant)?;
            measured.entry(contestant.server).or_default().push(found);
        }
    }
    Ok(measured)
}

impl Contestant {
    /// The load upon the server for a while.
    pub(super) fn window(
        &mut self,
        load: Load,
        length: Duration,
        slice: Duration,
    ) -> Result<Window> {
        let context = format!("{} with the load {:?}", self.server, load.title());
        let mut work = load.work();
        let slices = self.slices(work.as_mut(), length, slice).with_context(|| context.clone())?;
        let overtook = work.overtook();
        ensure!(
            overtook == 0 || !self.server.keeps_order(),
            "{context}: {overtook} answers came before an earlier one"
        );
        Ok(Window { slices, overtook })
    }

    fn slices(
        &mut self,
        work: &mut dyn Work,
        length: Duration,
        slice: Duration,
    ) -> Result<Vec<Slice>> {
        self.fleet.begin(work)?;
        let begun = Instant::now();
        let mut slices = Vec::new();
        let mut before = self.reading(work)?;
        while begun.elapsed() < length {
            self.fleet.work_until(work, Instant::now() + slice)?;
            let after = self.reading(work)?;
            slices.push(after.since(&before));
            before = after;
        }
        work.stop();
        self.fleet.finish(work)?;
        Ok(slices)
    }

    /// The clocks and counters at this moment.
    pub(super) fn reading(&self, work: &dyn Work) -> Result<Reading> {
        let core = self.cores.of_servers();
        let stolen = core.map(process::stolen_time).transpose()?.unwrap_or_default();
        let cores = process::core_times(self.running.pid())?;
        Ok(Reading { at: Instant::now(), units: work.units(), cores, stolen })
    }
}

/// The clocks and counters at one moment.
pub(super) struct Reading {
    at: Instant,
    units: u64,
    cores: CoreTimes,
    stolen: Duration,
}

impl Reading {
    pub(super) fn since(&self, before: &Self) -> Slice {
        let microseconds = |duration: Duration| duration.as_micros() as u64;
        let cores = self.cores.since(&before.cores);
        Slice {
            units: self.units - before.units,
            cpu_us: microseconds(cores.on),
            waiting_us: microseconds(cores.waiting),
            wall_us: microseconds(self.at - before.at),
            stolen_us: microseconds(self.stolen - before.stolen),
        }
    }
}
