//! Features of the words in a run: the word, its beginnings and ends, its shape, what the word
//! list knows of it and its neighbours. Each is one hash, an index into the table of weights.
//! Training and use share this file; a change here needs a new model.

use super::lexicon::{Lexicon, SEED, finish, pair, step};
use super::tokens::{Kind, Token};

/// log2 of the number of rows in the table of weights.
pub(super) const TABLE_BITS: u32 = 18;

/// Most features of one word.
pub(super) const FEATURES_MAX: usize = 56;

/// What is known of one token.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    hash: u32,
    /// The last three letters.
    end: u32,
    /// What the list says of the word, and of the word without an ending.
    flags: u8,
    stem: u8,
    shape: u32,
}

/// Letters of a word that features look at.
const LETTERS_MAX: usize = 24;

/// Hashes of a word's parts.
struct Parts {
    letters: [u32; LETTERS_MAX],
    count: usize,
    prefixes: [u32; LETTERS_MAX],
}

fn parts(word: &str) -> Parts {
    let mut out = Parts { letters: [0; LETTERS_MAX], count: 0, prefixes: [0; LETTERS_MAX] };
    let mut hash = SEED;
    for c in word.chars() {
        if out.count == LETTERS_MAX {
            break;
        }
        let lower = if c.is_ascii() {
            c.to_ascii_lowercase()
        } else {
            c.to_lowercase().next().unwrap_or(c)
        };
        hash = step(hash, lower as u32);
        out.letters[out.count] = lower as u32;
        out.prefixes[out.count] = hash;
        out.count += 1;
    }
    out
}

fn tail(parts: &Parts, length: usize) -> u32 {
    parts.letters[parts.count.saturating_sub(length)..parts.count]
        .iter()
        .fold(SEED ^ 0x55, |h, c| step(h, *c))
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

/// What the list says of one word.
pub(super) fn flags(text: &str, token: &Token, lexicon: &Lexicon<'_>) -> u8 {
    let parts = parts(token.text(text));
    lexicon.flags(finish(parts.prefixes[parts.count.saturating_sub(1)]))
}

/// Looks one token up.
pub(super) fn look(text: &str, token: &Token, lexicon: &Lexicon<'_>) -> Word {
    let shape = shape(token, text);
    if token.kind == Kind::Mark || token.kind == Kind::Number {
        return Word { hash: finish(shape), end: shape, flags: 0, stem: 0, shape };
    }
    let parts = parts(token.text(text));
    let hash = finish(parts.prefixes[parts.count.saturating_sub(1)]);
    let flags = lexicon.flags(hash);
    let mut stem = 0;
    if flags == 0 || flags == 16 {
        for cut in 1..=3 {
            if parts.count >= cut + 4 {
                stem |= lexicon.flags(finish(parts.prefixes[parts.count - cut - 1]));
            }
        }
    }
    Word { hash, end: tail(&parts, 3), flags, stem, shape }
}

/// Hashes of the features of one word.
pub(super) struct Features {
    pub(super) rows: [u32; FEATURES_MAX],
    pub(super) count: usize,
}

impl Features {
    #[inline]
    fn add(&mut self, template: u32, value: u32) {
        let hash = finish(value ^ template.wrapping_mul(0x9E37_79B9));
        self.rows[self.count] = hash >> (32 - TABLE_BITS);
        self.count += 1;
    }
}

#[inline]
fn mix(a: u32, b: u32) -> u32 {
    a.rotate_left(7).wrapping_mul(0x85EB_CA6B) ^ b
}

/// The features of token `at`, which stands in the run `run`; `words` holds what is known of the
/// tokens `base..`.
pub(super) fn extract(
    text: &str,
    tokens: &[Token],
    at: usize,
    run: (usize, usize),
    words: &impl Fn(isize) -> Word,
    lexicon: &Lexicon<'_>,
) -> Features {
    let mut f = Features { rows: [0; FEATURES_MAX], count: 0 };
    let index = at as isize;
    let token = &tokens[at];
    let word = words(index);
    let (before, before2) = (words(index - 1), words(index - 2));
    let (after, after2) = (words(index + 1), words(index + 2));
    let first =
        token.newline || at == 0 || matches!(tokens[at - 1].mark, b'.' | b'!' | b'?' | b':' | b'"');
    let flags = u32::from(word.flags);
    let known = flags << 8 | u32::from(word.stem);
    let all_caps = token.kind == Kind::Caps
        && (before.shape >= 0x400 && before.shape < 0x420 && before.shape == word.shape);

    f.add(1, word.hash);
    f.add(2, mix(word.shape, u32::from(first)));
    f.add(3, known);
    f.add(4, mix(known, u32::from(first) << 9 | word.shape));
    f.add(5, mix(flags, u32::from(before.flags) << 8 | u32::from(after.flags)));
    f.add(6, mix(known, after.shape));
    f.add(7, mix(known, before.shape));
    f.add(8, before.hash);
    f.add(9, after.hash);
    f.add(10, mix(before.hash, before2.hash));
    f.add(11, mix(after.hash, after2.hash));
    f.add(12, mix(before.hash, flags));
    f.add(13, mix(after.hash, flags));
    f.add(14, before2.hash);
    f.add(15, after2.hash);
    f.add(16, mix(before.shape, mix(word.shape, after.shape)));
    f.add(17, before.end);
    f.add(18, after.end);
    f.add(19, mix(u32::from(before.flags), u32::from(before.stem) << 8 | flags << 16));
    f.add(20, mix(u32::from(after.flags), u32::from(after.stem) << 8 | flags << 16));
    f.add(21, mix(word.hash, before.hash));
    f.add(22, mix(word.hash, after.hash));
    f.add(23, mix(u32::from(before2.flags), u32::from(before.flags) << 8 | flags << 16));
    f.add(24, mix(u32::from(after2.flags), u32::from(after.flags) << 8 | flags << 16));
    let forward = lexicon.flags(pair(word.hash, after.hash));
    let backward = lexicon.flags(pair(before.hash, word.hash));
    f.add(25, u32::from(forward) << 8 | u32::from(backward) | flags << 16);
    let (position, size) = ((at - run.0).min(4) as u32, (run.1 - run.0).min(6) as u32);
    f.add(26, mix(position << 3 | size, flags));
    f.add(27, u32::from(all_caps) << 1 | u32::from(first));
    if token.kind != Kind::Mark {
        spelling(&mut f, text, token, &word, (&before, &after), first);
    }
    f
}

/// Features of how a word is spelled.
fn spelling(
    f: &mut Features,
    text: &str,
    token: &Token,
    word: &Word,
    (before, after): (&Word, &Word),
    first: bool,
) {
    let parts = parts(token.text(text));
    let n = parts.count;
    for length in 1..=4_usize {
        if n > length {
            f.add(30 + length as u32, finish(parts.prefixes[length - 1]));
            f.add(40 + length as u32, tail(&parts, length));
        }
    }
    if n > 6 {
        f.add(35, finish(parts.prefixes[4]));
        f.add(45, tail(&parts, 5));
    }
    f.add(46, mix(tail(&parts, 3), before.hash));
    f.add(47, mix(tail(&parts, 2), word.shape << 4 | u32::from(first)));
    f.add(48, mix(tail(&parts, 3), after.end));
    f.add(50, n as u32 * 8 + token.kind as u32);
    // Three letters in a row, for names in languages that the lists do not know.
    for three in parts.letters[..n].windows(3).take(FEATURES_MAX - f.count) {
        f.add(60, mix(three[0], mix(three[1], three[2])));
    }
}
