//! Orders and what is to be told of them, in the database. Knows nothing of sockets.

use std::sync::Arc;

use gateway_core::injectable;
use sqlx::{AnyPool, Row as _};
use uuid::Uuid;

use super::model::{Item, Order, Status};
use crate::clock;
use crate::database::values;
use crate::user::UserId;

/// Orders, and the updates their users are told.
#[derive(Clone, Debug)]
#[injectable]
pub(crate) struct OrderStore {
    pub(super) database: Arc<AnyPool>,
}

impl OrderStore {
    /// Stores an order together with its first update, whose number is the second half.
    pub(super) async fn create(
        &self,
        user: UserId,
        items: Vec<Item>,
    ) -> Result<(Order, i64), sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        // First, so that no other update of this user comes in between.
        let count = sqlx::query_scalar_with(
            "INSERT INTO order_feeds (user_id, newest) VALUES ($1, 1) \
             ON CONFLICT (user_id) DO UPDATE SET newest = order_feeds.newest + 1 \
             RETURNING newest",
            values![user],
        );
        let number: i64 = count.fetch_one(&mut *transaction).await?;
        let order = Order {
            id: Uuid::now_v7().to_string(),
            user_id: user,
            items,
            status: Status::Confirmed,
            created_at: clock::now(),
        };
        let items = serde_json::to_string(&order.items)
            .map_err(|error| sqlx::Error::Encode(error.into()))?;
        let store = sqlx::query_with(
            "INSERT INTO orders (id, user_id, items, status, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
            values![&order.id, user, items, order.status.name(), &order.created_at],
        );
        store.execute(&mut *transaction).await?;
        let append = sqlx::query_with(
            "INSERT INTO order_updates (user_id, number, order_id, status) VALUES ($1, $2, $3, $4)",
            values![user, number, &order.id, order.status.name()],
        );
        append.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok((order, number))
    }

    /// An order of that user.
    pub(super) async fn find(&self, id: Uuid, user: UserId) -> Result<Option<Order>, sqlx::Error> {
        let order = sqlx::query_with(
            "SELECT * FROM orders WHERE id = $1 AND user_id = $2",
            values![id.to_string(), user],
        );
        let row = order.fetch_optional(&*self.database).await?;
        row.map(|row| {
            let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
            let status = Status::try_from(row.try_get::<String, _>("status")?);
            Ok(Order {
                id: row.try_get("id")?,
                user_id: row.try_get("user_id")?,
                items: serde_json::from_str(row.try_get("items")?).map_err(decode)?,
                status: status.map_err(|error| sqlx::Error::Decode(error.into()))?,
                created_at: row.try_get("created_at")?,
            })
        })
        .transpose()
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
