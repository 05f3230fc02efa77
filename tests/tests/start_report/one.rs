//! An application that is right, or has one mistake: `one ADDRESS WHICH`.
#![allow(dead_code)]

use std::{sync::Arc, time::Duration};

use axum::Router;
use gateway_core::{AppBuilder, prelude::*, private};

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(which)) = (arguments.next(), arguments.next()) else {
        panic!("an address and a mistake")
    };
    let app = App::builder().provide(Mistake(which.clone()));
    let app = match &*which {
        "nobody" => app,
        "somebody else" => app.authenticate::<KnowsVisitors>(),
        "other words" => app.authenticate::<KnowsUsers>().provide_arc::<dyn Words>(Arc::new(Other)),
        "ready twice" => ready_twice(app.authenticate::<KnowsUsers>()),
        "no transport" => app.authenticate::<KnowsUsers>().transports([]),
        "server" => server_of_mistakes(app.authenticate::<KnowsUsers>()),
        "taken" => app.authenticate::<KnowsUsers>().health_checks().routes(taken()),
        "path" => app.authenticate::<KnowsUsers>().path(std::env::args().nth(3).expect("a path")),
        "one transport twice" => {
            app.authenticate::<KnowsUsers>().transports([Transport::Polling; 2])
        }
        "looks" => app.authenticate::<LooksIntoTheLobby>(),
        "twice" => app.authenticate::<KnowsUsers>().provide(Mistake(which)),
        "expected" => app.authenticate::<KnowsUsers>().expect::<LostGateway>(),
        other => who_is_let_in(app, other),
    };
    app.build().await?.serve(address).await
}

struct Mistake(String);

#[derive(Clone, serde::Deserialize)]
struct User;

#[derive(Clone)]
struct Visitor;

#[injectable]
struct KnowsUsers;

impl Authenticator for KnowsUsers {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        Ok(User.into())
    }
}

/// Knows users, and asks the gateway that it lets them into.
#[injectable]
struct LooksIntoTheLobby {
    lobby: Arc<LobbyGateway>,
}

impl Authenticator for LooksIntoTheLobby {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        match self.lobby.server.socket_count() {
            0 => Ok(User.into()),
            _ => Err(WsException::new("one at a time")),
        }
    }
}

#[injectable]
struct KnowsVisitors;

impl Authenticator for KnowsVisitors {
    type Identity = Visitor;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<Visitor>, WsException> {
        Ok(Visitor.into())
    }
}

#[derive(Debug)]
struct NoTable;

impl std::fmt::Display for NoTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("there is no table `rooms`")
    }
}

impl std::error::Error for NoTable {}

#[web_socket_gateway(namespace = "/lobby", presence)]
struct LobbyGateway {
    server: Server,
    mistake: Arc<Mistake>,
    words: Arc<dyn Words>,
}

#[web_socket_gateway]
impl LobbyGateway {
    #[after_init]
    async fn prepare(&self) -> Result<(), WsException> {
        match &*self.mistake.0 {
            "refuses" => Err(WsException::new("the lobby is being cleaned").with_code("CLEANING")),
            "own words" | "other words" => Err(WsException::new(self.words.say())),
            "fails" => Err(NoTable)?,
            "panics" => panic!("no table"),
            _ => Ok(()),
        }
    }

    #[on_connection]
    async fn welcome(&self, Identity(_): Identity<User>) {}

    #[subscribe_message("enter")]
    #[use_guards(Picky)]
    async fn enter(&self, Identity(_): Identity<User>) {}
}

impl OnPresence for LobbyGateway {
    type User = u64;
}

#[injectable]
struct Picky {
    mistake: Arc<Mistake>,
}

