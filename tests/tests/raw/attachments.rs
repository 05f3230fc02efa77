//! Placeholders that no client would write: what is passed on to others is always well formed, and
//! no attachment is copied for each of its names.

use std::time::Duration;

use serde_json::{Value, json};
use tests::raw::{Client, Kind, Packet};
use tokio::time::timeout;

use crate::{MIB, client, fixture, in_mib, machine};

/// What a message with one attachment of 0.9 MB may take at its highest: the frame, the message
/// and its answer, and what the reader's buffer grows to by doubling.
const ONE_MESSAGE_GROWN: u64 = 16 * MIB;
const ATTACHMENT: usize = 900_000;

/// How often the attachment is named: 180 MB of it, if each name is a copy.
const NAMES: usize = 200;

/// More than a message takes through a room.
const SOON: Duration = Duration::from_secs(5);

/// A message with so many attachments of a few bytes, and what the server answers to it.
async fn say(client: &mut Client, event: &str, arguments: &Value, attachments: usize) -> Value {
    let mut list = vec![json!(event)];
    list.extend(arguments.as_array().expect("a list").iter().cloned());
    let text = serde_json::to_string(&list).expect("JSON");
    if attachments == 0 {
        client.send(&format!("42/raw,7{text}"));
    } else {
        client.send(&format!("45{attachments}-/raw,7{text}"));
    }
    for number in 0..attachments {
        client.send_binary(format!("bytes {number}").as_bytes());
    }
    timeout(SOON, client.answer_to(7)).await.expect("an answer in time").expect("an answer")
}

/// What an official client does with a packet, as far as it ends the connection there: every
/// placeholder names an attachment that has come.
fn verify(packet: &Packet, attachments: usize) {
    fn visit(value: &Value, attachments: usize) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| visit(item, attachments)),
            Value::Object(fields) if fields.get("_placeholder") == Some(&Value::Bool(true)) => {
                match fields.get("num").and_then(Value::as_u64) {
                    Some(number) if (number as usize) < attachments => Ok(()),
                    _ => Err(value.to_string()),
                }
            }
            Value::Object(fields) => {
                fields.values().try_for_each(|field| visit(field, attachments))
            }
            _ => Ok(()),
        }
    }
    if packet.attachments > 0 {
        for argument in packet.list() {
            if let Err(poison) = visit(&argument, attachments) {
                panic!("official clients in the room are disconnected by {poison}");
            }
        }
    }
}

/// Reads what the room was told, up to a word that was sent last.
async fn verify_all(member: &mut Client) {
    let all = async {
        loop {
            let (packet, attachments) = member.whole_packet().await.expect("it stays");
            verify(&packet, attachments.len());
            if packet.kind == Kind::Event && packet.data == r#"["relayed","last"]"# {
                return;
            }
        }
    };
    timeout(SOON, all).await.expect("the room is served");
}

/// Things that look like a placeholder, each beside one that is; `1` attachment comes with them.
fn poisons() -> Vec<Value> {
    vec![
        json!({ "_placeholder": true, "num": "0" }),
        json!({ "_placeholder": true, "num": null }),
        json!({ "_placeholder": true }),
        json!({ "_placeholder": true, "num": 1 }),
        json!({ "_placeholder": true, "num": -1 }),
        json!({ "_placeholder": true, "num": 0.5 }),
        json!({ "_placeholder": true, "num": 1e30 }),
        json!({ "_placeholder": true, "num": [0] }),
        json!({ "deep": [{ "_placeholder": true, "num": "0" }] }),
    ]
}

