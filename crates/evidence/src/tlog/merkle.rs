//! The hash tree of RFC 6962, section 2.1: leaf and node hashes, the growing edge of
//! a tree, proofs of inclusion and of consistency and their checks.

use aws_lc_rs::digest;
use std::collections::HashMap;
use std::ops::Range;

/// A SHA-256 hash of a leaf or a node.
pub type Hash = [u8; 32];

/// Hashes bytes without a prefix.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// The hash of a leaf: SHA-256 of a zero byte and the leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    // One call for all of it costs less than a context for two parts, and most are short.
    const SHORT: usize = 1024;
    let mut bytes = [0; SHORT];
    if let Some(all) = bytes.get_mut(..=leaf.len()) {
        all[1..].copy_from_slice(leaf);
        return sha256(all);
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0]);
    context.update(leaf);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The hash of a node: SHA-256 of a one byte and its children's hashes.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// The root of the empty tree.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The growing edge of a tree: the roots of its complete subtrees, largest first.
///
/// It holds as many hashes as the size has one bits, and is all that is needed to
/// go on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edge {
    size: u64,
    hashes: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree of `size` leaves; `None` unless there are as many hashes
    /// as `size` has one bits.
    #[must_use]
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()).ok()? == hashes.len()).then_some(Self { size, hashes })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| {});
    }

    /// Adds a leaf, and shows every complete subtree that ends with it, smallest first.
    #[inline]
    fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(Node, &Hash)) {
        let mut hash = leaf;
        completed(Node { level: 0, number: self.size }, &hash);
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
                completed(Node { level, number: self.size >> level }, &hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_the_right = self.hashes.iter().rev();
        let Some(last) = from_the_right.next() else { return empty_root() };
        from_the_right.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of the tree over these leaf hashes.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut edge = Edge::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

/// A complete subtree: the leaves `number << level` up to `(number + 1) << level`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Node {
    level: u32,
    number: u64,
}

/// Neighbouring leaves of a tree; a hash of a proof is the root over one such span.
pub type Span = Range<u64>;

/// The largest power of two below `size` (which is at least 2).
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The complete subtrees that a span of a proof is made of, from left to right.
fn nodes_of(span: &Span) -> impl Iterator<Item = Node> {
    let (mut start, end) = (span.start, span.end);
    std::iter::from_fn(move || {
        let left = end.checked_sub(start).filter(|left| *left > 0)?;
        let fitting = u64::BITS - 1 - left.leading_zeros();
        let level = fitting.min(start.trailing_zeros());
        let node = Node { level, number: start >> level };
        start += 1 << level;
        Some(node)
    })
}

/// What the hashes of the audit path of leaf `index` stand for, from the leaf up; `None`
/// beyond the tree (RFC 6962, section 2.1.1).
#[must_use]
pub fn inclusion_spans(index: u64, size: u64) -> Option<Vec<Span>> {
    if index >= size {
        return None;
    }
    let (mut spans, mut around) = (Vec::new(), 0..size);
    while around.end - around.start > 1 {
        let middle = around.start + split(around.end - around.start);
        if index < middle {
            spans.push(middle..around.end);
            around.end = middle;
        } else {
            spans.push(around.start..middle);
            around.start = middle;
        }
    }
    spans.reverse();
    Some(spans)
}

/// What the hashes of the proof stand for that the first `old` leaves are a prefix of
/// the tree of `size` leaves; `None` for an `old` of 0 or beyond the tree (RFC 6962,
/// section 2.1.2).
#[must_use]
pub fn consistency_spans(old: u64, size: u64) -> Option<Vec<Span>> {
    if old == 0 || old > size {
        return None;
    }
    let (mut spans, mut around) = (Vec::new(), 0..size);
    while old != around.end {
        let middle = around.start + split(around.end - around.start);
        if old <= middle {
            spans.push(middle..around.end);
            around.end = middle;
        } else {
            spans.push(around.start..middle);
            around.start = middle;
        }
    }
    if around.start > 0 {
        spans.push(around);
    }
    spans.reverse();
    Some(spans)
}

/// Gathers the hashes that proofs need while a tree grows; holds no other.
///
/// It need not see the tree from its first leaf: the [`Edge`] of any size up to the
/// first leaf that is proven, or up to the older size, is enough to begin with.
#[derive(Debug)]
pub struct Gatherer {
    edge: Edge,
    found: HashMap<Node, Option<Hash>>,
}

impl Gatherer {
    /// Begins where `edge` ends, for the hashes over `spans`.
    pub fn new<'a>(edge: Edge, spans: impl IntoIterator<Item = &'a Span>) -> Self {
        let wanted = spans.into_iter().flat_map(nodes_of);
        let mut found: HashMap<Node, Option<Hash>> = wanted.map(|node| (node, None)).collect();
        for (node, hash) in nodes_of(&(0..edge.size())).zip(edge.hashes()) {
            found.entry(node).and_modify(|slot| *slot = Some(*hash));
        }
        Self { edge, found }
    }

    /// Adds the next leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let found = &mut self.found;
        self.edge.push_with(leaf, |node, hash| {
            found.entry(node).and_modify(|slot| *slot = Some(*hash));
        });
    }

    /// The tree so far.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The hashes over `spans`, each in its place; `None` if one was not gathered.
    #[must_use]
    pub fn proof(&self, spans: &[Span]) -> Option<Vec<Hash>> {
        spans.iter().map(|span| self.root_of(span)).collect()
    }

    fn root_of(&self, span: &Span) -> Option<Hash> {
        let nodes: Vec<Node> = nodes_of(span).collect();
        let hashes = nodes.iter().rev().map(|node| *self.found.get(node)?);
        let joined = |right: Option<Hash>, left: Hash| match right {
            Some(right) => node_hash(&left, &right),
            None => left,
        };
        hashes.collect::<Option<Vec<_>>>()?.into_iter().fold(None, |r, l| Some(joined(r, l)))
    }
}

