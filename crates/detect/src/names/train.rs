//! Training of the model of names: a linear-chain conditional random field over the runs of
//! capitalised words, by AdaGrad, in one pass order that depends on the input only. Sources that
//! do not annotate a kind leave it open there instead of teaching its absence.
//! It reads and writes no files; `examples/train.rs` does.

use super::features::{self, Place, TABLE_BITS, Word, look};
use super::lexicon::{self, Lexicon};
use super::model::{self, LABELS, may_follow};
use super::tokens::{TAIL_MAX, Token, is_dense, is_first, is_tail, next_run, split};
use crate::text::traits::Traits;

/// One annotated text. Spans are byte ranges with a kind: 0 person, 1 place, 2 organisation, 3 what
/// is left open.
pub struct Sample {
    /// The text.
    pub text: String,
    /// Spans, sorted.
    pub spans: Vec<(usize, usize, usize)>,
    /// Which kinds the source annotates.
    pub labelled: [bool; 3],
    /// How often the sample counts.
    pub weight: f32,
}

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Passes over the samples.
    pub passes: usize,
    /// Step of AdaGrad.
    pub rate: f32,
    /// Weight decay by pass.
    pub decay: f32,
    /// Features that are seen less often are left out.
    pub seen_min: u32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { passes: 10, rate: 0.09, decay: 0.03, seen_min: 3 }
    }
}

struct Run {
    rows: Vec<Vec<u32>>,
    /// Bit sets of allowed labels.
    allowed: Vec<u8>,
    weight: f32,
}

/// Trains a model and returns its file. `list` is the word list, `word TAB flags` a line.
#[must_use]
pub fn train(samples: &[Sample], list: &str, recipe: Recipe) -> Vec<u8> {
    let table = lexicon::build(list);
    let mut runs = Vec::new();
    for sample in samples {
        collect(sample, &Lexicon::new(&table), &mut runs);
    }
    drop_rare(&mut runs, recipe.seen_min);
    let mut field = Field {
        weights: vec![0.0; (1 << TABLE_BITS) * LABELS],
        squares: vec![1e-6; (1 << TABLE_BITS) * LABELS],
        transitions: [[0.0; LABELS]; LABELS],
        transition_squares: [[1e-6; LABELS]; LABELS],
    };
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut order: Vec<usize> = (0..runs.len()).collect();
    for pass in 0..recipe.passes {
        for i in (1..order.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.swap(i, (state % (i as u64 + 1)) as usize);
        }
        let rate = recipe.rate * (1.0 - 0.8 * pass as f32 / recipe.passes as f32);
        for index in &order {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            field.learn(&runs[*index], rate, state);
        }
        for weight in &mut field.weights {
            *weight *= 1.0 - recipe.decay;
        }
    }
    model::write(&field.transitions, &field.weights, &table)
}

/// Leaves out the features that are seen in fewer places than `seen_min`.
fn drop_rare(runs: &mut [Run], seen_min: u32) {
    let mut seen = vec![0_u32; 1 << TABLE_BITS];
    for row in runs.iter().flat_map(|run| run.rows.iter().flatten()) {
        seen[*row as usize] += 1;
    }
    for rows in runs.iter_mut().flat_map(|run| run.rows.iter_mut()) {
        rows.retain(|row| seen[*row as usize] >= seen_min);
    }
}

fn collect(sample: &Sample, lexicon: &Lexicon<'_>, runs: &mut Vec<Run>) {
    let text = sample.text.as_str();
    let mut tokens = Vec::new();
    split(text, &Traits::of(text.as_bytes()).words, 0, &mut tokens);
    let words: Vec<Word> = tokens.iter().map(|t| look(text, t, lexicon)).collect();
    let word = |i: Option<usize>| i.and_then(|i| words.get(i)).copied().unwrap_or_default();
    let features = |index: usize, run: (usize, usize), dense: bool| {
        let five = [
            word(index.checked_sub(2)),
            word(index.checked_sub(1)),
            word(Some(index)),
            word(Some(index + 1)),
            word(Some(index + 2)),
        ];
        let first = is_first(&tokens, index);
        let (position, size) = (index - run.0, run.1 - run.0);
        let place = Place { words: &five, position, size, first, dense };
        let mut rows = Vec::new();
        features::all(text, &tokens[index], &place, lexicon, &mut rows);
        rows
    };
    let mut at = 0;
    while let Some(run) = next_run(text, &tokens, at) {
        at = run.1;
        let dense = is_dense(&tokens, run);
        let mut rows = Vec::new();
        let mut allowed: Vec<u8> = Vec::new();
        let mut open: Option<usize> = None;
        for (index, token) in tokens.iter().enumerate().take(run.1).skip(run.0) {
            rows.push(features(index, run, dense));
            allowed.push(labels(sample, token, &mut open));
        }
        // Words in small letters are looked at only behind a place or an organisation.
        while allowed.last().is_some_and(|set| set & 0b0111_1000 != 0 && set & 0b111 == 0)
            && at - run.1 < TAIL_MAX
            && is_tail(&tokens, at)
        {
            rows.push(features(at, run, dense));
            allowed.push(labels(sample, &tokens[at], &mut open));
            at += 1;
        }
        runs.push(Run { rows, allowed, weight: sample.weight });
    }
}

