//! An application in which everything is put together wrongly. It compiles: these are the mistakes
//! that only show when all parts are known. Nothing of it ever runs.
#![allow(dead_code)]

use std::sync::Arc;

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
