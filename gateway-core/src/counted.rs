//! What is counted while a test runs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Counts what has a certain label, by its value.
pub(crate) struct Counted {
    label: &'static str,
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

impl Counted {
    pub(crate) fn by(label: &'static str) -> Self {
        Self { label, counters: Mutex::default() }
    }

    /// Each value of the label, and how often it was counted.
    pub(crate) fn all(&self) -> Vec<(String, u64)> {
        let counters = self.counters.lock().unwrap();
        let counted = counters.iter().map(|(value, times)| (value, times.load(Ordering::Relaxed)));
        counted
            .filter(|(_, times)| *times > 0)
            .map(|(value, times)| (value.clone(), times))
            .collect()
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let Some(label) = key.labels().find(|label| label.key() == self.label) else {
            return Counter::noop();
        };
        let mut counters = self.counters.lock().unwrap();
        Counter::from_arc(Arc::clone(counters.entry(label.value().to_owned()).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
