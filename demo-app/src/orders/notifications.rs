//! Telling users what becomes of their orders, wherever they listen, until one of their devices has acknowledged it.

use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::model::Status;
use super::store::OrderStore;
use crate::chat::ChatGateway;
use crate::clock;
use crate::database::values;
use crate::language::Language;
use crate::user::{User, UserId};

/// One thing a user is told of an order.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Update {
    /// Counts the updates of one user, from 1 on and without a gap.
    pub(super) number: i64,
    pub(super) order_id: String,
    #[sqlx(try_from = "String")]
    pub(super) status: Status,
}

/// What has become of an order. It comes again, to whoever connects, until it is acknowledged.
#[derive(Debug, Serialize, JsonSchema, Event)]
#[serde(rename_all = "camelCase")]
#[event("order-update", ack = ())]
pub(crate) struct OrderUpdate<'a> {
    order_id: &'a str,
    status: Status,
    message: &'static str,
}

impl FeedStore for OrderStore {
    type Gateway = ChatGateway;
    type User = UserId;
    type Update = Update;
    type Event<'a> = OrderUpdate<'a>;

    async fn newest(&self, user: &UserId) -> Result<i64, WsException> {
        let newest =
            sqlx::query_scalar("SELECT newest FROM order_feeds WHERE user_id = $1").bind(user);
        Ok(newest.fetch_optional(&*self.database).await?.unwrap_or_default())
    }

    async fn unseen(&self, user: &UserId, unseen: Unseen) -> Result<Vec<Update>, WsException> {
        let updates = sqlx::query_as_with(
            "SELECT number, order_id, status FROM order_updates \
             WHERE user_id = $1 AND number > $2 AND (settled_at IS NULL OR number >= $3) \
             ORDER BY number LIMIT 100",
            values![user, unseen.after, unseen.since],
        );
        Ok(updates.fetch_all(&*self.database).await?)
    }

    async fn settle(&self, user: &UserId, number: i64) -> Result<(), WsException> {
        let settle = sqlx::query_with(
            "UPDATE order_updates SET settled_at = $3 \
             WHERE user_id = $1 AND number = $2 AND settled_at IS NULL",
            values![user, number, clock::now()],
        );
        settle.execute(&*self.database).await?;
        Ok(())
    }

    fn number(update: &Update) -> i64 {
        update.number
    }

    fn event<'a>(update: &'a Update, to: &Handshake) -> OrderUpdate<'a> {
        let message = match update.status {
            Status::Confirmed => Language::of(to).say("你的订单已确认"),
        };
        OrderUpdate { order_id: &update.order_id, status: update.status, message }
    }
}

/// The chat's clients are told of orders, and the chat need not know.
#[web_socket_gateway(emits(OrderUpdate<'_>))]
impl ChatGateway {
    #[on_connection]
    async fn connected(
        &self,
        socket: Socket,
        Identity(user): Identity<User>,
        Inject(updates): Inject<Feed<OrderStore>>,
    ) -> Result<(), WsException> {
        // A token may claim a role of any length.
        let role = user.role.map(|role| format!("{role:.32}"));
        tracing::info!(user = %user.id, role, "connected");
        Ok(updates.deliver(&socket)?)
    }
}
