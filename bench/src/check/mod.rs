//! `--check`: what is the same on every run, against figures that are committed and against the
//! targets.

mod measure;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::machine::{self, Cores};
use crate::measure::syscalls::Counter;
use crate::servers::{Program, Server, workspace};

/// A figure of a server: what it is called, and its value.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// What is compared.
const SERVERS: [Server; 3] = [Server::Gateway, Server::GatewaySerial, Server::ByHand];

/// How the check is done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) profile: String,
    /// Where profiles and the like are left.
    pub(crate) directory: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let cores = Cores::take()?;
    cores.like_clients()?;
    machine::raise_open_files()?;
    std::fs::create_dir_all(&options.directory)?;
    let counter = Counter::find()?;
    let mut figures = BTreeMap::new();
    for server in SERVERS {
        let program = Program::build(server, &options.profile)?;
        let measured = measure::all(&program, counter, &options.directory, cores)?;
        figures.insert(server, measured);
    }
    print(&figures);
    Ok(())
}

fn print(figures: &BTreeMap<Server, Figures>) {
    let reference = &figures[&Server::ByHand];
    print!("{:44}", "");
    SERVERS.iter().for_each(|server| print!("{:>24}", server.name()));
    println!();
    for (name, by_hand) in reference {
        print!("{name:44}");
        for server in SERVERS {
            let value = figures[&server][name];
            print!("{value:>16.2} {:>6.2}x", value / by_hand);
        }
        println!();
    }
    let directory = workspace();
    let _ = directory;
}
