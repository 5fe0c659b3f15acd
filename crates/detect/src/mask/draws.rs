//! What draws the characters of format-preserving masking.

use crate::finding::category::Category;
use portreeve_pseudonym::MaskKey;

/// An endless row of numbers that key, category and value determine.
pub(super) struct Draws<'k> {
    key: &'k MaskKey,
    seed: [u8; 32],
    block: [u8; 32],
    blocks: u64,
    used: usize,
}

impl<'k> Draws<'k> {
    /// The draws that replace the characters of a value.
    pub(super) fn new(key: &'k MaskKey, category: Category, canonical: &str) -> Self {
        let seed = key.tag(category.name(), b"form", canonical.as_bytes());
        Self { key, seed, block: [0; 32], blocks: 0, used: 32 }
    }

    /// A number below `limit`, each equally likely; zero for a limit of zero.
    pub(super) fn below(&mut self, limit: u16) -> u16 {
        // Numbers at or above the last whole multiple would make the small ones more likely.
        let fair = u16::MAX - u16::MAX % limit.max(1);
        loop {
            let number = self.next();
            if number < fair {
                return number % limit.max(1);
            }
        }
    }

    fn next(&mut self) -> u16 {
        if self.used == self.block.len() {
            self.block = self.key.block(&self.seed, self.blocks);
            self.blocks += 1;
            self.used = 0;
        }
        let pair = [self.block[self.used], self.block[self.used + 1]];
        self.used += 2;
        u16::from_be_bytes(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fair_and_stay_the_same() {
        let key = MaskKey::new([7; 32]);
        let mut draws = Draws::new(&key, Category::Phone, "1");
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[usize::from(draws.below(10))] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        let row = |value| {
            let mut draws = Draws::new(&key, Category::Phone, value);
            [0; 8].map(|_: u8| draws.below(1000))
        };
        assert_eq!(row("1"), row("1"));
        assert_ne!(row("1"), row("2"));
        assert_eq!(draws.below(0), 0);
    }
}
