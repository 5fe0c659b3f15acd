//! Replies in records: what detectors found in one part of a reply may be in more places than a
//! leaf can name.
//!
//! What does not fit comes in records of its own before the one that has the bytes: a part of a
//! reply is all records up to those bytes.

use crate::format::request::json_bytes;
use portreeve_model::{Category, Detected, Event, RevealedBy};
use std::collections::BTreeMap;

/// How much of a leaf the findings take, as JSON; what else is in it takes less than the rest.
const FINDINGS_BYTES_MAX: usize = 32 * 1024;
/// How much of a place's name is kept: names of columns are far shorter.
const PLACE_BYTES_MAX: usize = 1024;

/// The records of a part of a reply, to be staged one behind the other: those that come before,
/// and the one that has the bytes.
#[must_use]
pub fn response_events(
    exchange: u64,
    rows: u64,
    masked: BTreeMap<Category, u64>,
    detected: Vec<Detected>,
    revealed_by: Option<RevealedBy>,
) -> (Vec<Event>, Event) {
    let mut before = Vec::new();
    let (mut some, mut bytes): (Vec<Detected>, usize) = (Vec::new(), 0);
    for mut found in detected {
        shorten(&mut found.place);
        let length = json_bytes(&found);
        if bytes + length > FINDINGS_BYTES_MAX && !some.is_empty() {
            let detected = std::mem::take(&mut some);
            let by = detected.iter().any(|found| found.revealed > 0).then(|| revealed_by.clone());
            before.push(Event::Response {
                exchange,
                rows: 0,
                masked: BTreeMap::new(),
                detected,
                revealed_by: by.flatten(),
            });
            bytes = 0;
        }
        bytes += length;
        some.push(found);
    }
    (before, Event::Response { exchange, rows, masked, detected: some, revealed_by })
}

fn shorten(place: &mut String) {
    if place.len() > PLACE_BYTES_MAX {
        place.truncate(place.floor_char_boundary(PLACE_BYTES_MAX));
        place.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::LEAF_BYTES_MAX;
    use portreeve_model::{Object, Record};

    fn found(at: usize) -> Detected {
        let name = "n".repeat(63);
        Detected {
            category: "email".into(),
            object: Object::column(&name, &name, &format!("column_{at}")),
            place: format!("column_{at}"),
            masked: 1,
            revealed: at as u64 % 2,
        }
    }

    #[test]
    fn what_was_found_in_many_places_fits_and_is_told_once() {
        let by = RevealedBy { policy: "p".into(), hour: 1 };
        for count in [0, 1, 100, 2_000] {
            let all: Vec<Detected> = (0..count).map(found).collect();
            let masked = BTreeMap::from([("email".into(), count as u64)]);
            let by = Some(by.clone());
            let (before, last) = response_events(7, 3, masked.clone(), all.clone(), by);
            let (mut told, mut rows, mut counted) = (Vec::new(), 0, BTreeMap::new());
            for event in before.into_iter().chain([last]) {
                let record = Record {
                    at_us: u64::MAX,
                    session: Some(crate::tests::support::session_id(1)),
                    seq: u64::MAX,
                    salt: "5a".repeat(16),
                    event,
                    payload: None,
                };
                assert!(serde_json::to_vec(&record).unwrap().len() <= LEAF_BYTES_MAX);
                let Event::Response { rows: more, masked, detected, revealed_by, .. } =
                    record.event
                else {
                    panic!("{:?}", record.event);
                };
                // Who looks at one record alone finds by what something in it was shown.
                assert!(revealed_by.is_some() || detected.iter().all(|it| it.revealed == 0));
                rows += more;
                counted.extend(masked);
                told.extend(detected);
            }
            assert!(told == all && rows == 3 && counted == masked, "{count}");
        }
    }

    #[test]
    fn a_name_that_fills_a_leaf_is_cut() {
        let long = Detected { place: "ü".repeat(40_000), ..found(1) };
        let (_, last) = response_events(7, 1, BTreeMap::new(), vec![long], None);
        let Event::Response { detected, .. } = last else { panic!("{last:?}") };
        assert_eq!(detected[0].place, format!("{}…", "ü".repeat(512)));
    }
}
