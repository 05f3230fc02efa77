//! Orders over HTTP.

use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{StatusCode, header::LOCATION};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_core::feed_events;
use gateway_core::prelude::*;
use uuid::Uuid;

use super::model::{CreateOrder, Order};
use super::store::OrderStore;
use crate::http::not_found;
use crate::user::User;

/// Bytes of an order: more than the largest valid one, every character of it escaped.
const BODY_MAX: usize = 128 * 1024;

/// The routes of this module.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{id}", get(find))
        .route("/orders/events", get(feed_events::<OrderStore>))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

/// Stores the order; whether anybody hears of it at once makes no difference to it.
async fn create(
    Identity(user): Identity<User>,
    Inject(orders): Inject<OrderStore>,
    Inject(updates): Inject<Feed<OrderStore>>,
    Body(Valid(order)): Body<Valid<CreateOrder>>,
) -> Result<impl IntoResponse, WsException> {
    let (order, number) = orders.create(user.id, order.items).await?;
    updates.announce(&user.id, number).await;
    let location = [(LOCATION, format!("/orders/{}", order.id))];
    Ok((StatusCode::CREATED, location, Json(order)))
}

async fn find(
    Identity(user): Identity<User>,
    Inject(orders): Inject<OrderStore>,
    Path(id): Path<String>,
) -> Result<Json<Order>, WsException> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    orders.find(id, user.id).await?.map(Json).ok_or_else(not_found)
}
