//! What does not compile, and the error that says so.
//!
//! A file of `proofs/` is code that somebody could write by mistake. `//~ E0451` at the end of a
//! line says which error the compiler must give there: the file fails with these errors and no
//! others, and without those lines it compiles. So a renamed field, a missing import or another
//! error in the wrong place does not pass for a proof, as it would in a `compile_fail` example,
//! whose error codes a stable compiler does not look at.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Line from 1, and the error's code (the whole message where there is none).
type Errors = BTreeSet<(usize, String)>;

#[test]
fn each_offence_is_refused_for_its_own_reason() {
    let compiler = Compiler::of_this_test();
    let cases = cases();
    assert!(!cases.is_empty(), "no case in tests/proofs");
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let name = case.file_name().unwrap().to_str().unwrap();
        let expected = marked(&text);
        assert!(!expected.is_empty(), "{name}: no line is marked with `//~ CODE`");
        assert_eq!(compiler.errors(name, &text), expected, "{name}");
        let innocent = without_marked(&text);
        let none = Errors::new();
        assert_eq!(compiler.errors(name, &innocent), none, "{name} without its offence");
    }
}

#[test]
fn an_error_of_another_kind_or_place_is_seen() {
    let compiler = Compiler::of_this_test();
    let error = |text: &str| compiler.errors("control.rs", text);
    let as_is = "fn main() {}\nfn f() -> u8 {\n    \"\"\n}\n";
    assert_eq!(error(as_is), Errors::from([(3, "E0308".into())]));
    let unknown = "use portreeve_session::NoSuchThing;\nfn main() {}\n";
    assert_eq!(error(unknown), Errors::from([(1, "E0432".into())]));
    assert_eq!(error("fn main() { compile_error!(\"x\") }\n"), Errors::from([(1, "x".into())]));
    assert!(error("fn main() {}\n").is_empty());
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn marked(text: &str) -> Errors {
    let lines = text.lines().enumerate();
    let marks = lines.filter_map(|(at, line)| Some((at + 1, line.split_once("//~ ")?.1)));
    marks.map(|(line, code)| (line, code.trim().to_owned())).collect()
}

fn without_marked(text: &str) -> String {
    let kept = text.lines().map(|line| if line.contains("//~ ") { "" } else { line });
    kept.map(|line| format!("{line}\n")).collect()
}

/// The compiler and the library that this test was built with.
struct Compiler {
    program: PathBuf,
    dependencies: PathBuf,
    library: PathBuf,
}

impl Compiler {
    fn of_this_test() -> Self {
        let test = std::env::current_exe().unwrap();
        let dependencies = test.parent().unwrap().to_owned();
        // INVARIANT: the newest build of the library has today's sources. The one that is linked
        // here was made, or found up to date, after the last change of them; the newest is
        // not older than that.
        let library = newest(&dependencies, "libportreeve_session-", "rlib");
        let beside_cargo = std::env::var_os("CARGO").map(|cargo| {
            Path::new(&cargo).with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX))
        });
        let program = beside_cargo.filter(|path| path.is_file()).unwrap_or_else(|| "rustc".into());
        Self { program, dependencies, library }
    }

    /// Compiles a program, without making code of it.
    fn errors(&self, name: &str, text: &str) -> Errors {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proofs");
        std::fs::create_dir_all(&folder).unwrap();
        let id = std::process::id();
        let source = folder.join(format!("{id}-{name}"));
        std::fs::write(&source, text).unwrap();
        let output = Command::new(&self.program)
            .args(["--edition", "2024", "--crate-type", "bin", "--crate-name", "proof"])
            .args(["--emit", "metadata", "--error-format", "short", "--cap-lints", "allow"])
            .arg("-o")
            .arg(source.with_extension("rmeta"))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("--extern")
            .arg(format!("portreeve_session={}", self.library.display()))
            .arg(&source)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let errors: Errors = said.lines().filter_map(|line| error(line, &source)).collect();
        assert_eq!(output.status.success(), errors.is_empty(), "{name}: {said}");
        std::fs::remove_file(&source).unwrap();
        let _ = std::fs::remove_file(source.with_extension("rmeta"));
        errors
    }
}

fn newest(folder: &Path, prefix: &str, extension: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(prefix) && path.extension().is_some_and(|known| known == extension)
    });
    named.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap()
}

/// Reads `FILE:LINE:COLUMN: error[CODE]: message`; an error without a place counts as line 0.
fn error(line: &str, source: &Path) -> Option<(usize, String)> {
    let (place, message) = line.split_once("error")?;
    if message.starts_with(": aborting due to") {
        return None;
    }
    let place = place.strip_prefix(&format!("{}:", source.display())).unwrap_or_default();
    let at = place.split(':').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let code =
        message.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(code, _)| code);
    Some((at, code.unwrap_or(message.trim_start_matches(": ")).to_owned()))
}
