//! Log lines that clients can cause as often as they like.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::clock;

/// Lets a few lines through now and then, with a count of what they stand for. If clients can repeat
/// something at will, a line for each time would fill the log.
#[derive(Debug)]
pub(crate) struct LogLimiter {
    /// How many an interval has.
    lines: u32,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// How often it has happened since the last line.
    times: u64,
    /// When the interval began.
    since: Option<Instant>,
    /// How many lines it has left.
    left: u32,
}

impl LogLimiter {
    /// The time after which lines are let through again.
    pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

    /// Lets one line through per interval.
    pub(crate) const fn new() -> Self {
        Self::of(1)
    }

    /// Lets several lines through per interval, where they may say different things.
    pub(crate) const fn of(lines: u32) -> Self {
        Self { lines, held: Mutex::new(Held { times: 0, since: None, left: 0 }) }
    }

    /// Counts one more occurrence. If a line is due, returns how many occurrences it stands for.
    pub(crate) fn count(&self) -> Option<u64> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.times += 1;
        let now = clock::now();
        if held.since.is_none_or(|since| now.saturating_duration_since(since) >= Self::INTERVAL) {
            held.since = Some(now);
            held.left = self.lines;
        }
        held.left = held.left.checked_sub(1)?;
        Some(std::mem::take(&mut held.times))
    }
}

impl Default for LogLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_line_comes_at_once_and_later_ones_stand_for_many() {
        let limiter = LogLimiter::new();
        assert_eq!(limiter.count(), Some(1));
        for _ in 0..99 {
            assert_eq!(limiter.count(), None);
        }
        tokio::time::advance(LogLimiter::INTERVAL).await;
        assert_eq!(limiter.count(), Some(100));
        assert_eq!(limiter.count(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_some_lines_the_first_of_the_next_interval_stands_for_the_rest() {
        let limiter = LogLimiter::of(3);
        let told: Vec<_> = (0..5).map(|_| limiter.count()).collect();
        assert_eq!(told, [Some(1), Some(1), Some(1), None, None]);
        tokio::time::advance(LogLimiter::INTERVAL).await;
        assert_eq!([limiter.count(), limiter.count()], [Some(3), Some(1)]);
    }
}
