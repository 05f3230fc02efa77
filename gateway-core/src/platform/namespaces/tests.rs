//! Real connections against the platform alone, served by us and by somebody else.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Mutex, OnceLock},
    time::Duration,
};

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use smallvec::smallvec;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    limits::Limits,
    platform::{
        Admission, DisconnectReason, Frame, Group, Hub, Link, Occupant, Packet, SocketId, mount,
        places::Places,
        serve::{self, ServerOptions},
        server::{Ended, Server as HttpServer, Times, listener::Listener},
    },
    wire::Args,
};

const LONG: Duration = Duration::from_secs(20);

/// A gateway that keeps no queue: what it sends waits for room.
#[derive(Default)]
struct House {
    hub: OnceLock<Arc<Hub>>,
    guests: Mutex<HashMap<SocketId, Arc<Guest>>>,
    told: OnceLock<mpsc::UnboundedSender<Told>>,
}

struct Guest {
    link: Arc<Link>,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Here(SocketId),
    Said(SocketId, String),
    Gone(SocketId, DisconnectReason),
}

impl House {
    fn hub(&self) -> &Arc<Hub> {
        self.hub.get().expect("mounted")
    }

    fn tell(&self, told: Told) {
        self.told.get().expect("opened").send(told).ok();
    }

    async fn send(&self, guest: &Guest, frame: Frame) {
        loop {
            let room = guest.link.room();
            if guest.link.claim(frame.size()) {
                if self.hub().send(guest.link.id(), frame.clone()).is_err() {
                    guest.link.unclaim(frame.size());
                }
                return;
            }
            room.await;
        }
    }
}

impl Occupant for House {
    type Client = Guest;

    async fn admit(self: Arc<Self>, admission: Admission) -> Result<Arc<Guest>, String> {
        let guest = Arc::new(Guest { link: admission.link });
        self.hub().enter(&guest.link);
        self.guests.lock().unwrap().insert(guest.link.id(), Arc::clone(&guest));
        Ok(guest)
    }

    fn client(&self, id: SocketId) -> Option<Arc<Guest>> {
        self.guests.lock().unwrap().get(&id).cloned()
    }

    fn link(client: &Guest) -> &Link {
        &client.link
    }

    fn connected(&self, client: &Arc<Guest>) {
        self.tell(Told::Here(client.link.id()));
    }

    fn received(&self, client: &Arc<Guest>, packet: Packet, _: Option<i64>) {
        self.tell(Told::Said(client.link.id(), packet.text().to_owned()));
    }

    fn disconnected(&self, client: &Arc<Guest>, reason: DisconnectReason) {
        self.hub().forget(&client.link);
        self.guests.lock().unwrap().remove(&client.link.id());
        self.tell(Told::Gone(client.link.id(), reason));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    ByUs,
    ByOthers,
}

struct Server {
    house: Arc<House>,
    told: mpsc::UnboundedReceiver<Told>,
    namespaces: Namespaces,
    reception: Arc<Reception>,
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Server {
    async fn open(served: Served) -> Self {
        Self::open_with(served, ServerOptions::default()).await
    }

    async fn open_with(served: Served, options: ServerOptions) -> Self {
        Self::open_to(served, options, Arc::default()).await
    }

    async fn open_to(served: Served, options: ServerOptions, reception: Arc<Reception>) -> Self {
        let (mounted, namespaces) =
            serve::open(&options, &Limits::default(), Arc::clone(&reception), |_| {});
        let house = Arc::<House>::default();
        let (sender, told) = mpsc::unbounded_channel();
        house.told.set(sender).unwrap();
        let (hub, vacancy) = mount(&mounted, "/");
        house.hub.set(hub).ok();
        vacancy.fill(Arc::clone(&house));
        let router = Router::new().fallback_service(namespaces.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let _mounted = mounted;
            match served {
                Served::ByUs => {
                    let forever = std::future::pending();
                    let times = Times::of(&Limits::default());
                    let streams = options.streams(&Limits::default());
                    let places = Places::new(10_000, 10_000, Default::default());
                    let server = HttpServer {
                        router,
                        streams,
                        times,
                        places,
                        #[cfg(feature = "tls")]
                        encryption: None,
                    };
                    server
                        .serve(Listener::Tcp(listener), forever, LONG, |_| ready(Ended::ByItself))
                        .await;
                }
                Served::ByOthers => axum::serve(listener, router).await.unwrap(),
            }
        });
        let _serving = AbortOnDropHandle::new(serving);
        Self { house, told, namespaces, reception, address, _serving }
    }

