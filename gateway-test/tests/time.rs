//! Whatever waits for time waits for Tokio's, which tests control.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gateway_core::prelude::*;
use gateway_test::TestApp;
use serde_json::{Value, json};
use tokio::time::advance;

use gateways::User;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(30);

mod gateways {
    use super::*;

    #[derive(Clone, serde::Deserialize)]
    pub(crate) struct User {
        #[expect(dead_code, reason = "it is read from the token, and that is all")]
        pub(crate) sub: String,
    }

    #[web_socket_gateway(namespace = "/present", authenticate = JwtAuthenticator<User>, presence(grace = GRACE))]
    pub(crate) struct PresentGateway;

    #[web_socket_gateway]
    impl PresentGateway {
        #[subscribe_message("often")]
        #[use_guards(Throttle::per_user(2, Duration::from_secs(10)))]
        async fn often(&self) {}

        #[subscribe_message("ask-me")]
        async fn ask_me(&self, socket: Socket) -> Result<Value, WsException> {
            Ok(socket.emit_with_ack("sure?", ()).await?)
        }
    }

    impl OnPresence for PresentGateway {
        type User = String;

        async fn user_online(&self, user: String, everyone: Broadcast) -> Result<(), WsException> {
            Ok(everyone.emit("online", user).await?)
        }

        async fn user_offline(&self, user: String, everyone: Broadcast) -> Result<(), WsException> {
            Ok(everyone.emit("offline", user).await?)
        }
    }
}

const SECRET: &str = "a secret that is long enough to be one";

/// Its keys are made by a factory, as in an application that has a configuration.
async fn app() -> TestApp {
    let builder = App::builder().provide_with(|| JwtService::hs256(SECRET));
    TestApp::new(builder).build().await
}

/// A user's token that expires so long from now.
fn token(app: &TestApp, user: &str, lasts: Duration) -> Value {
    let ends = (app.now() + lasts).duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = app.get::<JwtService>().sign(&json!({ "sub": user, "exp": ends }));
    json!({ "token": token.unwrap() })
}

#[tokio::test(start_paused = true)]
async fn a_user_is_offline_after_the_grace_and_not_before() {
    let began = Instant::now();
    let app = app().await;
    let day = 24 * 60 * 60 * SECOND;
    let alice = app.connect("/present").auth(token(&app, "alice", day)).await;
    let bob = app.connect("/present").auth(token(&app, "bob", day)).await;
    assert_eq!(alice.expect_event::<String>("online").await, "alice");
    assert_eq!(alice.expect_event::<String>("online").await, "bob");
    bob.cut();
    app.settle().await;
    advance(GRACE - SECOND).await;
    alice.expect_nothing("offline").await;
    assert_eq!(alice.expect_event::<String>("offline").await, "bob");
    assert!(began.elapsed() < 5 * SECOND, "real time has passed: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tokens_and_their_sessions_expire() {
    let app = app().await;
    let auth = token(&app, "alice", 60 * SECOND);
    let alice = app.connect("/present").auth(&auth).await;
    advance(50 * SECOND).await;
    app.settle().await;
    assert!(alice.is_connected());
    // A second client, while the token holds.
    app.connect("/present").auth(&auth).await;
    let expired: Value = alice.expect_event_within(11 * SECOND, "exception").await;
    assert_eq!(expired["code"], code::TOKEN_EXPIRED);
    alice.closed().await;
    let late = app.connect("/present").auth(&auth).attempt().await;
    assert!(late.is_err(), "the token has expired for those who come, too");
}

#[tokio::test(start_paused = true)]
async fn so_do_sessions_that_the_test_vouches_for() {
    let app = app().await;
    let user = Authenticated::new(User { sub: "alice".into() }).user("alice");
    let alice = app.connect("/present").as_user(user.expires_at(app.now() + 5 * SECOND)).await;
    alice.ack::<()>("often", ()).await.unwrap();
    advance(6 * SECOND).await;
    alice.closed().await;
    assert!(app.now() > SystemTime::now() + 4 * SECOND, "the calendar follows Tokio's clock");
}

#[tokio::test(start_paused = true)]
async fn throttles_refill() {
    let app = app().await;
    let alice = app.connect("/present").auth(token(&app, "alice", 600 * SECOND)).await;
    alice.ack::<()>("often", ()).await.unwrap();
    alice.ack::<()>("often", ()).await.unwrap();
    let refused = alice.ack::<()>("often", ()).await.unwrap_err();
    assert_eq!((&*refused.code, &refused.body["retryAfter"]), (code::THROTTLED, &json!(5)));
    advance(4 * SECOND).await;
    assert!(alice.ack::<()>("often", ()).await.is_err());
    advance(SECOND).await;
    alice.ack::<()>("often", ()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_times_out() {
    let app =
        TestApp::new(App::builder().provide(JwtService::hs256(SECRET)).ack_timeout(3 * SECOND));
    let app = app.build().await;
    let alice = app.connect("/present").auth(token(&app, "alice", 600 * SECOND)).await;
    let began = tokio::time::Instant::now();
    let refused = alice.ack::<Value>("ask-me", ()).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 3, "{refused}");
    alice.expect_event::<()>("sure?").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_answers_pings_for_as_long_as_it_is_there() {
    let app = app().await;
    let alice = app.connect("/present").auth(token(&app, "alice", 86_400 * SECOND)).await;
    for _ in 0..60 {
        tokio::time::sleep(60 * SECOND).await;
    }
    alice.ack::<()>("often", ()).await.unwrap();
}
