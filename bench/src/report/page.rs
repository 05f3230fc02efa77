//! The page.

use std::fmt::{Display, Write as _};

use super::targets;
use crate::build_times::BuildTimes;
use crate::check::{self, OURS, REFERENCE};
use crate::cluster::ManyInstances;
use crate::compare::{AtRate, Load, Run};
use crate::servers::Server;
use crate::stats::{self, Slice, Spread, Window};

/// What was measured in runs of their own.
#[derive(Default)]
pub(crate) struct Beside {
    pub(crate) build_times: Option<BuildTimes>,
    pub(crate) cluster: Option<ManyInstances>,
}

pub(crate) fn write(run: &Run, beside: &Beside, plots: &[&str]) -> String {
    let mut page = String::new();
    head(&mut page, run);
    reached(&mut page, run);
    against_javascript(&mut page, run);
    costs(&mut page, run);
    for plot in plots {
        let about = plot.strip_suffix(".svg").unwrap_or(plot);
        writeln!(page, "![{about}]({plot})\n").ok();
    }
    latency(&mut page, run);
    idle(&mut page, run);
    figures(&mut page, run);
    if let Some(cluster) = &beside.cluster {
        writeln!(page, "## Many instances\n\n{cluster}").ok();
    }
    if let Some(times) = &beside.build_times {
        writeln!(page, "## Build times\n\n{times}").ok();
    }
    noise(&mut page, run);
    page
}

fn head(page: &mut String, run: &Run) {
    let Run { machine, command, date, profile, window_ms, rounds, .. } = run;
    let cores = match machine.apart {
        true => "server and clients each have a core",
        false => "server and clients share one core, so the times mean little",
    };
    writeln!(
        page,
        "# What a message costs\n\n\
         Written by `{command}` on {date}, from the raw data in [data.json](data.json). \
         [bench/README.md](../README.md) describes the method and the servers.\n\n\
         {machine}; {cores}. Servers in Rust are built with the workspace's profile `{profile}`; \
         {rounds} rounds of {window_ms} ms for each server and load, with the servers taking turns.\n"
    )
    .ok();
    let versions = machine.versions.iter().map(|(name, version)| format!("{name} {version}"));
    writeln!(page, "{}.\n", versions.collect::<Vec<_>>().join(" · ")).ok();
}

fn reached(page: &mut String, run: &Run) {
    let rows = targets::rows(run, &OURS);
    if rows.is_empty() {
        return;
    }
    let columns = ["target", "wanted"].into_iter().chain(OURS.map(Server::name));
    let rows = rows.into_iter().map(|row| [row.what, row.wanted].into_iter().chain(row.found));
    writeln!(page, "## Targets\n").ok();
    table(page, columns, rows);
}

/// What somebody who writes JavaScript would choose.
const IN_JAVASCRIPT: [Server; 3] = [Server::Nest, Server::SocketIo, Server::SocketIoBun];

