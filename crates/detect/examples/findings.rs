//! Prints every finding in texts from standard input, with all that it says, so that two builds
//! can be compared: one JSON object with `text` (and maybe `label`) a line.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{Detector, Options};
use std::io::{BufRead, Write};

fn main() {
    let all = Options { score_min: 0, ..Options::default() };
    let ways =
        [all, Options { names: false, ..all }, Options { names: false, evasion: false, ..all }];
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let (text, label) = (row["text"].as_str().unwrap(), row["label"].as_str().unwrap_or(""));
        for (way, options) in ways.into_iter().enumerate() {
            let mut found = Vec::new();
            Detector::new(options).detect_labelled(label, text, &mut found);
            for finding in found {
                writeln!(out, "{number} {way} {finding:?}").unwrap();
            }
        }
    }
}
