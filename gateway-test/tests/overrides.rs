//! What a test replaces in an application, and what it leaves out.

use std::sync::Arc;

use axum::{Router, routing::get};
use gateway_core::prelude::*;
use gateway_test::TestApp;

mod gateways {
    use super::*;

    pub(crate) trait Store: Send + Sync {
        fn read(&self) -> String;
    }

    /// Needs what only production has.
    #[injectable(as dyn Store)]
    pub(crate) struct Database {
        _pool: Arc<Pool>,
    }

    pub(crate) struct Pool;

    impl Store for Database {
        fn read(&self) -> String {
            "from the database".to_owned()
        }
    }

    #[derive(Clone, serde::Deserialize)]
    pub(crate) struct User {
        pub(crate) id: u64,
    }

    #[derive(Clone)]
    pub(crate) struct Robot;

    #[injectable]
    pub(crate) struct ByToken;

    impl Authenticator for ByToken {
        type Identity = User;

        async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
            Err(WsException::unauthorized("no token"))
        }
    }

    #[injectable]
    pub(crate) struct Deny;

    impl Guard for Deny {
        async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
            Ok(false)
        }
    }

    #[injectable]
    pub(crate) struct Shout;

    impl Pipe for Shout {
        async fn transform(
            &self,
            value: Argument,
            _: &ArgumentMetadata<'_>,
        ) -> Result<Argument, WsException> {
            Ok(Argument::from(&*value.to::<String>()?.to_uppercase()))
        }
    }

    /// Answers in the handler's place.
    #[injectable]
    pub(crate) struct Cached;

    impl Interceptor for Cached {
        async fn intercept(
            &self,
            context: &ExecutionContext,
            _: Next<'_>,
        ) -> Result<Reply, WsException> {
            Reply::new(context, "cached")
        }
    }

    #[injectable]
    pub(crate) struct Polite;

    impl ExceptionFilter for Polite {
        type Catch = WsException;
        type Body = serde_json::Value;

        async fn catch(
            &self,
            error: &WsException,
            context: &ExecutionContext,
        ) -> Result<ErrorReply, WsException> {
            let sorry = error.clone().with_message(format!("sorry: {}", error.message()));
            Ok(ErrorReply::standard(&sorry, context))
        }
    }

    #[web_socket_gateway(namespace = "/store", authenticate = ByToken)]
    pub(crate) struct StoreGateway {
        store: Arc<dyn Store>,
    }

    #[web_socket_gateway]
    impl StoreGateway {
        #[subscribe_message("read")]
        async fn read(&self) -> String {
            self.store.read()
        }

        #[subscribe_message("denied")]
        #[use_guards(Deny)]
        async fn denied(&self, Identity(user): Identity<User>) -> u64 {
            user.id
        }

        #[subscribe_message("echo")]
        async fn echo(&self, #[use_pipes(Shout)] MessageBody(text): MessageBody<String>) -> String {
            text
        }

        #[subscribe_message("cached")]
        #[use_interceptors(Cached)]
        async fn cached(&self) -> &'static str {
            "fresh"
        }

        #[subscribe_message("roles")]
        #[use_guards(Roles::any(["admin"]))]
        async fn roles(&self) {}
    }

    #[web_socket_gateway(namespace = "/open")]
    pub(crate) struct OpenGateway {
        #[expect(dead_code, reason = "it is injected, and that is all")]
        pub(crate) server: Server,
    }

    /// Cannot be built in this file's tests.
    #[web_socket_gateway(namespace = "/other")]
    pub(crate) struct OtherGateway {
        #[expect(dead_code, reason = "it is injected, and that is all")]
        pub(crate) server: Server,
        #[expect(dead_code, reason = "it is injected, and that is all")]
        pub(crate) missing: Arc<Pool>,
    }
}

use gateways::*;

struct Memory;

impl Store for Memory {
    fn read(&self) -> String {
        "from memory".to_owned()
    }
}

struct Allow;

impl Guard for Allow {
    async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        Ok(true)
    }
}

struct Through;

impl Pipe for Through {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(value)
    }
}

impl Interceptor for Through {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        next.handle().await
    }
}

/// The application, as a test begins: without the database.
fn app() -> gateway_test::TestAppBuilder {
    TestApp::new(App::builder()).only::<StoreGateway>().provide_arc::<dyn Store>(Arc::new(Memory))
}

fn user() -> Authenticated<User> {
    Authenticated::new(User { id: 7 }).user(7)
}

#[tokio::test]
async fn a_service_is_replaced_with_all_that_it_needs() {
    let app = app().build().await;
    let alice = app.connect("/store").as_user(user()).await;
    assert_eq!(alice.ack::<String>("read", ()).await.unwrap(), "from memory");
}

#[tokio::test]
async fn what_is_provided_is_replaced_and_not_provided_twice() {
    let builder = App::builder().provide(String::from("first"));
    let app = TestApp::new(builder).only::<StoreGateway>();
    let app = app.provide_arc::<dyn Store>(Arc::new(Memory)).provide(String::from("second"));
    assert_eq!(*app.build().await.get::<String>(), "second");
}

#[tokio::test]
async fn what_a_factory_would_make_is_replaced() {
    let app = || TestApp::new(App::builder().provide_with(|| String::from("made")));
    let app = || app().only::<OpenGateway>();
    assert_eq!(*app().build().await.get::<String>(), "made");
    let replaced = app().provide(String::from("replaced"));
    assert_eq!(*replaced.build().await.get::<String>(), "replaced");
}

