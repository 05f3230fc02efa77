//! What extractors say about themselves, for boot to check.

use std::any::type_name;

use crate::{auth::identity::IdentityCodec, inject::Key, wire::Arguments};

/// What a method's arguments say about it.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ArgumentFacts {
    /// The type of the payload.
    pub(crate) payload: Option<&'static str>,
    /// How many times it takes the payload as a type that the payload must match.
    pub(crate) bodies: usize,
    /// How many times it takes the acknowledgement, to answer by itself.
    pub(crate) acks: usize,
    /// Services it takes as arguments.
    pub(crate) services: Vec<Key>,
    /// Gateways whose servers it takes.
    pub(crate) servers: Vec<Key>,
    /// The identity it takes.
    pub(crate) identity: Option<Key>,
    /// How identities are told to other processes.
    pub(crate) codecs: Vec<IdentityCodec>,
}

impl ArgumentFacts {
    /// It takes the payload as a `T`. Beside the list of all arguments, it may take the payload again.
    pub(crate) fn takes_payload<T>(&mut self) {
        let name = type_name::<T>();
        self.payload.get_or_insert(name);
        if name != type_name::<Arguments>() {
            self.bodies += 1;
        }
    }

    /// What is described here may fail, so the payload may be something else.
    pub(crate) fn optionally(&mut self, describe: impl FnOnce(&mut Self)) {
        let bodies = self.bodies;
        describe(self);
        self.bodies = bodies;
    }

    pub(crate) fn needs<T: ?Sized + 'static>(&mut self) {
        self.services.push(Key::of::<T>());
    }
}
