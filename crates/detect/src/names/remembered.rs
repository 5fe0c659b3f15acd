//! Runs of words that were labelled before: in the cells of a column the same few come again and
//! again. A run is known by all that its labels hang on: the words byte for byte, of numbers what
//! the features tell of them. So what is remembered is what would be found now.

use super::REACH;
use super::features::number_shape;
use super::model::Run;
use super::tokens::{Kind, TAIL_MAX, Token, is_tail};

/// Runs that a thread remembers.
const KEPT: usize = 256;

/// Most bytes of a key: of a run and the words around it.
const BYTES_MAX: usize = 128;

/// What was labelled before.
#[derive(Default)]
pub(super) struct Remembered {
    kept: Vec<Kept>,
    /// The key of the run at hand.
    key: Vec<u8>,
}

#[derive(Clone, Default)]
struct Kept {
    key: Vec<u8>,
    labels: Vec<u8>,
    chances: Vec<f32>,
}

impl Remembered {
    /// The place where a run is remembered, if it is one that may be. What the tokens are not asked
    /// for is `told`.
    pub(super) fn slot(
        &mut self,
        text: &str,
        tokens: &[Token],
        run: (usize, usize),
        told: [u8; 5],
    ) -> Option<usize> {
        // All words that the scores of the run and of its tail are made of.
        let first = run.0.saturating_sub(REACH);
        let tail = if is_tail(tokens, run.1) { TAIL_MAX } else { 0 };
        let around = &tokens[first..tokens.len().min(run.1 + tail + REACH)];
        self.key.clear();
        self.key.extend_from_slice(&told);
        // INVARIANT: each token takes a byte or more of a key that has at most BYTES_MAX.
        self.key.extend([(run.0 - first) as u8, (run.1 - first) as u8]);
        for token in around {
            self.key.push(token.kind as u8 | u8::from(token.newline) << 7);
            match token.kind {
                Kind::Mark => self.key.push(token.mark),
                Kind::Number => self.key.push(number_shape(token.text(text)) as u8),
                Kind::Lower | Kind::Capital | Kind::Caps | Kind::Initial | Kind::Mixed => {
                    let word = token.text(text).as_bytes();
                    self.key.push(word.len().min(BYTES_MAX) as u8);
                    self.key.extend_from_slice(word);
                }
            }
            if self.key.len() > BYTES_MAX {
                return None;
            }
        }
        if self.kept.is_empty() {
            self.kept.resize(KEPT, Kept::default());
        }
        Some(hash(&self.key) % KEPT)
    }

    /// Gives the labels of the run at hand, if they are remembered.
    pub(super) fn recall(&self, slot: usize, run: &mut Run) -> bool {
        let kept = &self.kept[slot];
        let is_known = kept.key == self.key;
        if is_known {
            kept.labels.clone_into(&mut run.labels);
            kept.chances.clone_into(&mut run.chances);
        }
        is_known
    }

    /// Remembers the labels of the run at hand, in the place of others.
    pub(super) fn keep(&mut self, slot: usize, run: &Run) {
        let kept = &mut self.kept[slot];
        self.key.clone_into(&mut kept.key);
        run.labels.clone_into(&mut kept.labels);
        run.chances.clone_into(&mut kept.chances);
    }
}

pub(super) fn hash(key: &[u8]) -> usize {
    let (eights, rest) = key.as_chunks::<8>();
    let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words = eights.iter().map(|eight| u64::from_le_bytes(*eight)).chain([rest]);
    let mixed = words.fold(0_u64, |hash, word| {
        (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    });
    (mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use crate::Detector;

    #[test]
    fn runs_are_told_apart_by_all_that_their_labels_hang_on() {
        let texts = [
            "write to Anna Novak today",
            "write to Anna Novak\ntoday",
            "write\nto Anna Novak today",
            "10:20:30 write to Anna Novak today",
            "Write To Anna Novak Today",
            "to Anna Novak 5 today",
            "to Anna Novak 55555 today",
            "to Anna Novak b5 today",
            "to Anna, Novak today",
            "to Anna - Novak today",
            "Anna Novak",
            "at Turun yliopisto in town",
            "at Turun yliopisto , in town",
        ];
        let find = |text: &str| {
            let mut found = Vec::new();
            Detector::default().detect(text, &mut found);
            found
        };
        // A thread of its own remembers nothing.
        let alone = |text: &'static str| std::thread::spawn(move || find(text)).join();
        let expect: Vec<_> = texts.iter().map(|text| alone(text).expect("it ends")).collect();
        for _ in 0..3 {
            for (text, expect) in texts.iter().zip(&expect) {
                assert_eq!(&find(text), expect, "{text}");
            }
        }
    }
}
