//! Typed values on gateways and handlers, for guards and other enhancers to read (NestJS: `SetMetadata`,
//! `Reflector.getAllAndOverride`).

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

/// One value for each type. Shared by all messages of a handler.
#[derive(Clone, Default)]
pub(crate) struct Metadata(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Metadata {
    pub(crate) fn insert(&mut self, value: Arc<dyn Any + Send + Sync>) {
        self.0.insert((*value).type_id(), value);
    }

    /// A handler's own values take precedence over its gateway's.
    pub(crate) fn over(mut self, gateway: &Self) -> Self {
        for (id, value) in &gateway.0 {
            self.0.entry(*id).or_insert_with(|| Arc::clone(value));
        }
        self
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Metadata({})", self.0.len())
    }
}
