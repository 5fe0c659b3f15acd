//! Words and marks of a text, and the runs of words that may hold names. A name starts with a
//! capital letter; words between names (`de`, `van der`, `&`) belong to the run, all other words
//! are context. Only runs cost more than the walk itself.

use crate::text::traits::{AsciiWord, Words};
use std::sync::LazyLock;

/// What a token looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A word in small letters.
    Lower,
    /// A word that starts with a capital letter.
    Capital,
    /// A word in capital letters.
    Caps,
    /// One capital letter.
    Initial,
    /// A word with capitals inside, as identifiers have them.
    Mixed,
    /// Digits, or letters with digits.
    Number,
    /// A mark.
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: Kind,
    /// The mark itself, or zero.
    pub(crate) mark: u8,
    /// Whether a line ends between this token and the one before it.
    pub(crate) newline: bool,
}

impl Token {
    pub(crate) fn is_candidate(&self) -> bool {
        matches!(self.kind, Kind::Capital | Kind::Caps | Kind::Initial)
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start as usize..self.end as usize]
    }
}

const LETTER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
const SPACE: u8 = 8;
/// A byte of a character outside ASCII.
const HIGH: u8 = 16;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = if byte.is_ascii_uppercase() {
            LETTER | UPPER
        } else if byte.is_ascii_lowercase() {
            LETTER
        } else if byte.is_ascii_digit() {
            DIGIT
        } else if byte.is_ascii_whitespace() {
            SPACE
        } else if byte >= 0x80 {
            HIGH
        } else {
            0
        };
        i += 1;
    }
    table
};

/// Code points of Latin, Greek and Cyrillic letters, whose classes are looked up.
const WIDE: usize = 0x500;

static WIDE_CLASSES: LazyLock<[u8; WIDE]> =
    LazyLock::new(|| std::array::from_fn(|point| char::from_u32(point as u32).map_or(0, class_of)));

fn class_of(c: char) -> u8 {
    if c.is_uppercase() {
        LETTER | UPPER
    } else if c.is_alphabetic() || ('\u{300}'..='\u{36f}').contains(&c) {
        LETTER
    } else if c.is_numeric() {
        DIGIT
    } else {
        0
    }
}

/// Class and length of the character at `at`.
#[inline]
fn class(text: &str, at: usize) -> (u8, usize) {
    let byte = text.as_bytes()[at];
    if byte < 128 {
        return (CLASSES[usize::from(byte)] & !SPACE, 1);
    }
    let Some(c) = text[at..].chars().next() else { return (0, 1) };
    (WIDE_CLASSES.get(c as usize).copied().unwrap_or_else(|| class_of(c)), c.len_utf8())
}

/// Splits a text from `from` on into tokens; its words are known. What follows a row of marks is
/// left out where it holds nothing that begins a name or an address.
pub(crate) fn split(text: &str, words: &Words, from: usize, out: &mut Vec<Token>) {
    let bytes = text.as_bytes();
    let mut at = from;
    let mut newline = true;
    // How many marks stand in a row, and up to where something is known to follow them.
    let (mut marks, mut ahead) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match CLASSES[usize::from(*byte)] {
            SPACE => {
                newline |= *byte == b'\n';
                at += 1;
            }
            0 => {
                push(out, at, at + 1, Kind::Mark, *byte, &mut newline);
                at += 1;
                marks += 1;
                if marks >= MARKS_MAX && at > ahead {
                    let Some(next) = words.find_telling(at) else { return };
                    ahead = next;
                }
                continue;
            }
            HIGH => match class(text, at) {
                (0, size) => {
                    if bytes[at..at + size] != [0xC2, 0xA0] {
                        let mark = quote(&bytes[at..at + size]);
                        push(out, at, at + size, Kind::Mark, mark, &mut newline);
                    }
                    at += size;
                }
                _ => at = word(text, at, out, &mut newline),
            },
            _ => match simple_word(bytes, words, at) {
                Some((end, kind)) => {
                    push(out, at, end, untied(kind, bytes, at, end), 0, &mut newline);
                    // Behind most words stands a blank.
                    at = end + usize::from(bytes.get(end) == Some(&b' '));
                }
                None => at = word(text, at, out, &mut newline),
            },
        }
        marks = 0;
    }
}

/// Marks in a row that no name, address or look around one goes across.
const MARKS_MAX: usize = 8;

/// Curly quotes count as straight ones, all other marks as one kind.
fn quote(bytes: &[u8]) -> u8 {
    match bytes {
        [0xE2, 0x80, 0x98..=0x9B] => b'\'',
        [0xE2, 0x80, 0x9C..=0x9F] | [0xC2, 0xAB | 0xBB] => b'"',
        [0xE2, 0x80, 0x90..=0x95] => b'-',
        _ => b'?',
    }
}

