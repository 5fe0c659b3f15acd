//! The detector: runs the matchers over a text and settles overlaps.

mod clean;
pub(crate) mod pieces;
mod plain;
pub(crate) mod row;
pub(crate) mod stream;
pub(crate) mod watch;

use crate::columns::fits::fits;
use crate::context::fields::{Field, Tables};
use crate::context::headers::Strength;
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::context::value::ValueContext;
use crate::finding::category::{Categories, Category};
use crate::finding::cover::Cover;
use crate::finding::settle;
use crate::finding::{Evidence, Finding};
use crate::names::tokens::Token;
use crate::numbers::chain::{Chain, collect};
use crate::numbers::walk;
use crate::numbers::{geo, wallets};
use crate::places::{address, postal};
use crate::signs::{contact, secrets, special};
use crate::text::traits::Traits;
use crate::{evasion, names};
use std::cell::RefCell;

/// What to look for, and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The categories to report.
    pub categories: Categories,
    /// Findings below this score (percent) are dropped.
    pub score_min: u8,
    /// Whether to look behind look-alike characters and encodings.
    pub evasion: bool,
    /// Whether to run the model of names and places.
    pub names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { categories: Categories::ALL, score_min: 50, evasion: true, names: true }
    }
}

/// Finds personal data in texts. Cheap to copy; holds no state between texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detector {
    options: Options,
}

impl Detector {
    /// A detector with the given options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Appends the findings in `text` to `out`, sorted by position and disjoint.
    pub fn detect(&self, text: &str, out: &mut Vec<Finding>) {
        self.detect_labelled("", text, out);
    }

    /// Like [`Self::detect`], for a text from a column or field with a name.
    pub fn detect_labelled(&self, label: &str, text: &str, out: &mut Vec<Finding>) {
        self.scan(text, ValueContext::named(label), out);
    }

    /// Appends the findings in one value to `out`, sorted and disjoint, in the light of where it
    /// stands. A value that is clean for certain costs a walk over its bytes.
    pub fn scan_value(&self, text: &str, context: ValueContext, out: &mut Vec<Finding>) {
        if !self.is_clean(text, context) {
            self.scan_long(text, context, out);
        }
    }

    /// What a number or a day is, by what the name of its column says and its own digits do not
    /// deny. Values of other types say too little about themselves to be believed without a name.
    #[must_use]
    pub fn typed_value(&self, text: &str, context: ValueContext) -> Option<Finding> {
        if !context.says_something() || text.len() < TYPED_BYTES_MIN {
            return None;
        }
        let mut found = Vec::new();
        self.scan(text, context, &mut found);
        found.into_iter().find(|finding| {
            // A check digit that nothing announces is one of ten.
            let is_said =
                matches!(finding.evidence, Evidence::Context | Evidence::ChecksumAndContext);
            is_said
                && finding.range() == (0..text.len())
                && Categories::TYPED.contains(finding.category)
        })
    }

    /// Whether a value holds nothing, for certain.
    pub(crate) fn is_clean(&self, text: &str, context: ValueContext) -> bool {
        !context.says_something() && clean::is_clean(text)
    }

    /// A look at every value, also at those that are clean for certain.
    #[cfg(test)]
    pub(crate) fn scan_fully(&self, text: &str, context: ValueContext, out: &mut Vec<Finding>) {
        self.scan(text, context, out);
    }

    /// Like [`Self::detect`], for a value of which something is known.
    pub(crate) fn scan(&self, text: &str, context: ValueContext, out: &mut Vec<Finding>) {
        self.scan_within(text, context, &Tables::default(), out);
    }

    /// Like [`Self::scan`], for a text that goes on where a table is open.
    pub(crate) fn scan_within(
        &self,
        text: &str,
        context: ValueContext,
        tables: &Tables,
        out: &mut Vec<Finding>,
    ) {
        let from = out.len();
        let traits = Traits::of(text.as_bytes());
        self.plain(context, text, &traits, out);
        if traits.colon || traits.coded || traits.lines || tables.is_open() {
            self.fields(text, tables, out, from);
        }
        if self.options.evasion {
            let hidden = ValueContext { hidden: true, ..context };
            let look = |text: &str, found: &mut Vec<Finding>| self.decoded(hidden, text, found);
            evasion::detect(&look, text, &traits, out, from);
        }
        self.finish(text, out, from);
    }

