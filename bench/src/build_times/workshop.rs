//! A workspace in which packages are built and edited, beside the one that is under version control.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::paths::{cargo, workspace};

/// The servers that are built. The first is the gateway.
pub(super) const PACKAGES: [&str; 2] = ["bench-gateway", "bench-by-hand"];

/// Where a server is, and the file of its handlers in there.
fn server(package: &str) -> (&'static str, &'static str) {
    match package {
        "bench-by-hand" => ("bench/servers/by-hand", "src/main.rs"),
        _ => ("bench/servers/gateway", "src/chat.rs"),
    }
}

/// What an edit replaces, in both servers.
const EDITED: &str = "success: true";

/// The package with so many handlers.
pub(super) fn named(handlers: u32) -> String {
    format!("handlers-{handlers}")
}

/// The workspace, which is removed when this is dropped: copies of the servers, packages with many
/// handlers, and the libraries as they are.
pub(super) struct Workshop(PathBuf);

impl Workshop {
    /// With a package for each number of handlers.
    pub(super) fn open(handlers: &[u32]) -> Result<Self> {
        let name = format!("bench-build-times-{}", std::process::id());
        let workshop = Self(std::env::temp_dir().join(name));
        let Self(root) = &workshop;
        fs::create_dir_all(root)?;
        let members = PACKAGES.map(|package| server(package).0.to_owned());
        let members = members.into_iter().chain(handlers.iter().map(|handlers| named(*handlers)));
        let manifest = fs::read_to_string(workspace().join("Cargo.toml"))?;
        fs::write(root.join("Cargo.toml"), with_members(&manifest, members)?)?;
        for file in ["Cargo.lock", "rust-toolchain.toml"] {
            fs::copy(workspace().join(file), root.join(file))?;
        }
        for library in libraries(&manifest)? {
            symlink(workspace().join(&library), root.join(&library))?;
        }
        for (directory, _) in PACKAGES.map(server) {
            copy(&workspace().join(directory), &root.join(directory))?;
        }
        // With the dependencies of the server, which then are built once for all.
        let (directory, _) = server(PACKAGES[0]);
        let manifest = fs::read_to_string(root.join(directory).join("Cargo.toml"))?;
        for handlers in handlers {
            let package = root.join(named(*handlers));
            fs::create_dir_all(package.join("src"))?;
            let manifest = manifest.replace(PACKAGES[0], &named(*handlers));
            fs::write(package.join("Cargo.toml"), manifest)?;
            fs::write(package.join("src/main.rs"), MAIN)?;
            workshop.write_handlers(*handlers, Edit::Within(0))?;
        }
        Ok(workshop)
    }

    /// Makes a difference in a handler of a server, another with each number.
    pub(super) fn edit_server(&self, package: &str, edit: u32) -> Result<()> {
        let (directory, file) = server(package);
        let handlers = fs::read_to_string(workspace().join(directory).join(file))?;
        ensure!(handlers.contains(EDITED), "{package} has no {EDITED:?} to edit");
        let edited = format!("success: std::hint::black_box({edit}) == {edit}");
        let handlers = handlers.replacen(EDITED, &edited, 1);
        Ok(fs::write(self.0.join(directory).join(file), handlers)?)
    }

    /// Writes the handlers of a package, the first with this edit.
    pub(super) fn write_handlers(&self, handlers: u32, edit: Edit) -> Result<()> {
        let file = self.0.join(named(handlers)).join("src/chat.rs");
        Ok(fs::write(file, many_handlers(handlers, edit))?)
    }

