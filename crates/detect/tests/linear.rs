//! What a look costs grows with the length of the text, whatever is written in it: who writes a
//! value must not be able to keep a gateway busy with it.
//!
//! Beginnings of everything that is looked for are repeated, alone and in turns. The text is looked
//! at as a whole and in four parts, one after the other: where the whole takes more than
//! [`GROWTH_MAX`] times as long, time grows with more than the length. What seems so is measured
//! again. The long form has longer texts and more turns:
//! `PORTREEVE_SEEDS=1..20000 cargo test --release -p portreeve-detect --test linear`.
#![allow(clippy::unwrap_used)]

use portreeve_detect::mask::{Container, Method, detect_document, mask};
use portreeve_detect::{Column, ColumnWatch, Detector, Row, Stream, ValueContext, classify, jsonl};
use std::time::{Duration, Instant};

/// The longer of two texts, in bytes, and how many times it is as long as the other.
const LONG_BYTES: usize = 256 << 10;
const TIMES: usize = 4;

/// The longer text of the long form.
const LONG_FORM_BYTES: usize = 1 << 20;

/// How much longer than the shorter one, looked at as often, the longer text may take. What grows
/// with the square takes four times as long.
const GROWTH_MAX: f64 = 2.0;

/// What takes no longer is not measured again: the clock of the system ticks.
const FLOOR: Duration = Duration::from_millis(40);

/// What takes as long is no mistake of the clock.
const SURE: Duration = Duration::from_secs(1);

/// Most measurements, of which the one that speaks for the text counts.
const MEASUREMENTS: usize = 4;

/// Beginnings and pieces of what the detectors look for, one a line; the white space
/// that a line ends with is `\s`, `\n` or `\t`, and others are `\0`, `\u{…}` and `\\`.
const TOKENS: &str = include_str!("linear/tokens.txt");

/// A way to look at a text.
type Look = (&'static str, fn(&str));

const LOOKS: &[Look] = &[
    ("a text", |text| Detector::default().detect(text, &mut Vec::new())),
    ("a long text", |text| Detector::default().detect_long(text, &mut Vec::new())),
    ("bytes", |text| {
        let bytes = [text.as_bytes(), b"\xFF"].concat();
        Detector::default().detect_bytes(&bytes, &mut Vec::new());
    }),
    ("a value", |text| {
        let context = ValueContext::of("name", &["email", "phone"]);
        Detector::default().scan_value(text, context, &mut Vec::new());
    }),
    ("a column", |text| {
        let context = ValueContext::of_names(&["note"]).beside_people(true);
        ColumnWatch::new(Detector::default(), context, 7).scan(text, &mut Vec::new());
    }),
    ("a row", |text| {
        let row = Row::new(Detector::default(), &["first_name", "last_name", "iban", "iban2"]);
        row.detect(&[text, text, text, text], &mut Vec::new());
    }),
    ("a stream", |text| {
        let mut stream = Stream::new(Detector::default());
        text.as_bytes().chunks(1000).for_each(|chunk| stream.push(chunk, &mut Vec::new()));
        stream.finish(&mut Vec::new());
    }),
    ("a sample", |text| {
        let samples: Vec<&str> = text.split(' ').take(100).chain([text]).collect();
        let column = Column { name: "note", values: &samples, ..Column::default() };
        let _ = classify(&column);
    }),
    ("a line", |text| {
        let line = serde_json::json!({"id": 1, "text": text}).to_string();
        let _ = jsonl::text_line(&Detector::default(), &line);
    }),
    ("JSON", |text| {
        let escaped = serde_json::json!({"note": text, "email": text}).to_string();
        document(&escaped, Container::Json);
    }),
    ("JSON as it is", |text| document(text, Container::Json)),
    ("CSV", |text| document(&format!("name,note\n{text}"), Container::Csv)),
    ("SQL", |text| document(&format!("SELECT '{text}"), Container::Sql)),
    ("SQL as it is", |text| document(text, Container::Sql)),
    ("an array", |text| document(&format!("{{{text}}}"), Container::Array)),
    ("XML", |text| document(&format!("<a>{text}</a>"), Container::Xml)),
    ("masked text", |text| document(text, Container::Text)),
];

/// Finds and masks what is in a document; what is none is refused in time, too.
fn document(text: &str, container: Container) {
    let mut found = Vec::new();
    if detect_document(&Detector::default(), text, container, &mut found).is_ok() {
        let _ = mask(text, container, &found, &Method::Redact);
    }
    let mut found = Vec::new();
    Detector::default().detect_long(text, &mut found);
    let _ = mask(text, container, &found, &Method::Redact);
}

/// The tokens, as they are meant.
fn tokens() -> Vec<String> {
    let lines = TOKENS.lines().filter(|line| !line.is_empty());
    lines.map(unescaped).collect()
}

fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (c, length) = match tail.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b't') => ('\t', 1),
            Some(b'r') => ('\r', 1),
            Some(b'0') => ('\0', 1),
            Some(b's') => (' ', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'u') if tail.starts_with("u{") => {
                let end = tail.find('}').unwrap();
                let code = u32::from_str_radix(&tail[2..end], 16).unwrap();
                (char::from_u32(code).unwrap(), end + 1)
            }
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &tail[length..];
    }
    out + rest
}

