//! Takes the program out of the README, for `src/bin/readme`.

use std::{env, fs, path::Path};

const README: &str = "../README.md";

/// Where the program listens. The tests choose another place.
const ADDRESS: &str = r#""127.0.0.1:3000""#;

fn main() {
    println!("cargo:rerun-if-changed={README}");
    let readme = fs::read_to_string(README).expect("the README");
    let program = readme.split("```rust,no_run\n").nth(1).and_then(|rest| rest.split("```").next());
    let program = program.expect("a program in the README");
    assert_eq!(program.matches(ADDRESS).count(), 1, "the README's program listens on {ADDRESS}");
    let program = program.replace(ADDRESS, r#"std::env::var("LISTEN").expect("LISTEN")"#);
    let out = env::var_os("OUT_DIR").expect("cargo says where");
    fs::write(Path::new(&out).join("readme.rs"), program).expect("a file in `OUT_DIR`");
}
