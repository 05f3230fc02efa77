//! The page.

use std::fmt::{Display, Write as _};

use super::targets;
use crate::build_times::BuildTimes;
use crate::check::{self, OURS, REFERENCE};
use crate::compare::{Load, Run, Window};
use crate::servers::Server;
use crate::stats::{self, Spread};

pub(crate) fn write(run: &Run, times: Option<&BuildTimes>, plots: &[&str]) -> String {
    let mut page = String::new();
    head(&mut page, run);
    reached(&mut page, run);
    costs(&mut page, run);
    for plot in plots {
        let about = plot.strip_suffix(".svg").unwrap_or(plot);
        writeln!(page, "![{about}]({plot})\n").ok();
    }
    idle(&mut page, run);
    figures(&mut page, run);
    if let Some(times) = times {
        writeln!(page, "## Build times\n\n{times}").ok();
    }
    noise(&mut page, run);
    page
}

fn head(page: &mut String, run: &Run) {
    let Run { machine, command, date, profile, window_ms, rounds, .. } = run;
    let cores = match machine.apart {
        true => "server and clients have a core each",
        false => "server and clients share one core, so that times mean little",
    };
    writeln!(
        page,
        "# What a message costs\n\n\
         Written by `{command}` on {date}, from the raw data in [data.json](data.json). \
         [bench/README.md](../README.md) says how it is measured and what the servers do.\n\n\
         {machine}; {cores}. Servers in Rust are built with the workspace's profile `{profile}`; \
         {rounds} rounds of {window_ms} ms for each server and load, the servers in turns.\n"
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

fn costs(page: &mut String, run: &Run) {
    let Some(servers) = run.loads.values().next() else { return };
    let servers: Vec<Server> = servers.keys().copied().collect();
    let columns = || ["load"].into_iter().chain(servers.iter().map(|server| server.name()));
    writeln!(
        page,
        "## The server's CPU time\n\nMicroseconds per unit, and how many times that is what \
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
        "Units in a second of the server's CPU time, and how many times that is what `{}` does. \
         More is better.\n",
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

fn idle(page: &mut String, run: &Run) {
    if run.idle.is_empty() {
        return;
    }
    writeln!(
        page,
        "## Idle connections\n\nResident memory before the first connection, and by how much it \
         grew for each: the median of the rounds. The namespace is joined, nothing is said.\n"
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
        "## The same on every run\n\nUser instructions, calls of the allocator and of the kernel, \
         memory and tasks; for each, how many times that is what `{REFERENCE}` needs. Less is \
         better. `--check` holds these against what is committed.\n"
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
        "* Other machines took {:.1} % of the time of the servers' core. That is not in the times \
         above, but what it does to caches and batches is.",
        stats::stolen(&windows) * 100.0
    )
    .ok();
    list(
        page,
        &format!("Not to be told from `{REFERENCE}`, whose range of ratios includes 1"),
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
        "Answers that came before one to an earlier question, in all windows. That is no noise: \
         nothing keeps them in order",
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
        "\nHow far the rounds of a load are apart, as a share of their median, and for how much of \
         the time the server was on its core. Where the former is large, only large differences \
         mean something; where the latter is small, the server waited for its clients, and what it \
         costs to sleep and wake is in its time.\n"
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
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(thousands(0.4), "0");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(number(0.185), "0.18");
    }

    #[test]
    fn a_table_has_a_cell_for_each_column() {
        let mut page = String::new();
        table(&mut page, ["a", "b"], [["1".to_owned(), "2".to_owned()]]);
        assert_eq!(page, "| a | b |\n|---|---|\n| 1 | 2 |\n\n");
    }
}
