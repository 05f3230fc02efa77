use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    number: usize,
    size: usize,
    lane: Option<Lane>,
    answer: usize,
}

impl Queued for Message {
    fn size(&self) -> usize {
        self.size
    }

    fn lane(&self) -> Option<Lane> {
        self.lane
    }

    fn expected_answer(&self) -> usize {
        self.answer
    }
}

fn plain(number: usize) -> Message {
    Message { number, size: 1, lane: None, answer: 0 }
}

fn options(concurrency: usize) -> Options {
    Options { concurrency, inbox_messages: 4, inbox_bytes: 100, ..Options::default() }
}

fn placed(message: Message) -> (Message, Place) {
    (message, Place::of(&message))
}

fn started(message: Message) -> Arrival<Message> {
    Arrival::Start(message, Place::of(&message))
}

/// An inbox that messages may start from.
fn open(options: &Options) -> Inbox<Message> {
    let mut inbox = Inbox::default();
    inbox.open(options);
    inbox
}

/// What arrives starts at once, and nothing is started beside it.
fn starts(inbox: &mut Inbox<Message>, message: Message, options: &Options) {
    assert_eq!(inbox.arrive(message, true, options), started(message));
    assert_eq!(inbox.next(options), None);
}

#[test]
fn messages_wait_for_on_connection_and_then_start_in_order() {
    let options = options(64);
    let mut inbox = Inbox::default();
    for number in 0..3 {
        assert_eq!(inbox.arrive(plain(number), true, &options), Arrival::Queued);
    }
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), None, "on_connection has not ended");
    inbox.open(&options);
    assert!(inbox.begin_starting());
    let started: Vec<_> = std::iter::from_fn(|| inbox.next(&options)).collect();
    assert_eq!(started, [0, 1, 2].map(|number| placed(plain(number))));
}

#[test]
fn one_at_a_time_starts_them() {
    let options = options(64);
    let mut inbox = open(&options);
    assert_eq!(inbox.arrive(plain(0), true, &options), started(plain(0)));
    // Whoever is starting has not asked for the next yet.
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Queued);
    assert!(!inbox.begin_starting(), "someone is at it");
    assert_eq!(inbox.next(&options), Some(placed(plain(1))));
    assert_eq!(inbox.next(&options), None);
    starts(&mut inbox, plain(2), &options);
}

#[test]
fn a_panic_while_starting_leaves_the_right_to_the_next() {
    let options = options(64);
    let mut inbox = open(&options);
    assert_eq!(inbox.arrive(plain(0), true, &options), started(plain(0)));
    inbox.stop_starting();
    starts(&mut inbox, plain(1), &options);
}

#[test]
fn no_more_run_than_may() {
    let options = options(2);
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    starts(&mut inbox, plain(1), &options);
    assert_eq!(inbox.arrive(plain(2), true, &options), Arrival::Queued);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), None);
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(2))));
}

#[test]
fn a_lane_holds_back_what_is_behind_it() {
    let options = options(64);
    let mut inbox = open(&options);
    let [first, second] = [0, 1].map(|number| Message { lane: Some(7), ..plain(number) });
    starts(&mut inbox, first, &options);
    assert_eq!(inbox.arrive(second, true, &options), Arrival::Queued);
    assert_eq!(inbox.arrive(plain(2), true, &options), Arrival::Queued, "nothing overtakes");
    inbox.leave(Place::of(&first), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(second)));
    assert_eq!(inbox.next(&options), Some(placed(plain(2))));
}

