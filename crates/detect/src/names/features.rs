//! Features of the words in a run: the word, its beginnings and ends, its shape, what the word
//! list knows of it and its neighbours. Each is one hash, an index into the table of weights.
//! Training and use share this file; a change here needs a new model.

use super::letters::Letters;
use super::lexicon::{COMMON, Lexicon, pair};
use super::tokens::{Kind, Token};

/// log2 of the number of rows in the table of weights.
pub(super) const TABLE_BITS: u32 = 19;

/// What is known of one token.
#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) hash: u32,
    shape: u32,
    /// What the list says of the word, of its stem, and how many letters the stem lacks.
    pub(super) flags: u8,
    stem: u8,
    cut: u8,
    /// The blocks of rows of the three families that words and their neighbours share.
    blocks: [u32; 3],
}

/// What lies outside the text.
impl Default for Word {
    fn default() -> Self {
        const OUTSIDE: Word = Word::of(0, 0, 0, 0, (0, 0));
        OUTSIDE
    }
}

/// What is told of a number: whether it has no letters, and its length.
pub(super) fn number_shape(word: &str) -> u32 {
    u32::from(word.bytes().all(|byte| byte.is_ascii_digit())) * 8 + word.len().min(5) as u32
}

fn shape(token: &Token, text: &str) -> u32 {
    let length = (token.end - token.start).min(3);
    match token.kind {
        Kind::Mark => 0x100 + u32::from(token.mark),
        Kind::Number => 0x200 + number_shape(token.text(text)),
        Kind::Capital => 0x300 + u32::from(token.text(text).bytes().any(|b| b == b'-')),
        kind => 0x400 + kind as u32 * 4 + length,
    }
}

/// Looks one token up.
pub(super) fn look(text: &str, token: &Token, lexicon: &Lexicon<'_>) -> Word {
    let shape = shape(token, text);
    if token.kind == Kind::Mark || token.kind == Kind::Number {
        return Word::of(shape, shape, shape, 0, (0, 0));
    }
    let letters = Letters::of(text, token);
    let hash = letters.hash();
    // What is known of words in small letters says too little for what it costs.
    let flags = if token.kind == Kind::Lower { 0 } else { lexicon.flags(hash) };
    let stem = match flags {
        0 if token.kind != Kind::Lower => stem(text, token, &letters, lexicon),
        _ => (0, 0),
    };
    Word::of(hash, letters.tail(3) as u32, shape, flags, stem)
}

/// Most letters that are cut from a word in search of its stem.
const CUT_MAX: usize = 5;

/// What the list knows of the longest known stem of a word, and how many letters follow it; six
/// for a word that is known without its accents.
fn stem(text: &str, token: &Token, letters: &Letters, lexicon: &Lexicon<'_>) -> (u8, u8) {
    if let Some(folded) = letters.folded(text, token) {
        let flags = lexicon.flags(folded.hash()) & !COMMON;
        if flags != 0 {
            return (flags, CUT_MAX as u8 + 1);
        }
    }
    for cut in 0..=CUT_MAX.min(letters.count.saturating_sub(3)) {
        let flags = lexicon.stem_flags(letters.prefix(letters.count - cut));
        if flags != 0 {
            return (flags, cut as u8);
        }
    }
    (0, 0)
}

/// Takes the rows of weights that the features of one word stand for.
pub(super) trait Sink {
    fn push(&mut self, row: u32);

    /// A feature of its own.
    #[inline]
    fn add(&mut self, template: u64, value: u64) {
        self.push((spread(template, value) >> (64 - TABLE_BITS)) as u32);
    }

    /// A feature of a family: features of one family and one value lie in one block of rows, which
    /// is one line of the processor's cache.
    #[inline]
    fn join(&mut self, block: u32, slot: u32) {
        self.push(block << SLOT_BITS | slot);
    }
}

impl Sink for Vec<u32> {
    fn push(&mut self, row: u32) {
        self.push(row);
    }
}

/// log2 of the rows in a block.
const SLOT_BITS: u32 = 3;

/// The block of a value in a family.
#[inline]
const fn block(family: u64, value: u64) -> u32 {
    (spread(family, value) >> (64 - TABLE_BITS + SLOT_BITS)) as u32
}

