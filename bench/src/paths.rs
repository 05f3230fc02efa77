//! Where things are, and the cargo that runs there.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace")
}

/// The directory of a server in JavaScript.
pub(crate) fn scripts(directory: &str) -> PathBuf {
    workspace().join("bench/servers").join(directory)
}

/// The cargo that runs this, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}
