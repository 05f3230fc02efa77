//! The invariants of ARCHITECTURE.md that a look at the files can check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// The Rust files below a folder, each with its path from the workspace and its lines of code.
fn code(folder: &str) -> Vec<(String, Vec<String>)> {
    fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    visit(&workspace().join(folder), &mut files);
    assert!(!files.is_empty(), "{folder} has no code");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(workspace()).expect("below the workspace");
        let text = fs::read_to_string(&path).expect("a text file");
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        (name.to_string_lossy().into_owned(), lines.map(str::to_owned).collect())
    };
    files.into_iter().map(read).collect()
}

/// The files that name something, outside of where it may be named.
fn naming(folder: &str, name: &str, allowed: &str) -> Vec<String> {
    let files = code(folder).into_iter();
    let naming = files.filter(|(_, lines)| lines.iter().any(|line| line.contains(name)));
    naming.map(|(file, _)| file).filter(|file| !file.starts_with(allowed)).collect()
}

#[test]
fn the_platform_is_named_in_one_place() {
    for name in ["socketioxide", "engineioxide"] {
        let elsewhere = naming("gateway-core/src", name, "gateway-core/src/platform/");
        assert!(elsewhere.is_empty(), "{name} is named in {elsewhere:?}");
    }
    assert!(naming("demo-app/src", "socketioxide", "-").is_empty());
}

/// The folders of `gateway-core`, those above first: a folder names only those after it, and its own
/// neighbours in the same row not at all. The last row is for all.
const LAYERS: [&[&str]; 15] = [
    &["prelude", "private", "testing"],
    &["feed"],
    &["app"],
    &["boot"],
    &["declare"],
    &["contract"],
    &["dispatch"],
    &["builtin", "call", "presence"],
    &["socket"],
    &["cluster"],
    &["auth", "platform"],
    &["limits"],
    &["metrics"],
    &["wire"],
    &[
        "captured_log",
        "clock",
        "counted",
        "debts",
        "defaults",
        "description",
        "disconnect_reason",
        "exception",
        "excerpt",
        "inject",
        "log_limiter",
        "options",
        "type_names",
    ],
];

/// Pairs of one row that may be named all the same, in this direction.
const NEIGHBOURS: [(&str, &str); 6] = [
    ("builtin", "call"),
    ("auth", "platform"),
    ("exception", "excerpt"),
    ("options", "inject"),
    ("debts", "clock"),
    ("log_limiter", "clock"),
];

