//! Values that hide: look-alike and invisible characters, spaced-out letters, `(at)`, and
//! encodings (percent, HTML, JSON and C escapes, quoted-printable, base64, base32, hex).
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
use std::collections::BTreeMap;

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
    let mut search = Search { detector, label, seen: BTreeMap::new() };
    search.layer(text, traits, 0, &mut |mut finding| {
        let known = out[from..].iter().any(|f| {
            f.start <= finding.start
                && finding.end <= f.end
                && f.score >= 60
                && f.category != Category::Organisation
        });
        if !known {
            // What was seen of the value in plain is not to stay in the place of the whole.
            let part = |f: &&Finding| {
                finding.start <= f.start && f.end <= finding.end && f.category == finding.category
            };
            let score = out[from..].iter().filter(part).map(|f| f.score).max();
            finding.score = finding.score.max(score.unwrap_or(0));
            out.push(finding);
        }
    });
}

/// A look behind the disguises of one text.
struct Search<'a> {
    detector: &'a Detector,
    label: &'a str,
    /// The depths at which texts were looked at, and what was found, by the text itself:
    /// layers that are undone in another order mostly lead to the same one.
    seen: BTreeMap<String, (usize, Vec<Finding>)>,
}

impl Search<'_> {
    fn layer(&mut self, text: &str, traits: Traits, depth: usize, report: &mut dyn FnMut(Finding)) {
        if depth >= DEPTH_MAX || text.len() < 6 {
            return;
        }
        if traits.high
            && let Some(view) = unicode::normalize(text)
        {
            self.run(&view, true, depth, report);
        }
        if let Some(view) = spelled::spelled(text, traits.digits) {
            self.run(&view, false, depth, report);
        }
        if traits.coded {
            for view in decode::escapes(text) {
                self.run(&view, true, depth, report);
            }
        }
        if let Some(view) = spelled::rejoined(text, traits.digits) {
            // Lines are joined that need not belong together: only check digits tell.
            self.run(&view, false, depth, &mut |finding| {
                let tagged = memchr::memchr(b'<', text[finding.range()].as_bytes()).is_some();
                if tagged || finding.evidence >= Evidence::Checksum {
                    report(finding);
                }
            });
        }
        for Token { start, end, text: hidden } in decode::tokens(text) {
            let found = self.hidden(&hidden, depth);
            let best = found.iter().filter(|f| is_structured(f)).max_by_key(|f| f.score);
            if let Some(best) = best {
                let score = best.score.saturating_sub(4).max(50);
                report(Finding { start, end, score, disguised: true, ..*best });
            }
        }
    }

    /// What is found in the text of one layer and of those behind it.
    fn hidden(&mut self, text: &str, depth: usize) -> Vec<Finding> {
        if let Some((_, found)) = self.seen.get(text).filter(|(seen, _)| *seen <= depth) {
            return found.clone();
        }
        let mut found = Vec::new();
        let traits = Traits::of(text.as_bytes());
        self.detector.decoded(self.label, text, &mut found);
        self.layer(text, traits, depth + 1, &mut |finding| found.push(finding));
        self.seen.insert(text.to_owned(), (depth, found.clone()));
        found
    }

    fn run(&mut self, view: &Mapped, names: bool, depth: usize, report: &mut dyn FnMut(Finding)) {
        for finding in self.hidden(&view.text, depth) {
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
        let khmer = |text: &str| -> String {
            let digit = |c: char| c.to_digit(10).map(|d| char::from_u32(0x17E0 + d).unwrap());
            text.chars().map(|c| digit(c).unwrap_or(c)).collect()
        };
        let card = khmer("4111 1111 1111 1111");
        check(&card, &[&format!("card:{card}")]);
        let tags = |c: char| char::from_u32(0xE0000 + c as u32).unwrap();
        let unseen: String = "eva@example.org".chars().map(tags).collect();
        check(&format!("x {unseen} y"), &[&format!("email:{unseen}")]);
        let tagged = format!("51{}4-69-0360", tags('7'));
        check(&tagged, &[&format!("national-id:{tagged}")]);
    }

    #[test]
    fn the_whole_value_is_reported_and_not_its_plain_end() {
        check("to mar<b></b>ia@example.org", &["email:mar<b></b>ia@example.org"]);
    }

    #[test]
    fn encodings() {
        check("q=eva%40example.org", &["email:eva%40example.org"]);
        check("&#101;va&#64;example.org", &["email:&#101;va&#64;example.org"]);
        check(r"mail eva\u0040example.org", &[r"email:eva\u0040example.org"]);
        check("x ZXZhQGV4YW1wbGUub3Jn y", &["email:ZXZhQGV4YW1wbGUub3Jn"]);
        check("x MV3GCQDFPBQW24DMMUXG64TH y", &["email:MV3GCQDFPBQW24DMMUXG64TH"]);
        check("q=ZXZhQGV4YW1wbGUub3JnIA==", &["email:ZXZhQGV4YW1wbGUub3JnIA=="]);
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