/// Whether `path` proves that `leaf` stands at `index` in the tree of `size` with
/// this root (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn inclusion_holds(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that a tree of `old` leaves with `old_root` is a prefix of
/// the tree of `size` leaves with `root` (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn consistency_holds(old: u64, old_root: &Hash, size: u64, root: &Hash, path: &[Hash]) -> bool {
    if old == 0 || old > size {
        return false;
    }
    if old == size {
        return path.is_empty() && old_root == root;
    }
    let mut path = path.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The leaves and roots of Certificate Transparency's own reference tests.
    fn reference_leaves() -> Vec<Vec<u8>> {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        leaves
            .iter()
            .map(|text| {
                (0..text.len() / 2)
                    .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn roots_are_those_of_the_reference() {
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut edge = Edge::default();
        assert_eq!(
            hex(&edge.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (leaf, expect) in reference_leaves().iter().zip(roots) {
            edge.push(leaf_hash(leaf));
            assert_eq!(hex(&edge.root()), expect);
        }
    }

    /// The audit path by the recursive definition, word for word.
    fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if index < left.len() {
            [path(index, left), vec![root(right)]].concat()
        } else {
            [path(index - left.len(), right), vec![root(left)]].concat()
        }
    }

    /// The consistency proof by the recursive definition, word for word.
    fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if old <= left.len() {
            [subproof(old, left, whole), vec![root(right)]].concat()
        } else {
            [subproof(old - left.len(), right, false), vec![root(left)]].concat()
        }
    }

    /// Gathers a proof from the edge that the tree had at `from` leaves.
    fn gathered(leaves: &[Hash], from: usize, spans: &[Span]) -> Vec<Hash> {
        let mut edge = Edge::default();
        leaves[..from].iter().for_each(|leaf| edge.push(*leaf));
        let mut gatherer = Gatherer::new(edge, spans);
        leaves[from..].iter().for_each(|leaf| gatherer.push(*leaf));
        gatherer.proof(spans).unwrap()
    }

    fn some_leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other() {
        let leaves = some_leaves(33);
        for size in 1..=leaves.len() {
            let tree = &leaves[..size];
            let (of, top) = (size as u64, root(tree));
            for index in 0..size {
                let at = index as u64;
                let proof = gathered(tree, 0, &inclusion_spans(at, of).unwrap());
                assert_eq!(proof, path(index, tree));
                assert!(inclusion_holds(&tree[index], at, of, &proof, &top));
                assert!(!inclusion_holds(&leaf_hash(b"x"), at, of, &proof, &top));
                assert!(!inclusion_holds(&tree[index], at + 1, of, &proof, &top));
            }
            for old in 1..=size {
                let was = old as u64;
                let proof = gathered(tree, 0, &consistency_spans(was, of).unwrap());
                assert_eq!(proof, subproof(old, tree, true));
                let before = root(&tree[..old]);
                assert!(consistency_holds(was, &before, of, &top, &proof));
                assert!(!consistency_holds(was, &leaf_hash(b"x"), of, &top, &proof));
                assert!(!consistency_holds(was, &before, of, &leaf_hash(b"x"), &proof));
            }
        }
        assert_eq!(inclusion_spans(3, 3), None);
        assert_eq!(consistency_spans(0, 3), None);
        assert_eq!(consistency_spans(4, 3), None);
    }

    proptest::proptest! {
        /// The edge of any size up to the leaf, or to the old size, is enough.
        #[test]
        fn proofs_are_gathered_from_any_edge_before(
            size in 1usize..700, old in 0usize..700, from in 0usize..700,
        ) {
            let leaves = some_leaves(size as u32);
            let old = 1 + old % size;
            let from = from % (old + 1);
            let spans = consistency_spans(old as u64, size as u64).unwrap();
            proptest::prop_assert_eq!(
                gathered(&leaves, from, &spans), subproof(old, &leaves, true)
            );
            let index = old - 1;
            let from = from.min(index);
            let spans = inclusion_spans(index as u64, size as u64).unwrap();
            proptest::prop_assert_eq!(gathered(&leaves, from, &spans), path(index, &leaves));
        }
    }

    #[test]
    fn an_edge_goes_on_from_its_parts() {
        let mut edge = Edge::default();
        (0u8..100).for_each(|n| edge.push(leaf_hash(&[n])));
        let mut again = Edge::from_parts(edge.size(), edge.hashes().to_vec()).unwrap();
        assert_eq!(again.root(), edge.root());
        again.push([7; 32]);
        edge.push([7; 32]);
        assert_eq!(again, edge);
        assert!(Edge::from_parts(3, vec![[0; 32]]).is_none());
    }
}
