//! `events.d.ts`: the events of all namespaces, for socket.io's typed events.

pub(super) mod types;

use serde_json::Value;

use self::types::{Writer, docs, key};
use super::{
    collect::failure,
    known_types::{self, CODES, STANDARD_ERROR},
    model::{Arguments, Message, Namespace},
    names,
    schema::referred,
};

const HEAD: &str = r#"// What clients may send, and what they are sent. Generated from the gateways: see `Contract::assert_committed`.

import type { Socket as ClientSocket } from "socket.io-client";
"#;

const SOCKET: &str = r#"
type WithoutAck<Args> = Args extends [...infer Head, (...reply: any[]) => void] ? Head : never;

/**
 * A socket on which acknowledgements may be left out, which socket.io's own type cannot say. Use it as
 * `const socket = io("/chat") as Chat.Socket`.
 */
export type TypedSocket<
  Listen extends { [event: string]: any },
  Emit extends { [event: string]: any },
> = ClientSocket<Listen, Emit> & {
  emit<Event extends keyof Emit & string>(
    event: Event,
    ...args: WithoutAck<Parameters<Emit[Event]>>
  ): TypedSocket<Listen, Emit>;
};
"#;

/// The file.
pub(super) fn write<'a>(
    namespaces: impl Iterator<Item = (&'a String, &'a Namespace)> + Clone,
) -> String {
    let names = names::of_namespaces(namespaces.clone().map(|(path, _)| path));
    let mut text = format!("{HEAD}\n{}{SOCKET}", standard_error());
    for (path, namespace) in namespaces {
        let name = names.get(path.as_str()).map_or("", String::as_str);
        text += &format!(
            "\n{}export namespace {name} {{\n",
            docs(&format!("The namespace `{path}`."), "")
        );
        text += &within(namespace);
        text += "}\n";
    }
    text
}

/// What is declared in a namespace.
fn within(namespace: &Namespace) -> String {
    let taken = namespace.taken_definitions();
    let mut text = String::new();
    for (name, schema) in namespace.definitions.iter().filter(|(name, _)| *name != STANDARD_ERROR) {
        let writer = Writer { taken: taken.contains(name), depth: 1 };
        text += &writer.definition(name, schema);
        text += "\n";
    }
    if !namespace.errors.is_empty() {
        let errors = sent(1).written(&failure(&namespace.errors));
        text += &docs(
            "What a failed message is answered with: what the filters make of it, or the standard error.",
            "  ",
        );
        text += &format!("  export type AnyError = {errors};\n\n");
    }
    text += &docs("What clients are sent.", "  ");
    text += "  export interface ServerToClientEvents {\n";
    for (event, message) in &namespace.server_to_client {
        let ack = message.ack.as_ref().map(|ack| format!("ack: ({}) => void", said(ack, true)));
        text += &line(event, message, &message.docs, plain(&message.payload, false), ack);
    }
    text += "  }\n\n";
    text += &docs("What clients may send.", "  ");
    text += "  export interface ClientToServerEvents {\n";
    for (event, message) in &namespace.client_to_server {
        let mut told = message.docs.clone();
        if let Some(answer) = message.answer {
            told = format!("{told}\n\nAnswers with the event `{answer}`.").trim().to_owned();
        }
        let ack =
            message.ack.as_ref().map(|ack| format!("ack: {}", reply(ack, message, namespace)));
        text += &line(event, message, &told, plain(&message.payload, true), ack);
    }
    if namespace.takes_other_events {
        text += "    // All other events are taken as well: what they carry is not declared.\n";
    }
    text += "  }\n\n";
    text += &docs("A socket of this namespace.", "  ");
    text + "  export type Socket = TypedSocket<ServerToClientEvents, ClientToServerEvents>;\n"
}

fn sent(depth: usize) -> Writer {
    Writer { taken: false, depth }
}

