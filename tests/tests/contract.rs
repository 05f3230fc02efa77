//! What the attributes say to the contract, seen from outside: every way of taking a payload, of answering, of emitting
//! and of failing.
//!
//! A probe that asks with too few references finds nothing and says nothing, so each rung of each ladder has a row here.

use std::convert::Infallible;

use futures_util::{Stream, stream};
use gateway_core::prelude::*;
use gateway_core::{Args, Arguments, Contract, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod odd {
    use super::*;

    type Answer<T> = Result<T, WsException>;
    type Body<T> = MessageBody<T>;

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    pub(crate) struct Known {
        pub(crate) number: u8,
    }

    /// Nobody has derived a schema for it.
    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Secret {
        pub(crate) number: u8,
    }

    /// Somebody has come.
    ///
    /// Two paragraphs.
    #[derive(Debug, Serialize, JsonSchema, Event)]
    #[event("came")]
    pub(crate) struct Came<'a> {
        pub(crate) name: &'a str,
    }

    #[derive(Debug, Serialize, JsonSchema, Event)]
    #[event("moved", args, ack = (u8, String))]
    pub(crate) struct Moved(pub(crate) i32, pub(crate) i32);

    #[derive(Debug, Serialize, JsonSchema, Event)]
    #[event("reset", ack = Secret)]
    pub(crate) struct Reset;

    #[derive(Debug, Serialize, Event)]
    #[event("secret")]
    pub(crate) struct Hidden(pub(crate) u8);

    /// One event, in three forms.
    #[allow(dead_code)]
    #[derive(Debug, Serialize, JsonSchema, Event)]
    #[serde(tag = "kind")]
    #[event("changed", ack = ())]
    pub(crate) enum Changed<T> {
        Value { value: T },
        Nothing,
    }

    #[derive(Debug, Serialize, JsonSchema, Event)]
    #[event("refused")]
    pub(crate) struct Refused {
        pub(crate) why: String,
    }

    #[injectable]
    pub(crate) struct OfGateway;

    impl ExceptionFilter for OfGateway {
        type Catch = WsException;
        type Body = Refused;

        async fn catch(
            &self,
            exception: &WsException,
            _: &ExecutionContext,
        ) -> Answer<ErrorReply<Refused>> {
            Ok(ErrorReply::of(&Refused { why: exception.message().to_owned() }))
        }
    }

    pub(crate) struct OfHandler(#[allow(dead_code)] pub(crate) u8);

    impl ExceptionFilter for OfHandler {
        type Catch = std::num::ParseIntError;
        type Body = Value;

        async fn catch(
            &self,
            _: &std::num::ParseIntError,
            _: &ExecutionContext,
        ) -> Answer<ErrorReply> {
            Ok(ErrorReply::new("unreadable", &json!({ "number": false })))
        }
    }

    #[web_socket_gateway(
        namespace = "/odd",
        emits(Came<'_>, Moved, Reset, Hidden, Changed<u8>),
    )]
    #[use_filters(OfGateway)]
    pub(crate) struct OddGateway {
        _server: Server<Self>,
    }

    #[web_socket_gateway]
    impl OddGateway {
        /// Takes one.
        /// On two lines.
        #[subscribe_message("takes-one")]
        async fn takes_one(&self, _socket: Socket, MessageBody(_): Body<Known>) {}

        #[subscribe_message("takes-list")]
        async fn takes_list(&self, MessageBody(_): MessageBody<(u8, Option<String>)>) {}

        #[subscribe_message("takes-optional")]
        async fn takes_optional(&self, _body: Option<MessageBody<Known>>) {}

        #[subscribe_message("takes-result")]
        async fn takes_result(&self, _body: Result<MessageBody<Known>, WsException>) {}

        #[subscribe_message("takes-valid")]
        async fn takes_valid(&self, MessageBody(Valid(_)): MessageBody<Valid<Ruled>>) {}

        #[subscribe_message("takes-secret")]
        async fn takes_secret(&self, MessageBody(_): MessageBody<Secret>) {}

        #[subscribe_message("takes-secrets")]
        async fn takes_secrets(&self, MessageBody(_): MessageBody<(Secret, u8)>) {}

        #[subscribe_message("takes-anything")]
        async fn takes_anything(&self, MessageBody(_): MessageBody<Arguments>) {}

        #[subscribe_message("takes-bytes")]
        async fn takes_bytes(&self, _bytes: Bytes) {}

        #[subscribe_message("answers-known")]
        async fn answers_known(&self) -> Answer<Known> {
            Ok(Known { number: 7 })
        }

        #[subscribe_message("answers-plain")]
        async fn answers_plain(&self) -> u8 {
            7
        }

        #[subscribe_message("answers-tuple")]
        async fn answers_tuple(&self) -> (u8, u8) {
            (7, 7)
        }

        #[subscribe_message("answers-args")]
        async fn answers_args(&self) -> Args<(u8, String)> {
            Args((7, String::new()))
        }

        #[subscribe_message("answers-secret")]
        async fn answers_secret(&self) -> Answer<Secret> {
            Ok(Secret { number: 7 })
        }

        #[subscribe_message("answers-by-ack")]
        async fn answers_by_ack(&self, ack: Ack) -> Answer<()> {
            Ok(ack.send(7).await?)
        }

        #[subscribe_message("answers-event")]
        async fn answers_event(&self) -> WsResponse<Moved> {
            WsResponse::of(Moved(3, 4))
        }

        #[subscribe_message("answers-events")]
        async fn answers_events(&self) -> Answer<Vec<WsResponse<Reset>>> {
            Ok(vec![WsResponse::of(Reset)])
        }

        #[subscribe_message("answers-stream")]
        async fn answers_stream(
            &self,
            MessageBody(_): MessageBody<u8>,
        ) -> WsStream<impl Stream<Item = Result<WsResponse<Moved>, Infallible>> + use<>> {
            WsStream::new(stream::iter([Ok(WsResponse::of(Moved(1, 2)))]))
        }

        #[subscribe_message("answers-unnamed")]
        async fn answers_unnamed(&self) -> WsResponse<u8> {
            WsResponse::new("reset", 7)
        }

        #[subscribe_message("fails")]
        #[use_filters(OfHandler(1))]
        async fn fails(&self) -> Answer<()> {
            Err(WsException::new("no"))
        }

        #[cfg(any())]
        #[subscribe_message("is-not-there")]
        async fn is_not_there(&self, _what: NoSuchType) {}

        #[subscribe_message(_)]
        async fn others(&self) {}
    }

    #[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
    pub(crate) struct Ruled {
        #[garde(length(min = 1))]
        #[allow(dead_code)]
        text: String,
    }
}

