//! A crate depends only on floors below. Edges come from cargo's own metadata.

use super::{Finding, Tree};
use crate::workspace::{Dependency, Package, Use};
use std::path::Path;

/// Where a crate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Floor(u8),
    /// Between the engine and the protocols: what those over one carrier share.
    Carrier,
    /// Suites for tests: stands on the engine, and is a dev-dependency only.
    Testkit,
    /// Chores: nothing depends on it.
    Xtask,
}

const FLOORS: [(&str, Place); 21] = [
    ("portreeve-model", Place::Floor(0)),
    ("portreeve-wire", Place::Floor(0)),
    ("portreeve-pseudonym", Place::Floor(0)),
    ("portreeve-decide", Place::Floor(1)),
    ("portreeve-detect", Place::Floor(1)),
    ("portreeve-files", Place::Floor(1)),
    ("portreeve-detect-onnx", Place::Floor(2)),
    ("portreeve-evidence", Place::Floor(2)),
    ("portreeve-screen", Place::Floor(2)),
    ("portreeve-selftest", Place::Floor(2)),
    ("portreeve-transport", Place::Floor(2)),
    ("portreeve-link", Place::Floor(3)),
    ("portreeve-reports", Place::Floor(3)),
    ("portreeve-session", Place::Floor(3)),
    ("portreeve-sql", Place::Floor(3)),
    ("portreeve-verifier", Place::Floor(3)),
    ("portreeve-web", Place::Carrier),
    ("portreeve-control", Place::Floor(5)),
    ("portreeve", Place::Floor(6)),
    ("portreeve-testkit", Place::Testkit),
    ("xtask", Place::Xtask),
];

const PROTOCOLS: Place = Place::Floor(4);
const ENGINE: u8 = 3;

fn place(name: &str) -> Option<Place> {
    if name.starts_with("portreeve-protocol-") {
        return Some(PROTOCOLS);
    }
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, manifest) in tree.packages.iter().zip(&tree.manifests) {
        let path = package.folder.join("Cargo.toml");
        let Some(from) = place(&package.name) else {
            let what = format!("crate `{}` has no floor", package.name);
            let hint = "add it to the table in xtask/src/tidy/floors.rs, and say why in the commit";
            findings.push(Finding::new(&path, 0, what, hint));
            continue;
        };
        findings.extend(folder(package, from, &path));
        for dependency in &package.dependencies {
            if let Some(what) = edge(from, dependency) {
                let line = manifest.lines().position(|line| line.starts_with(&dependency.name));
                let hint = "depend on floors below only: move the code, or let a trait of the \
                            lower floor ask for it";
                findings.push(Finding::new(&path, line.map_or(0, |line| line + 1), what, hint));
            }
        }
    }
    findings
}

/// Folder = crate name, flat below `crates/`.
fn folder(package: &Package, place: Place, manifest: &Path) -> Option<Finding> {
    let short = package.name.strip_prefix("portreeve-").unwrap_or(&package.name);
    let expected = match place {
        Place::Xtask => Path::new("xtask").to_owned(),
        Place::Floor(_) | Place::Carrier | Place::Testkit => Path::new("crates").join(short),
    };
    (package.folder != expected).then(|| {
        let what = format!("crate `{}` does not lie in `{}`", package.name, expected.display());
        Finding::new(manifest, 0, what, "name the folder after the crate")
    })
}

fn edge(from: Place, dependency: &Dependency) -> Option<String> {
    let to = place(&dependency.name)?;
    let (name, used) = (&dependency.name, dependency.used);
    let is_fine = match (from, to) {
        (_, Place::Xtask) => false,
        // Its tests fuzz every floor.
        (Place::Xtask, _) => used == Use::Development,
        (_, Place::Testkit) => used == Use::Development,
        (Place::Testkit, Place::Floor(to)) => to <= ENGINE,
        (Place::Testkit, Place::Carrier) | (Place::Carrier, Place::Carrier) => false,
        (Place::Floor(from), Place::Floor(to)) => to < from,
        (Place::Carrier, Place::Floor(to)) => to <= ENGINE,
        (Place::Floor(from), Place::Carrier) => from > ENGINE,
    };
    (!is_fine).then(|| format!("a dependency on `{name}` does not go down a floor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edge(from: &str, to: &str, used: Use, is_fine: bool) {
        let package = Package {
            name: from.into(),
            folder: match from {
                "xtask" => "xtask".into(),
                _ => Path::new("crates").join(from.strip_prefix("portreeve-").unwrap_or(from)),
            },
            dependencies: vec![Dependency { name: to.into(), used }],
            ..Package::default()
        };
        let manifest = format!("[dependencies]\n{to}.workspace = true\n");
        let tree = Tree { packages: vec![package], manifests: vec![manifest], ..Tree::default() };
        let findings = check(&tree);
        assert_eq!(findings.is_empty(), is_fine, "{from} → {to}: {findings:?}");
        assert!(findings.iter().all(|finding| finding.line == 2));
    }

    #[test]
    fn dependencies_go_down() {
        check_edge("portreeve-session", "portreeve-evidence", Use::Normal, true);
        check_edge("portreeve-evidence", "portreeve-session", Use::Normal, false);
        check_edge("portreeve-decide", "portreeve-detect", Use::Normal, false);
        check_edge("portreeve-protocol-postgres", "portreeve-control", Use::Normal, false);
        check_edge("portreeve-protocol-postgres", "portreeve-protocol-ssh", Use::Normal, false);
        check_edge("portreeve-control", "portreeve-protocol-postgres", Use::Normal, true);
        check_edge("portreeve-model", "portreeve-decide", Use::Development, false);
        check_edge("portreeve-session", "tokio", Use::Normal, true);
        check_edge("portreeve-session", "portreeve-transport", Use::Normal, true);
        check_edge("portreeve-transport", "portreeve-evidence", Use::Normal, false);
        check_edge("portreeve-sql", "portreeve-decide", Use::Normal, true);
        check_edge("portreeve-sql", "portreeve-session", Use::Normal, false);
        check_edge("portreeve-protocol-postgres", "portreeve-sql", Use::Normal, true);
        check_edge("portreeve-web", "portreeve-session", Use::Normal, true);
        check_edge("portreeve-protocol-http", "portreeve-web", Use::Normal, true);
        check_edge("portreeve-session", "portreeve-web", Use::Normal, false);
        check_edge("portreeve-web", "portreeve-protocol-http", Use::Normal, false);
    }

    #[test]
    fn testkit_is_for_tests_and_xtask_for_nobody() {
        check_edge("portreeve-session", "portreeve-testkit", Use::Development, true);
        check_edge("portreeve", "portreeve-testkit", Use::Normal, false);
        check_edge("portreeve-testkit", "portreeve-control", Use::Normal, false);
        check_edge("portreeve", "xtask", Use::Development, false);
        check_edge("xtask", "portreeve-decide", Use::Normal, false);
        check_edge("xtask", "portreeve-decide", Use::Development, true);
    }

    #[test]
    fn a_crate_without_a_floor_is_found() {
        let package = Package { name: "portreeve-common".into(), ..Package::default() };
        let tree =
            Tree { packages: vec![package], manifests: vec![String::new()], ..Tree::default() };
        assert_eq!(check(&tree).first().unwrap().what, "crate `portreeve-common` has no floor");
    }
}
