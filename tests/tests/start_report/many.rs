//! An application in which everything is put together wrongly. It compiles: these are the mistakes
//! that only show when all parts are known. Nothing of it ever runs.
#![allow(dead_code)]

use std::{sync::Arc, time::Duration};

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = std::env::args().nth(1).expect("an address");
    App::builder()
        .provide(Config {
            namespace: "slashless".to_owned(),
            origins: ["https://app.example/", "app.example"].map(str::to_owned).to_vec(),
        })
        .provide(Counter(1))
        .provide(Counter(2))
        .authenticate::<KnowsVisitors>()
        .build()
        .await?
        .serve(address)
        .await
}

/// Provided twice.
struct Counter(u64);

/// Not provided; of these there are no services.
struct Database;
struct Limits {
    concurrency: usize,
}
trait Clock: Send + Sync {}

// ------------------------------------------------------------------------------------- services

#[injectable]
struct Store {
    database: Arc<Database>,
}

#[injectable]
struct Calendar {
    clock: Arc<dyn Clock>,
}

#[injectable]
struct Chicken {
    egg: Arc<Egg>,
}

#[injectable]
struct Egg {
    nest: Arc<Nest>,
}

#[injectable]
struct Nest {
    chicken: Arc<Chicken>,
}

#[injectable]
struct Narcissus {
    echo: Arc<Narcissus>,
}

#[injectable]
struct Notifier {
    server: Server,
}

trait Mailer: Send + Sync {}

#[injectable(as dyn Mailer)]
struct Smtp;
impl Mailer for Smtp {}

#[injectable(as dyn Mailer)]
struct Carrier;
impl Mailer for Carrier {}

// --------------------------------------------------------------------- what gateways are made of

#[derive(Clone)]
struct Visitor;

#[derive(Clone)]
struct User;

#[injectable]
struct KnowsVisitors {
    database: Arc<Database>,
}

impl Authenticator for KnowsVisitors {
    type Identity = Visitor;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<Visitor>, WsException> {
        Ok(Visitor.into())
    }
}

#[injectable]
struct MembersOnly {
    database: Arc<Database>,
}

impl Guard for MembersOnly {
    async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        Ok(true)
    }
}

#[injectable]
struct Stopwatch {
    clock: Arc<dyn Clock>,
}

impl Interceptor for Stopwatch {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        next.handle().await
    }
}

// ------------------------------------------------------------------------------------- gateways

#[web_socket_gateway(namespace = "/chat", cors(origins = ["https://app.example"], credentials = true))]
#[use_guards(MembersOnly)]
struct ChatGateway {
    store: Arc<Store>,
    database: Arc<Database>,
}

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn welcome(&self) {}

    #[subscribe_message("send")]
    async fn send(&self, Identity(_): Identity<User>) {}

    #[subscribe_message("stop")]
    #[use_interceptors(Stopwatch)]
    async fn stop(&self, Inject(_): Inject<Limits>) {}
}

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn welcome_again(&self) {}

    #[subscribe_message("send")]
    async fn send_again(&self) {}

    #[subscribe_message("reauthenticate")]
    async fn log_in(&self) {}
}

#[web_socket_gateway(namespace = "/chat", cors(origins = ["https://app.example"]))]
struct OtherChatGateway;

#[web_socket_gateway]
impl OtherChatGateway {
    #[subscribe_message("send")]
    async fn send(&self) {}
}

#[web_socket_gateway(namespace = "/silent")]
struct SilentGateway;

#[web_socket_gateway(namespace = "/still", concurrency = 0)]
struct StillGateway;

#[web_socket_gateway]
impl StillGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway(namespace = "/limited", concurrency = |limits: &Limits| limits.concurrency)]
struct LimitedGateway;

#[web_socket_gateway]
impl LimitedGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

/// What stands here literally, the compiler looks at.
struct Config {
    namespace: String,
    origins: Vec<String>,
}

#[web_socket_gateway(namespace = |config: &Config| config.namespace.clone())]
struct SlashlessGateway;

#[web_socket_gateway]
impl SlashlessGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway(namespace = "/open", cors(origins = ["*"], credentials = true))]
struct OpenGateway;

#[web_socket_gateway]
impl OpenGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway(namespace = "/typo", cors(origins = |config: &Config| config.origins.clone()))]
struct TypoGateway;

#[web_socket_gateway]
impl TypoGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

// ------------------------------------------------------------------------------------- presence

#[injectable]
struct Greeter {
    presence: Presence<u64>,
}

#[web_socket_gateway(namespace = "/absent")]
struct AbsentGateway {
    presence: Presence<u64>,
}

