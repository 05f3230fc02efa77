//! What was once an advisory for a server, a parser or a library of this kind, and is none here.
//! `SECURITY.md` names each with its number.

use std::fs::File;
use std::process::Command;

use bytes::Bytes;
use tests::raw::{Client, Http, NO_HEARTBEAT, Polling, Server, binary_frame, text_frame};
use tokio::time::timeout;

use crate::{LATE, fixture};

async fn goes_on(server: &Server, after: &str) {
    let asked = async {
        let mut client = Client::open(server.address(), "/raw").await?;
        client.answer("value", "7").await
    };
    let answer = timeout(LATE, asked).await.unwrap_or_else(|_| panic!("no answer after {after}"));
    assert_eq!(answer.unwrap_or_else(|error| panic!("after {after}: {error}")), 7);
}

/// Requests that name what is in every object of JavaScript, open a WebSocket by another method, and
/// the like.
#[tokio::test]
async fn no_single_request_ends_the_server() {
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let server = fixture(&[], &NO_HEARTBEAT);
    let targets = [
        "/socket.io/?EIO=4&transport=constructor",
        "/socket.io/?EIO=4&transport=__proto__",
        "/socket.io/?EIO=4&transport=websocket&sid=__proto__",
        "/socket.io/?EIO=4&transport=polling&sid=constructor",
        "/socket.io/?EIO[]=4&transport[]=polling",
        "/socket.io/?EIO=4&transport=polling&j=0",
        "/socket.io/?%",
        "/socket.io/?",
    ];
    for target in targets {
        for method in ["GET", "POST", "PUT", "OPTIONS", "DELETE", "FOO"] {
            for headers in [&[][..], &upgrade] {
                let mut http = Http::open(server.address()).await.expect("a connection");
                // It may be ended, or go over to another protocol.
                timeout(LATE, http.request(method, target, headers, b"0")).await.ok();
                goes_on(&server, &format!("{method} {target}")).await;
            }
        }
    }
}

/// Packets that were taken for something else, or for nothing: cut in the middle of a character, with
/// names that are none, with numbers of attachments that do not come.
#[tokio::test]
async fn no_single_packet_ends_the_server() {
    let server = fixture(&[], &NO_HEARTBEAT);
    let deep = format!(r#"42/raw,1["length",{}1{}]"#, "[".repeat(100_000), "]".repeat(100_000));
    let texts = [
        "é",
        "4é",
        "40é",
        "b",
        "b4",
        "bé",
        "4",
        "42",
        "42é",
        "45",
        "451",
        "451-",
        "45é-/raw,[]",
        "42/raw,[{\"toString\":\"x\"}]",
        "42/raw,[\"error\",1]",
        "42/raw,1[\"error\"]",
        "42/raw,[\"constructor\"]",
        "42/raw,[\"__proto__\",{}]",
        "42/raw,[]",
        "42/raw,1[]",
        "42/raw,null",
        "451-/raw,[\"value\",{\"_placeholder\":true,\"num\":-1}]",
        "451-/raw,[\"value\",{\"_placeholder\":true,\"num\":\"splice\"}]",
        "451-/raw,[\"value\",{\"_placeholder\":true,\"num\":{}}]",
        "4599999999999999999999-/raw,[\"value\"]",
        "43/raw,1[]",
        "43/raw,[]",
        "44/raw,{}",
        "40/raw,",
        "40/raw,[]",
        &deep,
    ];
    for text in texts {
        let mut client = Client::open(server.address(), "/raw").await.expect("a connection");
        client.send(text);
        client.send_binary(b"x");
        timeout(LATE, client.flush()).await.ok();
        let mut polling = Polling::open(server.address(), "/raw").await.expect("a session");
        polling.say(text).await.ok();
        goes_on(&server, &format!("{text:.40}")).await;
    }
}

/// A message of 100,000 fragments of a byte.
#[tokio::test]
async fn tiny_fragments_make_one_message_or_none() {
    let server = fixture(&[], &NO_HEARTBEAT);
    let mut client = Client::open(server.address(), "/raw").await.expect("a connection");
    let message = format!("42/raw,1[\"length\",\"{}\"]", "x".repeat(100_000));
    let last = message.len() - 1;
    for (at, byte) in message.bytes().enumerate() {
        let opcode = u8::from(at == 0) | if at == last { 0x80 } else { 0 };
        client.write(&[opcode, 0x81, 0, 0, 0, 0, byte]);
    }
    let answered = timeout(LATE * 3, client.answer_to(1)).await.expect("an answer, or an end");
    if let Ok(answer) = answered {
        assert_eq!(answer, 100_000);
    }
    goes_on(&server, "tiny fragments").await;
}

#[tokio::test]
async fn many_headers_are_refused() {
    let server = fixture(&[], &NO_HEARTBEAT);
    let names: Vec<String> = (0..2_000).map(|number| format!("X-{number}")).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "a")).collect();
    let mut http = Http::open(server.address()).await.expect("a connection");
    let target = "/socket.io/?EIO=4&transport=websocket";
    let response = http.request("GET", target, &headers, b"").await.expect("an answer");
    assert_eq!(response.status, 431);
    goes_on(&server, "many headers").await;
}

/// Whatever clients may name, with what a terminal would take for a command: not even at `trace`, where
/// other crates write what comes as it comes.
#[tokio::test]
async fn no_escape_of_a_client_reaches_the_log() {
    let file = std::env::temp_dir().join(format!("abuse-{}.log", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixture"));
    command.env("LOG_LEVEL", "trace").stderr(File::create(&file).expect("a file"));
    let server = Server::measured(&mut command).expect("the fixture starts");
    let forged = "a\\n2026-01-01T00:00:00Z ERROR forged\\r\\u001b[31mred\\u2028\\u202e";
    let raw = "a\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[31mred\u{2028}\u{202e}";
    let said: Vec<Bytes> = vec![
        text_frame(&format!("40/{raw},")),
        text_frame(&format!("40/own,{{\"name\":\"{forged}\"}}")),
        text_frame(&format!("42/raw,1[\"{forged}\",1]")),
        text_frame(&format!("42/raw,1[\"{raw}\",1]")),
        text_frame(&format!("42/raw,1[\"value\",\"{forged}\"]")),
        text_frame(&format!("42/raw,1[\"join-named\",\"{forged}\"]")),
        text_frame(&format!("44/raw,{{\"message\":\"{forged}\"}}")),
        binary_frame(raw.as_bytes()),
        text_frame(raw),
    ];
    for frame in said {
        let mut client = Client::open(server.address(), "/raw").await.expect("a connection");
        client.write(&frame);
        timeout(LATE, client.flush()).await.ok();
        goes_on(&server, "a name").await;
    }
    drop(server);
    let log = std::fs::read_to_string(&file).expect("a log");
    std::fs::remove_file(&file).ok();
    assert!(log.contains("forged"), "nothing was logged of it, so nothing is shown");
    assert!(!log.contains('\u{1b}'), "an escape is in the log");
}
