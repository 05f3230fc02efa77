//! Declared events in tests: their names and types are known.

use gateway_core::prelude::*;
use gateway_test::TestApp;
use serde::{Deserialize, Serialize};

mod gateways {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event("said")]
    pub(crate) struct Said {
        pub(crate) text: String,
    }

    /// Two arguments.
    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event("moved", args)]
    pub(crate) struct Moved(pub(crate) i32, pub(crate) i32);

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event("sure?", ack = bool)]
    pub(crate) struct Sure {
        pub(crate) of: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event("over")]
    pub(crate) struct Over;

    #[web_socket_gateway(namespace = "/chat", emits(Said, Moved, Sure, Over))]
    pub(crate) struct ChatGateway {
        server: Server<Self>,
    }

    #[web_socket_gateway]
    impl ChatGateway {
        #[subscribe_message("say")]
        async fn say(&self, MessageBody(text): MessageBody<String>) -> Result<(), WsException> {
            self.server.send(&Said { text }).await?;
            self.server.send(&Moved(3, 4)).await?;
            Ok(self.server.send(&Over).await?)
        }

        #[subscribe_message("ask-me")]
        async fn ask_me(&self, socket: Socket) -> Result<bool, WsException> {
            let sure = Sure { of: "that".to_owned() };
            Ok(socket.request(&sure).await?.answer().await?)
        }

        #[subscribe_message("typo")]
        async fn typo(&self, socket: Socket) -> Result<(), WsException> {
            Ok(socket.emit("sayd", "hello").await?)
        }
    }
}

use gateways::{Moved, Over, Said, Sure};

async fn app() -> TestApp {
    TestApp::new(App::builder()).build().await
}

#[tokio::test]
async fn what_is_heard_and_what_was_sent_is_known_by_its_type() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    alice.ack::<()>("say", "hello").await.unwrap();
    let said = Said { text: "hello".to_owned() };
    assert_eq!(alice.expect::<Moved>().await, Moved(3, 4));
    assert_eq!(alice.expect::<Said>().await, said);
    assert_eq!(alice.expect::<Over>().await, Over);
    assert_eq!(app.sent::<Said>().to_everyone().read(), [said]);
    assert_eq!(app.sent::<Moved>().read(), [Moved(3, 4)]);
    assert!(app.sent::<Sure>().is_empty());
}

#[tokio::test]
async fn a_question_is_answered_by_who_is_asked() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    let (answer, asked) = tokio::join!(alice.ack::<bool>("ask-me", ()), async {
        let (question, answer) = alice.expect_request::<Sure>().await;
        answer.send(true);
        question
    });
    assert_eq!((answer.unwrap(), asked), (true, Sure { of: "that".to_owned() }));
}

#[tokio::test]
async fn a_name_that_is_not_declared_is_found_in_a_test() {
    let app = app().await;
    let alice = app.connect("/chat").await;
    assert_eq!(alice.refused("typo", ()).await.code, "INTERNAL");
    alice.expect_nothing("sayd").await;
}

#[tokio::test]
#[should_panic(expected = "`said` did not come within")]
async fn what_does_not_come_is_named() {
    tokio::time::pause();
    let app = app().await;
    app.connect("/chat").await.expect::<Said>().await;
}
