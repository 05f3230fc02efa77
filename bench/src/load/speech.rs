//! A room that one of its clients speaks to by the clock, wherever its members are connected.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::fleet::{Clients, Received, Work};
use super::window::{Place, Window};
use super::work::{number_of, say};

/// What the clients of one server do: the first of them speaks, or none, and all hear.
pub(crate) struct Speech {
    /// Between two messages; none from a server whose clients only hear.
    interval: Option<Duration>,
    /// The number of the first message.
    first: u64,
    begun: Instant,
    said: u64,
    acknowledged: u64,
    stopped: bool,
    members: Vec<Window>,
    heard: u64,
    overtook: u64,
}

impl Speech {
    /// The first client says `rate` messages in a second, numbered from `first` on.
    pub(crate) fn new(rate: f64, first: u64) -> Self {
        let interval = Some(Duration::from_secs_f64(1.0 / rate));
        Self { interval, ..Self::heard_from(first) }
    }

    /// The clients hear what is said elsewhere, from message `first` on.
    pub(crate) fn heard_from(first: u64) -> Self {
        Self {
            interval: None,
            first,
            begun: Instant::now(),
            said: 0,
            acknowledged: 0,
            stopped: false,
            members: Vec::new(),
            heard: 0,
            overtook: 0,
        }
    }

    /// How many messages have been sent.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }
}

impl Work for Speech {
    fn begin(&mut self, clients: &mut Clients) -> Result<()> {
        self.members.resize(clients.len(), Window::from(self.first));
        self.begun = Instant::now();
        Ok(())
    }

    fn tick(&mut self, clients: &mut Clients, by: Instant) -> Result<()> {
        let Some(interval) = self.interval.filter(|_| !self.stopped) else { return Ok(()) };
        let due = |said: u64| {
            // Not summed up: what is lost in rounding would be lost for each message.
            self.begun + Duration::from_nanos((interval.as_nanos() * u128::from(said)) as u64)
        };
        while due(self.said) <= by {
            say(clients, 0, self.first + self.said);
            self.said += 1;
        }
        Ok(())
    }

    fn received(&mut self, _: &mut Clients, at: usize, what: Received<'_>) -> Result<()> {
        match what {
            Received::Ack { .. } => self.acknowledged += 1,
            Received::Event { arguments } => {
                let number = number_of(arguments)?;
                let place = self.members[at].take(number);
                let place = place.with_context(|| format!("client {at}: {number} came twice"))?;
                self.overtook += u64::from(place == Place::Ahead);
                self.heard += 1;
            }
            other => bail!("not asked for: {other:?}"),
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn units(&self) -> u64 {
        self.heard
    }

    fn overtook(&self) -> u64 {
        self.overtook
    }

    fn is_done(&self) -> bool {
        self.acknowledged == self.said
    }

    fn missing(&self) -> String {
        format!("{} acknowledgements", self.said - self.acknowledged)
    }
}
