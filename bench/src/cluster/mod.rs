//! Many instances: what a broadcast costs each process of an application, beside socket.io with its own adapter
//! for Redis Streams.

mod application;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::machine::{Cores, Machine, raise_open_files};
use crate::servers::{Program, Server};
use crate::stats::{self, Spread};
use application::{Application, Clients};

/// Who is compared. The first is measured against the second.
const SERVERS: [Server; 2] = [Server::Gateway, Server::SocketIo];

/// Broadcasts in a second, to a room with one member, who is connected elsewhere.
const RATES: [u32; 2] = [400, 3_000];

/// Messages in a second to a room of 100, and who is sent so many: at the last rate, the other server would need
/// more than the core.
const ROOM_RATES: [(u32, &[Server]); 3] =
    [(200, &SERVERS), (400, &SERVERS), (1_500, &[Server::Gateway])];

const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(2);

/// The process of who speaks, one with a member, and one without.
const ROLES: [&str; 3] = ["publisher", "receiver with a member", "receiver without"];

/// What a role may cost, against the same with the other server; there is no target for the second.
const SHARES: [Option<f64>; 3] = [Some(0.5), None, Some(0.3)];

/// What a delivery may cost where a room is in two processes, against one.
const TWO_OF_ONE: f64 = 1.15;

/// What a number of broadcasts cost.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Costs {
    broadcasts: u64,
    deliveries: u64,
    /// Time on a core of each process.
    processes_ns: Vec<u64>,
    /// None for a process that is alone.
    redis_ns: Option<u64>,
}

impl Costs {
    /// What a broadcast cost a process, in microseconds.
    fn of_process(&self, at: usize) -> f64 {
        self.processes_ns[at] as f64 / 1e3 / self.broadcasts as f64
    }

    fn of_redis(&self) -> f64 {
        self.redis_ns.unwrap_or(0) as f64 / 1e3 / self.broadcasts as f64
    }

    /// What a delivery cost all processes together, in microseconds.
    fn per_delivery(&self) -> f64 {
        self.processes_ns.iter().sum::<u64>() as f64 / 1e3 / self.deliveries as f64
    }
}

type Rounds = BTreeMap<Server, Vec<Costs>>;

/// What was measured; one entry a round.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ManyInstances {
    machine: Machine,
    /// By broadcasts in a second.
    broadcasts: BTreeMap<u32, Rounds>,
    /// By messages in a second.
    rooms: BTreeMap<u32, Room>,
}

/// A room of 100.
#[derive(Debug, Deserialize, Serialize)]
struct Room {
    /// All of it in one process.
    one: Rounds,
    /// 50 in each of two.
    two: Rounds,
}

/// Runs all of it.
pub(crate) fn measure(profile: &str) -> Result<ManyInstances> {
    let cores = Cores::take()?;
    raise_open_files(1_000)?;
    let programs = SERVERS.map(|server| {
        eprintln!("building {server}");
        Program::build_for_cluster(server, profile)
    });
    let programs = programs.into_iter().collect::<Result<Vec<_>>>()?;
    let machine = Machine::describe(cores)?;
    cores.like_clients()?;

    let nobody = Clients { connected: 0, members: false };
    let speaker = Clients { connected: 1, members: false };
    let members = |connected| Clients { connected, members: true };
    let everyone: Vec<_> = programs.iter().collect();
    let mut broadcasts = BTreeMap::new();
    for rate in RATES {
        eprintln!("{rate} broadcasts per second");
        let [rounds] = in_turns(&everyone, [&[speaker, members(1), nobody]], rate, cores)?;
        broadcasts.insert(rate, rounds);
    }
    let mut rooms = BTreeMap::new();
    for (rate, servers) in ROOM_RATES {
        eprintln!("a room of 100, {rate} messages per second");
        let asked = programs.iter().filter(|program| servers.contains(&program.server));
        let asked: Vec<_> = asked.collect();
        let shapes: [&[Clients]; 2] = [&[members(100)], &[members(50), members(50)]];
        let [one, two] = in_turns(&asked, shapes, rate, cores)?;
        rooms.insert(rate, Room { one, two });
    }
    Ok(ManyInstances { machine, broadcasts, rooms })
}

