//! A contract of many odd shapes, which tests look at from all sides: here, and in `tests/contract`.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Contract,
    description::{
        ArgumentsDescription::{self, List, None as Nothing, One, Optional, Unknown},
        EventDescription, FilterDescription, GatewayDescription, HandlerDescription, Place,
        ReplyDescription, TypeDescription,
    },
};
use crate::{
    call::extract::valid::Valid,
    wire::{Args, Argument, Arguments, Binary},
};

pub(super) const fn place(line: u32) -> Place {
    Place { file: "src/chat.rs", line }
}

pub(super) fn known<T: JsonSchema>() -> TypeDescription {
    TypeDescription {
        name: std::any::type_name::<T>(),
        schema: Some(|generator| generator.subschema_for::<T>()),
    }
}

pub(super) fn unknown<T>() -> TypeDescription {
    TypeDescription { name: std::any::type_name::<T>(), schema: None }
}

pub(super) fn one<T: JsonSchema>() -> ArgumentsDescription {
    One(known::<T>())
}

pub(super) fn handler(
    event: &'static str,
    payload: ArgumentsDescription,
    reply: ArgumentsDescription,
) -> HandlerDescription {
    HandlerDescription {
        event: Some(event),
        name: "handler",
        docs: "",
        place: place(1),
        payload,
        reply: ReplyDescription::Ack(reply),
        filters: Vec::new(),
    }
}

pub(super) fn event(name: &'static str, payload: ArgumentsDescription) -> EventDescription {
    EventDescription { name, docs: "", place: place(2), payload, ack: None }
}

pub(super) fn gateway(
    namespace: &str,
    handlers: Vec<HandlerDescription>,
    events: Vec<EventDescription>,
) -> GatewayDescription {
    GatewayDescription {
        name: "Gateway",
        namespace: namespace.to_owned(),
        place: place(3),
        handlers,
        events,
        filters: Vec::new(),
        renewal: None,
    }
}

/// A message in a room.
///
/// It ends no comment: */ and it has two paragraphs.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatMessage {
    /// A UUID.
    id: String,
    content: String,
    sender_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited_at: Option<String>,
    /// Of nothing, by default.
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendMessage {
    #[schemars(length(min = 1, max = 64))]
    room_id: String,
    content: String,
    reply_to: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

/// What goes with a message.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Attachment {
    /// A picture, by its address.
    Image {
        url: String,
        width: u32,
        height: u32,
    },
    Link {
        url: String,
    },
    /// One variant that holds a struct.
    File(File),
    None,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct File {
    name: String,
    data: Binary,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "value")]
