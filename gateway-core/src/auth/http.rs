//! What authenticates plain HTTP requests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::ErasedAuthenticator;
use crate::inject::Key;

/// The application's authenticators, by the identities they give.
#[derive(Clone)]
pub(crate) struct HttpAuthenticators {
    pub(crate) known: Arc<HashMap<Key, Arc<dyn ErasedAuthenticator>>>,
    /// How long each may take.
    pub(crate) timeout: Duration,
}
