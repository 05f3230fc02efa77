//! How many connections and sessions an application has places for.

use std::sync::Arc;

use crate::{
    limits::Limits,
    platform::{TrustedProxies, places::Places, reception::Reception},
};

/// The places that are available for connections and for sessions.
#[derive(Clone)]
pub(super) struct Capacity {
    pub(super) places: Arc<Places>,
    pub(super) reception: Arc<Reception>,
}

impl Capacity {
    pub(super) fn new(limits: &Limits, proxies: &TrustedProxies) -> Self {
        let most = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        let (all, of_one) = (most(limits.connections), most(limits.connections_per_address));
        Self {
            places: Places::new(all, of_one, proxies.clone()),
            reception: Reception::new(limits, most(limits.sessions), proxies.clone()),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.places.is_full() || self.reception.is_full()
    }
}
