//! Scores the detector on annotated rows and prints the tables of `docs/detection.md`.
//! Usage: `report DIR`, where DIR holds `text.jsonl`, `columns.jsonl` and `types.json` (names of
//! kinds that mean the same). `cargo xtask detect-report` runs it.
//!
//! Mask recall: the share of annotated spans of which at least 95 % of the letters and digits are
//! covered by findings of any kind. Over-masking: the share of all other letters and digits that
//! are covered by findings of a kind that the source annotates.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{Column, Detector, Finding, TAXONOMY, classify};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::read_to_string;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: report DIR");
    let kinds = Kinds::read(&read_to_string(format!("{folder}/types.json")).unwrap());
    let mut board = Board::default();
    for line in read_to_string(format!("{folder}/text.jsonl")).unwrap().lines() {
        board.add(&serde_json::from_str(line).unwrap(), &kinds);
    }
    let columns: Vec<Value> = read_to_string(format!("{folder}/columns.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    board.print();
    print_columns(&columns, &kinds);
}

/// Which kinds count as the same.
struct Kinds(HashMap<String, String>);

impl Kinds {
    fn read(table: &str) -> Self {
        Self(serde_json::from_str(table).unwrap())
    }

    /// The kind that a label stands for: places with addresses, numbers of all offices together.
    fn of(&self, label: &str) -> String {
        let upper = label.to_uppercase();
        let kind = self.0.get(&upper).unwrap_or(&upper);
        match kind.as_str() {
            "ADDRESS" | "LOCATION" | "POSTCODE" => "place".to_owned(),
            "ID" | "PASSPORT" | "DRIVER" | "HEALTH_ID" | "BANK" | "OTHER_ID" | "PLATE" => {
                "identifier".to_owned()
            }
            other => other.to_lowercase().replace('_', " "),
        }
    }
}

/// Spans in characters, with their kind.
type Span = (usize, usize, String);

#[derive(Default, Clone)]
struct Tally {
    spans: usize,
    masked: usize,
    rest: usize,
    rest_masked: usize,
}

impl Tally {
    fn recall(&self) -> String {
        share(self.masked, self.spans, 2)
    }
}

#[derive(Default, Clone)]
struct Hits {
    found: usize,
    wrong: usize,
    missed: usize,
    masked: usize,
}

#[derive(Default)]
struct Board {
    all: Tally,
    /// By source: its language, whether it was trained on, all kinds, people and places alone.
    sources: BTreeMap<(bool, String), (BTreeSet<String>, Tally, Tally)>,
    languages: BTreeMap<String, Tally>,
    kinds: BTreeMap<String, Hits>,
    pairs: BTreeMap<(String, String), (usize, usize)>,
    logs: (usize, usize),
}

/// Sources whose licence lets a model that was trained on them be shipped are trained on, but
/// for two that are kept for measuring.
fn is_trained(row: &Value) -> bool {
    let (licence, source) = (row["license"].as_str().unwrap(), row["source"].as_str().unwrap());
    let open = ["CC0", "CC BY 4.0", "MIT"].iter().any(|l| licence.starts_with(l));
    open && !matches!(source, "presidio_unit_tests" | "nannigalaxy_pii_syn")
}

impl Board {
    fn add(&mut self, row: &Value, kinds: &Kinds) {
        let text = row["text"].as_str().unwrap();
        let letters: Vec<bool> = text.chars().map(char::is_alphanumeric).collect();
        let found = findings(row, text, kinds);
        let labelled: BTreeSet<String> = row["labelled"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| kinds.of(k.as_str().unwrap()))
            .collect();
        let gold: Vec<Span> = row["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| {
                let at = |key: &str| s[key].as_u64().unwrap() as usize;
                (at("start"), at("end"), kinds.of(s["type"].as_str().unwrap()))
            })
            .collect();
        let source = row["source"].as_str().unwrap().to_owned();
        if row["source"] == "loghub_negatives" {
            self.logs.1 += 1;
            self.logs.0 += usize::from(found.iter().any(|f| labelled.contains(&f.2)));
        }
        let mut any = vec![false; letters.len()];
        let mut counted = vec![false; letters.len()];
        for (start, end, kind) in &found {
            any[*start..*end].fill(true);
            if labelled.contains(kind) {
                counted[*start..*end].fill(true);
            }
        }
        let mut tally = Tally::default();
        let mut names = Tally::default();
        let mut annotated = vec![false; letters.len()];
        for (start, end, kind) in &gold {
            annotated[*start..*end].fill(true);
            let total = (*start..*end).filter(|i| letters[*i]).count();
            let open = (*start..*end).filter(|i| letters[*i] && !any[*i]).count();
            let masked = usize::from(total == 0 || open as f64 <= 0.05 * total as f64);
            tally.spans += 1;
            tally.masked += masked;
            if matches!(kind.as_str(), "person" | "place") {
                names.spans += 1;
                names.masked += masked;
            }
            self.kinds.entry(kind.clone()).or_default().masked += masked;
            let pair = self.pairs.entry((source.clone(), kind.clone())).or_default();
            pair.0 += 1;
            pair.1 += masked;
        }
        for index in (0..letters.len()).filter(|i| letters[*i] && !annotated[*i]) {
            tally.rest += 1;
            tally.rest_masked += usize::from(counted[index]);
        }
        self.count(&gold, &found, &labelled);
        self.record(row, source, &tally, &names);
    }

    /// Counts one-to-one matches of kind that overlap by half, greedily.
    fn count(&mut self, gold: &[Span], found: &[Span], labelled: &BTreeSet<String>) {
        let mut used = BTreeSet::new();
        for (start, end, kind) in gold {
            let best = found
                .iter()
                .enumerate()
                .filter(|(i, f)| f.2 == *kind && !used.contains(i))
                .map(|(i, f)| {
                    let both = f.1.min(*end).saturating_sub(f.0.max(*start));
                    (both as f64 / (f.1.max(*end) - f.0.min(*start)) as f64, i)
                })
                .filter(|(overlap, _)| *overlap >= 0.5)
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let hits = self.kinds.entry(kind.clone()).or_default();
            match best {
                Some((_, index)) => {
                    used.insert(index);
                    hits.found += 1;
                }
                None => hits.missed += 1,
            }
        }
        for (index, f) in found.iter().enumerate() {
            let fragment = gold.iter().any(|g| g.2 == f.2 && f.1.min(g.1) > f.0.max(g.0));
            if !used.contains(&index) && labelled.contains(&f.2) && !fragment {
                self.kinds.entry(f.2.clone()).or_default().wrong += 1;
            }
        }
    }

    fn record(&mut self, row: &Value, source: String, tally: &Tally, names: &Tally) {
        let lang = row["lang"].as_str().unwrap().to_owned();
        let entry = self.sources.entry((is_trained(row), source)).or_default();
        entry.0.insert(lang.clone());
        for (sum, part) in [
            (&mut self.all, tally),
            (&mut entry.1, tally),
            (&mut entry.2, names),
            (self.languages.entry(lang).or_default(), tally),
        ] {
            sum.spans += part.spans;
            sum.masked += part.masked;
            sum.rest += part.rest;
            sum.rest_masked += part.rest_masked;
        }
    }

    fn print(&self) {
        println!(
            "| source | languages | trained on | spans | mask recall | people and places only | over-masking |"
        );
        println!("|---|---|---|---|---|---|---|");
        for ((trained, source), (languages, all, names)) in &self.sources {
            let languages = languages.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            let trained = if *trained { "yes" } else { "no" };
            println!(
                "| {source} | {languages} | {trained} | {} | {} | {} | {} |",
                all.spans,
                all.recall(),
                names.recall(),
                share(all.rest_masked, all.rest, 4)
            );
        }
        println!(
            "| **all** | | | {} | **{}** | | **{}** |",
            self.all.spans,
            self.all.recall(),
            share(self.all.rest_masked, self.all.rest, 4)
        );
        println!("\n| language | spans | mask recall | over-masking |\n|---|---|---|---|");
        for (lang, tally) in self.languages.iter().filter(|(_, t)| t.spans > 0) {
            let over = share(tally.rest_masked, tally.rest, 4);
            println!("| {lang} | {} | {} | {over} |", tally.spans, tally.recall());
        }
        println!(
            "\n| kind | spans | mask recall | precision | recall | F1 |\n|---|---|---|---|---|---|"
        );
        for (kind, h) in self.kinds.iter().filter(|(_, h)| h.found + h.missed > 4) {
            let spans = h.found + h.missed;
            println!(
                "| {kind} | {spans} | {} | {} | {} | {} |",
                share(h.masked, spans, 2),
                share(h.found, h.found + h.wrong, 2),
                share(h.found, spans, 2),
                share(2 * h.found, 2 * h.found + h.wrong + h.missed, 2)
            );
        }
        println!("\nLog lines with a false alarm: {} of {}.", self.logs.0, self.logs.1);
        println!(
            "\nWhere it misses most (twenty spans or more):\n\n| source | kind | spans | missed |\n|---|---|---|---|"
        );
        let mut worst: Vec<_> = self.pairs.iter().filter(|(_, p)| p.0 >= 20).collect();
        worst.sort_by(|a, b| (a.1.1 * b.1.0).cmp(&(b.1.1 * a.1.0)).then(a.0.cmp(b.0)));
        for ((source, kind), (spans, masked)) in worst.into_iter().take(12) {
            println!("| {source} | {kind} | {spans} | {} |", spans - masked);
        }
    }
}

