//! The model file and its use: weights of one byte, labels found by Viterbi over one run.

use super::features::{Features, TABLE_BITS};
use super::lexicon::Lexicon;

/// Labels: outside, then beginning and inside of person, place and organisation. The eighth
/// column pads a row of weights to one word of the machine.
pub(super) const LABELS: usize = 8;
pub(super) const OUTSIDE: usize = 0;

const ROWS: usize = 1 << TABLE_BITS;
const MAGIC: &[u8; 8] = b"PRNAMES1";
const HEAD: usize = 8 + 4 + LABELS * LABELS * 2;

/// Weights are stored in steps of 1 / 32.
pub(super) const STEPS: f32 = 32.0;

/// A model read from its file.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    transitions: [[i32; LABELS]; LABELS],
    weights: &'a [[i8; LABELS]],
    pub(super) lexicon: Lexicon<'a>,
}

/// Whether `next` may follow `label`.
pub(super) fn may_follow(label: usize, next: usize) -> bool {
    match next {
        7 => false,
        2 | 4 | 6 => label == next || label + 1 == next,
        _ => label != 7,
    }
}

impl<'a> Model<'a> {
    /// Reads a model; an empty one when the file is not one.
    pub(super) fn read(file: &'a [u8], weights: &'a [[i8; LABELS]]) -> Option<Self> {
        let head = file.get(..HEAD)?;
        if &head[..8] != MAGIC || weights.len() != ROWS {
            return None;
        }
        let mut transitions = [[0; LABELS]; LABELS];
        for (index, pair) in head[12..].chunks_exact(2).enumerate() {
            let (from, to) = (index / LABELS, index % LABELS);
            transitions[from][to] = if may_follow(from, to) {
                i32::from(i16::from_le_bytes([pair[0], pair[1]]))
            } else {
                -1_000_000
            };
        }
        Some(Self {
            transitions,
            weights,
            lexicon: Lexicon::new(file.get(HEAD + ROWS * LABELS..)?),
        })
    }

    /// The part of a file that holds the weights, as signed rows.
    pub(super) fn rows(file: &[u8]) -> Vec<[i8; LABELS]> {
        file.get(HEAD..HEAD + ROWS * LABELS)
            .unwrap_or_default()
            .chunks_exact(LABELS)
            .map(|row| std::array::from_fn(|i| i8::from_ne_bytes([row[i]])))
            .collect()
    }

    /// The scores of one word's labels.
    #[inline]
    pub(super) fn emit(&self, features: &Features) -> [i32; LABELS] {
        let mut sums = [0_i16; LABELS];
        for row in &features.rows[..features.count] {
            let weights = &self.weights[*row as usize];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += i16::from(*weight);
            }
        }
        sums.map(i32::from)
    }

    /// The best labels of a run. `caution` is added to the score of `outside`.
    pub(super) fn decode(
        &self,
        emissions: &mut [[i32; LABELS]],
        caution: i32,
        labels: &mut Vec<u8>,
    ) {
        labels.clear();
        labels.resize(emissions.len(), 0);
        let mut back: Vec<[u8; LABELS]> = Vec::with_capacity(emissions.len());
        let mut scores = [i32::MIN / 2; LABELS];
        scores[OUTSIDE] = 0;
        for emission in emissions.iter_mut() {
            emission[OUTSIDE] += caution;
            let mut next = [i32::MIN / 2; LABELS];
            let mut from = [0_u8; LABELS];
            for to in 0..LABELS - 1 {
                for (label, row) in self.transitions.iter().enumerate().take(LABELS - 1) {
                    let score = scores[label] + row[to];
                    if score > next[to] {
                        next[to] = score;
                        from[to] = label as u8;
                    }
                }
                next[to] += emission[to];
            }
            scores = next;
            back.push(from);
        }
        let mut best = (0..LABELS - 1).max_by_key(|label| scores[*label]).unwrap_or(OUTSIDE);
        for index in (0..emissions.len()).rev() {
            labels[index] = best as u8;
            best = usize::from(back[index][best]);
        }
    }
}

/// Writes a model file.
pub(super) fn write(
    transitions: &[[f32; LABELS]; LABELS],
    weights: &[f32],
    lexicon: &[u8],
) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEAD + ROWS * LABELS + lexicon.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&TABLE_BITS.to_le_bytes());
    for row in transitions {
        for weight in row {
            file.extend_from_slice(&((weight * STEPS).round() as i16).to_le_bytes());
        }
    }
    for weight in weights {
        let step = (weight * STEPS).round().clamp(-127.0, 127.0) as i8;
        file.extend_from_slice(&step.to_ne_bytes());
    }
    file.extend_from_slice(lexicon);
    file
}
