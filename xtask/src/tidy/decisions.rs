//! A decision says its context, its choice and its cost, and is in the list.

use super::{Finding, Tree};
use std::path::Path;

const HEADINGS: [&str; 3] = ["## Context", "## Choice", "## Cost"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let list = tree.decisions.iter().find(|(path, _)| path.ends_with("README.md"));
    for (path, text) in tree.decisions.iter().filter(|(path, _)| !path.ends_with("README.md")) {
        for heading in HEADINGS.iter().filter(|heading| !text.lines().any(|line| line == **heading))
        {
            let what = format!("no `{heading}`");
            findings.push(Finding::new(path, 0, what, "say what was weighed, chosen and paid"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if !is_numbered(path) {
            let what = format!("`{name}` is not named NNNN-title.md");
            findings.push(Finding::new(path, 0, what, "number decisions in order"));
        }
        if !list.is_some_and(|(_, text)| text.contains(&*name)) {
            let what = format!("`{name}` is not in docs/decisions/README.md");
            findings.push(Finding::new(path, 0, what, "add a line to the list"));
        }
    }
    findings
}

fn is_numbered(path: &Path) -> bool {
    let name = path.file_stem().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.split_once('-').is_some_and(|(number, title)| {
        number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) && !title.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        let folder = Path::new("docs/decisions");
        let tree = Tree {
            decisions: vec![
                (folder.join(file), text.into()),
                (folder.join("README.md"), "0001-floors.md".into()),
            ],
            ..Tree::default()
        };
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_decision_has_its_three_headings_and_a_number() {
        let whole = "# 1. x\n\n## Context\n\n## Choice\n\n## Cost\n";
        assert!(found("0001-floors.md", whole).is_empty());
        assert_eq!(
            found("0001-floors.md", &whole.replace("## Cost", "## Price")),
            ["no `## Cost`"]
        );
        assert_eq!(
            found("walls.md", whole),
            [
                "`walls.md` is not named NNNN-title.md",
                "`walls.md` is not in docs/decisions/README.md",
            ]
        );
    }
}
