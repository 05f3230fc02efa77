//! Orders over HTTP.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{StatusCode, header::LOCATION};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_core::prelude::*;
use uuid::Uuid;

use super::events;
use super::model::{CreateOrder, Order};
use super::service::OrdersService;
use crate::http::HttpError;
use crate::user::User;

/// Bytes of an order: more than the largest valid one, every character of it escaped.
const BODY_MAX: usize = 128 * 1024;

/// The routes of this module.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{id}", get(find))
        .route("/orders/events", get(events::follow))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

async fn create(
    Identity(user): Identity<User>,
    Inject(orders): Inject<OrdersService>,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, HttpError> {
    let order = orders.create(user.id, CreateOrder::parse(&body?)?).await?;
    let location = [(LOCATION, format!("/orders/{}", order.id))];
    Ok((StatusCode::CREATED, location, Json(order)))
}

async fn find(
    Identity(user): Identity<User>,
    Inject(orders): Inject<OrdersService>,
    Path(id): Path<String>,
) -> Result<Json<Order>, HttpError> {
    let id = Uuid::try_parse(&id).map_err(|_| HttpError::NotFound)?;
    orders.find(id, user.id).await?.map(Json).ok_or(HttpError::NotFound)
}
