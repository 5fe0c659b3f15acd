//! Measures the detector on one core: rows that it makes itself and, when named, a file of prose.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::{Detector, Options};

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
        let detector = Detector::new(options);
        println!("{name}: rows {}, prose {}", rate(&detector, &rows), rate(&detector, &prose));
    }
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
