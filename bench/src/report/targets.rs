//! What the framework is meant to reach, and whether it does.

use crate::check::{self, Figures, Kind, MOST, Per, REFERENCE, SHARES};
use crate::compare::{Load, Run};

use crate::servers::Server;
use crate::stats::{self, Spread};

/// What a unit of a load may cost, against the same with another server.
struct Cost {
    load: Load,
    than: Server,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    /// So many times the server's time, at most.
    Time(f64),
    /// So many times the units in a second of the server's time, at least.
    Rate(f64),
}

const COSTS: [Cost; 8] = [
    Cost { load: Load::Pipelined, than: Server::ByHand, bound: Bound::Time(0.65) },
    Cost { load: Load::Ack, than: Server::Nest, bound: Bound::Rate(5.0) },
    Cost { load: Load::Validated, than: Server::Nest, bound: Bound::Rate(6.0) },
    Cost { load: Load::Pipelined, than: Server::Nest, bound: Bound::Rate(7.0) },
    Cost { load: Load::Room100, than: Server::Nest, bound: Bound::Rate(1.9) },
    Cost { load: Load::Room1000, than: Server::Nest, bound: Bound::Rate(1.5) },
    Cost { load: Load::Burst, than: Server::Nest, bound: Bound::Rate(3.5) },
    Cost { load: Load::Connect, than: Server::Nest, bound: Bound::Rate(16.0) },
];

/// How much of NestJS's resident memory a connection may take, at the largest number of them.
const MEMORY: f64 = 0.5;

/// A target, and what became of it.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) wanted: String,
    /// For each server that it is asked about.
    pub(crate) found: Vec<String>,
}

/// All targets that something was measured for.
pub(crate) fn rows(run: &Run, servers: &[Server]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |what: String, wanted: String, found: &dyn Fn(Server) -> Option<String>| {
        let found: Vec<Option<String>> = servers.iter().map(|server| found(*server)).collect();
        if found.iter().any(Option::is_some) {
            let found = found.into_iter().map(|found| found.unwrap_or_else(|| "–".to_owned()));
            rows.push(Row { what, wanted, found: found.collect() });
        }
    };
    for (kind, per, most) in SHARES {
        add(
            format!("{}, of {REFERENCE}'s", check::name(kind, per)),
            format!("≤ {most:.2}x"),
            &|server| {
                let value = figure(run, server, kind, per)?;
                let share = value / figure(run, REFERENCE, kind, per)?;
                Some(format!("{share:.2}x: {}", exact(share <= most + 0.005)))
            },
        );
    }
    for (kind, per, most) in MOST {
        add(check::name(kind, per), format!("≤ {most:.1}"), &|server| {
            let value = figure(run, server, kind, per)?;
            Some(format!("{value:.2}: {}", exact(value <= most + 0.005)))
        });
    }
    for Cost { load, than, bound } in COSTS {
        let costs = |server| Some(stats::costs(run.loads.get(&load)?.get(&server)?));
        let (unit, title) = (load.unit(), load.title());
        let (what, wanted) = match bound {
            Bound::Time(most) => {
                (format!("CPU per {unit}, {title}, of {than}'s"), format!("≤ {most:.2}x"))
            }
            Bound::Rate(least) => (
                format!("{} per CPU-second, {title}, of {than}'s", plural(unit)),
                format!("≥ {least:.1}x"),
            ),
        };
        add(what, wanted, &|server| {
            let (ours, theirs) = (costs(server)?, costs(than)?);
            let (ratio, verdict) = match bound {
                Bound::Time(most) => {
                    let ratio = stats::ratio(&ours, &theirs)?;
                    (ratio, noisy(ratio.median <= most, ratio, most))
                }
                Bound::Rate(least) => {
                    let ratio = stats::ratio(&theirs, &ours)?;
                    (ratio, noisy(ratio.median >= least, ratio, least))
                }
            };
            Some(format!("{ratio}: {verdict}"))
        });
    }
    add(
        format!("resident memory per connection, of {}'s", Server::Nest),
        format!("≤ {MEMORY:.2}x"),
        &|server| {
            let share = memory(run, server)? / memory(run, Server::Nest)?;
            Some(format!("{share:.2}x: {}", exact(share <= MEMORY)))
        },
    );
    rows
}

fn figure(run: &Run, server: Server, kind: Kind, per: Per) -> Option<f64> {
    let figures: &Figures = run.figures.get(&server)?;
    figures.get(kind, per)
}

/// Bytes a connection takes, at the largest number of them.
pub(crate) fn memory(run: &Run, server: Server) -> Option<f64> {
    let rounds = run.idle.get(&server)?.iter().filter_map(|idle| {
        let reading = idle.readings.last()?;
        let grown = reading.resident_bytes.saturating_sub(idle.base_bytes);
        Some(grown as f64 / reading.connections as f64)
    });
    Spread::of(&rounds.collect::<Vec<_>>()).map(|spread| spread.median)
}

fn exact(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

/// What can be said of a ratio that differs from round to round.
fn noisy(met: bool, ratio: Spread, bound: f64) -> &'static str {
    match (met, ratio.contains(bound)) {
        (true, false) => "met",
        (true, true) => "met, within the noise",
        (false, true) => "**missed**, within the noise",
        (false, false) => "**missed**",
    }
}

pub(crate) fn plural(unit: &str) -> String {
    match unit.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if unit.ends_with("ho") => format!("{unit}es"),
        None => format!("{unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_whether_it_could_be_chance() {
        let ratio = Spread { median: 5.2, low: 4.8, high: 5.5 };
        assert_eq!(noisy(true, ratio, 5.0), "met, within the noise");
        assert_eq!(noisy(true, ratio, 4.0), "met");
        assert_eq!(noisy(false, ratio, 5.4), "**missed**, within the noise");
        assert_eq!(noisy(false, ratio, 6.0), "**missed**");
    }

    #[test]
    fn units_have_plurals() {
        assert_eq!(["ack", "delivery", "echo"].map(plural), ["acks", "deliveries", "echoes"]);
    }
}
