//! Documents that say what the code says: the loop word for word, and links that lead
//! somewhere.
//!
//! The loop has one place, the first example of the engine's documentation. There it is compiled
//! with the doctests; lines that an example hides (`# use …`) are not shown elsewhere either.

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
    let Some(example) = Example::first(&source.lines) else {
        let hint = "make it the first example of the crate's documentation";
        findings.push(Finding::new(&source.path, 0, "the loop is not shown", hint));
        return findings;
    };
    if !example.is_compiled() {
        let what = format!("the loop is not compiled: ```{}", example.language);
        let hint = "hide with `# ` what it needs around it, and begin the block with ```no_run";
        findings.push(Finding::new(&source.path, example.line, what, hint));
    }
    for (path, shown) in &tree.documents {
        let is_shown_here = SHOWN_IN.iter().any(|name| path == Path::new(name));
        if is_shown_here && !shows(shown, &example.text) {
            let what = format!("the loop is not the one of {LOOP}");
            findings.push(Finding::new(path, 0, what, "copy it from there, word for word"));
        }
    }
    findings
}

/// A fenced block of a file's `//!` comment, without the lines that it hides.
#[derive(Debug)]
struct Example {
    /// Where it begins, from 1.
    line: usize,
    language: String,
    text: String,
}

impl Example {
    fn first(lines: &[String]) -> Option<Self> {
        let mut comment = lines.iter().map_while(|line| line.strip_prefix("//!")).enumerate();
        let fence = |line: &str| line.trim().strip_prefix("```").map(str::to_owned);
        let (at, language) = comment.find_map(|(at, line)| Some((at, fence(line)?)))?;
        let block = comment.map(|(_, line)| line.strip_prefix(' ').unwrap_or(line));
        let block = block.take_while(|line| fence(line).is_none());
        let shown: Vec<&str> =
            block.filter(|line| *line != "#" && !line.starts_with("# ")).collect();
        (!shown.is_empty()).then(|| Self { line: at + 1, language, text: shown.join("\n") })
    }

    fn is_compiled(&self) -> bool {
        self.language.split(',').all(|word| matches!(word, "" | "rust" | "no_run"))
    }
}

/// Whether a document has a Rust block that is the text, no more and no less.
fn shows(document: &str, text: &str) -> bool {
    document.contains(&format!("```rust\n{text}\n```"))
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

    const CODE: &str = "//! The engine.\n//!\n//! ```no_run\n//! # use a::a;\n//! a().await?;\n\
                        //! b();\n//! # }\n//! ```\n";

    fn found_with(code: &str, path: &str, text: &str) -> Vec<String> {
        let mut tree = tree("portreeve-session", LOOP, code);
        tree.documents.push((path.into(), text.into()));
        tree.paths.insert("docs/THREATS.md".into());
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    fn found(path: &str, text: &str) -> Vec<String> {
        found_with(CODE, path, text)
    }

    #[test]
    fn the_loop_is_shown_word_for_word() {
        let none: [&str; 0] = [];
        let shown = "# x\n```rust\na().await?;\nb();\n```\n";
        assert_eq!(found("README.md", shown), none);
        let differs = ["the loop is not the one of crates/session/src/lib.rs"];
        assert_eq!(found("README.md", "```rust\na().await;\nb();\n```\n"), differs);
        assert_eq!(found("README.md", "```rust\na().await?;\nb();\nc();\n```\n"), differs);
        assert_eq!(found("CHANGELOG.md", ""), none);
    }

    #[test]
    fn the_loop_is_compiled() {
        let shown = "```rust\na().await?;\nb();\n```\n";
        for fence in ["text", "ignore", "rust,ignore", "compile_fail"] {
            let code = CODE.replace("no_run", fence);
            let expect = format!("the loop is not compiled: ```{fence}");
            assert_eq!(found_with(&code, "README.md", shown), [expect]);
        }
        let bare = CODE.replace("no_run", "");
        assert!(found_with(&bare, "README.md", shown).is_empty());
        assert_eq!(found_with("//! The engine.\n", "README.md", ""), ["the loop is not shown"]);
    }

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](../docs/THREATS.md#b), [c](https://example.org/d), [e](f.md)\n";
        assert_eq!(found("docs/a.md", text), ["the link to `f.md` leads nowhere"]);
    }
}
