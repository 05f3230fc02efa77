//! `docs/conformance.md`: the rules that are tested, and what deviates from them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use crate::deviations::{DEVIATIONS, Deviation};

/// A file of cases, and how the page calls it.
const PARTS: [(&str, &str, &str); 5] = [
    ("Engine.IO 4", "engine.rs", include_str!("engine.rs")),
    ("Engine.IO 4: polling", "polling.rs", include_str!("polling.rs")),
    ("Engine.IO 4: WebSocket", "websocket.rs", include_str!("websocket.rs")),
    ("Engine.IO 4: from polling to a WebSocket", "upgrade.rs", include_str!("upgrade.rs")),
    ("Socket.IO 5", "socket.rs", include_str!("socket.rs")),
];

struct Case {
    rule: String,
    name: String,
    /// Whether it runs over both transports.
    twice: bool,
}

/// The cases of a file: functions that are tests, or are made tests of, with what is said above them.
fn cases(source: &str) -> Vec<Case> {
    let (listed, rest) = match source.split_once("on_both_transports![") {
        Some((_, rest)) => rest.split_once("];").expect("the end of the list"),
        None => ("", source),
    };
    let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
    let (mut rule, mut is_test, mut cases) = (String::new(), false, Vec::new());
    for line in rest.lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            if !rule.is_empty() {
                rule.push(' ');
            }
            rule.push_str(words);
        } else if line == "#[tokio::test]" {
            is_test = true;
        } else {
            let name = line.strip_prefix("async fn ").and_then(|line| line.split('(').next());
            if let Some(name) = name.filter(|name| is_test || listed.contains(name)) {
                let twice = listed.contains(&name);
                cases.push(Case { rule: rule.clone(), name: name.to_owned(), twice });
            }
            rule.clear();
            is_test = false;
        }
    }
    cases
}

fn page() -> String {
    let all = PARTS.iter().flat_map(|(_, _, source)| cases(source));
    let (count, runs) =
        all.fold((0, 0), |(count, runs), case| (count + 1, runs + if case.twice { 2 } else { 1 }));
    let asked = DEVIATIONS.iter().filter(|deviation| deviation.asked.is_some()).count();
    let mut page = format!(
        "# The protocols, rule by rule\n\n\
         <!-- Written by `UPDATE_CONFORMANCE=1 cargo test -p tests --test conformance`. -->\n\n\
         What Engine.IO 4 and Socket.IO 5 ask of a server, tested with a client that writes and reads single\n\
         frames: {count} rules in {runs} tests, since whatever does not depend on the transport is tested over both. The\n\
         tests are in `tests/tests/conformance`, and run with all the others:\n\
         `cargo test -p tests --test conformance`.\n\n\
         ## Deviations\n\n\
         {} are known, {asked} of them from the documents, the others from what Node's server does. Each has a test\n\
         that fails when it ends.\n\n\
         | asked for | here | Node | why | shown by |\n|---|---|---|---|---|\n",
        DEVIATIONS.len(),
    );
    for Deviation { asked, here, node, why, shown_by } in &DEVIATIONS {
        let asked = asked.unwrap_or("nothing");
        let _ = writeln!(
            page,
            "| {asked} | {here} | {node} | {why} | `deviations.rs` \"{shown_by}\" |"
        );
    }
    for (title, file, source) in PARTS {
        let _ = write!(page, "\n## {title}\n\n| rule | transports | shown by |\n|---|---|---|\n");
        for Case { rule, name, twice } in cases(source) {
            let transports = match (twice, file) {
                (true, _) | (false, "upgrade.rs") => "both",
                (false, "websocket.rs") => "WebSocket",
                (false, _) => "polling",
            };
            let _ = writeln!(page, "| {rule} | {transports} | `{file}` \"{name}\" |");
        }
    }
    page
}

#[test]
fn the_page_has_every_rule_and_every_deviation() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let page = page();
    if env::var_os("UPDATE_CONFORMANCE").is_some() {
        fs::write(&file, &page).expect("a page that can be written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "docs/conformance.md is not up to date: run \
         `UPDATE_CONFORMANCE=1 cargo test -p tests --test conformance`"
    );
}

#[test]
fn every_case_says_its_rule() {
    for (_, file, source) in PARTS {
        let cases = cases(source);
        let tests = source.matches("#[tokio::test]").count();
        let listed = cases.iter().filter(|case| case.twice).count();
        assert_eq!(cases.len(), tests + listed, "{file}");
        assert!(!cases.is_empty(), "{file}");
        for Case { rule, name, .. } in &cases {
            assert!(rule.ends_with('.'), "{file}: what is the rule of `{name}`?");
            assert!(!rule.contains('|'), "{file}: `{name}` would break the table");
        }
    }
}

#[test]
fn every_deviation_has_its_test() {
    let source = include_str!("deviations.rs");
    let tests: Vec<String> = cases(source).into_iter().map(|case| case.name).collect();
    assert_eq!(tests, DEVIATIONS.map(|deviation| deviation.shown_by));
}
