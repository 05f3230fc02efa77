//! `mutate TARGET SECONDS [SEED]`: a target on mutations of its corpus, without a sanitizer.
//! `mutate TARGET FILE`: the target on that input alone.

use std::process::ExitCode;
use std::time::Duration;

use fuzz_targets::{attributes, frames};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds, seed @ ..] = &arguments[..] else { return usage() };
    let target = match name.as_str() {
        "attributes" => attributes::TARGET,
        "frames" => frames::TARGET,
        _ => return usage(),
    };
    if let Ok(input) = std::fs::read(seconds) {
        (target.run)(&input);
        return ExitCode::SUCCESS;
    }
    let seed = seed.first().map_or(Ok(1), |seed| seed.parse());
    let (Ok(seconds), Ok(seed)) = (seconds.parse(), seed) else { return usage() };
    println!("{:?}", target.replay(Duration::from_secs(seconds), seed));
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: mutate attributes|frames SECONDS [SEED] | mutate attributes|frames FILE");
    ExitCode::FAILURE
}
