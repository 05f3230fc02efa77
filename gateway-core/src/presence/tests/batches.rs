//! Many changes in one announcement.

use super::{super::store::Changes, *};

/// Who hears of many changes at once: what came with each call, and when.
type Calls = Shared<Vec<(Duration, Vec<Change>)>>;

/// Somebody who takes some milliseconds to hear of changes, the more so the more often it is called.
fn listener(calls: Calls, took: &'static [u64]) -> impl Fn(Arc<[Change]>) -> Hearing {
    let begun = Instant::now();
    move |changes| {
        let mut calls = calls.lock().unwrap();
        let took = took[calls.len() % took.len()];
        calls.push((begun.elapsed(), changes.to_vec()));
        Box::pin(async move {
            sleep(Duration::from_millis(took)).await;
            Ok(Batch::Announced)
        })
    }
}

type Hearing = BoxFuture<'static, Result<Batch, WsException>>;

async fn nobody(change: Change) -> Result<(), WsException> {
    panic!("told of {change:?} alone")
}

/// Changes that come after some milliseconds each.
fn arriving(changes: Vec<(u64, Change)>) -> Changes {
    let arriving = futures_util::stream::iter(changes).then(async |(ms, change)| {
        sleep(Duration::from_millis(ms)).await;
        change
    });
    let (queue, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut arriving = std::pin::pin!(arriving);
        while let Some(change) = arriving.next().await {
            queue.send(change).unwrap();
        }
    });
    let told = futures_util::stream::unfold(told, async |mut told| {
        let change = told.recv().await?;
        Some((change, told))
    });
    Box::pin(told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// However changes come, and however long it takes to tell of them: all are told, in order,
    /// and ten times a second at most.
    #[test]
    fn many_changes_are_told_at_once(
        changes in prop::collection::vec((0..5_usize, prop_oneof![6 => Just(0), 2 => 0..30_u64, 1 => 0..300_u64]), 0..400)
    ) {
        paused().block_on(async {
            let mut online = [false; 5];
            let changes: Vec<_> = changes
                .into_iter()
                .map(|(user, ms)| {
                    online[user] = !online[user];
                    (ms, Change { user: user.to_string().into(), online: online[user] })
                })
                .collect();
            let calls = Calls::default();
            announce(arriving(changes.clone()), nobody, listener(Arc::clone(&calls), &[0, 30, 250, 5])).await;

            let calls = calls.lock().unwrap();
            let told: Vec<_> = calls.iter().flat_map(|(_, changes)| changes.clone()).collect();
            let made: Vec<_> = changes.into_iter().map(|(_, change)| change).collect();
            prop_assert_eq!(told, made);
            for two in calls.windows(2) {
                prop_assert!(two[1].0 - two[0].0 >= Duration::from_millis(100), "{:?}", calls);
            }
            Ok(())
        })?;
    }
}

/// What is there when a call begins, it tells of: a herd is a handful of calls, not hundreds.
#[tokio::test(start_paused = true)]
async fn four_thousand_arrivals_are_a_handful_of_calls() {
    const ARRIVALS: usize = 4_000;
    let arrivals = (0..ARRIVALS).map(|user| {
        // All within a second.
        let ms = u64::from(user.is_multiple_of(4));
        (ms, Change { user: user.to_string().into(), online: true })
    });
    let calls = Calls::default();
    announce(arriving(arrivals.collect()), nobody, listener(Arc::clone(&calls), &[20])).await;
    let calls = calls.lock().unwrap();
    assert_eq!(calls.iter().map(|(_, changes)| changes.len()).sum::<usize>(), ARRIVALS);
    assert!(calls.len() <= 12, "{} calls", calls.len());
    assert_eq!(calls[0].0, Duration::from_millis(1), "the first is told at once");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_of_many_that_fails_costs_no_other() {
    let changes =
        (0..40).map(|user: u64| (60, Change { user: user.to_string().into(), online: true }));
    let told = Shared::<Vec<usize>>::default();
    let tells = Arc::clone(&told);
    let begun = Instant::now();
    let all = move |changes: Arc<[Change]>| {
        let mut told = tells.lock().unwrap();
        told.push(changes.len());
        let call = told.len();
        async move {
            match call {
                1 => panic!("an announcement that panics"),
                2 => Err(WsException::new("one that fails")),
                3 => pending().await,
                _ => Ok(Batch::Announced),
            }
        }
    };
    announce(arriving(changes.collect()), nobody, all).await;
    let told = told.lock().unwrap();
    assert_eq!(told.iter().sum::<usize>(), 40, "{told:?}");
    assert!(told.len() > 3, "{told:?}");
    assert!(begun.elapsed() < Duration::from_secs(13), "given up after ten seconds");
}

/// A gateway that says nothing of `users_changed` is told of each change at once, also of those
/// that come in one moment.
#[tokio::test(start_paused = true)]
async fn who_declines_is_told_one_by_one_and_without_a_pause() {
    let changes = (0..300).map(|user: u64| {
        (u64::from(user.is_multiple_of(3)), Change { user: user.to_string().into(), online: true })
    });
    let begun = Instant::now();
    let heard: Shared<Vec<(Duration, Change)>> = Shared::default();
    let hear = Arc::clone(&heard);
    let one = move |change: Change| {
        hear.lock().unwrap().push((begun.elapsed(), change));
        async { Ok(()) }
    };
    let changes: Vec<_> = changes.collect();
    announce(arriving(changes.clone()), one, |_| async { Ok(Batch::Declined) }).await;
    let heard = heard.lock().unwrap();
    let expected: Vec<_> = changes
        .into_iter()
        .enumerate()
        .map(|(number, (_, change))| (Duration::from_millis(number as u64 / 3 + 1), change))
        .collect();
    assert_eq!(*heard, expected);
}
