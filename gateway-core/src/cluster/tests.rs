//! Several places of a cluster in one process, on an engine that can fail in every way.

mod faults;
mod newer;
mod node;
mod overflow;
mod process;
mod questions;
mod writing;

#[cfg(feature = "redis")]
pub(super) use self::{
    process::{Process, Tally, load, until_all_know_each_other},
    writing::a_batch_is_appended_once,
};