mod private {
    use super::*;

    #[injectable]
    pub(crate) struct Everybody;

    impl Authenticator for Everybody {
        type Identity = u64;

        async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<u64>, WsException> {
            Ok(Authenticated::new(7))
        }
    }

    #[web_socket_gateway(
        namespace = "/private",
        authenticate = Everybody,
        reauthenticate = "renew"
    )]
    pub(crate) struct PrivateGateway {
        _server: Server,
    }
}

fn lock_of(contract: &Contract) -> Value {
    serde_json::from_str(&contract.lock().to_string()).expect("a lock is JSON")
}

/// The part of the lock about this gateway: what clients send, or what they are sent.
fn locked(direction: &str) -> Value {
    lock_of(&contract())["namespaces"]["/odd"][direction].clone()
}

fn byte() -> Value {
    json!({ "format": "uint8", "maximum": 255, "minimum": 0, "type": "integer" })
}

fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn gap(name: &str) -> Value {
    json!({ "x-gap": name })
}

#[test]
fn whatever_takes_the_payload_says_what_it_is() {
    let text = json!({ "type": ["string", "null"] });
    let rows = [
        ("takes-one", json!([of("Known")])),
        ("takes-list", json!([byte(), text])),
        ("takes-optional", json!([of("Known")])),
        ("takes-result", json!([of("Known")])),
        ("takes-valid", json!([of("Ruled")])),
        ("takes-secret", json!([gap("Secret")])),
        ("takes-bytes", json!([{ "format": "binary", "type": "string" }])),
        ("answers-stream", json!([byte()])),
        ("answers-plain", json!([])),
    ];
    let sent = locked("clientToServer");
    for (event, arguments) in rows {
        assert_eq!(sent[event]["arguments"], arguments, "{event}");
    }
    assert_eq!(sent["takes-optional"]["optional"], 1);
    assert_eq!(sent["takes-secrets"]["more"], gap("(Secret, u8)"));
    assert_eq!(sent["takes-anything"]["more"], true);
    assert!(sent.get("is-not-there").is_none(), "it is not compiled");
}