/// Ours against those that run JavaScript: where it is behind, as where it is ahead.
fn against_javascript(page: &mut String, run: &Run) {
    let ours = OURS[0];
    let servers: Vec<Server> =
        IN_JAVASCRIPT.into_iter().filter(|server| run.measured(*server)).collect();
    let of_load = |load: Load, server: Server| {
        let costs = stats::costs(run.loads.get(&load)?.get(&server)?);
        Some(costs).filter(|costs| !costs.is_empty())
    };
    let mut behind = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |what: String, ratio: &dyn Fn(Server) -> Option<Ratio>| {
        let cells = servers.iter().map(|peer| match ratio(*peer) {
            None => String::new(),
            Some(ratio) if ratio.median() < 1.0 => {
                behind.push(format!("{peer} in \"{what}\", {ratio}"));
                format!("**{ratio}**")
            }
            Some(ratio) => ratio.to_string(),
        });
        let cells: Vec<String> = cells.collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push([what].into_iter().chain(cells).collect());
        }
    };
    for load in run.loads.keys() {
        let name = format!("{}, {}", load.title(), targets::plural(load.unit()));
        add(name, &|peer| {
            let (ours, theirs) = (of_load(*load, ours)?, of_load(*load, peer)?);
            stats::ratio(&theirs, &ours).map(Ratio::OfRounds)
        });
    }
    add("idle connections in the same memory".to_owned(), &|peer| {
        Some(Ratio::OfMedians(targets::memory(run, peer)? / targets::memory(run, ours)?))
    });
    if rows.is_empty() {
        return;
    }
    writeln!(
        page,
        "## Against JavaScript\n\nHow many times as much `{ours}` does as they do in a second of the \
         server's CPU time, and how many of its idle connections fit into the memory that one of \
         theirs takes, not counting the memory before the first. Ratios below 1, where `{ours}` is \
         behind, are in bold.\n"
    )
    .ok();
    let columns = ["load"].into_iter().chain(servers.iter().map(|server| server.name()));
    table(page, columns, rows);
    let title = format!("`{ours}` is behind (a range that includes 1 says nothing)");
    list(page, &title, behind.into_iter());
    page.push('\n');
}

/// How many times something is better.
enum Ratio {
    OfRounds(Spread),
    OfMedians(f64),
}

impl Ratio {
    fn median(&self) -> f64 {
        match self {
            Self::OfRounds(spread) => spread.median,
            Self::OfMedians(ratio) => *ratio,
        }
    }
}

impl Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfRounds(spread) => spread.fmt(f),
            Self::OfMedians(ratio) => write!(f, "{ratio:.2}x"),
        }
    }
}

fn costs(page: &mut String, run: &Run) {
    let Some(servers) = run.loads.values().next() else { return };
    let servers: Vec<Server> = servers.keys().copied().collect();
    let columns = || ["load"].into_iter().chain(servers.iter().map(|server| server.name()));
    writeln!(
        page,
        "## The server's CPU time\n\nMicroseconds per unit, and the ratio to what \
         `{REFERENCE}` needs: the median of the rounds, and their range. Less is better.\n"
    )
    .ok();
    let costs = |load: Load, server: Server| {
        let windows = run.loads.get(&load)?.get(&server)?;
        Some(stats::costs(windows)).filter(|costs| !costs.is_empty())
    };
    let rows = run.loads.keys().map(|load| {
        let cells = servers.iter().map(|server| {
            let ours = costs(*load, *server)?;
            let cost = stats::median(&ours);
            if *server == REFERENCE {
                return Some(format!("{cost:.1}"));
            }
            let ratio = costs(*load, REFERENCE).and_then(|those| stats::ratio(&ours, &those));
            Some(ratio.map_or(format!("{cost:.1}"), |ratio| format!("{cost:.1}, {ratio}")))
        });
        let name = format!("{}, per {}", load.title(), load.unit());
        [name].into_iter().chain(cells.map(Option::unwrap_or_default)).collect::<Vec<_>>()
    });
    table(page, columns(), rows);

    writeln!(
        page,
        "Units in a second of the server's CPU time, and the ratio to what `{}` does. More is \
         better.\n",
        Server::Nest
    )
    .ok();
    let rows = run.loads.keys().map(|load| {
        let cells = servers.iter().map(|server| {
            let ours = costs(*load, *server)?;
            let rate = thousands(1e6 / stats::median(&ours));
            if *server == Server::Nest {
                return Some(rate);
            }
            let ratio = costs(*load, Server::Nest).and_then(|those| stats::ratio(&those, &ours));
            Some(ratio.map_or(rate.clone(), |ratio| format!("{rate}, {ratio}")))
        });
        let name = format!("{}, {}", load.title(), targets::plural(load.unit()));
        [name].into_iter().chain(cells.map(Option::unwrap_or_default)).collect::<Vec<_>>()
    });
    table(page, columns(), rows);
}

