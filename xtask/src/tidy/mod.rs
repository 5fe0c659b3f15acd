//! The house rules that no compiler checks. Each rule is a file; a rule takes the tree
//! and returns what it found.
//!
//! What the compiler and clippy can check (missing documentation, `unwrap`, printing) is
//! in the lint table of the root manifest, not here.

mod circles;
mod decisions;
mod documents;
mod encoders;
mod floors;
mod machine;
mod names;
mod purity;
mod reach;
mod rooms;
mod shapes;
mod sizes;
mod sockets;
mod source;
mod words;

use crate::options::Options;
use crate::workspace::{self, Package};
use anyhow::Context;
use source::Source;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A place that breaks a rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Finding {
    path: PathBuf,
    /// From 1; 0 is the file as a whole.
    line: usize,
    what: String,
    hint: &'static str,
}

impl Finding {
    fn new(path: &Path, line: usize, what: impl Into<String>, hint: &'static str) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), hint }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; hint: {}", self.path.display(), self.line, self.what, self.hint)
    }
}

/// Everything that the rules look at.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Where it lies.
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// The manifests' texts, in the order of the packages.
    pub(crate) manifests: Vec<String>,
    /// Files that are reachable from a crate root.
    pub(crate) sources: Vec<Source>,
    /// All `.rs` files below the packages' folders.
    pub(crate) files: Vec<PathBuf>,
    /// `docs/decisions/*.md`, with their texts.
    pub(crate) decisions: Vec<(PathBuf, String)>,
    /// `*.md` at the root and below the folders that people read.
    pub(crate) documents: Vec<(PathBuf, String)>,
    /// Every text of the repository, whatever it is for.
    pub(crate) texts: Vec<(PathBuf, String)>,
    /// What links of the documents lead to, where it exists.
    pub(crate) paths: BTreeSet<PathBuf>,
}

/// `cargo xtask tidy`.
pub(crate) fn run(options: Options) -> anyhow::Result<ExitCode> {
    options.finish()?;
    let tree = Tree::read(&workspace::root()?)?;
    let findings = findings(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to tidy", tree.sources.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} findings in {} files", findings.len(), tree.sources.len());
    Ok(ExitCode::FAILURE)
}

/// The same, for `ci`: what was found, as lines.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    Ok(findings(&Tree::read(root)?).iter().map(Finding::to_string).collect())
}

/// What all rules find, by place.
fn findings(tree: &Tree) -> Vec<Finding> {
    let rules: [fn(&Tree) -> Vec<Finding>; 14] = [
        circles::check,
        decisions::check,
        documents::check,
        encoders::check,
        floors::check,
        machine::check,
        names::check,
        purity::check,
        reach::check,
        rooms::check,
        shapes::check,
        sizes::check,
        sockets::check,
        words::check,
    ];
    let mut findings: Vec<_> = rules.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

impl Tree {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let packages = workspace::packages(root)?;
        let mut tree = Self { root: root.to_owned(), ..Self::default() };
        for package in &packages {
            let manifest = root.join(&package.folder).join("Cargo.toml");
            tree.manifests.push(read(&manifest)?);
            tree.sources.extend(reach::sources(root, package)?);
            tree.files.extend(files_below(root, &package.folder, "rs")?);
        }
        tree.packages = packages;
        for path in files_below(root, Path::new("docs/decisions"), "md")? {
            let text = read(&root.join(&path))?;
            tree.decisions.push((path, text));
        }
        tree.documents = documents(root)?;
        tree.paths = all_below(root)?;
        tree.texts = texts(root, &tree.paths)?;
        Ok(tree)
    }

    /// Whether a file or folder of the repository is there.
    fn exists(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }
}

fn documents(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut paths = Vec::new();
    for folder in ["docs", "fuzz", "examples", "demo", "tests", "corpus"] {
        paths.extend(files_below(root, Path::new(folder), "md")?);
    }
    for entry in std::fs::read_dir(root)? {
        let path = PathBuf::from(entry?.file_name());
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    paths.retain(|path| !path.components().any(|part| part.as_os_str() == "node_modules"));
    paths.into_iter().map(|path| Ok((path.clone(), read(&root.join(&path))?))).collect()
}

/// Files and folders, without what is built or installed.
fn all_below(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_ours = !name.starts_with('.') || matches!(name, ".cargo" | ".ci" | ".gitignore");
            if !is_ours || matches!(name, "target" | "node_modules" | "__pycache__") {
                continue;
            }
            found.insert(path.strip_prefix(root)?.to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

/// What can be read as text of files; a picture or a model is none.
fn texts(root: &Path, paths: &BTreeSet<PathBuf>) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut texts = Vec::new();
    for path in paths.iter().filter(|path| root.join(path).is_file()) {
        let bytes = std::fs::read(root.join(path)).with_context(|| path.display().to_string())?;
        if let Ok(text) = String::from_utf8(bytes) {
            texts.push((path.clone(), text));
        }
    }
    Ok(texts)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Files of an extension below a folder, as paths below the root, sorted.
fn files_below(root: &Path, folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == extension) {
                found.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of one file.
    pub(crate) fn tree(package: &str, path: &str, text: &str) -> Tree {
        let source = Source::new(path.into(), package, false, text);
        Tree { sources: vec![source], ..Tree::default() }
    }

    /// What a rule finds in one file: `line: what`.
    pub(crate) fn found(
        rule: fn(&Tree) -> Vec<Finding>,
        package: &str,
        path: &str,
        text: &str,
    ) -> Vec<String> {
        let findings = rule(&tree(package, path, text));
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn a_finding_reads_as_file_line_what_hint() {
        let finding = Finding::new(Path::new("a/b.rs"), 3, "`x` is banned", "use `y`");
        assert_eq!(finding.to_string(), "a/b.rs:3: `x` is banned; hint: use `y`");
    }
}
