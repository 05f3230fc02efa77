//! Connecting, for ever.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

const FIRST: Duration = Duration::from_millis(50);

/// So long after the other side has come back, at most, an attempt begins that meets it.
const LONGEST: Duration = Duration::from_millis(400);

/// The pauses between attempts to connect. They grow with each attempt, up to a limit, and there is no last one.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    /// How many pauses there were since it worked last, and one more if it ever did.
    begun: u32,
}

impl Retry {
    /// The connection works: something that was asked over it has been answered.
    pub(crate) fn succeeded(&mut self) {
        self.begun = 1;
    }

    /// Tries until one attempt succeeds, and tells why others have not.
    ///
    /// An attempt that takes longer than the pause before the next one is not given up, but gets company: what it has sent
    /// may be lost, although the other side is there again. So how long it takes to connect depends on the pauses alone, and
    /// not on how patient an attempt is.
    pub(crate) async fn connect<T, E, A>(
        &mut self,
        mut attempt: impl FnMut() -> A,
        mut failed: impl FnMut(E),
    ) -> T
    where
        A: Future<Output = Result<T, E>>,
    {
        let mut attempts = FuturesUnordered::new();
        if self.begun > 0 {
            tokio::time::sleep(self.pause()).await;
        }
        loop {
            attempts.push(attempt());
            let mut pause = pin!(tokio::time::sleep(self.pause()));
            loop {
                tokio::select! {
                    Some(outcome) = attempts.next() => match outcome {
                        Ok(connection) => return connection,
                        Err(error) => failed(error),
                    },
                    () = &mut pause => break,
                }
            }
        }
    }

    /// Between half of the time and all of it: not all processes come back at the same moment.
    fn pause(&mut self) -> Duration {
        let time = FIRST.saturating_mul(1 << self.begun.saturating_sub(1).min(8)).min(LONGEST);
        self.begun = self.begun.saturating_add(1);
        time / 2 + (time / 2).mul_f64(fraction())
    }
}

/// A random number.
pub(crate) fn random() -> u64 {
    // The keys are the operating system's random numbers.
    RandomState::new().hash_one(0)
}

/// A random number from 0 to 1.
fn fraction() -> f64 {
    f64::from(random() as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    /// How long an attempt waits for an answer, as with Redis.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Connects to something that is away for a while. Says when it was connected, after its return, and how many attempts
    /// were under way at once.
    async fn connect(away: Duration, loses_what_is_sent: bool) -> (Duration, usize) {
        let began = Instant::now();
        let (under_way, most) = (Cell::new(0_usize), Cell::new(0));
        let attempt = async || {
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            let is_away = began.elapsed() < away;
            if is_away && loses_what_is_sent {
                tokio::time::sleep(PATIENCE).await;
            }
            under_way.set(under_way.get() - 1);
            if is_away { Err(()) } else { Ok(()) }
        };
        let mut retry = Retry::default();
        retry.connect(attempt, |()| {}).await;
        (began.elapsed() - away, most.get())
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_has_come_back_is_connected_within_the_longest_pause() {
        for loses_what_is_sent in [false, true] {
            for away in (1..40).map(|tenths| Duration::from_millis(tenths * 137)) {
                let (late, at_once) = connect(away, loses_what_is_sent).await;
                assert!(late <= LONGEST + Duration::from_millis(5), "{late:?} after {away:?}");
                assert!(at_once <= 8, "{at_once} attempts at once");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_attempt_is_made_at_once_and_later_ones_are_not() {
        let began = Instant::now();
        let mut retry = Retry::default();
        let ok = async || Ok::<_, ()>(());
        retry.connect(ok, |()| {}).await;
        assert!(began.elapsed() < Duration::from_millis(5));
        for _ in 0..3 {
            retry.succeeded();
            let again = Instant::now();
            retry.connect(ok, |()| {}).await;
            assert!((FIRST / 2..=2 * FIRST).contains(&again.elapsed()), "{:?}", again.elapsed());
        }
    }
}
