//! Words that were met before, with the parts of their scores that are the same wherever they
//! stand. It is a cache and nothing else: a word gets the same scores with it and without it.
//! Each thread has one of [`SLOTS`] words, about 300 KB.

use super::features::{Word, alone, beside, look};
use super::model::{LABELS, Model, Scores};
use super::tokens::Token;

/// Words that one thread remembers.
const SLOTS: usize = 2048;

/// Bytes of the longest word that is remembered.
const WORD_BYTES: usize = 24;

/// The bytes of a word, padded with zeros, and its length. Equal keys are equal words.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    bytes: [u64; WORD_BYTES / 8],
    length: u8,
}

impl Key {
    fn of(word: &[u8]) -> Option<Self> {
        if word.len() > WORD_BYTES {
            return None;
        }
        let mut padded = [0; WORD_BYTES];
        padded[..word.len()].copy_from_slice(word);
        let (chunks, _) = padded.as_chunks::<8>();
        let bytes = std::array::from_fn(|i| u64::from_le_bytes(chunks[i]));
        Some(Self { bytes, length: word.len() as u8 })
    }

    fn slot(&self) -> usize {
        let [a, b, c] = self.bytes;
        let mixed = (a ^ b.rotate_left(23) ^ c.rotate_left(47)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - SLOTS.trailing_zeros())) as usize
    }
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    word: Word,
    /// Scores of the word alone, inside a sentence and at its beginning.
    alone: [Option<Scores>; 2],
    /// What the word adds to the scores of a neighbour, by its place.
    beside: Option<[Scores; 4]>,
}

/// The words of one thread.
pub(super) struct Memory(Vec<Option<Entry>>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    fn entry(&mut self, text: &str, token: &Token, model: &Model<'_>) -> Option<&mut Entry> {
        let key = Key::of(token.text(text).as_bytes())?;
        let slot = &mut self.0[key.slot()];
        if slot.as_ref().is_none_or(|entry| entry.key != key) {
            let word = look(text, token, &model.lexicon);
            *slot = Some(Entry { key, word, alone: [None; 2], beside: None });
        }
        slot.as_mut()
    }

    /// What is known of a token.
    pub(super) fn word(&mut self, text: &str, token: &Token, model: &Model<'_>) -> Word {
        match self.entry(text, token, model) {
            Some(entry) => entry.word,
            None => look(text, token, &model.lexicon),
        }
    }

    /// Adds the scores of a token alone.
    pub(super) fn add_alone(
        &mut self,
        text: &str,
        token: &Token,
        first: bool,
        model: &Model<'_>,
        sums: &mut Scores,
    ) {
        let Some(entry) = self.entry(text, token, model) else {
            let word = look(text, token, &model.lexicon);
            return model.add(&alone(text, token, &word, first), sums);
        };
        let Entry { word, alone: known, .. } = entry;
        let scores = known[usize::from(first)].get_or_insert_with(|| {
            let mut scores = [0; LABELS];
            model.add(&alone(text, token, word, first), &mut scores);
            scores
        });
        add(sums, scores);
    }

    /// Adds what a token says of its neighbour; `place` as in [`beside`].
    pub(super) fn add_beside(
        &mut self,
        text: &str,
        token: &Token,
        place: usize,
        model: &Model<'_>,
        sums: &mut Scores,
    ) {
        let Some(entry) = self.entry(text, token, model) else {
            let word = look(text, token, &model.lexicon);
            return model.add(&beside(&word, place as u32), sums);
        };
        let Entry { word, beside: known, .. } = entry;
        let scores = known.get_or_insert_with(|| {
            std::array::from_fn(|place| {
                let mut scores = [0; LABELS];
                model.add(&beside(word, place as u32), &mut scores);
                scores
            })
        });
        add(sums, &scores[place]);
    }
}

fn add(sums: &mut Scores, scores: &Scores) {
    for (sum, score) in sums.iter_mut().zip(scores) {
        *sum += score;
    }
}