/// How tokens are put together to a text.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// One after the other, again and again.
    Turns,
    /// Each again and again, then the next.
    Stretches,
    /// The first once, then the others in turns.
    Behind,
    /// The others in turns, then the first once.
    Before,
}

fn text(parts: &[&str], shape: Shape, bytes: usize) -> String {
    let turns = |parts: &[&str], bytes: usize| {
        let turn = parts.concat();
        turn.repeat(bytes / turn.len() + 1)
    };
    let mut text = match (shape, parts) {
        (Shape::Turns, _) | (_, [] | [_]) => turns(parts, bytes),
        (Shape::Stretches, _) => {
            let stretch = |part: &&str| turns(&[part], bytes / parts.len());
            parts.iter().map(stretch).collect()
        }
        (Shape::Behind, [first, rest @ ..]) => format!("{first}{}", turns(rest, bytes)),
        (Shape::Before, [first, rest @ ..]) => {
            return turns(rest, bytes - first.len()) + first;
        }
    };
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// The time that the thread was at work, where the system tells; the time that went by elsewhere.
fn clock() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn time(look: &Look, text: &str) -> Duration {
    let start = clock();
    look.1(text);
    clock() - start
}

/// Says of a look that takes more than in proportion how long it takes.
fn too_much(look: &Look, parts: &[&str], shape: Shape) -> Option<String> {
    let bytes = if given_seeds().is_some() { LONG_FORM_BYTES } else { LONG_BYTES };
    let long = text(parts, shape, bytes);
    let mut long_time = time(look, &long);
    if long_time < FLOOR {
        return None;
    }
    let short = text(parts, shape, bytes / TIMES);
    let mut short_time = Duration::ZERO;
    for measured in 0..MEASUREMENTS {
        if measured > 0 {
            long_time = time(look, &long);
        }
        short_time = (0..TIMES).map(|_| time(look, &short)).sum();
        if long_time < FLOOR || long_time < short_time.mul_f64(GROWTH_MAX) {
            return None;
        }
        if long_time > SURE {
            break;
        }
    }
    let report = format!(
        "{} of {parts:?} ({shape:?}): {long_time:?} at once, {short_time:?} in {TIMES} parts",
        look.0
    );
    eprintln!("{report}");
    Some(report)
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % limit as u64) as usize
    }
}

/// The seeds of the long form.
fn given_seeds() -> Option<std::ops::Range<u64>> {
    let given = std::env::var("PORTREEVE_SEEDS").ok()?;
    let (first, end) = given.split_once("..")?;
    Some(first.parse().ok()?..end.parse().ok()?)
}

fn assert_none(reports: &[String]) {
    assert!(reports.is_empty(), "{} take too long:\n{}", reports.len(), reports.join("\n"));
}

#[test]
fn every_token_alone() {
    let tokens = tokens();
    let looks = &LOOKS[..1];
    let all = tokens.iter().flat_map(|token| looks.iter().map(move |look| (token, look)));
    let reports: Vec<String> =
        all.filter_map(|(token, look)| too_much(look, &[token], Shape::Turns)).collect();
    assert_none(&reports);
}

#[test]
fn tokens_in_turns() {
    let tokens = tokens();
    let mut reports = Vec::new();
    for seed in given_seeds().unwrap_or(1..100) {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        (0..8).for_each(|_| _ = random.below(2));
        let count = 1 + random.below(3);
        let parts: Vec<&str> =
            (0..count).map(|_| tokens[random.below(tokens.len())].as_str()).collect();
        let shapes = [Shape::Turns, Shape::Turns, Shape::Stretches, Shape::Behind, Shape::Before];
        let shape = shapes[random.below(shapes.len())];
        // Half of the looks are at texts: most of what is found is found there.
        let look = &LOOKS[random.below(LOOKS.len() * 2).saturating_sub(LOOKS.len())];
        if let Some(report) = too_much(look, &parts, shape) {
            reports.push(report);
        }
    }
    assert_none(&reports);
}