fn latency(page: &mut String, run: &Run) {
    if run.latency.is_empty() {
        return;
    }
    writeln!(
        page,
        "## Latency at fixed rates\n\nMicroseconds from when a question was *due* to its answer, with \
         questions asked by the clock, no matter what has been answered: the 50th and the 99th \
         percentile; the median of the rounds, and their range. Then what is not the server's doing: \
         the 99th percentile of how late questions were asked, and for how much of the time the \
         server was ready to run while something else had its core. There is no target: where that \
         is much of the time, the last percent shows that and nothing else.\n"
    )
    .ok();
    let columns = [
        "rate",
        "server",
        "acks per second",
        "p50",
        "p99",
        "asked late, p99",
        "server busy",
        "server kept from its core",
    ];
    let rows = run.latency.iter().flat_map(|(rate, servers)| {
        servers.iter().map(move |(server, windows)| {
            let spread = |of: &dyn Fn(&AtRate) -> f64| {
                Spread::of(&windows.iter().map(of).collect::<Vec<_>>())
            };
            let range = |of: &dyn Fn(&AtRate) -> f64| {
                let spread = spread(of);
                spread.map_or_else(String::new, |Spread { median, low, high }| {
                    format!("{median:.0} ({low:.0}–{high:.0})")
                })
            };
            let asked = spread(&|window| window.rate).map_or(0.0, |spread| spread.median);
            let share = |of: &dyn Fn(&Slice) -> u64| {
                let share = |window: &AtRate| {
                    of(&window.slice) as f64 * 100.0 / window.slice.wall_us.max(1) as f64
                };
                spread(&share).map_or_else(String::new, |Spread { median, low, high }| {
                    format!("{median:.1} % ({low:.1}–{high:.1})")
                })
            };
            vec![
                rate.title().to_owned(),
                server.to_string(),
                thousands(asked),
                range(&|window| window.latency.p50),
                range(&|window| window.latency.p99),
                range(&|window| window.lateness.p99),
                share(&|slice| slice.cpu_us),
                share(&|slice| slice.waiting_us),
            ]
        })
    });
    table(page, columns, rows);
}

fn idle(page: &mut String, run: &Run) {
    if run.idle.is_empty() {
        return;
    }
    writeln!(
        page,
        "## Idle connections\n\nResident memory before the first connection, and by how much it \
         grew per connection: the median of the rounds. Clients join the namespace and send nothing.\n"
    )
    .ok();
    let steps = run.idle.values().flatten().next().map(|idle| idle.readings.as_slice());
    let columns = ["server".to_owned(), "before, MiB".to_owned()].into_iter().chain(
        steps.into_iter().flatten().flat_map(|reading| {
            let connections = thousands(reading.connections as f64);
            [format!("at {connections}, KiB each"), "tasks each".to_owned()]
        }),
    );
    let rows = run.idle.iter().map(|(server, rounds)| {
        let middle = |of: &dyn Fn(&crate::compare::Idle) -> Option<f64>| {
            let values: Vec<f64> = rounds.iter().filter_map(of).collect();
            Spread::of(&values)
                .map_or_else(|| "–".to_owned(), |spread| format!("{:.1}", spread.median))
        };
        let before = middle(&|idle| Some(idle.base_bytes as f64 / (1024.0 * 1024.0)));
        let steps = rounds.first().map_or(0, |idle| idle.readings.len());
        let readings = (0..steps).flat_map(|step| {
            let each = middle(&|idle| {
                let reading = idle.readings.get(step)?;
                let grown = reading.resident_bytes as f64 - idle.base_bytes as f64;
                Some(grown / reading.connections as f64 / 1024.0)
            });
            let tasks = middle(&|idle| {
                let reading = idle.readings.get(step)?;
                Some(reading.tasks? as f64 / reading.connections as f64)
            });
            [each, tasks]
        });
        [server.to_string(), before].into_iter().chain(readings).collect::<Vec<_>>()
    });
    table(page, columns, rows.collect::<Vec<_>>());
}

