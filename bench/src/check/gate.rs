//! Whether figures are as good as those that are committed, and as the targets want them.

use std::collections::BTreeMap;
use std::fmt;

use super::figures::{Committed, Figures, Kind, Per, name};
use crate::servers::Server;

/// The servers that are ours.
pub(crate) const OURS: [Server; 2] = [Server::Gateway, Server::GatewaySerial];

/// What they are held against.
pub(crate) const REFERENCE: Server = Server::ByHand;

/// How much of what the reference needs ours may need. In rooms a little more: ours counts each packet
/// until it has left the process, so that no member that stays connected misses one; by hand nobody
/// counts.
pub(crate) const SHARES: [(Kind, Per, f64); 14] = [
    (Kind::Instructions, Per::Ack, 1.0),
    (Kind::Instructions, Per::Validated, 1.0),
    (Kind::Instructions, Per::Pipelined, 1.0),
    (Kind::Instructions, Per::Delivery, 1.03),
    (Kind::Instructions, Per::Burst, 1.07),
    (Kind::Allocations, Per::Ack, 1.0),
    (Kind::Allocations, Per::Validated, 1.0),
    (Kind::Allocations, Per::Pipelined, 1.0),
    (Kind::Allocations, Per::Text, 1.0),
    (Kind::Allocations, Per::Binary, 1.0),
    (Kind::Allocations, Per::Delivery, 1.0),
    (Kind::Allocations, Per::Burst, 1.0),
    (Kind::Bytes, Per::Idle, 0.65),
    (Kind::Tasks, Per::Idle, 1.0),
];

/// How much ours may need, whatever the reference does.
pub(crate) const MOST: [(Kind, Per, f64); 2] =
    [(Kind::Syscalls, Per::Pipelined, 0.2), (Kind::Bytes, Per::Idle, 19.0 * 1024.0)];

/// A figure that is not good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Failure {
    server: Server,
    kind: Kind,
    per: Per,
    measured: f64,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// It was better when it was committed. With how the reference, which has not changed, differs
    /// from its own committed figure: that tells a worse machine from worse code.
    Worse {
        committed: f64,
        tolerance: f64,
        reference_drift: Option<f64>,
    },
    NotCommitted,
    /// The reference needs too little more.
    Share {
        most: f64,
        reference: f64,
    },
    TooMuch {
        most: f64,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, kind, per, measured, why } = self;
        write!(f, "{server}: {}: measured {measured:.2}, ", name(*kind, *per))?;
        match why {
            Why::Worse { committed, tolerance, reference_drift } => {
                let most = committed * (1.0 + tolerance);
                let tolerance = tolerance * 100.0;
                write!(
                    f,
                    "committed {committed:.2}, so at most {most:.2} (tolerance {tolerance:.0} %)"
                )?;
                match reference_drift {
                    Some(drift) => {
                        let drift = drift * 100.0;
                        write!(f, "; here {REFERENCE} differs by {drift:+.1} % from what it was")
                    }
                    None => Ok(()),
                }
            }
            Why::NotCommitted => f.write_str("and nothing is committed"),
            Why::Share { most, reference } => {
                let share = measured / reference;
                write!(
                    f,
                    "{share:.2}x of {REFERENCE}'s {reference:.2}; the target is at most {most:.2}x"
                )
            }
            Why::TooMuch { most } => write!(f, "the target is at most {most:.2}"),
        }
    }
}

/// Everything of ours that is worse than it was, or was never committed.
pub(crate) fn worse_than_committed(
    measured: &BTreeMap<Server, Figures>,
    committed: &Committed,
) -> Vec<Failure> {
    let was = |server, kind, per| committed.servers.get(&server)?.get(kind, per);
    let drift = |kind, per| {
        let now = measured.get(&REFERENCE)?.get(kind, per)?;
        Some(now / was(REFERENCE, kind, per)? - 1.0)
    };
    let mut failures = Vec::new();
    for server in OURS {
        for (kind, per, value) in measured.get(&server).into_iter().flat_map(Figures::iter) {
            let tolerance = committed.tolerance(kind, per);
            let why = match was(server, kind, per) {
                None => Why::NotCommitted,
                Some(committed) if value > committed * (1.0 + tolerance) + ROUNDING => {
                    Why::Worse { committed, tolerance, reference_drift: drift(kind, per) }
                }
                Some(_) => continue,
            };
            failures.push(Failure { server, kind, per, measured: value, why });
        }
    }
    failures
}

