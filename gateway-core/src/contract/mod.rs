//! [`Contract`]: what clients may send and what they are sent, as documents that others can read.
//!
//! Generated code describes itself with `description`, whose macros ask types for their schemas by the probes of `probe`.
//! `collect` makes the contract from that, with the schemas of their types
//! (`schemas`). Everything else is a pure function of the result: `typescript`, `asyncapi`, `lock`, and `changes`
//! between two locks; `committed` compares them with files.

mod asyncapi;
mod changes;
mod collect;
mod committed;
#[cfg(test)]
mod fixture;
mod gap;
mod known_types;
mod lock;
mod model;
mod names;
mod notes;
mod page;
#[doc(hidden)]
pub mod probe;
mod schema;
mod schemas;
#[cfg(test)]
mod tests;
mod typescript;

use std::collections::BTreeMap;

use self::model::Namespace;
pub use self::{
    changes::{Change, Verdict},
    gap::Gap,
    lock::{InvalidLock, Lock},
};
use crate::description;

/// What clients of an application may send, and what they are sent: the events of its gateways, their payloads and
/// acknowledgements, and the errors.
///
/// ```
/// let contract = gateway_core::Contract::default(); // of no gateways
/// assert!(contract.gaps().is_empty());
/// assert!(contract.typescript().contains("export interface WsError"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Contract {
    namespaces: BTreeMap<String, Namespace>,
    gaps: Vec<Gap>,
    notes: Vec<String>,
    /// The title and the version of documents.
    title: Option<(String, String)>,
    /// Whether gaps are mistakes.
    is_strict: bool,
}

impl Contract {
    /// The title and the version that documents have. Without it they are "Events" and "1".
    ///
    /// ```
    /// let contract = gateway_core::Contract::default().titled("Chat", "1.2.3");
    /// assert_eq!(contract.asyncapi()["info"]["version"], "1.2.3");
    /// ```
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>, version: impl Into<String>) -> Self {
        self.title = Some((title.into(), version.into()));
        self
    }

    /// From now on, [gaps](Self::gaps) are mistakes that [`assert_committed`](Self::assert_committed) reports.
    ///
    /// ```
    /// let contract = gateway_core::Contract::default().strict();
    /// ```
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    fn title(&self) -> (&str, &str) {
        match &self.title {
            Some((title, version)) => (title, version),
            None => ("Events", "1"),
        }
    }

    /// The [AsyncAPI](https://www.asyncapi.com) 3.0.0 document: a channel for each namespace, in which events are
    /// messages and acknowledgements are replies.
    ///
    /// ```
    /// let document = gateway_core::Contract::default().asyncapi();
    /// assert_eq!(document["asyncapi"], "3.0.0");
    /// ```
    #[must_use]
    pub fn asyncapi(&self) -> serde_json::Value {
        let (title, version) = self.title();
        asyncapi::write(&self.namespaces, title, version)
    }

    /// The file `events.d.ts`: one TypeScript namespace for each of the application's, with the types for socket.io's
    /// typed events.
    ///
    /// ```
    /// let definitions = gateway_core::Contract::default().typescript();
    /// assert!(definitions.starts_with("// What clients may send"));
    /// ```
    #[must_use]
    pub fn typescript(&self) -> String {
        typescript::write(self.namespaces.iter())
    }

    /// What is committed, for later versions to be compared with.
    ///
    /// ```
    /// let lock = gateway_core::Contract::default().lock();
    /// assert!(lock.to_string().ends_with("}\n"));
    /// ```
    #[must_use]
    pub fn lock(&self) -> Lock {
        Lock::of(&self.namespaces)
    }

    /// What has changed since `lock`, the breaking changes first.
    ///
    /// ```
    /// let contract = gateway_core::Contract::default();
    /// assert!(contract.changes_since(&contract.lock()).is_empty());
    /// ```
    #[must_use]
    pub fn changes_since(&self, lock: &Lock) -> Vec<Change> {
        changes::between(lock, &self.lock())
    }

    /// The types that have no schema.
    ///
    /// ```
    /// for gap in gateway_core::Contract::default().gaps() {
    ///     println!("{gap}");
    /// }
    /// ```
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What clients may be surprised by, in words: numbers of which JavaScript loses digits, types that share a name.
    ///
    /// ```
    /// for note in gateway_core::Contract::default().notes() {
    ///     println!("{note}");
    /// }
    /// ```
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}
