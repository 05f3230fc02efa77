//! The table of `docs/nestjs.md` names files and tests: all of them are there.

use std::{
    fs,
    path::{Path, PathBuf},
};

const FILES: &str = env!("CARGO_MANIFEST_DIR");

fn root() -> PathBuf {
    Path::new(FILES).parent().expect("the workspace").to_owned()
}

struct Row {
    line: usize,
    verdict: String,
    /// Files, each with the tests that are named after it.
    shown_by: Vec<(String, Vec<String>)>,
}

fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    let rows = lines.filter_map(|(number, line)| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", _, verdict, _, shown_by, ""] = cells[..] else {
            panic!("line {}: not four cells", number + 1)
        };
        if ["here", "---"].contains(&cells[3]) {
            return None;
        }
        let verdict = verdict.trim_matches('*').to_owned();
        let shown_by = shown_by.split("; ").filter(|entry| !entry.is_empty()).map(named).collect();
        Some(Row { line: number + 1, verdict, shown_by })
    });
    rows.collect()
}

/// `` `file` "test" "test" ``.
fn named(entry: &str) -> (String, Vec<String>) {
    let mut parts = entry.split('`');
    let (Some(""), Some(file), Some(tests), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        panic!("not a file and its tests: {entry}")
    };
    let tests = tests.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let folder = if file.contains('/') { "" } else { "tests/wire/cases/" };
    (format!("{folder}{file}"), tests)
}

/// Whether a file has a test of this name. Where a name goes on with what differs from run to run,
/// its beginning will do.
fn has(file: &str, text: &str, test: &str) -> bool {
    if file.ends_with(".rs") {
        return text.contains(&format!("fn {test}()"));
    }
    let test = test.replace('\'', "\\'");
    ["test('", "test(`"].iter().any(|call| {
        text.split(&format!("{call}{test}")).skip(1).any(|rest| rest.starts_with(['\'', '`', ',']))
    })
}

#[test]
fn every_test_of_the_table_exists() {
    let page = fs::read_to_string(root().join("docs/nestjs.md")).expect("the page");
    let mut wrong = Vec::new();
    for Row { line, verdict, shown_by } in rows(&page) {
        match &*verdict {
            "same" | "better" if shown_by.is_empty() => {
                wrong.push(format!("line {line}: shown by nothing"));
            }
            "same" | "better" | "not offered" => {}
            _ => wrong.push(format!("line {line}: what is `{verdict}`?")),
        }
        for (file, tests) in shown_by {
            let Ok(text) = fs::read_to_string(root().join(&file)) else {
                wrong.push(format!("line {line}: no file `{file}`"));
                continue;
            };
            let missing = tests.iter().filter(|test| !has(&file, &text, test));
            wrong
                .extend(missing.map(|test| format!("line {line}: no test \"{test}\" in `{file}`")));
        }
    }
    assert!(wrong.is_empty(), "docs/nestjs.md\n{}", wrong.join("\n"));
}

#[test]
fn the_table_is_read_as_it_is_meant() {
    let page = fs::read_to_string(root().join("docs/nestjs.md")).expect("the page");
    let rows = rows(&page);
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| NestJS"));
    assert_eq!(rows.len(), lines.count());
    for verdict in ["same", "better", "not offered"] {
        assert!(rows.iter().any(|row| row.verdict == verdict), "{verdict}");
    }

    let text = "test('a title', test(`one by ${way}`, test('it\\'s', test('longer')";
    for (name, there) in
        [("a title", true), ("a tit", false), ("it's", true), ("longer", true), ("of none", false)]
    {
        assert_eq!(has("x.mjs", text, name), there, "{name}");
    }
}
