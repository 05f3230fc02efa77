//! How long a build takes, and one after a handler was edited.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::servers::{cargo, workspace};

/// The packages that are built, and the file of their handlers.
const PACKAGES: [(&str, &str); 2] = [
    ("bench-gateway", "bench/servers/gateway/src/chat.rs"),
    ("bench-by-hand", "bench/servers/by-hand/src/main.rs"),
];

/// Builds after an edit; the median counts.
const EDITS: usize = 3;

/// What the gateway's build may take more, at most.
const MORE: Duration = Duration::from_secs(10);

/// What it may take after an edit, at most.
const AFTER_AN_EDIT: Duration = Duration::from_secs(2);

/// Seconds of debug builds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct BuildTimes(Vec<BuildTime>);

#[derive(Debug, Deserialize, Serialize)]
struct BuildTime {
    package: String,
    clean: Duration,
    edited: Duration,
}

/// Builds in a directory of its own, which is removed afterwards.
pub(crate) fn measure() -> Result<BuildTimes> {
    let directory = std::env::temp_dir().join(format!("bench-build-times-{}", std::process::id()));
    let measured = PACKAGES.iter().map(|(package, handlers)| {
        eprintln!("building {package} from nothing");
        of_package(package, &workspace().join(handlers), &directory.join(package))
    });
    let measured = measured.collect::<Result<Vec<_>>>();
    fs::remove_dir_all(&directory).ok();
    measured.map(BuildTimes)
}

fn of_package(package: &str, handlers: &Path, target: &Path) -> Result<BuildTime> {
    let build = || -> Result<Duration> {
        let begun = Instant::now();
        let status = cargo()
            .args(["build", "--locked", "--quiet", "--package", package])
            .env("CARGO_TARGET_DIR", target)
            .stdout(Stdio::null())
            .status()
            .context("cargo cannot be run")?;
        ensure!(status.success(), "{package} cannot be built");
        Ok(begun.elapsed())
    };
    let clean = build()?;
    let mut edited = (0..EDITS)
        .map(|_| {
            // For cargo, a file that is newer has been edited.
            File::options().append(true).open(handlers)?.set_modified(SystemTime::now())?;
            build()
        })
        .collect::<Result<Vec<_>>>()?;
    edited.sort();
    Ok(BuildTime { package: package.to_owned(), clean, edited: edited[EDITS / 2] })
}

impl fmt::Display for BuildTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Debug builds, all that a package needs; by `cargo run -p bench -- --build-times`.\n"
        )?;
        writeln!(f, "| package | clean | after an edit of a handler |\n|---|---|---|")?;
        for BuildTime { package, clean, edited } in &self.0 {
            writeln!(f, "| {package} | {clean:.1?} | {edited:.1?} |")?;
        }
        if let [ours, by_hand] = self.0.as_slice() {
            let more = ours.clean.as_secs_f64() - by_hand.clean.as_secs_f64();
            let met = |met| if met { "met" } else { "**missed**" };
            writeln!(
                f,
                "\nTargets: a clean build takes at most {MORE:?} more ({more:+.1} s: {}), one after \
                 an edit at most {AFTER_AN_EDIT:?} ({}).",
                met(more <= MORE.as_secs_f64()),
                met(ours.edited <= AFTER_AN_EDIT),
            )?;
        }
        Ok(())
    }
}