impl Guard for Picky {
    async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        Ok(true)
    }

    fn check_at_start(&self) -> Result<(), String> {
        match &*self.mistake.0 {
            "picky" => Err("there is nothing to pick".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A gateway whose registration was not linked in: what the attribute generates, but for that.
#[injectable]
struct LostGateway;

impl private::Gateway for LostGateway {
    type Authenticator = private::Inherited;

    fn facts() -> private::GatewayFacts {
        private::GatewayFacts::new::<Self>("LostGateway")
    }
}

trait Words: Send + Sync {
    fn say(&self) -> &'static str;
}

#[injectable(as dyn Words)]
struct Own;

impl Words for Own {
    fn say(&self) -> &'static str {
        "what is injectable"
    }
}

struct Other;

impl Words for Other {
    fn say(&self) -> &'static str {
        "what is provided"
    }
}

fn server_of_mistakes(app: AppBuilder) -> AppBuilder {
    app.ping_interval(Duration::ZERO)
        .ping_timeout(Duration::from_micros(999))
        .upgrade_timeout(Duration::ZERO)
        .write_timeout(Duration::ZERO)
        .ack_timeout(Duration::ZERO)
        .transports([])
        .max_payload(0)
        .limits(nothing())
        .use_global_guards(Throttle::per_user(5, Duration::ZERO))
        .path("/ws/{id}")
}

fn nothing() -> Limits {
    Limits::default()
        .connections(0)
        .connections_per_address(0)
        .connect_timeout(Duration::ZERO)
        .sessions(0)
        .unjoined_sessions(0_usize)
        .unjoined_bytes(1_usize)
        .head_timeout(Duration::ZERO)
        .body_timeout(Duration::ZERO)
        .keep_alive(Duration::ZERO)
        .head_bytes(1_usize)
        .authentication_timeout(Duration::ZERO)
        .event_name_bytes(0_usize)
        .room_name_bytes(0_usize)
        .rooms_per_socket(0_usize)
        .outstanding_asks(0_usize)
        .sockets_per_user(0_usize)
        .handler_time(Duration::ZERO)
}

/// Routes where others are to be.
fn taken() -> Router {
    let page = || axum::routing::post(async || {});
    Router::new()
        .route("/healthz", page())
        .route("/socket.io", page())
        .route("/socket.io/", page())
        .route("/{*path}", page())
}

fn ready_twice(app: AppBuilder) -> AppBuilder {
    let ready = || std::future::ready(Ok::<_, NoTable>(()));
    app.readiness_check("database", ready).readiness_check("database", ready)
}

fn who_is_let_in(app: AppBuilder, which: &str) -> AppBuilder {
    let jwt = || JwtService::hs256("a secret of 32 bytes, and some more");
    let known = |app: AppBuilder| app.authenticate::<KnowsUsers>();
    match which {
        "no tokens" => app.authenticate::<JwtAuthenticator<User>>(),
        "shared twice" => app.authenticate::<JwtAuthenticator<User>>().provide(Arc::new(jwt())),
        "no secret" => known(app).provide(JwtService::hs256("")),
        "no audience" => known(app).provide(jwt().require_audience()),
        "front" => known(app)
            .trusted_proxies(["10.0.0.1/8", "loopback", "10.0.0.0/8", "::1"])
            .allowed_hosts(["https://chat.example", "*.example", "::1", "chat.example:3000"]),
        "no hosts" => known(app).allowed_hosts([""; 0]),
        "cors" => known(app).cors(["*", "chat.example"]).cors_credentials(true),
        "factories" => factories(app.authenticate::<LooksForTheLost>()),
        "factories that fail" => factories_that_fail(known(app)),
        "metrics" => known(app).prometheus("metrics"),
        "metrics beside a route" => known(app).health_checks().prometheus("/healthz"),
        "stopping" => known(app).provide(Stopping::default()),
        "made secret" => known(app).provide_with(|_: &Mistake| JwtService::hs256("")),
        _ => known(app).expect::<LobbyGateway>(),
    }
}

/// Nothing provides it.
struct Nothing;
struct Egg;
struct Hen;

/// They need what is missing, one another, and a gateway that is not served.
fn factories(app: AppBuilder) -> AppBuilder {
    app.provide_with(|_: &Nothing, _: &Mistake| 7_u8)
        .provide_with(|_: &Hen| Egg)
        .provide_with(|_: &Egg| Hen)
        .provide(7_u16)
        .provide_with(|| 8_u16)
}

/// What stands on one that fails is not tried.
fn factories_that_fail(app: AppBuilder) -> AppBuilder {
    app.try_provide_with(|_: &Mistake| "seven".parse::<u8>())
        .try_provide_with(|_: &Mistake| Err::<Egg, _>("there is no hen"))
        .provide_with(|_: &Egg, _: &u8| -> Hen { unreachable!("there is no egg") })
}

/// An authenticator that only some of these applications have: it is not registered.
struct LooksForTheLost {
    _lost: Server<LostGateway>,
}

impl private::Injectable for LooksForTheLost {
    fn dependencies() -> private::Dependencies {
        private::Dependencies::new()
            .field::<Server<LostGateway>>("lost")
            .initializer::<Nothing>("size")
    }

    fn build(provider: &mut private::Provider) -> Self {
        Self { _lost: provider.take() }
    }
}

impl Authenticator for LooksForTheLost {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        Ok(User.into())
    }
}
