//! Whether the contract is the one that is committed, and what its changes break.

use std::{
    env,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use super::{Change, Contract, Lock, Verdict};

/// Set to `1`, it makes the test write what it would compare.
const UPDATE: &str = "UPDATE_CONTRACT";
/// The path of a lock that nothing may break.
const BASE: &str = "CONTRACT_BASE";

const LOCK: &str = "lock.json";

/// What a test is told by its environment.
#[derive(Debug, Default)]
struct Occasion {
    update: bool,
    base: Option<PathBuf>,
    /// What writes the files.
    command: String,
}

impl Occasion {
    fn of_this_test() -> Self {
        let package =
            env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
        let thread = std::thread::current();
        let test = thread.name().filter(|name| *name != "main").unwrap_or_default();
        Self {
            update: env::var_os(UPDATE).is_some_and(|value| value == "1"),
            base: env::var_os(BASE).filter(|path| !path.is_empty()).map(PathBuf::from),
            command: format!("{UPDATE}=1 cargo test{package} {test}").trim_end().to_owned(),
        }
    }
}

impl Contract {
    /// Fails the test that calls it unless `events.d.ts`, `asyncapi.json` and `lock.json` in `folder`, which is below
    /// the package's own, are those of this contract.
    ///
    /// It says what has changed, and whether that breaks clients. With `UPDATE_CONTRACT=1` in the environment, it
    /// writes the files instead. If `CONTRACT_BASE` is the path of a lock, for example of that of the main branch, it
    /// also fails if anything breaks clients that know that one.
    ///
    /// # Panics
    /// If the files differ, with all that is wrong at once.
    ///
    /// ```
    /// # let folder = tempdir();
    /// # fn tempdir() -> std::path::PathBuf { std::env::temp_dir().join(format!("contract-{}", std::process::id())) }
    /// # let contract = gateway_core::Contract::default();
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # std::fs::write(folder.join("events.d.ts"), contract.typescript()).unwrap();
    /// # std::fs::write(folder.join("asyncapi.json"), format!("{:#}\n", contract.asyncapi())).unwrap();
    /// # std::fs::write(folder.join("lock.json"), contract.lock().to_string()).unwrap();
    /// // #[test] fn the_contract_is_committed() {
    /// contract.strict().assert_committed(&folder); // "contract", in a package of your own
    /// // }
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// ```
    #[track_caller]
    pub fn assert_committed(&self, folder: impl AsRef<Path>) {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        if let Err(wrong) = self.committed(&package.join(folder), &Occasion::of_this_test()) {
            panic!("{wrong}");
        }
    }

    fn committed(&self, folder: &Path, occasion: &Occasion) -> Result<(), String> {
        let mut wrong = Vec::new();
        if occasion.update {
            wrong.extend(self.write(folder).err());
        } else {
            wrong.extend(self.compare(folder, &occasion.command).err());
        }
        if let Some(base) = &occasion.base {
            wrong.extend(self.break_nothing(base).err());
        }
        if self.is_strict && !self.gaps.is_empty() {
            wrong.push(format!("not everything has a schema:\n\n{}", lines(&self.gaps)));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n\n")) }
    }

    fn files(&self) -> [(&'static str, String); 3] {
        [
            ("events.d.ts", self.typescript()),
            ("asyncapi.json", format!("{:#}\n", self.asyncapi())),
            (LOCK, self.lock().to_string()),
        ]
    }

    fn write(&self, folder: &Path) -> Result<(), String> {
        let cannot = |error| format!("`{}` cannot be written: {error}", folder.display());
        fs::create_dir_all(folder).map_err(cannot)?;
        for (name, text) in self.files() {
            fs::write(folder.join(name), text).map_err(cannot)?;
        }
        Ok(())
    }

    fn compare(&self, folder: &Path, command: &str) -> Result<(), String> {
        let differs = |(name, text): &(&str, String)| {
            // What git has checked out on Windows may have other ends of lines.
            let committed =
                fs::read_to_string(folder.join(name)).map(|text| text.replace("\r\n", "\n"));
            !committed.is_ok_and(|committed| committed == *text)
        };
        let differing: Vec<String> = self
            .files()
            .iter()
            .filter(|file| differs(file))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let what = match read(&folder.join(LOCK)) {
            Err(error) => error,
            Ok(lock) => match self.changes_since(&lock) {
                changes if changes.is_empty() => "for clients, nothing has changed".to_owned(),
                changes => lines(&changes),
            },
        };
        Err(format!(
            "the contract in `{}` is not that of the gateways: {}\n\n{what}\n\nif that is intended, write it with\n\n    \
             {command}",
            folder.display(),
            differing.join(", "),
        ))
    }

    fn break_nothing(&self, base: &Path) -> Result<(), String> {
        let changes = self.changes_since(&read(base).map_err(|error| format!("{BASE}: {error}"))?);
        let breaking: Vec<Change> =
            changes.into_iter().filter(|change| change.verdict() == Verdict::Breaking).collect();
        match breaking.as_slice() {
            [] => Ok(()),
            _ => Err(format!(
                "clients of `{}` ({BASE}) break:\n\n{}",
                base.display(),
                lines(&breaking)
            )),
        }
    }
}

fn read(path: &Path) -> Result<Lock, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    text.parse().map_err(|error| format!("`{}`: {error}", path.display()))
}

fn lines(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{
        description::ArgumentsDescription::{None as Nothing, One},
        fixture::{Secretive, gateway, handler, one, unknown},
    };

    /// A folder that is gone after the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("contract-{}-{name}", std::process::id()));
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn occasion() -> Occasion {
        Occasion { command: "UPDATE_CONTRACT=1 cargo test".to_owned(), ..Occasion::default() }
    }

    fn contract(handlers: Vec<crate::description::HandlerDescription>) -> Contract {
        Contract::of(vec![gateway("/chat", handlers, Vec::new())], Vec::new())
    }

    #[test]
    fn what_is_written_is_what_is_committed() {
        let folder = Folder::new("written");
        let contract = contract(vec![handler("say", one::<String>(), Nothing)]);
        let missing = contract.committed(&folder.0, &occasion()).expect_err("no files");
        assert!(missing.contains("`events.d.ts`, `asyncapi.json`, `lock.json`"), "{missing}");
        assert!(missing.contains("lock.json` cannot be read"), "{missing}");
        assert!(missing.ends_with("    UPDATE_CONTRACT=1 cargo test"), "{missing}");
        contract
            .committed(&folder.0, &Occasion { update: true, ..occasion() })
            .expect("it is written");
        contract.committed(&folder.0, &occasion()).expect("it is the same");
    }

    #[test]
    fn a_difference_is_told_with_what_it_breaks() {
        let folder = Folder::new("difference");
        let old = contract(vec![
            handler("say", one::<String>(), Nothing),
            handler("a", Nothing, Nothing),
        ]);
        let new =
            contract(vec![handler("say", one::<u8>(), Nothing), handler("b", Nothing, Nothing)]);
        old.committed(&folder.0, &Occasion { update: true, ..occasion() }).expect("it is written");
        let told = new.committed(&folder.0, &occasion()).expect_err("changes");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[2..5],
            [
                "breaking    /chat a: the event is not taken any more",
                "breaking    /chat say: is a whole number, and was a string",
                "compatible  /chat b: the event is new",
            ],
            "{told}"
        );
    }

    #[test]
    fn words_that_have_changed_are_a_difference_that_breaks_nothing() {
        let folder = Folder::new("words");
        let mut documented = handler("say", one::<String>(), Nothing);
        contract(vec![documented.clone()]).write(&folder.0).expect("it is written");
        documented.docs = "Says something.";
        let told =
            contract(vec![documented]).committed(&folder.0, &occasion()).expect_err("a difference");
        assert!(
            told.contains("`events.d.ts`, `asyncapi.json`\n\nfor clients, nothing has changed"),
            "{told}"
        );
    }

    #[test]
    fn the_ends_of_lines_are_no_difference() {
        let folder = Folder::new("lines");
        let contract = contract(vec![handler("say", one::<String>(), Nothing)]);
        contract.write(&folder.0).expect("it is written");
        for (name, text) in contract.files() {
            fs::write(folder.0.join(name), text.replace('\n', "\r\n")).expect("it is written");
        }
        contract.committed(&folder.0, &occasion()).expect("it is the same");
    }

    #[test]
    fn nothing_may_break_the_clients_of_the_base_even_where_the_files_are_written() {
        let (folder, base) = (Folder::new("new"), Folder::new("base"));
        contract(vec![handler("a", Nothing, Nothing)]).write(&base.0).expect("it is written");
        let new = contract(vec![handler("b", Nothing, Nothing)]);
        let with = |base: PathBuf| Occasion { update: true, base: Some(base), ..occasion() };
        let told = new.committed(&folder.0, &with(base.0.join("lock.json"))).expect_err("a change");
        assert!(told.contains("breaking    /chat a: the event is not taken any more"), "{told}");
        assert!(!told.contains("compatible"), "{told}");
        let told =
            new.committed(&folder.0, &with(base.0.join("none.json"))).expect_err("no such file");
        assert!(told.starts_with("CONTRACT_BASE: ") && told.contains("cannot be read"), "{told}");
        new.write(&base.0).expect("it is written");
        new.committed(&folder.0, &with(base.0.join("lock.json"))).expect("nothing breaks");
    }

    #[test]
    fn gaps_fail_only_where_they_are_not_allowed_and_everything_is_said_at_once() {
        let folder = Folder::new("gaps");
        let contract = contract(vec![handler("a", One(unknown::<Secretive>()), Nothing)]);
        contract.write(&folder.0).expect("it is written");
        contract.committed(&folder.0, &occasion()).expect("gaps are allowed");
        let strict = contract.strict();
        let told = strict.committed(&folder.0, &occasion()).expect_err("a gap");
        assert!(
            told.starts_with("not everything has a schema:\n\n`Secretive` (src/chat.rs:1"),
            "{told}"
        );
        let told =
            strict.committed(&folder.0.join("none"), &occasion()).expect_err("a gap, and no files");
        assert!(told.contains("cannot be read") && told.contains("`Secretive`"), "{told}");
    }
}
