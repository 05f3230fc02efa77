//! Feeds: updates that are kept until one of their user's devices has acknowledged them.
//!
//! What is to be told is in the application's own store, numbered for each user. Processes tell each other only *that* a
//! user has news: each reads for its own devices and streams, in order, so that an announcement that is lost delays an
//! update and loses nothing.

mod delivery;
mod events;
mod streams;

use std::{
    any::type_name,
    fmt::{self, Display},
    str::FromStr,
    sync::{Arc, Weak},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::events::feed_events;
use self::{
    delivery::{Delivery, Progress},
    streams::Streams,
};
use crate::{
    app::{builder::AppBuilder, stopping::Stopping},
    auth::handshake::Handshake,
    boot::start_report::Problem,
    clock::Clock,
    declare::registry::Gateway,
    exception::AsyncResult,
    inject::{Dependencies, Injectable, Injected, Key, Need, Provider},
    log_limiter::LogLimiter,
    socket::{
        event::{Acknowledged, EmittedBy, Event},
        handle::Socket,
        server::Server,
        server_side::{Missed, ServerSideEvents},
    },
    type_names::short,
};

/// Where an application keeps what its users are to be told: updates that are sent to each device that connects, until
/// one of them has acknowledged them. [`Feed`] delivers them; [`AppBuilder::feed`] adds it to the application.
///
/// Only the application appends, in a transaction of its own together with what the update is about, and then
/// [announces](Feed::announce) it. A store has to promise this:
///
/// * The updates of one user are numbered 1, 2, 3, .. without a gap.
/// * A number becomes visible after all smaller ones. In an SQL database, the transaction increments the user's number
///   first, which locks that row until it commits; a sequence would promise neither.
/// * Settling an update twice is the same as settling it once.
///
/// An error of a method is logged, and the delivery tries again after a second; a stream of events ends, and its client
/// comes back. Nothing is skipped.
///
/// ```
/// # mod app {
/// use std::{collections::HashMap, sync::Mutex};
/// use gateway_core::prelude::*;
/// use serde::Serialize;
///
/// #[derive(Serialize, Event)]
/// #[event("parcel", ack = ())]
/// pub struct Parcel<'a> {
///     number: i64,
///     from: &'a str,
/// }
///
/// # #[derive(Clone, serde::Deserialize)]
/// # pub struct Account {}
/// #[web_socket_gateway(namespace = "/post", authenticate = JwtAuthenticator<Account>, emits(Parcel<'_>))]
/// pub struct PostGateway;
///
/// #[web_socket_gateway]
/// impl PostGateway {
///     #[on_connection]
///     async fn connected(&self, socket: Socket, Inject(parcels): Inject<Feed<Parcels>>) -> Result<(), WsException> {
///         Ok(parcels.deliver(&socket)?)
///     }
/// }
///
/// /// Of each user: who has sent the parcels, and whether they have been taken.
/// #[injectable]
/// pub struct Parcels {
///     #[init]
///     users: Mutex<HashMap<u64, Vec<(String, bool)>>>,
/// }
///
/// impl Parcels {
///     /// A parcel arrives. The number that is returned is to be announced.
///     pub fn take_in(&self, user: u64, from: &str) -> i64 {
///         let mut users = self.users.lock().unwrap();
///         let parcels = users.entry(user).or_default();
///         parcels.push((from.to_owned(), false));
///         parcels.len() as i64
///     }
/// }
///
/// impl FeedStore for Parcels {
///     type Gateway = PostGateway;
///     type User = u64;
///     type Update = (i64, String);
///     type Event<'a> = Parcel<'a>;
///
///     async fn newest(&self, user: &u64) -> Result<i64, WsException> {
///         Ok(self.users.lock().unwrap().get(user).map_or(0, Vec::len) as i64)
///     }
///
///     async fn unseen(&self, user: &u64, unseen: Unseen) -> Result<Vec<(i64, String)>, WsException> {
///         let users = self.users.lock().unwrap();
///         let parcels = (1..).zip(users.get(user).into_iter().flatten());
///         let unseen = parcels.filter(|(number, (_, taken))| {
///             *number > unseen.after && (!taken || *number >= unseen.since)
///         });
///         Ok(unseen.map(|(number, (from, _))| (number, from.clone())).take(100).collect())
///     }
///
///     async fn settle(&self, user: &u64, number: i64) -> Result<(), WsException> {
///         if let Some(parcels) = self.users.lock().unwrap().get_mut(user) {
///             parcels[number as usize - 1].1 = true;
///         }
///         Ok(())
///     }
///
///     fn number(update: &(i64, String)) -> i64 {
///         update.0
///     }
///
///     fn event<'a>(update: &'a (i64, String), _: &Handshake) -> Parcel<'a> {
///         Parcel { number: update.0, from: &update.1 }
///     }
/// }
///
/// async fn arrives(parcels: &Parcels, feed: &Feed<Parcels>, user: u64, from: &str) {
///     let number = parcels.take_in(user, from);
///     feed.announce(&user, number).await;
/// }
///
/// fn application() -> AppBuilder {
///     App::builder().provide(JwtService::hs256([7; 32])).feed::<Parcels>()
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep a feed",
    label = "needs `impl FeedStore for {Self}`",
    note = "a feed reads what is to be told from the application's own store, which says how"
)]
pub trait FeedStore: Send + Sync + 'static {
    /// The gateway whose clients are told.
    type Gateway: Gateway;

    /// The type that identifies a user. It is parsed from the id that the
    /// [authenticator](crate::Authenticated::user) gave.
    type User: FromStr + Display + Send + Sync + 'static;

    /// An update as it is stored.
    type Update: Send + Sync + 'static;

    /// What a client is sent, by Socket.IO and as an event of a stream. That it is acknowledged settles the update, whatever
    /// the acknowledgement says: `ack = ()` promises clients an empty one.
    type Event<'a>: Acknowledged + EmittedBy<Self::Gateway> + Send + Sync;

    /// How long an acknowledgement is waited for: a phone may have to wake up first. An update that has not been
    /// acknowledged then is sent to the next device that connects.
    const ACK_TIMEOUT: Duration = Duration::from_secs(60);

    /// How many updates may wait for the acknowledgement of one device, which is sent no more until then. Not more than
    /// [`Limits::outstanding_asks`](crate::Limits::outstanding_asks).
    const UNACKNOWLEDGED: usize = 1_000;

    /// The number of the user's newest update; 0 if there has been none.
    ///
    /// # Errors
    /// If it cannot be read now.
    fn newest(&self, user: &Self::User) -> impl AsyncResult<i64> + Send;

    /// The user's first updates that are `unseen`, in the order of their numbers; a page of them, which decides how many
    /// are in memory for each device. None if there are none.
    ///
    /// # Errors
    /// If they cannot be read now.
    fn unseen(
        &self,
        user: &Self::User,
        unseen: Unseen,
    ) -> impl AsyncResult<Vec<Self::Update>> + Send;

    /// Notes that a device of the user has acknowledged an update.
    ///
    /// # Errors
    /// If that cannot be stored now. The update is sent once more, to the next device that connects.
    fn settle(&self, user: &Self::User, number: i64) -> impl AsyncResult<()> + Send;

    /// The update's number.
    fn number(update: &Self::Update) -> i64;

    /// What a client is sent. Called each time it is, so the words may depend on the device, such as its language.
    fn event<'a>(update: &'a Self::Update, to: &Handshake) -> Self::Event<'a>;
}