#[test]
fn messages_and_bytes_have_a_bound_and_those_that_run_count() {
    let options = options(1);
    let mut inbox = open(&options);
    let large = Message { size: 60, ..plain(0) };
    starts(&mut inbox, large, &options);
    assert_eq!(
        inbox.arrive(large, true, &options),
        Arrival::Overloaded(large),
        "60 run, 60 more do not fit"
    );
    let fits = Message { size: 40, ..plain(1) };
    assert_eq!(inbox.arrive(fits, true, &options), Arrival::Queued);
    assert_eq!(inbox.arrive(plain(2), true, &options), Arrival::Overloaded(plain(2)));
    inbox.leave(Place::of(&large), &options);
    for number in 3..6 {
        assert_eq!(inbox.arrive(plain(number), true, &options), Arrival::Queued);
    }
    assert_eq!(inbox.arrive(plain(6), true, &options), Arrival::Overloaded(plain(6)), "four wait");
}

#[test]
fn no_more_start_than_there_is_room_for_their_answers() {
    let options = Options { outbox_bytes: 100, ..options(64) };
    let mut inbox = open(&options);
    let large = |number| Message { answer: 40, ..plain(number) };
    starts(&mut inbox, large(0), &options);
    starts(&mut inbox, large(1), &options);
    assert_eq!(inbox.arrive(large(2), true, &options), Arrival::Queued);
    assert_eq!(inbox.arrive(plain(3), true, &options), Arrival::Queued, "nothing overtakes");
    inbox.leave(Place::of(&large(0)), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(large(2))));
    assert_eq!(inbox.next(&options), Some(placed(plain(3))));
    assert_eq!(inbox.next(&options), None);
    for message in [large(1), large(2), plain(3)] {
        inbox.leave(Place::of(&message), &options);
    }
    starts(&mut inbox, Message { answer: 1_000, ..plain(4) }, &options);
}

#[test]
fn one_message_is_taken_however_large_it_is() {
    let options = options(1);
    let mut inbox = open(&options);
    let huge = Message { size: 1_000, ..plain(0) };
    starts(&mut inbox, huge, &options);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Overloaded(plain(1)));
    inbox.leave(Place::of(&huge), &options);
    starts(&mut inbox, plain(1), &options);
}

#[test]
fn who_left_says_nothing_more_and_what_it_said_still_runs() {
    let options = options(1);
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Queued);
    let mut all_started = inbox.close(&options);
    assert_eq!(inbox.arrive(plain(2), true, &options), Arrival::Gone);
    assert!(all_started.try_recv().is_err(), "one still waits");
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(1))));
    assert_eq!(inbox.next(&options), None);
    assert!(all_started.try_recv().is_ok(), "all have started, if not ended");
}

#[test]
fn on_a_serial_gateway_the_last_message_ends_before_the_farewell() {
    let options = Options { serial: true, ..options(64) };
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    let mut all_started = inbox.close(&options);
    assert!(all_started.try_recv().is_err());
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(all_started.try_recv().is_ok());
}

#[test]
fn who_leaves_while_on_connection_runs_is_let_go_when_that_ends() {
    let options = options(64);
    let mut inbox = Inbox::default();
    assert_eq!(inbox.arrive(plain(0), true, &options), Arrival::Queued);
    let mut all_started = inbox.close(&options);
    assert!(all_started.try_recv().is_err());
    inbox.open(&options);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Gone);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(0))));
    assert_eq!(inbox.next(&options), None);
    assert!(all_started.try_recv().is_ok());
}

#[test]
fn giving_up_hands_back_what_waits_and_settles() {
    let options = options(64);
    let mut inbox = Inbox::default();
    assert_eq!(inbox.arrive(plain(0), true, &options), Arrival::Queued);
    let mut all_ended = inbox.drain(&options);
    let mut all_started = inbox.close(&options);
    assert_eq!(inbox.give_up(&options), [plain(0)]);
    assert!(all_started.try_recv().is_ok() && all_ended.try_recv().is_ok());
    assert_eq!(inbox.bytes, 0);
}

#[test]
fn while_draining_everything_is_refused_whatever_else_is_the_matter() {
    let options = options(64);
    for phase in [Phase::Connecting, Phase::Open, Phase::Closing, Phase::Closed] {
        let mut inbox = open(&options);
        inbox.phase = phase;
        drop(inbox.drain(&options));
        let refused = inbox.arrive(plain(0), true, &options);
        assert_eq!(refused, Arrival::ShuttingDown(plain(0)), "{phase:?}");
    }
}

