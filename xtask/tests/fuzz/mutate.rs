//! Inputs from seeds: flips, cuts, repeats, splices, numbers at their limits and words of
//! the language in question.

/// A small generator: the same numbers for the same seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below a bound; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap()
    }
}

/// Longest input that grows from a seed.
const BYTES_MAX: usize = 64 << 10;

/// One input: a seed with one to eight changes.
pub(crate) fn mutate(random: &mut Random, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(8) {
        change(random, &mut bytes, seeds, words);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
    let at = random.below(bytes.len() + 1);
    let rest = bytes.len() - at;
    let span = at..at + random.below(rest.min(64) + 1);
    match random.below(9) {
        0 if rest > 0 => bytes[at] ^= 1 << random.below(8),
        1 if rest > 0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        2 => drop(bytes.drain(span)),
        3 => {
            let copy = bytes[span].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        5 if rest >= 4 => {
            let limits = [0, 1, 3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX];
            let number = limits[random.below(limits.len())].to_be_bytes();
            bytes[at..at + 4].copy_from_slice(&number);
        }
        6 | 7 if !words.is_empty() => {
            let word = words[random.below(words.len())];
            bytes.splice(at..at, word.bytes());
        }
        _ => {
            // Deep nesting and long runs, where recursion would show.
            let piece = bytes[span].to_vec();
            for _ in 0..random.below(200) {
                bytes.splice(at..at, piece.iter().copied());
                if bytes.len() > BYTES_MAX {
                    return;
                }
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let inputs = |seed| {
        let mut random = Random::new(seed);
        let seeds = [b"select 1".to_vec(), b"".to_vec()];
        (0..100).map(|_| mutate(&mut random, &seeds, &["("])).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
