//! The shapes of a protocol stand where its name may stand, and nowhere else: what the engine
//! says of rows, columns or headers fits one kind of target, whatever it is called.
//!
//! A family of protocols is a line of the table. What the vocabulary (`model`), the decisions
//! and the evidence say of a family is data there, and no business of this rule.

use super::names::segments;
use super::source::{Source, words};
use super::{Finding, Tree};
use std::path::Path;

/// The words of a family of protocols, as parts of names and of literals.
#[derive(Debug)]
struct Family {
    name: &'static str,
    words: &'static [&'static str],
}

const FAMILIES: [Family; 4] = [
    Family {
        name: "SQL",
        words: &[
            // `rows` is a unit of usage, whatever the protocol counts in it.
            "row",
            "column",
            "columns",
            "table",
            "tables",
            "schema",
            "schemas",
            "catalog",
            "statement",
            "statements",
            "portal",
            "portals",
            "cursor",
            "cursors",
            "prepared",
            "clause",
            "sql",
        ],
    },
    Family {
        name: "HTTP",
        words: &[
            "http", "header", "headers", "trailer", "trailers", "cookie", "cookies", "url", "urls",
            "uri", "route", "routes",
        ],
    },
    Family {
        name: "shell",
        words: &["shell", "argv", "pty", "tty", "terminal", "stdin", "stdout", "stderr", "sftp"],
    },
    Family {
        name: "tools",
        words: &["tool", "tools", "prompt", "prompts", "sampling", "elicitation", "jsonrpc"],
    },
];

/// What must fit every protocol.
const NEUTRAL: [&str; 4] =
    ["crates/session/src", "crates/transport/src", "crates/wire/src", "crates/link/src"];

/// Files of the above where a family's words are right, with the reason.
const ALLOWED: [(&str, &str, &str); 5] = [
    ("crates/link/src/carrier.rs", "HTTP", "a tunnel through the proxy of a network"),
    ("crates/session/src/engine/live.rs", "SQL", "the JSON schema of what the API answers"),
    ("crates/session/src/sides/body.rs", "HTTP", "a body as the HTTP library takes it"),
    ("crates/wire/src", "SQL", "a cursor is a place in bytes there"),
    ("crates/wire/src", "HTTP", "the header of the PROXY protocol"),
];

const HINT: &str = "say it in words of the engine (usage, objects, commands), or let the protocol \
                    supply it; exceptions are in xtask/src/tidy/shapes.rs";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let neutral = |source: &&Source| NEUTRAL.iter().any(|folder| source.path.starts_with(folder));
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(neutral) {
        for family in FAMILIES.iter().filter(|family| !is_allowed(&source.path, family)) {
            findings.extend(mentions(source, family));
        }
    }
    findings
}

/// Where a file says a family's words in code that ships. Literals count: what the engine says
/// to a client is said to clients of every protocol. Comments do not.
fn mentions(source: &Source, family: &Family) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        if source.is_test_line(at) {
            continue;
        }
        let comment = source.comments.get(at).map(|text| text.trim()).unwrap_or_default();
        let line = line.replace(comment, "");
        let parts = words(&line).flat_map(segments);
        for part in parts.filter(|part| family.words.contains(&part.as_str())) {
            let what =
                format!("`{part}` is a shape of {} in what fits every protocol", family.name);
            findings.push(Finding::new(&source.path, at + 1, what, HINT));
        }
    }
    findings
}

fn is_allowed(path: &Path, family: &Family) -> bool {
    ALLOWED.iter().any(|(file, name, _)| path.starts_with(file) && *name == family.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::tree;

    const FILE: &str = "crates/session/src/a.rs";

    fn found(path: &str, text: &str) -> Vec<String> {
        let findings = check(&tree("p", path, text));
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn shapes_are_found_in_names_and_in_literals() {
        let text = "struct RowBatch { rows: u64 }\nlet hint = \"add a WHERE clause\";\nfn set_header() {}\n";
        let shape = |line, word, family| {
            format!("{line}: `{word}` is a shape of {family} in what fits every protocol")
        };
        assert_eq!(
            found(FILE, text),
            [shape(1, "row", "SQL"), shape(2, "clause", "SQL"), shape(3, "header", "HTTP")]
        );
        let none: [&str; 0] = [];
        assert_eq!(found("crates/sql/src/a.rs", text), none);
        assert_eq!(found(FILE, "// rows of a table\nlet browser = grow(narrow);\n"), none);
        assert_eq!(found(FILE, "#[cfg(test)]\nmod tests {\n    fn rows() {}\n}\n"), none);
    }
}
