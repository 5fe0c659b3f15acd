//! The words around a candidate, in the languages of Europe: what kind of number is being
//! announced. It only looks near a candidate, so text without candidates costs nothing.

pub(crate) mod announcers;
pub(crate) mod fields;
pub(crate) mod headers;
mod labels;
pub(crate) mod scene;
pub(crate) mod things;
pub(crate) mod topics;
pub(crate) mod value;

use crate::text::bytes::{find_high, word_starts};
use announcers::WORDS;
use scene::Scene;
use std::ops::Range;
use topics::Topics;

/// The kinds announced around a candidate, and where the closest announcing words stand.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Announced {
    pub(crate) topics: Topics,
    /// The topics of the closest word before, and where that word ends.
    pub(crate) nearest: Topics,
    pub(crate) nearest_end: usize,
    /// The topics of the first word behind, and where that word begins.
    pub(crate) behind: Topics,
    pub(crate) behind_start: usize,
}

/// How far back announcing words are looked for.
const BEFORE_BYTES: usize = 72;
const AFTER_BYTES: usize = 36;

/// Looks at the text before (and a little after) the candidate `start..end`.
pub(crate) fn around(scene: &Scene<'_>, start: usize, end: usize) -> Announced {
    let text = scene.text;
    let mut from = start.saturating_sub(BEFORE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let letter = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    let cut = from > 0 && text.as_bytes().get(from - 1).is_some_and(letter);
    let place = if cut { Place::Cut } else { Place::Running };
    let before = scan_within(scene, from..start, place);
    let mut found = Announced {
        topics: before.topics,
        nearest: before.last.0,
        nearest_end: before.last.1 + from,
        ..Announced::default()
    };
    let mut to = (end + AFTER_BYTES).min(text.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    if let Some(stop) = memchr::memchr3(b'\n', b';', b',', &text.as_bytes()[end..to]) {
        to = end + stop;
    }
    if to - end > 3 {
        let after = scan_within(scene, end..to, Place::Running);
        found.topics = found.topics.or(after.topics);
        found.behind = after.first.0;
        found.behind_start = after.first.1 + end;
    }
    found
}

/// Whether the word right before `end` announces a topic: `age: 41`, `(edad 41`.
pub(crate) fn is_word_before(text: &str, end: usize, topic: Topics) -> bool {
    let front = text[..end].trim_end_matches([':', ' ', '=', '"', '(', '.']);
    let letters = front.chars().rev().take_while(|c| is_letter(*c));
    let size: usize = letters.map(char::len_utf8).sum();
    let word = &front[front.len() - size..];
    end - front.len() <= BEFORE_BYTES
        && (3..=AFTER_BYTES).contains(&size)
        && word_topics(word).any(topic)
}

/// What one word announces.
fn word_topics(word: &str) -> Topics {
    if !word.is_ascii() {
        return scan_wide(word, Place::Running).last.0;
    }
    let (terms, _) = &*WORDS;
    let mut found = Words::default();
    if terms.may_begin(word.as_bytes(), 0) {
        found.look(word, word.as_bytes(), 0, Place::Running, &ends_of(word));
    }
    found.last.0
}

/// The topics of a column name or another short label.
pub(crate) fn label(text: &str) -> Topics {
    if text.is_empty() {
        return Topics::default();
    }
    let spaced: String =
        text.chars().map(|c| if matches!(c, '_' | '-' | '.') { ' ' } else { c }).collect();
    let words = scan(&spaced, Place::Label);
    let topics = words.topics.or(scan(text, Place::Label).topics);
    // What is said of a user (`user_role`) is none; what names one ends with the word.
    let end = spaced.trim_end_matches(|c: char| !c.is_alphabetic()).len();
    let names_user = words.last.0.any(Topics::USER) && words.last.1 == end;
    if names_user { topics } else { topics.without(Topics::USER) }
}

/// Where words are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Running,
    /// Running text that begins within a word.
    Cut,
    Label,
}

/// The announcing words of a piece of text.
#[derive(Default)]
struct Words {
    topics: Topics,
    /// The first words, with where they begin.
    first: (Topics, usize),
    /// The last words, with where they end.
    last: (Topics, usize),
}

/// The announcing words of a stretch of a text, whose words are known.
fn scan_within(scene: &Scene<'_>, range: Range<usize>, place: Place) -> Words {
    let window = &scene.text[range.clone()];
    if scene.traits.high && !window.is_ascii() {
        return scan_wide(window, place);
    }
    let (terms, _) = &*WORDS;
    let mut found = Words::default();
    let from = range.start;
    let mut starts = scene.traits.words.starts_within(range);
    // What goes on there is no beginning of a word.
    starts &= if place == Place::Cut { !1 } else { !0 };
    // Which words may be such is known, but where the stretch begins or ends within one.
    let ends = u128::MAX.checked_shl(window.len().saturating_sub(3) as u32).unwrap_or(0);
    starts &= scene.hits.announcing.within(from) | 1 | ends;
    while starts != 0 {
        let start = starts.trailing_zeros() as usize;
        starts &= starts - 1;
        if terms.may_begin(window.as_bytes(), start) {
            found.look(window, window.as_bytes(), start, place, &ends_of(window));
        }
    }
    found
}

/// The announcing words of a text.
fn scan(window: &str, place: Place) -> Words {
    if !window.is_ascii() {
        return scan_wide(window, place);
    }
    let (terms, _) = &*WORDS;
    let bytes = window.as_bytes();
    let mut found = Words::default();
    let visit = |start: usize| found.look(window, bytes, start, place, &ends_of(window));
    word_starts(bytes, |at| terms.may_begin(bytes, at), visit);
    found
}

/// Says where a word of ASCII ends.
fn ends_of(window: &str) -> impl Fn(usize) -> bool {
    |end| window.as_bytes().get(end).is_none_or(|byte| !byte.is_ascii_alphabetic())
}

/// Like [`scan`], for a text that is not ASCII.
fn scan_wide(window: &str, place: Place) -> Words {
    let (terms, _) = &*WORDS;
    let mut found = Words::default();
    let bytes = lowered(window);
    let ends = |end: usize| {
        let after = window[end..].chars().next();
        after.is_none_or(|c| c.is_ascii_digit() || !is_letter(c))
    };
    let mut inside = place == Place::Cut;
    for (start, c) in window.char_indices() {
        let letter = is_letter(c);
        // Scripts that are written without spaces have no beginnings of words.
        let begins = letter && (!inside || matches!(c, '\u{0e00}'..='\u{10ff}' | '\u{3000}'..));
        inside = letter;
        if begins && terms.may_begin(&bytes, start) {
            found.look(window, &bytes, start, place, &ends);
        }
    }
    found
}

/// Whether a character belongs to words; no-break spaces, dashes and quotation marks do not.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c >= '\u{c0}' && !matches!(c, '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}')
}

