//! Orders and what is to be told of them, in the database. Knows nothing of sockets.

use std::sync::Arc;

use gateway_core::injectable;
use sqlx::{AnyPool, Row as _};
use uuid::Uuid;

use super::model::{Item, Order, Status, Update};
use crate::clock;
use crate::user::UserId;

/// Updates that are read at once.
pub(super) const PAGE: i64 = 100;

/// Orders, and the updates their users are told.
#[derive(Clone, Debug)]
#[injectable]
pub(super) struct OrderStore {
    database: Arc<AnyPool>,
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
        let number = sqlx::query_scalar(
            "INSERT INTO order_feeds (user_id, newest) VALUES ($1, 1) \
             ON CONFLICT (user_id) DO UPDATE SET newest = order_feeds.newest + 1 \
             RETURNING newest",
        )
        .bind(user)
        .fetch_one(&mut *transaction)
        .await?;
        let order = Order {
            id: Uuid::now_v7().to_string(),
            user_id: user,
            items,
            status: Status::Confirmed,
            created_at: clock::now(),
        };
        let items = serde_json::to_string(&order.items)
            .map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(
            "INSERT INTO orders (id, user_id, items, status, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&order.id)
        .bind(user)
        .bind(items)
        .bind(order.status.name())
        .bind(&order.created_at)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO order_updates (user_id, number, order_id, status) VALUES ($1, $2, $3, $4)",
        )
        .bind(user)
        .bind(number)
        .bind(&order.id)
        .bind(order.status.name())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((order, number))
    }

    /// An order of that user.
    pub(super) async fn find(&self, id: Uuid, user: UserId) -> Result<Option<Order>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM orders WHERE id = $1 AND user_id = $2")
            .bind(id.to_string())
            .bind(user)
            .fetch_optional(&*self.database)
            .await?;
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

    /// The number of the user's newest update; 0 if there is none.
    pub(super) async fn newest(&self, user: UserId) -> Result<i64, sqlx::Error> {
        let newest = sqlx::query_scalar("SELECT newest FROM order_feeds WHERE user_id = $1")
            .bind(user)
            .fetch_optional(&*self.database)
            .await?;
        Ok(newest.unwrap_or_default())
    }

    /// The first updates after one, settled or not.
    pub(super) async fn after(
        &self,
        user: UserId,
        number: i64,
    ) -> Result<Vec<Update>, sqlx::Error> {
        // All of them are new to whoever has seen none before.
        self.unseen(user, number, 0).await
    }

    /// The first updates after one that are not settled, or not older than `since`.
    pub(super) async fn unseen(
        &self,
        user: UserId,
        after: i64,
        since: i64,
    ) -> Result<Vec<Update>, sqlx::Error> {
        sqlx::query_as(
            "SELECT number, order_id, status FROM order_updates \
             WHERE user_id = $1 AND number > $2 AND (settled_at IS NULL OR number >= $3) \
             ORDER BY number LIMIT $4",
        )
        .bind(user)
        .bind(after)
        .bind(since)
        .bind(PAGE)
        .fetch_all(&*self.database)
        .await
    }

    /// Notes that the user knows of an update.
    pub(super) async fn settle(&self, user: UserId, number: i64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE order_updates SET settled_at = $3 \
             WHERE user_id = $1 AND number = $2 AND settled_at IS NULL",
        )
        .bind(user)
        .bind(number)
        .bind(clock::now())
        .execute(&*self.database)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