fn figures(page: &mut String, run: &Run) {
    let Some(reference) = run.figures.get(&REFERENCE) else { return };
    writeln!(
        page,
        "## The same on every run\n\nUser-space instructions, calls to the allocator and to the \
         kernel, memory and tasks, each with the ratio to what `{REFERENCE}` needs. Less is better. \
         `--check` compares these with the committed figures.\n"
    )
    .ok();
    let columns = ["".to_owned()].into_iter().chain(run.figures.keys().map(Server::to_string));
    let rows = reference.iter().map(|(kind, per, by_hand)| {
        let cells = run.figures.iter().map(|(server, figures)| match figures.get(kind, per) {
            None => String::new(),
            Some(value) if *server == REFERENCE => number(value),
            Some(value) => format!("{}, {:.2}x", number(value), value / by_hand),
        });
        [check::name(kind, per)].into_iter().chain(cells).collect::<Vec<_>>()
    });
    table(page, columns, rows.collect::<Vec<_>>());
}

fn noise(page: &mut String, run: &Run) {
    writeln!(page, "## What was noise\n").ok();
    let all: Vec<(Load, Server, &Vec<Window>)> = run
        .loads
        .iter()
        .flat_map(|(load, servers)| servers.iter().map(move |(server, of)| (*load, *server, of)))
        .collect();
    let windows: Vec<Window> = all.iter().flat_map(|(_, _, of)| of.iter().cloned()).collect();
    if windows.is_empty() {
        writeln!(page, "No times were measured.").ok();
        return;
    }
    writeln!(
        page,
        "* Other machines took {:.1} % of the time of the servers' core, and for {:.1} % of it a \
         server was ready while something else ran, if only one of its own threads. Neither is \
         included in the times above, but their effect on caches and batches is.",
        stats::stolen(&windows) * 100.0,
        stats::waiting(&windows) * 100.0
    )
    .ok();
    list(
        page,
        &format!("Indistinguishable from `{REFERENCE}` (the range of ratios includes 1)"),
        all.iter().filter(|(_, server, _)| *server != REFERENCE).filter_map(
            |(load, server, of)| {
                let those = stats::costs(run.loads.get(load)?.get(&REFERENCE)?);
                let ratio = stats::ratio(&stats::costs(of), &those)?;
                ratio.contains(1.0).then(|| format!("{server} in \"{}\"", load.title()))
            },
        ),
    );
    list(
        page,
        "Answers that came before the answer to an earlier question, in all windows. This is not \
         noise: nothing keeps them in order",
        all.iter().filter_map(|(load, server, of)| {
            let overtook: u64 = of.iter().map(|window| window.overtook).sum();
            let overtook = thousands(overtook as f64);
            (overtook != "0").then(|| format!("{server} in \"{}\" ({overtook})", load.title()))
        }),
    );
    rest(page, run);
}

