//! What was measured, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::{AtRate, Rate};
use super::loads::Load;
use crate::check::Figures;
use crate::machine::Machine;
use crate::servers::Server;
use crate::stats::Window;

/// A whole run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    /// What was asked for on the command line.
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) profile: String,
    pub(crate) window_ms: u64,
    pub(crate) rounds: usize,
    pub(crate) loads: BTreeMap<Load, BTreeMap<Server, Vec<Window>>>,
    #[serde(default)]
    pub(crate) latency: BTreeMap<Rate, BTreeMap<Server, Vec<AtRate>>>,
    pub(crate) idle: BTreeMap<Server, Vec<Idle>>,
    pub(crate) figures: BTreeMap<Server, Figures>,
}

impl Run {
    /// Whether anything is known about a server.
    pub(crate) fn measured(&self, server: Server) -> bool {
        self.loads.values().any(|servers| servers.contains_key(&server))
            || self.idle.contains_key(&server)
    }
}

/// A server with idle connections.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Idle {
    /// Resident before the first connection.
    pub(crate) base_bytes: u64,
    pub(crate) readings: Vec<IdleReading>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct IdleReading {
    pub(crate) connections: usize,
    pub(crate) resident_bytes: u64,
    /// Of the runtime; Node has none.
    pub(crate) tasks: Option<u64>,
}
