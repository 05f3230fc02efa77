//! All sessions there are, so that nobody is forgotten when the server closes: not who never joined a namespace, nor who
//! has left the last one, both of whom socketioxide's namespaces know nothing of.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use foldhash::fast::RandomState;

use super::Visit;

/// Keeps no session alive.
#[derive(Default)]
pub(super) struct Registry(Mutex<Book>);

#[derive(Default)]
struct Book {
    visits: HashMap<u64, Weak<Visit>, RandomState>,
    /// How many there have been.
    last: u64,
    is_closed: bool,
}

/// A session's line in the book, which is crossed out when this is dropped.
pub(super) struct Entry {
    number: u64,
    registry: Weak<Registry>,
}

impl Registry {
    /// Enters a session, which is made of its entry. Says whether the book was closed before.
    pub(super) fn enter(
        self: &Arc<Self>,
        visit: impl FnOnce(Entry) -> Visit,
    ) -> (Arc<Visit>, bool) {
        let mut book = self.book();
        book.last += 1;
        let number = book.last;
        let visit = Arc::new(visit(Entry { number, registry: Arc::downgrade(self) }));
        book.visits.insert(number, Arc::downgrade(&visit));
        (visit, book.is_closed)
    }

    /// Everybody who is here. Whoever comes later is told that the book is closed.
    pub(super) fn close(&self) -> Vec<Arc<Visit>> {
        let mut book = self.book();
        book.is_closed = true;
        // Dropped by the caller, when the book is free: the last handle of a session crosses its entry out.
        book.visits.values().filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.book().visits.len()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.book().visits.remove(&self.number);
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").finish_non_exhaustive()
    }
}
