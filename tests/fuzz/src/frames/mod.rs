//! Arbitrary frames and bodies to an application that takes every extractor, and what comes back.
//!
//! The first byte of an input chooses how its client connects: `W` by WebSocket, to `/` at once; `X` by
//! WebSocket, and says nothing; anything else by polling. The rest is its script: steps with a `0xFF`
//! behind each, `0xFE` standing for `0xFF` (behind it `0`) and for itself (`1`). A step begins with what it
//! is:
//!
//! | | |
//! |---|---|
//! | `t`, `b`, `p`, `c` | a frame: text, binary, ping, close; on polling a body |
//! | `f` | a text frame in two |
//! | `h` | a text frame, half of which comes later |
//! | `r` | bytes on the stream, whatever they are |
//! | `a` | the acknowledgement with this id that the server may have asked for |
//! | `w` | some time, in tenths of a second |
//! | `g` | a poll |
//! | `H` | bytes on a connection of their own, which are to be a request |
//!
//! What must hold: nothing raises an alarm; who goes on in order is answered, or is told the end; a client
//! beside it is served all the while, and reads whatever is relayed to it; and when the client has gone,
//! nothing is left of it.

mod gateways;
mod wire;

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use gateway_core::App;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{
    AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use self::wire::{BINARY, CLOSE, PING, Packets, Reader, TEXT, Told, frame, upgrade};
use crate::alarms;
use crate::replay::Target;

/// The target, with its corpus.
pub const TARGET: Target = Target {
    name: "frames",
    run,
    words: &[
        b"\xFFt42",
        b"\xFFt42[\"relay\",",
        b"\xFFt421[\"echo\",",
        b"\xFFt451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\xFFbx",
        b"\xFFt451-1[\"bytes\",",
        b"{\"_placeholder\":true,\"num\":0}",
        b"{\"_placeholder\":true,\"num\":",
        b"\xFFt40/members,{\"user\":\"ann\"}",
        b"\xFFt42/members,1[\"slow\",1]",
        b"\xFFt41",
        b"\xFFt43",
        b"\xFFt2",
        b"\xFFt3",
        b"\xFFt5",
        b"\xFFr",
        b"\xFFw9",
        b"\xFFg",
        b"\xFFb",
        b"\xFFf42[\"text\",\"",
        b"\xFFh42[\"value\",",
        b"\"value\"",
        b"\"valid\",{\"name\":\"x\"}",
        b"\"shape\",{\"Named\":{\"binary\":null,\"map\":{}}}",
        b"\"tuple\",1,\"x\",[1]",
        b"\"ask\"",
        b"\"join\",\"x\"",
        b"\"go\"",
        b"\\ud800",
        b"\\u0000",
        b"1e999",
        b"-0.0",
        b"99999999999999999999",
        b"[[[[[[[[[[",
        b"\x1e",
    ],
};

/// Longer than anything the server waits for: its time is not ours, and costs nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a script may take: a client that does not read, or is not read, does not get further.
const SCRIPT_PATIENCE: Duration = Duration::from_secs(100);

/// The id of the last question.
const LAST: u64 = 424_242;

thread_local! {
    // Never dropped: a runtime cannot be at the end of a thread, where other values of it are gone.
    static WORLD: RefCell<Option<ManuallyDrop<World>>> = const { RefCell::new(None) };
}

/// # Panics
/// Where something does not hold that must.
pub fn run(input: &[u8]) {
    alarms::arm();
    WORLD.with_borrow_mut(|world| {
        // Not put back where it panics: what is left of it is of no use.
        let mut kept = world.take().unwrap_or_else(|| ManuallyDrop::new(World::begin()));
        let World { runtime, server } = &mut *kept;
        runtime.block_on(server.serve(input));
        alarms::check();
        *world = Some(kept);
    });
}

struct World {
    runtime: Runtime,
    server: Server,
}

struct Server {
    router: Router,
    neighbour: Neighbour,
    /// Tasks, while there is nobody but the neighbour.
    tasks_at_rest: usize,
}

impl World {
    fn begin() -> Self {
        // While all wait, time passes at once.
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(async {
            let app = App::builder().log_to_stderr(false).build().await;
            let router = app.unwrap_or_else(|error| panic!("{error:?}")).into_router();
            let neighbour = Neighbour::connect(&router).await;
            let mut server = Server { router, neighbour, tasks_at_rest: 0 };
            server.neighbour.is_served().await;
            sleep(PATIENCE).await;
            server.tasks_at_rest = Handle::current().metrics().num_alive_tasks();
            server
        });
        Self { runtime, server }
    }
}

impl Server {
    async fn serve(&mut self, input: &[u8]) {
        let Some((how, script)) = input.split_first() else { return };
        let steps = steps(script);
        match how {
            b'W' | b'X' => self.by_websocket(*how == b'W', &steps).await,
            _ => self.by_polling(&steps).await,
        }
        self.neighbour.is_served().await;
        self.is_at_rest().await;
    }

    async fn by_websocket(&self, is_polite: bool, steps: &[Vec<u8>]) {
        let Some((mut client, mut told)) = Client::connect(&self.router).await else {
            panic!("a WebSocket was refused");
        };
        let script = async {
            if is_polite {
                client.send(&frame(TEXT, true, b"40")).await?;
                while !matches!(told.recv().await, None | Some(Told::LetIn)) {}
            }
            for step in steps {
                client.step(&self.router, step).await?;
            }
            std::io::Result::Ok(())
        };
        let _out_of_time = timeout(SCRIPT_PATIENCE, script).await;
        // Bytes of its own may have broken the frames, so that it cannot answer pings any more.
        let answers_pings = !steps.iter().any(|step| step.first() == Some(&b'r'));
        let end = async {
            // Also where there was no time for all of the script.
            client.send(&frame(TEXT, true, last().as_bytes())).await.ok();
            loop {
                match told.recv().await {
                    None | Some(Told::SentAway | Told::Answer(LAST, _)) => return,
                    Some(Told::Ping) if answers_pings => {
                        client.send(&frame(TEXT, true, b"3")).await.ok();
                    }
                    Some(_) => {}
                }
            }
        };
        timeout(PATIENCE, end).await.expect("a client is answered, or told the end");
    }

    async fn by_polling(&self, steps: &[Vec<u8>]) {
        let mut polling = Polling::open(&self.router).await;
        let script = async {
            polling.post(b"40".to_vec()).await;
            while let Some(told) = polling.poll().await
                && !told.iter().any(|told| matches!(told, Told::LetIn))
            {}
            for step in steps {
                polling.step(&self.router, step).await;
            }
        };
        let _out_of_time = timeout(SCRIPT_PATIENCE, script).await;
        let end = async {
            polling.post(last().into_bytes()).await;
            while !polling.is_sent_away
                && let Some(told) = polling.poll().await
            {
                for told in told {
                    match told {
                        Told::Answer(LAST, _) => return,
                        Told::Ping => polling.post(b"3".to_vec()).await,
                        _ => {}
                    }
                }
            }
        };
        timeout(PATIENCE, end).await.expect("a client is answered, or told the end");
    }

    /// Waits until nothing is left of who was there.
    async fn is_at_rest(&self) {
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let begun = Instant::now();
        while tasks() != self.tasks_at_rest {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} tasks, and before there were {}",
                tasks(),
                self.tasks_at_rest
            );
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// The question that every script ends with.
fn last() -> String {
    format!("42{LAST}[\"echo\",\"last\"]")
}

/// The steps of a script.
fn steps(script: &[u8]) -> Vec<Vec<u8>> {
    let mut steps = vec![Vec::new()];
    let mut bytes = script.iter();
    while let Some(&byte) = bytes.next() {
        let step = steps.last_mut().expect("a step");
        match byte {
            0xFF => steps.push(Vec::new()),
            0xFE => step.push(0xFF - bytes.next().copied().unwrap_or_default().min(1)),
            byte => step.push(byte),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// How long a step of this name waits.
fn time(step: &[u8]) -> Duration {
    let tenths = step.first().map_or(1, |tenths| u64::from(tenths % 100));
    Duration::from_millis(100 * tenths)
}

/// A stream to the application.
fn connect(router: &Router) -> DuplexStream {
    let (near, far) = duplex(64 * 1024);
    let router = router.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(far), service)
        .with_upgrades();
    tokio::spawn(async move { connection.await.ok() });
    near
}

/// A request by hand: what becomes of it makes no difference, as long as it ends.
async fn request(router: &Router, bytes: &[u8]) {
    let mut stream = connect(router);
    let exchange = async {
        stream.write_all(bytes).await?;
        let mut answer = Vec::new();
        stream.read_buf(&mut answer).await
    };
    let _half_of_one = timeout(Duration::from_secs(1), exchange).await;
}

/// The client whose script it is, by WebSocket.
struct Client {
    out: WriteHalf<DuplexStream>,
}

impl Client {
    /// Its way out, and what it is told, which is read as it comes.
    async fn connect(router: &Router) -> Option<(Self, mpsc::UnboundedReceiver<Told>)> {
        let (r#in, mut out) = split(connect(router));
        out.write_all(upgrade("").as_bytes()).await.ok()?;
        let reader = Reader::upgraded(r#in).await?;
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(read_all(reader, tell));
        Some((Self { out }, told))
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes).await
    }

    async fn step(&mut self, router: &Router, step: &[u8]) -> std::io::Result<()> {
        let (kind, payload) = step.split_first().unwrap_or((&b't', &[]));
        let half = payload.len() / 2;
        match kind {
            b'b' => self.send(&frame(BINARY, true, payload)).await,
            b'p' => self.send(&frame(PING, true, &payload[..payload.len().min(125)])).await,
            b'c' => self.send(&frame(CLOSE, true, &payload[..payload.len().min(125)])).await,
            b'r' => self.send(payload).await,
            b'f' => {
                self.send(&frame(TEXT, false, &payload[..half])).await?;
                self.send(&frame(0, true, &payload[half..])).await
            }
            b'h' => {
                let whole = frame(TEXT, true, payload);
                let (now, later) = whole.split_at(whole.len() / 2);
                self.send(now).await?;
                sleep(Duration::from_millis(50)).await;
                self.send(later).await
            }
            b'a' => {
                let answer = format!("43{}[null]", String::from_utf8_lossy(payload));
                self.send(&frame(TEXT, true, answer.as_bytes())).await
            }
            b'w' => {
                sleep(time(payload)).await;
                Ok(())
            }
            b'H' => {
                request(router, payload).await;
                Ok(())
            }
            _ => self.send(&frame(TEXT, true, payload)).await,
        }
    }
}

async fn read_all(mut reader: Reader<ReadHalf<DuplexStream>>, tell: mpsc::UnboundedSender<Told>) {
    // Until either end is gone.
    loop {
        let told = tokio::select! {
            told = reader.next() => told,
            () = tell.closed() => None,
        };
        let Some(told) = told else { return };
        tell.send(told).ok();
    }
}

/// The client whose script it is, by polling.
struct Polling {
    sender: hyper::client::conn::http1::SendRequest<Body>,
    session: String,
    packets: Packets,
    /// A step of the script may have read it.
    is_sent_away: bool,
}

impl Polling {
    async fn open(router: &Router) -> Self {
        let io = TokioIo::new(connect(router));
        let connecting = hyper::client::conn::http1::handshake(io).await;
        let (sender, connection) = connecting.expect("a connection");
        tokio::spawn(async move { connection.await.ok() });
        let (session, packets) = (String::new(), Packets::default());
        let mut polling = Self { sender, session, packets, is_sent_away: false };
        let opened = polling.request("GET", Body::empty()).await.expect("an answer");
        let opened = String::from_utf8(opened).expect("text");
        let opened: Value = serde_json::from_str(&opened[1..]).expect("an open packet");
        polling.session = format!("&sid={}", opened["sid"].as_str().expect("an id"));
        polling
    }

    /// The body of the answer; `None` where it is a refusal, or there is none.
    async fn request(&mut self, method: &str, body: Body) -> Option<Vec<u8>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?EIO=4&transport=polling{}", self.session))
            .header("host", "localhost")
            .body(body)
            .expect("a request");
        self.sender.ready().await.ok()?;
        let answer = self.sender.send_request(request).await.ok()?;
        let is_ok = answer.status().is_success();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        is_ok.then(|| body.to_vec())
    }

    /// What is refused is no reason to stop: the session may go on.
    async fn post(&mut self, body: Vec<u8>) {
        self.request("POST", body.into()).await;
    }

    async fn poll(&mut self) -> Option<Vec<Told>> {
        let body = self.request("GET", Body::empty()).await?;
        let told = self.packets.body(&String::from_utf8(body).expect("text"));
        self.is_sent_away |= told.iter().any(|told| matches!(told, Told::SentAway));
        Some(told)
    }

    async fn step(&mut self, router: &Router, step: &[u8]) {
        let (kind, payload) = step.split_first().unwrap_or((&b't', &[]));
        match kind {
            b'g' => drop(self.poll().await),
            b'w' => sleep(time(payload)).await,
            b'b' => self.post([b"b", payload].concat()).await,
            b'a' => self.post([b"43", payload, b"[null]"].concat()).await,
            b'H' => request(router, payload).await,
            _ => self.post(payload.to_vec()).await,
        }
    }
}

/// The client that goes on as if nothing were the matter.
struct Neighbour {
    out: mpsc::UnboundedSender<Vec<u8>>,
    heard: Arc<Heard>,
    last: u64,
}

#[derive(Default)]
struct Heard {
    answers: Mutex<HashMap<u64, Value>>,
    news: Notify,
}

impl Heard {
    fn put(&self, id: u64, answer: Value) {
        self.answers().insert(id, answer);
        self.news.notify_one();
    }

    fn take(&self, id: u64) -> Option<Value> {
        self.answers().remove(&id)
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<u64, Value>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Neighbour {
    async fn connect(router: &Router) -> Self {
        let (mut client, mut told) = Client::connect(router).await.expect("a WebSocket");
        let (out, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
        let heard = Arc::new(Heard::default());
        let hearing = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(bytes) = outgoing.recv() => drop(client.send(&bytes).await),
                    told = told.recv() => match told {
                        Some(Told::Ping) => drop(client.send(&frame(TEXT, true, b"3")).await),
                        Some(Told::LetIn) => hearing.put(0, Value::Null),
                        Some(Told::Answer(id, answer)) => hearing.put(id, answer),
                        Some(_) => {}
                        None => return,
                    },
                }
            }
        });
        out.send(frame(TEXT, true, b"40")).ok();
        let neighbour = Self { out, heard, last: 0 };
        neighbour.answer(0).await;
        neighbour
    }

    /// # Panics
    /// Where it is not, within a second.
    async fn is_served(&mut self) {
        self.last += 1;
        let (id, asked) = (self.last, json!({ "number": self.last }));
        let question = format!("42{id}[\"echo\",{asked}]");
        self.out.send(frame(TEXT, true, question.as_bytes())).expect("the neighbour is there");
        assert_eq!(self.answer(id).await, asked);
    }

    async fn answer(&self, id: u64) -> Value {
        let answer = async {
            loop {
                if let Some(answer) = self.heard.take(id) {
                    return answer;
                }
                self.heard.news.notified().await;
            }
        };
        let answer = timeout(Duration::from_secs(1), answer).await;
        answer.expect("the neighbour is answered")
    }
}
