//! How long an answer takes, at rates that do not depend on the answers.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Pace;
use super::contestant::{Contestant, contestants, in_turns};
use super::loads::Load;
use crate::load::{Paced, Work as _};
use crate::machine::Cores;
use crate::servers::{Program, Server};
use crate::stats::{self, Percentiles, Slice};

/// How often a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rate {
    /// 10,000 times in a second, whoever it is.
    Same,
    /// At 70 % of what it can do itself.
    Share,
}

/// Questions in a second.
const SAME: f64 = 10_000.0;

/// Of the rate at which a server answers clients that wait for each answer.
const SHARE: f64 = 0.7;

/// Many short windows, because what disturbs one spoils its last percent. With the rests in between
/// the clients, which never sleep while they ask, take little more than half of their core: a kernel
/// that leaves the others a twentieth of each second, whatever the priorities, need not interfere.
const WINDOW: Duration = Duration::from_millis(600);
const REST: Duration = Duration::from_millis(400);

impl Rate {
    pub(crate) const ALL: [Self; 2] = [Self::Same, Self::Share];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Same => "10,000 acks per second",
            Self::Share => "70 % of its own most",
        }
    }

    fn of(self, most: f64) -> f64 {
        match self {
            Self::Same => SAME,
            Self::Share => most * SHARE,
        }
    }
}

/// A server that is asked at a rate for a while.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct AtRate {
    /// Questions in a second.
    pub(crate) rate: f64,
    /// From when a question was due to its answer.
    pub(crate) latency: Percentiles,
    /// From when a question was due to when the clients got round to it.
    pub(crate) lateness: Percentiles,
    /// The whole window.
    pub(crate) slice: Slice,
}

/// Servers at all rates, in turns.
pub(super) fn measure(
    programs: &[Program],
    pace: &Pace,
    cores: Cores,
) -> Result<BTreeMap<Rate, BTreeMap<Server, Vec<AtRate>>>> {
    let mut contestants = contestants(Load::Ack, programs, cores)?;
    let mut most = BTreeMap::new();
    for contestant in &mut contestants {
        contestant.window(Load::Ack, pace.warm_up, pace.slice)?;
        let window = contestant.window(Load::Ack, pace.window, pace.slice)?;
        let throughput = stats::throughput(&window).context("nothing was answered")?;
        most.insert(contestant.server, throughput);
    }
    let mut measured = BTreeMap::new();
    for rate in Rate::ALL {
        let of_all = in_turns(&mut contestants, pace.paced_rounds, |contestant| {
            let server = contestant.server;
            let rate = rate.of(most[&server]);
            let context = || format!("{server} at {rate:.0} acks per second");
            at(rate, contestant).with_context(context)
        })?;
        measured.insert(rate, of_all);
    }
    Ok(measured)
}

fn at(rate: f64, contestant: &mut Contestant) -> Result<AtRate> {
    thread::sleep(REST);
    let mut work = Paced::new(rate);
    contestant.fleet.begin(&mut work)?;
    let before = contestant.reading(&work)?;
    contestant.fleet.pace(&mut work, WINDOW)?;
    let slice = contestant.reading(&work)?.since(&before);
    work.stop();
    contestant.fleet.finish(&mut work)?;
    ensure!(
        work.overtook() == 0 || !contestant.server.keeps_order(),
        "{} answers came before an earlier one",
        work.overtook()
    );
    let (latency, lateness) = work.times();
    let latency = Percentiles::of(latency).context("nothing was answered")?;
    let lateness = Percentiles::of(lateness).context("nothing was asked")?;
    Ok(AtRate { rate, latency, lateness, slice })
}
