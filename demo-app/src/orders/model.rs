//! What an order is, and what users are told of it.

use gateway_core::{FieldError, Rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::database::storable;
use crate::user::UserId;

/// Items one order may have.
const ITEMS_MAX: usize = 100;

/// Characters of a `sku`.
const SKU_MAX: usize = 64;

/// How many of one thing may be ordered at once.
const QUANTITY_MAX: i64 = 10_000;

/// One thing that is ordered, and how many of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) sku: String,
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

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Confirmed => "你的订单已确认",
        }
    }
}

impl TryFrom<String> for Status {
    type Error = UnknownStatus;

    fn try_from(name: String) -> Result<Self, UnknownStatus> {
        match name.as_str() {
            "confirmed" => Ok(Self::Confirmed),
            _ => Err(UnknownStatus(name)),
        }
    }
}

/// A newer version wrote it.
#[derive(Debug, thiserror::Error)]
#[error("an order has the unknown status `{0}`")]
pub(super) struct UnknownStatus(String);

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

/// Body of `POST /orders`: read field by field, to name every wrong one and not only the first.
#[derive(Debug, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub(super) struct CreateOrder {
    pub(super) items: Vec<Item>,
    wrong: Vec<FieldError>,
}

impl From<Map<String, Value>> for CreateOrder {
    fn from(mut body: Map<String, Value>) -> Self {
        let mut wrong = Vec::new();
        let items = match body.remove("items") {
            Some(Value::Array(items)) if (1..=ITEMS_MAX).contains(&items.len()) => items,
            _ => {
                let rule = format!("must be a list of 1 to {ITEMS_MAX} items");
                wrong.push(FieldError::new("items", rule));
                Vec::new()
            }
        };
        let items = items.iter().enumerate();
        let items = items.filter_map(|(index, item)| read_item(index, item, &mut wrong)).collect();
        Self { items, wrong }
    }
}

impl Rules for CreateOrder {
    fn broken(&self) -> Vec<FieldError> {
        self.wrong.clone()
    }
}

fn read_item(index: usize, item: &Value, errors: &mut Vec<FieldError>) -> Option<Item> {
    let mut wrong = |field: &str, rule: String| {
        errors.push(FieldError::new(format!("items[{index}]{field}"), rule));
    };
    let Value::Object(item) = item else {
        wrong("", "must be a JSON object".to_owned());
        return None;
    };
    let text = item.get("sku").and_then(Value::as_str);
    let sku = text.filter(|sku| !sku.trim().is_empty() && sku.chars().count() <= SKU_MAX);
    if sku.is_none() {
        wrong(".sku", format!("must be text of 1 to {SKU_MAX} characters"));
    } else if let Some(Err(error)) = sku.map(|sku| storable(sku, &())) {
        wrong(".sku", error.to_string());
    }
    let number = item.get("quantity").and_then(Value::as_i64);
    let quantity = number.filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
    if quantity.is_none() {
        wrong(".quantity", format!("must be a whole number from 1 to {QUANTITY_MAX}"));
    }
    Some(Item { sku: sku?.to_owned(), quantity: quantity? })
}

#[cfg(test)]
mod tests {
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
            ["items[1]", "items[2].sku", "items[2].quantity", "items[3].quantity", "items[4].sku"]
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