#[test]
fn a_drain_is_over_when_all_that_was_taken_has_ended() {
    let options = options(1);
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Queued);
    let mut all_ended = inbox.drain(&options);
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(1))));
    assert_eq!(inbox.next(&options), None);
    assert!(all_ended.try_recv().is_err());
    inbox.leave(Place::of(&plain(1)), &options);
    assert!(all_ended.try_recv().is_ok());
}

#[test]
fn while_none_may_start_all_wait() {
    let options = options(64);
    let mut inbox = open(&options);
    assert_eq!(inbox.arrive(plain(0), false, &options), Arrival::Queued);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Queued, "nothing overtakes");
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(0))));
}

#[test]
fn half_full_is_told_once_and_relief_when_there_is_some() {
    let options = options(1);
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    assert_eq!(inbox.arrive(plain(1), true, &options), Arrival::Queued);
    assert!(inbox.crowd(&options).is_none(), "one of four");
    assert_eq!(inbox.arrive(plain(2), true, &options), Arrival::Queued);
    let mut relief = inbox.crowd(&options).expect("two of four");
    assert!(inbox.crowd(&options).is_none(), "told already");
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(relief.try_recv().is_err());
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(1))));
    assert!(relief.try_recv().is_ok(), "one waits");

    // In bytes, too, of which those that run count; but not where nothing waits.
    inbox.leave(Place::of(&plain(1)), &options);
    assert_eq!(inbox.next(&options), Some(placed(plain(2))));
    inbox.leave(Place::of(&plain(2)), &options);
    assert_eq!(inbox.next(&options), None);
    let heavy = Message { size: 60, ..plain(3) };
    starts(&mut inbox, heavy, &options);
    assert!(inbox.crowd(&options).is_none());
    assert_eq!(inbox.arrive(plain(4), true, &options), Arrival::Queued);
    assert!(inbox.crowd(&options).is_some());
}

#[test]
fn who_read_on_does_not_wait_again_before_there_was_relief() {
    let options = options(1);
    let mut inbox = open(&options);
    starts(&mut inbox, plain(0), &options);
    for number in 1..3 {
        assert_eq!(inbox.arrive(plain(number), true, &options), Arrival::Queued);
    }
    drop(inbox.crowd(&options).expect("half full"));
    inbox.read_on();
    assert_eq!(inbox.arrive(plain(3), true, &options), Arrival::Queued);
    assert!(inbox.crowd(&options).is_none());
    inbox.leave(Place::of(&plain(0)), &options);
    assert!(inbox.begin_starting());
    assert_eq!(inbox.next(&options), Some(placed(plain(1))));
    inbox.leave(Place::of(&plain(1)), &options);
    assert_eq!(inbox.next(&options), Some(placed(plain(2))));
    assert_eq!(inbox.next(&options), None);
    for number in 4..6 {
        assert_eq!(inbox.arrive(plain(number), true, &options), Arrival::Queued);
    }
    assert!(inbox.crowd(&options).is_some(), "there was relief in between");
}

