//! Extractors of the connection, and of the application around it.

use std::sync::Arc;

use serde::Serialize;

use super::{
    FromMessage,
    occasion::{Disconnection, OfClient},
};
use crate::{
    auth::{
        AuthenticatedGateway, Gives,
        handshake::Handshake,
        identity::{IdentityCodec, IdentityProbe, ladder::IsWritten},
    },
    call::context::ExecutionContext,
    call::extract::facts::ArgumentFacts,
    exception::WsException,
    inject::Key,
    platform::DisconnectReason,
    socket::{handle::Socket, server::Server},
};

impl<G, On: OfClient> FromMessage<G, On> for Socket {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.socket())
    }
}

impl<G, On> FromMessage<G, On> for Server {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self::new(Arc::clone(context.gateway_namespace())))
    }
}

impl<G, On: OfClient> FromMessage<G, On> for Handshake {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.handshake().clone())
    }
}

impl<G> FromMessage<G, Disconnection> for DisconnectReason {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        context.disconnect_reason().ok_or_else(WsException::internal_error)
    }
}

/// Who the client is, as the gateway's authenticator found out when it connected.
///
/// It is never missing: a client without an identity is not let in. Asking for a type other than the one
/// that the gateway's authenticator gives is a compile error; if the application's authenticator is in
/// charge, it is a startup error. Once a client has renewed its session, this is the new identity.
///
/// It is also an extractor for axum handlers: whoever sent the request, according to its `Authorization`
/// header. A request that cannot be authenticated is answered with 401 and `{code, message}`.
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
    G: AuthenticatedGateway,
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

/// It can be told to other processes.
#[diagnostic::do_not_recommend]
impl<U: Serialize + Send + Sync + 'static> IsWritten for &IdentityProbe<Identity<U>> {
    fn codec(&self) -> Option<IdentityCodec> {
        Some(IdentityCodec::of::<U>())
    }
}

/// The socket's own `T`, created with `T::default()` the first time it is asked for (socket.io:
/// `socket.data`). All handlers of the socket share it, so what changes in it needs a lock or an atomic.
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

/// A service that only one handler needs. Usually services are fields of the gateway instead.
///
/// A service that nothing provides is a startup error.
///
/// It is also an extractor for axum handlers, in [`App::builder().routes(..)`](crate::AppBuilder::routes)
/// and wherever [`App::services`](crate::App::services) is added as a layer. What axum handlers take is not
/// known at startup: if nothing provides the service, the request is answered with 500, and an error is
/// logged.
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
        context.gateway_info().services.get().map(Self).ok_or_else(WsException::internal_error)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.needs::<T>();
    }
}
