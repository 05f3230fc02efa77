//! The demo's contract, for those of its rows that need neither a socket of the system nor a second process: the same
//! scenarios as in `tests/wire/cases/demo-*.test.mjs`, which the official client plays against the program.

mod chat;
mod login;
mod orders;
mod presence;

use std::time::{Duration, UNIX_EPOCH};

use demo_app::Config;
use gateway_core::JwtService;
use gateway_test::{Connect, TestApp, TestClient};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

/// The demo, on a database of its own that nothing is left of.
struct Demo(TestApp);

impl Demo {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings, as on the command line.
    async fn with(settings: &[&str]) -> Self {
        let mut all = vec!["--database-url", "sqlite::memory:"];
        all.extend(settings);
        let config = Config::of(&all).unwrap();
        let database = demo_app::open_database(&config.database_url).await.unwrap();
        Self(TestApp::new(demo_app::app(&config, database)).build().await)
    }

    /// An access token of this user.
    fn token(&self, user: u64) -> String {
        self.token_of(json!(user), HOUR)
    }

    fn token_of(&self, sub: Value, lasts: Duration) -> String {
        let expires = (self.0.now() + lasts).duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.0.get::<JwtService>().sign(&json!({ "sub": sub, "exp": expires })).unwrap()
    }

    fn connect(&self, namespace: &str, user: u64) -> Connect {
        self.0.connect(namespace).auth(json!({ "token": self.token(user) }))
    }

    /// A device of this user, in the chat.
    async fn device(&self, user: u64) -> TestClient {
        self.connect("/chat", user).await
    }

    /// Why somebody with this `auth` is not let in.
    async fn refusal(&self, namespace: &str, auth: Value) -> String {
        self.0.connect(namespace).auth(auth).attempt().await.expect_err("is let in").to_string()
    }
}