/// How far the rounds are apart, and how busy the server was.
fn rest(page: &mut String, run: &Run) {
    let Some(servers) = run.loads.values().next() else { return };
    writeln!(
        page,
        "\nHow far apart the rounds of a load are, as a share of their median, and for how much of \
         the time the server was on its core. Where the former is large, only large differences \
         mean anything; where the latter is small, the server waited for its clients, and its time \
         includes the cost of sleeping and waking.\n"
    )
    .ok();
    let columns = ["load"].into_iter().chain(servers.keys().map(|server| server.name()));
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let rows = run.loads.iter().map(|(load, servers)| {
        let cells = servers.values().map(|windows| {
            let apart = Spread::of(&stats::costs(windows)).map(|spread| percent(spread.width()));
            format!("{}, busy {}", apart.unwrap_or_default(), percent(stats::busy(windows)))
        });
        [load.title().to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
    });
    table(page, columns, rows);
}

fn list(page: &mut String, what: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    let items = if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    writeln!(page, "* {what}: {items}.").ok();
}

/// A table of Markdown.
fn table<C: Display>(
    page: &mut String,
    columns: impl IntoIterator<Item = C>,
    rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>,
) {
    let columns: Vec<String> = columns.into_iter().map(|column| column.to_string()).collect();
    writeln!(page, "| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len())).ok();
    for row in rows {
        let cells: Vec<String> = row.into_iter().collect();
        writeln!(page, "| {} |", cells.join(" | ")).ok();
    }
    page.push('\n');
}

fn number(value: f64) -> String {
    if value >= 100.0 { thousands(value) } else { format!("{value:.2}") }
}

/// A whole number with its digits in groups.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compare::Rate;
    use crate::stats::Percentiles;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(thousands(0.4), "0");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(number(0.185), "0.18");
    }

    /// A run in which a unit of each server took so many microseconds of its CPU time.
    fn run(costs: &[(Server, u64)]) -> Run {
        let slice =
            |cpu_us| Slice { units: 1, cpu_us, waiting_us: 0, wall_us: 1_000, stolen_us: 0 };
        let windows = |cpu_us| vec![Window { slices: vec![slice(cpu_us)], overtook: 0 }];
        let of_all = costs.iter().map(|(server, cpu_us)| (*server, windows(*cpu_us)));
        let machine =
            "{\"processor\":\"p\",\"cores\":2,\"memory_gib\":1,\"apart\":true,\"versions\":[]}";
        Run {
            machine: serde_json::from_str(machine).unwrap(),
            command: "bench".to_owned(),
            date: "2024-02-29".to_owned(),
            profile: "release".to_owned(),
            window_ms: 1,
            rounds: 1,
            loads: [(Load::Ack, of_all.collect())].into(),
            latency: BTreeMap::new(),
            idle: BTreeMap::new(),
            figures: BTreeMap::new(),
        }
    }

    #[test]
    fn where_ours_is_behind_is_shown_as_where_it_is_ahead() {
        let run = run(&[(Server::Gateway, 10), (Server::Nest, 70), (Server::SocketIoBun, 9)]);
        let page = write(&run, &Beside::default(), &[]);
        assert!(page.contains("| load | nest | socket-io-bun |"), "{page}");
        let row = "| acks, 1 in flight, acks | 7.00x (7.00–7.00) | **0.90x (0.90–0.90)** |";
        assert!(page.contains(row), "{page}");
        assert!(page.contains(": socket-io-bun in \"acks, 1 in flight, acks\", 0.90x"), "{page}");
    }

    #[test]
    fn percentiles_stand_beside_what_kept_the_server_from_its_core() {
        let at_rate = |p99| AtRate {
            rate: 10_000.0,
            latency: Percentiles { p50: 40.0, p99, p999: 900.0, most: 1_000.0 },
            lateness: Percentiles { p50: 0.0, p99: 3.0, p999: 4.0, most: 5.0 },
            slice: Slice { units: 1, cpu_us: 360, waiting_us: 20, wall_us: 1_000, stolen_us: 0 },
        };
        let windows = [80.0, 90.0, 200.0].map(at_rate).to_vec();
        let mut run = run(&[(Server::Gateway, 10)]);
        run.latency.insert(Rate::Same, [(Server::Gateway, windows)].into());
        let page = write(&run, &Beside::default(), &[]);
        let row = "| gateway | 10,000 | 40 (40–40) | 90 (80–200) | 3 (3–3) | 36.0 % (36.0–36.0) | \
                   2.0 % (2.0–2.0) |";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn a_table_has_a_cell_for_each_column() {
        let mut page = String::new();
        table(&mut page, ["a", "b"], [["1".to_owned(), "2".to_owned()]]);
        assert_eq!(page, "| a | b |\n|---|---|\n| 1 | 2 |\n\n");
    }
}
