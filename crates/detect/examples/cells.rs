//! Looks at cells as a bulk read has them and prints one digest of all that is found, so that two
//! builds can be compared by one line: `cells [KIND [COUNT]]`, all kinds or one.
//!
//! What a cell costs, in instructions, whatever else the machine does:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*look_through*' target/release/examples/cells note
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{ColumnWatch, Detector, Finding, ValueContext};
use std::path::{Path, PathBuf};

/// The cells of one column.
struct Cells {
    kind: &'static str,
    column: &'static str,
    cells: Vec<String>,
}

fn main() {
    let only = std::env::args().nth(1);
    let count = std::env::args().nth(2).map_or(20_000, |n| n.parse().unwrap());
    let mut all = Digest::default();
    for cells in columns(count) {
        if only.as_ref().is_some_and(|only| only != cells.kind) {
            continue;
        }
        let context = ValueContext::of_names(&[cells.column, cells.column]);
        let context = context.beside_people(true).in_table("customers");
        // What is made once is not counted.
        let mut found = Vec::new();
        cells.cells.iter().take(8).for_each(|cell| {
            Detector::default().scan_value(cell, context, &mut found);
        });
        let digest = look_through(&cells.cells, context);
        println!("{}: {} cells, {digest}", cells.kind, cells.cells.len());
        all.add(&digest.0.to_le_bytes());
        all.1 += digest.1;
    }
    println!("all: {all}");
}

/// Looks at the cells as the data path does.
#[inline(never)]
fn look_through(cells: &[String], context: ValueContext) -> Digest {
    let mut digest = Digest::default();
    let mut watch = ColumnWatch::new(Detector::default(), context, 7);
    let mut found = Vec::new();
    for cell in cells {
        found.clear();
        // Numbers, days and moments come as values of their types.
        let is_typed = cell.bytes().all(|b| !b.is_ascii_alphabetic() && b < 0x80);
        if is_typed {
            found.extend(Detector::default().typed_value(cell, context));
        } else {
            watch.scan(cell, &mut found);
        }
        found.iter().for_each(|finding| digest.finding(finding));
    }
    digest
}

/// A hash of findings, and how many they are.
#[derive(Clone, Copy)]
struct Digest(u64, usize);

impl Default for Digest {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325, 0)
    }
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        self.add(&(finding.start as u32).to_le_bytes());
        self.add(&(finding.end as u32).to_le_bytes());
        self.add(&[finding.score, finding.evidence as u8, finding.disguised.into()]);
        self.add(finding.category.name().as_bytes());
        self.add(finding.rule.as_bytes());
        self.1 += 1;
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} findings, digest {:016x}", self.1, self.0)
    }
}

fn columns(count: usize) -> Vec<Cells> {
    let cells = |kind, column, cell: &dyn Fn(usize) -> String| Cells {
        kind,
        column,
        cells: (1..=count).map(cell).collect(),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["training", "../../corpus"] {
        files(&root.join(folder), &mut paths);
    }
    let corpora = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let corpora: Vec<String> =
        corpora.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    vec![
        cells("address", "address", &address),
        cells("fresh", "address", &fresh),
        cells("note", "note", &note),
        cells("sentence", "note", &sentence),
        cells("born", "born", &|i| format!("19{:02}-{:02}-{:02}", i % 83, 1 + i % 12, 1 + i % 28)),
        cells("balance", "balance", &|i| format!("{}.{:02}", i * 7919 % 100_000, i * 31 % 100)),
        Cells { kind: "corpora", column: "body", cells: corpora },
    ]
}

/// As `xtask/src/bench/load.sql` makes them.
fn address(i: usize) -> String {
    let street = ["Hauptstr.", "Rue de la Paix", "Via Roma", "High Street"][i % 4];
    let town = ["10115 Berlin", "75001 Paris", "00184 Roma", "SW1A 1AA London"][i % 4];
    format!("{street} {}, {town}", 1 + i % 190)
}

/// Addresses like those, of which none comes again.
fn fresh(i: usize) -> String {
    let street = ["Hauptstr.", "Rue de la Paix", "Via Roma", "High Street"][i % 4];
    let town = ["Berlin", "Paris", "Roma", "London"][i % 4];
    format!("{street} {}, {} {town}", 1 + i % 190, 10_000 + i)
}

/// As `xtask/src/bench/load.sql` makes them.
fn note(i: usize) -> String {
    let first = [
        "Anna", "Bruno", "Chiara", "David", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas",
        "Katarina", "Liam", "Marta", "Nils", "Olga", "Pavel",
    ][i % 16];
    let last = [
        "Horvat", "Schmidt", "Rossi", "Novak", "Dubois", "Jensen", "Kowalska", "Silva", "Becker",
        "Moreau", "Larsson",
    ][i % 11];
    let domain = ["example.com", "mail.example.org", "example.net"][i % 3];
    let topic = TOPICS[i % 4];
    let dots = ".".repeat(i % 60);
    match i % 8 {
        0 => format!("{first} {topic}, write to {}@{domain}{dots}", last.to_lowercase()),
        1 => format!("{topic}; call back {last} on +49 171 {}{dots}", 1_000_000 + i % 999_983),
        _ => format!("The customer {topic} {i}; answered, and closed the same day{dots}"),
    }
}

const TOPICS: [&str; 4] = [
    "asked about the late delivery of an order",
    "wants the plan of the contract to be changed",
    "reports that the page for signing in fails",
    "asks for the money of a double charge back",
];

/// Prose of some length, with something of somebody in every fourth sentence.
fn sentence(i: usize) -> String {
    let first = ["We have looked at it", "Nothing was found", "It rang twice", "They came back"];
    let second = ["because the parcel was late", "and left the keys with the neighbour", "again"];
    let third = ["before noon.", "in the old part of town.", "so that the bill can be paid."];
    let mut text = format!("{} {} {}", first[i % 4], second[i % 3], third[i / 7 % 3]);
    if i.is_multiple_of(4) {
        text +=
            [" Please ask Elena Rossi.", " Call 0171 2345678.", " See invoice 2024-118."][i % 3];
    }
    if i.is_multiple_of(5) {
        text += " The rest, as always, is in the papers that we sent to the office last week.";
    }
    text
}

/// The files under a folder, in order.
fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}
