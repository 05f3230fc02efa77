//! The AsyncAPI document: namespaces are channels, events are messages, acknowledgements are replies.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{
    Schema,
    transform::{
        RemoveRefSiblings, ReplaceBoolSchemas, ReplacePrefixItems, ReplaceUnevaluatedProperties,
        Transform,
    },
};
use serde_json::{Map, Value, json};

use super::{
    collect::failure,
    model::{Arguments, Message, Namespace},
    names,
    schema::{change_all, contains, referred, sorted},
};

/// The document. `AsyncAPI`'s schemas are those of JSON Schema, draft 7.
pub(super) fn write(namespaces: &BTreeMap<String, Namespace>, title: &str, version: &str) -> Value {
    let names = names::of_namespaces(namespaces.keys());
    let mut document = Document { clashing: clashing(namespaces), ..Document::default() };
    for (path, namespace) in namespaces {
        let channel = names.get(path.as_str()).map_or("", String::as_str);
        document.namespace(path, channel, namespace);
    }
    sorted(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Each namespace is a channel. A message is an event of Socket.IO: its payload is the event's \
                argument, or, where there are several, a list of them. A reply is an acknowledgement; without arguments \
                it is `null`. Strings of the format `binary` are bytes.",
        },
        "defaultContentType": "application/json",
        "channels": document.channels,
        "operations": document.operations,
        "components": { "schemas": document.schemas },
    }))
}

#[derive(Default)]
struct Document {
    /// The names of types that are not the same in all namespaces.
    clashing: BTreeSet<String>,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Document {
    fn namespace(&mut self, path: &str, channel: &str, namespace: &Namespace) {
        let taken =
            namespace.client_to_server.iter().map(|(event, message)| (event, message, true));
        let sent =
            namespace.server_to_client.iter().map(|(event, message)| (event, message, false));
        let mut messages = Map::new();
        for (event, message, is_taken) in taken.chain(sent) {
            self.message(channel, event, message, is_taken, &mut messages);
        }
        let mut description = format!("The namespace `{path}`.");
        if namespace.takes_other_events {
            description += " All other events are taken as well: what they carry is not declared.";
        }
        let declared = json!({ "address": path, "description": description, "messages": messages });
        self.channels.insert(channel.to_owned(), declared);
        for (name, schema) in &namespace.definitions {
            let mut schema = schema.clone();
            if let Some(fields) = schema.as_object_mut() {
                fields.entry("title").or_insert_with(|| name.as_str().into());
            }
            self.schemas.insert(self.key(name, channel), self.written(&schema, channel));
        }
    }

    fn message(
        &mut self,
        channel: &str,
        event: &str,
        message: &Message,
        is_taken: bool,
        messages: &mut Map<String, Value>,
    ) {
        let id = free(&identifier(event), messages);
        let mut declared = json!({ "name": event, "title": event, "payload": self.payload(&message.payload, channel) });
        documented(&mut declared, message);
        messages.insert(id.clone(), declared);
        let reference = |id: &str| json!({ "$ref": format!("#/channels/{channel}/messages/{id}") });
        let action = if is_taken { "receive" } else { "send" };
        let mut operation = json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "messages": [reference(&id)],
        });
        documented(&mut operation, message);
        if let Some(ack) = &message.ack {
            let reply = free(&format!("{id}_ack"), messages);
            let mut schema = self.payload(ack, channel);
            if is_taken {
                schema =
                    json!({ "anyOf": [schema, self.written(&failure(&message.errors), channel)] });
            }
            let title = format!("the acknowledgement of {event}");
            messages
                .insert(reply.clone(), json!({ "name": event, "title": title, "payload": schema }));
            operation["reply"] = json!({
                "channel": { "$ref": format!("#/channels/{channel}") },
                "messages": [reference(&reply)],
            });
        }
        self.operations.insert(format!("{channel}_{action}_{id}"), operation);
    }

    fn payload(&self, arguments: &Arguments, channel: &str) -> Value {
        match (arguments.list.as_slice(), &arguments.more) {
            ([], None) => json!({ "type": "null" }),
            ([one], None) => self.written(one, channel),
            (list, more) => {
                let mut schema = json!({ "type": "array", "minItems": arguments.required() });
                match more {
                    Some(more) if list.is_empty() => schema["items"] = more.clone(),
                    Some(more) => {
                        schema["prefixItems"] = list.into();
                        schema["items"] = more.clone();
                    }
                    None => {
                        schema["prefixItems"] = list.into();
                        schema["maxItems"] = list.len().into();
                    }
                }
                self.written(&schema, channel)
            }
        }
    }

    /// A schema in the document's own draft, with its references.
    fn written(&self, schema: &Value, channel: &str) -> Value {
        let mut schema = schema.clone();
        change_all(&mut schema, &mut |fields| {
            let name = fields.get("$ref").map(|path| json!({ "$ref": path }));
            if let Some(name) = name.as_ref().and_then(referred) {
                let path = format!("#/components/schemas/{}", self.key(name, channel));
                fields.insert("$ref".to_owned(), path.into());
            }
        });
        let Ok(mut schema) = Schema::try_from(schema) else { return json!({}) };
        let mut no_booleans = ReplaceBoolSchemas::default();
        no_booleans.skip_additional_properties = true;
        RemoveRefSiblings::default().transform(&mut schema);
        ReplaceUnevaluatedProperties::default().transform(&mut schema);
        ReplacePrefixItems::default().transform(&mut schema);
        no_booleans.transform(&mut schema);
        let mut schema = schema.to_value();
        if schema.is_boolean() {
            schema = json!({});
        }
        schema
    }

    /// The key of a definition among those of all namespaces.
    fn key(&self, name: &str, channel: &str) -> String {
        match self.clashing.contains(name) {
            false => name.to_owned(),
            true => format!("{channel}.{name}"),
        }
    }
}

