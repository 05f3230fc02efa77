//! What a client of a test says and hears.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::prelude::*;
use gateway_test::{CloseReason, ConnectError, TestApp};
use serde_json::{Value, json};

mod gateways {
    use super::*;

    #[web_socket_gateway(namespace = "/chat")]
    pub(crate) struct ChatGateway {
        server: Server,
    }

    #[web_socket_gateway]
    impl ChatGateway {
        #[subscribe_message("join")]
        async fn join(
            &self,
            socket: Socket,
            MessageBody(room): MessageBody<String>,
        ) -> Result<(), WsException> {
            Ok(socket.join(room).await?)
        }

        #[subscribe_message("say")]
        async fn say(
            &self,
            MessageBody((room, text)): MessageBody<(String, String)>,
        ) -> Result<usize, WsException> {
            if text.is_empty() {
                return Err(WsException::new("say something").with_code("EMPTY"));
            }
            self.server.to(room).emit("said", &text).await?;
            Ok(text.len())
        }

        #[subscribe_message("reverse")]
        async fn reverse(&self, MessageBody(bytes): MessageBody<Bytes>) -> Bytes {
            bytes.iter().rev().copied().collect()
        }

        #[subscribe_message("where")]
        async fn place(&self, handshake: Handshake) -> Args<(String, String, String)> {
            let header = handshake.header("x-lamp").unwrap_or("none").to_owned();
            let query = handshake.query("room").unwrap_or_default();
            Args((handshake.address().expect("an address").to_string(), header, query))
        }

        /// Asks the client, and answers what it was told.
        #[subscribe_message("ask-me")]
        async fn ask_me(&self, socket: Socket) -> Result<Value, WsException> {
            let answer: Value = socket.emit_with_ack("sure?", "really").await?;
            Ok(answer)
        }

        #[subscribe_message("send-me-away")]
        async fn send_me_away(&self, socket: Socket) {
            socket.disconnect();
        }

        #[subscribe_message("later")]
        async fn later(&self, socket: Socket) {
            tokio::time::sleep(Duration::from_millis(30)).await;
            socket.emit("now", ()).await.ok();
        }
    }

    #[web_socket_gateway]
    pub(crate) struct RootGateway;

    #[web_socket_gateway]
    impl RootGateway {
        #[on_connection]
        async fn welcome(&self, socket: Socket) -> Result<(), WsException> {
            Ok(socket.emit("welcome", Args((1, "two"))).await?)
        }

        #[on_disconnect]
        async fn bye(&self, reason: DisconnectReason, Inject(bye): Inject<Byes>) {
            bye.0.lock().unwrap().push(reason);
        }
    }

    #[injectable]
    pub(crate) struct Byes(#[init] pub std::sync::Mutex<Vec<DisconnectReason>>);

    #[injectable]
    pub(crate) struct Nobody;

    impl Authenticator for Nobody {
        type Identity = ();

        async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
            Err(WsException::unauthorized("not you"))
        }
    }

    #[web_socket_gateway(namespace = "/closed", authenticate = Nobody)]
    pub(crate) struct ClosedGateway {
        #[expect(dead_code, reason = "it is injected, and that is all")]
        pub(crate) server: Server,
    }
}

async fn app() -> TestApp {
    TestApp::new(App::builder()).build().await
}

#[tokio::test]
async fn what_is_said_in_a_room_is_heard_there_and_nowhere_else() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    let bob = app.connect("/chat").await;
    let carol = app.connect("/chat").await;
    bob.ack::<()>("join", "kitchen").await.unwrap();
    assert_eq!(alice.ack::<usize>("say", Args(("kitchen", "hello"))).await, Ok(5));
    assert_eq!(bob.expect_event::<String>("said").await, "hello");
    carol.expect_nothing("said").await;
    alice.expect_nothing("said").await;
}

