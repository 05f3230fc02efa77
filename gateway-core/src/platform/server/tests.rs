use std::{
    convert::Infallible,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{
    body::Body,
    extract::Request,
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use http::header;
use hyper::upgrade::OnUpgrade;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};

use super::*;
use crate::platform::line::Upgraded;

const SECOND: Duration = Duration::from_secs(1);

const GET: &str = "GET /quick HTTP/1.1\r\nhost: here\r\n\r\n";

fn router() -> Router {
    let ticks = || {
        let tick = async |_| sleep(30 * SECOND).await;
        Body::from_stream(stream::iter(0..4).then(tick).map(|()| Ok::<_, Infallible>("tick ")))
    };
    Router::new()
        .route("/", get(async || "done"))
        .route("/quick", get(async || "done"))
        .route("/soon", get(async || sleep(3 * SECOND).await))
        .route("/slow", get(async || sleep(100 * SECOND).await))
        .route("/download", get(async move || ticks()))
        .route("/ignored", post(async || sleep(100 * SECOND).await))
        .route("/large", get(async || "x".repeat(200 * 1024)))
        .route("/upgrade", get(say_what_is_below))
        .route("/upload", post(async |body: String| body.len().to_string()))
}

/// Accepts an upgrade, and says over it what it is over.
async fn say_what_is_below(mut request: Request) -> impl IntoResponse {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().expect("an upgrade");
    tokio::spawn(async move {
        let mut upgraded = Upgraded::from(upgrade.await.unwrap());
        let name: &[u8] = match upgraded {
            Upgraded::Tcp(_) => b"TCP",
            Upgraded::Any(_) => b"any",
            Upgraded::Other(_) => b"other",
        };
        upgraded.write_all(name).await.unwrap();
        upgraded.shutdown().await.unwrap();
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "it")];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

/// A client's end of a connection that is served.
struct Client {
    stream: DuplexStream,
    going: watch::Sender<Going>,
    served: JoinHandle<()>,
    begun: Instant,
}

impl Client {
    fn new() -> Self {
        Self::within(&Limits::default())
    }

    fn within(limits: &Limits) -> Self {
        let (stream, server) = duplex(64 * 1024);
        let (going, goes) = watch::channel(Going::On);
        let server = HttpStream::new(server, None, StreamOptions::default());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9)).into();
        let peer = Peer { address, is_encrypted: false, http: server.line() };
        let times = Times::of(limits);
        let served = tokio::spawn(Connection { peer, times, goes }.serve(server, router()));
        Self { stream, going, served, begun: clock::now() }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes until the end, which is after so many seconds.
    async fn rest(mut self) -> (String, u64) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        self.stream.read_to_end(&mut rest).await.ok();
        self.served.await.unwrap();
        (String::from_utf8(rest).unwrap(), self.begun.elapsed().as_secs())
    }

    /// The answer to a request on a connection that goes on.
    async fn answer(&mut self) -> String {
        let mut answer = [0; 1024];
        let read = self.stream.read(&mut answer).await.unwrap();
        String::from_utf8(answer[..read].to_vec()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    assert_eq!(Client::new().rest().await, (String::new(), 10));
}

#[tokio::test(start_paused = true)]
async fn a_head_must_come_in_time_however_it_drips() {
    let mut client = Client::new();
    client.send(GET).await;
    assert!(client.answer().await.ends_with("done"));
    sleep(5 * SECOND).await;
    let (mut reading, mut writing) = tokio::io::split(client.stream);
    let begun = clock::now();
    let dripping = tokio::spawn(async move {
        for byte in GET.bytes().take(GET.len() - 1) {
            if writing.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(SECOND).await;
        }
    });
    let mut rest = Vec::new();
    reading.read_to_end(&mut rest).await.ok();
    client.served.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert!(rest.is_empty());
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_is_kept_for_a_while() {
    let mut client = Client::new();
    for _ in 0..3 {
        client.send(GET).await;
        assert!(client.answer().await.ends_with("done"));
        sleep(59 * SECOND).await;
    }
    client.send(GET).await;
    assert!(client.answer().await.ends_with("done"));
    let asked = clock::now();
    client.stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(asked.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn it_may_be_kept_for_less_time_than_a_head_has() {
    let mut client = Client::within(&Limits::default().keep_alive(4 * SECOND));
    for _ in 0..3 {
        sleep(3 * SECOND).await;
        client.send(GET).await;
        assert!(client.answer().await.ends_with("done"));
    }
    let asked = clock::now();
    client.stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(asked.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_answered_has_all_the_time_it_takes() {
    let mut client = Client::new();
    client.send("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 200"));
    client.send("GET /download HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    let (rest, seconds) = client.rest().await;
    assert_eq!(rest.matches("tick").count(), 4, "{rest}");
    assert_eq!(seconds, 100 + 4 * 30);
}

const UPLOAD: &str = "POST /upload HTTP/1.1\r\nhost: here\r\ncontent-length: 10000\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_answered_and_ends_the_connection() {
    let mut client = Client::new();
    client.send(UPLOAD).await;
    sleep(5 * SECOND).await;
    client.send(&"x".repeat(5_000)).await;
    let (rest, seconds) = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 408 "), "{rest}");
    assert!(rest.contains("connection: close"), "{rest}");
    assert_eq!(seconds, 15);
}

/// Uploads so many bytes a second: the first line of the answer, and after how many seconds.
async fn upload(rate: usize) -> (String, u64) {
    let mut client = Client::new();
    client.send(UPLOAD).await;
    let begun = clock::now();
    let mut left = 10_000;
    let mut answer = [0; 12];
    loop {
        let part = rate.min(left);
        if part > 0 && client.stream.write_all(&vec![b'x'; part]).await.is_err() {
            break;
        }
        left -= part;
        if timeout(SECOND, client.stream.read_exact(&mut answer)).await.is_ok() {
            break;
        }
    }
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_body_must_come_at_some_pace() {
    assert_eq!(upload(250).await.0, "HTTP/1.1 200");
    assert_eq!(upload(10_000).await, ("HTTP/1.1 200".to_owned(), 0));
    let (answer, seconds) = upload(100).await;
    assert_eq!(answer, "HTTP/1.1 408");
    // 10 s, and for each 100 B/s that come 100/240 of a second more.
    assert!((15..20).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_head_has_a_size() {
    let head = |bytes: usize| {
        format!("GET /quick HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n", "x".repeat(bytes))
    };
    let mut client = Client::new();
    client.send(&head(31 * 1024)).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 200 "));
    client.send(&head(33 * 1024)).await;
    assert!(client.rest().await.0.starts_with("HTTP/1.1 431 "));
}

#[tokio::test(start_paused = true)]
async fn going_out_waits_for_answers_and_for_nothing_else() {
    let idle = Client::new();
    let mut half_head = Client::new();
    half_head.send("GET /qu").await;
    let mut kept = Client::new();
    kept.send(GET).await;
    kept.answer().await;
    let mut half_body = Client::new();
    half_body.send(UPLOAD).await;
    let mut asked = Client::new();
    asked.send("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
    sleep(SECOND).await;
    for client in [&idle, &half_head, &kept, &half_body, &asked] {
        client.going.send_replace(Going::Out);
    }
    for client in [idle, half_head, kept] {
        assert_eq!(client.rest().await.1, 1);
    }
    assert_eq!(half_body.rest().await.1, 2);
    let (rest, seconds) = asked.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 "), "{rest}");
    assert_eq!(seconds, 100);
}

#[tokio::test(start_paused = true)]
async fn going_out_loses_nothing_of_an_answer() {
    // Its body is with the connection already, and not all of it with the client.
    let mut slow = Client::new();
    slow.send("GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await;
    // The rest of the request is nobody's business.
    let mut ignored = Client::new();
    ignored.send(&UPLOAD.replace("upload", "ignored")).await;
    sleep(SECOND).await;
    for client in [&slow, &ignored] {
        client.going.send_replace(Going::Out);
    }
    sleep(SECOND / 2).await;
    let (rest, _) = slow.rest().await;
    assert!(rest.len() > 200 * 1024, "{}", rest.len());
    let (rest, seconds) = ignored.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 "), "{rest}");
    assert_eq!(seconds, 100);
}

#[tokio::test(start_paused = true)]
async fn nothing_outlives_the_end() {
    let mut asked = Client::new();
    asked.send("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
    sleep(SECOND).await;
    asked.going.send_replace(Going::Out);
    sleep(SECOND).await;
    asked.going.send_replace(Going::Over);
    assert_eq!(asked.rest().await, (String::new(), 2));
}

/// A server of so many connections, and what ends it.
fn serving(listener: Listener, most: usize) -> (oneshot::Sender<()>, JoinHandle<Ended>) {
    let server = Server {
        router: router(),
        streams: StreamOptions::default(),
        times: Times::of(&Limits::default()),
        places: Places::new(most, most, Default::default()),
        #[cfg(feature = "tls")]
        encryption: None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    let served = server.serve(listener, stopped, 10 * SECOND, async |_| Ended::ByItself);
    (stop, tokio::spawn(served))
}

/// Whoever finds no place is told so, and the next one who comes when somebody has left is served.
async fn has_one_place<S: AsyncRead + AsyncWrite + Unpin>(
    listener: Listener,
    connect: impl AsyncFn() -> S,
) {
    let (stop, served) = serving(listener, 1);
    let ask = async || {
        let mut stream = connect().await;
        stream.write_all(GET.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        (stream, String::from_utf8(answer).unwrap())
    };
    let (first, answer) = ask().await;
    assert_eq!(answer, "HTTP/1.1 200");
    let (mut second, answer) = ask().await;
    assert_eq!(answer, "HTTP/1.1 503");
    let mut rest = String::new();
    second.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with(r#"{"code":"OVERLOADED","message":"Too many connections"}"#), "{rest}");
    drop(first);
    while ask().await.1 != "HTTP/1.1 200" {}
    drop(stop);
    assert_eq!(served.await.unwrap(), Ended::ByItself);
}

/// A server that goes out lets go at once of those who have not asked for anything, and of the others when they have their
/// answer. `silent` has not said a word.
pub(super) async fn goes_out<S: AsyncRead + AsyncWrite + Unpin>(
    (stop, served): (oneshot::Sender<()>, JoinHandle<Ended>),
    mut silent: impl AsyncRead + Unpin,
    connect: impl AsyncFn() -> S,
) {
    let ask = async |path: &str| {
        let mut stream = connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let mut kept = ask("/").await;
    let mut answer = [0; 1024];
    assert!(kept.read(&mut answer).await.unwrap() > 0 && answer.starts_with(b"HTTP/1.1 200 "));
    let mut asked = ask("/soon").await;
    // It has come, and its answer has not.
    sleep(SECOND / 4).await;
    let begun = Instant::now();
    drop(stop);
    assert_eq!(kept.read(&mut answer).await.unwrap(), 0);
    assert_eq!(silent.read(&mut answer).await.unwrap(), 0);
    assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
    let mut answer = String::new();
    asked.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(served.await.unwrap(), Ended::ByItself);
    assert!(begun.elapsed() < 8 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_port_goes_out() {
    let (listener, address) = tcp().await;
    let connect = async || TcpStream::connect(address).await.unwrap();
    goes_out(serving(listener, 3), connect().await, connect).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_goes_out() {
    use tokio::net::UnixStream;

    let path = std::env::temp_dir().join(format!("gateway-goes-out-{}", std::process::id()));
    let listener = Listener::from(unix_socket::UnixSocket::bind(&path, 0o600).unwrap());
    let connect = async || UnixStream::connect(&path).await.unwrap();
    goes_out(serving(listener, 3), connect().await, connect).await;
}

async fn tcp() -> (Listener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (Listener::of(listener), address)
}

/// Streams that are not of the system's, as an application may hand them out.
struct InProcess(mpsc::Receiver<DuplexStream>);

impl InProcess {
    fn listener() -> (mpsc::Sender<DuplexStream>, Listener) {
        let (connects, comes) = mpsc::channel(1);
        (connects, Listener::of(Self(comes)))
    }
}

impl axum::serve::Listener for InProcess {
    type Io = DuplexStream;
    type Addr = PeerAddress;

    async fn accept(&mut self) -> (DuplexStream, PeerAddress) {
        match self.0.recv().await {
            Some(stream) => (stream, PeerAddress::Unknown),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<PeerAddress> {
        Ok(PeerAddress::Unknown)
    }
}

async fn connect_in_process(connects: &mpsc::Sender<DuplexStream>) -> DuplexStream {
    let (client, server) = duplex(64 * 1024);
    connects.send(server).await.unwrap();
    client
}

#[tokio::test]
async fn who_finds_no_place_is_told_so() {
    let (listener, address) = tcp().await;
    assert!(matches!(listener, Listener::Tcp(_)), "{listener:?}");
    has_one_place(listener, async || TcpStream::connect(address).await.unwrap()).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_served_like_a_port_and_is_gone_at_the_end() {
    use tokio::net::UnixStream;

    let path = std::env::temp_dir().join(format!("gateway-served-{}", std::process::id()));
    let listener = Listener::from(unix_socket::UnixSocket::bind(&path, 0o600).unwrap());
    assert!(listener.is_unix());
    has_one_place(listener, async || UnixStream::connect(&path).await.unwrap()).await;
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_of_the_applications_own_is_left_to_it() {
    use tokio::net::{UnixListener, UnixStream};

    let path = std::env::temp_dir().join(format!("gateway-own-{}", std::process::id()));
    let listener = Listener::of(UnixListener::bind(&path).unwrap());
    assert!(listener.is_unix());
    has_one_place(listener, async || UnixStream::connect(&path).await.unwrap()).await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn streams_of_the_applications_own_are_served_like_a_port() {
    let (connects, listener) = InProcess::listener();
    assert!(!listener.is_unix());
    has_one_place(listener, async || connect_in_process(&connects).await).await;
}

/// Asks for an upgrade, and says what is below it.
async fn below<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> String {
    let upgrade =
        "GET /upgrade HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: it\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

#[tokio::test]
async fn nothing_of_http_is_below_an_upgrade() {
    let (listener, address) = tcp().await;
    let (_stop, _served) = serving(listener, 1);
    assert_eq!(below(TcpStream::connect(address).await.unwrap()).await, "TCP");
    let (connects, listener) = InProcess::listener();
    let (_stop, _served) = serving(listener, 1);
    assert_eq!(below(connect_in_process(&connects).await).await, "any");
}
