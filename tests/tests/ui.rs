//! What the compiler says of mistakes, and that it says nothing of what is right.
//!
//! `ui/<topic>/<rule>.rs` must fail with the text beside it; `ui/pass/*.rs` must compile, without
//! a warning where the file denies them, and run. After a change of wording:
//! `TRYBUILD=overwrite cargo test -p tests --test ui`, and read every text that changed.
//!
//! What is right is a package of its own, `cargo test -p ui-pass`: among cases that must fail, a case that
//! must not would make trybuild build every one of them, one by one, instead of checking all at once.

use std::fs;
use std::path::Path;

#[test]
fn what_is_wrong_fails_with_the_text_beside_it() {
    let cases = trybuild::TestCases::new();
    let topics = fs::read_dir(Path::new("ui")).expect("the tests run in the crate's folder");
    for topic in topics {
        let topic = topic.expect("a readable folder").file_name();
        match topic.to_str().expect("a name in ASCII") {
            "pass" => {}
            topic => cases.compile_fail(format!("ui/{topic}/*.rs")),
        }
    }
}

#[test]
fn everything_that_is_right_is_a_program_of_the_package() {
    let manifest = fs::read_to_string("ui/pass/Cargo.toml").expect("the manifest of `ui-pass`");
    for file in fs::read_dir(Path::new("ui/pass")).expect("the folder of what is right") {
        let file = file.expect("a readable folder").file_name();
        let file = file.to_str().expect("a name in ASCII");
        let program = format!("path = \"{file}\"\nharness = false\n");
        assert!(
            !file.ends_with(".rs") || manifest.contains(&program),
            "ui/pass/Cargo.toml has no [[test]] of {file}"
        );
    }
}
