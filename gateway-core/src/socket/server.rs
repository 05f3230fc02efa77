//! [`Server`]: a gateway's handle to all clients of its namespace.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    marker::PhantomData,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cluster::{Answer, Found, Question},
    defaults::CLUSTER_TIMEOUT,
    inject::{Injected, Key, Need, Provider},
    platform::SocketId,
    socket::{
        acks::Acks,
        broadcast::Broadcast,
        error::{EmitError, RequestError, SocketsError},
        event::{Acknowledged, EmittedBy, Event},
        handle::Socket,
        namespace::Namespace,
        remote_socket::{AvailableSockets, Fetched, RemoteSocket},
        rooms::Rooms,
        server_side::{self, ServerSideAnswers, ServerSideEvents},
    },
    wire::Payload,
};

/// All clients of a gateway's namespace (NestJS: `@WebSocketServer() server`), in all processes of the application unless
/// it says otherwise. Cheap to clone.
///
/// A gateway has a field `Server` for its own namespace. Everything else, be it a service, another gateway or a handler of
/// axum's, takes a `Server<G>`, the one of the gateway `G`; with it, a push from an HTTP route is one line. `Server<G>`
/// may be taken wherever `Server` may, and also before `G` itself has been built: by what `G` is injected, and by its
/// authenticator.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
///
/// #[web_socket_gateway(namespace = "/news")]
/// pub struct NewsGateway {
///     server: Server,
/// }
///
/// impl NewsGateway {
///     /// Called by whoever injects `Arc<NewsGateway>`.
///     pub async fn publish(&self, headline: &str) -> Result<(), EmitError> {
///         self.server.to("subscribers").emit("headline", headline).await
///     }
/// }
///
/// /// The handler of a route: all devices of the user hear of it.
/// async fn pay(news: Server<NewsGateway>) -> Result<(), WsException> {
///     Ok(news.user(7).emit("paid", "thank you").await?)
/// }
/// # }
/// ```
pub struct Server<G = Own> {
    namespace: Arc<Namespace>,
    gateway: PhantomData<fn() -> G>,
}

/// The gateway that a `Server` belongs to if it does not say whose it is: the one that has it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {}

/// The open namespaces, by their gateways.
#[derive(Default)]
pub(crate) struct Namespaces(HashMap<Key, Arc<Namespace>>);

impl Namespaces {
    pub(crate) fn new(open: impl IntoIterator<Item = (Key, Arc<Namespace>)>) -> Self {
        Self(open.into_iter().collect())
    }

    /// The server of the gateway `G`, if the application has that gateway.
    pub(crate) fn server_of<G: 'static>(&self) -> Option<Server<G>> {
        self.0.get(&Key::of::<G>()).map(|namespace| Server::of(Arc::clone(namespace)))
    }
}

impl Server {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        Self::of(namespace)
    }
}

impl<G> Server<G> {
    fn of(namespace: Arc<Namespace>) -> Self {
        Self { namespace, gateway: PhantomData }
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.path()
    }

