//! No path of somebody's machine, and no private source of packages, stands in the repository.

use super::{Finding, Tree};
use std::path::Path;

/// How paths of a machine begin. `~` stands for a home folder in documents.
const BEGINNINGS: [&str; 6] = ["/home/", "/root/", "/Users/", "/tmp/", "/work/", "C:\\Users\\"];

/// Where such paths may stand, and why.
const ALLOWED: [(&str, &str); 2] = [
    ("corpus/", "what people write, with paths of no machine of ours"),
    ("xtask/src/tidy/machine.rs", "the list itself"),
];

/// Where the lock file of node packages may say that one came from.
const NODE_REGISTRY: &str = "https://registry.npmjs.org/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.texts {
        if ALLOWED.iter().any(|(allowed, _)| path.starts_with(allowed)) {
            continue;
        }
        let is_node_lock = path.file_name().is_some_and(|name| name == "package-lock.json");
        for (at, line) in text.lines().enumerate() {
            if let Some(found) = path_in(line, &tree.root) {
                let what = format!("a path of a machine: `{found}…`");
                let hint = "find it from the file's own place, or take it as an argument";
                findings.push(Finding::new(path, at + 1, what, hint));
            }
            let source = line.trim().strip_prefix("\"resolved\": \"");
            if is_node_lock && source.is_some_and(|source| !source.starts_with(NODE_REGISTRY)) {
                let hint = "lock packages as the public registry names them";
                findings.push(Finding::new(path, at + 1, "a private registry", hint));
            }
        }
    }
    findings
}

/// The beginning of a machine's path in a line. `mktemp`'s templates are nobody's folder.
fn path_in<'a>(line: &str, root: &'a Path) -> Option<&'a str> {
    let is_begun = |beginning: &str| {
        line.match_indices(beginning).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + beginning.len()..).and_then(|rest| rest.chars().next());
            let is_own = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}');
            !before.is_some_and(is_own) && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
        })
    };
    let root = root.to_str().filter(|root| !root.is_empty() && line.contains(root));
    let known = || BEGINNINGS.into_iter().find(|beginning| is_begun(beginning));
    root.or_else(|| known().filter(|_| !line.contains("XXXXXX")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = Tree {
            root: "/srv/checkout".into(),
            texts: vec![(path.into(), text.into())],
            ..Tree::default()
        };
        let findings = check(&tree);
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let none: [&str; 0] = [];
        for (line, expect) in [
            ("cd /home/ann/src", Some("/home/")),
            ("see `/root/.cargo/bin`", Some("/root/")),
            ("open(\"/tmp/log\")", Some("/tmp/")),
            ("C:\\Users\\ann", Some("C:\\Users\\")),
            ("/srv/checkout/target", Some("/srv/checkout")),
            ("dir=$(mktemp -d /tmp/demo.XXXXXX)", None),
            ("https://example.org/home/page", None),
            ("crates/work/mod.rs and $dir/tmp/a and ${dir}/tmp/b", None),
            ("/usr/lib/postgresql", None),
            ("below /tmp/ or /home/", None),
        ] {
            match expect {
                Some(begin) => assert_eq!(
                    found("docs/a.md", line),
                    [format!("1: a path of a machine: `{begin}…`")]
                ),
                None => assert_eq!(found("docs/a.md", line), none, "{line}"),
            }
        }
        assert_eq!(found("corpus/a.sql", "COPY t TO '/tmp/x'"), none);
    }

    #[test]
    fn node_packages_come_from_the_public_registry() {
        let none: [&str; 0] = [];
        let line = |host: &str| format!("  \"resolved\": \"https://{host}/a/-/a-1.0.0.tgz\",\n");
        let lock = "tests/node/package-lock.json";
        assert_eq!(found(lock, &line("registry.npmjs.org")), none);
        assert_eq!(found(lock, &line("mirror.example")), ["1: a private registry"]);
        assert_eq!(found("docs/a.json", &line("mirror.example")), none);
    }
}
