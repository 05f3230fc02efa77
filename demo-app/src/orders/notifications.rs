//! Telling users what becomes of their orders, wherever they listen.
//!
//! What is to be told stands in the store, numbered for each user. What processes tell each other is
//! only that there is more of it: each reads for its own devices and streams, in order, so that
//! nothing is lost with an event that is.

use std::fmt;
use std::sync::Arc;

use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

use super::delivery::{Delivery, Progress};
use super::model::OrderUpdate;
use super::store::OrderStore;
use super::streams::Streams;
use crate::chat::ChatGateway;
use crate::user::{User, UserId};

/// Tells users what becomes of their orders.
#[injectable]
pub(crate) struct NotificationsService {
    chat: Server<ChatGateway>,
    orders: Arc<OrderStore>,
    streams: Arc<Streams>,
}

/// A user has a new update.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct News {
    user: UserId,
    number: i64,
}

impl NotificationsService {
    /// Has a stored update told to the user, by every process.
    pub(super) async fn announce(&self, user: UserId, number: i64) {
        let news = News { user, number };
        if let Err(error) = self.chat.server_side_emit(OrderUpdate::NAME, news).await {
            // It stands in the outbox: the next device that connects is told.
            tracing::warn!(%user, number, %error, "an order update was not announced");
        }
    }

    /// Tells a device of the user what it has missed and what is new, until it leaves.
    fn attend(&self, device: Socket, user: UserId) {
        tokio::spawn(Delivery::new(device, user, Arc::clone(&self.orders)).run());
    }

    /// Passes news on to the devices and streams of this process.
    fn spread(&self, news: News) {
        for device in self.chat.user(news.user).sockets() {
            device.data::<Progress>().owe(news.number);
        }
        self.streams.look(news.user);
    }

    /// Has everyone in this process look for news.
    fn spread_all(&self) {
        for device in self.chat.sockets() {
            device.data::<Progress>().look();
        }
        self.streams.look_all();
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
        Inject(service): Inject<NotificationsService>,
    ) {
        // A token may claim a role of any length.
        let role = user.role.map(|role| format!("{role:.32}"));
        tracing::info!(user = %user.id, role, "connected");
        service.attend(socket, user.id);
    }

    /// Listens for what is announced, here and elsewhere.
    #[after_init]
    async fn listen_for_order_updates(
        &self,
        chat: Server,
        Inject(service): Inject<NotificationsService>,
    ) {
        let mut announced = chat.server_side_events::<News>(OrderUpdate::NAME);
        tokio::spawn(async move {
            while let Some(news) = announced.next().await {
                match news {
                    Ok(news) => service.spread(news),
                    Err(Missed) => service.spread_all(),
                }
            }
        });
    }
}

impl fmt::Debug for NotificationsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationsService").finish_non_exhaustive()
    }
}
