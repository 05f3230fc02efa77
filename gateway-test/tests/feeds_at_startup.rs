//! What is told before the port is opened of an application whose feeds cannot work.

use gateway_core::prelude::*;
use gateway_test::TestApp;

use gateways::{Letters, PostGateway};

mod gateways {
    use super::*;

    #[web_socket_gateway(namespace = "/post", emits(Letter))]
    pub(crate) struct PostGateway;

    #[web_socket_gateway]
    impl PostGateway {
        #[subscribe_message("post")]
        async fn post(&self, Inject(letters): Inject<Feed<Letters>>) {
            letters.announce(&1, 1).await;
        }
    }

    #[derive(serde::Serialize, Event)]
    #[event("letter", ack = ())]
    pub(crate) struct Letter;

    /// Not a service, unless it is provided.
    pub(crate) struct Letters;

    impl FeedStore for Letters {
        type Gateway = PostGateway;
        type User = u64;
        type Update = ();
        type Event<'a> = Letter;

        async fn newest(&self, _: &u64) -> Result<i64, WsException> {
            Ok(0)
        }

        async fn unseen(&self, _: &u64, _: Unseen) -> Result<Vec<()>, WsException> {
            Ok(Vec::new())
        }

        async fn settle(&self, _: &u64, _: i64) -> Result<(), WsException> {
            Ok(())
        }

        fn number((): &()) -> i64 {
            0
        }

        fn event((): &(), _: &Handshake) -> Letter {
            Letter
        }
    }
}

/// What keeps the application from being built.
async fn problems(builder: AppBuilder) -> String {
    let built = TestApp::new(builder).only::<PostGateway>().try_build().await;
    built.expect_err("the application cannot work").to_string()
}

#[tokio::test]
async fn a_feed_that_was_not_added() {
    let told = problems(App::builder().provide(Letters)).await;
    assert!(told.contains("`PostGateway::post` takes `Inject<Feed<Letters>>`"), "{told}");
    assert!(told.contains("add `.feed::<Letters>()` to the `App::builder()`"), "{told}");
}

#[tokio::test]
async fn a_feed_without_its_store() {
    let told = problems(App::builder().feed::<Letters>()).await;
    assert!(told.contains("`Feed<Letters>` needs `Arc<Letters>`"), "{told}");
}

#[tokio::test]
async fn a_feed_that_was_added_twice() {
    let told = problems(App::builder().provide(Letters).feed::<Letters>().feed::<Letters>()).await;
    assert!(told.contains("`.feed::<Letters>()` is called twice"), "{told}");
}

#[tokio::test]
async fn a_feed_for_users_whom_nobody_knows() {
    let told = problems(App::builder().provide(Letters).feed::<Letters>()).await;
    assert!(
        told.contains(
            "`Feed<Letters>` is for the users of `PostGateway`, which has no authenticator"
        ),
        "{told}"
    );
}
