//! Reads what the record-sequence check needs of a leaf: in one pass where it is of a frequent
//! kind and spelled as our writer spells it, with the parser where not.

use crate::format::outline::as_written;
use crate::format::scan::Scan;
use crate::verify::outline::{EventOutline, Outline};
use portreeve_model::{Digest, Direction, PayloadRef};
use std::borrow::Cow;

impl<'a> Outline<'a> {
    /// Reads a leaf.
    ///
    /// # Errors
    /// It is not a record.
    pub(super) fn read(leaf: &'a [u8]) -> serde_json::Result<Self> {
        record(leaf).map_or_else(|| serde_json::from_slice(leaf), Ok)
    }
}

fn record(leaf: &[u8]) -> Option<Outline<'_>> {
    let mut scan = Scan::new(leaf);
    let begin = as_written(&mut scan)?;
    scan.eat(b"\"salt\":")?;
    scan.string()?;
    scan.eat(b",\"event\":")?;
    let event = event(&mut scan)?;
    let payload = match scan.eat(b",\"payload\":") {
        Some(()) => Some(payload(&mut scan)?),
        None => None,
    };
    scan.eat(b"}")?;
    let (at_us, session, seq) = (begin.at_us, begin.session, begin.seq);
    scan.is_at_end().then_some(Outline { at_us, session, seq, event, payload })
}

/// An event of the kinds that nearly all leaves are, with fields that are known not to
/// matter here. All others, and all fields that come to be, are the parser's business.
fn event<'a>(scan: &mut Scan<'a>) -> Option<EventOutline<'a>> {
    scan.eat(b"{\"event\":")?;
    let event = match scan.string()? {
        b"request" => "request",
        b"request-data" => "request-data",
        b"response" => "response",
        b"subjects" => "subjects",
        b"exchange-closed" => "exchange-closed",
        _ => return None,
    };
    let mut found = EventOutline { event: Cow::Borrowed(event), ..EventOutline::default() };
    while scan.eat(b"}").is_none() {
        scan.eat(b",")?;
        let field = scan.string()?;
        scan.eat(b":")?;
        match field {
            b"exchange" if found.exchange.is_none() => found.exchange = Some(scan.number()?),
            b"hour" | b"session_rows" | b"session_values" | b"session_bytes"
            | b"session_messages" | b"session_probes" | b"session_subjects"
            | b"session_changes" | b"day" | b"commands" | b"rows" | b"changes" | b"masked"
            | b"tables" | b"outcome" | b"code" | b"rule" => {
                scan.skip()?;
            }
            _ => return None,
        }
    }
    Some(found)
}

fn payload(scan: &mut Scan<'_>) -> Option<PayloadRef> {
    scan.eat(b"{\"direction\":")?;
    let direction = match scan.string()? {
        b"from-client" => Direction::FromClient,
        b"to-client" => Direction::ToClient,
        b"subjects" => Direction::Subjects,
        _ => return None,
    };
    scan.eat(b",\"digest\":")?;
    let digest = Digest::from_hex(std::str::from_utf8(scan.string()?).ok()?)?;
    scan.eat(b",\"bytes\":")?;
    let bytes = scan.number()?;
    scan.eat(b"}")?;
    Some(PayloadRef { direction, digest, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::{ada, closed, opened, request, response, session_id};
    use portreeve_model::{Event, Outcome, Record, SessionId};
    use proptest::prelude::*;

    fn leaves() -> Vec<Vec<u8>> {
        let of = session_id(9);
        let exchange_closed =
            Event::ExchangeClosed { exchange: 3, outcome: Outcome::Completed, rows: 2, changes: 1 };
        let events = [
            opened(),
            request(3),
            response(3, 7),
            exchange_closed,
            closed(),
            Event::RecordingShredded { of, why: "asked for".into(), by: Some(ada()) },
            Event::GatewayStopped,
        ];
        let payload =
            PayloadRef { direction: Direction::ToClient, digest: Digest([7; 32]), bytes: 12 };
        let record = |event: &Event, session: Option<SessionId>, payload: Option<PayloadRef>| {
            let (event, salt) = (event.clone(), "5a".repeat(16));
            serde_json::to_vec(&Record { at_us: 5, session, seq: 4, salt, event, payload }).unwrap()
        };
        events
            .iter()
            .flat_map(|event| {
                [record(event, Some(of), Some(payload.clone())), record(event, None, None)]
            })
            .collect()
    }

    #[test]
    fn the_frequent_kinds_need_no_parser_and_read_the_same() {
        let leaves = leaves();
        let fast: Vec<bool> = leaves.iter().map(|leaf| record(leaf).is_some()).collect();
        // Request, answer, end; each with a payload and without.
        assert_eq!(fast, [false, true, true, true, false, false, false].map(|is| [is; 2]).concat());
        for leaf in &leaves {
            assert_eq!(Outline::read(leaf).ok(), serde_json::from_slice(leaf).ok());
            assert!(Outline::read(leaf).is_ok());
        }
    }

    proptest! {
        /// Whatever becomes of a leaf: either both read it to the same, or the parser decides.
        #[test]
        fn no_leaf_reads_otherwise_than_the_parser_reads_it(
            number in 0usize..14,
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            is_cut: bool,
        ) {
            let mut leaf = leaves().remove(number);
            for (place, byte) in changes {
                let at = place.index(leaf.len());
                match is_cut {
                    true => drop(leaf.remove(at)),
                    // Of the letters that JSON is made of, so that some of it still is.
                    false => leaf[at] = b"{}[],:\"0a"[usize::from(byte) % 9],
                }
            }
            if let Some(read) = record(&leaf) {
                let parsed = serde_json::from_slice::<Outline<'_>>(&leaf);
                prop_assert_eq!(Some(read), parsed.ok(), "{}", String::from_utf8_lossy(&leaf));
            }
        }
    }
}
