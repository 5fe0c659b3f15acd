//! Reads what the story needs of a leaf: in one pass where it is spelled as our writer
//! spells it, with the parser where not.

use super::story::{EventOutline, Outline};
use crate::outline::{as_written, session};
use crate::scan::Scan;
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

fn event<'a>(scan: &mut Scan<'a>) -> Option<EventOutline<'a>> {
    scan.eat(b"{\"event\":")?;
    let name = std::str::from_utf8(scan.string()?).ok()?;
    let mut found = EventOutline {
        event: Cow::Borrowed(name),
        exchange: None,
        of: None,
        pruned: None,
        predecessor: None,
        approvers: Vec::new(),
        why: None,
    };
    while scan.eat(b"}").is_none() {
        scan.eat(b",")?;
        let field = scan.string().filter(|field| field.is_ascii())?;
        scan.eat(b":")?;
        match field {
            // What stands there twice is the parser's business.
            b"exchange" if found.exchange.is_none() => found.exchange = Some(scan.number()?),
            b"of" if found.of.is_none() => found.of = Some(session(scan)?),
            b"why" if found.why.is_none() => {
                found.why = Some(Cow::Borrowed(std::str::from_utf8(scan.string()?).ok()?));
            }
            b"event" | b"exchange" | b"of" | b"why" => return None,
            // Seldom enough to be left to the parser.
            b"pruned" | b"predecessor" | b"approvers" => return None,
            _ => scan.skip()?,
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
            Event::ExchangeClosed { exchange: 3, outcome: Outcome::Completed, rows: 2 };
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
    fn what_the_writer_writes_needs_no_parser_and_reads_the_same() {
        for leaf in leaves() {
            let read = record(&leaf);
            assert!(read.is_some(), "{}", String::from_utf8_lossy(&leaf));
            assert_eq!(read, serde_json::from_slice(&leaf).ok());
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
