//! `--check`: what is the same on every run, against figures that are committed and against the
//! targets.

mod figures;
mod gate;
mod instances;
mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use figures::{Figures, Kind, Per, name};
pub(crate) use gate::{MOST, OURS, REFERENCE, SHARES};

use crate::machine::{self, Cores};
use crate::measure::syscalls::Counter;
use crate::servers::{Program, Server};
use figures::Committed;

/// How to say that a figure is meant to be worse.
const UPDATE: &str = "cargo run -p bench -- --check --update";

/// How the check is done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) profile: String,
    /// Writes what is measured instead of comparing it.
    pub(crate) update: bool,
    /// Measures nothing: what is measured later, when the machine is quiet, is built by then.
    pub(crate) build: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    need_tools()?;
    need("redis-server", "--version")?;
    let servers = [OURS[0], OURS[1], REFERENCE];
    let programs = Program::build_all(&servers, &options.profile)?;
    eprintln!("building {} as one process of several", OURS[0]);
    let one_of_several = Program::build_for_cluster(OURS[0], &options.profile)?;
    if options.build {
        return Ok(());
    }
    let cores = Cores::take()?;
    let measure = || -> Result<BTreeMap<Server, Figures>> {
        let mut measured = measure(&programs, cores)?;
        let figures = measured.entry(OURS[0]).or_default();
        instances::count(&one_of_several, &directory()?, cores, figures)?;
        Ok(measured)
    };
    let mut measured = measure()?;
    if options.update {
        println!("{}", table(&measured));
        let missed = gate::missed_targets(&measured);
        Committed::write(measured)?;
        missed.iter().for_each(|failure| println!("target missed: {failure}"));
        return Ok(());
    }
    let committed = Committed::read()?;
    let is_good = |measured| {
        gate::missed_targets(measured).is_empty()
            && gate::worse_than_committed(measured, &committed).is_empty()
    };
    if !is_good(&measured) {
        // A process may have a bad heap for as long as it lives. That only ever adds.
        eprintln!("not good enough: all of it once more, and the least of both counts");
        for (server, again) in measure()? {
            measured.entry(server).or_default().keep_the_least(&again);
        }
    }
    println!("{}", table(&measured));
    let missed = gate::missed_targets(&measured);
    let worse = gate::worse_than_committed(&measured, &committed);
    worse.iter().for_each(|failure| println!("worse: {failure}"));
    missed.iter().for_each(|failure| println!("target missed: {failure}"));
    ensure!(
        worse.is_empty(),
        "{} figures are worse than committed; if that is meant: {UPDATE}",
        worse.len()
    );
    ensure!(missed.is_empty(), "{} targets are missed", missed.len());
    Ok(())
}

/// Everything that is the same on every run, of some servers.
pub(crate) fn measure(programs: &[Program], cores: Cores) -> Result<BTreeMap<Server, Figures>> {
    need_tools()?;
    let counter = Counter::find()?;
    let directory = directory()?;
    machine::raise_open_files(measure::MOST_CONNECTIONS)?;
    cores.like_clients()?;
    let mut measured = BTreeMap::new();
    for program in programs {
        let figures = measure::all(program, counter, &directory, cores)
            .with_context(|| format!("{} could not be measured", program.server))?;
        measured.insert(program.server, figures);
    }
    Ok(measured)
}

/// Before anything is built: what is missing should not be said after minutes.
fn need_tools() -> Result<()> {
    need("valgrind", "--version")?;
    need("vgdb", "--help")?;
    Counter::find().map(|_| ())
}

/// Where profiles are left: beside the builds.
fn directory() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
    let directory = target.join("bench-profiles");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn need(program: &str, argument: &str) -> Result<()> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !command.status().is_ok_and(|status| status.success()) {
        bail!("missing: {program} (apt-get install valgrind redis-server)");
    }
    Ok(())
}

/// The figures side by side, with their ratios to the reference.
pub(crate) fn table(measured: &BTreeMap<Server, Figures>) -> String {
    use std::fmt::Write as _;

    let mut table = format!("{:52}", "");
    for server in measured.keys() {
        write!(table, "{:>20}", server.name()).ok();
    }
    let reference = &measured[&REFERENCE];
    let all = measured.values().flat_map(Figures::iter).map(|(kind, per, _)| (kind, per));
    for (kind, per) in all.collect::<BTreeSet<_>>() {
        write!(table, "\n{:52}", name(kind, per)).ok();
        for figures in measured.values() {
            match (figures.get(kind, per), reference.get(kind, per)) {
                (None, _) => write!(table, "{:20}", "").ok(),
                (Some(value), None) => write!(table, "{value:>12.2} {:7}", "").ok(),
                (Some(value), Some(by_hand)) => {
                    write!(table, "{value:>12.2} {:>6.2}x", value / by_hand).ok()
                }
            };
        }
    }
    table
}