impl Words {
    /// Adds the words that begin at `start` of a window, which is `bytes` in small letters.
    fn look(
        &mut self,
        window: &str,
        bytes: &[u8],
        start: usize,
        place: Place,
        ends: &dyn Fn(usize) -> bool,
    ) {
        let (terms, values) = &*WORDS;
        for (index, length) in terms.at(&bytes[start..]) {
            let (topics, capitals) = values[index];
            let end = start + length;
            let raw = &window.as_bytes()[start..end];
            let small = capitals && place != Place::Label && raw.iter().any(u8::is_ascii_lowercase);
            // Short words are whole words; longer ones may carry an ending.
            if (length > 5 || ends(end)) && !small {
                self.add(topics, start, end);
            }
        }
    }

    fn add(&mut self, topics: Topics, start: usize, end: usize) {
        self.topics = self.topics.or(topics);
        // `number` says nothing about what the number is of.
        if topics == Topics::ANY {
            return;
        }
        if self.first.0.is_empty() {
            self.first = (topics, start);
        } else if start == self.first.1 {
            self.first.0 = self.first.0.or(topics);
        }
        if end > self.last.1 {
            self.last = (topics, end);
        } else if end == self.last.1 {
            self.last.0 = self.last.0.or(topics);
        }
    }
}

/// Small letters, but where that would move offsets. The table takes care of ASCII.
fn lowered(text: &str) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    let mut end = 0;
    while let Some(at) = find_high(&out, end) {
        // Most are small letters already.
        if let [0xC3, 0x9F..=0xBF, ..] = out[at..] {
            end = at + 2;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        end = at + c.len_utf8();
        let lower = c.to_lowercase().next().filter(|l| *l != c && l.len_utf8() == c.len_utf8());
        if let Some(lower) = lower {
            lower.encode_utf8(&mut out[at..end]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::traits::Traits;

    fn around(text: &str, start: usize, end: usize) -> Announced {
        let traits = Traits::of(text.as_bytes());
        super::around(&Scene::bare(text, &traits), start, end)
    }

    #[test]
    fn announces_by_whole_words_before_and_after() {
        let text = "Meine Steuer-ID: 12345678903, ok";
        let found = around(text, 17, 28);
        assert!(found.topics.any(Topics::TAX));
        assert!(!found.topics.any(Topics::PHONE));
        assert_eq!(&text[..found.nearest_end], "Meine Steuer-ID");
        assert!(around("„PESEL“ 1", 12, 13).topics.any(Topics::NATIONAL), "in quotation marks");
        assert!(!around("hotel 123456", 6, 12).topics.any(Topics::PHONE), "tel inside a word");
        assert!(around("0171 1234567 (mobil)", 0, 12).topics.any(Topics::PHONE));
        let found = around("12345678903 ist meine Steuer-ID", 0, 11);
        assert!(found.behind.any(Topics::TAX) && found.behind_start == 22);
    }

    #[test]
    fn some_words_count_in_capitals_only() {
        assert!(around("SIN 123456782", 4, 13).topics.any(Topics::NATIONAL));
        assert!(!around("sin 123456782", 4, 13).topics.any(Topics::NATIONAL), "Spanish: without");
        assert!(label("sin").any(Topics::NATIONAL), "a column is no sentence");
    }

    #[test]
    fn words_of_scripts_without_spaces_are_found_anywhere() {
        assert!(around("ฉันถือบัตรประชาชน 1", 52, 53).topics.any(Topics::NATIONAL));
    }

    #[test]
    fn reads_column_names() {
        assert!(label("customer_phone_number").any(Topics::PHONE));
        assert!(label("").is_empty());
    }
}
