//! Extractors of the connection, and of the application around it.

use std::sync::Arc;

use super::{
    FromMessage,
    occasion::{Disconnection, OfClient},
};
use crate::{
    auth::Gives, context::ExecutionContext, exception::WsException, facts::ArgumentFacts,
    handshake::Handshake, platform::DisconnectReason, provider::Key, registry::Gateway,
    server::Server, socket::Socket,
};

impl<G, On: OfClient> FromMessage<G, On> for Socket {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.socket())
    }
}

impl<G, On> FromMessage<G, On> for Server {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self::new(Arc::clone(&context.runtime().namespace)))
    }
}

impl<G, On: OfClient> FromMessage<G, On> for Handshake {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.handshake().clone())
    }
}

impl<G> FromMessage<G, Disconnection> for DisconnectReason {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        context.disconnect_reason().ok_or_else(WsException::panicked)
    }
}

/// Who the client is, as the gateway's authenticator found out when it connected.
///
/// Never missing: a client without an identity was not let in. Asking for another type than the
/// gateway's authenticator gives is a compile error; than the application's, an error of the start.
/// After the client renewed its session, it is the new one.
///
/// Also an extractor of axum's handlers: who sent the request, by its `Authorization` header; 401
/// with `{code, message}` where nobody did.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// # #[derive(Clone, serde::Deserialize)]
/// # pub struct User { id: u64 }
///
/// #[web_socket_gateway(namespace = "/me", authenticate = JwtAuthenticator<User>)]
/// pub struct MeGateway;
///
/// #[web_socket_gateway]
/// impl MeGateway {
///     #[subscribe_message("who-am-i")]
///     async fn who_am_i(&self, Identity(user): Identity<User>) -> u64 {
///         user.id
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<U>(pub U);

impl<G, On, U> FromMessage<G, On> for Identity<U>
where
    G: Gateway,
    On: OfClient,
    G::Authenticator: Gives<U>,
    U: Clone + Send + Sync + 'static,
{
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        // Boot checked that clients are authenticated, and as a `U`.
        let identity = context.identity::<U>();
        let user = identity.ok_or_else(|| WsException::unauthorized("Not authenticated"))?;
        Ok(Self(Arc::unwrap_or_clone(user)))
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.identity = Some(Key::of::<U>());
    }
}

/// The socket's own `T`, made with `T::default()` when it is first asked for (socket.io:
/// `socket.data`). The same one for all handlers, so what changes in it needs a lock or an atomic.
///
/// ```
/// # use gateway_core::prelude::*;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// #[derive(Default)]
/// struct Counter(AtomicU32);
///
/// # struct Gateway;
/// # impl Gateway {
/// async fn count(&self, SocketData(counter): SocketData<Counter>) -> u32 {
///     counter.0.fetch_add(1, Ordering::Relaxed) + 1
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SocketData<T>(pub Arc<T>);

impl<G, On: OfClient, T: Default + Send + Sync + 'static> FromMessage<G, On> for SocketData<T> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self(context.connection().data()))
    }
}

/// A service, where it is needed by one handler only; a gateway's fields are the usual place.
///
/// Also an extractor of axum's handlers. A service that nobody provides is an error of the start.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Clock;
/// # impl Clock { fn now(&self) -> u64 { 0 } }
/// # struct Gateway;
/// # impl Gateway {
/// async fn time(&self, Inject(clock): Inject<Clock>) -> u64 {
///     clock.now()
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Inject<T: ?Sized>(pub Arc<T>);

impl<G, On, T: ?Sized + Send + Sync + 'static> FromMessage<G, On> for Inject<T> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        context.runtime().services.get().map(Self).ok_or_else(WsException::panicked)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.needs::<T>();
    }
}
