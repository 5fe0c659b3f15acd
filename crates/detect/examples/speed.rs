//! Measures the detector on one core: `speed [PROSE [ROWS [ONLY]]]`, on so many rows that it makes
//! itself and, when named, a file of prose; all ways or only one (`all on`, …).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{ColumnWatch, Detector, Options, Row, ValueContext};

fn main() {
    let prose: Vec<String> = std::env::args()
        .nth(1)
        .map(|path| std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect())
        .unwrap_or_default();
    let rows_max: u64 = std::env::args().nth(2).map_or(20_000, |n| n.parse().unwrap());
    let rows: Vec<String> = (0..rows_max).flat_map(row).collect();
    for (name, options) in [
        ("all on", Options::default()),
        ("without evasion", Options { evasion: false, ..Options::default() }),
        ("without names", Options { names: false, ..Options::default() }),
        ("structure only", Options { names: false, evasion: false, ..Options::default() }),
    ] {
        if std::env::args().nth(3).is_some_and(|only| only != name) {
            continue;
        }
        let detector = Detector::new(options);
        println!("{name}: rows {}, prose {}", rate(&detector, &rows), rate(&detector, &prose));
    }
    split(&rows);
    values(&prose);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}

/// One row of ten cells, 290 bytes or so, as an order table has them.
fn row(i: u64) -> Vec<String> {
    let x = i.wrapping_mul(2_654_435_761) % 1_000_003;
    vec![
        i.to_string(),
        format!("Maria Schneider-{}", x % 97),
        format!("user{x}@example.org"),
        format!("+49 171 {:07}", x),
        format!("19{:02}-0{}-1{}", 40 + x % 60, 1 + x % 9, x % 9),
        format!("{}.{:02}", x % 1000, x % 100),
        "shipped".to_owned(),
        format!("2026-0{}-1{} 08:1{}:0{}.123456+00", 1 + x % 9, x % 9, x % 9, x % 9),
        "customer asked to leave the parcel with the neighbours and to ring twice before noon"
            .to_owned(),
        format!("{{\"sku\": \"A-{x}\", \"qty\": {}, \"note\": \"gift wrap, no invoice\"}}", x % 7),
    ]
}

/// What a value costs by what it is, as the data path asks for it, alone and in a watched column.
fn values(prose: &[String]) {
    let hash =
        |i: u64| format!("{:016x}{:016x}{:08x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15), i, i);
    let kinds: [(&str, Vec<String>); 5] = [
        ("small numbers", (0..5_000).map(|i| (i * 7 % 99_991).to_string()).collect()),
        (
            "kinds",
            (0..5_000).map(|i| ["open", "On Hold", "Paid In Full"][i % 3].to_owned()).collect(),
        ),
        ("hashes", (0..5_000).map(hash).collect()),
        (
            "moments",
            (0..5_000).map(|i| format!("2026-01-1{} 08:1{}:02+00", i % 9, i % 6)).collect(),
        ),
        (
            "100 bytes of prose",
            prose.iter().map(|line| hundred(line)).filter(|l| l.len() > 80).collect(),
        ),
    ];
    for (name, values) in kinds.iter().filter(|(_, values)| !values.is_empty()) {
        let bytes: usize = values.iter().map(String::len).sum();
        let mut out = Vec::new();
        let each = |seconds: f64| seconds * 1e9 / (20 * values.len()) as f64;
        let start = cpu_seconds();
        for value in std::iter::repeat_n(values, 20).flatten() {
            Detector::default().scan_value(value, ValueContext::NONE, &mut out);
            out.clear();
        }
        let alone = each(cpu_seconds() - start);
        let mut watch = ColumnWatch::new(Detector::default(), ValueContext::NONE, 7);
        let start = cpu_seconds();
        for value in std::iter::repeat_n(values, 20).flatten() {
            watch.scan(value, &mut out);
            out.clear();
        }
        let watched = each(cpu_seconds() - start);
        let size = bytes / values.len();
        println!("{name} ({size} bytes): {alone:.0} ns alone, {watched:.0} ns in a column");
    }
}

fn hundred(line: &str) -> String {
    line[..line.floor_char_boundary(100)].to_owned()
}

/// What the look for values that are split over cells costs.
fn split(cells: &[String]) {
    let labels =
        ["id", "name", "email", "phone", "born", "total", "state", "changed", "note", "items"];
    let row = Row::new(Detector::default(), &labels);
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let bytes: usize = cells.iter().map(|cell| cell.len()).sum();
    let mut out = Vec::new();
    let start = cpu_seconds();
    for _ in 0..20 {
        for cells in cells.chunks(labels.len()) {
            row.detect_split(cells, &mut out);
        }
    }
    let seconds = (cpu_seconds() - start) / 20.0;
    println!("split cells: {:.2} ns a byte ({} findings)", seconds / bytes as f64 * 1e9, out.len());
}

fn rate(detector: &Detector, texts: &[String]) -> String {
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes == 0 {
        return "-".to_owned();
    }
    let mut out = Vec::new();
    let mut best = f64::MAX;
    let mut found = 0;
    // The clock of the thread may tick in steps of milliseconds.
    let turns = 20_000_000 / bytes + 1;
    for _ in 0..3 {
        let start = cpu_seconds();
        for _ in 0..turns {
            found = 0;
            for text in texts {
                out.clear();
                detector.detect(text, &mut out);
                found += out.len();
            }
        }
        best = best.min(cpu_seconds() - start);
    }
    format!("{:.1} MB/s ({found} findings)", (bytes * turns) as f64 / best / 1e6)
}

/// CPU time of this thread: other work on the machine does not count.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