#[test]
fn whatever_is_returned_says_what_clients_are_answered() {
    let rows = [
        ("answers-known", json!([of("Known")])),
        ("answers-plain", json!([byte()])),
        ("answers-args", json!([byte(), { "type": "string" }])),
        ("answers-secret", json!([gap("Secret")])),
        ("answers-event", json!([])),
        ("answers-events", json!([])),
        ("answers-stream", json!([])),
        ("answers-unnamed", json!([])),
        ("takes-one", json!([])),
    ];
    let sent = locked("clientToServer");
    for (event, answer) in rows {
        assert_eq!(sent[event]["ack"]["arguments"], answer, "{event}");
    }
    let pair = &sent["answers-tuple"]["ack"]["arguments"];
    assert_eq!(pair[0]["prefixItems"], json!([byte(), byte()]), "a tuple is one argument");
    let anything = gap("it answers by its `Ack`, which takes anything");
    assert_eq!(sent["answers-by-ack"]["ack"]["more"], anything);
}

#[test]
fn whatever_is_listed_says_how_it_is_sent_and_acknowledged() {
    let number = json!({ "format": "int32", "type": "integer" });
    let told = locked("serverToClient");
    assert_eq!(told["came"], json!({ "arguments": [of("Came")] }));
    let answer = json!([byte(), { "type": "string" }]);
    let moved = json!({ "ack": { "arguments": answer }, "arguments": [number, number] });
    assert_eq!(told["moved"], moved);
    assert_eq!(told["reset"], json!({ "ack": { "arguments": [gap("Secret")] }, "arguments": [] }));
    assert_eq!(told["changed"]["ack"], json!({ "arguments": [] }));
    assert_eq!(told["secret"], json!({ "arguments": [gap("Hidden")] }));
    assert_eq!(told["exception"], json!({ "arguments": [of("WsError")] }));
}

#[test]
fn whatever_fails_says_as_what() {
    let sent = locked("clientToServer");
    assert_eq!(sent["answers-plain"]["errors"], json!([of("Refused")]));
    assert_eq!(sent["fails"]["errors"], json!([gap("Value"), of("Refused")]), "its own goes first");
    assert_eq!(locked("serverToClient")["refused"], json!({ "arguments": [of("Refused")] }));
}

#[test]
fn whoever_authenticates_takes_the_event_that_renews_a_session() {
    let renewals = |contract: Contract| {
        let lock = lock_of(&contract);
        [("/odd", "reauthenticate"), ("/private", "renew")].map(|(namespace, event)| {
            lock["namespaces"][namespace]["clientToServer"].get(event).is_some()
        })
    };
    assert_eq!(renewals(contract()), [false, true], "by itself");
    let app = App::builder().authenticate::<private::Everybody>();
    assert_eq!(renewals(app.contract()), [true, true], "as the application");
}

#[test]
fn what_is_written_above_it_is_told() {
    let definitions = contract().typescript();
    assert!(definitions.contains("     * Takes one.\n     * On two lines.\n"), "{definitions}");
    assert!(definitions.contains("/** Answers with the event `moved`. */"), "{definitions}");
    assert!(definitions.contains("// All other events are taken as well"), "{definitions}");
}

#[test]
fn every_gap_has_a_place() {
    let gaps: Vec<String> = contract().gaps().iter().map(ToString::to_string).collect();
    assert_eq!(gaps.len(), 7, "{gaps:#?}");
    for gap in &gaps {
        assert!(gap.contains("(tests/tests/contract.rs:"), "{gap}");
    }
    let secret = "`takes_secret`) has no schema: derive `schemars::JsonSchema` for it";
    assert!(gaps.iter().any(|gap| gap.ends_with(secret)), "{gaps:#?}");
}

#[tokio::test]
async fn it_is_served_to_whoever_asks() {
    let app = gateway_test::TestApp::new(App::builder().api_docs()).build().await;
    let document = app.http().get("/asyncapi.json").await.assert_status(200);
    assert_eq!(document.json::<Value>()["asyncapi"], "3.0.0");
    let page = app.http().get("/api-docs").await.assert_status(200);
    assert!(page.text().contains("takes-one"));
    let taken = axum::Router::new().route("/api-docs", axum::routing::get(|| async {}));
    let refused = App::builder().api_docs().routes(taken).build().await.expect_err("it is taken");
    let [problem] = &*refused.problems() else { panic!("{refused}") };
    assert!(
        problem.contains("a route `/api-docs`, where its contract is to be served"),
        "{problem}"
    );
}
