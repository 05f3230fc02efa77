//! One socket's way out, on a real connection that is read or not.

use std::net::Ipv4Addr;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    auth::handshake::Handshake,
    auth::identity::Known,
    options::Options,
    platform::{Admission, DisconnectReason, Link, Occupant, Packet, SocketId, mount, serve},
    socket::{event::ListedEvents, namespace::Namespace, settings::Settings},
};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

/// Lets everybody in, and hears nothing.
struct Host(Arc<Namespace>);

impl Occupant for Host {
    type Client = Connection;

    async fn admit(self: Arc<Self>, admission: Admission) -> Result<Arc<Connection>, String> {
        let handshake =
            Handshake::new(admission.auth, admission.head, std::time::SystemTime::UNIX_EPOCH);
        let namespace = Arc::clone(&self.0);
        let connection = Arc::new(Connection::new(namespace, admission.link, handshake, None));
        self.0.enter(&connection);
        Ok(connection)
    }

    fn client(&self, id: SocketId) -> Option<Arc<Connection>> {
        self.0.client(id)
    }

    fn link(client: &Connection) -> &Link {
        &client.link
    }

    fn connected(&self, client: &Arc<Connection>) {
        client.open_outbox();
    }

    fn received(&self, _: &Arc<Connection>, _: Packet, _: Option<i64>) {}

    fn disconnected(&self, client: &Arc<Connection>, _: DisconnectReason) {
        client.close();
    }
}

/// A namespace without a gateway, and one client that has come in.
struct World {
    client: WebSocketStream<TcpStream>,
    connection: Arc<Connection>,
    _serving: AbortOnDropHandle<()>,
}

impl World {
    async fn with(outbox_packets: usize, outbox_bytes: usize) -> Self {
        let (mounted, namespaces) =
            serve::open(&Default::default(), &Default::default(), Default::default(), |_| {});
        let (hub, vacancy) = mount(&mounted, "/");
        let options = Options { outbox_packets, outbox_bytes, ..Options::default() };
        let identity = Known::nobody();
        let namespace = Arc::new(Namespace::new(
            hub,
            identity,
            ListedEvents::default(),
            options,
            Settings::default(),
            None,
        ));
        vacancy.fill(Arc::new(Host(Arc::clone(&namespace))));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let _mounted = mounted;
            axum::serve(listener, Router::new().fallback_service(namespaces)).await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = client_async(url, stream).await.unwrap().0;
        client.send(Message::text("40")).await.unwrap();
        while !next(&mut client).await.starts_with("40") {}
        let connection = loop {
            match namespace.everyone().pop() {
                Some(connection) if connection.link.is_open() => break connection,
                _ => tokio::task::yield_now().await,
            }
        };
        Self { client, connection, _serving: AbortOnDropHandle::new(serving) }
    }

    fn frame(&self, number: usize, bytes: usize) -> Frame {
        let hub = self.connection.namespace().hub();
        hub.encode_event("e", &json!([number, "x".repeat(bytes)])).unwrap()
    }

