//! Files, functions and lines that outgrow a reader.

use super::source::{Source, item_end, words};
use super::{Finding, Tree};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// A table of cases reads best in one piece.
const TEST_FUNCTION_LINES_MAX: usize = 140;
const LINE_COLUMNS_MAX: usize = 100;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(file).collect()
}

fn file(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let found = |line, what, hint| Finding::new(&source.path, line, what, hint);
    if source.lines.len() > FILE_LINES_MAX {
        let what = format!("{} lines, at most {FILE_LINES_MAX}", source.lines.len());
        findings.push(found(0, what, "one idea per file: split it"));
    }
    for (at, line) in source.lines.iter().enumerate() {
        let columns = line.chars().count();
        // Expected output of a test reads best as it is, and so does a word list.
        let code = source.code.get(at).map(String::as_str).unwrap_or_default();
        let is_text = source.is_test_line(at) && line.contains('"') || words(code).next().is_none();
        let is_comment = source.comments.get(at).is_some_and(|comment| !comment.trim().is_empty());
        if columns > LINE_COLUMNS_MAX && (!is_text || is_comment) {
            let what = format!("{columns} columns, at most {LINE_COLUMNS_MAX}");
            findings.push(found(at + 1, what, "run rustfmt; break long literals with `\\`"));
        }
    }
    for (at, name, lines) in functions(&source.code) {
        let is_test = source.is_test_line(at);
        let most = if is_test { TEST_FUNCTION_LINES_MAX } else { FUNCTION_LINES_MAX };
        if lines > most {
            let what = format!("function `{name}` has {lines} lines, at most {most}");
            findings.push(found(at + 1, what, "give the steps names of their own"));
        }
    }
    findings
}

/// Every function: first line from 0, name, lines from its head to its closing brace.
fn functions(code: &[String]) -> Vec<(usize, String, usize)> {
    let mut functions = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let mut last = "";
        for word in words(line) {
            // `fn name`, not the type `fn(…)`.
            if last == "fn" && line.contains(&format!("fn {word}")) {
                functions.push((at, word.to_owned(), item_end(code, at) + 1 - at));
            }
            last = word;
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    fn sizes(text: &str) -> Vec<String> {
        found(check, "p", "a.rs", text)
    }

    #[test]
    fn long_functions_are_found_and_long_types_are_not() {
        let body = "    a();\n".repeat(68);
        let none: [&str; 0] = [];
        assert_eq!(sizes(&format!("fn f() {{\n{body}}}\n")), none);
        assert_eq!(
            sizes(&format!("\npub async fn f<T>(\n) {{\n{body}}}\n")),
            ["2: function `f` has 71 lines, at most 70"]
        );
        assert_eq!(sizes(&format!("struct S {{\n{body}{body}}}\n")), none);
        // A declaration ends at its semicolon, wherever the next brace is.
        assert_eq!(sizes(&format!("fn f(a: [u8; 4]);\nstruct S {{\n{body}{body}}}\n")), none);
    }

    #[test]
    fn long_files_and_lines_are_found() {
        assert_eq!(sizes(&"\n".repeat(801)), ["0: 801 lines, at most 800"]);
        let line = format!("const A: &str = \"{}\";\n", "x".repeat(100));
        assert_eq!(sizes(&line), ["1: 119 columns, at most 100"]);
        let test = format!("#[cfg(test)]\nmod tests {{\n{line}}}\n");
        assert!(sizes(&test).is_empty());
        assert!(sizes(&format!("(\n    \"{}\",\n)\n", "x ".repeat(60))).is_empty());
        assert_eq!(sizes(&format!("// {}\n", "x ".repeat(60))), ["1: 123 columns, at most 100"]);
    }
}
