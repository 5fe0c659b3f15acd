//! Values that something stands beside which hides them: the number of a line, a sign of `diff`, a
//! digit that another program has written. Whoever may run two programs can put anything in front
//! of what the second one shows, and everyday commands do (`grep -n`, `diff -u`).
//!
//! ```text
//! 12:4111111111111111    +DE89370400440532013000    94111111111111111    x-7-192.0.2.7
//! ```
//!
//! What is sure in itself (a card, an IBAN) is looked for wherever it stands; the rest behind what
//! such programs write at the beginning of a line.

use crate::rules::ATTRIBUTES;
use portreeve_detect::{Category, Detector, Evidence, Finding, ValueContext};

/// How far into a line its beginning is looked for, and how much behind it is looked at.
const PREFIX_BYTES_MAX: usize = 512;
const BEHIND_BYTES_MAX: usize = 96;
/// Most values of one run of digits that are looked at; where there are more, all of it is one.
const LOOKS_MAX: usize = 64;

/// Adds what is found beside other letters to what was found already, in order. `starts_line` says
/// whether the text begins where a line does.
pub(crate) fn look_beside(
    detector: Detector,
    text: &str,
    starts_line: bool,
    found: &mut Vec<Finding>,
) {
    let mut fresh = Vec::new();
    let look = Look { detector, text };
    look.runs(&mut fresh);
    look.lines(starts_line, &mut fresh);
    add(fresh, found);
}

/// Adds what was found to what was found already, in order; what meets is one.
///
/// INVARIANT: each is looked at a bounded number of times: a text may hold as many as it likes.
pub(crate) fn add(mut fresh: Vec<Finding>, found: &mut Vec<Finding>) {
    if fresh.is_empty() {
        return;
    }
    fresh.sort_by_key(|finding| (finding.start, usize::MAX - finding.end));
    let mut known = std::mem::take(found).into_iter().peekable();
    for one in fresh {
        let meets = |other: &Finding| other.start < one.end && one.start < other.end;
        let mut met: Vec<Finding> = Vec::new();
        while let Some(other) = found.pop_if(|other| meets(other)) {
            met.push(other);
        }
        met.reverse();
        while let Some(other) = known.next_if(|other| other.start < one.end) {
            if meets(&other) { met.push(other) } else { found.push(other) }
        }
        // What tells nobody apart may not be masked at all, and must not stand in its way.
        met.retain(|other| !ATTRIBUTES.contains(&other.category));
        if met.iter().any(|other| other.start <= one.start && one.end <= other.end) {
            found.append(&mut met);
            continue;
        }
        // A part of it that was taken for something else is a part of it still.
        let start = met.iter().map(|other| other.start).fold(one.start, usize::min);
        let end = met.iter().map(|other| other.end).fold(one.end, usize::max);
        found.push(Finding { start, end, ..one });
    }
    found.extend(known);
    found.sort_by_key(|finding| finding.start);
}

struct Look<'t> {
    detector: Detector,
    text: &'t str,
}