    /// Sends an event to everyone. See [`Broadcast::emit`].
    ///
    /// # Errors
    /// If the payload cannot be encoded.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        self.everyone().emit(event, payload).await
    }

    /// Sends a declared event to everyone. See [`Broadcast::send`].
    ///
    /// # Errors
    /// If the payload cannot be encoded.
    pub async fn send<E: Event + EmittedBy<G> + ?Sized>(&self, event: &E) -> Result<(), EmitError> {
        self.everyone().send(event).await
    }

    /// Everyone in any of these rooms; nobody if the list is empty. A socket's id is the name of a room that the
    /// socket is in from the start; others are in it only if the application lets them join a room of that name.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast<G> {
        self.everyone().to(rooms)
    }

    /// Everyone except those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast<G> {
        self.everyone().except(rooms)
    }

    /// All sockets of one user in this namespace, on all devices. The `id` is the one that the
    /// [authenticator](crate::Authenticated::user) gave.
    pub fn user(&self, id: impl fmt::Display) -> Broadcast<G> {
        self.everyone().of_user(&id.to_string())
    }

    /// All clients, each with its identity and its rooms. See [`Broadcast::fetch_sockets`].
    ///
    /// # Errors
    /// If their identity is not a `U`, or another process has not answered.
    pub async fn fetch_sockets<U: Fetched>(&self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        self.everyone().fetch_sockets().await
    }

    /// The clients of all processes that answer. See [`Broadcast::fetch_available`].
    ///
    /// # Errors
    /// If their identity is not a `U`.
    pub async fn fetch_available<U: Fetched>(&self) -> Result<AvailableSockets<U>, SocketsError> {
        self.everyone().fetch_available().await
    }

    /// Sends an event to everyone, and waits for their acknowledgements. See [`Broadcast::emit_with_ack`].
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    pub async fn emit_with_ack<R: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<Acks<R>, EmitError> {
        self.everyone().emit_with_ack(event, payload).await
    }

    /// Sends a declared event to everyone, and waits for their acknowledgements. See [`Broadcast::request`].
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    pub async fn request<E: Acknowledged + EmittedBy<G> + ?Sized>(
        &self,
        event: &E,
    ) -> Result<Acks<E::Ack>, EmitError> {
        self.everyone().request(event).await
    }

    /// Makes all clients join rooms. See [`Broadcast::sockets_join`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_join(rooms).await
    }

    /// Makes all clients leave rooms. See [`Broadcast::sockets_leave`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_leave(rooms).await
    }

    /// Ends all clients' connections to this namespace. See [`Broadcast::disconnect_sockets`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn disconnect_sockets(&self) -> Result<(), SocketsError> {
        self.everyone().disconnect_sockets().await
    }

    /// Ends all clients' whole connections, with all their namespaces. See [`Broadcast::close_connections`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn close_connections(&self) -> Result<(), SocketsError> {
        self.everyone().close_connections().await
    }

    /// The clients of this process alone, for the operations above (socket.io: `server.local`).
    pub fn local(&self) -> Broadcast<G> {
        self.everyone().local()
    }

    /// Everyone, for events that are dropped where they would have to wait. See [`Broadcast::volatile`].
    pub fn volatile(&self) -> Broadcast<G> {
        self.everyone().volatile()
    }

    /// A client of this process by its id.
    #[must_use]
    pub fn socket(&self, id: SocketId) -> Option<Socket> {
        self.namespace.client(id).map(Socket::new)
    }

    /// All clients of this process, in no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.namespace.everyone().into_iter().map(Socket::new).collect()
    }

    /// How many clients this process has.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.namespace.len()
    }

    /// The rooms that have a member in this process. Those of all processes: [`all_rooms`](Self::all_rooms).
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.namespace.rooms()
    }

    /// The rooms that have a member in any process, each once, in order (socket.io: `adapter.allRooms()`). Every process
    /// tells the names of its rooms; Node servers in the same cluster tell about all their clients.
    ///
    /// # Errors
    /// If another process has not answered within [two seconds](crate::defaults::CLUSTER_TIMEOUT).
    pub async fn all_rooms(&self) -> Result<Vec<String>, SocketsError> {
        let mut rooms: BTreeSet<String> = self.rooms().into_iter().collect();
        if let Some(adapter) = &self.namespace.adapter {
            let mut asked = adapter.ask(Question::Rooms, CLUSTER_TIMEOUT)?;
            while let Some(answer) = asked.next().await {
                match answer {
                    Answer::Rooms(theirs) => rooms.extend(theirs),
                    Answer::Sockets(found) => {
                        rooms.extend(found.into_iter().flat_map(Found::into_rooms));
                    }
                    _ => {}
                }
            }
            let instances = asked.silent();
            if !instances.is_empty() {
                return Err(SocketsError::Unanswered { instances });
            }
        }
        Ok(rooms.into_iter().collect())
    }

    /// How many clients have been disconnected because they did not read what they were sent.
    #[must_use]
    pub fn slow_clients_disconnected(&self) -> u64 {
        self.namespace.slow_clients()
    }

    /// Sends an event to every process of the application, this one included, where
    /// [`server_side_events`](Self::server_side_events) of the same name yield it. Clients do not hear of it.
    ///
    /// It arrives at most once, like everything that is emitted: a good way to say that there is something new,
    /// but no place to keep it.
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    pub async fn server_side_emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Serialize,
    ) -> Result<(), EmitError> {
        server_side::tell(&self.namespace, event.as_ref(), &payload)
    }

    /// Asks every process of the application, this one included, and waits for the answers of all that have a listener for
    /// the event, for at most [`ack_timeout`](crate::AppBuilder::ack_timeout) (socket.io: `serverSideEmitWithAck`).
    /// Listeners answer with [`ServerSideEvents::next_request`].
    ///
    /// It is not an error if a process does not answer in time: the [`ServerSideAnswers`] name it, beside the answers of
    /// the others.
    ///
    /// # Errors
    /// If the payload cannot be encoded or is too large, or the other processes cannot be reached.
    pub async fn server_side_request<R: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        payload: impl Serialize,
    ) -> Result<ServerSideAnswers<R>, RequestError> {
        ServerSideAnswers::of(&self.namespace, event.as_ref(), &payload).await
    }

    /// Every event of this name that any process of the application emits from now on with
    /// [`server_side_emit`](Self::server_side_emit) (NestJS: `server.on(..)` for what `serverSideEmit(..)`
    /// sends).
    #[must_use]
    pub fn server_side_events<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
    ) -> ServerSideEvents<T> {
        self.namespace.server_side.listen(event.as_ref())
    }

    pub(crate) fn open_namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn everyone(&self) -> Broadcast<G> {
        Broadcast::new(Arc::clone(&self.namespace))
    }
}

impl<G> Clone for Server<G> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.namespace))
    }
}

impl<G> fmt::Debug for Server<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("namespace", &self.namespace()).finish()
    }
}

impl Injected for Server {
    fn need() -> Need {
        Need::Server
    }

    fn resolve(provider: &mut Provider) -> Self {
        let namespace = provider.scoped::<Arc<Namespace>>();
        Self::new(namespace.expect("boot checked that the service is a gateway"))
    }
}
