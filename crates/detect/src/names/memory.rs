//! Words that were met before, with the parts of their scores that are the same wherever they
//! stand. It is a cache and nothing else: a word gets the same scores with it and without it.
//! Words stay until others take their place. Each thread has one of [`SLOTS`] words, about 800 KB.

use super::features::{Word, alone, beside, look};
use super::model::{LABELS, Model, Scores};
use super::tokens::{Kind, Token};

/// Words that one thread remembers.
const SLOTS: usize = 4096;

/// Bytes of the longest word that is remembered.
const WORD_BYTES: usize = 24;

/// The bytes of a word, padded with zeros, its length and its kind, which depends on what stands
/// around it. Equal keys are equal words.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    bytes: [u64; WORD_BYTES / 8],
    length: u8,
    kind: Kind,
}

impl Key {
    fn of(text: &str, token: &Token) -> Option<Self> {
        let word = token.text(text).as_bytes();
        if word.len() > WORD_BYTES {
            return None;
        }
        let mut padded = [0; WORD_BYTES];
        padded[..word.len()].copy_from_slice(word);
        let (chunks, _) = padded.as_chunks::<8>();
        let bytes = std::array::from_fn(|i| u64::from_le_bytes(chunks[i]));
        Some(Self { bytes, length: word.len() as u8, kind: token.kind })
    }

    fn slot(&self) -> usize {
        let [a, b, c] = self.bytes;
        let mixed = (a ^ b.rotate_left(23) ^ c.rotate_left(47)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - SLOTS.trailing_zeros())) as usize
    }
}

/// A word with the scores that it was asked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry {
    key: Option<Key>,
    pub(super) word: Word,
    /// Scores of the word alone, inside a sentence and at its beginning.
    alone: [Option<Scores>; 2],
    /// What the word adds to the scores of a neighbour, by its place.
    beside: [Option<Scores>; PLACES],
}

/// Places of a neighbour.
const PLACES: usize = 4;

impl Entry {
    fn of(key: Option<Key>, text: &str, token: &Token, model: &Model<'_>) -> Self {
        Self { key, word: look(text, token, &model.lexicon), ..Self::default() }
    }

    /// The scores of the token alone.
    pub(super) fn alone(
        &mut self,
        text: &str,
        token: &Token,
        first: bool,
        model: &Model<'_>,
    ) -> Scores {
        *self.alone[usize::from(first)].get_or_insert_with(|| {
            let mut scores = [0; LABELS];
            model.add(&alone(text, token, &self.word, first), &mut scores);
            scores
        })
    }

    /// What the token adds to the scores of a neighbour; places as in [`beside`].
    pub(super) fn beside(&mut self, place: usize, model: &Model<'_>) -> Scores {
        *self.beside[place].get_or_insert_with(|| {
            let mut scores = [0; LABELS];
            model.add(&beside(&self.word, place as u32), &mut scores);
            scores
        })
    }
}

/// The words of one thread.
pub(super) struct Memory {
    slots: Vec<Entry>,
    /// What stands before the first and behind the last word.
    edge: Entry,
    /// A word that is too long to be remembered.
    long: Entry,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Entry::default(); SLOTS],
            edge: Entry::default(),
            long: Entry::default(),
        }
    }

    /// The entry of a token.
    pub(super) fn entry(&mut self, text: &str, token: &Token, model: &Model<'_>) -> &mut Entry {
        let Some(key) = Key::of(text, token) else {
            self.long = Entry::of(None, text, token, model);
            return &mut self.long;
        };
        let slot = &mut self.slots[key.slot()];
        if slot.key != Some(key) {
            *slot = Entry::of(Some(key), text, token, model);
        }
        slot
    }

    /// The entry of the edge of a text.
    pub(super) fn edge(&mut self) -> &mut Entry {
        &mut self.edge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{FILE, tokens};

    /// Without the kind in the key, `Anna` of a path would be remembered for `Anna` in a sentence.
    #[test]
    fn a_word_is_remembered_with_its_kind() {
        let model = Model::read(FILE).unwrap();
        let mut memory = Memory::new();
        for text in ["/usr/Anna_x", "Anna"] {
            let mut found = Vec::new();
            tokens::split(text, &mut found);
            for token in &found {
                let scores = memory.entry(text, token, &model).alone(text, token, false, &model);
                let fresh =
                    Memory::new().entry(text, token, &model).alone(text, token, false, &model);
                assert_eq!(scores, fresh, "{}", token.text(text));
            }
        }
    }
}
