//! The report: raw data, plots and a page.

mod page;
mod plot;
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::build_times::BuildTimes;
use crate::cluster::ManyInstances;
use crate::compare::{AtRate, Load, Rate, Run};
use crate::servers::Server;
use crate::stats;
use plot::{Panel, Row};

const DATA: &str = "data.json";
const BUILD_TIMES: &str = "build-times.json";
const CLUSTER: &str = "cluster.json";

/// The plots: a file's name, and the loads in it.
const PLOTS: [(&str, &[Load]); 3] = [
    ("acks.svg", &[Load::Ack, Load::Validated, Load::Pipelined]),
    ("rooms.svg", &[Load::Room100, Load::Room1000, Load::Burst]),
    ("others.svg", &[Load::Connect, Load::Text, Load::Binary]),
];
const LATENCY_PLOT: &str = "latency.svg";
const MEMORY_PLOT: &str = "memory.svg";

/// Keeps a run, and writes the page about it.
pub(crate) fn write(run: &Run, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(DATA), serde_json::to_string(run)?)?;
    render(run, directory)
}

/// Keeps how long builds take, beside the data of a run.
pub(crate) fn write_build_times(times: &BuildTimes, directory: &Path) -> Result<()> {
    write_beside(times, directory, BUILD_TIMES)
}

/// Keeps what broadcasts cost in an application of several processes, beside the data of a run.
pub(crate) fn write_cluster(cluster: &ManyInstances, directory: &Path) -> Result<()> {
    write_beside(cluster, directory, CLUSTER)
}

fn write_beside(measured: &impl Serialize, directory: &Path, file: &str) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(file), serde_json::to_string_pretty(measured)?)?;
    // Without a run there is no page yet.
    if directory.join(DATA).exists() { again(directory) } else { Ok(()) }
}

/// What was kept beside the data of a run, if it was.
fn read_beside<T: DeserializeOwned>(directory: &Path, file: &str) -> Result<Option<T>> {
    match fs::read(directory.join(file)) {
        Ok(data) => Ok(Some(serde_json::from_slice(&data)?)),
        Err(_) => Ok(None),
    }
}

/// Writes the page of a run that was kept.
pub(crate) fn again(directory: &Path) -> Result<()> {
    let path = directory.join(DATA);
    let data = fs::read(&path).with_context(|| format!("no run to report, {}", path.display()))?;
    render(&serde_json::from_slice(&data)?, directory)
}

fn render(run: &Run, directory: &Path) -> Result<()> {
    let mut plots = Vec::new();
    for (name, loads) in PLOTS {
        let panels: Vec<Panel> = loads.iter().filter_map(|load| cost_panel(run, *load)).collect();
        if !panels.is_empty() {
            fs::write(directory.join(name), plot::svg(&panels))?;
            plots.push(name);
        }
    }
    let panels: Vec<Panel> =
        run.latency.iter().map(|(rate, servers)| latency_panel(*rate, servers)).collect();
    if !panels.is_empty() {
        fs::write(directory.join(LATENCY_PLOT), plot::svg(&panels))?;
        plots.push(LATENCY_PLOT);
    }
    if let Some(panel) = memory_panel(run) {
        fs::write(directory.join(MEMORY_PLOT), plot::svg(&[panel]))?;
        plots.push(MEMORY_PLOT);
    }
    let beside = page::Beside {
        build_times: read_beside(directory, BUILD_TIMES)?,
        cluster: read_beside(directory, CLUSTER)?,
    };
    let page = page::write(run, &beside, &plots);
    Ok(fs::write(directory.join("README.md"), page)?)
}

fn is_ours(server: Server) -> bool {
    crate::check::OURS.contains(&server)
}

fn cost_panel(run: &Run, load: Load) -> Option<Panel> {
    let servers = run.loads.get(&load)?;
    let rows = servers.iter().filter_map(|(server, windows)| {
        let points = stats::costs(windows);
        let median = stats::Spread::of(&points)?.median;
        Some(Row {
            label: server.to_string(),
            ours: is_ours(*server),
            median,
            note: format!("{median:.1} µs"),
            points,
        })
    });
    let title = format!("{}: server's CPU time per {}, less is better", load.title(), load.unit());
    Some(Panel { title, rows: rows.collect() })
}

fn latency_panel(rate: Rate, servers: &BTreeMap<Server, Vec<AtRate>>) -> Panel {
    let rows = servers.iter().filter_map(|(server, windows)| {
        let points: Vec<f64> = windows.iter().map(|window| window.latency.p99).collect();
        let median = stats::Spread::of(&points)?.median;
        Some(Row {
            label: server.to_string(),
            ours: is_ours(*server),
            median,
            note: format!("{median:.0} µs"),
            points,
        })
    });
    let title = format!("{}: 99 of 100 answers within, less is better", rate.title());
    Panel { title, rows: rows.collect() }
}

fn memory_panel(run: &Run) -> Option<Panel> {
    let connections = run.idle.values().next()?.first()?.readings.last()?.connections;
    let rows = run.idle.keys().filter_map(|server| {
        let kibibytes = targets::memory(run, *server)? / 1024.0;
        Some(Row {
            label: server.to_string(),
            ours: is_ours(*server),
            median: kibibytes,
            points: Vec::new(),
            note: format!("{kibibytes:.1} KiB"),
        })
    });
    let title = format!("resident memory per connection, {connections} idle, less is better");
    Some(Panel { title, rows: rows.collect() })
}
