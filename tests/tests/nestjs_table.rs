//! The tables of `docs/nestjs.md` and `docs/coming-from-nestjs.md` name files and tests: all of them
//! are there.

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

/// The rows of the tables whose last column says what shows them.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut is_shown = false;
    for (number, line) in page.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        is_shown = line.starts_with('|') && (is_shown || line.ends_with("| shown by |"));
        if !is_shown || ["shown by", "---"].contains(&cells[cells.len() - 2]) {
            continue;
        }
        let ["", _, verdict, _, shown_by, ""] = cells[..] else {
            panic!("line {}: not four cells", number + 1)
        };
        let verdict = verdict.trim_matches('*').to_owned();
        let shown_by = shown_by.split("; ").filter(|entry| !entry.is_empty()).map(named).collect();
        rows.push(Row { line: number + 1, verdict, shown_by });
    }
    rows
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

/// What a row names and is not there.
fn missing(Row { line, shown_by, .. }: &Row) -> Vec<String> {
    let mut missing = Vec::new();
    for (file, tests) in shown_by {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            missing.push(format!("line {line}: no file `{file}`"));
            continue;
        };
        let tests = tests.iter().filter(|test| !has(file, &text, test));
        missing.extend(tests.map(|test| format!("line {line}: no test \"{test}\" in `{file}`")));
    }
    missing
}

#[test]
fn every_test_of_the_table_exists() {
    let page = fs::read_to_string(root().join("docs/nestjs.md")).expect("the page");
    let mut wrong = Vec::new();
    for row in rows(&page) {
        let Row { line, verdict, shown_by } = &row;
        match &**verdict {
            "same" | "better" if shown_by.is_empty() => {
                wrong.push(format!("line {line}: shown by nothing"));
            }
            "same" | "better" | "not offered" => {}
            _ => wrong.push(format!("line {line}: what is `{verdict}`?")),
        }
        wrong.extend(missing(&row));
    }
    assert!(wrong.is_empty(), "docs/nestjs.md\n{}", wrong.join("\n"));
}

#[test]
fn every_common_error_is_shown() {
    let page = fs::read_to_string(root().join("docs/coming-from-nestjs.md")).expect("the page");
    let rows = rows(&page);
    assert_eq!(rows.len(), 6, "a row for each of the errors");
    let wrong: Vec<String> = rows.iter().flat_map(missing).collect();
    assert!(wrong.is_empty(), "docs/coming-from-nestjs.md\n{}", wrong.join("\n"));
    assert!(rows.iter().all(|row| !row.shown_by.is_empty()), "a row is shown by nothing");
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
