//! The workspace as cargo knows it.

use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Below the root: `crates/model`.
    pub(crate) folder: PathBuf,
    /// The root files of its libraries, binaries, tests and examples, below the root.
    pub(crate) roots: Vec<(PathBuf, TargetKind)>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a root file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TargetKind {
    /// It ships.
    Product,
    /// Tests, benches and examples.
    Test,
}

/// What a dependency is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    Normal,
    Development,
    Build,
}

/// An edge.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) used: Use,
}

/// The workspace's root folder.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask lies in the workspace")?.to_owned())
}

/// The cargo that runs this, without what `cargo run` has put into the environment: a
/// build script that looks at it would be run again by every step.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let is_set_by_run = |name: &str| {
        name.starts_with("CARGO_PKG_")
            || matches!(name, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "LD_LIBRARY_PATH")
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_set_by_run) {
            command.env_remove(name);
        }
    }
    command
}

fn metadata(root: &Path) -> anyhow::Result<Value> {
    let mut command = cargo();
    command.current_dir(root).args(["metadata", "--format-version", "1", "--no-deps"]);
    let output = command.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

/// The members of the workspace.
pub(crate) fn packages(root: &Path) -> anyhow::Result<Vec<Package>> {
    let metadata = metadata(root)?;
    let list = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    list.iter().map(|value| package(root, value).context("a package of cargo metadata")).collect()
}

fn package(root: &Path, value: &Value) -> Option<Package> {
    let below = |path: &str| Some(Path::new(path).strip_prefix(root).ok()?.to_owned());
    let roots = value.get("targets")?.as_array()?.iter().filter_map(|target| {
        let kind = target.get("kind")?.as_array()?.first()?.as_str()?;
        let kind = match kind {
            "test" | "bench" | "example" => TargetKind::Test,
            _ => TargetKind::Product,
        };
        Some((below(target.get("src_path")?.as_str()?)?, kind))
    });
    let dependencies = value.get("dependencies")?.as_array()?.iter().filter_map(|dependency| {
        let used = match dependency.get("kind")?.as_str() {
            Some("dev") => Use::Development,
            Some("build") => Use::Build,
            _ => Use::Normal,
        };
        Some(Dependency { name: dependency.get("name")?.as_str()?.to_owned(), used })
    });
    Some(Package {
        name: value.get("name")?.as_str()?.to_owned(),
        folder: below(value.get("manifest_path")?.as_str()?)?.parent()?.to_owned(),
        roots: roots.collect(),
        dependencies: dependencies.collect(),
    })
}
