//! From raw data to what can be said about it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A server under a load, for a while. The windows of a load are in the order of its rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Window {
    pub(crate) slices: Vec<Slice>,
    /// Answers and deliveries that came before an earlier one.
    pub(crate) overtook: u64,
}

/// A part of a window.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Slice {
    pub(crate) units: u64,
    /// Time on a core of all threads of the server.
    pub(crate) cpu_us: u64,
    /// Time that threads of the server were ready, while something else had their core.
    #[serde(default)]
    pub(crate) waiting_us: u64,
    pub(crate) wall_us: u64,
    /// Time that other machines took from the server's core.
    pub(crate) stolen_us: u64,
}

/// The middle of some values; of two middles, what lies between. Not of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The least of some values. Not of none.
pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Some values: their middle, and how far they reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let low = values.iter().copied().min_by(f64::total_cmp)?;
        let high = values.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { median: median(values), low, high })
    }

    /// How far the values reach, as a share of their middle.
    pub(crate) fn width(&self) -> f64 {
        (self.high - self.low) / self.median
    }

    pub(crate) fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A ratio.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}x ({:.2}–{:.2})", self.median, self.low, self.high)
    }
}

/// How long something took, in microseconds, and how long it seldom took.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) most: f64,
}

impl Percentiles {
    /// `None` of nothing.
    pub(crate) fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let most = *times.last()?;
        // The least of the times that so many in a thousand do not exceed.
        let within = |thousandths: usize| times[(times.len() * thousandths).div_ceil(1000) - 1];
        let microseconds = |time: Duration| time.as_nanos() as f64 / 1e3;
        Some(Self {
            p50: microseconds(within(500)),
            p99: microseconds(within(990)),
            p999: microseconds(within(999)),
            most: microseconds(most),
        })
    }
}

/// Units in a second of a window, idle or not: the median of its slices.
pub(crate) fn throughput(window: &Window) -> Option<f64> {
    let rate = |slice: &Slice| slice.units as f64 * 1e6 / slice.wall_us as f64;
    let rates: Vec<f64> = window.slices.iter().filter(|slice| slice.units > 0).map(rate).collect();
    Spread::of(&rates).map(|spread| spread.median)
}

/// What a unit cost in each window, in microseconds of the server's time: the median of its slices.
pub(crate) fn costs(windows: &[Window]) -> Vec<f64> {
    let cost = |window: &Window| {
        let slices = window.slices.iter().filter(|slice| slice.units > 0);
        let costs: Vec<f64> =
            slices.map(|slice| slice.cpu_us as f64 / slice.units as f64).collect();
        (!costs.is_empty()).then(|| median(&costs))
    };
    windows.iter().filter_map(cost).collect()
}

/// `these` divided by `those`, round by round: what disturbed a round disturbed both.
pub(crate) fn ratio(these: &[f64], those: &[f64]) -> Option<Spread> {
    let ratios: Vec<f64> = these.iter().zip(those).map(|(this, that)| this / that).collect();
    Spread::of(&ratios)
}

/// The share of the time that a server's threads were on a core, which is one.
pub(crate) fn busy(windows: &[Window]) -> f64 {
    share(windows, |slice| slice.cpu_us)
}

/// The share of the time that other machines took from the server's core.
pub(crate) fn stolen(windows: &[Window]) -> f64 {
    share(windows, |slice| slice.stolen_us)
}

/// The time that the server was ready and something else had its core, as a share. Of many threads
/// each counts.
pub(crate) fn waiting(windows: &[Window]) -> f64 {
    share(windows, |slice| slice.waiting_us)
}

fn share(windows: &[Window], of: impl Fn(&Slice) -> u64) -> f64 {
    let slices = || windows.iter().flat_map(|window| &window.slices);
    let wall: u64 = slices().map(|slice| slice.wall_us).sum();
    slices().map(of).sum::<u64>() as f64 / wall.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_some_values() {
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
    }

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Spread::of(&[]), None);
        let spread = Spread::of(&[2.0, 1.0, 4.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, low: 1.0, high: 4.0 });
        assert!(spread.contains(4.0) && !spread.contains(4.1));
        assert_eq!(spread.width(), 1.5);
    }

    #[test]
    fn a_window_costs_what_its_middle_slice_does_and_empty_slices_tell_nothing() {
        let slice = |units, cpu_us| Slice {
            units,
            cpu_us,
            waiting_us: 100,
            wall_us: 1_000,
            stolen_us: 250,
        };
        let window = |slices| Window { slices, overtook: 0 };
        let windows = [
            window(vec![slice(10, 100), slice(10, 900), slice(10, 200), slice(0, 500)]),
            window(vec![slice(0, 1)]),
        ];
        assert_eq!(costs(&windows), [20.0]);
        assert_eq!(busy(&windows), 1701.0 / 5_000.0);
        assert_eq!(stolen(&windows), 0.25);
        assert_eq!(waiting(&windows), 0.1);
    }

    #[test]
    fn a_percentile_is_a_time_that_occurred() {
        assert_eq!(Percentiles::of(Vec::new()), None);
        let times = |most: u64| (1..=most).rev().map(Duration::from_micros).collect();
        let one = Percentiles::of(times(1)).unwrap();
        assert_eq!(one, Percentiles { p50: 1.0, p99: 1.0, p999: 1.0, most: 1.0 });
        let many = Percentiles::of(times(2_000)).unwrap();
        assert_eq!(many, Percentiles { p50: 1_000.0, p99: 1_980.0, p999: 1_998.0, most: 2_000.0 });
    }

    #[test]
    fn throughput_is_of_the_wall_clock() {
        let slice =
            |units, wall_us| Slice { units, cpu_us: 1, waiting_us: 0, wall_us, stolen_us: 0 };
        let window = |slices| Window { slices, overtook: 0 };
        assert_eq!(throughput(&window(vec![slice(0, 100)])), None);
        let window = window(vec![slice(10, 100), slice(30, 100), slice(40, 100)]);
        assert_eq!(throughput(&window), Some(300_000.0));
    }

    #[test]
    fn ratios_are_those_of_each_round() {
        // The second round was disturbed, for both.
        let spread = ratio(&[2.0, 20.0, 3.0], &[1.0, 10.0, 1.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, low: 2.0, high: 3.0 });
    }
}