    async fn told(&mut self) -> Told {
        timeout(LONG, self.told.recv()).await.expect("told").expect("open")
    }

    /// Who comes in next.
    async fn guest(&mut self) -> Arc<Guest> {
        let Told::Here(id) = self.told().await else { panic!("somebody comes in") };
        self.house.client(id).expect("here")
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn websocket(&self, query: &str) -> WebSocketStream<TcpStream> {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket{query}", self.address);
        client_async(url, self.connect().await).await.expect("accepted").0
    }

    /// A client that has come in.
    async fn on_websocket(&mut self) -> (WebSocketStream<TcpStream>, Arc<Guest>) {
        let mut client = self.websocket("").await;
        client.send(Message::text("40")).await.unwrap();
        for packet in ["0{", "40{"] {
            loop {
                let text = next(&mut client).await;
                if text.starts_with(packet) {
                    break;
                }
                assert_eq!(text, "2");
            }
        }
        (client, self.guest().await)
    }

    async fn on_polling(&mut self) -> (Polling, Arc<Guest>) {
        let mut http = self.connect().await;
        let (status, opened) = ask(&mut http, "GET", "", "").await;
        assert_eq!(status, 200);
        let open: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        let mut polling = Polling { http, sid };
        assert_eq!(polling.post("40").await.0, 200);
        let guest = self.guest().await;
        // With the ping that each session begins with, so that the next poll waits.
        let (mut is_let_in, mut is_pinged) = (false, false);
        while !(is_let_in && is_pinged) {
            let (_, packets) = polling.poll().await;
            for packet in packets.split('\x1e') {
                is_let_in |= packet.starts_with("40{");
                is_pinged |= packet == "2";
            }
        }
        (polling, guest)
    }

    fn event(&self, data: &Value) -> Frame {
        self.house.hub().encode_event("event", data).unwrap()
    }

    fn binary(&self, number: usize, bytes: usize) -> Frame {
        let attachment = bytes::Bytes::from(vec![7; bytes]);
        self.house.hub().encode_event("event", &Args((number, attachment))).unwrap()
    }
}

struct Polling {
    http: TcpStream,
    sid: String,
}

impl Polling {
    async fn poll(&mut self) -> (u16, String) {
        ask(&mut self.http, "GET", &format!("&sid={}", self.sid), "").await
    }

    async fn post(&mut self, packets: &str) -> (u16, String) {
        ask(&mut self.http, "POST", &format!("&sid={}", self.sid), packets).await
    }
}

async fn ask(http: &mut TcpStream, method: &str, query: &str, body: &str) -> (u16, String) {
    let size = body.len();
    let head = format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nhost: here\r\n\
         content-type: text/plain\r\ncontent-length: {size}\r\n\r\n{body}"
    );
    http.write_all(head.as_bytes()).await.unwrap();
    timeout(LONG, response(http)).await.expect("an answer")
}

async fn response(http: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(http.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let status = head[9..12].parse().unwrap();
    let size =
        head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
    let mut body = vec![0; size.parse().unwrap()];
    http.read_exact(&mut body).await.unwrap();
    (status, String::from_utf8(body).unwrap())
}

async fn next(client: &mut WebSocketStream<TcpStream>) -> String {
    let message = timeout(LONG, client.next()).await.expect("a message").expect("open").unwrap();
    message.into_text().unwrap().to_string()
}

/// Waits until nothing is in flight, and not less.
async fn settled(guest: &Guest) {
    let nothing = async {
        while !guest.link.in_flight().is_nothing() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, nothing).await.unwrap_or_else(|_| panic!("{:?}", guest.link.in_flight()));
    assert_eq!(guest.link.in_flight(), crate::platform::InFlight::default());
}

#[tokio::test]
async fn who_does_not_read_has_a_window_of_packets_in_flight_and_loses_none() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut client, guest) = server.on_websocket().await;
        let text = "x".repeat(100_000);
        let house = Arc::clone(&server.house);
        let frames: Vec<Frame> =
            (0..200).map(|number| server.event(&json!([number, text]))).collect();
        let to = Arc::clone(&guest);
        let sending = tokio::spawn(async move {
            for frame in frames {
                house.send(&to, frame).await;
                assert!(to.link.in_flight().bytes <= WINDOW_BYTES);
            }
        });
        sleep(Duration::from_millis(300)).await;
        assert!(!sending.is_finished() && guest.link.in_flight().packets > 0);
        for number in 0..200 {
            loop {
                let text = next(&mut client).await;
                if text == "2" {
                    continue;
                }
                assert!(text.starts_with(&format!(r#"42["event",[{number},"#)), "{:.30}", text);
                break;
            }
        }
        sending.await.unwrap();
        settled(&guest).await;
    }
}

#[tokio::test]
async fn a_line_is_cut_on_both_transports_whoever_serves() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut client, guest) = server.on_websocket().await;
        guest.link.cut();
        while let Some(Ok(_)) = client.next().await {}
        assert!(matches!(server.told().await, Told::Gone(id, _) if id == guest.link.id()));

