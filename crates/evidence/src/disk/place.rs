//! Files that are put in place whole or not at all, with a log's errors.

use crate::error::Error;
use std::path::Path;

pub(crate) use portreeve_files::Durability;

/// Puts a file with this content and mode in the place of `path`.
pub(crate) fn put(
    path: &Path,
    mode: u32,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), Error> {
    let put = portreeve_files::put(path, mode, bytes, durability);
    put.map_err(|error| Error::store("write", path, error))
}

/// Removes what processes that were killed left in a folder. For its one writer.
pub(crate) fn sweep(folder: &Path) -> Result<(), Error> {
    portreeve_files::sweep(folder).map_err(|error| Error::store("clear", folder, error))
}
