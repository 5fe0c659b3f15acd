//! Values with something in the middle that no reader sees, or that every reader leaves out: the
//! fold of a calendar or a mail, a soft break, the mark of a quoted line, a tag, a colour.
//!
//! ```text
//! DESCRIPTION:pay to DE8937040␍␊ 0440532013000      > DE89 3704 0044␊> 0532 0130 00
//! ```
//!
//! Two readings are looked at: one in which the lines are put together, and one with a space
//! between them. Only what stands around such a break is, and only where a value could: ordinary
//! text costs a look for its breaks.

use crate::beside::add;
use portreeve_detect::{Category, Detector, Evidence, Finding, ValueContext};

/// How far around a break a value may reach.
const AROUND_BYTES: usize = 72;
/// Fewer digits around a break are no number that anybody is known by.
const DIGITS_MIN: usize = 8;
/// The longest tag, and the longest sequence of a terminal.
const TAG_BYTES_MAX: usize = 64;
/// A line that a program has folded is not shorter.
const FOLDED_BYTES_MIN: usize = 60;
/// Digits of a number that is not one of several in a column.
const DIGITS_ALONE_MAX: usize = 6;

/// What stands between two pieces of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Readers leave it out: a colour, a soft break, a tag within a word.
    Unseen,
    /// A line goes on (RFC 5545 section 3.1, RFC 5322 section 2.2.3).
    Fold,
    /// Another line or another cell, behind whatever mark.
    Line,
    /// Another line, and nothing else.
    Plain,
}

#[derive(Clone, Copy, Debug)]
struct Break {
    start: usize,
    end: usize,
    kind: Kind,
}

/// How the pieces around a break are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    Glued,
    Spaced,
}

/// Adds what is found over breaks to what was found already, in order.
pub(crate) fn look_over_breaks(detector: Detector, text: &str, found: &mut Vec<Finding>) {
    let breaks = breaks(text);
    let mut fresh = Vec::new();
    let regions = regions(text, &breaks);
    let is_calendar = !regions.is_empty() && text.contains("BEGIN:V");
    for (region, inside) in regions {
        for joined in [Joined::Glued, Joined::Spaced] {
            let mut reading = Reading::of(text, region, inside, joined);
            reading.is_calendar = is_calendar;
            reading.look(detector, found, &mut fresh);
        }
    }
    add(fresh, found);
}

/// The breaks of a text that stand within something.
fn breaks(text: &str) -> Vec<Break> {
    let bytes = text.as_bytes();
    let mut found: Vec<Break> = Vec::new();
    // The first line has a mark like the others.
    let mut at = bytes.iter().take(TAG_BYTES_MAX).take_while(|byte| is_of_a_mark(**byte)).count();
    if at > 0 {
        found.push(Break { start: 0, end: at, kind: Kind::Line });
    }
    let is_mark = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'<' | b'\x1b' | b'=');
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(is_mark)) {
        let start = at + next;
        match break_at(bytes, start) {
            Some((end, kind)) => {
                // One behind the other (`<br>` and the line's end, two tags) are one.
                match found.last_mut().filter(|last| last.end == start) {
                    Some(last) => {
                        last.end = end;
                        last.kind = of_both(last.kind, kind);
                    }
                    None => found.push(Break { start, end, kind }),
                }
                at = end;
            }
            None => at = start + 1,
        }
    }
    found
}

fn of_both(one: Kind, other: Kind) -> Kind {
    match (one, other) {
        (Kind::Unseen, kind) | (kind, Kind::Unseen) => kind,
        (Kind::Plain, Kind::Plain) => Kind::Plain,
        _ => Kind::Line,
    }
}

/// The break that begins at a byte, and where it ends.
fn break_at(bytes: &[u8], start: usize) -> Option<(usize, Kind)> {
    let rest = bytes.get(start..)?;
    match rest.first()? {
        b'\x1b' => {
            let within = rest.get(1..)?.iter().take(TAG_BYTES_MAX);
            let length = match rest.get(1)? {
                b'[' => within.skip(1).position(|byte| byte.is_ascii_alphabetic())? + 3,
                // What follows may be a letter of several bytes.
                byte => 1 + usize::from(byte.is_ascii()),
            };
            Some((start + length, Kind::Unseen))
        }
        b'=' => {
            let end = line_end(rest.get(1..)?)?;
            Some((start + 1 + end, Kind::Unseen))
        }
        b'<' => {
            let length = rest.iter().take(TAG_BYTES_MAX).position(|byte| *byte == b'>')? + 1;
            let name = rest.get(1..length)?;
            let name = name.strip_prefix(b"/").unwrap_or(name);
            let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
            let name = name.get(..end).filter(|name| !name.is_empty())?;
            let is_within = WITHIN.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
            Some((start + length, if is_within { Kind::Unseen } else { Kind::Line }))
        }
        _ => {
            let end = line_end(rest)?;
            let behind = rest.get(end..)?;
            let mark = behind.iter().take(TAG_BYTES_MAX).take_while(|byte| is_of_a_mark(**byte));
            let mark = behind.get(..mark.count())?;
            let kind = match mark {
                [] => Kind::Plain,
                [b' ' | b'\t'] => Kind::Fold,
                _ => Kind::Line,
            };
            Some((start + end + mark.len(), kind))
        }
    }
}

