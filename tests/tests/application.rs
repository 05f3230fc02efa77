//! What every application is given: an end on request, services from factories, the servers of its gateways wherever they
//! are wanted, and one list of pages that may connect.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use gateway_core::prelude::*;
use serde_json::Value;
use tests::{
    LibraryGateway,
    raw::{Client, Http, Response},
};
use tokio::{task::JoinHandle, time::timeout};

/// A gateway that is built of what a factory makes.
#[web_socket_gateway(namespace = "/shelf")]
struct ShelfGateway {
    server: Server<Self>,
    library: Server<LibraryGateway>,
    catalogue: Option<Arc<Catalogue>>,
    #[init(|words: &Words, more: &Catalogue| words.0.len() + more.0.len())]
    size: usize,
}

#[web_socket_gateway]
impl ShelfGateway {
    #[subscribe_message("namespaces")]
    async fn namespaces(&self, own: Server, other: Server<LibraryGateway>) -> Vec<String> {
        let servers = [self.server.namespace(), self.library.namespace(), own.namespace()];
        servers.into_iter().chain([other.namespace()]).map(str::to_owned).collect()
    }

    #[subscribe_message("size")]
    async fn size(&self) -> (usize, bool) {
        (self.size, self.catalogue.is_some())
    }
}

/// One with a list of its own.
#[web_socket_gateway(namespace = "/partners", cors(origins = ["https://partner.example"]))]
struct PartnersGateway {
    _server: Server,
}

struct Words(Vec<&'static str>);

struct Catalogue(String);

/// One that is overridden by a factory.
#[injectable]
struct Shelves {
    #[init(1)]
    count: usize,
}

/// What stands on a factory's service, and what a factory stands on.
#[injectable]
struct Index {
    catalogue: Arc<Catalogue>,
}

struct Register(usize);

/// Shows itself, where an image is made of it.
#[injectable]
struct Mirror {
    _image: Option<Arc<Image>>,
}

struct Image;

fn builder() -> AppBuilder {
    App::builder()
        // What it stands on comes later, by way of what is injectable.
        .provide_with(|index: &Index| Register(index.catalogue.0.len()))
        .provide(Words(vec!["one", "two"]))
        .provide_with(|words: &Words| Catalogue(words.0.concat()))
        .provide_with(|words: &Words, catalogue: &Catalogue| Shelves {
            count: words.0.len() * catalogue.0.len(),
        })
}

struct Serving {
    address: SocketAddr,
    stopping: Arc<Stopping>,
    ended: JoinHandle<Result<(), AppError>>,
}

async fn serve(builder: AppBuilder) -> Serving {
    let app = builder.build().await.expect("an application");
    let stopping = app.get::<Stopping>().expect("every application has it");
    let bound = app.bind("127.0.0.1:0").await.expect("a port");
    Serving { address: bound.local_addr(), stopping, ended: tokio::spawn(bound.serve()) }
}

/// The handler of a stream that has no end of its own.
async fn until_the_end(Inject(stopping): Inject<Stopping>) -> &'static str {
    stopping.requested().await;
    "over"
}

