//! Sets of classified columns, cheap to copy and to join.
//!
//! An analysis joins such sets for every expression, and a function that nobody can look into
//! brings all columns at once. So a set is shared until it changes, and a join that adds nothing
//! costs a comparison and no memory.

use std::sync::Arc;

/// Classified columns, by index in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(in crate::sql) enum Taint {
    /// None.
    #[default]
    Clean,
    /// Exactly this one.
    One(u32),
    /// Two or more, a bit for each.
    // INVARIANT: the last word is not zero, so that equal sets are equal values.
    Many(Arc<[u64]>),
}

impl Taint {
    /// The first `count` columns.
    pub(in crate::sql) fn first(count: usize) -> Self {
        (0..u32::try_from(count).unwrap_or(u32::MAX)).collect()
    }

    pub(in crate::sql) fn is_clean(&self) -> bool {
        *self == Self::Clean
    }

    /// Adds all of `other`. True: there was something to add.
    pub(in crate::sql) fn join(&mut self, other: &Self) -> bool {
        if self.holds(other) {
            return false;
        }
        if other.holds(self) {
            *self = other.clone();
            return true;
        }
        let mut words = self.words();
        let more = other.words();
        words.resize(words.len().max(more.len()), 0);
        words.iter_mut().zip(&more).for_each(|(word, bits)| *word |= bits);
        *self = Self::Many(words.into());
        true
    }

    pub(in crate::sql) fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Clean) => true,
            (Self::Clean, Self::One(_) | Self::Many(_)) | (Self::One(_), Self::Many(_)) => false,
            (Self::One(own), Self::One(id)) => own == id,
            (Self::Many(words), Self::One(id)) => {
                let (index, bit) = place(*id);
                words.get(index).is_some_and(|word| word & bit != 0)
            }
            (Self::Many(own), Self::Many(words)) => {
                Arc::ptr_eq(own, words)
                    || (own.len() >= words.len()
                        && words.iter().zip(own.iter()).all(|(word, own)| word & !own == 0))
            }
        }
    }

    /// The indexes, in order.
    pub(in crate::sql) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        let (one, words): (Option<u32>, &[u64]) = match self {
            Self::Clean => (None, &[]),
            Self::One(id) => (Some(*id), &[]),
            Self::Many(words) => (None, words),
        };
        let many = words.iter().zip(0u32..).flat_map(|(word, index)| {
            let base = index.saturating_mul(u64::BITS);
            (0..u64::BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| base + bit)
        });
        one.into_iter().chain(many)
    }

    fn words(&self) -> Vec<u64> {
        match self {
            Self::Clean => Vec::new(),
            Self::One(id) => {
                let (index, bit) = place(*id);
                let mut words = vec![0; index + 1];
                words[index] = bit;
                words
            }
            Self::Many(words) => words.to_vec(),
        }
    }
}

impl FromIterator<u32> for Taint {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut words: Vec<u64> = Vec::new();
        let mut only = Self::Clean;
        let mut count = 0u32;
        for id in ids {
            let (index, bit) = place(id);
            if words.len() <= index {
                words.resize(index + 1, 0);
            }
            if words[index] & bit == 0 {
                count += 1;
                only = Self::One(id);
            }
            words[index] |= bit;
        }
        if count < 2 { only } else { Self::Many(words.into()) }
    }
}

fn place(id: u32) -> (usize, u64) {
    ((id / u64::BITS) as usize, 1 << (id % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u32]) -> Taint {
        ids.iter().copied().collect()
    }

    #[test]
    fn joins_like_sets() {
        let check = |one: &[u32], two: &[u32], both: &[u32], grows: bool| {
            let mut joined = set(one);
            assert_eq!(joined.join(&set(two)), grows, "{one:?} {two:?}");
            assert_eq!(joined, set(both), "{one:?} {two:?}");
            assert_eq!(joined.ids().collect::<Vec<_>>(), both);
        };
        check(&[], &[], &[], false);
        check(&[], &[3], &[3], true);
        check(&[3], &[3], &[3], false);
        check(&[3], &[], &[3], false);
        check(&[3], &[64], &[3, 64], true);
        check(&[64], &[3], &[3, 64], true);
        check(&[1, 2], &[2], &[1, 2], false);
        check(&[1, 2], &[2, 200], &[1, 2, 200], true);
        check(&[1, 200], &[2, 3], &[1, 2, 3, 200], true);
        check(&[2], &[1, 2], &[1, 2], true);
        check(&[1, 3], &[2, 4], &[1, 2, 3, 4], true);
    }

    #[test]
    fn a_join_that_adds_nothing_shares() {
        let all = Taint::first(9_000);
        let mut joined = Taint::One(7);
        assert!(joined.join(&all) && !joined.join(&Taint::One(8_999)));
        let (Taint::Many(one), Taint::Many(two)) = (&joined, &all) else { panic!("not many") };
        assert!(Arc::ptr_eq(one, two));
    }
}
