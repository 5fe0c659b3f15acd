//! The names of a log's files, for who writes them and who reads them.

use crate::disk::storage::Disk;
use crate::error::Error;
use crate::format::frame::{segment_name, segment_number};
use std::path::Path;

/// The file that remembers the latest checkpoint.
pub(crate) const HEAD_FILE: &str = "head";
/// The folder of the hashes, in the log's directory.
pub(crate) const TILES_FOLDER: &str = "tiles";

/// The numbers of the segment files, which must follow one another.
pub(crate) fn segment_numbers(disk: &dyn Disk) -> Result<Vec<u64>, Error> {
    let names =
        disk.list("").map_err(|error| Error::store("list", Path::new("evidence"), error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    match numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        Some(pair) => Err(Error::Damaged {
            file: segment_name(pair[0] + 1),
            offset: 0,
            what: "it is missing".to_owned(),
        }),
        None => Ok(numbers),
    }
}