fn push(out: &mut Vec<Token>, start: usize, end: usize, kind: Kind, mark: u8, newline: &mut bool) {
    out.push(Token { start: start as u32, end: end as u32, kind, mark, newline: *newline });
    *newline = false;
}

/// The end and the kind of a word of ASCII letters and digits with nothing unusual in it.
#[inline]
fn simple_word(bytes: &[u8], words: &Words, start: usize) -> Option<(usize, Kind)> {
    let AsciiWord { length, all, upper, digits } = words.ascii_word(start)?;
    let end = start + length;
    if bytes.get(end).is_some_and(|byte| matches!(byte, b'\'' | b'-')) {
        return None;
    }
    let kind = match upper {
        _ if digits != 0 => Kind::Number,
        0 => Kind::Lower,
        1 if length == 1 => Kind::Initial,
        1 => Kind::Capital,
        _ if upper == all => Kind::Caps,
        _ => return None,
    };
    Some((end, kind))
}

/// Reads a word that is not simple and pushes it, in two parts when an apostrophe divides it.
fn word(text: &str, start: usize, out: &mut Vec<Token>, newline: &mut bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    let (mut letters, mut uppers, mut digits, mut first_upper) = (0, 0, 0, false);
    let mut inner_upper = false;
    let mut previous = 0_u8;
    let mut joined = true;
    while at < bytes.len() {
        let (class, size) = class(text, at);
        if class == 0 {
            let apostrophe = bytes[at] == b'\'' || bytes[at..].starts_with("’".as_bytes());
            let joint = apostrophe || bytes[at] == b'-';
            let next = at + size;
            let next_class = if next < bytes.len() { self::class(text, next).0 } else { 0 };
            if !joint || next_class & LETTER == 0 || letters == 0 {
                break;
            }
            // `NATO-u`, `Lego-klodser`: what follows a name is a word of its own.
            let ending = first_upper && letters > 1 && next_class & UPPER == 0;
            if !apostrophe && ending {
                break;
            }
            if apostrophe {
                if is_possessive(&bytes[next..]) {
                    break;
                }
                if !first_upper || letters <= 4 && next_class & UPPER == 0 {
                    let kind = kind(letters, uppers, digits, first_upper, inner_upper);
                    push(out, start, at, kind, 0, newline);
                    return next;
                }
            }
            previous = 0;
            joined = true;
            at = next;
            continue;
        }
        if class & LETTER != 0 {
            letters += 1;
            if class & UPPER != 0 {
                uppers += 1;
                if letters + digits == 1 {
                    first_upper = true;
                } else if previous == LETTER && !joined {
                    inner_upper = true;
                }
            }
        } else {
            digits += 1;
        }
        joined = false;
        previous = class;
        at += size;
    }
    inner_upper = inner_upper && !is_compound_name(&text[start..at]);
    let kind = kind(letters, uppers, digits, first_upper, inner_upper);
    push(out, start, at, untied(kind, bytes, start, at), 0, newline);
    at
}

/// The kind of a word, which counts as a part of an identifier where it is tied to one.
fn untied(kind: Kind, bytes: &[u8], start: usize, end: usize) -> Kind {
    match kind {
        Kind::Capital | Kind::Caps if is_tied(bytes, start, end) => Kind::Mixed,
        // `SQL_E_TIMEOUT`
        Kind::Initial if bytes.get(end) == Some(&b'_') || bytes[..start].ends_with(b"_") => {
            Kind::Mixed
        }
        other => other,
    }
}

/// Whether the text behind an apostrophe is an English ending: `'s`, `'ll`.
fn is_possessive(tail: &[u8]) -> bool {
    let ends = |n: usize| !tail.get(n).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    matches!(tail[0], b's' | b'S' | b't' | b'm') && ends(1)
        || matches!(tail, [b'l', b'l', ..] | [b'r', b'e', ..] | [b'v', b'e', ..]) && ends(2)
}

/// `McDonald` and `MacArthur` are names, `StatusBar` is not.
fn is_compound_name(word: &str) -> bool {
    let prefixes = ["Mc", "Mac", "De", "Di", "La", "Le", "Van", "Fitz"];
    prefixes.iter().find_map(|prefix| word.strip_prefix(prefix)).is_some_and(|rest| {
        rest.len() > 2 && rest.chars().filter(|c| c.is_uppercase()).count() == 1
    })
}

