//! Socketioxide's adapter, made to hand out its inside: the [`Hub`] of each namespace.
//!
//! One concrete type whatever is behind it, so that nothing above is generic over an adapter.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use socketioxide::adapter::Emitter;
use socketioxide_core::{
    adapter::{BroadcastOptions, CoreAdapter, CoreLocalAdapter, DefinedAdapter, SocketEmitter},
    packet::Packet,
};

use super::Hub;

/// Where the adapters leave their hubs, by the namespace's path.
#[derive(Clone, Default)]
pub(crate) struct Hubs(Arc<Mutex<HashMap<String, Arc<Hub>>>>);

impl Hubs {
    pub(super) fn take(&self, path: &str) -> Option<Arc<Hub>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
    }
}

/// All sockets and rooms are in this process.
pub(crate) struct GatewayAdapter {
    hub: Arc<Hub>,
}

impl CoreAdapter<Emitter> for GatewayAdapter {
    type Error = Infallible;
    type State = Hubs;
    type AckStream = <Emitter as SocketEmitter>::AckStream;
    type InitRes = ();

    fn new(hubs: &Hubs, local: CoreLocalAdapter<Emitter>) -> Self {
        let path = local.path().to_string();
        let hub = Arc::new(Hub::new(local));
        hubs.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, Arc::clone(&hub));
        Self { hub }
    }

    fn init(self: Arc<Self>, on_success: impl FnOnce() + Send + 'static) {
        on_success();
    }

    async fn broadcast_with_ack(
        &self,
        packet: Packet,
        options: BroadcastOptions,
        timeout: Option<Duration>,
    ) -> Result<Self::AckStream, Infallible> {
        Ok(self.get_local().broadcast_with_ack(packet, options, timeout).0)
    }

    fn get_local(&self) -> &CoreLocalAdapter<Emitter> {
        self.hub.local()
    }
}

impl DefinedAdapter for GatewayAdapter {}