    /// How long a package takes. What socketioxide by hand needs is in a directory of its own, so
    /// that the gateway's build makes none of it quicker.
    pub(super) fn build(&self, package: &str) -> Result<Duration> {
        let target = if package == PACKAGES[1] { "target-by-hand" } else { "target" };
        let begun = Instant::now();
        let status = cargo()
            .current_dir(&self.0)
            .args(["build", "--quiet", "--package", package])
            .env("CARGO_TARGET_DIR", self.0.join(target))
            .stdout(Stdio::null())
            .status()
            .context("cargo cannot be run")?;
        ensure!(status.success(), "{package} cannot be built");
        Ok(begun.elapsed())
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Temporary: the system removes what is left.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The manifest of the workspace for other members: the same dependencies, profiles and lints.
fn with_members(manifest: &str, members: impl Iterator<Item = String>) -> Result<String> {
    let mut manifest: toml::Table = toml::from_str(manifest)?;
    let workspace = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut);
    let workspace = workspace.context("the workspace's manifest has no workspace")?;
    let members = members.map(toml::Value::from).collect();
    workspace.insert("members".to_owned(), toml::Value::Array(members));
    // What is about packages that are not there would be a warning.
    let profiles = manifest.get_mut("profile").and_then(toml::Value::as_table_mut);
    for (_, profile) in profiles.into_iter().flatten() {
        if let Some(profile) = profile.as_table_mut() {
            profile.remove("package");
        }
    }
    Ok(toml::to_string(&manifest)?)
}

/// Where the libraries are: whatever the workspace's dependencies name by a path, so that one that
/// is split off another comes along.
fn libraries(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    let dependencies = workspace.and_then(|workspace| workspace.get("dependencies")?.as_table());
    let dependencies = dependencies.context("the workspace's manifest has no dependencies")?;
    let paths = dependencies.values().filter_map(|dependency| dependency.get("path")?.as_str());
    Ok(paths.map(str::to_owned).collect())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The program around the handlers.
const MAIN: &str = "\
//! A gateway with many handlers.

mod chat;

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    App::builder().build().await?.bind(\"127.0.0.1:0\").await?.serve().await
}
";

/// What is done to the first handler.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    /// Another number, of one digit, so that nothing behind it moves.
    Within(u32),
    /// So many lines more: whatever is behind them is compiled again for its new place.
    Longer(u32),
}

/// A gateway with so many handlers: small ones, with what an application's have, namely extractors,
/// something that is awaited, and a result. What is asked is what a handler costs beside its own code.
fn many_handlers(handlers: u32, edit: Edit) -> String {
    let (first, lines) = match edit {
        Edit::Within(number) => (number, 0),
        Edit::Longer(lines) => (0, lines),
    };
    let mut code = "\
//! The handlers.

use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub(crate) struct Body {
    number: u64,
}

#[web_socket_gateway(namespace = \"/many\")]
pub(crate) struct Many {}

#[web_socket_gateway]
impl Many {
"
    .to_owned();
    for handler in 0..handlers {
        let (added, lines) = if handler == 0 { (first, lines) } else { (handler, 0) };
        let more = "        let body = std::hint::black_box(body);\n".repeat(lines as usize);
        write!(
            code,
            "    #[subscribe_message(\"event-{handler}\")]
    async fn event_{handler}(
        &self,
        socket: Socket,
        MessageBody(body): MessageBody<Body>,
    ) -> Result<Body, WsException> {{
{more}        socket.join(\"room\").await?;
        Ok(Body {{ number: body.number.wrapping_add({added}) }})
    }}
"
        )
        .ok();
    }
    code.push_str("}\n");
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_changes_one_handler() {
        let [before, after] = [0, 1].map(|edit| many_handlers(3, Edit::Within(edit)));
        let differ = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
        assert_eq!(differ.count(), 1);
        assert_eq!(before.len(), after.len(), "nothing moves");
        let longer = [1, 2].map(|lines| many_handlers(3, Edit::Longer(lines)).lines().count());
        assert_eq!(longer, [1, 2].map(|lines| before.lines().count() + lines));
        assert_eq!(before.matches("#[subscribe_message").count(), 3);
    }

    #[test]
    fn the_workshop_is_a_workspace_with_the_same_dependencies() {
        let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let ours: toml::Table = toml::from_str(&manifest).unwrap();
        let members = ["a", "b"].map(str::to_owned);
        let theirs = with_members(&manifest, members.into_iter()).unwrap();
        let theirs: toml::Table = toml::from_str(&theirs).unwrap();
        let dependencies = |table: &toml::Table| table["workspace"]["dependencies"].clone();
        assert_eq!(dependencies(&ours), dependencies(&theirs));
        assert_eq!(theirs["workspace"]["members"].as_array().unwrap().len(), 2);
        assert!(theirs["profile"]["dev"].get("package").is_none());
    }

    #[test]
    fn cargo_finds_every_library_in_the_workshop() {
        let workshop = Workshop::open(&[1]).unwrap();
        let update = cargo()
            .current_dir(&workshop.0)
            .args(["update", "--workspace", "--offline"])
            .output()
            .unwrap();
        assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    }

    #[test]
    fn both_servers_have_what_is_edited() {
        for (directory, file) in PACKAGES.map(server) {
            let handlers = fs::read_to_string(workspace().join(directory).join(file)).unwrap();
            assert!(handlers.contains(EDITED), "{directory}/{file}");
        }
    }
}