#[tokio::test]
async fn what_looks_like_a_placeholder_is_refused_and_not_passed_on_to_a_room() {
    let server = fixture();
    let mut member = client(&server, "/raw").await;
    member.answer("join", "").await.expect("a member");
    let mut sender = client(&server, "/raw").await;

    let real = json!({ "_placeholder": true, "num": 0 });
    let mut accepted = Vec::new();
    for poison in poisons() {
        let answer = say(&mut sender, "relay", &json!([poison, real]), 1).await;
        if answer["code"] != "BAD_PAYLOAD" {
            accepted.push(poison);
        }
    }
    let answer = say(&mut sender, "relay", &json!(["last"]), 0).await;
    assert_eq!(answer, Value::Null, "its connection goes on");
    verify_all(&mut member).await;
    assert!(accepted.is_empty(), "not refused: {accepted:?}");
}

/// Without an attachment of its own it is an object like any other, until it meets one.
#[tokio::test]
async fn what_looks_like_a_placeholder_is_never_sent_beside_attachments_of_a_handler() {
    let server = fixture();
    let mut member = client(&server, "/raw").await;
    member.answer("join", "").await.expect("a member");
    let mut sender = client(&server, "/raw").await;
    for poison in poisons() {
        say(&mut sender, "relay-beside-bytes", &json!([poison]), 0).await;
    }
    let answer = say(&mut sender, "relay", &json!(["last"]), 0).await;
    assert_eq!(answer, Value::Null, "its connection goes on");
    verify_all(&mut member).await;
}

#[tokio::test]
async fn attachments_that_are_named_once_each_are_passed_on() {
    let server = fixture();
    let mut member = client(&server, "/raw").await;
    member.answer("join", "").await.expect("a member");
    let mut sender = client(&server, "/raw").await;
    let placeholder = |number: u8| json!({ "_placeholder": true, "num": number });
    let swapped = json!([{ "b": placeholder(1) }, placeholder(0)]);
    assert_eq!(say(&mut sender, "relay", &swapped, 2).await, Value::Null);
    let (packet, attachments) = member.whole_packet().await.expect("it is told");
    verify(&packet, attachments.len());
    let list = packet.list();
    let named = |value: &Value| &attachments[value["num"].as_u64().expect("a number") as usize][..];
    assert_eq!(named(&list[1]["b"]), b"bytes 1");
    assert_eq!(named(&list[2]), b"bytes 0");
}

/// One attachment, and a list that names it many times.
async fn one_attachment_named_many_times(event: &str) {
    let _machine = machine().await;
    let server = fixture();
    let mut sender = client(&server, "/raw").await;
    let attachment = vec![b'x'; ATTACHMENT];
    // What a well-formed message of this size takes is there already.
    sender.send(&format!(r#"451-/raw,1["{event}",[{{"_placeholder":true,"num":0}}]]"#));
    sender.send_binary(&attachment);
    let once = timeout(SOON, sender.answer_to(1)).await.expect("in time").expect("an answer");
    assert!(once.is_number(), "{once}");

    let guard = server.guard_memory(ONE_MESSAGE_GROWN * 4).expect("the memory");
    let names = vec![r#"{"_placeholder":true,"num":0}"#; NAMES].join(",");
    sender.send(&format!(r#"451-/raw,2["{event}",[{names}]]"#));
    sender.send_binary(&attachment);
    let answer = timeout(SOON, sender.answer_to(2)).await;
    let grown = guard.grown();
    assert!(grown <= ONE_MESSAGE_GROWN, "{} for a message of 0.9 MB", in_mib(grown));
    let answer = answer.expect("in time").expect("an answer");
    assert_eq!(answer["code"], "BAD_PAYLOAD", "{answer:.200}");
}

#[tokio::test]
async fn one_attachment_named_many_times_is_refused_and_not_copied_into_bytes() {
    one_attachment_named_many_times("attachments").await;
}

#[tokio::test]
async fn one_attachment_named_many_times_is_refused_and_not_copied_into_arguments() {
    one_attachment_named_many_times("arguments").await;
}

#[tokio::test]
async fn one_attachment_named_many_times_is_refused_and_not_copied_into_numbers() {
    one_attachment_named_many_times("octets").await;
}
