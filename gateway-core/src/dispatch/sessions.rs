//! When the sessions of a gateway's clients end, and how a client renews its own.

use std::{sync::Arc, time::SystemTime};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::{
    auth::ErasedAuthenticator,
    call::{
        context::ExecutionContext,
        reply::Reply,
        route::{HandlerFn, Method},
    },
    clock::Clock,
    exception::WsException,
    platform::SocketId,
    socket::{connection::Connection, deadlines::Deadlines},
};

/// Shared by a gateway and the handler that renews sessions.
pub(crate) struct Sessions {
    deadlines: Deadlines<SocketId>,
    clock: Clock,
}

impl Sessions {
    pub(crate) fn new(deadlines: Deadlines<SocketId>, clock: Clock) -> Self {
        Self { deadlines, clock }
    }

    /// The calendar time.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.wall()
    }

    /// Whether a client's session is over, by the calendar: the timer knows nothing of a machine that
    /// was suspended, or of a clock that was set.
    pub(crate) fn is_over(&self, connection: &Connection) -> bool {
        connection.expires_at().is_some_and(|ends| ends <= self.clock.wall())
    }

    /// Checks on a client when its session ends, and no longer when an earlier session would have ended.
    pub(crate) fn watch(&self, connection: &Connection) {
        if let Some(ends) = connection.expires_at() {
            self.deadlines.set(connection.id(), Some(self.clock.until(ends)));
        }
    }

    /// Stops checking on it.
    pub(crate) fn forget(&self, connection: &Connection) {
        if connection.expires_at().is_some() {
            self.deadlines.set(connection.id(), None);
        }
    }
}

/// The handler of the event that renews a session: a client brings a new token.
pub(crate) fn renewal(
    sessions: Arc<Sessions>,
    authenticator: Arc<dyn ErasedAuthenticator>,
) -> HandlerFn {
    Box::new(Renewal { sessions, authenticator })
}

struct Renewal {
    sessions: Arc<Sessions>,
    authenticator: Arc<dyn ErasedAuthenticator>,
}

impl Method<Reply> for Renewal {
    fn call<'a>(
        &'a self,
        context: &'a ExecutionContext,
    ) -> BoxFuture<'a, Result<Reply, WsException>> {
        Box::pin(renew(context, &self.sessions, &*self.authenticator))
    }
}

async fn renew(
    context: &ExecutionContext,
    sessions: &Sessions,
    authenticator: &dyn ErasedAuthenticator,
) -> Result<Reply, WsException> {
    let connection = context.connection();
    // A token alone, or an object like the `auth` of the handshake.
    let auth = match context.body() {
        Value::String(token) => json!({ "token": token }),
        auth => auth,
    };
    let handshake = connection.handshake.with_auth(&auth);
    let namespace = connection.namespace();
    let timeout = namespace.settings.limits.authentication_timeout;
    let session = authenticator.authenticate(&handshake).verdict(timeout, namespace.path()).await?;
    let known = connection.session();
    if known.is_some_and(|known| known.user() != session.user()) {
        return Err(WsException::unauthorized("The token belongs to another user"));
    }
    // Forgotten first: the new session may have no end.
    sessions.forget(connection);
    connection.set_session(session);
    sessions.watch(connection);
    Reply::new(context, json!({ "status": "ok" }))
}
