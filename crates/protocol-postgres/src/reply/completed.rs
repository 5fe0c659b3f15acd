//! What the tag of a completed statement tells, and what its rows do.

use super::expect::ExpectedResult;
use crate::wire::put_notice;
use portreeve_wire::{Cursor, WireError};

/// Values of a row that can be names of snapshots.
pub(super) fn snapshots(row: &[u8]) -> Result<Vec<String>, WireError> {
    let mut cursor = Cursor::new(row);
    let mut found = Vec::new();
    for _ in 0..cursor.u16()? {
        let value = cursor.optional_value()?.filter(|value| value.len() <= SNAPSHOT_BYTES_MAX);
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        found.extend(text.map(str::to_owned));
    }
    Ok(found)
}

/// So many values are looked at: who lends a snapshot asks for one row.
pub(super) const EXPORTED_MAX: usize = 100;
/// Longest name of a snapshot: `00000003-0000001B-1`.
const SNAPSHOT_BYTES_MAX: usize = 40;

/// Says which functions are the reason that results are hidden: nobody knows what they give.
pub(super) fn put_hidden_results(expected: &ExpectedResult, out: &mut Vec<u8>) {
    let Some(plan) = expected.plan.as_ref().filter(|plan| plan.hides_results()) else { return };
    let names: Vec<String> =
        plan.statement.opaque.iter().map(|function| function.path.join(".")).collect();
    let text = format!("results are masked, since nobody knows what {} gives", names.join(", "));
    let hint = "an operator can declare it in `harmless_functions`, or permit `reveal` on what it \
                may read";
    put_notice(out, &text, hint);
}

pub(super) fn tells_changes(expected: &ExpectedResult) -> bool {
    expected.plan.as_ref().is_some_and(|plan| plan.command.facts.tells_changes())
}

/// How many rows a statement has changed, by its tag: `UPDATE 3`, `INSERT 0 1`.
pub(super) fn changes(expected: &ExpectedResult, tag: &[u8]) -> u64 {
    if !tells_changes(expected) {
        return 0;
    }
    let tag = tag.strip_suffix(b"\0").unwrap_or(tag);
    let count = tag.rsplit(|byte| *byte == b' ').next().and_then(|it| std::str::from_utf8(it).ok());
    // A tag without its number is none that is known: it may be any.
    count.and_then(|count| count.parse().ok()).unwrap_or(u64::MAX)
}

/// `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`: words and numbers only.
pub(super) fn is_plain_tag(body: &[u8]) -> bool {
    body.len() <= 64
        && body.strip_suffix(b"\0").is_some_and(|tag| {
            tag.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ')
        })
}