#[web_socket_gateway]
impl AbsentGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway(namespace = "/renamed", presence)]
struct RenamedGateway {
    presence: Presence<String>,
}

impl OnPresence for RenamedGateway {
    type User = u64;
}

// ------------------------------------------------------- computed, and no better than literals

#[web_socket_gateway(
    namespace = |_: &Config| "/one,two",
    reauthenticate = |_: &Config| "connect",
)]
struct CommaGateway;

#[web_socket_gateway(namespace = |_: &Config| "", reauthenticate = |_: &Config| "42")]
struct NamelessGateway;

#[web_socket_gateway(namespace = |_: &Config| "/a#b", reauthenticate = |_: &Config| "say \"hi\"")]
struct HashGateway;

#[web_socket_gateway(
    namespace = "/nothing",
    reauthenticate = |_: &Config| String::new(),
    concurrency = |_: &Config| 0,
    outbox_packets = |_: &Config| 0,
    outbox_bytes = 0,
    handler_grace = Duration::ZERO,
)]
struct NothingGateway;

#[web_socket_gateway]
impl CommaGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway]
impl NamelessGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway]
impl HashGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

#[web_socket_gateway]
impl NothingGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

// ----------------------------------------------------------------------------------- by constants

mod events {
    pub(super) const MOVE: &str = "move";
    pub(super) const EVERY: &str = "*";
    pub(super) const RESERVED: &str = "connect";
}

#[web_socket_gateway(namespace = "/constants")]
struct ConstantGateway;

#[web_socket_gateway]
impl ConstantGateway {
    #[subscribe_message(events::MOVE)]
    async fn step(&self) {}

    #[subscribe_message("move")]
    async fn jump(&self) {}

    #[subscribe_message(events::EVERY)]
    async fn every(&self) {}

    #[subscribe_message(events::RESERVED)]
    async fn come(&self) {}
}

// ----------------------------------------------------------------- a circle that a gateway is part of

#[injectable]
struct Notifications {
    gateway: Arc<CircularGateway>,
}

trait Notifies: Send + Sync {}

#[injectable(as dyn Notifies)]
struct Bell {
    notifications: Arc<Notifications>,
}
impl Notifies for Bell {}

#[web_socket_gateway(namespace = "/circular")]
struct CircularGateway {
    bell: Arc<dyn Notifies>,
}

#[web_socket_gateway]
impl CircularGateway {
    #[subscribe_message("move")]
    async fn step(&self) {}
}

// ------------------------------------------------------------- what the macros cannot read by its name

use gateway_core::{Ack as Receipt, MessageBody as Body};

#[web_socket_gateway(namespace = "/twice")]
struct TwiceGateway;

#[web_socket_gateway]
impl TwiceGateway {
    #[subscribe_message("bodies")]
    async fn bodies(&self, one: Body<String>, other: Body<u64>) {
        drop((one, other));
    }

    #[subscribe_message("receipts")]
    async fn receipts(&self, one: Receipt, other: Receipt) {
        drop((one, other));
    }
}

// ----------------------------------------------------- what is made with nothing to work with

#[web_socket_gateway(namespace = |_: &Config| "/end/")]
#[use_guards(Throttle::per_socket(0, Duration::from_secs(1)), Roles::all::<&str>([]))]
#[use_interceptors(Timeout::after(Duration::ZERO))]
struct IdleGateway;

#[web_socket_gateway]
impl IdleGateway {
    #[on_connection]
    #[use_guards(Throttle::per_address(10, Duration::ZERO))]
    async fn welcome(&self) {}

    #[subscribe_message("move")]
    #[use_guards(Roles::any::<String>([]), Throttle::per_event(u32::MAX, Duration::from_secs(1)))]
    async fn step(&self) {}
}

// ------------------------------------------------------------- two handlers of all other events

#[web_socket_gateway(namespace = "/others")]
struct OthersGateway;

#[web_socket_gateway]
impl OthersGateway {
    #[subscribe_message(_)]
    async fn any(&self) {}
}

#[web_socket_gateway]
impl OthersGateway {
    #[subscribe_message(_)]
    async fn every(&self) {}
}

// -------------------------------------------------------------------------------------- events

const ENDS: &str = "disconnect";

#[derive(serde::Serialize, Event)]
#[event("news")]
struct Headline(String);

#[derive(serde::Serialize, Event)]
#[event("news")]
struct Flash(u8);

#[derive(serde::Serialize, Event)]
#[event(ENDS)]
struct Ends;

#[web_socket_gateway(namespace = "/events", emits(Headline, Flash))]
struct EventsGateway {
    server: Server<Self>,
}

#[web_socket_gateway(emits(Ends))]
impl EventsGateway {}
