//! What becomes of what is said while something is wrong.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    super::memory::Network,
    process::{Process, Tally, load, processes, seconds},
};
use crate::counted::Counted;

const EVERY: Duration = Duration::from_millis(20);

/// Everything was heard once and in order, and nobody was told anything else.
const NOTHING: Tally = Tally { lost: 0, doubled: 0, reordered: 0, told: 0 };

/// What becomes of what three processes say while that happens.
async fn tally(network: Network, during: impl AsyncFnOnce(&Network)) -> Tally {
    let all = processes(&network, 3).await;
    let said = load(&all, EVERY, async {
        seconds(1).await;
        during(&network).await;
        seconds(2).await;
    })
    .await;
    seconds(5).await;
    assert!(said > 100);
    Tally::of(&all, said)
}

#[tokio::test(start_paused = true)]
async fn what_one_says_all_others_hear_once_and_in_order() {
    assert_eq!(tally(Network::new(), async |_| seconds(1).await).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_seconds_loses_nothing() {
    let tally = tally(Network::new(), async |network| {
        network.stop();
        seconds(10).await;
        network.start();
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_restart_without_data_loses_nothing() {
    let tally = tally(Network::new(), async |network| {
        network.stop();
        network.empty();
        seconds(6).await;
        network.start();
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_log_loses_nothing() {
    let tally = tally(Network::new(), async |network| {
        for _ in 0..5 {
            network.empty();
            seconds(1).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_log_is_written_again_though_nobody_says_anything_more() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    network.part(2);
    seconds(2).await;
    all[0].say(1);
    seconds(1).await;
    network.empty();
    seconds(2).await;
    network.reunite();
    seconds(3).await;
    assert_eq!(all[1].heard(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_lost_the_end_loses_nothing() {
    let tally = tally(Network::new(), async |network| {
        for entries in [1, 10, 100] {
            network.lose_the_end(entries);
            seconds(1).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

/// What is written again then must not look like what is left of a log that was trimmed.
#[tokio::test(start_paused = true)]
async fn a_failover_that_lost_everything_loses_nothing() {
    let tally = tally(Network::new(), async |network| {
        for _ in 0..10 {
            network.lose_the_end(1_000);
            seconds(1).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn frozen_for_ten_seconds_it_loses_and_repeats_nothing() {
    let tally = tally(Network::new(), async |network| {
        network.freeze();
        seconds(10).await;
        network.thaw();
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_cut_all_the_time_lose_nothing() {
    let tally = tally(Network::new(), async |network| {
        network.delay(Duration::from_millis(30));
        for _ in 0..100 {
            network.cut();
            tokio::time::sleep(Duration::from_millis(170)).await;
        }
    });
    assert_eq!(tally.await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn commands_and_answers_that_are_lost_lose_nothing() {
    let tally = tally(Network::new(), async |network| {
        network.fail(100);
        seconds(20).await;
        network.fail(0);
    });
    assert_eq!(tally.await, NOTHING);
}

/// How long after the engine's return all have heard what was said meanwhile, and the clusters count as up.
async fn returns_after(
    away: Duration,
    leave: impl Fn(&Network),
    come_back: impl Fn(&Network),
) -> Duration {
    let network = Network::new();
    let all = processes(&network, 3).await;
    leave(&network);
    tokio::time::sleep(away).await;
    all.iter().for_each(|process| process.say(1));
    come_back(&network);
    let returned = Instant::now();
    while all.iter().any(|process| process.heard().len() < 2) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    returned.elapsed()
}

#[tokio::test(start_paused = true)]
async fn however_long_it_was_away_all_hear_again_within_a_second() {
    /// The longest pause between two attempts, and some round trips.
    const LATEST: Duration = Duration::from_millis(450);

    for away in (1..60).map(|step| Duration::from_millis(step * 173)) {
        let outages: [(&str, Duration); 3] = [
            ("stopped", returns_after(away, Network::stop, Network::start).await),
            ("frozen", returns_after(away, Network::freeze, Network::thaw).await),
            (
                "out of reach",
                returns_after(away, Network::lose_what_is_sent, Network::come_back).await,
            ),
        ];
        for (outage, late) in outages {
            assert!(late <= LATEST, "{outage} for {away:?}: again after {late:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_away_catches_up() {
    let tally = tally(Network::new(), async |network| {
        network.part(2);
        seconds(10).await;
        network.reunite();
    });
    assert_eq!(tally.await, NOTHING);
}

/// Heard and missed are all that was said, for a schedule after which something is lost.
fn counts_add_up(during: impl AsyncFnOnce(&Network)) -> Tally {
    let counted = Counted::by("fate");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (tally, said) = metrics::with_local_recorder(&counted, || {
        runtime.block_on(async {
            let network = Network::new();
            let all = processes(&network, 3).await;
            // So that all have heard of each other in the log.
            all.iter().for_each(|process| process.say(0));
            seconds(1).await;
            let said = load(&all, EVERY, async {
                seconds(1).await;
                during(&network).await;
                seconds(3).await;
            })
            .await;
            seconds(5).await;
            let mut tally = Tally::of(&all, said);
            // Number 0 was said twice.
            tally.doubled -= 6;
            (tally, said + 1)
        })
    });
    let all = counted.all();
    let count = |fate| all.iter().find(|(name, _)| name == fate).map_or(0, |(_, count)| *count);
    assert_eq!(count("missed") as usize, tally.lost, "{tally:?}");
    assert_eq!((count("heard") + count("missed")) as usize, 3 * 2 * said);
    tally
}

#[test]
fn what_an_outage_of_half_a_minute_loses_is_told_and_counted() {
    let tally = counts_add_up(async |network: &Network| {
        network.stop();
        seconds(30).await;
        network.start();
    });
    assert!(tally.lost > 0);
    assert_eq!((tally.doubled, tally.reordered, tally.told), (0, 0, 3));
}

#[test]
fn what_was_trimmed_before_it_was_read_is_told_and_counted() {
    let tally = counts_add_up(async |network: &Network| {
        // More than what the one that is away has to say afterwards, and less than what it has to hear.
        network.keep(800);
        network.part(3);
        seconds(11).await;
        network.reunite();
    });
    assert!(tally.lost > 0);
    assert_eq!((tally.doubled, tally.reordered, tally.told), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_never_heard_of_a_process_is_told_what_was_given_up() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    network.stop();
    all[0].say(1);
    seconds(15).await;
    network.start();
    seconds(2).await;
    all[0].say(2);
    seconds(2).await;
    assert_eq!((all[1].heard(), all[1].missed()), (vec![(0, 2)], 1));
}

/// What it gave up was perhaps the last that it had to say.
#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_told_though_nobody_says_anything_more() {
    for is_known in [false, true] {
        let network = Network::new();
        let all = processes(&network, 2).await;
        if is_known {
            all[0].say(0);
            seconds(1).await;
        }
        network.stop();
        all[0].say(1);
        seconds(15).await;
        assert_eq!(all[1].missed(), 0);
        network.start();
        seconds(2).await;
        assert_eq!(all[1].missed(), 1, "known: {is_known}");
        assert_eq!(all[1].heard().len(), usize::from(is_known));
        seconds(60).await;
        assert_eq!(all[1].missed(), 1, "once");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_are_told_apart() {
    let network = Network::of(3);
    let all = processes(&network, 2).await;
    let other = all[0].cluster.adapter("/news");
    for number in 0..10 {
        all[0].say(number);
        other.say(super::super::Message::Replace { user: "ann".to_owned(), rank: 1 });
    }
    seconds(2).await;
    assert_eq!(all[1].heard().len(), 10);
    assert_eq!(all[1].missed(), 0);
}

/// Something that goes wrong, and for how long, in milliseconds.
#[derive(Debug, Clone)]
enum Fault {
    Stopped(u64),
    Restarted(u64),
    Frozen(u64),
    Apart(usize, u64),
    Failing(u64, u64),
    Emptied,
    Cut,
    EndLost(usize),
}

fn fault() -> impl Strategy<Value = Fault> {
    let time = 100_u64..4_000;
    prop_oneof![
        time.clone().prop_map(Fault::Stopped),
        time.clone().prop_map(Fault::Restarted),
        time.clone().prop_map(Fault::Frozen),
        (1_usize..=3, time.clone()).prop_map(|(place, time)| Fault::Apart(place, time)),
        (10_u64..300, time).prop_map(|(failing, time)| Fault::Failing(failing, time)),
        Just(Fault::Emptied),
        Just(Fault::Cut),
        (1_usize..200).prop_map(Fault::EndLost),
    ]
}

impl Fault {
    async fn happen(&self, network: &Network) {
        let milliseconds =
            async |time: &u64| tokio::time::sleep(Duration::from_millis(*time)).await;
        match self {
            Self::Stopped(time) => {
                network.stop();
                milliseconds(time).await;
                network.start();
            }
            Self::Restarted(time) => {
                network.stop();
                network.empty();
                milliseconds(time).await;
                network.start();
            }
            Self::Frozen(time) => {
                network.freeze();
                milliseconds(time).await;
                network.thaw();
            }
            Self::Apart(place, time) => {
                network.part(*place);
                milliseconds(time).await;
                network.reunite();
            }
            Self::Failing(failing, time) => {
                network.fail(*failing);
                milliseconds(time).await;
                network.fail(0);
            }
            Self::Emptied => network.empty(),
            Self::Cut => network.cut(),
            Self::EndLost(entries) => network.lose_the_end(*entries),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Between two faults there is a time in which everybody reads on and writes again; each of them lasts less than the
    /// patience.
    #[test]
    fn whatever_goes_wrong_for_less_than_ten_seconds_loses_doubles_and_reorders_nothing(
        faults in proptest::collection::vec((fault(), 1_000_u64..3_000), 1..8),
        delay in 0_u64..40,
        streams in 1_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let tally = runtime.block_on(async {
            let network = Network::of(streams);
            network.delay(Duration::from_millis(delay));
            let all: Vec<Process> = processes(&network, 3).await;
            let said = load(&all, EVERY, async {
                for (fault, pause) in &faults {
                    fault.happen(&network).await;
                    tokio::time::sleep(Duration::from_millis(*pause)).await;
                }
            })
            .await;
            seconds(6).await;
            Tally::of(&all, said)
        });
        prop_assert_eq!(tally, NOTHING);
    }
}