    /// Looks at the values that the text gives names, each under its name. What was found of them
    /// without the name, and is covered now, goes: the words around a cell are those of others.
    fn fields(&self, text: &str, tables: &Tables, out: &mut Vec<Finding>, from: usize) {
        let mut fields = Vec::new();
        tables.find(text, &mut fields);
        if fields.is_empty() {
            return;
        }
        let mut named = Vec::new();
        for Field { range, context } in fields {
            let Some(value) = text.get(range.clone()) else { continue };
            let start = named.len();
            self.plain(context, value, &Traits::of(value.as_bytes()), &mut named);
            self.finish(value, &mut named, start);
            for finding in &mut named[start..] {
                finding.start += range.start;
                finding.end += range.start;
            }
        }
        if named.is_empty() {
            return;
        }
        // Of a value that is found whole already, its parts say nothing new.
        let mut wholes: Vec<(Category, Cover)> = Vec::new();
        named.retain(|f| {
            let known = wholes.iter().position(|(category, _)| *category == f.category);
            let at = known.unwrap_or_else(|| {
                let same = out[from..].iter().filter(|p| p.category == f.category);
                wholes.push((f.category, Cover::of(same)));
                wholes.len() - 1
            });
            let wider = f.start.saturating_sub(1)..f.end;
            let longer = f.start..f.end + 1;
            !(wholes[at].1.holds(&wider) && f.start > 0 || wholes[at].1.holds(&longer))
        });
        let cover = Cover::of(named.iter());
        let mut write = from;
        for read in from..out.len() {
            if !cover.holds(&out[read].range()) {
                out[write] = out[read];
                write += 1;
            }
        }
        out.truncate(write);
        out.append(&mut named);
    }

    /// Like [`Self::detect`], for bytes that may not be UTF-8. Invalid bytes divide the text.
    pub fn detect_bytes(&self, bytes: &[u8], out: &mut Vec<Finding>) {
        self.scan_bytes(bytes, &mut Tables::default(), out);
    }

    /// Like [`Self::detect_bytes`], for bytes that go on where a table is open.
    pub(crate) fn scan_bytes(&self, bytes: &[u8], tables: &mut Tables, out: &mut Vec<Finding>) {
        let mut base = 0;
        for chunk in bytes.utf8_chunks() {
            let from = out.len();
            self.scan_within(chunk.valid(), ValueContext::NONE, tables, out);
            if !chunk.invalid().is_empty() {
                tables.pass(chunk.valid());
            }
            for finding in &mut out[from..] {
                finding.start += base;
                finding.end += base;
            }
            base += chunk.valid().len() + chunk.invalid().len();
        }
    }

    /// Whether the options ask for a finding.
    pub(crate) fn wants(&self, finding: &Finding) -> bool {
        self.options.categories.contains(finding.category)
            && finding.score >= self.options.score_min
    }

    #[inline]
    fn finish(&self, text: &str, out: &mut Vec<Finding>, from: usize) {
        let mut write = from;
        for read in from..out.len() {
            let finding = out[read];
            if self.wants(&finding) {
                out[write] = finding;
                write += 1;
            }
        }
        out.truncate(write);
        settle(text, out, from);
        out[from..].sort_unstable_by_key(|f| f.start);
        debug_assert!(out[from..].iter().all(|f| text.get(f.range()).is_some()));
    }

    /// The matchers over the text as it stands, without a look behind encodings.
    pub(crate) fn decoded(&self, context: ValueContext, text: &str, out: &mut Vec<Finding>) {
        let from = out.len();
        self.plain(context, text, &Traits::of(text.as_bytes()), out);
        self.finish(text, out, from);
    }

    fn plain(&self, context: ValueContext, text: &str, traits: &Traits, out: &mut Vec<Finding>) {
        let is_marked =
            traits.digits > 0 || traits.upper || traits.at || traits.colon || traits.high;
        if !is_marked && !context.says_something() && text.len() < 8 {
            return;
        }
        let scene = Scene {
            label: context.topics,
            named: context.named,
            hidden: context.hidden,
            ..Scene::bare(text, traits)
        };
        let from = out.len();
        if traits.at {
            contact::emails(&scene, out);
            let emails: Vec<_> = out[from..].iter().map(|f| (f.start, f.end)).collect();
            secrets::behind_emails(text, &emails, out);
        }
        if traits.colon {
            contact::urls(&scene, out);
            contact::hardware(&scene, out);
        } else if text.len() > 8 {
            contact::urls(&scene, out);
        }
        if text.len() > 15 {
            secrets::keys(&scene, out);
        }
        secrets::announced(&scene, &scene.hits.secret, out);
        out[from..].sort_unstable_by_key(|f| f.start);
        if traits.digits > 0 {
            chains_beside(&scene, from, out);
        }
        if self.options.names {
            names_and_places(&scene, from, out);
        }
        special::detect(&scene, &scene.hits.special, out);
        labelled_cell(&scene, from, out);
        named_cell(&scene, context, from, out);
    }
}

