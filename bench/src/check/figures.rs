//! What is counted, and the file in which it is committed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::paths::workspace;
use crate::servers::Server;

/// What kind of thing is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// In user space.
    Instructions,
    /// Calls of the allocator that ask for memory.
    Allocations,
    Syscalls,
    /// Resident.
    Bytes,
    /// Of the runtime.
    Tasks,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::Syscalls => "syscalls",
            Self::Bytes => "bytes",
            Self::Tasks => "tasks",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What it is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) enum Per {
    #[serde(rename = "ack")]
    Ack,
    #[serde(rename = "ack with validation")]
    Validated,
    #[serde(rename = "ack, 16 in flight")]
    Pipelined,
    #[serde(rename = "text of 64 KiB, there and back")]
    Text,
    #[serde(rename = "binary of 64 KiB, there and back")]
    Binary,
    #[serde(rename = "delivery in a room of 50")]
    Delivery,
    #[serde(rename = "delivery in bursts of 8")]
    Burst,
    #[serde(rename = "connection made")]
    Connect,
    #[serde(rename = "broadcast to other processes")]
    ToOthers,
    #[serde(rename = "broadcast of another process, for nobody")]
    OfOthers,
    #[serde(rename = "idle connection")]
    Idle,
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The figures of a server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<Kind, BTreeMap<Per, f64>>);

impl Figures {
    /// Two places are kept: no figure is known better.
    pub(crate) fn insert(&mut self, kind: Kind, per: Per, value: f64) {
        let value = (value * 100.0).round() / 100.0;
        self.0.entry(kind).or_default().insert(per, value);
    }

    pub(crate) fn get(&self, kind: Kind, per: Per) -> Option<f64> {
        self.0.get(&kind)?.get(&per).copied()
    }

    /// Takes over each figure that another measurement found to be less, or at all.
    pub(crate) fn keep_the_least(&mut self, again: &Self) {
        for (kind, per, value) in again.iter() {
            let known = self.get(kind, per).unwrap_or(f64::INFINITY);
            self.insert(kind, per, known.min(value));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, Per, f64)> {
        self.0
            .iter()
            .flat_map(|(kind, values)| values.iter().map(|(per, value)| (*kind, *per, *value)))
    }
}

/// The committed figures.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Committed {
    /// By which share of itself a figure may be worse, by its kind or its whole name.
    pub(crate) tolerance: BTreeMap<String, f64>,
    #[serde(flatten)]
    pub(crate) servers: BTreeMap<Server, Figures>,
}

/// What stands at the top of the file.
const HEADER: &str = "\
# What a message costs, for each server. Written by `cargo run -p bench -- --check --update`;
# `--check` fails when one of the framework's is worse than here by more than the tolerance of its
# name or kind (a share; edit it by hand).
# A missed target fails, too. bench/README.md says what each means.

";

impl Committed {
    /// By which share of itself a figure may be worse.
    pub(crate) fn tolerance(&self, kind: Kind, per: Per) -> f64 {
        let tolerance = |name: String| self.tolerance.get(&name).copied();
        tolerance(name(kind, per)).or_else(|| tolerance(kind.to_string())).unwrap_or(0.0)
    }

    fn path() -> PathBuf {
        workspace().join("bench/figures.toml")
    }

    pub(crate) fn read() -> Result<Self> {
        let path = Self::path();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("no committed figures, {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not understood", path.display()))
    }

    /// Replaces what was committed, but for the tolerances.
    pub(crate) fn write(servers: BTreeMap<Server, Figures>) -> Result<()> {
        let tolerance = if Self::path().exists() { Self::read()?.tolerance } else { tolerance() };
        let text = Self { tolerance, servers }.to_text()?;
        Ok(fs::write(Self::path(), text)?)
    }

    fn to_text(&self) -> Result<String> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }
}

/// What a new file allows: more than runs of the same code differ by, and less than a change that
/// matters.
fn tolerance() -> BTreeMap<String, f64> {
    let connection = name(Kind::Instructions, Per::Connect);
    let tolerance = [
        (Kind::Instructions.to_string(), 0.03),
        // How often the server wakes up while somebody connects is not always the same.
        (connection, 0.06),
        (name(Kind::Instructions, Per::Pipelined), 0.06),
        // What processes do once a second is a part of it, and whether entries meet.
        (name(Kind::Instructions, Per::ToOthers), 0.06),
        (name(Kind::Instructions, Per::OfOthers), 0.06),
        (name(Kind::Allocations, Per::ToOthers), 0.06),
        (name(Kind::Allocations, Per::OfOthers), 0.06),
        (Kind::Allocations.to_string(), 0.01),
        (Kind::Syscalls.to_string(), 0.10),
        // How the kernel cuts a large message is not ours, nor where a burst is cut.
        (name(Kind::Allocations, Per::Text), 0.25),
        (name(Kind::Allocations, Per::Binary), 0.25),
        (name(Kind::Syscalls, Per::Text), 0.5),
        (name(Kind::Syscalls, Per::Binary), 0.5),
        (name(Kind::Syscalls, Per::Burst), 0.2),
        (Kind::Bytes.to_string(), 0.05),
        (Kind::Tasks.to_string(), 0.0),
    ];
    BTreeMap::from(tolerance)
}

/// What a figure is called.
pub(crate) fn name(kind: Kind, per: Per) -> String {
    format!("{kind} per {per}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_measurements_the_least_counts() {
        let figures = |ack, idle| {
            let mut figures = Figures::default();
            figures.insert(Kind::Instructions, Per::Ack, ack);
            figures.insert(Kind::Bytes, Per::Idle, idle);
            figures
        };
        let mut both = figures(2.0, 30.0);
        both.keep_the_least(&figures(1.0, 40.0));
        assert_eq!(both, figures(1.0, 30.0));
        let mut none = Figures::default();
        none.keep_the_least(&both);
        assert_eq!(none, both);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut figures = Figures::default();
        figures.insert(Kind::Instructions, Per::Pipelined, 15_000.25);
        figures.insert(Kind::Tasks, Per::Idle, 3.0);
        let committed = Committed {
            tolerance: tolerance(),
            servers: BTreeMap::from([(Server::GatewaySerial, figures)]),
        };
        let text = committed.to_text().unwrap();
        assert!(text.contains("[gateway-serial.instructions]\n\"ack, 16 in flight\" = 15000.25"));
        assert_eq!(toml::from_str::<Committed>(&text).unwrap(), committed);
    }

    #[test]
    fn the_committed_file_is_understood() {
        assert_eq!(Committed::read().unwrap().tolerance, tolerance());
    }

    #[test]
    fn a_figure_has_the_tolerance_of_its_name_or_else_of_its_kind() {
        let committed = Committed { tolerance: tolerance(), servers: BTreeMap::new() };
        assert_eq!(committed.tolerance(Kind::Instructions, Per::Connect), 0.06);
        assert_eq!(committed.tolerance(Kind::Instructions, Per::Ack), 0.03);
        assert_eq!(Committed::default().tolerance(Kind::Tasks, Per::Idle), 0.0);
    }
}