/// Tags within a word.
const WITHIN: [&str; 14] = [
    "a", "abbr", "b", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "u", "wbr",
];

fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n' | b'\r', ..] => Some(1),
        _ => None,
    }
}

/// What quotes, comments, tables and patches write in front of a line.
const fn is_of_a_mark(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'>' | b'|' | b'+' | b'-' | b'*' | b'#' | b'/')
}

/// What of a text stands around breaks in which a value could be, with those.
fn regions<'b>(text: &str, breaks: &'b [Break]) -> Vec<((usize, usize), &'b [Break])> {
    let mut found: Vec<((usize, usize), (usize, usize))> = Vec::new();
    for (index, one) in breaks.iter().enumerate().filter(|(_, one)| may_part(text, one)) {
        let start = text.floor_char_boundary(one.start.saturating_sub(AROUND_BYTES));
        let end = text.ceil_char_boundary((one.end + AROUND_BYTES).min(text.len()));
        match found.last_mut().filter(|((_, last), _)| start <= *last) {
            Some((region, inside)) => {
                region.1 = end;
                inside.1 = index;
            }
            None => found.push(((start, end), (index, index))),
        }
    }
    let with_breaks = |((start, end), (first, last)): ((usize, usize), (usize, usize))| {
        // Those around it are left out, too.
        let from = breaks.get(..first).unwrap_or_default();
        let from = from.iter().rev().take_while(|it| it.start >= start).count();
        let behind = breaks.get(last + 1..).unwrap_or_default();
        let behind = behind.iter().take_while(|it| it.end <= end).count();
        ((start, end), breaks.get(first - from..=last + behind).unwrap_or_default())
    };
    found.into_iter().map(with_breaks).collect()
}

/// Whether a value could stand on both sides of a break.
fn may_part(text: &str, one: &Break) -> bool {
    let bytes = text.as_bytes();
    let before = bytes.get(..one.start).unwrap_or_default();
    let behind = bytes.get(one.end..).unwrap_or_default();
    let is_of_one = |byte: &u8| byte.is_ascii_alphanumeric() || b"@._-+% ".contains(byte);
    let touches = before.last().is_some_and(is_of_one) && behind.first().is_some_and(is_of_one);
    if !touches {
        return false;
    }
    let before = before.iter().rev().take(AROUND_BYTES);
    let mut around = before.chain(behind.iter().take(AROUND_BYTES));
    let mut digits = 0;
    let has_number = around.any(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        digits >= DIGITS_MIN
    });
    let has_sign = || {
        let near = bytes.get(one.start.saturating_sub(AROUND_BYTES)..).unwrap_or_default();
        near.iter().take(2 * AROUND_BYTES + one.end - one.start).any(|byte| *byte == b'@')
    };
    has_number || (matches!(one.kind, Kind::Unseen | Kind::Fold) && has_sign())
}

/// A piece of a text without its breaks.
struct Reading<'t> {
    text: &'t str,
    breaks: &'t [Break],
    joined: String,
    /// Where pieces begin in it, and where they come from.
    pieces: Vec<(usize, usize)>,
    /// The whole text is a calendar or a card, or holds one.
    is_calendar: bool,
}

impl<'t> Reading<'t> {
    fn of(
        text: &'t str,
        (start, end): (usize, usize),
        breaks: &'t [Break],
        joined: Joined,
    ) -> Self {
        let (pieces, is_calendar) = (Vec::new(), false);
        let mut reading = Self { text, breaks, joined: String::new(), pieces, is_calendar };
        let mut at = start;
        for one in breaks {
            reading.put(at, one.start);
            match (one.kind, joined) {
                (Kind::Unseen, _) | (Kind::Fold | Kind::Line, Joined::Glued) => {}
                (Kind::Fold | Kind::Line | Kind::Plain, Joined::Spaced) => reading.joined.push(' '),
                (Kind::Plain, Joined::Glued) => reading.joined.push('\n'),
            }
            at = one.end;
        }
        reading.put(at, end);
        reading
    }

