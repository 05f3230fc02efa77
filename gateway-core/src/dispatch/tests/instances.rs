//! Three processes of one application: whatever is done by one of them is done to the clients of all.

mod asked;
mod told;
mod trouble;
mod users;

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};

use super::{
    echo,
    newest::{ByName, enter},
};
use crate::{
    Server,
    auth::identity::{IdentityCodec, Known},
    cluster::{Adapter, Answers, Cluster, Member, Message, Question, memory::Network},
    dispatch::testing::{Client, Plan, World, eventually},
    options::Options,
    platform::Group,
};

/// How long clients and listeners have to answer in these tests.
const ACK_TIMEOUT: Duration = Duration::from_millis(700);

/// One of the processes, with a client.
struct Process {
    world: World,
    server: Server,
    client: Client,
}

/// The processes, and what lies between them.
struct Instances {
    network: Network,
    all: Vec<Process>,
}

fn plan() -> Plan {
    let mut plan = Plan::default().authenticate(Arc::new(ByName)).handle("echo", echo);
    plan.settings.ack_timeout = ACK_TIMEOUT;
    let codec = IdentityCodec::of::<String>();
    plan.identity = Known { key: codec.identity, codec: Some(codec) };
    plan
}

/// One process more.
async fn process(cluster: Cluster, mut plan: Plan) -> World {
    plan.cluster = Some(cluster);
    World::of(plan).await
}

impl Instances {
    /// Three of them, whose clients are `ann`, `ben` and `cleo`; each is in a room of its name, and in `lobby`.
    async fn three() -> Self {
        Self::of(plan).await
    }

    async fn of(plan: impl Fn() -> Plan) -> Self {
        let network = Network::new();
        let clusters = (0..3).map(|_| network.join()).collect::<Vec<_>>();
        let all = clusters.iter().zip(["ann", "ben", "cleo"]).map(|(cluster, name)| {
            let process = process(cluster.clone(), plan());
            async move {
                let world = process.await;
                let (client, _) = enter(&world, name).await;
                let server = Server::new(Arc::clone(world.gateway.namespace()));
                let rooms = [name, "lobby"];
                server.user(name).local().sockets_join(rooms).await.unwrap();
                Process { world, server, client }
            }
        });
        let all = join_all(all).await;
        for cluster in &clusters {
            cluster.until_it_hears_of(2).await;
        }
        // The first words of them may have been said before the namespaces were opened.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Self { network, all }
    }

    fn server(&self) -> &Server {
        &self.all[0].server
    }

    /// What each client has heard, with the names of events alone, when it hears that this was all.
    async fn heard(&mut self) -> Vec<Vec<String>> {
        self.server().emit("all", ()).await.unwrap();
        join_all(self.all.iter_mut().map(|process| heard(&mut process.client))).await
    }
}

async fn heard(client: &mut Client) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        let packet = client.hear().await.expect("a packet");
        let event = packet.split('"').nth(1).unwrap_or(&packet).to_owned();
        if event == "all" {
            return events;
        }
        events.push(event);
    }
}

/// A process that hears everything and answers nothing.
#[derive(Default)]
struct Silent {
    kept: std::sync::Mutex<Vec<Answers>>,
}

impl Member for Silent {
    fn may_reach(&self, _group: &Group) -> bool {
        true
    }

    fn hear(self: Arc<Self>, _: Message) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn missed(&self) {}

    fn asked(self: Arc<Self>, _: Question, answers: Answers) {
        self.kept.lock().unwrap().push(answers);
    }
}

impl Silent {
    /// Joins the others.
    async fn beside(instances: &Instances) -> (Arc<Self>, Cluster, Adapter) {
        let (silent, cluster) = (Arc::new(Self::default()), instances.network.join());
        let adapter = cluster.adapter("/");
        let member: Arc<dyn Member> = Arc::clone(&silent) as _;
        adapter.attach(Arc::downgrade(&member));
        for process in &instances.all {
            process.world.cluster.as_ref().unwrap().until_it_hears_of(3).await;
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        (silent, cluster, adapter)
    }
}