impl Look<'_> {
    /// What stands alone in a part of the text, all of which it is.
    fn alone(&self, start: usize, end: usize) -> Option<Finding> {
        self.first_of(start, end).filter(|finding| finding.end == end)
    }

    /// What a part of the text begins with, looked at by itself.
    fn first_of(&self, start: usize, end: usize) -> Option<Finding> {
        let part = self.text.get(start..end)?;
        let mut found = Vec::new();
        self.detector.scan_long(part, ValueContext::NONE, &mut found);
        let first = found.into_iter().find(|finding| finding.start == 0)?;
        let is_sure = first.evidence >= Evidence::Shape && !ATTRIBUTES.contains(&first.category);
        is_sure.then(|| Finding { start, end: start + first.end, ..first })
    }

    /// Numbers of cards and IBANs within runs of letters and digits.
    fn runs(&self, out: &mut Vec<Finding>) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(start) = position(bytes, at, |byte| byte.is_ascii_digit()) {
            let end = position(bytes, start, |byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
            match end - start {
                ..15 => {}
                _ => out.extend(self.card_in(start, end)),
            }
            out.extend(self.grouped(start, end));
            out.extend(self.iban_around(start));
            at = end;
        }
    }

    /// A run of digits in which a card stands.
    fn card_in(&self, start: usize, end: usize) -> Option<Finding> {
        let bytes = self.text.as_bytes();
        let mut looks = 0;
        for from in start..=end - 15 {
            for length in [16, 15] {
                let Some(window) = bytes.get(from..from + length).filter(|_| from + length <= end)
                else {
                    continue;
                };
                if !may_be_card(window) {
                    continue;
                }
                looks += 1;
                let is_card = looks > LOOKS_MAX
                    || self
                        .alone(from, from + length)
                        .is_some_and(|finding| finding.category == Category::Card);
                if is_card {
                    return Some(finding(start, end, Category::Card, Evidence::Checksum));
                }
            }
        }
        None
    }

    /// A card or a number of social security that is written in groups, of which a run of digits
    /// is the first.
    fn grouped(&self, start: usize, end: usize) -> Option<Finding> {
        let bytes = self.text.as_bytes();
        let shapes: [(&[usize], Category); 3] = [
            (&[4, 4, 4, 4], Category::Card),
            (&[4, 6, 5], Category::Card),
            (&[3, 2, 4], Category::NationalId),
        ];
        shapes.into_iter().find_map(|(groups, category)| {
            let (first, rest) = groups.split_first()?;
            let from = end.checked_sub(*first).filter(|from| *from >= start)?;
            let sign = *bytes.get(end).filter(|sign| matches!(sign, b' ' | b'-'))?;
            let mut to = end;
            for group in rest {
                let digits = bytes.get(to + 1..to + 1 + group)?;
                if bytes.get(to) != Some(&sign) || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                to += 1 + group;
            }
            // What has no check stands alone between other digits.
            let is_whole = from == start && !bytes.get(to).is_some_and(u8::is_ascii_digit);
            if category == Category::NationalId && !is_whole {
                return None;
            }
            self.alone(from, to).filter(|finding| finding.category == category)
        })
    }

    /// An IBAN of which a run of digits is the check.
    fn iban_around(&self, digits: usize) -> Option<Finding> {
        let bytes = self.text.as_bytes();
        let start = digits.checked_sub(2)?;
        let country = bytes.get(start..digits)?;
        if !country.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let is_part = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let most = bytes.get(start..)?.iter().take(34).take_while(|byte| is_part(byte)).count();
        (15..=most).rev().find_map(|length| {
            let value = bytes.get(start..start + length)?;
            let found = is_iban(value).then(|| self.alone(start, start + length))?;
            found.filter(|finding| finding.category == Category::Iban)
        })
    }

    /// Values behind what programs write at the beginning of a line.
    fn lines(&self, starts_line: bool, out: &mut Vec<Finding>) {
        let mut from = 0;
        for (at, line) in self.text.split_inclusive('\n').enumerate() {
            if at > 0 || starts_line {
                let line = line.trim_end_matches('\n');
                for place in places(line) {
                    let start = from + place;
                    let end = self
                        .text
                        .floor_char_boundary((from + line.len()).min(start + BEHIND_BYTES_MAX));
                    out.extend(self.first_of(start, end));
                }
                let end = from + line.len();
                let names = names(line).into_iter().map(|place| from + place);
                out.extend(names.filter_map(|start| self.alone(start, end)));
            }
            from += line.len();
        }
    }
}

/// Where a value may begin behind what programs write in front of a line: signs of `diff`, numbers
/// of lines, names of files and folders with those. A name may end with anything: whatever stands
/// before a sign, behind it is a place.
fn places(line: &str) -> Vec<usize> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let signs = bytes.iter().take(2).take_while(|byte| b"+-<>|!@%\\$ ".contains(byte)).count();
    if signs > 0 && begins(bytes, signs) {
        found.push(signs);
    }
    let prefix = bytes.iter().take(PREFIX_BYTES_MAX).enumerate();
    let behind = prefix.filter(|(_, byte)| matches!(byte, b':' | b'-' | b'/'));
    found.extend(behind.map(|(at, _)| at + 1).filter(|at| *at > signs && begins(bytes, *at)));
    found
}

/// Where the name of a file may begin that is the rest of a line, behind what is said of it: rights
/// (`ls -l`) or numbers (`wc`, `ls -s`).
fn names(line: &str) -> Vec<usize> {
    let bytes = line.as_bytes();
    let is_right = |byte: &u8| b"bcdlpsrwxStT-".contains(byte);
    let has_rights = bytes.get(..10).is_some_and(|rights| rights.iter().all(is_right));
    let has_number = bytes.trim_ascii_start().first().is_some_and(u8::is_ascii_digit);
    if !has_rights && !has_number {
        return Vec::new();
    }
    let prefix = bytes.iter().take(PREFIX_BYTES_MAX).enumerate();
    let blanks = prefix.filter(|(_, byte)| matches!(byte, b' ' | b'\t'));
    let is_national = |at: &usize| matches!(bytes.get(*at), Some(b'0' | b'+'));
    blanks.map(|(at, _)| at + 1).filter(is_national).collect()
}

fn begins(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'+')
}

fn position(bytes: &[u8], from: usize, is: impl Fn(&u8) -> bool) -> Option<usize> {
    bytes.get(from..)?.iter().position(is).map(|at| from + at)
}

fn finding(start: usize, end: usize, category: Category, evidence: Evidence) -> Finding {
    Finding { start, end, category, score: 80, evidence, rule: "beside", disguised: false }
}

/// Whether digits pass the check of cards, and begin as one does; detectors know the rest.
fn may_be_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte & 15) * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    let is_uniform = digits.windows(2).all(|pair| pair.first() == pair.last());
    matches!(digits.first(), Some(b'2'..=b'6' | b'8')) && sum.is_multiple_of(10) && !is_uniform
}