/// The shortest number that is somebody's.
const TYPED_BYTES_MIN: usize = 6;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Bytes of the shortest text of a given name and a surname.
const NAME_BYTES_MIN: usize = 7;

/// Most tokens that a thread keeps room for.
const TOKENS_KEPT: usize = 64 * 1024;

/// What a thread keeps from text to text, so that a text costs no allocation.
#[derive(Default)]
struct Scratch {
    tokens: Vec<Token>,
    taken: Vec<Finding>,
    /// The text with its letters of ASCII in small ones.
    small: String,
}

/// Names, and addresses around their numbers.
fn names_and_places(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    let traits = scene.traits;
    if !traits.upper && !traits.high {
        if scene.text.len() >= NAME_BYTES_MIN {
            names::small::detect(scene, from, out);
        }
        return;
    }
    if out.len() > from || !plain::is_plain(scene) {
        look_for_names_and_places(scene, from, out);
    }
}

/// Takes a text apart and finds names and addresses.
fn look_for_names_and_places(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    let traits = scene.traits;
    SCRATCH.with_borrow_mut(|Scratch { tokens, taken, small }| {
        tokens.clear();
        names::tokens::split(scene.text, &traits.words, 0, tokens);
        taken.clear();
        taken.extend_from_slice(&out[from..]);
        taken.sort_unstable_by_key(|finding| finding.start);
        if tokens.iter().any(Token::is_candidate) {
            names::detect(scene, tokens, taken, out);
        } else {
            names::small::detect(scene, from, out);
        }
        // `s/n` stands for a house without a number.
        let bytes = scene.text.as_bytes();
        let numberless = || {
            let mut slashes = memchr::memchr_iter(b'/', bytes);
            slashes.any(|at| matches!(bytes.get(at + 1), Some(b'n' | b'N')))
        };
        if traits.digits > 0 || numberless() {
            small.clear();
            small.push_str(scene.text);
            small.make_ascii_lowercase();
            address::detect(scene, small, tokens, from, out);
            postal::detect(scene, tokens, from, out);
        }
        // One long text is not to keep its memory.
        tokens.shrink_to(TOKENS_KEPT);
        taken.shrink_to(TOKENS_KEPT);
        small.shrink_to(TOKENS_KEPT);
    });
}

/// Walks all chains, those in web addresses too: a number is not less somebody's for standing in
/// one. Dates and counts are no values there.
fn chains_beside(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    let urls = Cover::of(out[from..].iter().filter(|f| f.category == Category::Url));
    let known = out.len();
    chains(scene, from, out);
    let mut write = known;
    for read in known..out.len() {
        let finding = out[read];
        let weak = matches!(finding.category, Category::Date | Category::Age);
        if !(weak && urls.holds(&finding.range())) {
            out[write] = finding;
            write += 1;
        }
    }
    out.truncate(write);
}

/// Walks all chains outside the spans that are already found (`out[from..]`, sorted).
fn chains(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    let bytes = scene.text.as_bytes();
    let mut taken = from..out.len();
    let mut chain = Chain::default();
    let mut key_ends = secrets::Ends::default();
    let mut at = 0;
    let mut floor = 0;
    while at < bytes.len() {
        let Some(digit) = scene.traits.words.find_digit(at) else { break };
        at = digit;
        while taken.start < taken.end
            && (out[taken.start].end <= at || out[taken.start].category == Category::Url)
        {
            taken.start += 1;
        }
        if let Some(known) = out[taken.clone()].first().filter(|f| f.start <= at) {
            at = known.end;
            floor = at;
            continue;
        }
        if let Some(finding) = decimal_pair(scene, at) {
            at = finding.end;
            floor = at;
            out.push(finding);
            continue;
        }
        let end = collect(bytes, at, floor, &mut chain);
        wallets(scene, &chain, out);
        secrets::in_chain(scene.text, &chain, &mut key_ends, out);
        // A value may begin in a full chain and end in the next one.
        let again = walk(scene, &chain, out);
        at = again.unwrap_or(end).max(at + 1);
        floor = at;
    }
}