/// What the application says about it: the first paragraph is the summary.
fn documented(declared: &mut Value, message: &Message) {
    let paragraphs = message.docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    if !paragraphs.is_empty() {
        declared["summary"] = paragraphs.into();
        declared["description"] = message.docs.as_str().into();
    }
}

/// The names of types that are in several namespaces, and not the same in all of them, or that hold such a type.
fn clashing(namespaces: &BTreeMap<String, Namespace>) -> BTreeSet<String> {
    let all = || namespaces.values().flat_map(|namespace| &namespace.definitions);
    let of_name = |name: &str| -> Vec<&Value> {
        namespaces.values().filter_map(|namespace| namespace.definitions.get(name)).collect()
    };
    let mut clashing = BTreeSet::new();
    loop {
        let holds = |schema: &Value| referred(schema).is_some_and(|name| clashing.contains(name));
        let differs = |name: &str, schema: &Value| {
            let of_name = of_name(name);
            let is_same = of_name.iter().all(|other| *other == schema);
            of_name.len() > 1 && (!is_same || contains(schema, &mut { holds }))
        };
        let more: Vec<String> = all()
            .filter(|(name, schema)| !clashing.contains(*name) && differs(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return clashing;
        }
        clashing.extend(more);
    }
}

fn identifier(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

fn free(name: &str, used: &Map<String, Value>) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| !used.contains_key(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::contract::{
        Contract,
        description::ArgumentsDescription::{List, None as Nothing},
        fixture::{self, event, gateway, handler, known, one},
    };

    #[test]
    fn an_event_is_a_message_and_its_acknowledgement_a_reply() {
        let handlers = vec![handler("say", one::<String>(), one::<u8>())];
        let events = vec![event("say", List(known::<(bool, fixture::Base)>()))];
        let contract = Contract::of(vec![gateway("/chat", handlers, events)], Vec::new());
        let document = contract.titled("Chat", "1.2.3").asyncapi();
        assert_eq!(document["asyncapi"], "3.0.0");
        assert_eq!(
            (&document["info"]["title"], &document["info"]["version"]),
            (&json!("Chat"), &json!("1.2.3"))
        );
        let channel = &document["channels"]["Chat"];
        assert_eq!(channel["address"], "/chat");
        let messages = &channel["messages"];
        assert_eq!(messages["say"]["payload"], json!({ "type": "string" }));
        let reply = &messages["say_ack"]["payload"]["anyOf"];
        assert_eq!(
            (&reply[0]["format"], &reply[1]["$ref"]),
            (&json!("uint8"), &json!("#/components/schemas/WsError"))
        );
        let arguments = json!([{ "type": "boolean" }, { "$ref": "#/components/schemas/Base" }]);
        assert_eq!(messages["say2"]["payload"]["items"], arguments);
        let operations = &document["operations"];
        assert_eq!(operations["Chat_receive_say"]["action"], "receive");
        assert_eq!(
            operations["Chat_receive_say"]["reply"]["messages"],
            json!([{ "$ref": "#/channels/Chat/messages/say_ack" }])
        );
        assert_eq!(operations["Chat_send_say2"]["action"], "send");
        assert!(operations["Chat_send_say2"].get("reply").is_none());
    }

    #[test]
    fn types_of_one_name_in_two_namespaces_have_two_keys() {
        let with =
            |path: &str, payload| gateway(path, vec![handler("a", payload, Nothing)], Vec::new());
        let gateways = vec![
            with("/chat", one::<fixture::Listing<fixture::Base>>()),
            with("/shop", one::<fixture::Listing<elsewhere::Base>>()),
        ];
        let document = Contract::of(gateways, Vec::new()).asyncapi();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let mut keys: Vec<&String> = schemas.keys().collect();
        keys.sort();
        assert_eq!(
            keys,
            ["Chat.Base", "Chat.ListOfBase", "Shop.Base", "Shop.ListOfBase", "WsError"]
        );
        let item = &schemas["Shop.ListOfBase"]["properties"]["items"]["items"]["$ref"];
        assert_eq!(item, "#/components/schemas/Shop.Base");
    }

    /// A type that the fixture has, too.
    mod elsewhere {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub(super) struct Base {
            other: bool,
        }
    }

    #[test]
    fn nothing_is_null() {
        let handlers = vec![handler("ping", Nothing, Nothing)];
        let contract = Contract::of(vec![gateway("/", handlers, Vec::new())], Vec::new());
        let messages = &contract.asyncapi()["channels"]["Root"]["messages"];
        assert_eq!(messages["ping"]["payload"], json!({ "type": "null" }));
        assert_eq!(messages["ping_ack"]["payload"]["anyOf"][0], json!({ "type": "null" }));
    }
}
