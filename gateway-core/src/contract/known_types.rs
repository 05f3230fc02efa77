//! The schemas of the framework's own types, and of the errors that it answers with.

use std::{borrow::Cow, cell::RefCell};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::{
    call::extract::valid::Valid,
    exception::{FieldError, code},
    presence::OnlineUsers,
    wire::{Args, Argument, Arguments, Binary, Number},
};

/// The codes of the standard error.
pub(super) const CODES: [&str; 16] = [
    code::BAD_PAYLOAD,
    code::EXCEPTION,
    code::FORBIDDEN,
    code::INTERNAL,
    code::NO_REPLY,
    code::OVERLOADED,
    code::REPLACED,
    code::SHUTTING_DOWN,
    code::THROTTLED,
    code::TIMEOUT,
    code::TOKEN_EXPIRED,
    code::TOO_MANY_ROOMS,
    code::UNAUTHORIZED,
    code::UNAVAILABLE,
    code::UNKNOWN_EVENT,
    code::VALIDATION,
];

/// The name of [`StandardError`], and how bytes are called before they are marked as binary.
pub(super) const STANDARD_ERROR: &str = "WsError";
pub(super) const BYTES: &str = "Bytes";

/// What `ErrorReply::standard` sends.
pub(super) struct StandardError;

impl JsonSchema for StandardError {
    fn schema_name() -> Cow<'static, str> {
        STANDARD_ERROR.into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::StandardError".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        standard_error()
    }
}

/// The schema of the standard error.
pub(super) fn standard_error() -> Schema {
    json_schema!({
        "type": "object",
        "description": "What a failed message is answered with, unless a filter decides otherwise: as its acknowledgement, \
            where the `status` tells it from an answer, and as the event `exception`.",
        "properties": {
            "status": { "const": "error", "type": "string" },
            "message": { "type": "string" },
            "code": {
                "type": "string",
                "description": "One of the framework's codes, or of the application's own.",
                "examples": CODES,
            },
            "errors": {
                "type": "array",
                "description": "The fields that were refused; the first 100 of them.",
                "items": {
                    "type": "object",
                    "properties": {
                        "path": { "type": "string", "description": "As in `items[0].sku`. Empty: the payload as a whole." },
                        "message": { "type": "string" },
                    },
                    "required": ["message", "path"],
                },
            },
            "moreErrors": { "type": "integer", "minimum": 1, "description": "How many more fields were refused." },
            "retryAfter": {
                "type": "integer",
                "minimum": 1,
                "description": "Whole seconds after which a client that was throttled may try again.",
            },
            "cause": {
                "type": "object",
                "description": "What the client had sent, shortened.",
                "properties": { "pattern": { "type": "string" }, "data": true },
                "required": ["pattern"],
            },
        },
        "required": ["code", "message", "status"],
    })
}

/// What a client renews its session with.
pub(super) fn renewing_auth() -> Value {
    json!({
        "description": "A token, or what the client connects with as its `auth`.",
        "anyOf": [{ "type": "string" }, { "type": "object" }],
    })
}

/// What it is answered.
pub(super) fn renewed() -> Value {
    json!({
        "type": "object",
        "properties": { "status": { "const": "ok", "type": "string" } },
        "required": ["status"],
    })
}

/// Takes the names of what each namespace has, so that no type of an application has them.
pub(super) fn reserve_names(generator: &mut SchemaGenerator) {
    generator.subschema_for::<StandardError>();
    generator.subschema_for::<Bytes>();
}

/// Takes a name.
pub(super) fn reserve(name: &str, generator: &mut SchemaGenerator) {
    thread_local! {
        static NAME: RefCell<String> = const { RefCell::new(String::new()) };
    }

    /// A type of that name.
    struct Reserved;

    impl JsonSchema for Reserved {
        fn schema_name() -> Cow<'static, str> {
            NAME.with_borrow(|name| name.clone().into())
        }

        fn schema_id() -> Cow<'static, str> {
            "gateway_core::Reserved".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            false.into()
        }
    }

    NAME.with_borrow_mut(|own| name.clone_into(own));
    generator.subschema_for::<Reserved>();
}

/// The schema of bytes.
pub(super) fn binary() -> Schema {
    json_schema!({ "type": "string", "format": "binary" })
}

impl JsonSchema for Binary {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Binary".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::Binary".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        binary()
    }
}

impl JsonSchema for Argument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Argument".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::Argument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

impl JsonSchema for Arguments {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Arguments".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::Arguments".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": true })
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

macro_rules! as_what_it_holds {
    ($holder:ident) => {
        impl<T: JsonSchema> JsonSchema for $holder<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    };
}

as_what_it_holds!(Args);
as_what_it_holds!(Valid);

impl<U: JsonSchema> JsonSchema for OnlineUsers<U> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OnlineUsers_of_{}", U::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("gateway_core::OnlineUsers<{}>", U::schema_id()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<U>::json_schema(generator)
    }
}

impl JsonSchema for FieldError {
    fn schema_name() -> Cow<'static, str> {
        "FieldError".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "gateway_core::FieldError".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "One field of a payload that was refused, and why.",
            "properties": {
                "path": {
                    "type": "string",
                    "description": "The path of the field, as in `items[0].sku`. Empty for the payload as a whole.",
                },
                "message": { "type": "string", "description": "What is wrong." },
            },
            "required": ["message", "path"],
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exception::{FieldError, WsException};

    #[test]
    fn the_standard_error_has_the_fields_that_are_sent() {
        let schema = standard_error();
        let properties = schema.get("properties").and_then(|all| all.as_object()).expect("fields");
        let required = schema.get("required").and_then(|all| all.as_array()).expect("names");
        let refused = (0..101).map(|number| FieldError::new(number.to_string(), "is wrong"));
        let mut sent = std::collections::BTreeSet::from(["cause".to_owned()]);
        for exception in
            [WsException::validation(refused), WsException::throttled(Duration::from_secs(1))]
        {
            let body = exception.body();
            for name in required.iter().filter_map(|name| name.as_str()) {
                assert!(body.get(name).is_some(), "{name} is not in {body}");
            }
            sent.extend(body.as_object().expect("an object").keys().cloned());
        }
        let described: std::collections::BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(sent, described);
    }

    #[test]
    fn every_code_of_the_framework_is_listed() {
        let source = include_str!("../exception/mod.rs");
        let module =
            source.split("pub mod code {").nth(1).and_then(|rest| rest.split("\n}").next());
        let declared: Vec<&str> = module
            .expect("the codes")
            .lines()
            .filter(|line| line.trim_start().starts_with("pub const"))
            .filter_map(|line| line.split('"').nth(1))
            .collect();
        assert_eq!(declared.len(), CODES.len());
        assert!(declared.iter().all(|code| CODES.contains(code)), "{declared:?}");
    }
}