#[tokio::test]
async fn what_waits_for_the_end_is_answered_before_it() {
    let routes = Router::new().route("/stream", get(until_the_end));
    let served = serve(builder().routes(routes)).await;
    let mut stream = Http::open(served.address).await.expect("a connection");
    stream.send("GET", "/stream", &[], b"").await.expect("a request");
    let mut client = Client::open(served.address, "/shelf").await.expect("a client");
    let answer = client.answer("size", "").await.expect("an answer");
    assert_eq!(answer, serde_json::json!([8, true]));
    assert!(!served.stopping.is_requested());

    served.stopping.request();
    let response = stream.response().await.expect("an answer");
    assert_eq!((response.status, response.text().unwrap()), (200, "over"));
    let ended = timeout(Duration::from_secs(5), served.ended).await.expect("it does not wait");
    ended.unwrap().expect("nothing had to be ended by force");
    assert!(Http::open(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_stop_from_outside_is_told_to_all_that_wait() {
    let app = builder().build().await.expect("an application");
    let stopping = app.get::<Stopping>().expect("every application has it");
    let bound = app.bind("127.0.0.1:0").await.expect("a port");
    bound.serve_until(async {}).await.expect("nothing has to be ended");
    assert!(stopping.is_requested());
    stopping.requested().await;
}

#[tokio::test]
async fn a_server_is_that_of_the_gateway_it_names() {
    let push = async |library: Server<LibraryGateway>| {
        let pushed = library.emit("news", "from a route").await;
        format!("{} {}", library.namespace(), pushed.is_ok())
    };
    let served = serve(builder().routes(Router::new().route("/push", post(push)))).await;
    let mut shelf = Client::open(served.address, "/shelf").await.expect("a client");
    let answer = shelf.answer("namespaces", "").await.expect("an answer");
    assert_eq!(answer, serde_json::json!(["/shelf", "/library", "/shelf", "/library"]));

    let mut library = Client::open(served.address, "/library").await.expect("a client");
    let mut http = Http::open(served.address).await.expect("a connection");
    let response = http.request("POST", "/push", &[], b"").await.expect("an answer");
    assert_eq!(response.text().unwrap(), "/library true");
    assert_eq!(library.packet().await.expect("the push").data, r#"["news","from a route"]"#);
}

#[tokio::test]
async fn a_server_can_be_had_beside_the_application() {
    let app = builder().build().await.expect("an application");
    let server = app.server::<ShelfGateway>().expect("a gateway of the application");
    assert_eq!((server.namespace(), server.socket_count()), ("/shelf", 0));
    assert_eq!(app.get::<Catalogue>().expect("a factory makes it").0, "onetwo");
    let shelves = app.get::<Shelves>().expect("a factory makes it");
    assert_eq!(shelves.count, 12, "a factory goes before what is injectable");
    let register = app.get::<Register>().expect("a factory makes it");
    assert_eq!(register.0, 6, "a factory runs after all that it stands on");
}

#[tokio::test]
async fn a_factory_that_stands_on_itself_by_way_of_what_is_injectable_is_a_cycle() {
    let refused = builder().provide_with(|_: &Mirror| Image).build().await.expect_err("a cycle");
    let report = refused.to_string();
    let cycle = report.lines().find(|line| line.contains("in a cycle")).expect(&report);
    let (before, after) = ("`Image` (factory, ", "→ `Mirror` (field `_image`, ");
    assert!(cycle.contains(before) && cycle.contains(after), "{cycle}");
    assert!(cycle.ends_with("→ `Image`"), "{cycle}");
}

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// What the handshake of a page of this origin is answered with.
async fn greeting(server: SocketAddr, origin: &str) -> Response {
    let mut http = Http::open(server).await.expect("a connection");
    http.request("GET", HANDSHAKE, &[("Origin", origin)], b"").await.expect("an answer")
}

async fn handshake(server: SocketAddr, origin: &str) -> u16 {
    greeting(server, origin).await.status
}

/// What a page of this origin is told when it joins a namespace.
async fn joined(server: SocketAddr, origin: &str, namespace: &str) -> String {
    let greeting = greeting(server, origin).await;
    let open: Value = serde_json::from_str(&greeting.text().unwrap()[1..]).expect("a session");
    let session = format!("{HANDSHAKE}&sid={}", open["sid"].as_str().expect("its id"));
    let headers = [("Origin", origin)];
    let join = format!("40{namespace},");
    let mut http = Http::open(server).await.expect("a connection");
    http.request("POST", &session, &headers, join.as_bytes()).await.expect("an answer");
    let told = http.request("GET", &session, &headers, b"").await.expect("an answer");
    told.text().unwrap().to_owned()
}

#[tokio::test]
async fn pages_of_the_applications_list_may_connect_to_every_gateway() {
    let (ours, foreign) = ("https://chat.example", "https://evil.example");
    let served = serve(builder().cors([ours])).await;
    assert_eq!(handshake(served.address, ours).await, 200);
    assert_eq!(handshake(served.address, foreign).await, 403);
    let closed = serve(builder()).await;
    assert_eq!(handshake(closed.address, ours).await, 403);
}

#[tokio::test]
async fn the_applications_list_is_that_of_gateways_without_their_own() {
    let (ours, partner) = ("https://chat.example", "https://partner.example");
    let served = serve(builder().cors([ours])).await;
    let refused = "Origin not allowed";
    for (origin, shelf_is_open) in [(ours, true), (partner, false)] {
        for (namespace, is_open) in [("/shelf", shelf_is_open), ("/partners", !shelf_is_open)] {
            let told = joined(served.address, origin, namespace).await;
            assert_eq!(told.contains(&format!("40{namespace},")), is_open, "{origin}: {told}");
            assert_eq!(told.contains(refused), !is_open, "{origin} {namespace}: {told}");
        }
    }
}

#[tokio::test]
async fn cookies_are_sent_along_where_the_application_says_so() {
    let ours = "https://chat.example";
    for allowed in [true, false] {
        let served = serve(builder().cors([ours]).cors_credentials(allowed)).await;
        let greeting = greeting(served.address, ours).await;
        assert_eq!(greeting.header("access-control-allow-origin"), Some(ours));
        let credentials = greeting.header("access-control-allow-credentials");
        assert_eq!(credentials, allowed.then_some("true"));
    }
}

#[tokio::test]
async fn metrics_are_told_where_they_are_asked_for() {
    let served = serve(builder().prometheus("/counted")).await;
    let mut client = Client::open(served.address, "/shelf").await.expect("a client");
    client.answer("size", "").await.expect("an answer");
    let mut http = Http::open(served.address).await.expect("a connection");
    let response = http.request("GET", "/counted", &[], b"").await.expect("an answer");
    let counted = response.text().unwrap();
    assert!(counted.contains("gateway_messages_total{"), "{counted}");
    assert!(counted.contains("event=\"size\""), "{counted}");
}

#[tokio::test]
async fn a_body_that_is_refused_repeats_what_was_sent_only_if_it_may() {
    let take = async |Body(number): Body<u8>| number.to_string();
    for (may, repeated) in [(true, true), (false, false)] {
        let routes = Router::new().route("/number", post(take));
        let served = serve(builder().include_cause(may).routes(routes)).await;
        let mut http = Http::open(served.address).await.expect("a connection");
        let json = [("Content-Type", "application/json")];
        let response = http.request("POST", "/number", &json, b"\"hunter2\"").await.unwrap();
        assert_eq!(response.status, 422);
        let said = response.text().unwrap();
        assert_eq!(said.contains("hunter2"), repeated, "{said}");
    }
}
