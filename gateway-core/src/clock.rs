//! What time it is: the only place that asks.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// The monotonic time, which measures waits. It is tokio's, so that `tokio::time::pause` and `advance` control
/// it.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Longer than anything runs: as far as tokio's own timers look ahead.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The time this long from now. `Duration::MAX` means "never", which no clock can represent: anything further
/// away than thirty years is taken to be thirty years away.
pub(crate) fn after(wait: Duration) -> Instant {
    later(now(), wait)
}

/// The time this long after another one, limited like [`after`].
pub(crate) fn later(time: Instant, wait: Duration) -> Instant {
    time + wait.min(NEVER)
}

/// The calendar time, by which tokens expire: the system's, or in tests a settable one that advances with the
/// monotonic time.
#[derive(Clone, Default)]
pub(crate) struct Clock(Option<Arc<Set>>);

/// A calendar that can be set.
struct Set {
    began: Instant,
    wall: Mutex<SystemTime>,
}

impl Clock {
    /// A clock whose calendar begins now, and from then on follows tokio's time: tests pause it.
    pub(crate) fn of_test() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// A clock whose calendar begins at `wall`, and from then on follows tokio's time.
    pub(crate) fn starting_at(wall: SystemTime) -> Self {
        Self(Some(Arc::new(Set { began: Instant::now(), wall: Mutex::new(wall) })))
    }

    /// Moves the calendar but not the monotonic time, as when a suspended machine wakes up.
    #[cfg(test)]
    pub(crate) fn jump(&self, by: Duration) {
        let set = self.0.as_ref().expect("the system's calendar is not ours to set");
        *set.wall.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// The calendar time.
    pub(crate) fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(set) => {
                *set.wall.lock().unwrap_or_else(PoisonError::into_inner) + set.began.elapsed()
            }
        }
    }

    /// How long it is until `time`; zero if it is past.
    pub(crate) fn until(&self, time: SystemTime) -> Duration {
        time.duration_since(self.wall()).unwrap_or_default()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Clock(set)" } else { "Clock(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_is_a_time_like_others() {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        for wait in [Duration::MAX, Duration::MAX / 2, year * 1000] {
            let deadline = after(wait);
            assert!(deadline - now() > year * 29, "{wait:?}");
            // Of shares of it, too.
            assert!(later(now(), (deadline - now()).mul_f64(0.9)) < deadline);
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => panic!("{wait:?} is over"),
                () = tokio::time::sleep(year) => {}
            }
        }
        assert_eq!(after(Duration::ZERO), now());
        assert_eq!(later(now(), year), now() + year);
    }

    #[tokio::test(start_paused = true)]
    async fn both_times_can_be_moved() {
        let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
        let (began, wall) = (now(), clock.wall());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(now() - began, Duration::from_secs(5));
        assert_eq!(clock.wall(), wall + Duration::from_secs(5));
        clock.jump(Duration::from_secs(60));
        assert_eq!(now() - began, Duration::from_secs(5));
        assert_eq!(clock.until(wall + Duration::from_secs(66)), Duration::from_secs(1));
        assert_eq!(clock.until(wall), Duration::ZERO);
    }
}
