//! What the compiler says of mistakes, and that it says nothing of what is right.
//!
//! `ui/<topic>/<rule>.rs` must fail with the text beside it; `ui/pass/*.rs` must compile, without
//! a warning where the file denies them. After a change of wording:
//! `TRYBUILD=overwrite cargo test -p tests --test ui`, and read every text that changed.

use std::path::Path;

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    let topics = std::fs::read_dir(Path::new("ui")).expect("the tests run in the crate's folder");
    for topic in topics {
        let topic = topic.expect("a readable folder").file_name();
        match topic.to_str().expect("a name in ASCII") {
            "pass" => cases.pass("ui/pass/*.rs"),
            topic => cases.compile_fail(format!("ui/{topic}/*.rs")),
        }
    }
}