fn labels(sample: &Sample, token: &Token, open: &mut Option<usize>) -> u8 {
    let (start, end) = (token.start as usize, token.end as usize);
    let hit = sample.spans.iter().position(|s| s.0 < end && start < s.1);
    let Some(index) = hit else {
        *open = None;
        let unknown = (0..3).filter(|k| !sample.labelled[*k]);
        return unknown.fold(1, |set, kind| set | 0b11 << (1 + 2 * kind));
    };
    let kind = sample.spans[index].2;
    if kind == 3 {
        *open = None;
        return 0x7F;
    }
    let inside = *open == Some(index);
    *open = Some(index);
    1 << (1 + 2 * kind + usize::from(inside))
}

struct Field {
    weights: Vec<f32>,
    squares: Vec<f32>,
    transitions: [[f32; LABELS]; LABELS],
    transition_squares: [[f32; LABELS]; LABELS],
}

const FLOOR: f32 = -1e9;

fn log_sum(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let top = values.clone().fold(FLOOR, f32::max);
    if top <= FLOOR {
        return FLOOR;
    }
    top + values.map(|v| (v - top).exp()).sum::<f32>().ln()
}

type Scores = [f32; LABELS];

impl Field {
    fn learn(&mut self, run: &Run, rate: f32, seed: u64) {
        let n = run.rows.len();
        let mut dropped = seed;
        // Nearly half of the features are left out at each step, so that no single one carries a
        // name.
        let kept: Vec<Vec<u32>> = run
            .rows
            .iter()
            .map(|rows| {
                rows.iter()
                    .copied()
                    .filter(|_| {
                        dropped ^= dropped << 13;
                        dropped ^= dropped >> 7;
                        dropped ^= dropped << 17;
                        dropped % 100 >= 45
                    })
                    .collect()
            })
            .collect();
        let emissions: Vec<Scores> = kept
            .iter()
            .map(|rows| {
                let mut sums = [0.0; LABELS];
                for row in rows {
                    let at = *row as usize * LABELS;
                    for (sum, weight) in sums.iter_mut().zip(&self.weights[at..at + LABELS]) {
                        *sum += weight;
                    }
                }
                sums
            })
            .collect();
        let free = self.marginals(&emissions, &vec![0x7F; n]);
        let bound = self.marginals(&emissions, &run.allowed);
        let (Some(free), Some(bound)) = (free, bound) else { return };
        for (index, rows) in kept.iter().enumerate() {
            let gradient: Scores =
                std::array::from_fn(|l| (bound.0[index][l] - free.0[index][l]) * run.weight);
            for row in rows {
                let at = *row as usize * LABELS;
                for (label, slope) in gradient.iter().enumerate().take(LABELS - 1) {
                    if slope.abs() > 1e-4 {
                        let square = &mut self.squares[at + label];
                        *square += slope * slope;
                        self.weights[at + label] += rate * slope / square.sqrt().max(0.3);
                    }
                }
            }
        }
        for from in 0..LABELS - 1 {
            for to in 0..LABELS - 1 {
                let slope = (bound.1[from][to] - free.1[from][to]) * run.weight;
                if slope.abs() > 1e-4 {
                    let square = &mut self.transition_squares[from][to];
                    *square += slope * slope;
                    self.transitions[from][to] += rate * slope / square.sqrt().max(0.3);
                }
            }
        }
    }

    /// Probabilities of labels and of pairs, under the allowed labels.
    fn marginals(
        &self,
        emissions: &[Scores],
        allowed: &[u8],
    ) -> Option<(Vec<Scores>, [Scores; LABELS])> {
        let n = emissions.len();
        let step = |from: usize, to: usize| {
            if may_follow(from, to) { self.transitions[from][to] } else { FLOOR }
        };
        let open = |index: usize, label: usize| allowed[index] >> label & 1 == 1;
        let mut forward = vec![[FLOOR; LABELS]; n];
        for index in 0..n {
            for to in 0..LABELS - 1 {
                if !open(index, to) {
                    continue;
                }
                let reach = if index == 0 {
                    step(0, to)
                } else {
                    let last = forward[index - 1];
                    log_sum((0..LABELS - 1).map(move |from| last[from] + step(from, to)))
                };
                forward[index][to] = (reach + emissions[index][to]).max(FLOOR);
            }
        }
        let mut backward = vec![[FLOOR; LABELS]; n];
        backward[n - 1] = [0.0; LABELS];
        for index in (0..n - 1).rev() {
            for from in 0..LABELS - 1 {
                let later = backward[index + 1];
                let emission = emissions[index + 1];
                backward[index][from] = log_sum(
                    (0..LABELS - 1)
                        .filter(|to| open(index + 1, *to))
                        .map(move |to| step(from, to) + emission[to] + later[to]),
                )
                .max(FLOOR);
            }
        }
        let total = log_sum((0..LABELS - 1).map(|l| forward[n - 1][l]));
        if total <= FLOOR / 2.0 {
            return None;
        }
        let mut single = vec![[0.0; LABELS]; n];
        let mut pairs = [[0.0; LABELS]; LABELS];
        for index in 0..n {
            for label in 0..LABELS - 1 {
                single[index][label] =
                    (forward[index][label] + backward[index][label] - total).min(0.0).exp();
                if !open(index, label) {
                    single[index][label] = 0.0;
                    continue;
                }
                for from in 0..LABELS - 1 {
                    let before = match index {
                        0 if from == 0 => 0.0,
                        0 => continue,
                        _ => forward[index - 1][from],
                    };
                    let weight = before
                        + step(from, label)
                        + emissions[index][label]
                        + backward[index][label]
                        - total;
                    pairs[from][label] += weight.min(0.0).exp();
                }
            }
        }
        Some((single, pairs))
    }
}
