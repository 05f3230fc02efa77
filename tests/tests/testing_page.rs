//! The tests that the README and `docs/testing.md` show, of the README's own program.

use std::{fs, path::Path};

#[allow(dead_code, unreachable_pub, reason = "nothing runs its `main`, and here it is a module")]
mod program {
    include!(concat!(env!("OUT_DIR"), "/readme.rs"));
}

#[allow(unused_imports, reason = "as the tests beside a program have it")]
use program::*;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gateway_core::prelude::*;
    use gateway_test::TestApp;
    use serde_json::{Value, json};

    use super::*;

    async fn app() -> TestApp {
        let jwt = JwtService::hs256("a secret of the tests, of 32 bytes or more");
        TestApp::new(App::builder().provide(jwt)).build().await
    }

    /// What an authenticator would say of this user.
    fn user(id: u64) -> Authenticated<User> {
        Authenticated::new(User { id }).user(id)
    }

    #[tokio::test]
    async fn what_is_said_in_a_room_is_heard_there() {
        let app = app().await;
        let alice = app.connect("/chat").as_user(user(1)).await;
        let bob = app.connect("/chat").as_user(user(2)).await;
        bob.ack::<()>("join-room", json!({ "roomId": "kitchen" })).await.unwrap();

        let message = json!({ "roomId": "kitchen", "content": "hello" });
        let sent: Value = alice.ack("send-message", message).await.unwrap();
        assert_eq!(bob.expect_event::<Value>("new-message").await, sent);
        alice.expect_nothing("new-message").await; // she is not in the kitchen
    }

    #[tokio::test]
    async fn who_says_nothing_is_told_so() {
        let app = app().await;
        let alice = app.connect("/chat").as_user(user(1)).await;
        let blank = json!({ "roomId": "kitchen", "content": " " });
        let refusal = alice.ack::<Value>("send-message", blank).await.unwrap_err();
        assert_eq!(refusal.code, "EMPTY_MESSAGE");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_token() {
        let app = app().await;
        let session = user(1).expires_at(app.now() + Duration::from_secs(3600));
        let alice = app.connect("/chat").as_user(session).await;
        tokio::time::advance(Duration::from_secs(3601)).await; // takes no time
        let told: Value = alice.expect_event("exception").await;
        assert_eq!(told["code"], code::TOKEN_EXPIRED);
        alice.closed().await;
    }
}

#[test]
fn the_pages_show_these_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = |path: &str| fs::read_to_string(root.join(path)).expect("a page");
    let own = text("tests/tests/testing_page.rs");
    let begin = own.find("#[cfg(test)]\nmod tests {").expect("the tests");
    let end = own[begin..].find("\n}\n").expect("their end");
    let shown = &own[begin..][..end + "\n}\n".len()];
    for page in ["README.md", "README.zh-CN.md", "docs/testing.md"] {
        assert!(text(page).contains(shown), "{page} shows other tests");
    }
}
