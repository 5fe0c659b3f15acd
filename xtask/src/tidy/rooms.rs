//! A crate's `src` has rooms: folders of a few files with a name each, not a pile side by side,
//! and one style of module: `room/mod.rs`.

use super::{Finding, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files side by side in one folder.
const FILES_MAX: usize = 20;

/// Folders that are piles still. A line goes when its folder has rooms.
const PILES: [&str; 0] = [];

/// Modules beside their folder still. A line goes when its file is `mod.rs`.
const BESIDE: [&str; 5] = [
    "crates/portreeve/src/commands/detect.rs",
    "crates/portreeve/src/commands/evidence.rs",
    "crates/portreeve/src/commands/sessions.rs",
    "crates/portreeve/src/commands/sessions/export.rs",
    "crates/portreeve/src/wiring.rs",
];

const HERE: &str = "xtask/src/tidy/rooms.rs";
const GONE: &str = "a list of exceptions only becomes shorter: delete the line";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, &PILES, &BESIDE)
}

fn check_with(tree: &Tree, known_piles: &[&str], known_beside: &[&str]) -> Vec<Finding> {
    let (piles, beside) = (piles(tree), beside(tree));
    let mut findings = Vec::new();
    for (folder, count) in piles.iter().filter(|(folder, _)| !is_known(folder, known_piles)) {
        let what = format!("{count} files side by side, at most {FILES_MAX}");
        findings.push(Finding::new(
            folder,
            0,
            what,
            "give them rooms: folders named after an idea",
        ));
    }
    for file in beside.iter().filter(|file| !is_known(file, known_beside)) {
        let what = "a module beside its folder";
        findings.push(Finding::new(file, 0, what, "move it to `mod.rs` inside the folder"));
    }
    let settled = |known: &&&str| !piles.contains_key(Path::new(known));
    for known in known_piles.iter().filter(settled) {
        findings.push(Finding::new(Path::new(HERE), 0, format!("`{known}` is no pile"), GONE));
    }
    let settled = |known: &&&str| !beside.contains(Path::new(known));
    for known in known_beside.iter().filter(settled) {
        let what = format!("`{known}` lies beside no folder of its name");
        findings.push(Finding::new(Path::new(HERE), 0, what, GONE));
    }
    findings
}

fn is_known(path: &Path, known: &[&str]) -> bool {
    known.iter().any(|known| path == Path::new(known))
}

/// Folders of more than enough files, with their numbers of files.
fn piles(tree: &Tree) -> BTreeMap<&Path, usize> {
    let mut counts = BTreeMap::new();
    for folder in sources(tree).filter_map(Path::parent) {
        *counts.entry(folder).or_insert(0) += 1;
    }
    counts.retain(|_, count| *count > FILES_MAX);
    counts
}

/// `room.rs` where there is `room/` too.
fn beside(tree: &Tree) -> BTreeSet<&Path> {
    let folders: BTreeSet<_> = sources(tree).flat_map(|file| file.ancestors().skip(1)).collect();
    sources(tree).filter(|file| folders.contains(file.with_extension("").as_path())).collect()
}

/// What ships, and the tests that lie with it.
fn sources(tree: &Tree) -> impl Iterator<Item = &Path> {
    let is_source = |file: &&Path| {
        let folder = tree.packages.iter().find(|package| file.starts_with(&package.folder));
        folder.is_some_and(|package| file.starts_with(package.folder.join("src")))
    };
    tree.files.iter().map(std::path::PathBuf::as_path).filter(is_source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn found(files: &[String], piles: &[&str], beside: &[&str]) -> Vec<String> {
        let package = Package { folder: "crates/a".into(), ..Package::default() };
        let files = files.iter().map(Into::into).collect();
        let tree = Tree { packages: vec![package], files, ..Tree::default() };
        let line = |finding: Finding| format!("{}: {}", finding.path.display(), finding.what);
        check_with(&tree, piles, beside).into_iter().map(line).collect()
    }

    #[test]
    fn a_pile_is_found_and_its_exception_ends_with_it() {
        let files = |count| (0..count).map(|n| format!("crates/a/src/f{n}.rs")).collect::<Vec<_>>();
        let none: [&str; 0] = [];
        assert_eq!(found(&files(20), &[], &[]), none);
        let pile = "crates/a/src: 21 files side by side, at most 20";
        assert_eq!(found(&files(21), &[], &[]), [pile]);
        assert_eq!(found(&files(21), &["crates/a/src"], &[]), none);
        assert_eq!(
            found(&files(20), &["crates/a/src"], &[]),
            [format!("{HERE}: `crates/a/src` is no pile")]
        );
        let elsewhere: Vec<_> = (0..30).map(|n| format!("crates/a/tests/f{n}.rs")).collect();
        assert_eq!(found(&elsewhere, &[], &[]), none);
    }

    #[test]
    fn a_room_is_a_folder_with_a_mod_rs() {
        let files = ["src/lib.rs", "src/b.rs", "src/b/c.rs", "src/d/mod.rs", "src/d/b.rs"];
        let files = files.map(|file| format!("crates/a/{file}"));
        let none: [&str; 0] = [];
        let known = "crates/a/src/b.rs";
        assert_eq!(found(&files, &[], &[]), ["crates/a/src/b.rs: a module beside its folder"]);
        assert_eq!(found(&files, &[], &[known]), none);
        assert_eq!(
            found(&files[..2], &[], &[known]),
            [format!("{HERE}: `{known}` lies beside no folder of its name")]
        );
    }
}