        let (mut client, guest) = server.on_polling().await;
        assert_eq!(server.namespaces.sessions().len(), 1);
        guest.link.cut();
        assert!(matches!(server.told().await, Told::Gone(id, _) if id == guest.link.id()));
        drop(guest);
        assert_eq!(client.poll().await.0, 400);
    }
}

#[tokio::test]
async fn nobody_is_remembered_for_the_id_of_a_session_that_is_none() {
    for served in [Served::ByUs, Served::ByOthers] {
        let server = Server::open(served).await;
        let unknown = "&sid=AAAAAAAAAAAAAAAA";
        let mut http = server.connect().await;
        assert_eq!(ask(&mut http, "GET", unknown, "").await.0, 400);
        assert_eq!(ask(&mut http, "POST", unknown, "3").await.0, 400);
        for query in [unknown, "&sid=no"] {
            let url =
                format!("ws://{}/socket.io/?EIO=4&transport=websocket{query}", server.address);
            assert!(client_async(url, server.connect().await).await.is_err());
        }
        assert_eq!(server.namespaces.sessions().len(), 0);
    }
}

#[tokio::test]
async fn reading_pauses_on_both_transports() {
    let mut server = Server::open(Served::ByUs).await;
    let (mut client, guest) = server.on_websocket().await;
    guest.link.pause_reading();
    client.send(Message::text(r#"42["a"]"#)).await.unwrap();
    assert!(timeout(Duration::from_millis(100), server.told.recv()).await.is_err());
    guest.link.resume_reading();
    assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["a"]"#.to_owned()));

    let (mut client, guest) = server.on_polling().await;
    guest.link.pause_reading();
    let posting = tokio::spawn(async move { client.post(r#"42["b"]"#).await.0 });
    assert!(timeout(Duration::from_millis(100), server.told.recv()).await.is_err());
    guest.link.resume_reading();
    assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["b"]"#.to_owned()));
    assert_eq!(posting.await.unwrap(), 200);
}

#[tokio::test]
async fn after_any_traffic_nothing_is_in_flight() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut websocket, first) = server.on_websocket().await;
        let (mut polling, second) = server.on_polling().await;
        let reading = tokio::spawn(async move {
            while !next(&mut websocket).await.contains("the end") {}
            websocket
        });
        let polled = tokio::spawn(async move {
            loop {
                let packets = polling.poll().await.1;
                if packets.contains("the end") {
                    return polling;
                }
                if packets.split('\x1e').any(|packet| packet == "2") {
                    polling.post("3").await;
                }
            }
        });
        let mut seed = 7_usize;
        for number in 0..600 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let size = (seed >> 33) % if number % 50 == 0 { 400_000 } else { 3_000 };
            let frame = match (seed >> 20) % 4 {
                0 => server.binary(number, size),
                1 => {
                    server.house.hub().encode_ack(number as i64, &json!("é".repeat(size))).unwrap()
                }
                _ => server.event(&json!([number, "x".repeat(size)])),
            };
            for guest in [&first, &second] {
                timeout(LONG, server.house.send(guest, frame.clone())).await.expect("room");
            }
        }
        for guest in [&first, &second] {
            server.house.send(guest, server.event(&json!("the end"))).await;
        }
        let _clients = (reading.await.unwrap(), polled.await.unwrap());
        settled(&first).await;
        settled(&second).await;
    }
}

#[tokio::test]
async fn requests_are_answered_and_so_many_are_outstanding() {
    let mut server = Server::open(Served::ByUs).await;
    let (mut client, guest) = server.on_websocket().await;
    let frame = server.event(&json!("?"));
    assert!(guest.link.claim(frame.size()));
    let outstanding = guest.link.ask(1).expect("a place for the first");
    assert!(guest.link.ask(1).is_none());
    assert_eq!(guest.link.outstanding(), 1);
    let answer = server.house.hub().send_with_ack(&guest.link, frame).unwrap();
    let asked = loop {
        let text = next(&mut client).await;
        if text != "2" {
            break text;
        }
    };
    let number = asked.trim_start_matches("42").split('[').next().unwrap();
    client.send(Message::text(format!("43{number}[7]"))).await.unwrap();
    let packet = timeout(LONG, answer.packet()).await.unwrap().expect("an answer");
    assert_eq!(packet.text(), "[7]");
    drop(outstanding);
    assert_eq!(guest.link.outstanding(), 0);
    settled(&guest).await;
}

/// Members of a room that is sent to in several turns, each with the numbers it was sent.
#[tokio::test]
async fn a_large_room_is_reached_in_order_and_as_it_was() {
    const MEMBERS: usize = 1_100;

    let mut server = Server::open(Served::ByUs).await;
    let hub = Arc::clone(server.house.hub());
    let mut clients = Vec::new();
    for _ in 0..MEMBERS {
        let (client, guest) = server.on_websocket().await;
        hub.join(&guest.link, &["room".to_owned()], 1, |_| {}).unwrap();
        clients.push((client, guest));
    }
    let (mut late, newcomer) = server.on_websocket().await;
    let to = |rooms: &[&str], except: &[&str]| Group {
        rooms: (!rooms.is_empty()).then(|| rooms.iter().map(ToString::to_string).collect()),
        except: except.iter().map(ToString::to_string).collect(),
    };
    let house = Arc::clone(&server.house);
    let alone = move |frame: &Frame, ids: &[SocketId]| {
        for id in ids {
            let Some(guest) = house.client(*id) else { continue };
            assert!(guest.link.claim(frame.size()), "these clients have room");
            house.hub().send(*id, frame.clone()).unwrap();
        }
        false
    };
    let send = |number: usize, group: Group| {
        hub.send_to_group(server.event(&json!(number)), group, false, alone.clone())
    };

    // One after the other, the second small; who joins and leaves does so in between.
    let sender = clients[3].1.link.id().to_string();
    let first = tokio::spawn(send(1, to(&["room"], &[&sender])));
    tokio::task::yield_now().await;
    hub.join(&newcomer.link, &["room".to_owned()], 1, |_| {}).unwrap();
    let leaver = Arc::clone(&clients[7].1);
    let second = tokio::spawn(send(2, to(&[&clients[5].1.link.id().to_string()], &[])));
    let together = first.await.unwrap().together;
    second.await.unwrap();
    assert!(together as usize >= MEMBERS - 1 - 512 && (together as usize) < MEMBERS);
    hub.leave(&leaver.link, smallvec!["room".to_owned()], |_| {});
    send(3, to(&["room"], &[])).await;
    // Nobody, everyone, and a union: one by one.
    send(0, Group { rooms: Some(smallvec![]), ..Group::default() }).await;
    send(4, to(&[], &[])).await;
    send(5, to(&["room", "nowhere"], &["elsewhere"])).await;

    let numbers = async |client: &mut WebSocketStream<TcpStream>| {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&6) {
            let text = next(client).await;
            if let Some(number) = text.strip_prefix(r#"42["event","#) {
                numbers.push(number.trim_end_matches(']').parse::<usize>().unwrap());
            }
        }
        numbers
    };
    send(6, to(&[], &[])).await;
    for (index, (client, guest)) in clients.iter_mut().enumerate() {
        let expected = match index {
            3 => vec![3, 4, 5, 6],
            5 => vec![1, 2, 3, 4, 5, 6],
            7 => vec![1, 4, 6],
            _ => vec![1, 3, 4, 5, 6],
        };
        assert_eq!(numbers(client).await, expected, "{index}");
        settled(guest).await;
    }
    assert_eq!(numbers(&mut late).await, [3, 4, 5, 6]);
}

mod sessions;
mod upgrades;
