//! Proofs that stand by themselves: hashes, and a checkpoint that they lead to.

use crate::tlog::merkle::{Hash, consistency_holds, inclusion_holds};
use crate::tlog::note::Checkpoint;

/// A leaf's place in a tree, proven: hashes from the leaf's sibling up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inclusion {
    /// Which leaf, from 0.
    pub index: u64,
    /// The audit path.
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// Whether the leaf of this hash stands at the index in the checkpoint's tree.
    #[must_use]
    pub fn holds(&self, leaf: &Hash, checkpoint: &Checkpoint) -> bool {
        inclusion_holds(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)
    }
}

/// Whether a tree of `old` leaves is a prefix of the checkpoint's. The empty tree is one
/// of every tree, and needs no proof.
#[must_use]
pub fn is_prefix(old: u64, old_root: &Hash, checkpoint: &Checkpoint, proof: &[Hash]) -> bool {
    match old {
        0 => proof.is_empty(),
        old => consistency_holds(old, old_root, checkpoint.size, &checkpoint.root, proof),
    }
}