fn decimal_pair(scene: &Scene<'_>, at: usize) -> Option<Finding> {
    let bytes = scene.text.as_bytes();
    let before = at.checked_sub(1).map(|i| bytes[i]);
    let starts = before.is_none_or(|b| {
        !(b.is_ascii_alphanumeric() || b == b'.') || matches!(b, b'N' | b'S' | b'E' | b'W')
    });
    // Cheap shape test first: one to three digits and a point or a degree sign.
    let point = bytes[at..].iter().take(4).position(|b| matches!(b, b'.' | 0xC2))?;
    (starts && point > 0).then(|| geo::pair(scene, at)).flatten()
}

fn wallets(scene: &Scene<'_>, chain: &Chain, out: &mut Vec<Finding>) {
    for group in chain.groups().iter().filter(|g| g.len() >= 14) {
        let word = &scene.text[group.start..group.end];
        if wallets::is_wallet(word) {
            let range = group.start..group.end;
            out.push(Finding::new(range, Category::CryptoAddress, 80, Evidence::Shape, "wallet"));
        }
    }
}

/// A whole cell whose column says what it is, when nothing else was found in it.
fn labelled_cell(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    if scene.label.is_empty() || out.len() > from || scene.trimmed.0 == scene.trimmed.1 {
        return;
    }
    let value = &scene.text[scene.trimmed.0..scene.trimmed.1];
    if value.len() > 64 || value.contains('\n') {
        return;
    }
    let letters = value.chars().any(char::is_alphabetic);
    let category = if scene.label.any(Topics::SECRET) && value.len() >= 4 {
        Category::Secret
    } else if scene.label.any(Topics::STREET) && letters {
        Category::Address
    } else if scene.label.any(Topics::USER) {
        Category::Username
    } else {
        return;
    };
    if fits(category, value, &[]) {
        let range = scene.trimmed.0..scene.trimmed.1;
        out.push(Finding::new(range, category, 60, Evidence::Context, "column"));
    }
}

/// A whole cell whose name says what it is, where the value does not deny it. What was found in
/// it stays where it is proven; what models and lists found is a part of the whole.
fn named_cell(scene: &Scene<'_>, context: ValueContext, from: usize, out: &mut Vec<Finding>) {
    let Some((category, strength)) = context.said else { return };
    let range = scene.trimmed.0..scene.trimmed.1;
    let value = &scene.text[range.clone()];
    let found = &out[from..];
    if value.is_empty() || value.len() > NAMED_BYTES_MAX || value.contains('\n') {
        return;
    }
    let covered = found.iter().any(|f| f.range() == range && outdoes_names(f));
    if covered || is_placeholder(value) || !fits(category, value, found) {
        return;
    }
    let digits = scene.traits.digits;
    let believed = match (strength, category) {
        (
            _,
            Category::NationalId
            | Category::TaxId
            | Category::HealthId
            | Category::Passport
            | Category::BankAccount
            | Category::Iban
            | Category::Card,
        ) if digits < IDENTIFIER_DIGITS_MIN => false,
        (Strength::Clear, _) => true,
        (Strength::Hint, Category::Location) => {
            context.people && value.contains(char::is_uppercase)
        }
        (Strength::Hint, Category::PersonName) => {
            names::is_name(value) || context.people && value.contains(char::is_uppercase)
        }
        // Titles, organisations, languages and addresses of the web say little about a person.
        (Strength::Hint, _) => context.people,
    };
    if believed {
        // A check digit that nothing announces is less than a name that does.
        let whole = found.iter().filter(|f| f.range() == range).map(|f| f.score + 1).max();
        let score = match strength {
            Strength::Clear => whole.unwrap_or(0).max(86),
            Strength::Hint => 70,
        };
        out.push(Finding::new(range, category, score, Evidence::Context, "name"));
    }
}

/// Whether a finding is surer of what a value is than the name of its column.
fn outdoes_names(finding: &Finding) -> bool {
    finding.evidence == Evidence::ChecksumAndContext || finding.category.is_sure()
}

