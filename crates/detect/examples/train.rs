//! Trains the model of names from what `training/prepare.py` wrote.
//! Usage: `train WORK_DIR MODEL_FILE [passes rate decay]`; `SKIP=source,…` leaves sources out, to
//! measure on what was not trained on. `cargo xtask train` runs it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::train::{Recipe, Sample, train};
use serde_json::Value;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let list = std::fs::read_to_string(format!("{}/lexicon.tsv", args[1])).unwrap();
    let corpus = std::fs::read_to_string(format!("{}/corpus.jsonl", args[1])).unwrap();
    let skip = std::env::var("SKIP").unwrap_or_default();
    let mut recipe = Recipe::default();
    if let Some(passes) = args.get(3) {
        recipe.passes = passes.parse().unwrap();
    }
    if let Some(rate) = args.get(4) {
        recipe.rate = rate.parse().unwrap();
    }
    if let Some(decay) = args.get(5) {
        recipe.decay = decay.parse().unwrap();
    }
    let samples: Vec<Sample> = corpus
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| skip.is_empty() || !skip.split(',').any(|s| row["source"] == s))
        .map(|row| sample(&row))
        .collect();
    let file = train(&samples, &list, recipe);
    println!("{} samples, model of {} bytes", samples.len(), file.len());
    std::fs::write(&args[2], file).unwrap();
}

fn sample(row: &Value) -> Sample {
    let text = row["text"].as_str().unwrap().to_owned();
    let mut starts: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
    starts.push(text.len());
    let kind = |name: &str| ["PER", "LOC", "ORG", "ANY"].iter().position(|k| *k == name).unwrap();
    let spans = row["spans"].as_array().unwrap().iter().map(|s| {
        let at = |i: usize| starts[s[i].as_u64().unwrap() as usize];
        (at(0), at(1), kind(s[2].as_str().unwrap()))
    });
    let spans = spans.collect();
    let mut labelled = [false; 3];
    for name in row["labelled"].as_array().unwrap() {
        labelled[kind(name.as_str().unwrap())] = true;
    }
    // Written by us or in a narrow language: less; rare kinds of text: more.
    let weight = match row["source"].as_str().unwrap() {
        "newseye" | "lener" | "companies" => 0.4,
        "norne" => 0.6,
        "btc" | "europeana_nl" | "europeana_fr" => 0.8,
        "templates" | "mixed" | "wnut17" | "ronec" | "presidio_research_synth_v2" => 1.5,
        "german_ler" | "meddocan" => 2.0,
        _ => 1.0,
    };
    Sample { text, spans, labelled, weight }
}
