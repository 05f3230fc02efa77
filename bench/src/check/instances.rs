//! What a broadcast costs a process that is one of several: the one that it is made in, and another one without anybody
//! whom it is for.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::figures::{Figures, Kind, Per};
use crate::load::{self, Fleet, Speech, Work as _};
use crate::machine::Cores;
use crate::measure::callgrind::Instrumented;
use crate::redis::Redis;
use crate::servers::Program;
use crate::stats;

/// Broadcasts in a second: so few that each is written and read alone, even by a process that is instrumented.
const RATE: f64 = 50.0;

const WARM_UP: Duration = Duration::from_secs(1);
const READING: Duration = Duration::from_secs(4);

/// How often it is counted; the least counts.
const READINGS: usize = 3;

/// Until the processes know of each other, and until the last broadcast is read.
const ACQUAINTANCE: Duration = Duration::from_secs(4);
const REST: Duration = Duration::from_millis(300);

/// Longer than an acknowledgement takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Both processes are instrumented, and a client of the first speaks to a room without members. What a process does beside
/// that, once a second, is a part of the figure: some hundredths.
pub(super) fn count(
    program: &Program,
    directory: &Path,
    cores: Cores,
    figures: &mut Figures,
) -> Result<()> {
    let redis = Redis::start(cores)?;
    let start = |role: &str| {
        Instrumented::start_with(
            program,
            &directory.join(role),
            cores,
            &[("REDIS_URL", redis.url())],
        )
    };
    let (mut speaking, mut hearing) = (start("speaking")?, start("hearing")?);
    let mut speaker = load::connected(1, speaking.running.target())?;
    thread::sleep(ACQUAINTANCE);
    speaking.instrument()?;
    hearing.instrument()?;
    let mut said = speak(&mut speaker, 0, WARM_UP)?;
    let (mut to_others, mut of_others) = (Vec::new(), Vec::new());
    for _ in 0..READINGS {
        let mut broadcasts = 0;
        let mut costs = None;
        let spoken = speaking.count("said", || {
            costs = Some(hearing.count("heard", || {
                broadcasts = speak(&mut speaker, said, READING)?;
                Ok(())
            })?);
            Ok(())
        })?;
        said += broadcasts;
        to_others.push((spoken, broadcasts));
        of_others.extend(costs.map(|heard| (heard, broadcasts)));
    }
    for (per, costs) in [(Per::ToOthers, to_others), (Per::OfOthers, of_others)] {
        let each = |count: u64, broadcasts: u64| count as f64 / broadcasts as f64;
        let least = |values: Vec<f64>| stats::least(&values);
        let instructions = costs.iter().map(|(cost, said)| each(cost.instructions, *said));
        let allocations = costs.iter().map(|(cost, said)| each(cost.allocations, *said));
        figures.insert(Kind::Instructions, per, least(instructions.collect()));
        figures.insert(Kind::Allocations, per, least(allocations.collect()));
    }
    Ok(())
}

/// Returns how many broadcasts were made.
fn speak(speaker: &mut Fleet, first: u64, length: Duration) -> Result<u64> {
    let mut speech = Speech::new(RATE, first);
    speaker.begin(&mut speech)?;
    let end = Instant::now() + length;
    while Instant::now() < end {
        speaker.step(&mut speech, Instant::now().min(end))?;
    }
    speech.stop();
    while !speech.is_done() {
        ensure!(end.elapsed() < PATIENCE, "no answer to {}", speech.missing());
        speaker.step(&mut speech, end)?;
    }
    thread::sleep(REST);
    Ok(speech.said())
}
