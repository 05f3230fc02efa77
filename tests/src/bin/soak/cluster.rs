//! An application of three processes: users whose devices are connected to different ones talk in
//! rooms, and then all clients come back at once.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_core::prelude::*;
use serde::Deserialize;
use tests::raw::{Client, Server, allow_open_files, in_mib};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::{Outcome, PATIENCE};

const NAMESPACE: &str = "/crowd";

const PROCESSES: usize = 3;

/// Of each user, all connected to different processes.
const DEVICES: usize = 2;

/// Users of a room.
const TOGETHER: u64 = 5;

/// Messages in a second, of all users.
const RATE: u32 = 2_000;

/// Clients that come back at once.
const CROWD: usize = 5_000;

/// After which nothing more is on its way to a client.
const QUIET: Duration = Duration::from_secs(3);

/// Users are who they say they are.
#[injectable]
struct ByName;

#[derive(Deserialize)]
struct Claimed {
    user: u64,
}

impl Authenticator for ByName {
    type Identity = u64;

    async fn authenticate(&self, handshake: &Handshake) -> Result<Authenticated<u64>, WsException> {
        let Claimed { user } = handshake.auth_as()?;
        Ok(Authenticated::new(user).user(user))
    }
}

#[web_socket_gateway(namespace = "/crowd", authenticate = ByName, presence)]
struct CrowdGateway {
    server: gateway_core::Server,
}

impl OnPresence for CrowdGateway {
    type User = u64;

    async fn users_changed(
        &self,
        changes: PresenceChanges<u64>,
        everyone: Broadcast,
    ) -> Result<(), WsException> {
        let changes = (changes.online(), changes.offline());
        Ok(everyone.emit("users-changed", changes).await?)
    }
}

#[web_socket_gateway]
impl CrowdGateway {
    #[on_connection]
    async fn join(&self, socket: Socket, Identity(user): Identity<u64>) -> Result<(), WsException> {
        Ok(socket.join(room(user)).await?)
    }

    /// A user's messages are numbered.
    #[subscribe_message("say")]
    async fn say(
        &self,
        Identity(user): Identity<u64>,
        MessageBody(number): MessageBody<u64>,
    ) -> Result<(), WsException> {
        Ok(self.server.to(room(user)).emit("said", Args((user, number))).await?)
    }
}

fn room(user: u64) -> String {
    format!("room:{}", user / TOGETHER)
}

/// Three servers on a Redis of their own.
struct Cluster {
    servers: Vec<Server>,
    redis: Child,
}

impl Cluster {
    async fn start() -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let redis = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        let mut cluster = Self { servers: Vec::new(), redis };
        while TcpStream::connect(address).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..PROCESSES {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("serve").env("REDIS_URL", format!("redis://{address}"));
            cluster.servers.push(Server::start(&mut command)?);
        }
        // They know of each other.
        sleep(Duration::from_secs(2)).await;
        Ok(cluster)
    }

    fn address(&self, at: usize) -> SocketAddr {
        self.servers[at % PROCESSES].address()
    }

    fn memory(&self) -> String {
        let of = |server: &Server| server.memory("VmRSS").map_or_else(|_| "?".into(), in_mib);
        self.servers.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.redis.kill().ok();
        self.redis.wait().ok();
    }
}

pub(crate) async fn cluster(users: u64, seconds: u64) -> Outcome<bool> {
    allow_open_files(users * DEVICES as u64 + CROWD as u64 + 500);
    let cluster = Cluster::start().await?;
    let talked = talk(&cluster, users, seconds).await?;
    let came_back = come_back(&cluster).await?;
    Ok(talked && came_back)
}

