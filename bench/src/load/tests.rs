//! The generator against servers that do one thing wrong.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::frame::{self, Opcode};
use super::*;

/// What a server does with the text of a message: the texts it says, or it hangs up.
type Answer = fn(&str) -> Option<Vec<String>>;

/// A server for one client, which may be wrong only about messages.
fn server(answer: Answer) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0, answer));
    Target { address, namespace: "/chat", secret: "secret".to_owned() }
}

fn serve(mut stream: TcpStream, answer: Answer) {
    let mut say = {
        let mut stream = stream.try_clone().unwrap();
        move |text: &str| stream.write_all(&frame::unmasked(Opcode::Text, text.as_bytes())).ok()
    };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    say(r#"0{"sid":"a"}"#);
    // The clients' end is the end of this thread.
    while let Some(text) = receive(&mut stream) {
        let said = match text.strip_prefix("40/chat,") {
            Some(_) => Some(vec![r#"40/chat,{"sid":"b"}"#.to_owned()]),
            None => answer(&text),
        };
        let Some(said) = said else { return };
        said.iter().for_each(|text| {
            say(text);
        });
    }
}

/// A short text frame of a client.
fn receive(stream: &mut TcpStream) -> Option<String> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    let mut length = usize::from(head[1] & 0x7F);
    if length == 126 {
        let mut long = [0; 2];
        stream.read_exact(&mut long).ok()?;
        length = usize::from(u16::from_be_bytes(long));
    }
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).ok()?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    String::from_utf8(payload).ok()
}

/// The right answer to an echo.
fn echo(text: &str) -> String {
    let (id, arguments) = text.strip_prefix("42/chat,").unwrap().split_once('[').unwrap();
    let body = arguments.split_once(',').unwrap().1;
    format!("43/chat,{id}[{body}")
}

fn connected(answer: Answer) -> Fleet {
    let mut fleet = Fleet::new(server(answer)).unwrap().impatient();
    fleet.run(&mut Arrive::new(1)).unwrap();
    fleet
}

/// What happens when 8 questions are asked, `in_flight` at once.
fn asked(in_flight: usize, answer: Answer) -> Result<RoundTrips, String> {
    let mut work = RoundTrips::new(Question::Echo, in_flight, 8);
    match connected(answer).run(&mut work) {
        Ok(()) => Ok(work),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
fn fails(answer: Answer, because: &str) {
    match asked(1, answer) {
        Ok(work) => panic!("{} answers were fine", work.units()),
        Err(error) => assert!(error.contains(because), "{error}"),
    }
}

#[test]
fn right_answers_are_counted() {
    let work = asked(4, |text| Some(vec![echo(text)])).unwrap();
    assert_eq!((work.units(), work.overtook()), (8, 0));
}

#[test]
fn an_answer_that_overtakes_is_counted() {
    let late = |text: &str| {
        Some(match text.contains("42/chat,0[") {
            true => vec![],
            false if text.contains("42/chat,1[") => {
                vec![
                    echo(text),
                    echo(&text.replace("42/chat,1[", "42/chat,0[").replace(":1}", ":0}")),
                ]
            }
            false => vec![echo(text)],
        })
    };
    let work = asked(2, late).unwrap();
    assert_eq!((work.units(), work.overtook()), (8, 1));
}

#[test]
fn a_second_answer_is_an_error() {
    fails(|text| Some(vec![echo(text), echo(text)]), "a second answer to 0");
}

#[test]
fn a_lost_answer_is_an_error() {
    fails(|_| Some(vec![]), "lost: 1 acknowledgements");
}

#[test]
fn a_wrong_answer_is_an_error() {
    fails(|text| Some(vec![echo(text).replace("today", "tonight")]), "the answer to 0 is");
}

#[test]
fn an_event_that_nobody_asked_for_is_an_error() {
    fails(|_| Some(vec![r#"42/chat,["exception",{}]"#.to_owned()]), "not asked for");
}

#[test]
fn a_connection_that_ends_is_an_error() {
    fails(|_| None, "dropped the connection");
}

/// A room of one: the acknowledgement, and the message so many times.
fn said(text: &str, deliveries: usize) -> Option<Vec<String>> {
    let (id, arguments) = text.strip_prefix("42/chat,").unwrap().split_once('[').unwrap();
    if arguments.starts_with("\"join-room\"") {
        return Some(vec![format!("43/chat,{id}[{{\"success\":true}}]")]);
    }
    let body = arguments.split_once(",{").unwrap().1.strip_suffix("}]").unwrap();
    let message = format!(
        "{{\"id\":\"0193e3a5-1c2d-7000-8000-000000000000\",{body},\"senderId\":1,\
         \"createdAt\":\"2024-02-29T00:00:00Z\"}}"
    );
    let event = format!("42/chat,[\"new-message\",{message}]");
    Some([vec![event; deliveries], vec![format!("43/chat,{id}[{message}]")]].concat())
}

fn talked(answer: Answer) -> Result<u64, String> {
    let mut fleet = connected(answer);
    fleet.run(&mut Join::new()).unwrap();
    let mut work = Talk::new(2, 3);
    fleet.run(&mut work).map(|()| work.units()).map_err(|error| error.to_string())
}

#[test]
fn deliveries_are_counted() {
    assert_eq!(talked(|text| said(text, 1)), Ok(6));
}

#[test]
fn a_delivery_that_comes_twice_is_an_error() {
    assert_eq!(talked(|text| said(text, 2)), Err("client 0: message 0 came twice".to_owned()));
}

#[test]
fn a_lost_delivery_is_an_error() {
    let error = talked(|text| said(text, 0)).unwrap_err();
    assert_eq!(error, "lost: 0 acknowledgements and 2 deliveries");
}

/// The times of answers, and of questions, when 1,000 are asked in a second for a while.
fn paced(answer: Answer) -> Result<[Vec<Duration>; 2], String> {
    let mut fleet = connected(answer);
    let mut work = Paced::new(1_000.0);
    let begun = fleet.begin(&mut work);
    let paced = begun.and_then(|()| fleet.pace(&mut work, Duration::from_millis(300)));
    work.stop();
    paced.and_then(|()| fleet.finish(&mut work)).map_err(|error| error.to_string())?;
    let (latency, lateness) = work.times();
    Ok([latency, lateness])
}

#[test]
fn a_rate_is_kept_whatever_the_answers_do() {
    let [latency, lateness] = paced(|text| Some(vec![echo(text)])).unwrap();
    assert_eq!(latency.len(), lateness.len());
    // The one at the very end is due or not.
    assert!((300..=301).contains(&latency.len()), "{}", latency.len());
}

#[test]
fn a_server_that_stands_still_pays_for_all_that_it_kept_waiting() {
    const STILL: Duration = Duration::from_millis(200);
    let [mut latency, _] = paced(|text| {
        if text.contains("42/chat,0[") {
            thread::sleep(STILL);
        }
        Some(vec![echo(text)])
    })
    .unwrap();
    // One question in a millisecond, of which the first waited for all of it and the last for none.
    latency.sort_unstable();
    let slow = latency.iter().filter(|time| **time > STILL / 4).count();
    assert!(slow >= 140, "{slow} answers were late, and one may have been");
    assert!(latency[latency.len() - 1] >= STILL);
}

#[test]
fn a_wrong_or_lost_answer_at_a_rate_is_an_error() {
    let wrong = paced(|text| Some(vec![echo(text).replace("today", "tonight")]));
    assert!(wrong.unwrap_err().contains("the answer to 0 is"));
    let twice = paced(|text| Some(vec![echo(text), echo(text)]));
    assert!(twice.unwrap_err().contains("a second answer to 0"));
    let lost = paced(|text| {
        Some(vec![echo(text)].into_iter().filter(|_| !text.contains("chat,7[")).collect())
    });
    assert!(lost.unwrap_err().contains("lost: 1 acknowledgements"));
}
