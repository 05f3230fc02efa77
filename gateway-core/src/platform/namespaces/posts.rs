//! What clients on polling post: packets, which are judged before socketioxide sees them.

use std::ops::Range;

use axum::{
    body::{Body, BodyDataStream},
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header, request::Parts};

use super::{
    super::{
        fault::Fault,
        line::{Judge, Line, Linger},
        refusal::Refusal,
    },
    Door,
};

/// Between two packets.
const SEPARATOR: u8 = 0x1e;

/// What ends a session.
const CLOSE: &[u8] = b"1";

/// What a CONNECT begins with.
const CONNECT: &[u8] = b"40";

impl Door {
    /// Packets of a client on polling.
    pub(super) async fn take_in(&self, request: Request, line: &Line) -> Response {
        let posting = line.posting();
        line.reading().await;
        let (parts, body) = request.into_parts();
        let max_payload = self.options.packets.max_payload;
        let body = match content_length(&parts.headers) {
            Some(length) if length > max_payload => Err(Unreadable::TooLarge(body)),
            _ => collect(body, max_payload, line).await,
        };
        match body {
            Ok(body) => {
                let Some(mut judge) = posting.judge(&body, self.options.packets).await else {
                    return self.ask(Request::from_parts(parts, body.into())).await;
                };
                if line.is_faulty() {
                    return Refusal::BadRequest.into_response();
                }
                Post { door: self, line, parts, body }.take(&mut judge).await
            }
            Err(Unreadable::TooLarge(rest)) => {
                line.fail(Fault::TooLarge { max_payload });
                // Who is still writing does not see the answer to it.
                tokio::time::timeout(Linger::TIME, discard(rest)).await.ok();
                Refusal::TooLarge { max_payload }.into_response()
            }
            Err(Unreadable::Unheard(fault)) => {
                line.fail(fault);
                match fault {
                    Fault::TalkativeStranger { most } => Refusal::TooLarge { max_payload: most },
                    _ => Refusal::Full,
                }
                .into_response()
            }
            Err(Unreadable::Broken) => Refusal::BadRequest.into_response(),
        }
    }
}

/// A body of packets.
struct Post<'a> {
    door: &'a Door,
    line: &'a Line,
    parts: Parts,
    body: Bytes,
}

impl Post<'_> {
    /// Hands on what is allowed, up to what is not: mostly all of it, at once.
    async fn take(self, judge: &mut Judge) -> Response {
        let body = &self.body;
        let mut handed = 0;
        let mut at = 0;
        while at < body.len() {
            let packet = body[at..].split(|byte| *byte == SEPARATOR).next().unwrap_or_default();
            if at > handed && packet.starts_with(CONNECT) && self.line.is_narrow() {
                let response = self.hand_on(self.parts.clone(), handed..at, judge).await;
                if response.status() != StatusCode::OK {
                    return response;
                }
                handed = at;
                self.line.reading().await;
            }
            if packet == CLOSE {
                self.line.end();
            }
            if let Err(fault) = judge.packet(packet, self.line) {
                if at > handed {
                    self.hand_on(self.parts.clone(), handed..at, judge).await;
                }
                self.line.fail(fault);
                return Refusal::BadRequest.into_response();
            }
            at += packet.len() + 1;
        }
        let parts = self.parts.clone();
        self.hand_on(parts, handed..body.len(), judge).await
    }

    async fn hand_on(&self, parts: Parts, part: Range<usize>, judge: &Judge) -> Response {
        let request = Request::from_parts(parts, self.body.slice(part).into());
        let response = self.door.ask(request).await;
        if response.status() == StatusCode::OK && judge.events() != self.line.heard() {
            // An event that socketioxide could not read: it has ended the session, and says nothing.
            self.line.fail(Fault::Packet);
            return Refusal::BadRequest.into_response();
        }
        response
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Why nothing is made of a body.
enum Unreadable {
    /// The rest of it.
    TooLarge(Body),
    /// Its client is a stranger, and says too much, or there is no room for what they say.
    Unheard(Fault),
    Broken,
}

async fn collect(body: Body, most: usize, line: &Line) -> Result<Bytes, Unreadable> {
    let mut stream = body.into_data_stream();
    let mut collected = match next(&mut stream, line).await? {
        // Mostly that is all, and need not be copied.
        Some(only) if only.len() <= most => match next(&mut stream, line).await? {
            None => return Ok(only),
            Some(chunk) if chunk.len() > most - only.len() => {
                return Err(Unreadable::TooLarge(Body::from_stream(stream)));
            }
            Some(chunk) => {
                let mut collected = BytesMut::from(&only[..]);
                collected.extend_from_slice(&chunk);
                collected
            }
        },
        Some(_) => return Err(Unreadable::TooLarge(Body::from_stream(stream))),
        None => return Ok(Bytes::new()),
    };
    while let Some(chunk) = next(&mut stream, line).await? {
        if chunk.len() > most - collected.len() {
            return Err(Unreadable::TooLarge(Body::from_stream(stream)));
        }
        collected.extend_from_slice(&chunk);
    }
    Ok(collected.freeze())
}

/// The next piece of a body, which counts if a stranger says it.
async fn next(body: &mut BodyDataStream, line: &Line) -> Result<Option<Bytes>, Unreadable> {
    let Some(chunk) = body.next().await else { return Ok(None) };
    let chunk = chunk.map_err(|_| Unreadable::Broken)?;
    line.says(chunk.len()).map_err(Unreadable::Unheard)?;
    Ok(Some(chunk))
}

/// Reads what nobody wants.
async fn discard(body: Body) {
    let mut stream = body.into_data_stream();
    while let Some(Ok(_)) = stream.next().await {}
}