fn share(part: usize, whole: usize, places: usize) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => format!("{:.places$}", part as f64 / whole as f64),
    }
}

/// What the detector finds in a row, in characters.
fn findings(row: &Value, text: &str, kinds: &Kinds) -> Vec<Span> {
    let label = row["ctx"]["column"].as_str().unwrap_or_default();
    let mut found: Vec<Finding> = Vec::new();
    Detector::default().detect_labelled(label, text, &mut found);
    let chars = |byte: usize| text[..byte].chars().count();
    found.iter().map(|f| (chars(f.start), chars(f.end), kinds.of(f.category.label()))).collect()
}

/// Kinds of columns that are neither personal nor free of it: they are not judged.
const NEUTRAL: [&str; 9] = [
    "GENERIC_ID",
    "ORG",
    "URL",
    "LANGUAGE",
    "FREE_TEXT",
    "PUBLIC_PERSON",
    "TITLE",
    "DATE",
    "CARD_META",
];

fn print_columns(rows: &[Value], kinds: &Kinds) {
    println!(
        "\n| columns, personal or not | judged | precision | recall | F1 |\n|---|---|---|---|---|"
    );
    for (name, hidden) in [("with their names", false), ("names hidden", true)] {
        let (mut right, mut wrong, mut missed, mut judged) = (0, 0, 0, 0);
        for row in rows {
            let gold = row["category"].as_str().unwrap();
            if NEUTRAL.contains(&gold) {
                continue;
            }
            judged += 1;
            match (gold != "NONE", is_personal(row, hidden, kinds)) {
                (true, true) => right += 1,
                (false, true) => wrong += 1,
                (true, false) => missed += 1,
                (false, false) => {}
            }
        }
        println!(
            "| {name} | {judged} | {} | {} | {} |",
            share(right, right + wrong, 2),
            share(right, right + missed, 2),
            share(2 * right, 2 * right + wrong + missed, 2)
        );
    }
    println!("\nCategories in the taxonomy: {}.", TAXONOMY.len());
}

fn is_personal(row: &Value, hidden: bool, kinds: &Kinds) -> bool {
    let values: Vec<String> = row["sample_values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        .collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let name = if hidden { "" } else { row["column"].as_str().unwrap_or_default() };
    let table = row["table"].as_str().unwrap_or_default();
    let verdict = classify(&Column { table, name, values: &values, ..Column::default() });
    verdict.is_some_and(|v| {
        let label = v.category.label();
        let kind = kinds.0.get(label).map_or(label, String::as_str);
        !NEUTRAL.contains(&label) && (!NEUTRAL.contains(&kind) || label == "DATE_OF_BIRTH")
    })
}
