//! An application that is right, or has one mistake: `one ADDRESS WHICH`.
#![allow(dead_code)]

use std::sync::Arc;

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
        "twice" => app.authenticate::<KnowsUsers>().provide(Mistake(which)),
        "expected" => app.authenticate::<KnowsUsers>().expect::<LostGateway>(),
        _ => app.authenticate::<KnowsUsers>().expect::<LobbyGateway>(),
    };
    app.build().await?.serve(address).await
}

struct Mistake(String);

#[derive(Clone)]
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
    async fn enter(&self, Identity(_): Identity<User>) {}
}

impl OnPresence for LobbyGateway {
    type User = u64;
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

fn ready_twice(app: AppBuilder) -> AppBuilder {
    let ready = || std::future::ready(Ok::<_, NoTable>(()));
    app.readiness_check("database", ready).readiness_check("database", ready)
}
