//! The model file and its use: weights of one byte, labels found by summing over all labellings
//! of a run.

use super::features::{Sink, TABLE_BITS};
use super::lexicon::Lexicon;

/// Labels: outside, then beginning and inside of person, place and organisation. The eighth
/// column pads a row of weights to one word of the machine.
pub(super) const LABELS: usize = 8;
pub(super) const OUTSIDE: usize = 0;

/// A transition that may not be.
const FORBIDDEN: i32 = -1_000_000;
const ROWS: usize = 1 << TABLE_BITS;
const MAGIC: &[u8; 8] = b"PRNAMES2";
/// Magic, size of the table, transitions, and zeros up to the end of a line of the processor's
/// cache.
const HEAD: usize = (8 + 8 + LABELS * LABELS * 2).next_multiple_of(64);

/// Weights are stored in steps of 1 / 32, above [`ZERO`].
const STEPS: f32 = 32.0;

/// The byte of a weight of zero. Sums of all features of a word stay below 2¹⁵.
const ZERO: u8 = 127;

/// Sums of weights by label.
pub(super) type Scores = [i16; LABELS];

/// A model read from its file.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    transitions: [[i32; LABELS]; LABELS],
    /// The transitions as weights, from each label and to each.
    steps: [[f32; LABELS]; LABELS],
    steps_to: [[f32; LABELS]; LABELS],
    weights: &'a [[u8; LABELS]; ROWS],
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
    /// Reads a model; none when the file is not one.
    pub(super) fn read(file: &'a [u8]) -> Option<Self> {
        let head = file.get(..HEAD)?;
        let (weights, _) = file.get(HEAD..HEAD + ROWS * LABELS)?.as_chunks();
        let weights = weights.try_into().ok()?;
        if &head[..8] != MAGIC {
            return None;
        }
        let mut transitions = [[0; LABELS]; LABELS];
        let mut best = i32::MIN;
        for (index, pair) in head[16..][..LABELS * LABELS * 2].chunks_exact(2).enumerate() {
            let (from, to) = (index / LABELS, index % LABELS);
            transitions[from][to] = if may_follow(from, to) {
                i32::from(i16::from_le_bytes([pair[0], pair[1]]))
            } else {
                FORBIDDEN
            };
            best = best.max(transitions[from][to]);
        }
        let steps = transitions
            .map(|row| row.map(|step| if step == FORBIDDEN { 0.0 } else { power(best - step) }));
        Some(Self {
            transitions,
            steps,
            steps_to: std::array::from_fn(|to| steps.map(|row| row[to])),
            weights,
            lexicon: Lexicon::new(file.get(HEAD + ROWS * LABELS..)?),
        })
    }

    /// No features yet.
    pub(super) fn sums(&self) -> Sums<'a> {
        Sums { weights: self.weights, even: 0, odd: 0, count: 0 }
    }

    /// Whether a name goes on with a word of these scores. `label` is the label before it.
    pub(super) fn goes_on(&self, label: u8, scores: &Scores) -> bool {
        let inside = (usize::from(label) - 1) / 2 * 2 + 2;
        let score = |to: usize| self.transitions[usize::from(label)][to] + i32::from(scores[to]);
        score(inside) > score(OUTSIDE)
    }

    /// The labels of a run: of each word the likeliest kind of name, where the chance that it is a
    /// name at all reaches `least`. Sums over all labellings of the run (forward and backward).
    pub(super) fn decode(&self, scores: &[Scores], least: f32, run: &mut Run) {
        let Run { labels, chances, forward, backward, weights } = run;
        let count = scores.len();
        weights.clear();
        weights.extend(scores.iter().map(relative));
        forward.clear();
        for index in 0..count {
            let reach = match index {
                0 => self.steps[OUTSIDE],
                _ => product(&forward[index - 1], &self.steps),
            };
            let row = std::array::from_fn(|to| reach[to] * weights[index][to]);
            forward.push(scaled(row));
        }
        backward.clear();
        backward.resize(count, [1.0; LABELS]);
        for index in (1..count).rev() {
            let later: [f32; LABELS] =
                std::array::from_fn(|l| weights[index][l] * backward[index][l]);
            backward[index - 1] = scaled(product(&later, &self.steps_to));
        }
        labels.clear();
        chances.clear();
        for (forward, backward) in forward.iter().zip(backward.iter()) {
            let parts: [f32; LABELS] = std::array::from_fn(|l| forward[l] * backward[l]);
            let total: f32 = parts[..LABELS - 1].iter().sum();
            let chance = 1.0 - parts[OUTSIDE] / total;
            let first = [1, 3, 5]
                .into_iter()
                .max_by(|a, b| (parts[*a] + parts[a + 1]).total_cmp(&(parts[*b] + parts[b + 1])))
                .unwrap_or(1);
            let before = usize::from(labels.last().copied().unwrap_or(0));
            let inside =
                (before == first || before == first + 1) && parts[first + 1] > parts[first];
            let label = if chance < least { OUTSIDE } else { first + usize::from(inside) };
            labels.push(label as u8);
            chances.push(chance);
        }
    }
}