/// All servers in all shapes at the same rate, A B A B: what is compared is measured at the same time. A shape is the
/// clients of each process of an application.
fn in_turns<const N: usize>(
    programs: &[&Program],
    shapes: [&[Clients]; N],
    rate: u32,
    cores: Cores,
) -> Result<[Rounds; N]> {
    let mut applications = Vec::new();
    for program in programs {
        for (shape, groups) in shapes.iter().enumerate() {
            let application = Application::start(program, groups, cores)
                .with_context(|| format!("{} with {} processes", program.server, groups.len()))?;
            applications.push((program.server, shape, application));
        }
    }
    let mut rounds = [const { Rounds::new() }; N];
    for round in 0..=ROUNDS {
        for at in 0..applications.len() {
            applications.iter_mut().try_for_each(|(_, _, application)| application.tend())?;
            let (server, shape, application) = &mut applications[at];
            let length = if round == 0 { WARM_UP } else { WINDOW };
            let costs =
                application.speak(f64::from(rate), length).with_context(|| server.name())?;
            if round > 0 {
                rounds[*shape].entry(*server).or_default().push(costs);
            }
        }
    }
    Ok(rounds)
}

/// One value of each round.
fn values(rounds: &Rounds, server: Server, value: impl Fn(&Costs) -> f64) -> Vec<f64> {
    rounds.get(&server).into_iter().flatten().map(value).collect()
}

fn verdict(ratio: Option<Spread>, most: Option<f64>) -> String {
    let Some(ratio) = ratio else { return "–".to_owned() };
    match most {
        None => ratio.to_string(),
        Some(most) if ratio.median <= most => format!("{ratio}, ≤ {most:.2}x: met"),
        Some(most) => format!("{ratio}, ≤ {most:.2}x: **missed**"),
    }
}

impl fmt::Display for ManyInstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ours, theirs] = SERVERS;
        writeln!(
            f,
            "By `cargo run --release -p bench -- --cluster`; {}. Each application has a Redis of its own, and \
             processes, Redis included, share a core. Node has `@socket.io/redis-streams-adapter`. Times are \
             those on a core, in µs, medians of {ROUNDS} rounds of {WINDOW:?}.\n",
            self.machine
        )?;
        writeln!(
            f,
            "A broadcast of one client to a room whose only member is connected to another process:\n\n\
             | per second | process | {ours} | {theirs} | ratio |\n|---|---|---|---|---|"
        )?;
        for (rate, rounds) in &self.broadcasts {
            let mut row = |role: &str, value: &dyn Fn(&Costs) -> f64, most| {
                let [our, their] = SERVERS.map(|server| values(rounds, server, value));
                let ratio = verdict(stats::ratio(&our, &their), most);
                let (our, their) = (stats::median(&our), stats::median(&their));
                writeln!(f, "| {rate} | {role} | {our:.1} | {their:.1} | {ratio} |")
            };
            for (at, role) in ROLES.iter().enumerate() {
                row(role, &|costs| costs.of_process(at), SHARES[at])?;
            }
            row("Redis", &Costs::of_redis, None)?;
        }
        writeln!(
            f,
            "\nA delivery in a room of 100, all processes together:\n\n\
             | messages per second | server | 100 in one process | 50 and 50 in two | ratio |\n\
             |---|---|---|---|---|"
        )?;
        for (rate, Room { one, two }) in &self.rooms {
            for server in SERVERS.into_iter().filter(|server| one.contains_key(server)) {
                let [one, two] =
                    [one, two].map(|rounds| values(rounds, server, Costs::per_delivery));
                let most = (server == ours).then_some(TWO_OF_ONE);
                let ratio = verdict(stats::ratio(&two, &one), most);
                let (one, two) = (stats::median(&one), stats::median(&two));
                writeln!(f, "| {rate} | {server} | {one:.1} | {two:.1} | {ratio} |")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_shared_out() {
        let costs = Costs {
            broadcasts: 100,
            deliveries: 1_000,
            processes_ns: vec![1_000_000, 2_000_000, 0],
            redis_ns: Some(500_000),
        };
        assert_eq!([0, 1, 2].map(|at| costs.of_process(at)), [10.0, 20.0, 0.0]);
        assert_eq!((costs.of_redis(), costs.per_delivery()), (5.0, 3.0));
    }

    #[test]
    fn a_ratio_is_held_against_its_target() {
        let ratio = Spread::of(&[0.4, 0.5, 0.6]);
        assert!(verdict(ratio, Some(0.5)).ends_with(": met"));
        assert!(verdict(ratio, Some(0.3)).ends_with(": **missed**"));
        assert_eq!(verdict(ratio, None), "0.50x (0.40–0.60)");
    }
}