/// Everybody talks, and each device hears all that is said in its room, once and in order.
async fn talk(cluster: &Cluster, users: u64, seconds: u64) -> Outcome<bool> {
    let begun = Instant::now();
    let mut speakers = Vec::new();
    let mut hearing = JoinSet::new();
    for user in 0..users {
        for device in 0..DEVICES {
            let client = connect(cluster.address(user as usize + device), user).await?;
            let (say, says) = mpsc::unbounded_channel();
            if device == 0 {
                speakers.push(say);
            }
            hearing.spawn(hear(client, user, says));
        }
    }
    let devices = hearing.len();
    println!("{users} users with {devices} devices in {:.1?}", begun.elapsed());
    println!("memory before: {}", cluster.memory());

    let mut said = vec![0_u64; users as usize];
    let mut pace = interval(Duration::from_secs(1) / RATE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    let mut minute = begun;
    for turn in 0.. {
        pace.tick().await;
        if begun.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
        let speaker = turn % speakers.len();
        if speakers[speaker].send(said[speaker]).is_err() {
            return Err(format!("user {speaker} has lost its connection").into());
        }
        said[speaker] += 1;
        if minute.elapsed() >= Duration::from_secs(60) {
            minute = Instant::now();
            println!("after {:.0?}: {}", begun.elapsed(), cluster.memory());
        }
    }
    let took = begun.elapsed();
    drop(speakers);

    let heard = hearing.join_all().await;
    let mut sum = Heard::default();
    let mut lost = 0;
    for device in &heard {
        let neighbours = (0..users).filter(|user| user / TOGETHER == device.user / TOGETHER);
        let meant: u64 = neighbours.map(|user| said[user as usize]).sum();
        lost += meant.saturating_sub(device.messages);
        sum.messages += device.messages;
        sum.doubled += device.doubled;
        sum.overtook += device.overtook;
    }
    println!(
        "{} messages in {took:.1?}, {} deliveries: {lost} lost, {} doubled, {} out of order",
        said.iter().sum::<u64>(),
        sum.messages,
        sum.doubled,
        sum.overtook,
    );
    println!("memory after: {}", cluster.memory());
    Ok(lost == 0 && sum.doubled == 0 && sum.overtook == 0)
}

#[derive(Debug, Default)]
struct Heard {
    user: u64,
    messages: u64,
    doubled: u64,
    overtook: u64,
}

/// Says what it is told to, and hears until it has been told everything and it has become quiet.
async fn hear(mut client: Client, user: u64, mut says: mpsc::UnboundedReceiver<u64>) -> Heard {
    let mut heard = Heard { user, ..Heard::default() };
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut speaks = true;
    loop {
        let packet = tokio::select! {
            number = says.recv(), if speaks => {
                match number {
                    Some(number) => client.send(&format!("42{NAMESPACE},[\"say\",{number}]")),
                    None => speaks = false,
                }
                if client.flush().await.is_err() {
                    return heard;
                }
                continue;
            }
            packet = timeout(QUIET, client.packet()) => packet,
        };
        match packet {
            Ok(Ok(packet)) if packet.is_event("said") => {
                let list = packet.list();
                let number = |at: usize| list.get(at).and_then(serde_json::Value::as_u64);
                let (Some(speaker), Some(number)) = (number(1), number(2)) else { continue };
                let next = next.entry(speaker).or_default();
                match number.cmp(next) {
                    std::cmp::Ordering::Equal => heard.messages += 1,
                    std::cmp::Ordering::Less => heard.doubled += 1,
                    std::cmp::Ordering::Greater => heard.overtook += 1,
                }
                *next = number + 1;
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return heard,
            // Whoever only hears has no speaker from the beginning.
            Err(_) if !speaks && !next.is_empty() => return heard,
            Err(_) => {}
        }
    }
}

/// All clients come back at once, to whatever process, and are served.
async fn come_back(cluster: &Cluster) -> Outcome<bool> {
    let begun = Instant::now();
    let mut coming = JoinSet::new();
    for at in 0..CROWD {
        let address = cluster.address(at);
        coming.spawn(async move {
            let served = async {
                let mut client = connect(address, at as u64).await.ok()?;
                client.send(&format!("42{NAMESPACE},1[\"say\",0]"));
                client.answer_to(1).await.ok()?;
                Some((client, begun.elapsed()))
            };
            timeout(PATIENCE, served).await.ok()?
        });
    }
    let (clients, mut took): (Vec<_>, Vec<_>) =
        coming.join_all().await.into_iter().flatten().unzip();
    took.sort_unstable();
    println!(
        "{CROWD} clients at once: half are served in {:.1?}, the last in {:.1?}; {} not served",
        took.get(took.len() / 2).copied().unwrap_or_default(),
        took.last().copied().unwrap_or_default(),
        CROWD - clients.len(),
    );
    Ok(clients.len() == CROWD && took.last().is_some_and(|last| *last <= Duration::from_secs(10)))
}

async fn connect(server: SocketAddr, user: u64) -> std::io::Result<Client> {
    let mut client = Client::open_silent(server, "").await?;
    client.send(&format!("40{NAMESPACE},{{\"user\":{user}}}"));
    client.flush().await?;
    client.packet().await?;
    Ok(client)
}