pub(super) enum Adjacent {
    Number(f64),
    Pair(u8, String),
    Nothing,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) enum External {
    Unit,
    Text(String),
    Point { x: f32, y: f32 },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Untagged {
    Flag(bool),
    Text(String),
    Many(Vec<Untagged>),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// It is paid for.
    Confirmed,
    Shipped,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Plain {
    InTime,
    TooLate,
}

/// A comment with answers to it, and so on.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Comment {
    text: String,
    answers: Vec<Comment>,
    parent: Option<Box<Comment>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub(super) struct Listing<T> {
    items: Vec<T>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Base {
    id: u32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Flattened {
    #[serde(flatten)]
    base: Base,
    #[serde(flatten)]
    status: Adjacent,
    #[serde(flatten)]
    others: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Odd {
    #[serde(rename = "with-dash")]
    with_dash: bool,
    #[serde(rename = "1st \"quoted\"")]
    first: char,
    r#type: String,
    by_number: BTreeMap<u32, bool>,
    counts: HashMap<String, Vec<Option<i32>>>,
    pair: (String, u8),
    point: [f64; 2],
    long: [u8; 32],
    nothing: (),
    anything: Value,
    argument: Argument,
    status: Option<Status>,
    plain: Plain,
    nested: Listing<Listing<Base>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Strict {
    #[schemars(range(min = 1, max = 10))]
    level: u8,
    mail: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Picture {
    title: String,
    pixels: Bytes,
    thumbnail: Option<Binary>,
}

/// The body of a filter.
#[derive(Serialize, JsonSchema)]
pub(super) struct Problem {
    problem: String,
    detail: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Denied {
    denied: bool,
}

/// A type of an application that has the name of one of ours.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Socket {
    id: String,
}

/// Another name for the same.
#[derive(Serialize, JsonSchema)]
pub(super) struct Renamed(Base);

/// Its name is that of a parameter.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Ack {
    of: String,
}

/// Nobody has derived a schema for it.
pub(super) struct Secretive;

pub(super) fn filter<T: JsonSchema>(name: &'static str) -> FilterDescription {
    FilterDescription { name, place: place(9), event: None, body: known::<T>() }
}

fn chat() -> GatewayDescription {
    let documented = HandlerDescription {
        name: "send_message",
        docs: "Says something in a room.\n\nEveryone in it hears `new-message`.",
        place: place(12),
        ..handler("send-message", one::<Valid<SendMessage>>(), one::<ChatMessage>())
    };
    let guarded = HandlerDescription {
        filters: vec![filter::<Denied>("chat::DeniedFilter")],
        ..handler("leave", one::<String>(), Nothing)
    };
    let pong = HandlerDescription {
        reply: ReplyDescription::Events(Some(event("pong", one::<f64>()))),
        docs: "Measures the time.",
        ..handler("ping", Nothing, Nothing)
    };
    let others = HandlerDescription { event: None, ..handler("", Nothing, Nothing) };
    let handlers = vec![
        documented,
        guarded,
        pong,
        others,
        handler("step", List(known::<(i32, i32)>()), one::<i32>()),
        handler("find", List(known::<(String, Option<u8>)>()), one::<Page<ChatMessage>>()),
        handler("history", Optional(known::<Strict>()), one::<Page<ChatMessage>>()),
        handler("forward", List(known::<Arguments>()), List(known::<Args<(u8, String)>>())),
        handler("edit", one::<ChatMessage>(), one::<bool>()),
        handler("upload", one::<Picture>(), one::<Picture>()),
        handler("acknowledge", List(known::<(Ack, Ack)>()), Nothing),
        handler("raw", one::<Bytes>(), one::<Binary>()),
        handler("secret", One(unknown::<Secretive>()), Nothing),
        handler("custom", Unknown("`Audit` is an extractor of the application's own"), one::<()>()),
        handler("maybe", one::<Option<u32>>(), one::<Option<Base>>()),
        handler("2nd \"one\"", one::<Odd>(), one::<Odd>()),
    ];
    let order = EventDescription {
        docs: "How far an order is. Comes again until it is acknowledged.",
        ack: Some(one::<Option<String>>()),
        ..event("order-update", one::<Status>())
    };
    let asked = EventDescription { ack: Some(Nothing), ..event("are-you-there", Nothing) };
    let events = vec![
        EventDescription {
            docs: "Someone has said something.",
            ..event("new-message", one::<ChatMessage>())
        },
        order,
        asked,
        event("picture", one::<Picture>()),
        event("cursor", List(known::<(f32, f32)>())),
        event("page", one::<Page<Base>>()),
        event("renamed", one::<Renamed>()),
        event("socket", one::<Socket>()),
    ];
    let told = FilterDescription {
        event: Some(event("problem", one::<Problem>())),
        ..filter::<Problem>("chat::ProblemFilter")
    };
    GatewayDescription {
        name: "ChatGateway",
        filters: vec![told],
        ..gateway("/chat", handlers, events)
    }
}

fn shapes() -> GatewayDescription {
    let handlers = vec![
        handler("attachment", one::<Attachment>(), one::<Attachment>()),
        handler("adjacent", one::<Adjacent>(), one::<Adjacent>()),
        handler("external", one::<External>(), one::<External>()),
        handler("untagged", one::<Untagged>(), one::<Untagged>()),
        handler("flattened", one::<Flattened>(), one::<Flattened>()),
        handler("comment", one::<Comment>(), one::<Comment>()),
        handler("map", one::<BTreeMap<String, Base>>(), one::<Vec<(String, Option<Base>)>>()),
    ];
    GatewayDescription { name: "Shapes", ..gateway("/", handlers, Vec::new()) }
}

/// Of three namespaces, in no order.
pub(super) fn contract() -> Contract {
    let empty = GatewayDescription { name: "Ops", ..gateway("/admin/ops", Vec::new(), Vec::new()) };
    Contract::of(vec![empty, chat(), shapes()], Vec::new())
}