#[tokio::test]
async fn without_overrides_everything_must_be_buildable() {
    let error = TestApp::new(App::builder()).try_build().await.unwrap_err();
    let problems = error.problems();
    assert!(
        problems.iter().any(|one| one.contains("`OtherGateway` needs `Arc<Pool>`")),
        "{error:?}"
    );
    // Not even with one that replaces something: `/other` is still served.
    let app = TestApp::new(App::builder()).provide_arc::<dyn Store>(Arc::new(Memory));
    let problems = app.try_build().await.unwrap_err().problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[tokio::test]
async fn guards_pipes_and_interceptors_are_replaced_wherever_they_are_listed() {
    let as_it_is = app().build().await;
    let alice = as_it_is.connect("/store").as_user(user()).await;
    assert_eq!(alice.ack::<u64>("denied", ()).await.unwrap_err().code, code::FORBIDDEN);
    assert_eq!(alice.ack::<String>("echo", "hi").await.unwrap(), "HI");
    assert_eq!(alice.ack::<String>("cached", ()).await.unwrap(), "cached");

    let replaced = app()
        .override_guard::<Deny>(Allow)
        .override_pipe::<Shout>(Through)
        .override_interceptor::<Cached>(Through);
    let replaced = replaced.build().await;
    let alice = replaced.connect("/store").as_user(user()).await;
    assert_eq!(alice.ack::<u64>("denied", ()).await, Ok(7));
    assert_eq!(alice.ack::<String>("echo", "hi").await.unwrap(), "hi");
    assert_eq!(alice.ack::<String>("cached", ()).await.unwrap(), "fresh");
}

#[tokio::test]
async fn values_and_global_ones_are_replaced_too() {
    let builder = || App::builder().use_global_guards(Deny).use_global_filters(Polite);
    let app = |builder| {
        let app = TestApp::new(builder).only::<StoreGateway>();
        app.provide_arc::<dyn Store>(Arc::new(Memory))
    };
    let as_it_is = app(builder()).build().await;
    let alice = as_it_is.connect("/store").as_user(user()).await;
    let refused = alice.ack::<String>("read", ()).await.unwrap_err();
    assert!(refused.message.starts_with("sorry: "), "{refused}");

    let replaced = app(builder()).override_guard::<Deny>(Allow).override_guard::<Roles>(Allow);
    let replaced = replaced.build().await;
    let alice = replaced.connect("/store").as_user(user()).await;
    assert_eq!(alice.ack::<()>("roles", ()).await, Ok(()));
}

#[tokio::test]
async fn an_override_of_what_nothing_uses_is_a_mistake() {
    let app = app()
        .override_guard::<Throttle>(Allow)
        .override_authenticator::<JwtAuthenticator<User>>(Everybody);
    let error = app.try_build().await.unwrap_err();
    let problems = error.problems();
    let expected = [
        "the test overrides the authenticator `JwtAuthenticator<User>`, which nothing that is served uses",
        "the test overrides the guard `Throttle`, which nothing that is served uses",
    ];
    assert_eq!(problems, expected, "{error:?}");
}

struct Everybody;

impl Authenticator for Everybody {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        Ok(Authenticated::new(User { id: 8 }).user(8))
    }
}

#[tokio::test]
async fn an_authenticator_is_replaced_for_gateways_and_routes() {
    async fn who(Identity(user): Identity<User>) -> String {
        user.id.to_string()
    }
    let builder = || App::builder().routes(Router::new().route("/who", get(who)));
    let app = |builder| {
        let app = TestApp::new(builder).only::<StoreGateway>();
        app.provide_arc::<dyn Store>(Arc::new(Memory))
    };
    let replaced = app(builder()).override_authenticator::<ByToken>(Everybody).build().await;
    replaced.connect("/store").await;
    assert_eq!(replaced.http().get("/who").await.assert_status(200).text(), "8");

    // And without that, whom the test vouches for.
    let app = app(builder()).build().await;
    assert!(app.connect("/store").attempt().await.is_err());
    app.http().get("/who").await.assert_status(401);
    let own = app.http().get("/who").as_user(user()).await.assert_status(200);
    assert_eq!(own.text(), "7");
    let other = app.http().get("/who").as_user(Authenticated::new(Robot)).await.assert_status(401);
    assert!(
        other.text().contains("`Robot`") && other.text().contains("`User`"),
        "{}",
        other.text()
    );
}

#[tokio::test]
#[should_panic = "the clients of `/store` are known as `User`, not as `Robot`"]
async fn a_client_of_another_type_is_a_mistake_of_the_test() {
    let app = app().build().await;
    app.connect("/store").as_user(Authenticated::new(Robot)).await;
}

#[tokio::test]
#[should_panic = "nothing authenticates the clients of `/open`, so none of them can be a `()`"]
async fn a_client_of_whom_nobody_asks_who_it_is_cannot_be_somebody() {
    let app = TestApp::new(App::builder()).only::<OpenGateway>().build().await;
    app.connect("/open").as_user(Authenticated::new(()).user(7)).await;
}

#[tokio::test]
#[should_panic = "no gateway serves `/stoer`; served: `/store`"]
async fn a_namespace_that_nobody_serves_is_a_mistake_of_the_test() {
    let app = app().build().await;
    app.connect("/stoer").as_user(user()).await;
}
