//! Clients that a test vouches for: they are who it says they are, and no authenticator is asked.

use std::{
    collections::HashMap,
    fmt,
    future::ready,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    ErasedAuthenticator, Pending,
    handshake::Handshake,
    session::{Authenticated, Session},
};
use crate::{exception::WsException, inject::Key, type_names::short};

/// The header by which a request refers to its voucher.
pub const HEADER: &str = "x-gateway-test-voucher";

/// Whom a test vouches for, by what their requests say in [`HEADER`].
#[derive(Default)]
pub struct Vouchers {
    known: Mutex<HashMap<String, Voucher>>,
    next: AtomicU64,
}

#[derive(Clone)]
struct Voucher {
    identity: Key,
    session: Session,
}

impl Vouchers {
    /// Vouches for a client; returns what its requests have to say.
    pub fn vouch<I: Send + Sync + 'static>(&self, client: Authenticated<I>) -> String {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let voucher = Voucher { identity: Key::of::<I>(), session: client.into() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.clone(), voucher);
        name
    }

    /// An authenticator that is only asked about clients without a voucher.
    pub(crate) fn before(
        self: &Arc<Self>,
        identity: Key,
        authenticator: Arc<dyn ErasedAuthenticator>,
    ) -> Arc<dyn ErasedAuthenticator> {
        Arc::new(BehindVouchers { vouchers: Arc::clone(self), identity, authenticator })
    }

    fn of(&self, handshake: &Handshake) -> Option<Voucher> {
        let name = handshake.header(HEADER)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl fmt::Debug for Vouchers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vouchers").finish_non_exhaustive()
    }
}

struct BehindVouchers {
    vouchers: Arc<Vouchers>,
    /// What the authenticator gives.
    identity: Key,
    authenticator: Arc<dyn ErasedAuthenticator>,
}

impl ErasedAuthenticator for BehindVouchers {
    fn authenticate<'a>(&'a self, handshake: &'a Handshake) -> Pending<'a> {
        let Some(voucher) = self.vouchers.of(handshake) else {
            return self.authenticator.authenticate(handshake);
        };
        let verdict = if voucher.identity == self.identity {
            Ok(voucher.session)
        } else {
            Err(WsException::unauthorized(format!(
                "The test says that this is a `{}`, but clients are known here as `{}`",
                short(voucher.identity.name),
                short(self.identity.name)
            )))
        };
        Pending(Box::pin(ready(verdict)))
    }
}