/// The modules directly below the crate's root that a piece of code names.
fn roots(code: &str) -> Vec<String> {
    let mut roots = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let name = |text: &str| -> String {
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        let Some(group) = rest.strip_prefix('{') else {
            roots.push(name(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    roots.push(name(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    roots
}

#[test]
fn imports_of_core_go_one_way() {
    assert_eq!(roots("use crate::{\n a::{b, c},\n d::e,\n};\ncrate::f::g()"), ["a", "d", "f"]);
    let row = |name: &str| LAYERS.iter().position(|row| row.contains(&name));
    let mut wrong = Vec::new();
    for (file, lines) in code("gateway-core/src") {
        let path = file.trim_start_matches("gateway-core/src/");
        let from = path.split(['/', '.']).next().expect("a name");
        if from == "lib" || path.ends_with("tests.rs") {
            continue;
        }
        let own = row(from).unwrap_or_else(|| panic!("{file} is in no layer: add it to `LAYERS`"));
        // Tests may build what they test with whatever is above it.
        let tests = lines.iter().position(|line| line.starts_with("mod tests {"));
        // What a macro names is used where it is called.
        let code = lines[..tests.unwrap_or(lines.len())].join("\n").replace("$crate::", "");
        for to in roots(&code) {
            let Some(other) = row(&to) else { continue };
            let is_neighbour = NEIGHBOURS.contains(&(from, to.as_str()));
            if to != from && other <= own && !is_neighbour {
                wrong.push(format!("{file} names `{to}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the direction of the layers:\n{}", wrong.join("\n"));
}

/// Tests pause and move Tokio's clock, and whoever asked the system would not notice.
#[test]
fn the_time_is_asked_in_one_place() {
    // Whether a worker is blocked, and how long another thread spins, is real time; so is what a process outside needs.
    const REAL: [&str; 4] = [
        "gateway-core/src/app/watchdog.rs",
        "gateway-core/src/clock.rs",
        "gateway-core/src/cluster/redis/server.rs",
        "gateway-core/src/platform/line/membership.rs",
    ];
    let mut wrong = Vec::new();
    for (file, lines) in code("gateway-core/src") {
        if REAL.contains(&file.as_str()) || file.ends_with("tests.rs") || file.contains("/tests/") {
            continue;
        }
        let tests = lines.iter().position(|line| line.starts_with("mod tests {"));
        let code = lines[..tests.unwrap_or(lines.len())].join("\n");
        let mut imports = code.split("use std::").skip(1).filter_map(|rest| rest.split(';').next());
        let asks = code.contains("SystemTime::now") || code.contains("std::time::Instant");
        if asks || imports.any(|names| names.contains("Instant")) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "these ask the system: {wrong:?}; `clock.rs` is what tests can move");
}

/// The id of a socket is the key to its session: no line of the log has it that is written by default.
#[test]
fn the_log_names_no_ids_of_sockets() {
    let mut wrong = Vec::new();
    for folder in ["gateway-core/src", "demo-app/src"] {
        for (file, lines) in code(folder) {
            let code = lines.join("\n");
            for level in ["info", "warn", "error"] {
                for (at, _) in code.match_indices(&format!("tracing::{level}!(")) {
                    let call = code[at..].split_inclusive(");").next().expect("a call");
                    if call.contains("socket = ") || call.contains(".id()") {
                        wrong.push(format!("{file}: {call}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "log the user, or the id at `debug`:\n{}", wrong.join("\n"));
}

#[test]
fn one_file_reads_what_was_submitted() {
    let mut elsewhere =
        naming("gateway-core/src", "inventory::iter", "gateway-core/src/declare/registry.rs");
    // Errors are asked for their codes in functions that know of no application.
    elsewhere.retain(|file| file != "gateway-core/src/exception/known.rs");
    assert!(elsewhere.is_empty(), "inventory is read in {elsewhere:?}");
}

#[test]
fn the_order_of_the_pipeline_is_written_once() {
    let elsewhere =
        naming("gateway-core/src", ".can_activate(", "gateway-core/src/dispatch/pipeline.rs");
    assert!(elsewhere.is_empty(), "guards are asked in {elsewhere:?}");
}

#[test]
fn macros_know_nothing_of_core_but_the_private_door() {
    let manifest =
        fs::read_to_string(workspace().join("gateway-macros/Cargo.toml")).expect("a manifest");
    assert!(!manifest.contains("gateway-core.workspace"), "gateway-macros depends on gateway-core");
    for (file, lines) in code("gateway-macros/src/expand") {
        for line in lines {
            let rest = line.split("gateway_core").nth(1);
            assert!(rest.is_none_or(|rest| rest.starts_with("::private")), "{file}: {line}");
        }
    }
}

#[test]
fn there_is_one_copy_of_the_base() {
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).expect("a lock file");
    for name in ["socketioxide", "socketioxide-core", "engineioxide"] {
        let copies = lock.matches(&format!("name = \"{name}\"\n")).count();
        assert_eq!(copies, 1, "copies of {name}");
    }
}

#[test]
fn core_needs_no_c_compiler() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["tree", "--locked", "--offline", "-p", "gateway-core", "-e", "normal,build"])
        .args(["--prefix", "none"])
        .output()
        .expect("cargo tree");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("text");
    assert!(tree.contains("socketioxide v"), "that is no tree: {tree}");
    for name in ["cc", "cmake", "aws-lc-sys", "openssl-sys", "ring"] {
        let needed = tree.lines().any(|line| line.starts_with(&format!("{name} v")));
        assert!(!needed, "gateway-core needs {name}");
    }
}

/// The modules at the top of a crate, each with those of them that its code names.
fn modules(sources: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files: Vec<(String, Vec<String>)> = code(sources)
        .into_iter()
        .map(|(file, lines)| {
            let path = file.strip_prefix(sources).expect("below the sources");
            (path.trim_start_matches('/').to_owned(), lines)
        })
        .collect();
    let module = |path: &str| path.split('/').next()?.split('.').next().map(str::to_owned);
    let is_module = |name: &String| name != "main" && name != "lib";
    let mut modules: BTreeMap<String, BTreeSet<String>> =
        files.iter().filter_map(|(path, _)| Some((module(path)?, BTreeSet::new()))).collect();
    modules.retain(|name, _| is_module(name));
    for (path, lines) in &files {
        let Some(from) = module(path).filter(is_module) else { continue };
        let text = lines.join("\n");
        // From a file at the top, `super` is the crate.
        let at_top =
            !path.contains('/') || path.ends_with("/mod.rs") && path.matches('/').count() == 1;
        let roots = if at_top { &["crate::", "super::"][..] } else { &["crate::"][..] };
        for rest in roots.iter().flat_map(|root| text.split(root).skip(1)) {
            for name in first_names(rest) {
                if name != from && modules.contains_key(&name) {
                    modules.get_mut(&from).expect("a module").insert(name);
                }
            }
        }
    }
    modules
}

/// What a path goes on with, which may be several names in braces.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(group[begin..at].trim_start()));
                begin = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// Modules that need each other, directly or not.
fn circle(modules: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut left = modules.clone();
    // What needs none of the others is in no circle, nor is what only such modules are needed by.
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let needed: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|name, needs| {
            needs.iter().any(|need| names.contains(need)) && needed.contains(name)
        });
        if left.len() == before {
            return names;
        }
    }
}

#[test]
fn modules_of_a_crate_do_not_need_each_other_in_a_circle() {
    for sources in ["bench/src", "demo-app/src"] {
        let modules = modules(sources);
        assert!(modules.values().any(|needs| !needs.is_empty()), "{sources}: {modules:?}");
        let circle = circle(&modules);
        let why: Vec<_> = circle.iter().map(|name| (name, &modules[name])).collect();
        assert!(circle.is_empty(), "{sources}: {why:#?}");
    }
}

/// Lines that are neither blank nor comments, without tests: what somebody reads who wants to know how it is done.
#[test]
fn the_demo_stays_readable() {
    const MOST: usize = 1_300;

    let files = code("demo-app/src").into_iter().filter(|(file, _)| !file.ends_with("_tests.rs"));
    let lines = |(file, lines): (String, Vec<String>)| {
        let code = lines.into_iter().take_while(|line| line != "#[cfg(test)]");
        (code.filter(|line| !line.is_empty()).count(), file)
    };
    let mut counted: Vec<(usize, String)> = files.map(lines).collect();
    counted.sort_unstable_by(|one, other| other.cmp(one));
    let all: usize = counted.iter().map(|(lines, _)| lines).sum();
    assert!(all > 0 && all <= MOST, "{all} lines of code, more than {MOST}: {counted:#?}");
}

#[test]
fn a_circle_is_found() {
    assert_eq!(first_names("a::{b, c};"), ["a"]);
    assert_eq!(first_names("{self, a::{b, c}, d, e::f}; {g}"), ["self", "a", "d", "e"]);
    let modules = |needs: &[(&str, &[&str])]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        needs.iter().map(|(name, needs)| ((*name).to_owned(), owned(needs))).collect()
    };
    let tree = modules(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert!(circle(&tree).is_empty());
    let round = modules(&[("a", &["b"]), ("b", &["c"]), ("c", &["d", "b"]), ("d", &[])]);
    assert_eq!(circle(&round), BTreeSet::from(["b".to_owned(), "c".to_owned()]));
}

/// What the framework leaves an application to write: all of the support desk, with its tests.
#[test]
fn the_support_desk_is_small() {
    let files = code("examples/support-desk");
    let lines = files.iter().flat_map(|(_, lines)| lines).filter(|line| !line.is_empty()).count();
    assert!((100..300).contains(&lines), "{lines} lines that are neither empty nor comments");
}