/// Which updates a [`FeedStore`] is asked for: `number > after AND (settled_at IS NULL OR number >= since)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    /// Those with a greater number.
    pub after: i64,
    /// The number from which on they are wanted even if they are settled.
    pub since: i64,
}

/// The updates of a [`FeedStore`], on their way to the users' devices and streams. [`AppBuilder::feed`] makes it a
/// service: `Arc<Feed<S>>` in a field, [`Inject<Feed<S>>`](crate::Inject) in a handler.
///
/// Every device that is connected when an update is appended is sent it, once and in order, and so is every device that
/// connects before one of the user's devices has acknowledged it. This is delivery *at least once*: a client that must not
/// act twice on an update knows it by what is in it. [`feed_events`] has the same updates as a stream of events.
///
/// [`FeedStore`] has a whole example.
pub struct Feed<S: FeedStore> {
    shared: Arc<Shared<S>>,
}

/// What deliveries and streams share.
struct Shared<S: FeedStore> {
    store: Arc<S>,
    server: Server<S::Gateway>,
    streams: Arc<Streams>,
    stopping: Arc<Stopping>,
    clock: Clock,
}

/// That a user has a new update, as processes tell each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct News {
    user: String,
    number: i64,
}

impl<S: FeedStore> Feed<S> {
    /// The name of its events, and of its announcements.
    const NAME: &'static str = <S::Event<'static> as Event>::NAME;

