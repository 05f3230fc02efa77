//! What was measured, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::loads::Load;
use crate::check::Figures;
use crate::machine::Machine;
use crate::servers::Server;

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
    pub(crate) idle: BTreeMap<Server, Vec<Idle>>,
    pub(crate) figures: BTreeMap<Server, Figures>,
}

/// A server under a load, for a while. The windows of a load are in the order of its rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Window {
    pub(crate) slices: Vec<Slice>,
    /// Answers and deliveries that came before an earlier one.
    pub(crate) overtook: u64,
}

/// A part of a window.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Slice {
    pub(crate) units: u64,
    /// Time on a core of all threads of the server.
    pub(crate) cpu_us: u64,
    pub(crate) wall_us: u64,
    /// Time that other machines took from the server's core.
    pub(crate) stolen_us: u64,
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