/// Whether a word is a part of an identifier, a path or a host name.
pub(super) fn is_tied(bytes: &[u8], start: usize, end: usize) -> bool {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(b' ');
    let before = if start > 0 { at(start - 1) } else { b' ' };
    let before2 = if start > 1 { at(start - 2) } else { b' ' };
    let (after, after2) = (at(end), at(end + 1));
    matches!(before, b'_' | b'\\' | b'$' | b'=' | b'#')
        || matches!(after, b'_' | b'\\' | b'=' | b'[')
        || before == b'.' && before2.is_ascii_lowercase()
        || after == b'.' && after2.is_ascii_lowercase() && end - start > 1
        || after == b'(' && at(end + 1) == b')'
        || before == b'/' && !before2.is_ascii_alphanumeric()
        // `Firefox/19.0`: a program and its version.
        || after == b'/' && after2.is_ascii_digit()
        || after == b':' && after2 == b':'
        || before == b':' && before2 == b':'
}

fn kind(
    letters: usize,
    uppers: usize,
    digits: usize,
    first_upper: bool,
    inner_upper: bool,
) -> Kind {
    if digits > 0 {
        Kind::Number
    } else if uppers == 0 {
        Kind::Lower
    } else if inner_upper || !first_upper {
        if uppers == letters { Kind::Caps } else { Kind::Mixed }
    } else if letters == 1 {
        Kind::Initial
    } else if uppers == letters {
        Kind::Caps
    } else {
        Kind::Capital
    }
}

/// Small words that may stand inside a name.
static CONNECTORS: LazyLock<Box<[u64]>> = LazyLock::new(|| {
    let mut slots = vec![0; CONNECTOR_SLOTS].into_boxed_slice();
    for word in [
        "de", "la", "le", "les", "du", "des", "d", "da", "do", "dos", "das", "di", "del", "della",
        "dei", "degli", "delle", "von", "van", "der", "den", "het", "zu", "zur", "zum", "am", "an",
        "auf", "im", "of", "the", "and", "und", "et", "e", "y", "i", "og", "och", "ja", "en",
        "ter", "ten", "te", "af", "av", "bin", "ibn", "al", "el", "für", "for", "pour", "para",
        "per", "sur", "sous", "bei", "in", "pri", "nad", "pod", "u", "na", "a", "și", "ό", "και",
        "του", "της", "των", "и", "на", "za", "in't", "op", "aan", "pentru", "ning", "ir", "un",
        "agus", "na", "ta", "tal", "s", "'s", "o", "os", "as", "van't", "lui", "cel", "mac", "nic",
        "ní",
    ] {
        let packed = packed(word.as_bytes());
        let mut slot = connector_slot(packed);
        while slots[slot] != 0 && slots[slot] != packed {
            slot = (slot + 1) % CONNECTOR_SLOTS;
        }
        slots[slot] = packed;
    }
    slots
});

/// Bytes of the longest small word.
const CONNECTOR_BYTES: usize = 8;

/// Slots of the table of small words, a few to each.
const CONNECTOR_SLOTS: usize = 512;

fn connector_slot(packed: u64) -> usize {
    (packed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55) as usize
}

/// A word of at most eight bytes as a number.
fn packed(word: &[u8]) -> u64 {
    word.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte))
}

fn is_connector(text: &str, token: &Token) -> bool {
    match token.kind {
        Kind::Lower => {
            let word = &text.as_bytes()[token.start as usize..token.end as usize];
            if word.len() > CONNECTOR_BYTES {
                return false;
            }
            let packed = packed(word);
            let mut slot = connector_slot(packed);
            while CONNECTORS[slot] != 0 && CONNECTORS[slot] != packed {
                slot = (slot + 1) % CONNECTOR_SLOTS;
            }
            CONNECTORS[slot] == packed
        }
        Kind::Mark => matches!(token.mark, b'.' | b'&' | b'-' | b'\''),
        _ => false,
    }
}

/// Most tokens of one run.
const RUN_MAX: usize = 24;

/// The next run at or after `from`, as a range of tokens.
pub(crate) fn next_run(text: &str, tokens: &[Token], from: usize) -> Option<(usize, usize)> {
    let start = from + tokens[from..].iter().position(Token::is_candidate)?;
    let mut end = start + 1;
    'extend: while end < tokens.len() && end - start < RUN_MAX {
        for gap in 0..4 {
            let Some(token) = tokens.get(end + gap) else { break 'extend };
            if token.newline {
                break 'extend;
            }
            if token.is_candidate() {
                end += gap + 1;
                continue 'extend;
            }
            if gap == 3 || !is_connector(text, token) {
                break 'extend;
            }
        }
    }
    Some((start, end))
}

