//! What the compiler says of what a feature would bring, where that is switched off.
//!
//! Trybuild compiles the cases in a workspace of their own, where no other package switches it on.

#[test]
fn a_missing_feature_is_named() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