    /// What the client is sent next.
    async fn hears(&mut self, number: usize) {
        let text = next(&mut self.client).await;
        assert!(text.contains(&format!(r#"["e",[{number},"#)), "{:.40}", text);
    }
}

async fn next(client: &mut WebSocketStream<TcpStream>) -> String {
    loop {
        let message = timeout(LONG, client.next()).await.expect("a message").unwrap().unwrap();
        match message.into_text().unwrap().as_str() {
            "2" => {}
            text => return text.to_owned(),
        }
    }
}

#[tokio::test]
async fn one_bound_counts_what_waits_and_what_is_on_its_way() {
    let mut world = World::with(8_192, 1 << 20).await;
    let connection = Arc::clone(&world.connection);
    // Larger than the bound, and nothing else waits: taken, with more than the kernel takes.
    assert_eq!(connection.send(world.frame(0, 12_000_000)), Ok(()));
    sleep(SHORT).await;
    assert!(connection.link.in_flight().bytes > 12_000_000);
    assert!(!connection.outbox.is_overflowing());
    assert_eq!(connection.send(world.frame(1, 10)), Err(Refused::Full));

    // Who waits for room is seen to, and gets it in the end.
    let frame = world.frame(1, 10);
    let waiting = tokio::spawn({
        let connection = Arc::clone(&connection);
        async move { connection.send_waiting(frame, LONG).await }
    });
    sleep(SHORT).await;
    assert!(connection.outbox.is_congested() && !waiting.is_finished());
    world.hears(0).await;
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert!(!connection.outbox.is_congested());
    world.hears(1).await;
    assert!(connection.link.in_flight().is_nothing());
}

#[tokio::test]
async fn what_waits_leaves_in_order_and_requests_with_it() {
    let mut world = World::with(8_192, 1 << 22).await;
    let connection = Arc::clone(&world.connection);
    connection.send(world.frame(0, 4_000_000)).unwrap();
    connection.send(world.frame(1, 300_000)).expect_err("more than the bound");
    connection.send(world.frame(1, 100_000)).unwrap();
    assert!(connection.outbox.is_overflowing() && connection.link.is_apart());
    // A request waits in the queue, and one that is given up there is never sent.
    let asked = |number| {
        let (connection, frame) = (Arc::clone(&connection), world.frame(number, 10));
        let patience = if number == 2 { SHORT } else { LONG };
        tokio::spawn(async move { connection.send_with_ack(frame, patience).await.map(|_| ()) })
    };
    let (given_up, kept) = (asked(2), asked(3));
    assert_eq!(given_up.await.unwrap(), Err(Refused::Full));
    connection.send(world.frame(4, 10)).unwrap();
    for number in [0, 1, 3, 4] {
        world.hears(number).await;
    }
    assert_eq!(kept.await.unwrap(), Ok(()));
    assert!(!connection.outbox.is_overflowing() && !connection.link.is_apart());
}

#[tokio::test]
async fn the_bound_is_of_packets_too() {
    let world = World::with(200, 1 << 24).await;
    // The kernel and the line are full.
    world.connection.send(world.frame(0, 10_000_000)).unwrap();
    sleep(SHORT).await;
    let taken =
        (1..1_000).take_while(|number| world.connection.send(world.frame(*number, 1)).is_ok());
    assert_eq!(taken.count(), 199);
}

#[tokio::test]
async fn nothing_follows_the_end() {
    let mut world = World::with(8_192, 1 << 22).await;
    let connection = Arc::clone(&world.connection);
    connection.send(world.frame(0, 10)).unwrap();
    connection.disconnect();
    assert_eq!(connection.send(world.frame(1, 10)), Err(Refused::Gone));
    // Behind the good-bye it stays apart, whatever is tried.
    world.hears(0).await;
    assert_eq!(next(&mut world.client).await, "41");

    let world = World::with(8_192, 1 << 22).await;
    let connection = Arc::clone(&world.connection);
    connection.send(world.frame(0, 4_000_000)).unwrap();
    connection.send(world.frame(1, 100_000)).unwrap();
    let (asking, frame) = (Arc::clone(&connection), world.frame(2, 10));
    let asked = tokio::spawn(async move { asking.send_with_ack(frame, LONG).await.map(|_| ()) });
    sleep(SHORT).await;
    connection.give_up();
    assert!(connection.is_ending() && connection.link.is_apart());
    // The line is cut, so whoever waits hears of it at once.
    assert_eq!(timeout(LONG, asked).await.unwrap().unwrap(), Err(Refused::Gone));
    timeout(LONG, connection.gone()).await.unwrap();
    assert!(!connection.outbox.is_overflowing());
}

#[tokio::test]
async fn what_is_volatile_is_sent_where_it_need_not_wait_or_never() {
    let mut world = World::with(8_192, 1 << 24).await;
    let connection = Arc::clone(&world.connection);
    assert_eq!(connection.send_if_free(world.frame(0, 10)), Ok(true));
    world.hears(0).await;

    // More than the kernel takes is on its way, and something waits behind it.
    connection.send(world.frame(1, 12_000_000)).unwrap();
    sleep(SHORT).await;
    assert_eq!(connection.send_if_free(world.frame(2, 10)), Ok(false));
    connection.send(world.frame(3, 10)).unwrap();
    assert_eq!(connection.send_if_free(world.frame(4, 10)), Ok(false));
    for number in [1, 3] {
        world.hears(number).await;
    }
    assert_eq!(connection.send_if_free(world.frame(5, 10)), Ok(true));
    world.hears(5).await;

    connection.disconnect();
    assert_eq!(connection.send_if_free(world.frame(6, 10)), Err(Refused::Gone));
    assert_eq!(next(&mut world.client).await, "41");
}
