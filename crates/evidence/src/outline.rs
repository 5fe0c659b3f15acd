//! What a leaf begins with, read without the rest of it.
//!
//! A log holds the records of many sessions side by side. Who wants one of them looks at
//! the first hundred bytes of the others and no further.

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
        match as_written(leaf) {
            Some((outline, _)) => Ok(outline),
            None => serde_json::from_slice(leaf),
        }
    }
}

/// The outline of a leaf whose fields stand as our writer puts them, and what follows the
/// comma after it.
pub(crate) fn as_written(leaf: &[u8]) -> Option<(Outline, &[u8])> {
    const ID_LENGTH: usize = 36;
    let (at_us, rest) = number(leaf.strip_prefix(b"{\"at_us\":")?)?;
    let (session, rest) = match rest.strip_prefix(b",\"session\":\"") {
        Some(rest) => {
            let (id, rest) = rest.split_at_checked(ID_LENGTH)?;
            let id = uuid::Uuid::try_parse_ascii(id).ok()?;
            (Some(SessionId(id)), rest.strip_prefix(b"\"")?)
        }
        None => (None, rest),
    };
    let (seq, rest) = number(rest.strip_prefix(b",\"seq\":")?)?;
    Some((Outline { at_us, session, seq }, rest.strip_prefix(b",")?))
}

/// A whole number as JSON writes it, and what follows.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with(b"0")) {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    Some((value, rest))
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
            let (outline, rest) = as_written(&leaf).unwrap();
            assert_eq!(outline, Outline { at_us, session, seq });
            assert!(rest.starts_with(b"\"salt\""));
            assert_eq!(serde_json::from_slice::<Outline>(&leaf).unwrap(), outline);
        }
    }

    #[test]
    fn other_spellings_are_left_to_the_parser_and_what_is_no_record_is_refused() {
        let check = |leaf: &str, expect: Option<u64>| {
            assert_eq!(as_written(leaf.as_bytes()), None, "{leaf}");
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