    fn put(&mut self, start: usize, end: usize) {
        if let Some(piece) = self.text.get(start..end).filter(|piece| !piece.is_empty()) {
            self.pieces.push((self.joined.len(), start));
            self.joined.push_str(piece);
        }
    }

    /// Where a byte of it comes from.
    fn origin(&self, at: usize) -> Option<usize> {
        let piece = self.pieces.partition_point(|(begin, _)| *begin <= at).checked_sub(1)?;
        let (begin, from) = self.pieces.get(piece)?;
        Some(from + at - begin)
    }

    fn look(&self, detector: Detector, known: &[Finding], out: &mut Vec<Finding>) {
        let mut found = Vec::new();
        detector.scan_long(&self.joined, ValueContext::NONE, &mut found);
        for finding in found {
            let last = finding.end.checked_sub(1).and_then(|last| self.origin(last));
            let (Some(start), Some(last)) = (self.origin(finding.start), last) else { continue };
            let first = self.breaks.partition_point(|one| one.end <= start);
            let inside = self.breaks.get(first..).unwrap_or_default();
            let inside = inside.iter().take_while(|one| one.start <= last);
            let inside: Vec<Break> = inside.copied().collect();
            let one = Finding { start, end: last + 1, ..finding };
            if !inside.is_empty() && self.is_one(&one, &inside, known) {
                out.push(one);
            }
        }
    }

    /// Whether what was found over breaks is a value, and no words that stand on different lines.
    fn is_one(&self, one: &Finding, inside: &[Break], known: &[Finding]) -> bool {
        let is_all = |kinds: &[Kind]| inside.iter().all(|it| kinds.contains(&it.kind));
        match one.category {
            // The last letters of one line and the whole address on the next make one, too.
            Category::Email => {
                let is_whole = |at: &Break| {
                    let from = known.partition_point(|it| it.start < at.end);
                    let begin = known.get(from..).unwrap_or_default().iter();
                    begin
                        .take_while(|it| it.start == at.end)
                        .any(|it| it.category == Category::Email && it.end >= one.end)
                };
                let is_folded = |it: &Break| self.is_folded(it);
                is_all(&[Kind::Unseen, Kind::Fold])
                    && (!inside.iter().any(is_whole) || inside.iter().all(is_folded))
            }
            Category::Phone => {
                let value = self.text.get(one.range()).unwrap_or_default();
                value.starts_with('+') && is_all(&[Kind::Unseen, Kind::Fold, Kind::Line])
            }
            _ if one.evidence < Evidence::Checksum => false,
            Category::Iban => true,
            Category::Card => is_all(&[Kind::Unseen]) || self.is_no_column(one, inside),
            // Any two numbers pass the check of something.
            _ => inside.iter().all(|it| self.is_folded(it) && it.kind != Kind::Plain),
        }
    }

