//! Features of the words in a run: the word, its beginnings and ends, its shape, what the word
//! list knows of it and its neighbours. Each is one hash, an index into the table of weights.
//!
//! Features come in three parts: of the word alone, of a neighbour alone, and of several words
//! together. The first two are the same wherever the word stands, so their sums are kept for
//! words that were met before; only the third is looked up each time.
//! Training and use share this file; a change here needs a new model.

use super::lexicon::{Lexicon, SEED, finish, pair, step};
use super::tokens::{Kind, Token};

/// log2 of the number of rows in the table of weights.
pub(super) const TABLE_BITS: u32 = 18;

/// Most features of one part.
const ROWS_MAX: usize = 48;

/// What is known of one token.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    pub(super) hash: u32,
    /// The last three letters.
    end: u32,
    /// What the list says of the word, of its stem, and how many letters the stem lacks.
    pub(super) flags: u8,
    stem: u8,
    cut: u8,
    shape: u32,
}

/// Letters of a word that features look at.
const LETTERS_MAX: usize = 24;

/// Hashes of a word's parts, in small letters.
struct Parts {
    letters: [u32; LETTERS_MAX],
    count: usize,
    prefixes: [u32; LETTERS_MAX],
    /// The word without accents.
    folded: u32,
}

fn parts(word: &str) -> Parts {
    let mut out =
        Parts { letters: [0; LETTERS_MAX], count: 0, prefixes: [0; LETTERS_MAX], folded: 0 };
    let (mut hash, mut folded) = (SEED, SEED);
    for c in word.chars().take(LETTERS_MAX) {
        let lower = if c.is_ascii() {
            c.to_ascii_lowercase()
        } else {
            c.to_lowercase().next().unwrap_or(c)
        } as u32;
        hash = step(hash, lower);
        folded = step(folded, fold(lower));
        out.letters[out.count] = lower;
        out.prefixes[out.count] = hash;
        out.count += 1;
    }
    out.folded = folded;
    out
}

impl Parts {
    fn hash(&self) -> u32 {
        finish(self.prefixes[self.count.saturating_sub(1)])
    }

    fn tail(&self, length: usize) -> u32 {
        self.letters[self.count.saturating_sub(length)..self.count]
            .iter()
            .fold(SEED ^ 0x55, |h, c| step(h, *c))
    }
}

/// Small letters of Latin-1 and Latin Extended-A (U+00E0 to U+017F) without their accents.
const FOLDED: &[u8; 160] =
    b"aaaaaaaceeeeiiiidnooooo/ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggggggghhhh\
iiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

fn fold(letter: u32) -> u32 {
    match letter {
        0xE0..=0x17F => u32::from(FOLDED[(letter - 0xE0) as usize]),
        other => other,
    }
}

fn shape(token: &Token, text: &str) -> u32 {
    let length = (token.end - token.start).min(3);
    match token.kind {
        Kind::Mark => 0x100 + u32::from(token.mark),
        Kind::Number => {
            let word = token.text(text).as_bytes();
            0x200 + u32::from(word.iter().all(u8::is_ascii_digit)) * 8 + word.len().min(5) as u32
        }
        Kind::Capital => 0x300 + u32::from(token.text(text).contains('-')),
        kind => 0x400 + kind as u32 * 4 + length,
    }
}

/// Looks one token up.
pub(super) fn look(text: &str, token: &Token, lexicon: &Lexicon<'_>) -> Word {
    let shape = shape(token, text);
    if token.kind == Kind::Mark || token.kind == Kind::Number {
        return Word { hash: finish(shape), end: shape, shape, ..Word::default() };
    }
    let parts = parts(token.text(text));
    let hash = parts.hash();
    let flags = lexicon.flags(hash);
    let mut word = Word { hash, end: parts.tail(3), flags, shape, ..Word::default() };
    if (flags == 0 || flags == COMMON) && token.kind != Kind::Lower {
        (word.stem, word.cut) = stem(&parts, lexicon);
    }
    word
}

/// The flag of words that are usually written in small letters.
pub(super) const COMMON: u8 = 16;

/// Most letters that are cut from a word in search of its stem.
const CUT_MAX: usize = 5;

/// What the list knows of the longest known stem of a word, and how many letters follow it; six
/// for a word that is known without its accents.
fn stem(parts: &Parts, lexicon: &Lexicon<'_>) -> (u8, u8) {
    let folded = finish(parts.folded);
    if folded != parts.hash() {
        let flags = lexicon.flags(folded) & !COMMON;
        if flags != 0 {
            return (flags, CUT_MAX as u8 + 1);
        }
    }
    for cut in 0..=CUT_MAX.min(parts.count.saturating_sub(3)) {
        let flags = lexicon.stem_flags(finish(parts.prefixes[parts.count - cut - 1]));
        if flags != 0 {
            return (flags, cut as u8);
        }
    }
    (0, 0)
}