proptest! {
    /// Any schedule of arrivals and ends: messages start in the order in which they came, never more
    /// than may, never two of a lane, and all that were taken have started in the end.
    #[test]
    fn any_schedule_keeps_order_and_bounds(
        steps in prop::collection::vec((any::<bool>(), prop::option::of(0..3_u16), 1..30_usize, any::<usize>()), 1..200),
        concurrency in 1..4_usize,
        serial_after in 0..50_usize,
    ) {
        let options = options(concurrency);
        let mut inbox = Inbox::default();
        let (mut running, mut taken, mut started) = (Vec::new(), Vec::new(), Vec::new());
        let start_all = |inbox: &mut Inbox<Message>, running: &mut Vec<Message>, started: &mut Vec<usize>| {
            while let Some((message, _)) = inbox.next(&options) {
                started.push(message.number);
                running.push(message);
            }
        };
        for (number, (arrives, lane, size, pick)) in steps.into_iter().enumerate() {
            if number == serial_after {
                inbox.open(&options);
                if inbox.begin_starting() {
                    start_all(&mut inbox, &mut running, &mut started);
                }
            }
            if arrives {
                let message = Message { number, size, lane, answer: 0 };
                match inbox.arrive(message, true, &options) {
                    Arrival::Start(message, _) => {
                        taken.push(number);
                        started.push(number);
                        running.push(message);
                        start_all(&mut inbox, &mut running, &mut started);
                    }
                    Arrival::Queued => taken.push(number),
                    Arrival::Overloaded(_) => {}
                    other => prop_assert!(false, "{other:?}"),
                }
            } else if !running.is_empty() {
                let ended = running.swap_remove(pick % running.len());
                inbox.leave(Place::of(&ended), &options);
                if inbox.begin_starting() {
                    start_all(&mut inbox, &mut running, &mut started);
                }
            }
            prop_assert!(running.len() <= concurrency);
            let mut lanes: Vec<_> = running.iter().filter_map(|message| message.lane).collect();
            lanes.sort_unstable();
            prop_assert!(lanes.windows(2).all(|two| two[0] != two[1]), "two of a lane");
            let held: usize = running.iter().chain(&inbox.waiting).map(|message| message.size).sum();
            prop_assert_eq!(inbox.bytes, held);
        }
        inbox.open(&options);
        loop {
            if inbox.begin_starting() {
                start_all(&mut inbox, &mut running, &mut started);
            }
            let Some(ended) = running.pop() else { break };
            inbox.leave(Place::of(&ended), &options);
        }
        prop_assert_eq!(started, taken);
        prop_assert_eq!((inbox.bytes, inbox.running, inbox.busy.len()), (0, 0, 0));
    }
}

/// Two threads: one takes messages in, as a read loop does; the others run them, end them and start
/// what waits. Under every interleaving all start, in order, and one at a time.
#[test]
fn no_interleaving_loses_a_message() {
    use loom::{
        sync::{Arc, Mutex},
        thread,
    };

    struct Shared {
        inbox: Mutex<Inbox<Message>>,
        started: Mutex<Vec<usize>>,
        options: Options,
    }

    impl Shared {
        fn run(
            shared: &Arc<Self>,
            first: Option<Message>,
            tasks: &mut Vec<thread::JoinHandle<()>>,
        ) {
            let mut next = first;
            loop {
                let message = match next.take() {
                    Some(message) => message,
                    None => match shared.inbox.lock().unwrap().next(&shared.options) {
                        Some((message, _)) => message,
                        None => return,
                    },
                };
                shared.started.lock().unwrap().push(message.number);
                let shared = Arc::clone(shared);
                // A handler that is pending after its first poll.
                tasks.push(thread::spawn(move || {
                    shared.inbox.lock().unwrap().leave(Place::of(&message), &shared.options);
                    let mut more = Vec::new();
                    let begins = shared.inbox.lock().unwrap().begin_starting();
                    if begins {
                        Self::run(&shared, None, &mut more);
                    }
                    more.into_iter().for_each(|task| task.join().unwrap());
                }));
            }
        }
    }

    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let options = options(1);
        let shared = Arc::new(Shared {
            inbox: Mutex::new(open(&options)),
            started: Mutex::new(Vec::new()),
            options,
        });
        let mut tasks = Vec::new();
        for number in 0..3 {
            let arrival = shared.inbox.lock().unwrap().arrive(plain(number), true, &shared.options);
            match arrival {
                Arrival::Start(message, _) => Shared::run(&shared, Some(message), &mut tasks),
                Arrival::Queued => {
                    let begins = shared.inbox.lock().unwrap().begin_starting();
                    if begins {
                        Shared::run(&shared, None, &mut tasks);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(*shared.started.lock().unwrap(), [0, 1, 2]);
    });
}
