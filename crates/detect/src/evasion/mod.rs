//! Values that hide: look-alike and invisible characters, spaced-out letters, `(at)`, and
//! encodings (percent, HTML, JSON and C escapes, quoted-printable, base64, hex).
//!
//! Each disguise is undone into a second text that remembers where its bytes came from; the
//! matchers run on that text and what they find is carried back to the original span. Work is
//! bounded: at most [`DEPTH_MAX`] layers, each no longer than the one before.

mod decode;
mod mapped;
mod spelled;
mod unicode;

use crate::detector::Traits;
use crate::{Category, Detector, Evidence, Finding};
use decode::Token;
use mapped::Mapped;

/// Most layers that are undone on top of each other.
const DEPTH_MAX: usize = 3;

/// Looks behind the disguises of a text and appends what is found only there.
pub(crate) fn detect(
    detector: &Detector,
    label: &str,
    text: &str,
    traits: Traits,
    out: &mut Vec<Finding>,
    from: usize,
) {
    layer(detector, label, text, traits, 0, &mut |finding| {
        let known = out[from..].iter().any(|f| {
            f.start <= finding.start
                && finding.end <= f.end
                && f.score >= 60
                && f.category != Category::Organisation
        });
        if !known {
            out.push(finding);
        }
    });
}

fn layer(
    detector: &Detector,
    label: &str,
    text: &str,
    traits: Traits,
    depth: usize,
    report: &mut dyn FnMut(Finding),
) {
    if depth >= DEPTH_MAX || text.len() < 6 {
        return;
    }
    let mut views: Vec<(Mapped, bool)> = Vec::new();
    if traits.high {
        views.extend(unicode::normalize(text).map(|m| (m, true)));
    }
    views.extend(spelled::spelled(text, traits.digits).map(|m| (m, false)));
    if traits.coded {
        views.extend(decode::escapes(text).into_iter().map(|m| (m, true)));
    }
    if let Some(view) = spelled::rejoined(text, traits.digits) {
        // Lines are joined that need not belong together: only check digits tell.
        run(detector, label, &view, false, depth, &mut |finding| {
            let tagged = memchr::memchr(b'<', text[finding.range()].as_bytes()).is_some();
            if tagged || finding.evidence >= Evidence::Checksum {
                report(finding);
            }
        });
    }
    for (view, names) in &views {
        run(detector, label, view, *names, depth, report);
    }
    for Token { start, end, text: hidden } in decode::tokens(text) {
        let mut found = Vec::new();
        detector.decoded(label, &hidden, &mut found);
        layer_of(detector, label, &hidden, depth + 1, &mut |f| found.push(f));
        let best = found.iter().filter(|f| is_structured(f)).max_by_key(|f| f.score);
        if let Some(best) = best {
            let score = best.score.saturating_sub(4).max(50);
            report(Finding { start, end, score, disguised: true, ..*best });
        }
    }
}

fn layer_of(
    detector: &Detector,
    label: &str,
    text: &str,
    depth: usize,
    report: &mut dyn FnMut(Finding),
) {
    layer(detector, label, text, Traits::of(text.as_bytes()), depth, report);
}

fn run(
    detector: &Detector,
    label: &str,
    view: &Mapped,
    names: bool,
    depth: usize,
    report: &mut dyn FnMut(Finding),
) {
    let mut found = Vec::new();
    detector.decoded(label, &view.text, &mut found);
    layer_of(detector, label, &view.text, depth + 1, &mut |f| found.push(f));
    for finding in found {
        // Only what the disguise touches is new; the rest was seen in the original.
        let Some((start, end)) = view.source(finding.start, finding.end) else { continue };
        let name = names && finding.category == Category::PersonName;
        if !(name || is_structured(&finding)) {
            continue;
        }
        let score = finding.score.saturating_sub(2).max(50);
        report(Finding { start, end, score, disguised: true, ..finding });
    }
}

/// Categories that shape or check digit prove; words need not be looked for behind encodings.
fn is_structured(finding: &Finding) -> bool {
    finding.score >= 55
        && !matches!(
            finding.category,
            Category::Organisation
                | Category::Location
                | Category::Date
                | Category::Url
                | Category::Age
                | Category::Title
                | Category::PersonName
                | Category::GeoCoordinates
        )
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn invisible_and_look_alike_characters() {
        check("eva\u{200b}@exam\u{200d}ple.org", &["email:eva\u{200b}@exam\u{200d}ple.org"]);
        check("ｅｖａ＠ｅｘａｍｐｌｅ．ｏｒｇ", &["email:ｅｖａ＠ｅｘａｍｐｌｅ．ｏｒｇ"]);
        check("４１１１ １１１１ １１１１ １１１１", &["card:４１１１ １１１１ １１１１ １１１１"]);
        check(
            "4111\u{a0}1111\u{2009}1111\u{202f}1111",
            &["card:4111\u{a0}1111\u{2009}1111\u{202f}1111"],
        );
        check("DЕ89 3704 0044 0532 0130 00", &["iban:DЕ89 3704 0044 0532 0130 00"]);
        check("5\u{ad}14-69-0360", &["national-id:5\u{ad}14-69-0360"]);
    }

    #[test]
    fn encodings() {
        check("q=eva%40example.org", &["email:eva%40example.org"]);
        check("&#101;va&#64;example.org", &["email:&#101;va&#64;example.org"]);
        check(r"mail eva\u0040example.org", &[r"email:eva\u0040example.org"]);
        check("x ZXZhQGV4YW1wbGUub3Jn y", &["email:ZXZhQGV4YW1wbGUub3Jn"]);
        check("6576614065786d706c652e6f7267", &["email:6576614065786d706c652e6f7267"]);
        check("eva=40example=2Eorg", &["email:eva=40example=2Eorg"]);
    }

    #[test]
    fn spelled_out() {
        check("eva (at) example (dot) org", &["email:eva (at) example (dot) org"]);
        check("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", &["card:4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"]);
        check("4111_1111_1111_1111", &["card:4111_1111_1111_1111"]);
        check(
            "D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0",
            &["iban:D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0"],
        );
    }
}