#[tokio::test]
async fn an_error_is_answered_with_its_code_its_fields_and_its_words() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    let empty = alice.ack::<usize>("say", Args(("kitchen", ""))).await.unwrap_err();
    assert_eq!((&*empty.code, &*empty.message), ("EMPTY", "say something"));
    assert_eq!(empty.to_string(), "EMPTY: say something");
    let wrong = alice.ack::<()>("say", Args(("kitchen", 7))).await.unwrap_err();
    assert_eq!(wrong.code, code::BAD_PAYLOAD);
    assert_eq!(wrong.errors[0].path, "[1]");
    assert_eq!(alice.refused("reverse", ()).await.code, code::BAD_PAYLOAD);
    alice.emit("nobody-handles-this", ());
    // Each comes as an event, too, and without an acknowledgement only so.
    for expected in ["EMPTY", code::BAD_PAYLOAD, code::BAD_PAYLOAD, code::UNKNOWN_EVENT] {
        assert_eq!(alice.expect_event::<Value>("exception").await["code"], expected);
    }
}

#[tokio::test]
async fn binary_data_goes_both_ways() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    let reversed: Bytes = alice.ack("reverse", Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(reversed, "cba");
}

#[tokio::test]
async fn the_handshake_is_what_the_test_says() {
    let app = app().await;
    let address = "203.0.113.7:4711".parse().unwrap();
    let connect = app.connect("/chat").address(address).header("x-lamp", "lit");
    let alice = connect.query("room", "a%20b").await;
    let place: (String, String, String) = alice.ack("where", ()).await.unwrap();
    assert_eq!(place, ("203.0.113.7:4711".into(), "lit".into(), "a b".into()));
    let bob = app.connect("/chat").await;
    let (near, ..): (String, String, String) = bob.ack("where", ()).await.unwrap();
    assert!(near.starts_with("127.0.0.1:"), "{near}");
}

#[tokio::test]
async fn the_servers_questions_are_answered_by_hand_or_by_themselves() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    let asking = alice.ack::<bool>("ask-me", ());
    let (question, answer) = alice.expect_asked::<String>("sure?").await;
    assert_eq!(question, "really");
    answer.send(true);
    assert_eq!(asking.await, Ok(true));
    alice.on_ask("sure?", |question: String| question.len());
    assert_eq!(alice.ack::<usize>("ask-me", ()).await, Ok(6));
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let app = app().await;
    let refused = app.connect("/closed").attempt().await.unwrap_err();
    assert_eq!(refused, ConnectError::Refused("not you".into()));
    let unknown = app.connect("/nowhere").attempt().await.unwrap_err();
    assert!(matches!(unknown, ConnectError::Refused(_)), "{unknown:?}");
    let foreign = app.connect("/chat").header("origin", "https://evil.example").attempt().await;
    assert!(matches!(foreign.unwrap_err(), ConnectError::Http(403, _) | ConnectError::Refused(_)));
}

#[tokio::test]
async fn the_end_of_a_connection_has_its_reason_on_both_sides() {
    let app = app().await;
    let byes = app.get::<gateways::Byes>();
    let leaving = app.connect("/").await;
    assert_eq!(leaving.expect_event::<(u8, String)>("welcome").await, (1, "two".into()));
    leaving.close().await;
    assert_eq!(byes.0.lock().unwrap().pop(), Some(DisconnectReason::ClientNamespaceDisconnect));
    app.connect("/").await.cut();
    app.settle().await;
    let reason = byes.0.lock().unwrap().pop();
    assert!(
        matches!(reason, Some(DisconnectReason::TransportClose | DisconnectReason::TransportError)),
        "{reason:?}"
    );
    let alice = app.connect("/chat").await;
    alice.emit("send-me-away", ());
    assert_eq!(alice.closed().await, CloseReason::ServerDisconnect);
    assert!(!alice.is_connected());
}

#[tokio::test]
async fn shutting_down_is_what_it_is_in_production() {
    let app = app().await;
    let alice = app.connect("/").await;
    app.shut_down().await.unwrap();
    assert_eq!(alice.closed().await, CloseReason::TransportClose(Some(1001)));
    let byes = app.get::<gateways::Byes>();
    assert_eq!(*byes.0.lock().unwrap(), [DisconnectReason::ServerShutdown]);
    app.shut_down().await.expect("a second time changes nothing");
    assert!(app.connect("/").attempt().await.is_err());
}

#[tokio::test]
async fn settling_waits_for_handlers_that_wait_themselves() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    alice.emit("later", ());
    app.settle().await;
    alice.expect_event::<()>("now").await;
}

