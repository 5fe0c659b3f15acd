//! Documents that say what the code says: the loop word for word, and links that lead
//! somewhere.

use super::{Finding, Tree};
use std::path::{Path, PathBuf};

/// Where the loop stands in the code.
const LOOP: &str = "crates/session/src/lib.rs";
/// Where it stands for people.
const SHOWN_IN: [&str; 2] = ["README.md", "docs/ARCHITECTURE.md"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = links(tree);
    let source = tree.sources.iter().find(|source| source.path == Path::new(LOOP));
    let Some(source) = source else { return findings };
    let Some(text) = first_block(&source.lines) else {
        let hint = "put it into the first block of the crate's documentation";
        findings.push(Finding::new(&source.path, 0, "the loop is not shown", hint));
        return findings;
    };
    for (path, shown) in &tree.documents {
        let is_shown_here = SHOWN_IN.iter().any(|name| path == Path::new(name));
        if is_shown_here && !shown.contains(&text) {
            let what = format!("the loop is not the one of {LOOP}");
            findings.push(Finding::new(path, 0, what, "copy it from there, word for word"));
        }
    }
    findings
}

/// The first fenced block of a file's `//!` comment.
fn first_block(lines: &[String]) -> Option<String> {
    let mut comment = lines.iter().map_while(|line| line.strip_prefix("//!"));
    comment.find(|line| line.trim().starts_with("```"))?;
    let block = comment.take_while(|line| !line.trim().starts_with("```"));
    let text: Vec<&str> = block.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    (!text.is_empty()).then(|| text.join("\n"))
}

/// Links to files of the repository.
fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.documents {
        let folder = path.parent().unwrap_or(Path::new(""));
        for (at, line) in text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = link.split('#').next().unwrap_or_default();
                if file.is_empty() || link.contains("://") || file.contains(' ') {
                    continue;
                }
                let target = normal(&folder.join(file));
                if !tree.exists(&target) {
                    let what = format!("the link to `{file}` leads nowhere");
                    findings.push(Finding::new(path, at + 1, what, "link to what is there"));
                }
            }
        }
    }
    findings
}

/// Without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::tree;

    const CODE: &str = "//! The engine.\n//!\n//! ```text\n//! a().await?;\n//! b();\n//! ```\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut tree = tree("portreeve-session", LOOP, CODE);
        tree.documents.push((path.into(), text.into()));
        tree.paths.insert("docs/THREATS.md".into());
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn the_loop_is_shown_word_for_word() {
        let none: [&str; 0] = [];
        assert_eq!(found("README.md", "# x\n```rust\na().await?;\nb();\n```\n"), none);
        let other = found("README.md", "```rust\na().await;\nb();\n```\n");
        assert_eq!(other, ["the loop is not the one of crates/session/src/lib.rs"]);
        assert_eq!(found("CHANGELOG.md", ""), none);
    }

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](../docs/THREATS.md#b), [c](https://example.org/d), [e](f.md)\n";
        assert_eq!(found("docs/a.md", text), ["the link to `f.md` leads nowhere"]);
    }
}
