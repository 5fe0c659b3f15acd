//! Every case of `corpus/sql/*.test` says what its text says. `UPDATE=1` rewrites the files.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use std::fmt::Write;

#[test]
fn cases_say_what_they_say() {
    let catalog = sql_shop::catalog();
    let update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    let mut wrong = String::new();
    let mut files: Vec<_> = std::fs::read_dir(sql_shop::corpus("sql"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let head: String = text
            .lines()
            .take_while(|line| line.starts_with('#') || line.is_empty())
            .map(|line| format!("{line}\n"))
            .collect();
        let mut rewritten = head;
        for case in sql_shop::cases(&text) {
            count += 1;
            let found = sql_shop::render(&catalog, &case.sql);
            writeln!(rewritten, "{}\n----\n{found}", case.sql).unwrap();
            if found != case.expected {
                let name = path.file_name().unwrap().to_string_lossy();
                writeln!(
                    wrong,
                    "{name}: {}\nexpected:\n{}found:\n{found}",
                    case.sql, case.expected
                )
                .unwrap();
            }
        }
        if update {
            std::fs::write(&path, rewritten).unwrap();
        }
    }
    assert!(update || wrong.is_empty(), "{wrong}");
    assert!(count >= 150, "only {count} cases");
}
