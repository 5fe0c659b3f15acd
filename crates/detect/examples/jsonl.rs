//! Speaks the line protocol of `portreeve detect --jsonl text|columns` for measurements.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{Detector, Options};
use serde_json::{Value, json};
use std::io::{BufRead, Write};

fn main() {
    let mode = std::env::args().nth(1).unwrap_or_else(|| "text".to_owned());
    let names = std::env::var("NAMES").map_or(true, |v| v != "0");
    let detector = Detector::new(Options { names, ..Options::default() });
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = if mode == "columns" { columns(&row) } else { text(&detector, &row) };
        writeln!(out, "{answer}").unwrap();
    }
}

fn text(detector: &Detector, row: &Value) -> Value {
    let text = row["text"].as_str().unwrap();
    let label = row["ctx"]["column"].as_str().unwrap_or("");
    let mut found = Vec::new();
    detector.detect_labelled(label, text, &mut found);
    let points = |byte: usize| text[..byte].chars().count();
    let spans: Vec<Value> = found
        .iter()
        .map(|f| {
            json!({"start": points(f.start), "end": points(f.end), "type": f.category.label(),
                   "score": f64::from(f.score) / 100.0, "rule": f.rule})
        })
        .collect();
    json!({"id": row["id"], "spans": spans})
}

fn columns(row: &Value) -> Value {
    json!({"id": row["id"], "category": "NONE"})
}
