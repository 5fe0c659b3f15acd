//! What a leaf begins with, read without the rest of it.
//!
//! A log holds the records of many sessions side by side. Who wants one of them looks at
//! the first hundred bytes of the others and no further.

use crate::format::scan::Scan;
use portreeve_model::SessionId;
use serde::Deserialize;

/// The first fields of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Outline {
    /// When it was made, in microseconds since 1970.
    pub at_us: u64,
    /// The session that it belongs to, where it belongs to one.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// Its number in its session; 0 is a session's first.
    pub seq: u64,
}

impl Outline {
    /// Reads the outline of a leaf.
    ///
    /// # Errors
    /// The leaf does not begin as this version writes it, and is no record otherwise.
    pub(crate) fn of(leaf: &[u8]) -> serde_json::Result<Self> {
        match as_written(&mut Scan::new(leaf)) {
            Some(outline) => Ok(outline),
            None => serde_json::from_slice(leaf),
        }
    }
}

/// Takes the outline of a leaf whose fields stand as our writer puts them, with the comma
/// behind it.
pub(crate) fn as_written(scan: &mut Scan<'_>) -> Option<Outline> {
    scan.eat(b"{\"at_us\":")?;
    let at_us = scan.number()?;
    let session = match scan.eat(b",\"session\":") {
        Some(()) => {
            // Of the spellings that a UUID has, ours is the one with hyphens alone.
            let id = scan.string().filter(|id| id.len() == 36)?;
            Some(SessionId(uuid::Uuid::try_parse_ascii(id).ok()?))
        }
        None => None,
    };
    scan.eat(b",\"seq\":")?;
    let seq = scan.number()?;
    scan.eat(b",")?;
    Some(Outline { at_us, session, seq })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_model::{Event, Record};

    #[test]
    fn what_the_writer_writes_is_read_without_a_parser() {
        for session in [None, Some(SessionId(uuid::Uuid::from_u128(7)))] {
            let event = Event::GatewayStopped;
            let (at_us, seq) = (u64::MAX, 12);
            let record = Record { at_us, session, seq, salt: "0".into(), event, payload: None };
            let leaf = serde_json::to_vec(&record).unwrap();
            let mut scan = Scan::new(&leaf);
            let outline = Outline { at_us, session, seq };
            assert_eq!(as_written(&mut scan), Some(outline));
            assert!(scan.eat(b"\"salt\"").is_some());
            assert_eq!(serde_json::from_slice::<Outline>(&leaf).unwrap(), outline);
        }
    }

    #[test]
    fn other_spellings_are_left_to_the_parser_and_what_is_no_record_is_refused() {
        let check = |leaf: &str, expect: Option<u64>| {
            assert_eq!(as_written(&mut Scan::new(leaf.as_bytes())), None, "{leaf}");
            let seq = Outline::of(leaf.as_bytes()).ok().map(|outline| outline.seq);
            assert_eq!(seq, expect, "{leaf}");
        };
        check(r#"{"seq": 3, "at_us": 1}"#, Some(3));
        check(r#"{ "at_us":1,"seq":3}"#, Some(3));
        check(r#"{"at_us":01,"seq":3,"x":1}"#, None);
        check(r#"{"at_us":99999999999999999999,"seq":3,"x":1}"#, None);
        check(r#"{"at_us":1,"session":"x","seq":3,"x":1}"#, None);
        check(r#"{"at_us":1,"seq":,"x":1}"#, None);
        check("", None);
    }
}
