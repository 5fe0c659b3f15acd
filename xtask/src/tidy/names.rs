//! A protocol's name stands in its own folder, and where protocols are wired together.

use super::{Finding, Tree};
use std::path::Path;

/// Names of protocols, built and to come: a name must not be in the engine before the
/// protocol is, either.
const PROTOCOLS: [&str; 5] = ["postgres", "mysql", "mariadb", "ssh", "mcp"];

/// Where any protocol's name may stand, and why.
const ALLOWED: [(&str, &str); 5] = [
    ("crates/portreeve/", "the binary wires the protocols"),
    ("crates/decide/src/sql/mod.rs", "the dialects of SQL are brought together"),
    ("crates/decide/src/shell/", "programs of a machine may be called so"),
    ("crates/detect/", "what is looked for in people's texts may be called so"),
    ("xtask/", "chores measure and check named protocols"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        if is_allowed(&source.path) {
            continue;
        }
        // Literals count: a name in a string is a dependency too. Comments do not.
        for (at, line) in source.lines.iter().enumerate() {
            if source.is_test_line(at) {
                continue;
            }
            let comment = source.comments.get(at).map(|text| text.trim()).unwrap_or_default();
            let line = line.replace(comment, "");
            let names = PROTOCOLS.iter().filter(|name| mentions(&line, name));
            for name in names.filter(|name| !is_own(&source.path, name)) {
                let what = format!("the protocol's name `{name}` outside its folder");
                let hint = "let the protocol supply it through a trait or a constant";
                findings.push(Finding::new(&source.path, at + 1, what, hint));
            }
        }
    }
    findings
}

fn is_allowed(path: &Path) -> bool {
    ALLOWED.iter().any(|(folder, _)| path.starts_with(folder))
}

fn is_own(path: &Path, name: &str) -> bool {
    path.starts_with(format!("crates/protocol-{name}"))
        || path.starts_with(format!("crates/decide/src/sql/{name}"))
}

/// As a word, or as a part of a name: `postgres_listener`, `PostgresTarget`.
fn mentions(line: &str, name: &str) -> bool {
    super::source::words(line).any(|word| segments(word).any(|part| part == name))
}

/// `PostgresTarget`, `postgres_target` → `postgres`, `target`.
pub(super) fn segments(word: &str) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in word.chars() {
        if c == '_' || (c.is_uppercase() && was_lower) {
            parts.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(last) = parts.last_mut().filter(|_| c != '_') {
            last.extend(c.to_lowercase());
        }
    }
    parts.into_iter().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    const ENGINE: &str = "crates/session/src/engine.rs";

    #[test]
    fn names_in_code_and_in_literals_are_found() {
        let text = "let a = \"postgres\";\nstruct PostgresThing;\nfn ssh_open() {}\n";
        assert_eq!(
            found(check, "portreeve-session", ENGINE, text),
            [
                "1: the protocol's name `postgres` outside its folder",
                "2: the protocol's name `postgres` outside its folder",
                "3: the protocol's name `ssh` outside its folder",
            ]
        );
    }

    #[test]
    fn prose_tests_and_the_protocols_own_folder_are_free() {
        let none: [&str; 0] = [];
        let prose = "// postgres does it like this\nlet crash = 1;\n";
        assert_eq!(found(check, "portreeve-session", ENGINE, prose), none);
        let test = "#[cfg(test)]\nmod tests {\n    const A: &str = \"postgres\";\n}\n";
        assert_eq!(found(check, "portreeve-session", ENGINE, test), none);
        let own = "crates/protocol-postgres/src/lib.rs";
        assert_eq!(found(check, "p", own, "const NAME: &str = \"postgres\";\n"), none);
        assert_eq!(found(check, "p", own, "const NAME: &str = \"mysql\";\n").len(), 1);
    }
}
