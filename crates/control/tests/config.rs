//! The configuration file: what is accepted, what every mistake looks like, and that
//! the schema says the same as the reader.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use portreeve_control::config;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/config")
}

fn render(error: &config::ConfigError) -> String {
    let mut text = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none())
        .with_width(100)
        .render_report(&mut text, error)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

/// Every `*.yaml` is loaded; `*.expected` beside it is what an operator sees.
/// `UPDATE=1` rewrites them.
#[test]
fn mistakes_look_like_this() {
    let folder = corpus();
    let mut seen = 0;
    let mut different = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
    {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        // Paths in messages must not depend on the machine.
        let shown = match config::parse(Path::new(name), &text) {
            Ok(_) => "accepted\n".to_owned(),
            Err(error) => render(&error),
        };
        let expected = file.with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &shown).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != shown {
            different.push(format!("--- {name}\n{shown}"));
        }
        seen += 1;
    }
    assert!(seen >= 12, "the corpus is there");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/portreeve.schema.json");
    let schema = serde_json::to_string_pretty(&config::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap_or_default(),
        schema,
        "run with UPDATE=1"
    );
}
