//! A protocol's name stands in its own folder, and where protocols are wired together.

use super::source::Source;
use super::{Finding, Tree};
use std::collections::BTreeSet;
use std::path::Path;

/// Names of protocols, built and to come: a name must not be in the engine before the
/// protocol is, either.
const PROTOCOLS: [&str; 5] = ["postgres", "mysql", "mariadb", "ssh", "mcp"];

/// Where any protocol's name may stand, and why.
const ALLOWED: [(&str, &str); 6] = [
    ("crates/portreeve/src/wiring.rs", "the files of the protocols are declared"),
    ("crates/portreeve/src/wiring/", "the table of protocols, and a file for each"),
    ("crates/decide/src/sql/mod.rs", "the dialects of SQL are brought together"),
    ("crates/decide/src/shell/", "programs of a machine may be called so"),
    ("crates/detect/", "what is looked for in people's texts may be called so"),
    ("xtask/", "chores measure and check named protocols"),
];

/// A file or folder, the one protocol that it may name, and why.
type OfOne = (&'static str, &'static str, &'static str);

/// What people are offered of one protocol alone. A line goes when nothing needs it.
const OF_ONE: [OfOne; 4] = [
    ("crates/portreeve/src/commands/connect.rs", "mcp", "the option `connect --mcp`"),
    ("crates/portreeve/src/commands/mod.rs", "ssh", "the command `ssh` is declared"),
    ("crates/portreeve/src/commands/ssh/", "ssh", "the command `ssh`: certificates to log in by"),
    ("crates/portreeve/src/main.rs", "ssh", "the command `ssh` is named"),
];

const HERE: &str = "xtask/src/tidy/names.rs";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, &OF_ONE)
}

fn check_with(tree: &Tree, of_one: &[OfOne]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for source in tree.sources.iter().filter(|source| !is_allowed(&source.path)) {
        for (at, name) in named(source) {
            let is_of_one = |(path, one, _): &OfOne| source.path.starts_with(path) && *one == name;
            if let Some(line) = of_one.iter().position(is_of_one) {
                needed.insert(line);
                continue;
            }
            let what = format!("the protocol's name `{name}` outside its folder");
            let hint = "let the protocol supply it through a trait, a constant, or the table in \
                        `wiring/protocols`";
            findings.push(Finding::new(&source.path, at + 1, what, hint));
        }
    }
    let settled = of_one.iter().enumerate().filter(|(line, _)| !needed.contains(line));
    findings.extend(settled.map(|(_, (path, name, _))| {
        let what = format!("`{path}` does not name `{name}`");
        let hint = "a list of exceptions only becomes shorter: delete the line";
        Finding::new(Path::new(HERE), 0, what, hint)
    }));
    findings
}

/// The lines of what ships, from 0, that name a protocol which is not their own.
fn named(source: &Source) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    // Literals count: a name in a string is a dependency too. Comments do not.
    for (at, line) in source.lines.iter().enumerate() {
        if source.is_test_line(at) {
            continue;
        }
        let comment = source.comments.get(at).map(|text| text.trim()).unwrap_or_default();
        let line = line.replace(comment, "");
        let names = PROTOCOLS.into_iter().filter(|name| mentions(&line, name));
        found.extend(names.filter(|name| !is_own(&source.path, name)).map(|name| (at, name)));
    }
    found
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
    const COMMAND: &str = "crates/portreeve/src/commands/show.rs";

    fn check_none(tree: &Tree) -> Vec<Finding> {
        check_with(tree, &[])
    }

    #[test]
    fn names_in_code_and_in_literals_are_found() {
        let text = "let a = \"postgres\";\nstruct PostgresThing;\nfn ssh_open() {}\n";
        assert_eq!(
            found(check_none, "portreeve-session", ENGINE, text),
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
        assert_eq!(found(check_none, "portreeve-session", ENGINE, prose), none);
        let test = "#[cfg(test)]\nmod tests {\n    const A: &str = \"postgres\";\n}\n";
        assert_eq!(found(check_none, "portreeve-session", ENGINE, test), none);
        let own = "crates/protocol-postgres/src/lib.rs";
        assert_eq!(found(check_none, "p", own, "const NAME: &str = \"postgres\";\n"), none);
        assert_eq!(found(check_none, "p", own, "const NAME: &str = \"mysql\";\n").len(), 1);
    }
    #[test]
    fn commands_ask_the_table_and_an_exception_is_for_one_name() {
        let none: [&str; 0] = [];
        let text = "match protocol {\n    ssh::NAME => 1,\n}\n";
        let wiring = "crates/portreeve/src/wiring/protocols/mod.rs";
        assert_eq!(found(check_none, "portreeve", wiring, text), none);
        let finding = "2: the protocol's name `ssh` outside its folder";
        assert_eq!(found(check_none, "portreeve", COMMAND, text), [finding]);
        let of_ssh = |tree: &Tree| check_with(tree, &[(COMMAND, "ssh", "")]);
        assert_eq!(found(of_ssh, "portreeve", COMMAND, text), none);
        let other = "let a = \"mcp\";\n";
        assert_eq!(
            found(of_ssh, "portreeve", COMMAND, other),
            [
                "1: the protocol's name `mcp` outside its folder",
                "0: `crates/portreeve/src/commands/show.rs` does not name `ssh`",
            ]
        );
    }
}
