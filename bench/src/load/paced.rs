//! Questions by the clock, whatever has been answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::fleet::{Clients, Received, Work};
use super::packet::excerpt;
use super::work::{ask_small, is_small};

/// Asks at a fixed rate, the clients one after the other, and takes the time of each answer from
/// when its question was *due*: a server that stands still for a moment pays for all that it kept
/// waiting, also for what could not even be asked.
pub(crate) struct Paced {
    interval: Duration,
    begun: Instant,
    /// How many questions have been asked.
    asked: u64,
    stopped: bool,
    /// For each client the ids it waits for, and when their questions were due.
    waiting: Vec<VecDeque<(u64, Instant)>>,
    latency: Vec<Duration>,
    lateness: Vec<Duration>,
    overtook: u64,
}

impl Paced {
    /// `rate` questions in a second, which is more than none.
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / rate),
            begun: Instant::now(),
            asked: 0,
            stopped: false,
            waiting: Vec::new(),
            latency: Vec::new(),
            lateness: Vec::new(),
            overtook: 0,
        }
    }

    /// How long each answer took, and how late each question was asked; both since it was due.
    pub(crate) fn times(self) -> (Vec<Duration>, Vec<Duration>) {
        (self.latency, self.lateness)
    }

    /// When the next question is due.
    fn due(&self) -> Instant {
        // Not summed up: what is lost in rounding would be lost for each question.
        self.begun
            + Duration::from_nanos((self.interval.as_nanos() * u128::from(self.asked)) as u64)
    }
}

impl Work for Paced {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        ensure!(clients.len() > 0, "there are no clients to ask");
        self.waiting.resize_with(clients.len(), VecDeque::new);
        self.begun = Instant::now();
        Ok(())
    }

    fn tick(&mut self, clients: &mut Clients, by: Instant) -> Result<()> {
        let now = Instant::now();
        while !self.stopped {
            let due = self.due();
            if due > by {
                break;
            }
            self.lateness.push(now - due);
            let at = (self.asked % clients.len() as u64) as usize;
            let id = clients.next_id(at);
            ask_small(clients, at, id, "echo");
            self.waiting[at].push_back((id, due));
            self.asked += 1;
        }
        Ok(())
    }

    fn received(&mut self, _: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        let now = Instant::now();
        let Received::Ack { id, arguments, .. } = what else {
            bail!("not asked for: {what:?}");
        };
        let place = self.waiting[at].iter().position(|(waiting, _)| *waiting == id);
        let place = place.with_context(|| format!("client {at}: a second answer to {id}"))?;
        let answered = self.waiting[at].remove(place);
        ensure!(
            is_small(arguments, id),
            "client {at}: the answer to {id} is {}",
            excerpt(arguments)
        );
        self.overtook += u64::from(place > 0);
        self.latency.extend(answered.map(|(_, due)| now - due));
        Ok(())
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn units(&self) -> u64 {
        self.latency.len() as u64
    }

    fn overtook(&self) -> u64 {
        self.overtook
    }

    fn is_done(&self) -> bool {
        self.stopped && self.waiting.iter().all(VecDeque::is_empty)
    }

    fn missing(&self) -> String {
        let count: usize = self.waiting.iter().map(VecDeque::len).sum();
        format!("{count} acknowledgements")
    }
}
