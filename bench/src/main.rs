//! The framework measured against what a user would pick instead: the same chat on the framework,
//! on socketioxide alone, on plain frames, on NestJS and on socket.io, side by side in one run.
//!
//! `bench/README.md` says how it works and what each figure means.

mod build_times;
mod check;
mod cluster;
mod compare;
mod load;
mod machine;
mod measure;
mod paths;
mod redis;
mod report;
mod servers;
mod stats;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::compare::{Load, Pace};
use crate::paths::workspace;
use crate::servers::Server;

/// Measures the framework against what a user would pick instead: builds the servers, runs the
/// loads, and writes a report.
#[derive(Parser)]
struct Arguments {
    /// Short windows and few rounds: to see that it works.
    #[arg(long, conflicts_with_all = ["check", "build_times", "page"])]
    quick: bool,

    /// Only these loads, without idle connections and counts.
    #[arg(long, value_delimiter = ',', value_name = "LOAD", conflicts_with_all = ["check", "build_times", "page"])]
    only: Vec<Load>,

    /// Only how long answers take at fixed rates, and the loads of `--only`.
    #[arg(long, conflicts_with_all = ["check", "build_times", "page"])]
    latency: bool,

    /// Only these servers.
    #[arg(long, value_delimiter = ',', value_name = "SERVER", conflicts_with_all = ["check", "build_times", "page"])]
    servers: Vec<Server>,

    /// Compares what is the same on every run with the committed figures and with the targets.
    #[arg(long, conflicts_with_all = ["build_times", "page"])]
    check: bool,

    /// Commits what is the same on every run to `bench/figures.toml` instead of comparing it.
    #[arg(long, requires = "check")]
    update: bool,

    /// Builds the servers that `--check` measures, and measures nothing.
    #[arg(long, requires = "check", conflicts_with = "update")]
    build: bool,

    /// Measures how long the gateway takes to build, and socketioxide by hand.
    #[arg(long, conflicts_with = "page")]
    build_times: bool,

    /// Measures what a broadcast costs the processes of an application of several, and socket.io's.
    #[arg(long, conflicts_with_all = ["quick", "only", "latency", "servers", "check", "build_times", "page"])]
    cluster: bool,

    /// Writes the page of the last run again.
    #[arg(long)]
    page: bool,

    /// Profile that servers are built with.
    #[arg(long, default_value = "release", value_name = "PROFILE")]
    profile: String,

    /// Where the report is written [default: bench/report; for a run that is not whole, bench/report/partial]
    #[arg(long, value_name = "DIRECTORY")]
    report: Option<PathBuf>,
}

impl Arguments {
    /// Whether some parts were chosen, and the others are left out.
    fn partial(&self) -> bool {
        self.latency || !self.only.is_empty()
    }

    /// Whether everything is measured, as long as it takes.
    fn whole(&self) -> bool {
        !self.quick && !self.partial() && self.servers.is_empty()
    }

    fn report(&self) -> PathBuf {
        let directory = if self.whole() { "bench/report" } else { "bench/report/partial" };
        self.report.clone().unwrap_or_else(|| workspace().join(directory))
    }

    fn options(&self) -> compare::Options {
        let loads = if self.partial() { self.only.clone() } else { Load::ALL.to_vec() };
        let chosen = |or: &[Server]| match self.servers.as_slice() {
            [] => or.to_vec(),
            chosen => chosen.to_vec(),
        };
        let latency =
            if self.latency || !self.partial() { chosen(&Server::PEERS) } else { Vec::new() };
        // Latency alone needs no others.
        let servers = if loads.is_empty() { latency.clone() } else { chosen(&Server::ALL) };
        let words: Vec<String> = std::env::args().skip(1).collect();
        let dashes = if words.is_empty() { "" } else { " -- " };
        compare::Options {
            profile: self.profile.clone(),
            loads,
            servers,
            latency,
            pace: if self.quick { Pace::QUICK } else { Pace::FULL },
            everything: !self.partial(),
            command: format!("cargo run --release -p bench{dashes}{}", words.join(" ")),
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let report = arguments.report();
    if arguments.check {
        let Arguments { profile, update, build, .. } = arguments;
        return check::run(&check::Options { profile, update, build });
    }
    if arguments.build_times {
        let times = build_times::measure()?;
        println!("{times}");
        return report::write_build_times(&times, &report);
    }
    if arguments.cluster {
        let measured = cluster::measure(&arguments.profile)?;
        println!("{measured}");
        return report::write_cluster(&measured, &report);
    }
    if arguments.page {
        return report::again(&report);
    }
    let run = compare::run(&arguments.options())?;
    report::write(&run, &report)?;
    println!("{}", report.join("README.md").display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_chosen_leaves_out_the_rest() {
        let options = |words: &[&str]| {
            Arguments::try_parse_from([&["bench"], words].concat()).unwrap().options()
        };
        let all = options(&[]);
        assert_eq!((all.loads.len(), all.latency.len()), (Load::ALL.len(), Server::PEERS.len()));
        assert!(all.everything);
        let some = options(&["--only", "ack"]);
        assert!(some.loads == [Load::Ack] && some.latency.is_empty() && !some.everything);
        let some = options(&["--latency", "--servers", "frames"]);
        assert!(some.loads.is_empty() && some.latency == [Server::Frames] && !some.everything);
        let some = options(&["--latency", "--only", "ack"]);
        assert!(some.loads == [Load::Ack] && some.latency == Server::PEERS);
        assert_eq!(some.servers, Server::ALL);
        assert_eq!(options(&["--latency"]).servers, Server::PEERS);
    }

    #[test]
    fn a_run_that_is_not_whole_replaces_no_report() {
        let report = |words: &[&str]| {
            Arguments::try_parse_from([&["bench"], words].concat()).unwrap().report()
        };
        assert!(report(&[]).ends_with("bench/report"));
        assert!(report(&["--quick"]).ends_with("bench/report/partial"));
        assert!(report(&["--only", "ack,room-1000"]).ends_with("bench/report/partial"));
        assert!(report(&["--latency"]).ends_with("bench/report/partial"));
        assert_eq!(report(&["--quick", "--report", "here"]), PathBuf::from("here"));
    }
}
