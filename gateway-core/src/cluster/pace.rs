//! How often the engine is asked for something, at most.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock;

/// Where little is said, nothing waits: it is longer than that since the last time. Where much is said, it goes in larger
/// pieces. What a piece costs each process and the engine, beside what is in it, is more than what an entry does.
const PACE: Duration = Duration::from_millis(1);

/// When it was asked last.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<Instant>);

impl Pace {
    /// Waits until it may be asked again.
    pub(super) async fn keep(&mut self) {
        let now = clock::now();
        let next = self.0.map_or(now, |last| last + PACE);
        if now < next {
            tokio::time::sleep_until(next).await;
            self.0 = Some(clock::now());
        } else {
            self.0 = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_asks_seldom_does_not_wait_and_who_asks_often_does() {
        let mut pace = Pace::default();
        let began = Instant::now();
        pace.keep().await;
        tokio::time::advance(PACE).await;
        pace.keep().await;
        assert_eq!(began.elapsed(), PACE);
        for _ in 0..10 {
            pace.keep().await;
        }
        assert!(began.elapsed() >= 11 * PACE, "{:?}", began.elapsed());
    }
}
