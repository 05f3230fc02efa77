//! Taking orders.

use std::sync::Arc;

use gateway_core::prelude::*;
use uuid::Uuid;

use super::model::{CreateOrder, Order};
use super::store::OrderStore;
use crate::user::UserId;

/// Takes orders, and has their users told.
#[derive(Debug)]
#[injectable]
pub(super) struct OrdersService {
    orders: Arc<OrderStore>,
    updates: Arc<Feed<OrderStore>>,
}

impl OrdersService {
    /// Stores the order; whether anybody hears of it at once makes no difference to it.
    pub(super) async fn create(
        &self,
        user: UserId,
        request: CreateOrder,
    ) -> Result<Order, WsException> {
        let (order, number) = self.orders.create(user, request.items).await?;
        self.updates.announce(&user, number).await;
        Ok(order)
    }

    /// An order of that user.
    pub(super) async fn find(&self, id: Uuid, user: UserId) -> Result<Option<Order>, WsException> {
        Ok(self.orders.find(id, user).await?)
    }
}