/// Whether letters and digits pass the check of IBANs (ISO 7064 MOD 97-10).
fn is_iban(value: &[u8]) -> bool {
    let (head, rest) = value.split_at(value.len().min(4));
    let rest = rest.iter().chain(head).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_detect::Options;

    /// A sign or a number may be taken for a part of what it stands before.
    #[track_caller]
    fn check_covered(category: &str, before: &str, value: &str) {
        let text = format!("{before}{value}");
        let detector = Detector::new(Options::default());
        let mut found = Vec::new();
        detector.scan_long(&text, ValueContext::NONE, &mut found);
        look_beside(detector, &text, true, &mut found);
        found.retain(|finding| !ATTRIBUTES.contains(&finding.category));
        let covers = |one: &Finding| one.start <= before.len() && one.end == text.len();
        assert!(found.iter().any(covers), "{category} in {text:?}: {found:?}");
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let detector = Detector::new(Options::default());
        let mut found = Vec::new();
        detector.scan_long(text, ValueContext::NONE, &mut found);
        found.retain(|finding| finding.evidence >= Evidence::Shape);
        look_beside(detector, text, true, &mut found);
        found.retain(|finding| !ATTRIBUTES.contains(&finding.category));
        let shown: Vec<String> = found
            .iter()
            .map(|finding| format!("{}:{}", finding.category.name(), &text[finding.range()]))
            .collect();
        assert_eq!(shown, expect, "{text:?}");
    }

    #[test]
    fn what_everyday_programs_write_hides_no_value() {
        let values = [
            ("card", "4111111111111111"),
            ("card", "4111 1111 1111 1111"),
            ("iban", "DE89370400440532013000"),
            ("national-id", "536-22-1874"),
            ("ip-address", "203.0.113.7"),
        ];
        for (category, value) in values {
            for before in
                ["1:", "12:", "two.txt:1:", "a/b.txt-2-", "2-", "+", "-", "> ", "< ", "| "]
            {
                check_covered(category, before, value);
            }
        }
        for before in ["@", "%", "\\", "$", "/", ".", "_", "x", "#"] {
            check(&format!("to {before}4111111111111111"), &["card:4111111111111111"]);
            check(&format!("to {before}4111 1111 1111 1111"), &["card:4111 1111 1111 1111"]);
        }
        for before in ["@", "%", "/", ".", "_", ":"] {
            check(&format!("to {before}536-22-1874"), &["national-id:536-22-1874"]);
        }
    }

    /// Names of files that `grep -r`, `find` and `ls -l` write end, and begin, with anything.
    #[test]
    fn no_name_of_a_file_hides_what_stands_behind_it() {
        let values =
            ["203.0.113.7", "+49 151 23456789", "079 123 45 67", "0151 23456789", "536-22-1874"];
        let many = "a-1".repeat(60) + ":";
        let befores = [
            "logs/app.log.1:",
            "logs/app-2024-11-30:",
            "app.log.1-",
            "./1a2a3a4a:",
            "v9:",
            "x.:",
            "203.0.113.9:",
            "app.log.1:12:",
            "app2-12-",
            "names/",
            "4\t./n3/",
            &many,
        ];
        for value in values {
            for before in befores {
                check_covered("value", before, value);
            }
        }
        for before in
            ["-rw-r--r-- 1 a a 1234567 Nov 29 10:20 ", "drwxr-xr-x+ 2 a a 4 ", "  1  2 16 "]
        {
            check_covered("telephone", before, "0151 23456789");
            check_covered("telephone", before, "+49 151 23456789");
        }
    }

    #[test]
    fn letters_that_are_glued_on_hide_nothing_that_has_a_check() {
        check("94111111111111111", &["card:94111111111111111"]);
        check("41111111111111119", &["card:41111111111111119"]);
        check("99941111111111111119", &["card:99941111111111111119"]);
        check("94111 1111 1111 1111", &["card:4111 1111 1111 1111"]);
        check("9DE89370400440532013000", &["iban:DE89370400440532013000"]);
        check("DE893704004405320130009", &["iban:DE89370400440532013000"]);
        check("a378282246310005b", &["card:378282246310005"]);
    }

    #[test]
    fn what_is_no_value_stays_one_that_is_none() {
        for text in [
            "2026-11-29 10:20:30.123 INFO started",
            "10:20:30 GET /a/12-3",
            "1732924800123456",
            "d41d8cd98f00b204e9800998ecf8427e",
            "+++ b/file.txt",
            "@@ -1,2 +3,4 @@",
            "-rw-r--r-- 1 a a 1234567 Nov 29 10:20 x",
            "12:let x = 5;",
            "2026-11-29T10:20:30+01:00 worker-3: job-17 took 0:00:12",
            "logs/app.log.1:10:20:30 GET /a/12-3",
            "-rw-r--r-- 1 a a 12 2026-11-29 10:20 02-03",
            "lib/x86_64-linux-gnu/libc-2.31.so:6",
            "nginx/1.24.0-2ubuntu7.1",
            "10.0.0 3 0 12",
        ] {
            check(text, &[]);
        }
    }
}