/// Longest value that the name of its column speaks for.
const NAMED_BYTES_MAX: usize = 128;

/// Fewest digits of an identifier that its column alone announces.
const IDENTIFIER_DIGITS_MIN: usize = 6;

/// Whether a value stands for none.
fn is_placeholder(value: &str) -> bool {
    !value.contains(char::is_alphanumeric)
        || ["null", "none", "nan", "n/a", "nil", "undefined"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
}

/// How much of a text that goes on is held back, so that a value is not cut in two.
const HELD_BYTES: usize = 192;

/// Where a text that goes on may be cut: findings before the cut are final, the rest of the text
/// is to be looked at again with what follows. The cut is at white space, outside every finding
/// and a little before the end; zero when there is no such place yet.
#[must_use]
pub fn cut(text: &str, findings: &[Finding]) -> usize {
    let bytes = text.as_bytes();
    let mut limit = bytes.len().saturating_sub(HELD_BYTES);
    loop {
        let Some(space) = bytes[..limit].iter().rposition(u8::is_ascii_whitespace) else {
            return 0;
        };
        let next = findings.partition_point(|finding| finding.end <= space);
        match findings.get(next).filter(|finding| finding.start <= space) {
            Some(finding) => limit = finding.start,
            None => return space + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check;

    #[test]
    fn identifiers_in_text() {
        check("my SSN is 514-69-0360.", &["national-id:514-69-0360"]);
        check("AA 12 34 56 B", &["national-id:AA 12 34 56 B"]);
        check("BSN 111222333", &["national-id:111222333"]);
        check("rows: 111222333", &[]);
        check("131052-308T", &["national-id:131052-308T"]);
    }

    #[test]
    fn neighbours_hide_no_value() {
        let card = "card:4111 1111 1111 1111";
        for (before, behind) in [
            ("2 3 4 5 ", ""),
            ("1) ", ""),
            ("order 5512 ", ""),
            ("…", ""),
            ("line\\n", "\\nline"),
            ("", " (5)"),
            ("", ",7"),
            ("", ",192.168.17.x"),
        ] {
            check(&format!("{before}4111 1111 1111 1111{behind}"), &[card]);
        }
        check("4111 1111 1111 1111 4111 1111 1111 1111", &[card, card]);
        check("4111 1111 1111 1111 2024-01-05", &[card, "date:2024-01-05"]);
        check("DE89370400440532013000,7", &["iban:DE89370400440532013000"]);
        check("it costs 1 234,56 or 1234567,89", &[]);
        check("passport number KR8129301 and", &["passport:KR8129301"]);
    }

    #[test]
    fn bytes_that_are_not_text_divide() {
        let mut found = Vec::new();
        Detector::default().detect_bytes(b"\xFF\xFEa@b.org\xFF", &mut found);
        assert_eq!((found[0].start, found[0].end), (2, 9));
    }

    #[test]
    fn a_cut_is_behind_no_half_value() {
        let text = format!("to 4111 1111 1111 1111 {}", "x".repeat(HELD_BYTES - 10));
        let mut found = Vec::new();
        Detector::default().detect(&text, &mut found);
        assert_eq!(cut(&text, &found), 3, "the card is not cut");
        assert_eq!(cut("short", &[]), 0);
    }

    #[test]
    fn a_row_of_numbers_hides_no_value() {
        for count in 0..40 {
            let text = format!("x {}DE89 3704 0044 0532 0130 00", "7 ".repeat(count));
            let mut found = Vec::new();
            Detector::default().detect(&text, &mut found);
            let iban = found.iter().find(|f| f.category == Category::Iban);
            assert!(iban.is_some_and(|f| f.end == text.len()), "behind {count} numbers");
        }
    }

    #[test]
    fn time_grows_with_the_length_only() {
        let statement = |i: usize| {
            format!("INSERT INTO t VALUES ({i}, 'order shipped', '2024-01-1{}'); ", i % 9)
        };
        let text: String = (0..30_000).map(statement).collect();
        let start = std::time::Instant::now();
        Detector::default().detect(&text, &mut Vec::new());
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    #[test]
    fn switches_and_thresholds_hold() {
        let options =
            Options { categories: Categories::NONE.with(Category::Iban), ..Options::default() };
        let mut found = Vec::new();
        Detector::new(options).detect("a@b.org", &mut found);
        assert!(found.is_empty());
    }
}