#[inline]
const fn spread(template: u64, value: u64) -> u64 {
    let hash = (value ^ template << 56 ^ template << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

#[inline]
fn mix(a: impl Into<u64>, b: impl Into<u64>) -> u64 {
    mixed(a.into(), b.into())
}

#[inline]
const fn mixed(a: u64, b: u64) -> u64 {
    a.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(31) ^ b
}

impl Word {
    /// A word that was not looked at yet.
    pub(super) const UNKNOWN: Self = Self::of(0, 0, u32::MAX, 0, (0, 0));

    pub(super) fn is_unknown(&self) -> bool {
        self.shape == u32::MAX
    }

    #[inline]
    const fn of(hash: u32, end: u32, shape: u32, flags: u8, (stem, cut): (u8, u8)) -> Self {
        let mut word = Self { hash, shape, flags, stem, cut, blocks: [0; 3] };
        let known = mixed(word.known() as u64, shape as u64);
        word.blocks = [block(WORD, hash as u64), block(END, end as u64), block(KNOWN, known)];
        word
    }

    /// Whether the word is written with a capital letter.
    fn is_capital(&self) -> bool {
        (0x300..0x400).contains(&self.shape) || self.shape >= 0x404
    }

    const fn known(&self) -> u32 {
        (self.flags as u32) << 11 | (self.stem as u32) << 3 | self.cut as u32
    }
}

/// Families of features: of the word, of its last three letters, of what is known of it, of its
/// last two letters.
const WORD: u64 = 1;
const END: u64 = 2;
const KNOWN: u64 = 3;
const TAIL: u64 = 4;

/// The features of a word alone; `first` tells whether it begins a sentence.
fn alone(text: &str, token: &Token, word: &Word, first: bool, f: &mut impl Sink) {
    let slot = u64::from(first);
    for block in word.blocks {
        f.join(block, first.into());
        f.join(block, 6);
    }
    f.add(10, mix(word.shape, slot));
    f.add(11, word.known().into());
    if token.kind == Kind::Mark {
        return;
    }
    let letters = Letters::of(text, token);
    f.join(block(TAIL, letters.tail(2)), (token.kind as u32 & 3) << 1 | u32::from(first));
    f.add(12, mix(letters.tail(3), slot << 8 | u64::from(word.flags)));
    for length in 2..=5 {
        if letters.count > length {
            f.add(20 + length as u64, letters.head(length));
            if length != 3 {
                f.add(30 + length as u64, letters.tail(length));
            }
        }
    }
    f.add(13, letters.count as u64 * 8 + token.kind as u64);
    if word.stem != 0 {
        let stem = u32::from(word.stem) << 3 | u32::from(word.cut);
        let cut = usize::from(word.cut.min(5));
        f.add(14, mix(if cut == 0 { 0 } else { letters.tail(cut) }, stem));
        f.add(15, mix(stem, slot));
    }
}

/// The features of a neighbour alone; `place` is 0 to 3 for two before, one before, one after and
/// two after the word.
fn beside(word: &Word, place: u32, f: &mut impl Sink) {
    for block in word.blocks {
        f.join(block, 2 + place);
    }
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
fn together(place: &Place<'_>, lexicon: &Lexicon<'_>, f: &mut impl Sink) {
    let [_, before, word, after, _] = place.words;
    let flags = u32::from(word.flags);
    let known = word.known();
    let caps = |w: &Word| (0x400..0x420).contains(&w.shape);
    let all_caps = caps(word) && (caps(before) || caps(after));
    f.add(112, mix(before.hash, known));
    f.add(113, mix(after.hash, known));
    f.add(116, mix(before.shape, mix(word.shape, after.shape)));
    // Names of two words, both with capitals.
    let listed = |first: &Word, second: &Word| {
        if first.is_capital() && second.is_capital() {
            u32::from(lexicon.flags(pair(first.hash, second.hash)))
        } else {
            0
        }
    };
    f.add(125, (listed(word, after) << 8 | listed(before, word) | flags << 16).into());
    let (position, size) = (place.position.min(4) as u32, place.size.min(6) as u32);
    f.add(126, mix(position << 3 | size, known));
    let state = u32::from(all_caps) << 2 | u32::from(place.dense) << 1 | u32::from(place.first);
    f.add(128, mix(state, known));
}

/// All features of a word in its place.
#[inline]
pub(super) fn all(
    text: &str,
    token: &Token,
    place: &Place<'_>,
    lexicon: &Lexicon<'_>,
    f: &mut impl Sink,
) {
    let [before2, before, word, after, after2] = place.words;
    alone(text, token, word, place.first, f);
    for (index, word) in [before2, before, after, after2].into_iter().enumerate() {
        beside(word, index as u32, f);
    }
    together(place, lexicon, f);
}
