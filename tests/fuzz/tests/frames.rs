//! Arbitrary frames and bodies to an application: the corpus, and mutations of it.

use fuzz_targets::{frames, replay};

#[test]
fn no_frames_make_a_server_panic_fall_silent_or_keep_anything() {
    let replayed = frames::TARGET.replay(replay::time_in_tests(), 1);
    println!("{replayed:?}");
    assert!(replayed.mutations > 500, "{replayed:?}");
}
