//! The gallery of the compiler's answers, `docs/diagnostics.md`, is what the compile-fail cases of
//! `ui.rs` say: it is generated from their files, and this fails when it drifts.
//!
//! `UPDATE_GALLERY=1 cargo test -p tests --test gallery` writes it anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// What is shown: the case, and what somebody did who meets it.
const SHOWN: [(&str, &str); 7] = [
    ("gateway/every_mistake_comes_in_one_pass", "Several things at once"),
    ("guard/does_not_guard", "A type that is not a guard"),
    ("interceptor/stands_on_a_hook", "Interceptors where there is no message"),
    ("extract/payload_has_no_rules", "`Valid<T>` of a type without rules"),
    ("filter/stands_on_a_field", "A filter on a field"),
    ("gateway/option_of_the_whole_server", "NestJS's options of the server, on a gateway"),
    (CONVERTED_BY_HAND, "An error that is converted by hand"),
];

const CONVERTED_BY_HAND: &str = "error/converts_by_hand";

/// Where the compiler has no room for what to write instead.
const INSTEAD: [(&str, &str); 1] = [(
    CONVERTED_BY_HAND,
    "This message is the compiler's own; it leaves no room for help. Every `std::error::Error` already \
     converts into a `WsException`: an internal one, which tells the client nothing. A second conversion \
     conflicts with that one. Remove the `impl From`, and let the error declare what the client is told:\n\n\
     ```rust\n\
     #[derive(Debug, thiserror::Error, WsError)]\n\
     #[error(\"the room is full\")]\n\
     #[ws(code = \"ROOM_IS_FULL\")]\n\
     struct RoomIsFull;\n\
     ```\n\n\
     If the exception needs more than a code and a message, `#[ws(with = RoomIsFull::exception)]` names a \
     method `fn exception(&self) -> WsException` that builds it. A type that is not a `std::error::Error` may \
     have a `From` of its own.",
)];

const INTRODUCTION: &str = "\
# What the compiler says

Each mistake is reported once, where it was made, with what to write instead; all of them come in
one pass. Some of the cases in `tests/ui`, as they are checked by `cargo test -p tests --test ui`.

<!-- Generated: UPDATE_GALLERY=1 cargo test -p tests --test gallery -->
";

#[test]
fn the_gallery_shows_what_the_compiler_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnostics.md");
    let expected = gallery();
    if std::env::var_os("UPDATE_GALLERY").is_some() {
        let folder = page.parent().expect("the page stands in a folder");
        fs::create_dir_all(folder).expect("a folder for the page");
        fs::write(&page, expected).expect("a page that can be written");
        return;
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == expected,
        "docs/diagnostics.md is not what the cases in tests/ui say; \
         run `UPDATE_GALLERY=1 cargo test -p tests --test gallery`"
    );
}

fn gallery() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (case, title) in SHOWN {
        let source = file(case, "rs");
        let answer = file(case, "stderr");
        let snippet = snippet(&source);
        let instead = INSTEAD.iter().find(|(of, _)| *of == case);
        let instead = instead.map_or_else(String::new, |(_, text)| format!("{text}\n\n"));
        write!(
            page,
            "\n## {title}\n\n```rust\n{snippet}\n```\n\n```text\n{}\n```\n\n\
             {instead}<sub>`tests/ui/{case}.rs`</sub>\n",
            answer.trim_end()
        )
        .expect("a string takes all that is written");
    }
    page
}

// Without what all cases begin and end with.
fn snippet(source: &str) -> &str {
    source
        .trim_start_matches("use gateway_core::prelude::*;")
        .trim_end()
        .trim_end_matches("fn main() {}")
        .trim()
}

fn file(case: &str, extension: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("ui/{case}.{extension}"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