    /// Has an update that was appended sent to the user, by every process of the application. Call it once the update's
    /// transaction has been committed.
    ///
    /// If it cannot be announced, which is logged, other processes send it with the user's next update, or when a device
    /// connects.
    pub async fn announce(&self, user: &S::User, number: i64) {
        let news = News { user: user.to_string(), number };
        if let Err(error) = self.shared.server.server_side_emit(Self::NAME, news).await {
            static LINES: LogLimiter = LogLimiter::of(10);
            if let Some(times) = LINES.count() {
                tracing::warn!(event = Self::NAME, %user, number, %error, times, "an update was not announced");
            }
        }
    }

    /// Sends a device what its user has not acknowledged, and whatever is new, until it is gone. Call it once for each
    /// socket, in the gateway's [`#[on_connection]`](macro@crate::on_connection).
    ///
    /// # Errors
    /// If the authenticator named no user, or one that is not a [`FeedStore::User`].
    pub fn deliver(&self, socket: &Socket) -> Result<(), FeedError> {
        let user = named::<S>(socket.user())?;
        tokio::spawn(Delivery::new(socket.clone(), user, Arc::clone(&self.shared)).run());
        Ok(())
    }
}

impl<S: FeedStore> Shared<S> {
    /// Passes on what is announced, to the devices and streams of this process, for as long as the application exists.
    async fn listen(this: Weak<Self>, mut announced: ServerSideEvents<News>) {
        while let Some(news) = announced.next().await {
            let Some(this) = this.upgrade() else { return };
            match news {
                Ok(News { user, number }) => {
                    for device in this.server.user(&user).sockets() {
                        device.data::<Progress<S>>().owe(number);
                    }
                    this.streams.look(&user);
                }
                Err(Missed) => {
                    for device in this.server.sockets() {
                        device.data::<Progress<S>>().look();
                    }
                    this.streams.look_all();
                }
            }
        }
    }
}

/// The server of a gateway that must know its users.
struct UsersOf<G>(Server<G>);

#[diagnostic::do_not_recommend]
impl<G: Gateway> Injected for UsersOf<G> {
    fn need() -> Need {
        Need::UsersOf(Key::of::<G>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        Self(Server::resolve(provider))
    }
}

#[diagnostic::do_not_recommend]
impl<S: FeedStore> Injectable for Feed<S> {
    fn dependencies() -> Dependencies {
        Dependencies::new()
            .field::<Arc<S>>("store")
            .field::<UsersOf<S::Gateway>>("users")
            .field::<Arc<Stopping>>("stopping")
    }

    fn build(provider: &mut Provider) -> Self {
        let (store, UsersOf::<S::Gateway>(server)) = (provider.take(), provider.take());
        let (stopping, clock) = (provider.take(), (*provider.service::<Clock>()).clone());
        let streams = Arc::new(Streams::within(&server.open_namespace().settings.limits));
        let announced = server.server_side_events(Self::NAME);
        let shared = Arc::new(Shared { store, server, streams, stopping, clock });
        tokio::spawn(Shared::listen(Arc::downgrade(&shared), announced));
        Self { shared }
    }
}

impl<S: FeedStore> fmt::Debug for Feed<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Feed").field("event", &Self::NAME).finish_non_exhaustive()
    }
}

impl AppBuilder {
    /// Adds the [`Feed`] of a store, which is a service itself: `#[injectable]`, or [provided](Self::provide).
    #[must_use]
    pub fn feed<S: FeedStore>(self) -> Self {
        self.build_service::<Feed<S>>(|| {
            Problem::new(
                format!("`.feed::<{}>()` is called twice", short(type_name::<S>())),
                "call it once; a second feed needs a store of its own",
            )
        })
    }
}

/// Why nothing can be told to a client.
///
/// ```
/// # use gateway_core::{FeedStore, prelude::*};
/// fn deliver<S: FeedStore>(feed: &Feed<S>, socket: &Socket) {
///     if let Err(error) = feed.deliver(socket) {
///         tracing::error!(%error, "this device is told nothing");
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The authenticator let a client in without saying which user it is.
    #[error("the authenticator did not name a user; `Authenticated::user(..)` does that")]
    NoUser,
    /// The user's id cannot be parsed as the type that identifies the feed's users.
    #[error("the user id `{user}` is not a valid `{expected}`")]
    UnknownForm {
        /// The id, as the authenticator gave it.
        user: String,
        /// The type that identifies users.
        expected: String,
    },
}

/// The user whose id an authenticator gave.
fn named<S: FeedStore>(user: Option<impl AsRef<str>>) -> Result<S::User, FeedError> {
    let user = user.ok_or(FeedError::NoUser)?;
    let user = user.as_ref();
    user.parse().map_err(|_| FeedError::UnknownForm {
        user: user.to_owned(),
        expected: short(type_name::<S::User>()),
    })
}