#[tokio::test]
async fn a_server_of_the_application_reaches_its_clients() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    app.server("/chat").emit("news", json!({ "it": "rains" })).await.unwrap();
    assert_eq!(alice.expect_event::<Value>("news").await["it"], "rains");
}

#[tokio::test]
async fn what_is_sent_is_written_down_with_whom_it_is_for() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    alice.ack::<usize>("say", Args(("kitchen", "hello"))).await.unwrap();
    let said = app.sent_event("said").to_room("kitchen");
    assert_eq!(said.len(), 1, "though nobody is in the kitchen");
    assert_eq!((said[0].read::<String>(), &*said[0].namespace), ("hello".into(), "/chat"));
    assert!(
        app.sent_event("said").to_room("cellar").is_empty()
            && app.sent_event("said").to_everyone().is_empty()
    );

    let server = app.server("/chat");
    server.user(7).emit("paid", Args((1, "two"))).await.unwrap();
    assert_eq!(app.sent_event("paid").to_user(7)[0].read::<(u8, String)>(), (1, "two".into()));
    assert!(app.sent_event("paid").to_user(8).is_empty());
    server.except("kitchen").emit("news", Bytes::from_static(b"abc")).await.unwrap();
    let news = app.sent_event("news").to_everyone();
    assert_eq!(
        (news[0].arguments(), &*news[0].except),
        (json!("<3 bytes>"), &["kitchen".to_owned()][..])
    );
    let root = app.connect("/").await;
    assert_eq!(app.sent_event("welcome").to_socket(root.id()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_many_threads_will_do() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    alice.ack::<()>("join", "a").await.unwrap();
    for number in 0..50 {
        alice.emit("say", Args(("a", number.to_string())));
    }
    app.settle().await;
    for number in 0..50 {
        assert_eq!(alice.expect_event::<String>("said").await, number.to_string());
    }
    alice.expect_nothing("said").await;
}

mod what_is_said_when_a_test_fails {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;

    use super::*;

    /// What the test fails with.
    async fn words(test: impl Future) -> String {
        let Err(panic) = AssertUnwindSafe(test).catch_unwind().await else {
            panic!("it does not fail")
        };
        let said = panic.downcast_ref::<String>().cloned();
        said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.to_owned())).expect("a text")
    }

    #[tokio::test(start_paused = true)]
    async fn what_did_not_come_and_what_came_instead() {
        let said = words(async {
            let app = app().await;
            let alice = app.connect("/").await;
            alice.expect_event::<()>("goodbye").await;
        });
        let said = said.await;
        assert!(said.contains("tests/clients.rs:"), "{said}");
        assert!(said.contains("`goodbye` did not come within 5s"), "{said}");
        assert!(said.contains(r#"`welcome` [1,"two"]"#), "{said}");
    }

    #[tokio::test]
    async fn what_came_and_was_not_expected() {
        let said = words(async {
            let app = app().await;
            app.connect("/").await.expect_nothing("welcome").await;
        });
        let said = said.await;
        assert!(said.contains(r#"`welcome` came, which was not expected: [1,"two"]"#), "{said}");
    }

    #[tokio::test]
    async fn what_is_of_another_type() {
        let said = words(async {
            let app = app().await;
            app.connect("/").await.expect_event::<(u8, u8)>("welcome").await;
        });
        let said = said.await;
        assert!(said.contains("`welcome` is no `(u8, u8)`") && said.contains("[1]"), "{said}");
    }

    #[tokio::test]
    async fn a_client_that_is_not_let_in() {
        let said = words(async {
            let app = app().await;
            app.connect("/closed").await;
        });
        let said = said.await;
        assert!(said.ends_with("a client was not let in to `/closed`: not you"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_does_not_end() {
        let said = words(async {
            let app = app().await;
            let alice = app.connect("/chat").await;
            alice.emit("ask-me", ());
            // The question waits for an answer, for five seconds, and five more are not left.
            app.settle().await;
            alice.emit("ask-me", ());
            alice.emit("ask-me", ());
            app.settle().await;
            alice.expect_event::<()>("never").await;
        });
        let said = said.await;
        assert!(said.contains("does not settle") || said.contains("`never`"), "{said}");
    }
}