/// The weights of the features of one word, added four at a time, as the even and the odd bytes of
/// a row.
pub(super) struct Sums<'a> {
    weights: &'a [[u8; LABELS]; ROWS],
    even: u64,
    odd: u64,
    count: i16,
}

impl Sink for Sums<'_> {
    #[inline]
    fn push(&mut self, row: u32) {
        const EVEN: u64 = 0x00FF_00FF_00FF_00FF;
        let weights = u64::from_le_bytes(self.weights[row as usize & (ROWS - 1)]);
        self.even += weights & EVEN;
        self.odd += weights >> 8 & EVEN;
        self.count += 1;
    }
}

impl Sums<'_> {
    /// The scores of the labels of the word.
    #[inline]
    pub(super) fn scores(&self) -> Scores {
        let zero = self.count * i16::from(ZERO);
        std::array::from_fn(|label| {
            let lanes = if label % 2 == 0 { self.even } else { self.odd };
            (lanes >> (label / 2 * 16)) as u16 as i16 - zero
        })
    }
}

/// What [`Model::decode`] finds, with its scratch space.
#[derive(Default)]
pub(super) struct Run {
    /// The label of each word.
    pub(super) labels: Vec<u8>,
    /// The chance that each word belongs to a name.
    pub(super) chances: Vec<f32>,
    weights: Vec<[f32; LABELS]>,
    forward: Vec<[f32; LABELS]>,
    backward: Vec<[f32; LABELS]>,
}

/// Powers of e by steps of the weights, downwards. They are made by multiplication alone, so that
/// every machine has the same.
const POWERS: [f32; 1024] = {
    let mut table = [1.0; 1024];
    let mut index = 1;
    while index < table.len() {
        // e to the power of -1 / 32
        table[index] = table[index - 1] * 0.969_233_2;
        index += 1;
    }
    table
};

fn power(below: i32) -> f32 {
    POWERS[below.clamp(0, POWERS.len() as i32 - 1) as usize]
}

/// Scores as weights that are one for the best label.
fn relative(scores: &Scores) -> [f32; LABELS] {
    let best = i32::from(scores[..LABELS - 1].iter().copied().max().unwrap_or(0));
    scores.map(|score| power(best - i32::from(score)))
}

/// The sum of the rows of a table, each so many times. The sums of all labels are made side by
/// side, each in the order of the rows.
#[inline]
fn product(times: &[f32; LABELS], rows: &[[f32; LABELS]; LABELS]) -> [f32; LABELS] {
    let mut sums = [0.0; LABELS];
    for (times, row) in times.iter().zip(rows).take(LABELS - 1) {
        for (sum, step) in sums.iter_mut().zip(row) {
            *sum += times * step;
        }
    }
    sums
}

fn scaled(row: [f32; LABELS]) -> [f32; LABELS] {
    let sum: f32 = row[..LABELS - 1].iter().sum();
    row.map(|value| value / sum)
}

/// Writes a model file.
pub(super) fn write(
    transitions: &[[f32; LABELS]; LABELS],
    weights: &[f32],
    lexicon: &[u8],
) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEAD + ROWS * LABELS + lexicon.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&u64::from(TABLE_BITS).to_le_bytes());
    for row in transitions {
        for weight in row {
            file.extend_from_slice(&((weight * STEPS).round() as i16).to_le_bytes());
        }
    }
    file.resize(HEAD, 0);
    for weight in weights {
        let step = (weight * STEPS).round().clamp(-127.0, 127.0) as i16;
        file.push((step + i16::from(ZERO)) as u8);
    }
    file.extend_from_slice(lexicon);
    file
}
