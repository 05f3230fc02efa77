//! The framework measured against what a user would pick instead.

mod check;
mod load;
mod machine;
mod measure;
mod servers;

use anyhow::Result;
use clap::Parser;

/// Measures the framework against what a user would pick instead.
#[derive(Parser)]
struct Arguments {
    /// Only what is the same on every run: instructions, allocations, syscalls, memory, tasks.
    #[arg(long)]
    check: bool,

    /// Profile that the servers are built with.
    #[arg(long, default_value = "release")]
    profile: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.check {
        let directory = servers::workspace().join("target/bench");
        check::run(&check::Options { profile: arguments.profile, directory })?;
    }
    Ok(())
}