/// Most words in small letters behind a run that may belong to its last name, as in `Turun
/// yliopisto`.
pub(crate) const TAIL_MAX: usize = 3;

/// Whether token `at` may go on with a name that ends before it.
pub(crate) fn is_tail(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|t| t.kind == Kind::Lower && !t.newline)
}

/// Whether token `at` begins a sentence, a line or a speech.
pub(crate) fn is_first(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|i| &tokens[i]) else { return true };
    tokens[at].newline
        || matches!(before.mark, b'.' | b'!' | b'?' | b':' | b'"')
        || before.newline && before.kind == Kind::Mark
}

/// Whether most words around a run are written with capitals, as in headings and lists.
pub(crate) fn is_dense(tokens: &[Token], run: (usize, usize)) -> bool {
    const AROUND: usize = 6;
    let (low, high) = (run.0.saturating_sub(AROUND), (run.1 + AROUND).min(tokens.len()));
    let around = tokens[low..run.0].iter().chain(&tokens[run.1..high]);
    let (mut capital, mut lower) = (0, 0);
    for token in around {
        capital += usize::from(token.is_candidate());
        lower += usize::from(token.kind == Kind::Lower);
    }
    capital > lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::traits::Traits;
    use proptest::prelude::*;

    fn split_all(text: &str, tokens: &mut Vec<Token>) {
        split(text, &Traits::of(text.as_bytes()).words, 0, tokens);
    }

    proptest! {
        /// A word that is read by the bits of its block is the one that is read letter by letter.
        #[test]
        fn words_of_a_block_are_those_that_are_walked(
            lead in 0_usize..70,
            text in "([A-Za-z0-9éÉж'_.-]{1,6}[ -~\u{e0}\u{416}\u{300}\u{661}]{0,4}){0,12}",
        ) {
            let text = format!("{}{text}", " ".repeat(lead));
            let words = Traits::of(text.as_bytes()).words;
            let (mut read, mut starts) = (Vec::new(), Vec::new());
            words.each_start(|start| starts.push(start));
            for start in starts.iter().copied() {
                let simple = simple_word(text.as_bytes(), &words, start);
                let Some((end, kind)) = simple else { continue };
                let (mut walked, mut newline) = (Vec::new(), false);
                prop_assert_eq!(word(&text, start, &mut walked, &mut newline), end);
                let kind = untied(kind, text.as_bytes(), start, end);
                prop_assert_eq!((walked.len(), walked[0].kind), (1, kind), "{}", &text[start..end]);
                read.push(start);
            }
            let plain = |c: char| c.is_ascii_lowercase() || c == ' ';
            let is_plain = text.chars().all(plain);
            prop_assert!(!is_plain || read.len() == starts.len(), "nothing is read");
        }
    }

    fn words(text: &str) -> Vec<&str> {
        let mut tokens = Vec::new();
        split_all(text, &mut tokens);
        tokens.iter().map(|t| t.text(text)).collect()
    }

    #[test]
    fn splits_words_marks_and_elisions() {
        assert_eq!(words("L'avvocato d'Angers"), ["L", "avvocato", "d", "Angers"]);
        assert_eq!(words("O'Neill's Jean-Luc"), ["O'Neill", "'", "s", "Jean-Luc"]);
        assert_eq!(words("a\u{a0}b"), ["a", "b"]);
    }

    #[test]
    fn what_follows_a_row_of_marks_is_left_out_where_no_name_can_begin() {
        let dots = ".".repeat(40);
        assert_eq!(words(&format!("the end{dots} of it")).len(), 2 + MARKS_MAX);
        assert_eq!(words(&format!("the end{dots} of it{dots}")).len(), 2 + MARKS_MAX);
        for telling in ["of Anna", "of 7", "of één"] {
            let text = format!("the end{dots} {telling}{dots}");
            assert_eq!(words(&text).len(), 2 + 40 + 2 + MARKS_MAX, "{text}");
        }
    }

    #[test]
    fn runs_hold_names_with_their_small_words() {
        let text = "dort wohnt Ursula von der Leyen in Brüssel";
        let mut tokens = Vec::new();
        split_all(text, &mut tokens);
        let (start, end) = next_run(text, &tokens, 0).unwrap();
        assert_eq!((tokens[start].text(text), tokens[end - 1].text(text)), ("Ursula", "Brüssel"));
        assert!(tokens.iter().all(|t| t.kind != Kind::Mixed));
        let mut tokens = Vec::new();
        split_all("PhoneStatusBar McDonald", &mut tokens);
        assert_eq!([tokens[0].kind, tokens[1].kind], [Kind::Mixed, Kind::Capital]);
    }
}
