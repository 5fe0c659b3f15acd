//! Every file is reachable from a crate root: a file that nobody declares is dead code
//! that no compiler warns about.

use super::source::{Source, words};
use super::{Finding, Tree, read};
use crate::workspace::{Package, TargetKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const HINT: &str = "declare it with `mod`, or delete it";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let reached = |path: &&PathBuf| tree.sources.iter().any(|source| source.path == **path);
    tree.files
        .iter()
        .filter(|path| !reached(path) && !is_proof(path))
        .map(|path| Finding::new(path, 0, "no crate root leads to this file", HINT))
        .collect()
}

/// What must not compile is read by `tests/proofs.rs`, and declared by nobody.
fn is_proof(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with("tests/proofs"))
}

/// Every file that a package's roots lead to.
pub(super) fn sources(root: &Path, package: &Package) -> anyhow::Result<Vec<Source>> {
    let mut found: BTreeMap<PathBuf, Source> = BTreeMap::new();
    // What ships comes first: a file that both reach is not a test.
    let mut roots = package.roots.clone();
    roots.sort_by_key(|(_, kind)| *kind == TargetKind::Test);
    for (path, kind) in roots {
        // A dev-dependency only, see `floors`.
        let is_test = kind == TargetKind::Test || package.name == "portreeve-testkit";
        let mut open = vec![(path, is_test, true)];
        while let Some((path, is_test, is_root)) = open.pop() {
            if found.contains_key(&path) {
                continue;
            }
            let source =
                Source::new(path.clone(), &package.name, is_test, &read(&root.join(&path))?);
            let folder = folder_of(&path, is_root);
            for (module, is_test_line) in modules(&source) {
                let candidates = match &module {
                    Module::Named(name) => {
                        vec![folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
                    }
                    Module::At(file) => vec![path.with_file_name(file)],
                };
                let file = candidates.into_iter().find(|file| root.join(file).is_file());
                open.extend(file.map(|file| (file, is_test || is_test_line, false)));
            }
            found.insert(path, source);
        }
    }
    Ok(found.into_values().collect())
}

/// Where a file's modules lie.
fn folder_of(path: &Path, is_root: bool) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    match path.file_stem() {
        Some(stem) if !is_root && stem != "mod" => folder.join(stem),
        _ => folder,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Module {
    /// `mod name;`
    Named(String),
    /// `#[path = "file"] mod name;`
    At(String),
}

fn modules(source: &Source) -> Vec<(Module, bool)> {
    let mut modules = Vec::new();
    let mut path = None;
    for (at, code) in source.code.iter().enumerate() {
        let line = source.lines.get(at).map(String::as_str).unwrap_or_default();
        if code.trim_start().starts_with("#[path") {
            path = line.split('"').nth(1).map(str::to_owned);
        }
        if !code.trim_end().ends_with(';') {
            continue;
        }
        let mut words = words(code).skip_while(|word| *word != "mod");
        if let (Some("mod"), Some(name), None) = (words.next(), words.next(), words.next()) {
            let module = path.take().map_or_else(|| Module::Named(name.to_owned()), Module::At);
            modules.push((module, source.is_test_line(at)));
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_of_modules_are_read() {
        let text = "mod a;\npub(crate) mod b;\nmod inline {\n}\n// mod c;\n\
                    #[cfg(test)]\nmod tests;\n#[path = \"other.rs\"]\nmod d;\n";
        let source = Source::new("lib.rs".into(), "p", false, text);
        let named = |name: &str| Module::Named(name.into());
        assert_eq!(
            modules(&source),
            [
                (named("a"), false),
                (named("b"), false),
                (named("tests"), true),
                (Module::At("other.rs".into()), false),
            ]
        );
    }

    #[test]
    fn a_file_that_nothing_declares_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/a")).unwrap();
        let files = [
            ("src/lib.rs", "mod a;"),
            ("src/a.rs", "mod b;"),
            ("src/a/b.rs", ""),
            ("src/dead.rs", ""),
        ];
        for (file, text) in files {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let roots = vec![("src/lib.rs".into(), TargetKind::Product)];
        let package = Package { roots, ..Package::default() };
        let tree = Tree {
            sources: sources(folder.path(), &package).unwrap(),
            files: files.map(|(file, _)| file.into()).to_vec(),
            ..Tree::default()
        };
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().unwrap().path, Path::new("src/dead.rs"));
    }
}
