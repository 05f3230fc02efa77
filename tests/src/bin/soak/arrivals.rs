//! Users who come while many clients listen: what telling them costs, by the way in which a gateway
//! tells.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway_core::prelude::*;
use tests::raw::{Client, Server};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Outcome, open};

/// Longer than anything here, so that nobody who leaves is announced.
const GRACE: Duration = Duration::from_secs(3600);

/// After which nothing more is on its way to a client.
const QUIET: Duration = Duration::from_secs(2);

/// Everybody is a user of its own.
#[injectable]
struct Numbered {
    #[init]
    next: AtomicU64,
}

impl Authenticator for Numbered {
    type Identity = u64;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<u64>, WsException> {
        // Orders nothing: each number is given once.
        let user = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(Authenticated::new(user).user(user))
    }
}

/// Tells nobody.
#[web_socket_gateway(namespace = "/untold", authenticate = Numbered, presence(grace = GRACE))]
struct Untold;

impl OnPresence for Untold {
    type User = u64;
}

/// Tells everyone of each user.
#[web_socket_gateway(namespace = "/each", authenticate = Numbered, presence(grace = GRACE))]
struct Each;

impl OnPresence for Each {
    type User = u64;

    async fn user_online(&self, user: u64, everyone: Broadcast) -> Result<(), WsException> {
        Ok(everyone.emit("user-online", user).await?)
    }
}

/// Tells everyone of many users at once.
#[web_socket_gateway(namespace = "/together", authenticate = Numbered, presence(grace = GRACE))]
struct Together;

impl OnPresence for Together {
    type User = u64;

    async fn users_changed(
        &self,
        changes: PresenceChanges<u64>,
        everyone: Broadcast,
    ) -> Result<(), WsException> {
        Ok(everyone.emit("users-online", changes.online()).await?)
    }
}

/// The same clients come and listen, and then the same users come, at each of the gateways.
pub(crate) async fn arrivals(server: &Server, clients: usize, users: u64) -> Outcome<bool> {
    let mut all_were_told = true;
    let mut untold = Duration::ZERO;
    for namespace in ["/untold", "/each", "/together"] {
        let before = server.cpu()?;
        let mut hearing = JoinSet::new();
        for client in open(server.address(), namespace, clients).await? {
            hearing.spawn(hear(client));
        }
        let begun = Instant::now();
        for _ in 0..users {
            drop(Client::open(server.address(), namespace).await?);
        }
        let took = begun.elapsed();
        let heard = hearing.join_all().await;
        let spent = server.cpu()? - before;
        if namespace == "/untold" {
            untold = spent;
        }
        let packets: u64 = heard.iter().map(|heard| heard.packets).sum();
        all_were_told &= namespace == "/untold" || heard.iter().all(|heard| heard.users >= users);
        println!(
            "{namespace}: {users} users in {took:.1?}, {packets} packets; {:.2?} of processor time \
             more than where nobody is told",
            spent.saturating_sub(untold),
        );
    }
    Ok(all_were_told)
}

#[derive(Debug, Default)]
struct Heard {
    packets: u64,
    users: u64,
}

/// All that a client hears until it has become quiet.
async fn hear(mut client: Client) -> Heard {
    let mut heard = Heard::default();
    let patience = |heard: &Heard| if heard.packets == 0 { 15 * QUIET } else { QUIET };
    while let Ok(Ok(packet)) = timeout(patience(&heard), client.packet()).await {
        heard.packets += 1;
        heard.users += packet.list().get(1).map_or(0, |users| match users {
            serde_json::Value::Array(users) => users.len() as u64,
            _ => 1,
        });
    }
    heard
}
