//! Speaks the line protocol of `portreeve detect --jsonl text|columns` for measurements.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{Detector, Options, jsonl};
use std::io::{BufRead, Write};

fn main() {
    let columns = std::env::args().nth(1).is_some_and(|mode| mode == "columns");
    let detector = Detector::new(Options::default());
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let answer =
            if columns { jsonl::column_line(&line) } else { jsonl::text_line(&detector, &line) };
        writeln!(out, "{}", answer.unwrap()).unwrap();
    }
}
