//! Arbitrary tokens on the attributes: the corpus, and mutations of it.

use fuzz_targets::{attributes, replay};

#[test]
fn no_tokens_make_an_attribute_panic_or_print_nonsense() {
    let replayed = attributes::TARGET.replay(replay::time_in_tests(), 1);
    println!("{replayed:?}");
    assert!(replayed.mutations > 1_000, "{replayed:?}");
}
