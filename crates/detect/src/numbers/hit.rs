//! What the matchers over a chain share: a match, and what is announced around the chain.

use super::chain::Chain;
use crate::context::scene::Scene;
use crate::context::{self, Announced};
use crate::finding::Finding;

/// A match on a chain: the last group that belongs to it, and the finding if there is one.
/// Without a finding the groups are skipped (a time, a version, a UUID).
pub(crate) struct Hit {
    pub(crate) last: usize,
    pub(crate) finding: Option<Finding>,
}

/// Announced topics near a chain, looked up once a chain.
pub(crate) fn topics(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Announced {
    let groups = chain.groups();
    // Groups of letters may announce what follows them, and long chains carry several values.
    if index > 3 || index > 0 && groups[index - 1].digits == 0 {
        *announced = None;
    }
    *announced.get_or_insert_with(|| {
        let end = groups[groups.len() - 1].end;
        let mut found = context::around(scene, groups[index].start, end);
        found.topics = found.topics.or(scene.label);
        found
    })
}