/// An event.
fn line(
    event: &str,
    message: &Message,
    told: &str,
    parameters: Vec<String>,
    ack: Option<String>,
) -> String {
    let payload = &message.payload;
    let parameters = match (&payload.more, payload.optional) {
        (None, 0) => parameters.into_iter().chain(ack).collect::<Vec<_>>().join(", "),
        // Nothing that is required follows what may be left out: so there is one list for each case.
        (None, _) => {
            let case = |count: usize| {
                let all = parameters[..count].iter().cloned().chain(ack.clone());
                format!("[{}]", all.collect::<Vec<_>>().join(", "))
            };
            let cases: Vec<String> = (payload.required()..=payload.list.len()).map(case).collect();
            format!("...args: {}", cases.join(" | "))
        }
        (Some(_), _) => match ack {
            Some(ack) => format!("...args: [{}, {ack}]", parameters.join(", ")),
            None => parameters.join(", "),
        },
    };
    format!("{}    {}: ({parameters}) => void;\n", docs(told, "    "), key(event))
}

/// The parameters for arguments, one by one.
fn plain(arguments: &Arguments, taken: bool) -> Vec<String> {
    let writer = Writer { taken, depth: 2 };
    let count = arguments.list.len();
    let mut used = vec!["ack".to_owned()];
    let mut all: Vec<String> = Vec::new();
    for (index, schema) in arguments.list.iter().enumerate() {
        let mut name = match referred(schema) {
            Some(STANDARD_ERROR) => "error".to_owned(),
            Some(name) => {
                names::camel(name.strip_suffix("Input").unwrap_or(name).trim_end_matches('_'))
            }
            None if count == 1 => "value".to_owned(),
            None => format!("value{}", index + 1),
        };
        if used.contains(&name) || types::is_word(&name) {
            name = format!("value{}", index + 1);
        }
        all.push(format!("{name}: {}", writer.written(schema)));
        used.push(name);
    }
    if let Some(more) = &arguments.more {
        let list = writer.written(&serde_json::json!({ "type": "array", "items": more }));
        all.push(format!("...values: {list}"));
    }
    all
}

/// The same as one list, in which nothing required follows what may be left out.
pub(super) fn said(arguments: &Arguments, taken: bool) -> String {
    let mut all = plain(arguments, taken);
    for one in all.iter_mut().take(arguments.list.len()).skip(arguments.required()) {
        *one = one.replacen(": ", "?: ", 1);
    }
    all.join(", ")
}

/// The function that is called with a handler's reply, or with what became of its error.
fn reply(ack: &Arguments, message: &Message, namespace: &Namespace) -> String {
    let error = error(message, namespace);
    match (ack.list.as_slice(), &ack.more) {
        ([], None) => format!("(error?: {error}) => void"),
        ([one], None) => format!("(reply: {}) => void", sent(2).written_or(one, &error)),
        _ => format!("(...reply: [{}] | [error: {error}]) => void", said(ack, false)),
    }
}

/// What a handler's failure is told as.
fn error(message: &Message, namespace: &Namespace) -> String {
    match message.errors.as_slice() {
        [] => STANDARD_ERROR.to_owned(),
        errors if errors == namespace.errors.as_slice() => "AnyError".to_owned(),
        errors => sent(2).written(&failure(errors)),
    }
}

/// What errors are, without filters. Their codes are the framework's, which editors then suggest, or any other.
pub(super) fn standard_error() -> String {
    let codes: Vec<String> = CODES.iter().map(|code| format!("  | \"{code}\"")).collect();
    let schema = known_types::standard_error().to_value();
    let declared = sent(0)
        .definition(STANDARD_ERROR, &schema)
        .replace("  code: string;", "  code: WsErrorCode | (string & {});");
    format!(
        "/** The framework's own codes. */\nexport type WsErrorCode =\n{};\n\n{declared}",
        codes.join("\n")
    )
}

/// An error as it is written for people.
pub(super) fn said_errors(errors: &[Value]) -> String {
    sent(0).written(&failure(errors))
}
