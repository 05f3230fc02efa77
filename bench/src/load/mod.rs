//! The load generator: many clients in one thread, which count every answer.

mod client;
mod fleet;
mod frame;
mod paced;
mod packet;
mod speech;
#[cfg(test)]
mod tests;
mod window;
mod work;

use anyhow::Result;

pub(crate) use fleet::{Fleet, Target, Work};
pub(crate) use paced::Paced;
pub(crate) use speech::Speech;
pub(crate) use work::{Arrive, Churn, Join, Question, RoundTrips, Talk};

/// Clients that are connected.
pub(crate) fn connected(clients: usize, target: Target) -> Result<Fleet> {
    let mut fleet = Fleet::new(target)?;
    fleet.run(&mut Arrive::new(clients))?;
    Ok(fleet)
}
