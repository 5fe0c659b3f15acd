//! The words around a candidate, in the languages of Europe: what kind of number is being
//! announced. It only looks near a candidate, so text without candidates costs nothing.

use crate::labels::LISTS;
use crate::words::Beginnings;
use std::sync::LazyLock;

/// A set of announced kinds, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topics(u32);

impl Topics {
    pub(crate) const PHONE: Self = Self(1);
    pub(crate) const NATIONAL: Self = Self(1 << 1);
    pub(crate) const TAX: Self = Self(1 << 2);
    pub(crate) const HEALTH: Self = Self(1 << 3);
    pub(crate) const PASSPORT: Self = Self(1 << 4);
    pub(crate) const DRIVER: Self = Self(1 << 5);
    pub(crate) const BANK: Self = Self(1 << 6);
    pub(crate) const CARD: Self = Self(1 << 7);
    pub(crate) const BIRTH: Self = Self(1 << 8);
    pub(crate) const PLATE: Self = Self(1 << 9);
    pub(crate) const POSTAL: Self = Self(1 << 10);
    pub(crate) const SECRET: Self = Self(1 << 11);
    pub(crate) const USER: Self = Self(1 << 12);
    pub(crate) const AGE: Self = Self(1 << 13);
    pub(crate) const GEO: Self = Self(1 << 14);
    pub(crate) const STREET: Self = Self(1 << 15);
    pub(crate) const OTHER: Self = Self(1 << 16);
    pub(crate) const NAME: Self = Self(1 << 17);
    pub(crate) const DEVICE: Self = Self(1 << 18);
    pub(crate) const COMPANY: Self = Self(1 << 19);
    pub(crate) const GENDER: Self = Self(1 << 20);
    /// An identifier of any kind.
    pub(crate) const ANY: Self = Self(1 << 22);
    /// Something that is counted or ordered, not a person's number.
    pub(crate) const THING: Self = Self(1 << 21);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether something of the other topics is announced, and nothing of the first ones.
    pub(crate) const fn is_other_than(self, first: Self, other: Self) -> bool {
        !self.any(first) && self.any(other)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

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
pub(crate) fn around(text: &str, start: usize, end: usize) -> Announced {
    let mut from = start.saturating_sub(BEFORE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let letter = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    let cut = from > 0 && text.as_bytes().get(from - 1).is_some_and(letter);
    let place = if cut { Place::Cut } else { Place::Running };
    let before = scan(&text[from..start], place);
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
    let mut after = &text[end..to];
    if let Some(stop) = memchr::memchr3(b'\n', b';', b',', after.as_bytes()) {
        after = &after[..stop];
    }
    if after.len() > 3 {
        let after = scan(after, Place::Running);
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
        && scan(word, Place::Running).last.0.any(topic)
}

/// The topics of a column name or another short label.
pub(crate) fn label(text: &str) -> Topics {
    if text.is_empty() {
        return Topics::default();
    }
    let spaced: String =
        text.chars().map(|c| if matches!(c, '_' | '-' | '.') { ' ' } else { c }).collect();
    scan(&spaced, Place::Label).topics.or(scan(text, Place::Label).topics)
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

fn scan(window: &str, place: Place) -> Words {
    let lower = if window.is_ascii() { None } else { Some(lowered(window)) };
    let text = lower.as_deref().unwrap_or(window);
    let bytes = text.as_bytes();
    let mut found = Words::default();
    let mut inside = place == Place::Cut;
    for (start, c) in text.char_indices() {
        let letter = is_letter(c);
        // Scripts that are written without spaces have no beginnings of words.
        let begins = letter && (!inside || matches!(c, '\u{0e00}'..='\u{10ff}' | '\u{3000}'..));
        inside = letter;
        if !begins {
            continue;
        }
        WORDS.each(&bytes[start..], |length, (topics, capitals)| {
            let end = start + length;
            // Short words are whole words; longer ones may carry an ending.
            let after = text[end..].chars().next();
            let ends = after.is_none_or(|c| c.is_ascii_digit() || !is_letter(c));
            let raw = &window.as_bytes()[start..end];
            let small = capitals && place != Place::Label && raw.iter().any(u8::is_ascii_lowercase);
            if (length > 5 || ends) && !small {
                found.add(topics, start, end);
            }
        });
    }
    found
}

/// Whether a character belongs to words; no-break spaces, dashes and quotation marks do not.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c >= '\u{c0}' && !matches!(c, '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}')
}

impl Words {
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

/// Small letters, but where that would move offsets.
fn lowered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // The automaton takes care of ASCII.
        let lower = if c.is_ascii() { Some(c) } else { c.to_lowercase().next() };
        out.push(lower.filter(|l| l.len_utf8() == c.len_utf8()).unwrap_or(c));
    }
    out
}

/// The words with their topics, and whether they count in capitals only.
static WORDS: LazyLock<Beginnings<(Topics, bool)>> = LazyLock::new(|| {
    Beginnings::new(LISTS.iter().flat_map(|(words, topics)| {
        words.split('|').map(|word| match word.strip_suffix('!') {
            Some(word) => (word, (*topics, true)),
            None => (word, (*topics, false)),
        })
    }))
});

#[cfg(test)]
mod tests {
    use super::*;

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
