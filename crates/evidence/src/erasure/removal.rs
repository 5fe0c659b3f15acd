//! The removal of segments that a record says are to go.

use crate::disk::storage::Disk;
use crate::error::Error;
use crate::extract::tiles;
use crate::format::frame::segment_name;
use crate::format::layout::segment_numbers;
use portreeve_model::Pruned;
use std::path::Path;

/// Removes what a pruning left; gives how many segments there were. Each removal is durable
/// before the next one, so that no stop leaves a gap.
pub(crate) fn remove(disk: &dyn Disk, dir: &Path, pruned: &Pruned) -> Result<u64, Error> {
    let mut removed = 0;
    for number in segment_numbers(disk)?.into_iter().filter(|n| *n <= pruned.segments) {
        let name = segment_name(number);
        disk.remove(&name)
            .and_then(|()| disk.sync_folder(""))
            .map_err(|error| Error::store("remove", &dir.join(&name), error))?;
        removed += 1;
    }
    tiles::drop_old_bundles(dir, pruned)?;
    Ok(removed)
}
