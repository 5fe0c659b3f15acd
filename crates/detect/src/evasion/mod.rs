//! Values that hide: look-alike and invisible characters, spaced-out letters, `(at)`, and
//! encodings (percent, HTML, JSON and C escapes, quoted-printable, base64, base32, hex).
//!
//! Each disguise is undone into a second text that remembers where its bytes came from; the
//! matchers run on that text and what they find is carried back to the original span. Work is
//! bounded: at most [`DEPTH_MAX`] layers, each no longer than the one before.

mod decode;
mod mapped;
mod reversed;
mod spelled;
mod unicode;

use crate::finding::category::Category;
use crate::finding::cover::Cover;
use crate::finding::{Evidence, Finding};
use crate::text::traits::Traits;
use decode::Token;
use mapped::Mapped;
use std::collections::BTreeMap;

/// Most layers that are undone on top of each other.
const DEPTH_MAX: usize = 3;

/// Looks behind the disguises of a text and appends what is found only there.
pub(crate) fn detect(
    look: &dyn Fn(&str, &mut Vec<Finding>),
    text: &str,
    traits: &Traits,
    out: &mut Vec<Finding>,
    from: usize,
) {
    let mut search = Search { look, seen: BTreeMap::new() };
    let mut hidden = Vec::new();
    search.layer(text, traits, 0, &mut |finding| hidden.push(finding));
    if hidden.is_empty() {
        return;
    }
    let is_known = |f: &&Finding| {
        f.score >= 60 && !matches!(f.category, Category::Organisation | Category::Url)
    };
    let known = Cover::of(out[from..].iter().filter(is_known));
    let mut plain = out[from..].to_vec();
    plain.sort_unstable_by_key(|f| f.start);
    for mut finding in hidden.into_iter().filter(|f| !known.holds(&f.range())) {
        // What was seen of the value in plain is not to stay in the place of the whole.
        let first = plain.partition_point(|f| f.start < finding.start);
        let inside = plain[first..].iter().take_while(|f| f.start < finding.end);
        let part = |f: &&Finding| f.end <= finding.end && f.category == finding.category;
        let score = inside.filter(part).map(|f| f.score).max();
        finding.score = finding.score.max(score.unwrap_or(0));
        out.push(finding);
    }
}

/// Whether a word is an encoding of readable text.
pub(crate) fn hides_text(word: &[u8]) -> bool {
    decode::decoded(word).is_some()
}

/// A look behind the disguises of one text.
struct Search<'a> {
    /// Finds what a text holds in plain.
    look: &'a dyn Fn(&str, &mut Vec<Finding>),
    /// The depths at which texts were looked at, and what was found, by the text itself:
    /// layers that are undone in another order mostly lead to the same one.
    seen: BTreeMap<String, (usize, Vec<Finding>)>,
}

impl Search<'_> {
    fn layer(
        &mut self,
        text: &str,
        traits: &Traits,
        depth: usize,
        report: &mut dyn FnMut(Finding),
    ) {
        if depth >= DEPTH_MAX || text.len() < 6 {
            return;
        }
        if traits.high
            && let Some(view) = unicode::normalize(text)
        {
            self.run(&view, true, depth, report);
        }
        if traits.nul
            && let Some(view) = unicode::without_nul(text)
        {
            self.run(&view, true, depth, report);
        }
        if let Some(view) = spelled::spelled(text, traits) {
            self.run(&view, false, depth, report);
        }
        if traits.coded {
            for view in decode::escapes(text) {
                self.run(&view, true, depth, report);
            }
        }
        if let Some(view) = spelled::rejoined(text, traits) {
            // Lines are joined that need not belong together: only check digits tell.
            self.run(&view, false, depth, &mut |finding| {
                let tagged = memchr::memchr(b'<', text[finding.range()].as_bytes()).is_some();
                if tagged || finding.evidence >= Evidence::Checksum {
                    report(finding);
                }
            });
        }
        if let Some(view) = spelled::regrouped(text, traits.digits) {
            // Marks are left out that may divide two values: only check digits tell.
            self.run(&view, false, depth, &mut |finding| {
                if finding.evidence >= Evidence::Checksum && finding.score > 60 {
                    report(finding);
                }
            });
        }
        reversed::detect(text, traits, report);
        for Token { start, end, text: hidden } in decode::tokens(text, &traits.words) {
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
        (self.look)(text, &mut found);
        self.layer(text, &traits, depth + 1, &mut |finding| found.push(finding));
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
    fn a_check_digit_is_enough_for_what_is_disguised() {
        check("memo 111222333", &[]);
        check("memo １１１２２２３３３", &["national-id:１１１２２２３３３"]);
        check("memo 1 1 1 2 2 2 3 3 3", &["national-id:1 1 1 2 2 2 3 3 3"]);
        check("q=1\u{200b}11222333", &["national-id:1\u{200b}11222333"]);
    }

    #[test]
    fn zeros_between_characters_hide_nothing() {
        let wide = |text: &str| text.chars().map(|c| format!("{c}\0")).collect::<String>();
        let text = wide("to eva@example.org");
        let address = wide("eva@example.org");
        check(&text, &[&format!("email:{}", address.trim_end_matches('\0'))]);
    }

    #[test]
    fn blocks_across_the_marks_of_a_value() {
        check("ssn 514-\u{a0}69-0\u{a0}360", &["national-id:514-\u{a0}69-0\u{a0}360"]);
        check("rows 785. 614 - 30", &[]);
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
