//! Payloads that must obey rules: `Valid` checks those of the type, a pipe changes what arrives before that.
//!
//! The handler only runs if every rule holds. Otherwise the client is told all of them that do not.
//!
//! ```sh
//! cargo run -p examples --example validation
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000");
//! const order = { customerName: "  Ada ", lines: [{ sku: "TEA", quantity: 2 }] };
//! console.log(await socket.emitWithAck("order", order)); // 2 items for Ada
//!
//! const wrong = { customerName: "  ", lines: [{ sku: "TEA", quantity: 0 }] };
//! const refused = await socket.emitWithAck("order", wrong);
//! console.log(refused.code); // VALIDATION
//! // customerName: length is lower than 1
//! // lines[0].quantity: lower than 1
//! for (const { path, message } of refused.errors) console.log(`${path}: ${message}`);
//!
//! const shapeless = await socket.emitWithAck("order", { customerName: 7 });
//! console.log(shapeless.code); // BAD_PAYLOAD
//! ```

use std::env;

use garde::Validate;
use gateway_core::prelude::*;
use serde::Deserialize;

#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[garde(length(chars, min = 1, max = 100))]
    customer_name: String,
    #[garde(length(min = 1, max = 50), dive)]
    lines: Vec<Line>,
}

#[derive(Deserialize, Validate)]
struct Line {
    #[garde(ascii, length(min = 1, max = 20))]
    sku: String,
    #[garde(range(min = 1, max = 999))]
    quantity: u32,
}

/// Removes the blanks around all texts, however deep in the payload they are.
#[injectable]
struct Trim;

impl Pipe for Trim {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(trimmed(value))
    }
}

fn trimmed(value: Argument) -> Argument {
    match value {
        Argument::String(text) => Argument::from(text.trim()),
        Argument::Array(items) => Argument::Array(items.into_iter().map(trimmed).collect()),
        Argument::Object(fields) => Argument::Object(
            fields.into_iter().map(|(name, value)| (name, trimmed(value))).collect(),
        ),
        other => other,
    }
}

#[web_socket_gateway]
struct Orders;

#[web_socket_gateway]
impl Orders {
    #[subscribe_message("order")]
    #[use_pipes(Trim)]
    async fn order(&self, MessageBody(Valid(order)): MessageBody<Valid<Order>>) -> String {
        let items: u32 = order.lines.iter().map(|line| line.quantity).sum();
        format!("{items} items for {}", order.customer_name)
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}
