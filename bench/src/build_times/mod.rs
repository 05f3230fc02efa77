//! How long a build takes, and one after a handler was edited.

mod workshop;

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use workshop::{Edit, Workshop};

/// Builds after an edit; the median counts.
const EDITS: u32 = 3;

/// What the gateway's build may take more, at most.
const MORE: Duration = Duration::from_secs(10);

/// What it may take after an edit, at most.
const AFTER_AN_EDIT: Duration = Duration::from_secs(2);

/// How many handlers a package has, and what an edit of one of them may take, at most.
const HANDLERS: [(u32, Duration); 2] =
    [(100, Duration::from_secs(1)), (1_000, Duration::from_secs(8))];

/// Times of debug builds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct BuildTimes {
    packages: Vec<BuildTime>,
    /// Of packages with many handlers, whose dependencies have been built.
    handlers: Vec<ManyHandlers>,
}

#[derive(Debug, Deserialize, Serialize)]
struct BuildTime {
    package: String,
    clean: Duration,
    edited: Duration,
}

#[derive(Debug, Deserialize, Serialize)]
struct ManyHandlers {
    handlers: u32,
    clean: Duration,
    edited: Duration,
    /// After an edit of the first that moves all others.
    moved: Duration,
}

/// Builds in a directory of its own, which is removed afterwards.
pub(crate) fn measure() -> Result<BuildTimes> {
    let workshop = Workshop::open(&HANDLERS.map(|(handlers, _)| handlers))?;
    let packages = workshop::PACKAGES.map(|package| {
        eprintln!("building {package} from nothing");
        let clean = workshop.build(package)?;
        let edited =
            after_an_edit(|edit| workshop.edit_server(package, edit), || workshop.build(package))?;
        Ok(BuildTime { package: package.to_owned(), clean, edited })
    });
    let packages = packages.into_iter().collect::<Result<Vec<_>>>()?;
    let handlers = HANDLERS.map(|(handlers, _)| {
        eprintln!("building {handlers} handlers");
        let build = || workshop.build(&workshop::named(handlers));
        let clean = build()?;
        let after = |edit: fn(u32) -> Edit| {
            after_an_edit(|number| workshop.write_handlers(handlers, edit(number)), build)
        };
        let (edited, moved) = (after(Edit::Within)?, after(Edit::Longer)?);
        Ok(ManyHandlers { handlers, clean, edited, moved })
    });
    let handlers = handlers.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(BuildTimes { packages, handlers })
}

fn after_an_edit(
    edit: impl Fn(u32) -> Result<()>,
    build: impl Fn() -> Result<Duration>,
) -> Result<Duration> {
    let edited = (1..=EDITS).map(|number| edit(number).and_then(|()| build()));
    let mut edited = edited.collect::<Result<Vec<_>>>()?;
    edited.sort();
    Ok(edited[edited.len() / 2])
}

impl fmt::Display for BuildTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = |met| if met { "met" } else { "**missed**" };
        writeln!(
            f,
            "Debug builds with all dependencies, by `cargo run -p bench -- --build-times`.\n"
        )?;
        writeln!(f, "| package | clean | after an edit of a handler |\n|---|---|---|")?;
        for BuildTime { package, clean, edited } in &self.packages {
            writeln!(f, "| {package} | {clean:.1?} | {edited:.1?} |")?;
        }
        if let [ours, by_hand] = self.packages.as_slice() {
            let more = ours.clean.as_secs_f64() - by_hand.clean.as_secs_f64();
            writeln!(
                f,
                "\nTargets: a clean build takes at most {MORE:?} more ({more:+.1} s: {}), one after \
                 an edit at most {AFTER_AN_EDIT:?} ({}).",
                met(more <= MORE.as_secs_f64()),
                met(ours.edited <= AFTER_AN_EDIT),
            )?;
        }
        if self.handlers.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nOne gateway with many handlers in a single file, which is the worst case for a file; its \
             dependencies have been built already. A line that is added to the first moves all others, \
             which are compiled again for their new place.\n\n\
             | handlers | the package | after an edit of one | target | after a line was added to the first |\n\
             |---|---|---|---|---|"
        )?;
        for ManyHandlers { handlers, clean, edited, moved } in &self.handlers {
            let most = HANDLERS.iter().find(|(number, _)| number == handlers);
            let target = most.map_or_else(String::new, |(_, most)| {
                format!("≤ {most:?}: {}", met(edited <= most))
            });
            writeln!(f, "| {handlers} | {clean:.1?} | {edited:.1?} | {target} | {moved:.1?} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_builds_after_an_edit_counts() {
        let edit = std::cell::Cell::new(0);
        let build = || Ok(Duration::from_secs([0, 9, 1, 2][edit.get() as usize]));
        let edited = after_an_edit(
            |number| {
                edit.set(number);
                Ok(())
            },
            build,
        );
        assert_eq!(edited.unwrap(), Duration::from_secs(2));
    }

    #[test]
    fn a_target_is_met_or_missed() {
        let handlers = [(100, 900), (1_000, 8_001)].map(|(handlers, edited)| ManyHandlers {
            handlers,
            clean: Duration::from_secs(9),
            edited: Duration::from_millis(edited),
            moved: Duration::from_secs(10),
        });
        let times = BuildTimes { packages: Vec::new(), handlers: handlers.into() }.to_string();
        assert!(times.contains("| 100 | 9.0s | 900.0ms | ≤ 1s: met | 10.0s |"), "{times}");
        assert!(times.contains("| 1000 | 9.0s | 8.0s | ≤ 8s: **missed** | 10.0s |"), "{times}");
    }
}
