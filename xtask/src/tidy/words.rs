//! Words that stand for something unfinished, unnamed or unsafe.

use super::names::segments;
use super::source::{Source, words};
use super::{Finding, Tree};

/// Macros that must not ship.
const MACROS: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];
/// In comments too.
const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// Parts of names that say nothing.
const NAMES: [&str; 4] = ["helper", "helpers", "util", "utils"];
/// Crates that others have named so.
const FOREIGN: [&str; 3] = ["hyper_util", "http_body_util", "tokio_util"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(file).collect()
}

fn file(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |at: usize, what: String, hint| {
        findings.push(Finding::new(&source.path, at + 1, what, hint));
    };
    let stem = source.path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    if let Some(part) = empty_name(&stem) {
        found(0, format!("a file named `{part}`"), "name it after its one idea");
    }
    for (at, code) in source.code.iter().enumerate() {
        for name in MACROS.iter().filter(|name| code.contains(**name)) {
            found(at, format!("`{name}`"), "finish it, or return an error");
        }
        if words(code).any(|word| word == "unsafe") {
            found(at, "`unsafe`".into(), "find a safe way; there is always one here");
        }
        if let Some(word) = words(code).find(|word| empty_name(word).is_some()) {
            found(at, format!("the name `{word}`"), "name it after what it is or does");
        }
        let comment = source.comments.get(at).map(String::as_str).unwrap_or_default();
        for note in NOTES.iter().filter(|note| words(comment).any(|word| word == **note)) {
            found(at, format!("`{note}`"), "do it, or say in the documents that it is missing");
        }
        if code.contains("#[ignore") {
            found(at, "an ignored test".into(), "make it pass or delete it");
        }
        if source.is_test_line(at) && words(code).any(|word| word == "sleep") {
            found(at, "a sleep in a test".into(), "wait for what the test is about");
        }
        if let Some((what, hint)) = attribute(source, at, code) {
            found(at, what, hint);
        }
    }
    findings
}

fn empty_name(word: &str) -> Option<String> {
    if FOREIGN.contains(&word) {
        return None;
    }
    let is_manager = word.ends_with("Manager");
    let empty = segments(word).find(|part| NAMES.contains(&part.as_str()));
    empty.or_else(|| is_manager.then(|| "manager".to_owned()))
}

/// A lint that is turned off says why, and goes when the reason does.
fn attribute(source: &Source, at: usize, code: &str) -> Option<(String, &'static str)> {
    if source.is_test_line(at) {
        return None;
    }
    let code = code.trim_start();
    let opens = |name: &str| {
        code.starts_with(&format!("#[{name}")) || code.starts_with(&format!("#![{name}"))
    };
    if opens("allow(") {
        return Some(("`#[allow]`".into(), "use `#[expect(lint, reason = \"…\")]`"));
    }
    if opens("expect(") {
        let end = super::source::item_end(&source.code, at);
        let text = source.code.get(at..=end).unwrap_or_default();
        let attribute =
            text.iter().take_while(|line| !line.contains("fn ") && !line.contains("struct "));
        if !attribute.clone().any(|line| line.contains("reason")) {
            return Some(("`#[expect]` without a reason".into(), "add `reason = \"…\"`"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    fn check_words(text: &str, expect: &[&str]) {
        assert_eq!(found(check, "p", "src/a.rs", text), expect, "{text}");
    }

    #[test]
    fn unfinished_code_is_found() {
        check_words("let a = dbg!(1);", &["1: `dbg!`"]);
        check_words("\nfn f() { todo!() }", &["2: `todo!`"]);
        check_words("unimplemented!();", &["1: `unimplemented!`"]);
        check_words("// TODO: later", &["1: `TODO`"]);
        check_words("/* FIXME */", &["1: `FIXME`"]);
        check_words("let a = \"TODO dbg!\";", &[]);
        check_words("unsafe { f() }", &["1: `unsafe`"]);
        check_words("#![forbid(unsafe_code)]", &[]);
    }

    #[test]
    fn empty_names_are_found() {
        check_words("fn test_helper() {}", &["1: the name `test_helper`"]);
        check_words("struct StringUtils;", &["1: the name `StringUtils`"]);
        check_words("struct SessionManager;", &["1: the name `SessionManager`"]);
        check_words("use hyper_util::rt;\nmod utility;", &[]);
        assert_eq!(found(check, "p", "src/utils.rs", ""), ["1: a file named `utils`"]);
    }

    #[test]
    fn tests_are_not_ignored_and_do_not_sleep() {
        check_words("#[test]\n#[ignore]\nfn a() {}", &["2: an ignored test"]);
        let test = "#[cfg(test)]\nmod tests {\n    fn a() { std::thread::sleep(x); }\n}";
        check_words(test, &["3: a sleep in a test"]);
        check_words("tokio::time::sleep(x).await;", &[]);
    }

    #[test]
    fn lints_are_expected_with_a_reason() {
        check_words("#[allow(dead_code)]\nfn a() {}", &["1: `#[allow]`"]);
        check_words("#[expect(dead_code)]\nfn a() {}", &["1: `#[expect]` without a reason"]);
        check_words("#[expect(dead_code, reason = \"x\")]\nfn a() {}", &[]);
        check_words("#[expect(\n    dead_code,\n    reason = \"x\"\n)]\nfn a() {}", &[]);
        check_words("#[cfg(test)]\nmod tests {\n    #[allow(dead_code)]\n    fn a() {}\n}", &[]);
        check_words("#![cfg_attr(test, allow(clippy::unwrap_used))]", &[]);
    }
}
