//! The packages as they would be published: each has its page, its licences and whatever its code includes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

/// What crates.io shows beside a package; it refuses more keywords, or longer ones.
const MOST_KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;

/// The categories of crates.io that fit. A misspelt one is dropped without a word.
const CATEGORIES: [&str; 4] = [
    "asynchronous",
    "development-tools::testing",
    "network-programming",
    "web-programming::websocket",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = Command::new(env!("CARGO")).current_dir(workspace()).args(arguments).output();
    let output = cargo.expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The members of the workspace that are not marked `publish = false`.
fn published() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--offline", "--locked", "--format-version=1"]);
    let mut metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages") };
    packages.into_iter().filter(|package| package["publish"].is_null()).collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a name")
}

/// All of them, packed as for publishing, and each unpacked into a folder of its own.
fn unpacked() -> &'static [(Value, PathBuf)] {
    static UNPACKED: OnceLock<Vec<(Value, PathBuf)>> = OnceLock::new();
    UNPACKED.get_or_init(|| unpack(published()))
}

fn unpack(packages: Vec<Value>) -> Vec<(Value, PathBuf)> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let target_option = format!("--target-dir={}", target.display());
    let mut arguments =
        vec!["package", "--no-verify", "--allow-dirty", "--offline", &target_option];
    arguments.extend(packages.iter().flat_map(|package| ["-p", name(package)]));
    cargo(&arguments);
    let folder = target.join("package");
    let unpack = |package: Value| {
        let version = package["version"].as_str().expect("a version");
        let name = format!("{}-{version}", name(&package));
        fs::remove_dir_all(folder.join(&name)).ok();
        let archive = folder.join(format!("{name}.crate"));
        let tar = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder).status();
        assert!(tar.expect("tar").success(), "{}", archive.display());
        (package, folder.join(name))
    };
    packages.into_iter().map(unpack).collect()
}

fn read(file: impl AsRef<Path>) -> String {
    let file = file.as_ref();
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All files below a folder, with their paths from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).expect("below it").to_path_buf());
            }
        }
    }
    files
}

/// The files that a source file includes or names as a module, from that file on.
fn included(source: &str) -> Vec<&str> {
    let of = |before: &'static str| {
        source.split(before).skip(1).filter_map(|rest| rest.split('"').next())
    };
    let modules = source.lines().filter(|line| line.contains("#[path = \""));
    let modules = modules.filter_map(|line| line.split('"').nth(1));
    of("include_str!(\"")
        .chain(of("include_bytes!(\""))
        .chain(of("include!(\""))
        .chain(modules)
        .collect()
}

#[test]
fn what_is_published_is_meant_to_be() {
    let packages = published();
    let mut names: Vec<&str> = packages.iter().map(name).collect();
    names.sort_unstable();
    assert_eq!(names, ["gateway-core", "gateway-macros", "gateway-names", "gateway-test"]);
}

#[test]
fn every_package_says_what_it_is() {
    for package in published() {
        let name = name(&package);
        let text = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
        assert!(text("description").ends_with('.'), "{name} has a description that is a sentence");
        assert_eq!(text("license"), "MIT OR Apache-2.0", "{name}");
        assert!(!text("rust_version").is_empty(), "{name} says which compiler it needs");
        let list = |field: &str| -> Vec<String> {
            let list = package[field].as_array().into_iter().flatten();
            list.map(|entry| entry.as_str().expect("text").to_owned()).collect()
        };
        let keywords = list("keywords");
        assert!((1..=MOST_KEYWORDS).contains(&keywords.len()), "{name}: {keywords:?}");
        let is_keyword = |word: &String| {
            word.len() <= LONGEST_KEYWORD
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        assert!(keywords.iter().all(is_keyword), "{name}: {keywords:?}");
        let categories = list("categories");
        assert!(!categories.is_empty(), "{name} has a category");
        let unknown: Vec<_> =
            categories.iter().filter(|category| !CATEGORIES.contains(&category.as_str())).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
        let has_features =
            package["features"].as_object().is_some_and(|features| !features.is_empty());
        if has_features {
            let docs = &package["metadata"]["docs"]["rs"];
            assert_eq!(docs["all-features"], true, "{name} documents everything on docs.rs");
        }
    }
}

#[test]
fn every_package_is_complete() {
    for (package, folder) in unpacked() {
        let name = name(package);
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(
                read(folder.join(licence)) == read(workspace().join(licence)),
                "{name}: {licence}"
            );
        }
        assert!(read(folder.join("README.md")).starts_with("# "), "{name} has a page");
        for file in files(folder) {
            let is_source =
                ["client", "docs", "src", "tests"].iter().any(|folder| file.starts_with(folder));
            let is_at_the_top = file.components().count() == 1;
            assert!(is_source || is_at_the_top, "{name} also brings {}", file.display());
            if file.extension().is_some_and(|extension| extension == "rs") {
                let source = folder.join(&file);
                for included in included(&read(&source)) {
                    let there = source.with_file_name(included).canonicalize();
                    let is_inside = there
                        .is_ok_and(|path| path.starts_with(folder.canonicalize().expect("there")));
                    assert!(
                        is_inside,
                        "{name}: {} includes {included}, which is not packed",
                        file.display()
                    );
                }
            }
        }
    }
}

/// A path leads nowhere outside of this workspace.
#[test]
fn packages_depend_on_each_other_by_version() {
    for (package, folder) in unpacked() {
        let manifest = read(folder.join("Cargo.toml"));
        let name = name(package);
        assert!(!manifest.contains("path = \"../"), "{name}:\n{manifest}");
        for (other, _) in unpacked() {
            let table = format!("[dependencies.{}]", self::name(other));
            if let Some((_, dependency)) = manifest.split_once(&table) {
                let version =
                    format!("version = \"={}\"", other["version"].as_str().expect("a version"));
                assert!(dependency.trim_start().starts_with(&version), "{name}:\n{manifest}");
            }
        }
    }
}
