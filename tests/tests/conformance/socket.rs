//! Socket.IO 5, over both transports: namespaces, events, acknowledgements, bytes.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::session::{Said, Session, Transport};
use crate::{on_both_transports, server, server_with};

on_both_transports![
    a_client_is_let_into_the_root_namespace,
    a_client_is_let_into_another_namespace,
    the_root_namespace_may_be_named,
    what_a_client_brings_along_reaches_the_server,
    an_unknown_namespace_is_refused,
    who_is_refused_is_told_why,
    a_refusal_costs_nothing_else,
    namespaces_of_one_connection_are_apart,
    who_does_not_connect_in_time_is_sent_away,
    an_event_before_any_namespace_ends_the_session,
    an_event_in_a_namespace_the_client_is_not_in_ends_the_session,
    a_malformed_packet_ends_the_session,
    a_client_leaves_a_namespace,
    a_client_leaves_one_namespace_of_two,
    a_client_comes_back_to_a_namespace,
    a_client_is_sent_away_from_a_namespace,
    who_was_sent_away_has_not_heard_of_it_yet,
    an_event_reaches_the_server_and_one_comes_back,
    an_event_in_a_namespace_is_answered_there,
    an_event_is_acknowledged_under_its_number,
    an_event_without_a_number_is_not_acknowledged,
    a_question_of_the_server_is_answered,
    a_question_of_the_server_is_answered_with_bytes,
    an_acknowledgement_of_nothing_costs_nothing,
    bytes_travel_in_an_event,
    bytes_travel_in_an_acknowledgement,
    bytes_travel_in_a_namespace,
    text_in_place_of_bytes_ends_the_session,
];

/// CONNECT without a namespace means `/`; the answer contains the client's id.
async fn a_client_is_let_into_the_root_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send("40").await;
    assert!(!id(session.next().await, "40").is_empty());
    session.hears(r#"42["auth",{}]"#).await;
}

/// CONNECT names a namespace between its type and a comma.
async fn a_client_is_let_into_another_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send("40/custom,").await;
    assert!(!id(session.next().await, "40/custom,").is_empty());
    session.hears(r#"42/custom,["auth",{}]"#).await;
}

