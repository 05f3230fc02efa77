//! How often something may be done, by each of many: evenly, and so many times at once.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::time::Instant;

use crate::clock;

/// What each of many owes: doing it once costs `pause`, and a debt of `burst` is the largest there may be.
///
/// It costs the same whatever their number: who is known is looked up in two generations, the older of which is
/// dropped as a whole when nobody in it owes anything any more, and nobody is ever searched for. Its memory is
/// bounded: a generation also ends when it is full, and then old debts are forgotten too early.
pub(crate) struct Debts<K> {
    pause: Duration,
    burst: Duration,
    /// How many a generation has, at most.
    most: usize,
    known: Mutex<Known<K>>,
}

/// When each will have paid.
struct Known<K> {
    young: Paid<K>,
    old: Paid<K>,
    /// When the young generation began.
    since: Instant,
}

/// Keys have nothing to be dropped, so a generation is dropped in one go.
type Paid<K> = HashMap<K, Instant, RandomState>;

impl<K: Copy + Eq + Hash> Debts<K> {
    /// A burst of less than one pause is one of one.
    pub(crate) fn new(pause: Duration, burst: Duration, most: usize) -> Self {
        let known = Known { young: Paid::default(), old: Paid::default(), since: clock::now() };
        Self { pause, burst: burst.max(pause), most, known: Mutex::new(known) }
    }

    /// It is done once more.
    ///
    /// # Errors
    /// How long to wait, where it was done too often. It is not counted, then.
    pub(crate) fn charge(&self, key: K) -> Result<(), Duration> {
        let now = clock::now();
        let mut known = self.known();
        known.age(now, self.burst, self.most);
        let paid = known.young.get(&key).or_else(|| known.old.get(&key));
        let paid = paid.map_or(now, |paid| (*paid).max(now)) + self.pause;
        let ahead = paid - now;
        if ahead > self.burst {
            return Err(ahead - self.burst);
        }
        known.young.insert(key, paid);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known<K>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let known = self.known();
        known.young.len() + known.old.len()
    }
}

impl<K> Known<K> {
    /// Nothing is owed after a burst's time in which nothing was done: who is not in the young generation
    /// when that is as old has paid.
    fn age(&mut self, now: Instant, burst: Duration, most: usize) {
        let age = now - self.since;
        if age < burst && self.young.len() < most {
            return;
        }
        let young = mem::take(&mut self.young);
        self.old = if age < burst * 2 { young } else { Paid::default() };
        self.since = now;
    }
}

impl<K> fmt::Debug for Debts<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Debts")
            .field("pause", &self.pause)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Once a second, and three times at once.
    fn debts(most: usize) -> Debts<u64> {
        Debts::new(SECOND, 3 * SECOND, most)
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_evenly_each_for_itself() {
        let debts = debts(100);
        assert!((0..3).all(|_| debts.charge(1).is_ok()));
        assert_eq!(debts.charge(1), Err(SECOND));
        advance(SECOND / 4).await;
        assert_eq!(debts.charge(1), Err(SECOND * 3 / 4));
        assert_eq!(debts.charge(2), Ok(()));
        advance(SECOND * 3 / 4).await;
        assert_eq!(debts.charge(1), Ok(()), "who is refused pays for nothing");
        assert_eq!(debts.charge(1), Err(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_is_known_until_it_is_paid_and_no_longer() {
        let debts = debts(100);
        while debts.charge(1).is_ok() {}
        for _ in 0..10 {
            // Generations change, and nothing of it is forgotten.
            sleep(SECOND).await;
            assert!(debts.charge(1).is_ok() && debts.charge(1).is_err());
        }
        advance(6 * SECOND).await;
        assert_eq!(debts.charge(2), Ok(()));
        assert_eq!(debts.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_known() {
        let debts = debts(100);
        for key in 0..10_000 {
            debts.charge(key).unwrap();
            assert!(debts.len() <= 200);
        }
    }

    /// In real time: how long so many calls take with so many keys; the best of some runs.
    fn time_of(keys: u64) -> Duration {
        // All of them owe something all the time.
        let debts = Debts::new(SECOND, SECOND * 1_000_000, 1 << 18);
        (0..keys).for_each(|key| debts.charge(key).unwrap());
        let run = || {
            let begun = std::time::Instant::now();
            (0..100_000).for_each(|number| debts.charge(number % keys).unwrap());
            begun.elapsed()
        };
        (0..5).map(|_| run()).min().unwrap()
    }

    #[test]
    fn a_hundred_thousand_keys_cost_what_ten_do() {
        // What is left is the processor's cache; looking at every key would be thousands of times as much.
        let (few, many) = (time_of(10), time_of(100_000));
        assert!(many < few * 20, "{few:?} with few keys, {many:?} with many");
    }
}
