//! Measures masking on one core: what it costs a byte where nothing is found, beside detection,
//! and what it costs a finding.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_detect::mask::{Container, MaskKey, Method, detect_document, mask};
use portreeve_detect::{Category, Detector, Evidence, Finding};

const ROWS: usize = 10_000;

fn main() {
    let key = || MaskKey::new([7; 32]);
    println!("nothing found but one value at the beginning, ns a byte:");
    for (name, container, text) in documents() {
        let first = text.find("order").unwrap();
        let finding = Finding {
            start: first,
            end: first + 5,
            category: Category::Username,
            score: 90,
            evidence: Evidence::Shape,
            rule: "example",
            disguised: false,
        };
        let masking = best(|| drop(mask(&text, container, &[finding], &Method::Redact).unwrap()));
        let nothing = best(|| drop(mask(&text, container, &[], &Method::Redact).unwrap()));
        let copying = best(|| drop(std::hint::black_box(text.clone())));
        let detector = Detector::default();
        let plain = best(|| detector.detect(&text, &mut Vec::new()));
        let values =
            best(|| detect_document(&detector, &text, container, &mut Vec::new()).unwrap());
        let per_byte = |seconds: f64| seconds * 1e9 / text.len() as f64;
        println!(
            "{name:5} masking {:.2}, without findings {:.2}, a copy {:.2}; \
             detection as text {:.1}, with every value {:.1}",
            per_byte(masking),
            per_byte(nothing),
            per_byte(copying),
            per_byte(plain),
            per_byte(values)
        );
    }
    println!("a finding, microseconds:");
    for (category, value) in [
        (Category::Email, "eva.muster@example.org"),
        (Category::Card, "4111 1111 1111 1111"),
        (Category::NationalId, "514-69-0360"),
    ] {
        for method in [Method::Redact, Method::Pseudonym(key()), Method::FormatPreserving(key())] {
            let text = format!("{value}\n").repeat(1000);
            let spans = text.lines().enumerate().map(|(at, line)| Finding {
                start: at * (line.len() + 1),
                end: at * (line.len() + 1) + line.len(),
                category,
                score: 90,
                evidence: Evidence::Shape,
                rule: "example",
                disguised: false,
            });
            let spans: Vec<Finding> = spans.collect();
            let seconds = best(|| drop(mask(&text, Container::Text, &spans, &method).unwrap()));
            let name = format!("{method:?}");
            let name = name.split('(').next().unwrap_or_default();
            println!("{:11} {name:16} {:.2}", category.name(), seconds * 1e3);
        }
    }
}

/// Rows without personal data in each container.
fn documents() -> Vec<(&'static str, Container, String)> {
    let note = "leave the parcel with the neighbours and ring twice before noon";
    let rows = |row: fn(usize, &str) -> String| (0..ROWS).map(|at| row(at, note)).collect();
    vec![
        ("text", Container::Text, rows(|at, note| format!("order {at} shipped, {note}\n"))),
        (
            "json",
            Container::Json,
            rows(|at, note| {
                format!("{{\"id\": {at}, \"state\": \"order shipped\", \"note\": \"{note}\"}}\n")
            }),
        ),
        ("csv", Container::Csv, rows(|at, note| format!("{at},order shipped,\"{note}\"\n"))),
        (
            "sql",
            Container::Sql,
            rows(|at, note| format!("INSERT INTO t VALUES ({at}, 'order shipped', '{note}');\n")),
        ),
        (
            "xml",
            Container::Xml,
            rows(|at, note| format!("<o id=\"{at}\"><s>order shipped</s><n>{note}</n></o>\n")),
        ),
    ]
}

/// The least CPU time that a run of work takes, in seconds. The clock ticks in milliseconds, so
/// runs are counted until many ticks have passed.
fn best(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..3 {
        let (start, mut runs, mut passed) = (cpu_seconds(), 0.0, 0.0);
        while passed < 0.2 {
            work();
            runs += 1.0;
            passed = cpu_seconds() - start;
        }
        best = best.min(passed / runs);
    }
    best
}

/// CPU time of this thread: other work on the machine does not count.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
