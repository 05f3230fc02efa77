//! What an order is.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as NoStatus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rules::{must, storable};
use crate::user::UserId;

/// Items one order may have.
const ITEMS_MAX: usize = 100;

/// One thing that is ordered, and how many of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub(super) struct Item {
    #[garde(custom(is_sku))]
    pub(super) sku: String,
    #[garde(custom(is_quantity))]
    pub(super) quantity: i64,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Confirmed,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
        }
    }
}

impl TryFrom<String> for Status {
    type Error = NoStatus;

    /// Of its [name](Self::name). A newer version may have stored one that is unknown here.
    fn try_from(name: String) -> Result<Self, NoStatus> {
        Self::deserialize(name.into_deserializer())
    }
}

/// A stored order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    /// UUID v7.
    pub(super) id: String,
    pub(super) user_id: UserId,
    pub(super) items: Vec<Item>,
    pub(super) status: Status,
    /// ISO 8601.
    pub(super) created_at: String,
}

/// Body of `POST /orders`. What is of another type is read as nothing, which breaks its rule: so every
/// wrong field is named, and not only the first.
#[derive(Debug, Deserialize, Validate)]
#[serde(from = "Map<String, Value>")]
pub(super) struct CreateOrder {
    #[garde(custom(are_items), dive)]
    pub(super) items: Vec<Item>,
}

impl From<Map<String, Value>> for CreateOrder {
    fn from(body: Map<String, Value>) -> Self {
        let items = body.get("items").and_then(Value::as_array).into_iter().flatten();
        // One too many is enough to see that they are.
        Self { items: items.take(ITEMS_MAX + 1).map(Item::from).collect() }
    }
}

impl From<&Value> for Item {
    fn from(item: &Value) -> Self {
        let sku = item["sku"].as_str().unwrap_or_default().to_owned();
        Self { sku, quantity: item["quantity"].as_i64().unwrap_or_default() }
    }
}

fn are_items(items: &[Item], (): &()) -> garde::Result {
    must((1..=ITEMS_MAX).contains(&items.len()), "must be a list of 1 to 100 items")
}

fn is_sku(sku: &str, (): &()) -> garde::Result {
    let is_text = !sku.trim().is_empty() && sku.chars().count() <= 64;
    must(is_text, "must be text of 1 to 64 characters")?;
    storable(sku, &())
}

fn is_quantity(quantity: &i64, (): &()) -> garde::Result {
    must((1..=10_000).contains(quantity), "must be a whole number from 1 to 10000")
}

#[cfg(test)]
mod tests {
    use gateway_core::Rules as _;
    use serde_json::json;

    use super::*;

    fn order(body: &Value) -> CreateOrder {
        serde_json::from_value(body.clone()).unwrap()
    }

    fn wrong_fields(body: &Value) -> Vec<String> {
        order(body).broken().into_iter().map(|error| error.path).collect()
    }

    #[test]
    fn an_order_is_a_list_of_items() {
        let body = json!({"items": [{"sku": "A1", "quantity": 2}, {"sku": "房".repeat(64), "quantity": 10_000}]});
        let order = order(&body);
        assert!(order.broken().is_empty());
        assert_eq!(order.items[0], Item { sku: "A1".to_owned(), quantity: 2 });
        assert_eq!(order.items.len(), 2);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let good = json!({"sku": "A1", "quantity": 1});
        for items in [json!(null), json!({}), json!([]), json!(vec![good.clone(); 101])] {
            assert_eq!(wrong_fields(&json!({"items": items})), ["items"], "{items}");
        }
        assert_eq!(
            wrong_fields(
                &json!({"items": [good, 7, {}, {"sku": "A1"}, {"sku": 5, "quantity": 1}]})
            ),
            [
                "items[1].quantity",
                "items[1].sku",
                "items[2].quantity",
                "items[2].sku",
                "items[3].quantity",
                "items[4].sku"
            ]
        );
        for sku in [" ", "x\0", &"x".repeat(65)] {
            assert_eq!(
                wrong_fields(&json!({"items": [{"sku": sku, "quantity": 1}]})),
                ["items[0].sku"]
            );
        }
        for quantity in [json!(0), json!(-1), json!(1.5), json!("1"), json!(10_001), json!(1e300)] {
            assert_eq!(
                wrong_fields(&json!({"items": [{"sku": "A1", "quantity": quantity}]})),
                ["items[0].quantity"],
                "{quantity}"
            );
        }
    }
}