    /// Whether a line is one that a program has cut: it is long, or of a calendar or a card.
    fn is_folded(&self, one: &Break) -> bool {
        // A tag may stand between two words.
        if one.kind == Kind::Unseen {
            return !self.text.get(one.start..one.end).is_some_and(|it| it.contains('<'));
        }
        let before = self.text.get(..one.start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or(before);
        let is_marked = |line: &str| line.contains("mailto:");
        line.len() >= FOLDED_BYTES_MIN || is_marked(line) || self.is_calendar
    }

    /// Numbers that stand on lines of their own, or in cells, are several: of one number, some
    /// line holds more than a group of its digits.
    fn is_no_column(&self, one: &Finding, inside: &[Break]) -> bool {
        let mut at = one.start;
        let starts = inside.iter().map(|it| (it.start, it.end)).chain([(one.end, one.end)]);
        let pieces = starts.map(|(end, next)| {
            let piece = self.text.get(at..end).unwrap_or_default();
            at = next;
            piece.bytes().filter(u8::is_ascii_digit).count()
        });
        pieces.into_iter().any(|digits| digits > DIGITS_ALONE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_detect::Options;

    /// A text may be as long as a cell, and hold nothing else.
    #[test]
    fn many_values_cost_what_few_do() {
        for one in ["DE8937040\r\n 0440532013000 ", "x\r\n ann@example.org ", "4111111111111111:"] {
            let text = one.repeat(1 << 15);
            let began = std::time::Instant::now();
            let mut found = Vec::new();
            let detector = Detector::new(Options::default());
            detector.scan_long(&text, ValueContext::NONE, &mut found);
            look_over_breaks(detector, &text, &mut found);
            crate::beside::look_beside(detector, &text, true, &mut found);
            assert!(found.len() >= 1 << 15, "{one}: {}", found.len());
            assert!(began.elapsed().as_secs() < 20, "{one}: {:?}", began.elapsed());
        }
    }

    fn shown(text: &str) -> String {
        let detector = Detector::new(Options::default());
        let mut found = seen(detector, text);
        look_over_breaks(detector, text, &mut found);
        masked(text, found)
    }

    fn seen(detector: Detector, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        detector.scan_long(text, ValueContext::NONE, &mut found);
        found.retain(|finding| finding.evidence >= Evidence::Shape);
        found
    }

    fn masked(text: &str, mut found: Vec<Finding>) -> String {
        found.retain(|finding| !crate::rules::ATTRIBUTES.contains(&finding.category));
        let mut shown = String::new();
        let mut at = 0;
        for finding in found {
            shown.push_str(&format!("{}[{}]", &text[at..finding.start], finding.category.name()));
            at = finding.end;
        }
        shown + &text[at..]
    }

    #[test]
    fn what_breaks_a_value_hides_none_of_it() {
        let check = |text: &str, expect: &str| assert_eq!(shown(text), expect, "{text:?}");
        for between in
            ["\r\n ", "\n\t", "=\r\n", "<br>", "<br />\n", "\n> ", "\n>> ", "\x1b[31m", "<b>"]
        {
            check(&format!("to DE8937040{between}0440532013000."), "to [iban].");
            check(&format!("to 4111111{between}111111111."), "to [card].");
        }
        for between in ["\n> ", "\n", "<br>", "</td><td>", "\n-", "\n+", "\n | ", "\r\n "] {
            check(&format!("DE89 3704 0044{between}0532 0130 00."), "[iban].");
        }
        check("DE89 \x1b[1m3704 \x1b[0m0044 0532 0130 00", "[iban]");
        check("-DE89 3704 0044\n-0532 0130 00\n", "-[iban]\n");
        check("> DE89 3704 0044\n> 0532 0130 00", "> [iban]");
        let cells = "<td>DE89</td><td>3704</td><td>0044</td><td>0532</td><td>0130</td><td>00</td>";
        check(cells, "<td>[iban]</td>");
        check("mail ann.lovelace\r\n @example.org now", "mail [email] now");
        check("ATTENDEE:mailto:ann.love\r\n lace@example.org\r\n", "ATTENDEE:mailto:[email]\r\n");
        check("ann.love=\r\nlace@example.org", "[email]");
        check("ann.lovelace\x1b[0m@example.org", "[email]");
    }

    #[test]
    fn lines_that_stand_for_themselves_are_no_value() {
        for text in [
            "the first\nthe second, 12345678\n4711 more\n",
            "4111\n1111\n1111\n1111\n",
            "<td>4111</td><td>1111</td><td>1111</td><td>1111</td>",
            "took 1234\n2026-11-30 10:20:30 took 1235\n2026-11-30 10:20:31",
            "a: 1\nb: 2\nc: 3\n",
            "let a = 12345678;\nlet b = 87654321;\n",
            "=== 12345678\n--- 12345678 a/b\n+++ 12345678 a/b\n",
        ] {
            let plain = seen(Detector::new(Options::default()), text);
            assert_eq!(shown(text), masked(text, plain));
        }
        for text in
            ["write to\n ann@example.org", "write to<br>ann@example.org", "to\nann@example.org"]
        {
            assert!(shown(text).starts_with(&text[..text.len() - 15]), "{text:?}");
        }
    }

    /// The documents of this repository are as ordinary as texts come, with numbers in tables.
    #[test]
    fn ordinary_text_has_nothing_over_its_breaks() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let detector = Detector::new(Options::default());
        let (mut looked, mut all) = (0, 0);
        for entry in std::fs::read_dir(docs).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let mut found = Vec::new();
            look_over_breaks(detector, &text, &mut found);
            assert_eq!(found, [], "{}", path.display());
            let breaks = breaks(&text);
            let regions = regions(&text, &breaks);
            looked += regions.iter().map(|((from, to), _)| to - from).sum::<usize>();
            all += text.len();
        }
        assert!(looked * 10 < all, "{looked} of {all} bytes");
    }

    #[test]
    fn what_is_looked_at_grows_with_the_text() {
        for unit in ["1\n", "1\r\n ", "<b>1", "\x1b[1m4", "@\n ", "=\n1"] {
            let text = unit.repeat(20_000);
            let breaks = breaks(&text);
            let looked: usize =
                regions(&text, &breaks).iter().map(|((from, to), _)| to - from).sum();
            assert!(looked <= text.len(), "{unit:?}");
        }
    }
}