/// Everything of ours that misses a target.
pub(crate) fn missed_targets(measured: &BTreeMap<Server, Figures>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for server in OURS {
        let figure = |server, kind, per| measured.get(&server)?.get(kind, per);
        for (kind, per, most) in SHARES {
            let value = figure(server, kind, per);
            let Some((value, reference)) = value.zip(figure(REFERENCE, kind, per)) else {
                continue;
            };
            if to_two_places(value / reference) > most {
                let why = Why::Share { most, reference };
                failures.push(Failure { server, kind, per, measured: value, why });
            }
        }
        for (kind, per, most) in MOST {
            let Some(value) = figure(server, kind, per) else { continue };
            if to_two_places(value) > most {
                let why = Why::TooMuch { most };
                failures.push(Failure { server, kind, per, measured: value, why });
            }
        }
    }
    failures
}

/// Figures are written with two places: what is lost there is no difference.
const ROUNDING: f64 = 0.005;

/// Targets have two places, and more is not known.
fn to_two_places(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the reference, in all that there are targets for.
    fn figures(change: f64) -> Figures {
        let mut figures = Figures::default();
        for (kind, per, most) in SHARES {
            figures.insert(kind, per, 10_000.0 * most * change);
        }
        figures.insert(Kind::Syscalls, Per::Pipelined, 0.2 * change);
        figures
    }

    fn servers(ours: f64, reference: f64) -> BTreeMap<Server, Figures> {
        let mut by_hand = Figures::default();
        SHARES.iter().for_each(|(kind, per, _)| by_hand.insert(*kind, *per, 10_000.0 * reference));
        let ours = OURS.map(|server| (server, figures(ours)));
        ours.into_iter().chain([(REFERENCE, by_hand)]).collect()
    }

    fn committed() -> Committed {
        let kinds = SHARES.iter().chain(&MOST).map(|(kind, ..)| kind.to_string());
        let tolerance = kinds.map(|kind| (kind, 0.03)).collect();
        Committed { tolerance, servers: servers(1.0, 1.0) }
    }

    #[test]
    fn what_is_as_it_was_passes() {
        assert_eq!(worse_than_committed(&servers(1.0, 1.0), &committed()), []);
        assert_eq!(missed_targets(&servers(1.0, 1.0)), []);
    }

    #[test]
    fn within_the_tolerance_and_better_pass() {
        assert_eq!(worse_than_committed(&servers(1.029, 1.0), &committed()), []);
        assert_eq!(worse_than_committed(&servers(0.5, 1.0), &committed()), []);
    }

    #[test]
    fn one_worse_figure_fails_and_says_everything() {
        let mut measured = servers(1.0, 1.01);
        let gateway = measured.get_mut(&Server::Gateway).unwrap();
        gateway.insert(Kind::Instructions, Per::Ack, 10_301.0);
        let failures = worse_than_committed(&measured, &committed());
        let said: Vec<String> = failures.iter().map(Failure::to_string).collect();
        assert_eq!(
            said,
            ["gateway: instructions per ack: measured 10301.00, committed 10000.00, so at most \
              10300.00 (tolerance 3 %); here by-hand differs by +1.0 % from what it was"]
        );
    }

    #[test]
    fn without_a_tolerance_nothing_is_tolerated() {
        let mut committed = committed();
        committed.tolerance.clear();
        assert!(!worse_than_committed(&servers(1.001, 1.0), &committed).is_empty());
    }

    #[test]
    fn a_figure_that_was_never_committed_fails() {
        let mut committed = committed();
        committed.servers.remove(&Server::GatewaySerial);
        let failures = worse_than_committed(&servers(1.0, 1.0), &committed);
        assert!(failures.iter().all(|failure| failure.server == Server::GatewaySerial));
        assert_eq!(failures.len(), SHARES.len() + 1);
        assert!(failures[0].to_string().ends_with("nothing is committed"));
    }

    #[test]
    fn a_missed_target_fails_whatever_was_committed() {
        let failures = missed_targets(&servers(1.02, 1.0));
        let said: Vec<String> = failures.iter().map(Failure::to_string).collect();
        // Two servers miss every share. Of what has a limit of its own, the calls round to theirs, and
        // the bytes are far below it.
        assert_eq!(said.len(), 2 * SHARES.len(), "{said:#?}");
        assert_eq!(
            said[0],
            "gateway: instructions per ack: measured 10200.00, 1.02x of by-hand's 10000.00; the \
             target is at most 1.00x"
        );
        let syscalls = missed_targets(&servers(1.05, 2.0));
        assert!(syscalls.iter().any(|failure| failure.why == Why::TooMuch { most: 0.2 }));
    }
}