/// `/` may be named explicitly.
async fn the_root_namespace_may_be_named(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send("40/,").await;
    id(session.next().await, "40");
    session.hears(r#"42["auth",{}]"#).await;
    session.send(r#"42/,1["message-with-ack",1]"#).await;
    session.hears("431[1]").await;
    session.send("41/,").await;
    session.send("40/,").await;
    id(session.next().await, "40");
}

/// The `sid` of a packet CONNECT, and nothing else in it.
#[track_caller]
fn id(connected: Said, head: &str) -> String {
    let Said::Text(text) = connected else { panic!("{connected:?}") };
    let object = text.strip_prefix(head).unwrap_or_else(|| panic!("{text}"));
    let object: Value = serde_json::from_str(object).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(object.as_object().map(serde_json::Map::len), Some(1), "{text}");
    object["sid"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// CONNECT may carry an object by which the server identifies the client.
async fn what_a_client_brings_along_reaches_the_server(transport: Transport) {
    let server = server();
    for (packet, place) in [("40", ""), ("40/custom,", "/custom,")] {
        let mut session = Session::open(&server, transport).await;
        session.send(&format!(r#"{packet}{{"more":[1,null],"token":"123"}}"#)).await;
        id(session.next().await, packet);
        session.hears(&format!(r#"42{place}["auth",{{"more":[1,null],"token":"123"}}]"#)).await;
    }
}

/// An unknown namespace is answered with CONNECT_ERROR and a message.
async fn an_unknown_namespace_is_refused(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send("40/nowhere,").await;
    session.hears(r#"44/nowhere,{"message":"Invalid namespace"}"#).await;
}

/// A client that is refused is told why.
async fn who_is_refused_is_told_why(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40/private,").await;
    session.hears(r#"44/private,{"message":"no token"}"#).await;
    session.send(r#"40/private,{"token":"x"}"#).await;
    session.hears(r#"44/private,{"message":"bad token"}"#).await;
    session.is_alive().await;
}

/// A client that is refused in one namespace is still served in others.
async fn a_refusal_costs_nothing_else(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40/nowhere,").await;
    session.hears(r#"44/nowhere,{"message":"Invalid namespace"}"#).await;
    session.is_alive().await;
}

/// Several namespaces share a connection; in each, the client has an id and receives that namespace's
/// events only.
async fn namespaces_of_one_connection_are_apart(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send("40").await;
    let root = id(session.next().await, "40");
    session.hears(r#"42["auth",{}]"#).await;
    session.send("40/custom,").await;
    let custom = id(session.next().await, "40/custom,");
    session.hears(r#"42/custom,["auth",{}]"#).await;
    assert!(!root.is_empty() && !custom.is_empty());
    session.send_all(&[r#"42["message",1]"#, r#"42/custom,["message",2]"#]).await;
    session.hears(r#"42["message-back",1]"#).await;
    session.hears(r#"42/custom,["message-back",2]"#).await;
}

/// A client that joins no namespace in time is disconnected.
async fn who_does_not_connect_in_time_is_sent_away(transport: Transport) {
    let server = server_with(&[("CONNECT_TIMEOUT_MS", "300")]);
    let mut session = Session::open(&server, transport).await;
    let begun = Instant::now();
    session.has_ended().await;
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
}

/// The first packet is a CONNECT.
async fn an_event_before_any_namespace_ends_the_session(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    session.send_nonsense(r#"42["message"]"#).await;
    session.has_ended().await;
}

/// A client cannot send to a namespace that it has not joined.
async fn an_event_in_a_namespace_the_client_is_not_in_ends_the_session(transport: Transport) {
    let server = server();
    for namespace in ["/custom", "/nowhere"] {
        let mut session = Session::connected(&server, transport, "/").await;
        session.send_nonsense(&format!(r#"42{namespace},["message"]"#)).await;
        session.has_ended().await;
    }
}

/// A packet has a known type, followed by JSON of the form that belongs to it.
async fn a_malformed_packet_ends_the_session(transport: Transport) {
    let server = server();
    for packet in
        ["4", "4abc", "48", "42", "42{}", "42[", "420", "42null", "42[]x", "45[\"a\"]", "45x-[]"]
    {
        let mut session = Session::connected(&server, transport, "/").await;
        session.send_nonsense(packet).await;
        session.has_ended().await;
    }
}

/// A client that has been disconnected may still send until it knows.
async fn who_was_sent_away_has_not_heard_of_it_yet(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40/custom,").await;
    id(session.next().await, "40/custom,");
    session.hears(r#"42/custom,["auth",{}]"#).await;
    session.send_all(&[r#"42/custom,["send-away"]"#, r#"42/custom,["message",1]"#]).await;
    session.hears("41/custom,").await;
    session.send(r#"42/custom,["message",1]"#).await;
    session.is_alive().await;
}

/// DISCONNECT leaves a namespace, not the connection.
async fn a_client_leaves_a_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("41").await;
    session.send("40/custom,").await;
    id(session.next().await, "40/custom,");
}

/// Nor does it leave any other namespace.
async fn a_client_leaves_one_namespace_of_two(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40/custom,").await;
    id(session.next().await, "40/custom,");
    session.hears(r#"42/custom,["auth",{}]"#).await;
    session.send("41/custom,").await;
    session.is_alive().await;
}

/// A client that has left may join again, as a new client.
async fn a_client_comes_back_to_a_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/custom").await;
    for _ in 0..5 {
        session.send("41/custom,").await;
        session.send("40/custom,").await;
        id(session.next().await, "40/custom,");
        session.hears(r#"42/custom,["auth",{}]"#).await;
    }
}

/// The server disconnects a client from a namespace with the same packet.
async fn a_client_is_sent_away_from_a_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40/custom,").await;
    id(session.next().await, "40/custom,");
    session.hears(r#"42/custom,["auth",{}]"#).await;
    session.send(r#"42/custom,["send-away"]"#).await;
    session.hears("41/custom,").await;
    session.is_alive().await;
}

/// An event is a list: its name, followed by any JSON.
async fn an_event_reaches_the_server_and_one_comes_back(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    for arguments in ["", ",1", r#",1,"2",{"3":[true,null]}"#, ",-1.5,[[]],{}"] {
        session.send(&format!(r#"42["message"{arguments}]"#)).await;
        session.hears(&format!(r#"42["message-back"{arguments}]"#)).await;
    }
}

/// A packet names its namespace, in both directions.
async fn an_event_in_a_namespace_is_answered_there(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/custom").await;
    session.send(r#"42/custom,["message",1]"#).await;
    session.hears(r#"42/custom,["message-back",1]"#).await;
    session.send(r#"42/custom,7["message-with-ack",1]"#).await;
    session.hears("43/custom,7[1]").await;
}

/// An event with a number requests an acknowledgement, which carries the same number and a list.
async fn an_event_is_acknowledged_under_its_number(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    for (number, arguments) in
        [("0", ""), ("456", "1"), ("9007199254740991", r#"1,"2",{"3":[false]}"#)]
    {
        let comma = if arguments.is_empty() { "" } else { "," };
        session.send(&format!(r#"42{number}["message-with-ack"{comma}{arguments}]"#)).await;
        session.hears(&format!("43{number}[{arguments}]")).await;
    }
}

/// Without a number, there is no acknowledgement.
async fn an_event_without_a_number_is_not_acknowledged(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send(r#"42["message-with-ack",1]"#).await;
    session.is_alive().await;
}

/// The server numbers its own requests, and receives the answer under that number.
async fn a_question_of_the_server_is_answered(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send(r#"4270["ask"]"#).await;
    let number = asked(&mut session).await;
    session.send(&format!(r#"43{number}[{{"yes":[1]}}]"#)).await;
    session.hears(r#"4370[{"yes":[1]}]"#).await;
}

/// The answer may be binary.
async fn a_question_of_the_server_is_answered_with_bytes(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send(r#"4271["ask-for-bytes"]"#).await;
    let number = asked(&mut session).await;
    session.send(&format!(r#"461-{number}[{{"_placeholder":true,"num":0}}]"#)).await;
    session.attach(&[1, 2, 3]).await;
    session.hears(r#"461-71[{"_placeholder":true,"num":0}]"#).await;
    session.hears_bytes(&[1, 2, 3]).await;
}

/// The number of a question that has come.
async fn asked(session: &mut Session) -> u64 {
    let said = session.next().await;
    let Said::Text(question) = &said else { panic!("{said:?}") };
    let number =
        question.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["question","?"]"#));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{question}"))
}

/// An answer that nobody waits for, or a second one, is ignored.
async fn an_acknowledgement_of_nothing_costs_nothing(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("43999[1]").await;
    session.is_alive().await;
}

/// Binary data is replaced by the number of its attachment, and the attachments follow in order.
async fn bytes_travel_in_an_event(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    let arguments = r#"{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}],"text""#;
    session.send(&format!(r#"452-["message",{arguments}]"#)).await;
    session.attach(&[1, 2, 3]).await;
    session.attach(&[4]).await;
    session.hears(&format!(r#"452-["message-back",{arguments}]"#)).await;
    session.hears_bytes(&[1, 2, 3]).await;
    session.hears_bytes(&[4]).await;
}

/// An acknowledgement may have attachments, too.
async fn bytes_travel_in_an_acknowledgement(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    let arguments = r#"{"_placeholder":true,"num":0},{"deep":{"_placeholder":true,"num":1}}"#;
    session.send(&format!(r#"452-789["message-with-ack",{arguments}]"#)).await;
    session.attach(&[1]).await;
    session.attach(&[2, 3]).await;
    session.hears(&format!("462-789[{arguments}]")).await;
    session.hears_bytes(&[1]).await;
    session.hears_bytes(&[2, 3]).await;
}

/// The namespace comes between the number of attachments and that of the acknowledgement.
async fn bytes_travel_in_a_namespace(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/custom").await;
    session.send(r#"451-/custom,5["message-with-ack",{"_placeholder":true,"num":0}]"#).await;
    session.attach(&[9]).await;
    session.hears(r#"461-/custom,5[{"_placeholder":true,"num":0}]"#).await;
    session.hears_bytes(&[9]).await;
}

/// While attachments are outstanding, nothing else may come.
async fn text_in_place_of_bytes_ends_the_session(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session
        .send(r#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        .await;
    session.send_nonsense(r#"42["message"]"#).await;
    session.has_ended().await;
}
