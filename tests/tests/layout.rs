//! The invariants of ARCHITECTURE.md that a look at the files can check.

use std::{
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

#[test]
fn one_file_reads_what_was_submitted() {
    let elsewhere = naming("gateway-core/src", "inventory::iter", "gateway-core/src/registry.rs");
    assert!(elsewhere.is_empty(), "inventory is read in {elsewhere:?}");
}

#[test]
fn the_order_of_the_pipeline_is_written_once() {
    let elsewhere = naming("gateway-core/src", ".can_activate(", "gateway-core/src/pipeline.rs");
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
