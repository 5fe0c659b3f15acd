//! The lower floors are pure: no clock, no randomness, no files, no network, no runtime.
//! Time and seeds come in as arguments, so that a decision can be made again.

use super::{Finding, Tree};

const PURE: [&str; 6] = [
    "portreeve-model",
    "portreeve-wire",
    "portreeve-pseudonym",
    "portreeve-decide",
    "portreeve-detect",
    "portreeve-screen",
];

/// In code that ships.
const BANNED: [(&str, &str); 12] = [
    ("SystemTime", "a clock"),
    ("Instant::now", "a clock"),
    ("std::time::Instant", "a clock"),
    ("std::fs", "files"),
    ("File::", "files"),
    ("std::env", "the environment"),
    ("std::process", "processes"),
    ("std::thread", "threads"),
    ("TcpStream", "the network"),
    ("tokio", "a runtime"),
    ("rand::", "randomness"),
    ("RandomState", "randomness"),
];

/// As dependencies.
const CRATES: [&str; 10] = [
    "tokio",
    "tokio-rustls",
    "jiff",
    "rand",
    "getrandom",
    "hyper",
    "axum",
    "rusqlite",
    "rustls",
    "tracing",
];

const HINT: &str = "take it as an argument: floors 0 and 1 only compute";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| PURE.contains(&source.package.as_str())) {
        for (at, code) in source.product() {
            for (word, what) in BANNED.iter().filter(|(word, _)| code.contains(word)) {
                let what = format!("`{}` in a pure crate: {what}", word.trim_end_matches(':'));
                findings.push(Finding::new(&source.path, at + 1, what, HINT));
            }
        }
    }
    for package in tree.packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let normal =
            package.dependencies.iter().filter(|it| it.used != crate::workspace::Use::Development);
        for dependency in normal.filter(|it| CRATES.contains(&it.name.as_str())) {
            let what = format!("a pure crate depends on `{}`", dependency.name);
            findings.push(Finding::new(&package.folder.join("Cargo.toml"), 0, what, HINT));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;
    use crate::workspace::{Dependency, Package, Use};

    #[test]
    fn clocks_files_and_runtimes_are_found() {
        let text = "let now = SystemTime::now();\nstd::fs::read(a);\nuse tokio::time;\n";
        assert_eq!(
            found(check, "portreeve-decide", "a.rs", text),
            [
                "1: `SystemTime` in a pure crate: a clock",
                "2: `std::fs` in a pure crate: files",
                "3: `tokio` in a pure crate: a runtime",
            ]
        );
        assert!(found(check, "portreeve-session", "a.rs", text).is_empty());
        assert!(found(check, "portreeve-model", "a.rs", "// SystemTime comes in\n").is_empty());
    }

    #[test]
    fn dependencies_that_bring_them_are_found() {
        let used = |used| Package {
            name: "portreeve-wire".into(),
            dependencies: vec![Dependency { name: "tokio".into(), used }],
            ..Package::default()
        };
        let tree = |package| Tree { packages: vec![package], ..Tree::default() };
        assert_eq!(check(&tree(used(Use::Normal))).len(), 1);
        assert!(check(&tree(used(Use::Development))).is_empty());
    }
}
