//! The tables of `docs/nestjs.md`, `gateway-core/docs/coming-from-nestjs.md`, `docs/reports.md` and `SECURITY.md` name
//! files and tests: all of them are there.

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
        // A case of several transports takes one, a property what it is about.
        // An attack is a row, of which a macro makes the test.
        let forms = [format!("fn {test}("), format!("    {test}: Attack {{")];
        return forms.iter().any(|form| text.contains(form));
    }
    if file.ends_with(".py") {
        return text.contains(&format!("def {test}(self)"));
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

/// What is wrong with a page: rows of an unknown verdict, those that name nothing and must, and what
/// is named and not there.
fn wrong_with(page: &str, shown: &[&str], not_shown: &[&str]) -> Vec<String> {
    let page = fs::read_to_string(root().join(page)).expect("the page");
    let mut wrong = Vec::new();
    for row in rows(&page) {
        let Row { line, verdict, shown_by } = &row;
        match &**verdict {
            verdict if not_shown.contains(&verdict) => {}
            verdict if !shown.contains(&verdict) => {
                wrong.push(format!("line {line}: what is `{verdict}`?"));
            }
            _ if shown_by.is_empty() => wrong.push(format!("line {line}: shown by nothing")),
            _ => {}
        }
        wrong.extend(missing(&row));
    }
    wrong
}

#[test]
fn every_test_of_the_table_exists() {
    let wrong = wrong_with("docs/nestjs.md", &["same", "better"], &["not offered"]);
    assert!(wrong.is_empty(), "docs/nestjs.md\n{}", wrong.join("\n"));
}

#[test]
fn every_report_is_shown() {
    let wrong = wrong_with("docs/reports.md", &["holds", "limit"], &["not offered"]);
    assert!(wrong.is_empty(), "docs/reports.md\n{}", wrong.join("\n"));
}

#[test]
fn no_report_stands_twice() {
    let page = fs::read_to_string(root().join("docs/reports.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(": "));
    let mut reports: Vec<&str> =
        rows.flat_map(|(reports, _)| reports.split(", ")).filter(|one| one.contains('#')).collect();
    assert!(reports.len() > 50, "those are not all: {reports:?}");
    reports.sort_unstable();
    let twice = reports.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}

#[test]
fn every_common_error_is_shown() {
    let page = fs::read_to_string(root().join("gateway-core/docs/coming-from-nestjs.md"))
        .expect("the page");
    let rows = rows(&page);
    assert_eq!(rows.len(), 6, "a row for each of the errors");
    let wrong: Vec<String> = rows.iter().flat_map(missing).collect();
    assert!(wrong.is_empty(), "gateway-core/docs/coming-from-nestjs.md\n{}", wrong.join("\n"));
    assert!(rows.iter().all(|row| !row.shown_by.is_empty()), "a row is shown by nothing");
}

/// Nothing but what is said not to hold may be shown by nothing.
#[test]
fn every_defence_is_shown() {
    let page = fs::read_to_string(root().join("SECURITY.md")).expect("the page");
    let rows = rows(&page);
    assert!(rows.len() > 60, "those are not all");
    let mut wrong: Vec<String> = rows.iter().flat_map(missing).collect();
    let holds = |verdict: &str| {
        !["no limit", "nothing:", "verifying is not"].iter().any(|no| verdict.starts_with(no))
    };
    let unshown = rows.iter().filter(|row| row.shown_by.is_empty() && holds(&row.verdict));
    wrong.extend(unshown.map(|row| format!("line {}: shown by nothing", row.line)));
    assert!(wrong.is_empty(), "SECURITY.md\n{}", wrong.join("\n"));
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
