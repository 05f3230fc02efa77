//! What the crate `gateway-test` needs of this one, and nobody else. Not part of the public interface.

mod contexts;
mod packets;
mod stream;

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::serve::Listener;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

pub use self::{
    contexts::{
        Contexts, NAMESPACE, acknowledgement, argument, next, stage, stage_identity, stage_metadata,
    },
    packets::{Encoded, Received, encode},
    stream::{End, Traffic},
};
use crate::{
    App, AppBuilder, AppError, PeerAddress, Server, call::extract::http::AppServices,
    dispatch::gateway::GatewayRuntime, inject::Key, type_names::short,
};
pub use crate::{
    auth::vouchers::{HEADER as VOUCHER_HEADER, Vouchers},
    boot::overrides::Overrides,
};

/// What a test replaces in the application. From the first call on, it is the application of a test: its calendar
/// follows Tokio's clock.
pub fn overrides(builder: &mut AppBuilder) -> &mut Overrides {
    builder.overrides()
}

/// The path of the Socket.IO server.
#[must_use]
pub fn path(builder: &AppBuilder) -> &str {
    builder.path_of_server()
}

/// An application that is served to clients of its own process.
#[derive(Debug)]
pub struct Served {
    services: AppServices,
    routes: String,
    gateways: Vec<Arc<GatewayRuntime>>,
    entrance: mpsc::UnboundedSender<(End, SocketAddr)>,
    serving: Mutex<Option<Serving>>,
}

/// Whoever drops the sender ends it.
type Serving = (oneshot::Sender<()>, AbortOnDropHandle<Result<(), AppError>>);

impl Served {
    /// Serves it, as `BoundApp::serve_until` does, until it is [shut down](Self::shut_down) or dropped.
    #[must_use]
    pub fn start(app: App) -> Self {
        let (entrance, connections) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (services, routes) = (app.services(), app.route_table());
        let gateways = app.gateways().to_vec();
        let stopped = async { drop(stopped.await) }.boxed();
        let bound = app.listen_on(InProcess(connections)).expect("it says where it comes from");
        let serving = tokio::spawn(bound.serve_quietly(stopped));
        let serving = AbortOnDropHandle::new(serving);
        Self { services, routes, gateways, entrance, serving: Mutex::new(Some((stop, serving))) }
    }

    /// Opens a connection, whose other end has this address. It ends at once if the application has been shut down.
    #[must_use]
    pub fn connect(&self, address: SocketAddr) -> End {
        let (near, far) = stream::pair();
        self.entrance.send((far, address)).ok();
        near
    }

    /// The service, if there is one.
    #[must_use]
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.services.get()
    }

    /// The table of routes.
    #[must_use]
    pub fn routes(&self) -> &str {
        &self.routes
    }

    /// The `Server` of a namespace.
    ///
    /// # Errors
    /// Why there is none.
    pub fn server(&self, namespace: &str) -> Result<Server, String> {
        self.gateway(namespace).map(|gateway| Server::new(Arc::clone(gateway.namespace())))
    }

    /// Whether the clients of a namespace are known as an `I`.
    ///
    /// # Errors
    /// As what else they are known.
    pub fn knows_clients_as<I: 'static>(&self, namespace: &str) -> Result<(), String> {
        let gateway = self.gateway(namespace)?;
        let (known, given) = (gateway.namespace().identity.key, Key::of::<I>());
        let said = short(given.name);
        if gateway.authenticator.is_none() {
            return Err(format!(
                "nothing authenticates the clients of `{namespace}`, so none of them can be a `{said}`"
            ));
        }
        if known == given {
            return Ok(());
        }
        let known = short(known.name);
        Err(format!("the clients of `{namespace}` are known as `{known}`, not as `{said}`"))
    }

    fn gateway(&self, namespace: &str) -> Result<&Arc<GatewayRuntime>, String> {
        let found = self.gateways.iter().find(|one| one.namespace().path() == namespace);
        found.ok_or_else(|| {
            let served = self.gateways.iter().map(|one| format!("`{}`", one.namespace().path()));
            let served: Vec<String> = served.collect();
            format!("no gateway serves `{namespace}`; served: {}", served.join(", "))
        })
    }

    /// What is still under way, in words.
    #[must_use]
    pub fn under_way(&self) -> Option<String> {
        self.gateways.iter().find_map(|gateway| gateway.under_way())
    }

    /// Shuts down, as at the end of `BoundApp::serve_until`.
    ///
    /// # Errors
    /// If something had to be ended by force.
    pub async fn shut_down(&self) -> Result<(), AppError> {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((stop, serving)) = serving else { return Ok(()) };
        drop(stop);
        serving.await.unwrap_or_else(|error| Err(AppError::other(error)))
    }
}

/// Where connections of this process come from.
struct InProcess(mpsc::UnboundedReceiver<(End, SocketAddr)>);

impl Listener for InProcess {
    type Io = End;
    type Addr = PeerAddress;

    async fn accept(&mut self) -> (End, PeerAddress) {
        match self.0.recv().await {
            Some((end, address)) => (end, address.into()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<PeerAddress> {
        Ok(PeerAddress::Unknown)
    }
}