/// Hashes of the features of one part.
pub(super) struct Rows {
    rows: [u32; ROWS_MAX],
    count: usize,
}

impl Rows {
    fn new() -> Self {
        Self { rows: [0; ROWS_MAX], count: 0 }
    }

    #[inline]
    fn add(&mut self, template: u32, value: u32) {
        let hash = finish(value ^ template.wrapping_mul(0x9E37_79B9));
        self.rows[self.count] = hash >> (32 - TABLE_BITS);
        self.count += 1;
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.rows[..self.count]
    }
}

#[inline]
fn mix(a: u32, b: u32) -> u32 {
    a.rotate_left(7).wrapping_mul(0x85EB_CA6B) ^ b
}

impl Word {
    /// Whether the word is written with a capital letter.
    fn is_capital(&self) -> bool {
        (0x300..0x400).contains(&self.shape) || self.shape >= 0x404
    }

    fn known(&self) -> u32 {
        u32::from(self.flags) << 11 | u32::from(self.stem) << 3 | u32::from(self.cut)
    }
}

/// The features of a word alone; `first` tells whether it begins a sentence.
pub(super) fn alone(text: &str, token: &Token, word: &Word, first: bool) -> Rows {
    let mut f = Rows::new();
    let first = u32::from(first);
    let known = word.known();
    f.add(1, word.hash);
    f.add(2, mix(word.shape, first));
    f.add(3, known);
    f.add(4, mix(known, first << 9 | word.shape));
    f.add(5, mix(word.hash, first));
    if token.kind == Kind::Mark {
        return f;
    }
    let parts = parts(token.text(text));
    let n = parts.count;
    for length in 1..=5_usize {
        if n > length {
            f.add(30 + length as u32, finish(parts.prefixes[length - 1]));
            f.add(40 + length as u32, parts.tail(length));
        }
    }
    f.add(46, mix(parts.tail(2), word.shape << 1 | first));
    f.add(47, mix(parts.tail(3), first << 8 | u32::from(word.flags)));
    f.add(50, n as u32 * 8 + token.kind as u32);
    if word.stem != 0 {
        let stem = u32::from(word.stem) << 3 | u32::from(word.cut);
        f.add(51, mix(parts.tail(usize::from(word.cut.min(5))), stem));
        f.add(52, mix(stem, first));
    }
    // Three letters in a row, for names in languages that the lists do not know.
    for three in parts.letters[..n].windows(3).take(ROWS_MAX - f.count) {
        f.add(60, mix(three[0], mix(three[1], three[2])));
    }
    f
}

/// The features of a neighbour alone; `place` is 0 to 3 for two before, one before, one after and
/// two after the word.
pub(super) fn beside(word: &Word, place: u32) -> Rows {
    let mut f = Rows::new();
    let template = 70 + place * 8;
    f.add(template, word.hash);
    f.add(template + 1, mix(word.known(), word.shape));
    f.add(template + 2, word.end);
    f
}

/// A word in its place.
pub(super) struct Place<'a> {
    /// The word with two neighbours on each side.
    pub(super) words: &'a [Word; 5],
    /// Where in its run the word stands, and how long the run is.
    pub(super) position: usize,
    pub(super) size: usize,
    pub(super) first: bool,
    /// Whether most words around are written with capitals.
    pub(super) dense: bool,
}

/// The features of several words together.
pub(super) fn together(place: &Place<'_>, lexicon: &Lexicon<'_>) -> Rows {
    let mut f = Rows::new();
    let [before2, before, word, after, after2] = place.words;
    let flags = u32::from(word.flags);
    let known = word.known();
    let caps = |w: &Word| (0x400..0x420).contains(&w.shape);
    let all_caps = caps(word) && (caps(before) || caps(after));
    f.add(105, mix(known, mix(before.known(), after.known())));
    f.add(110, mix(before.hash, before2.hash));
    f.add(111, mix(after.hash, after2.hash));
    f.add(112, mix(before.hash, known));
    f.add(113, mix(after.hash, known));
    f.add(116, mix(before.shape, mix(word.shape, after.shape)));
    f.add(119, mix(before.known(), known));
    f.add(120, mix(after.known(), known));
    f.add(121, mix(word.hash, before.hash));
    f.add(122, mix(word.hash, after.hash));
    // Names of two words: only words with capitals can be the second one.
    let listed = |first: &Word, second: &Word| {
        if second.is_capital() {
            u32::from(lexicon.flags(pair(first.hash, second.hash)))
        } else {
            0
        }
    };
    f.add(125, listed(word, after) << 8 | listed(before, word) | flags << 16);
    let (position, size) = (place.position.min(4) as u32, place.size.min(6) as u32);
    f.add(126, mix(position << 3 | size, known));
    let state = u32::from(all_caps) << 2 | u32::from(place.dense) << 1 | u32::from(place.first);
    f.add(128, mix(state, known));
    f.add(129, mix(word.end, before.hash));
    f.add(130, mix(word.end, after.end));
    f
}
