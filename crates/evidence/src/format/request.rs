//! Requests in records: what does not fit into one leaf comes in several.
//!
//! A leaf has a size; what a command may touch has none. Commands of one request are spread
//! over as many records as they need. A command that is too long alone (ten thousand columns,
//! an object with a long name) is cut as text: its JSON in `request-part` records, and a
//! `request` record of the same exchange behind them, whose commands begin with it.

use portreeve_model::{
    Category, CommandRecord, Decision, Event, Need, Object, ObjectUsage, Reason, Revealed,
    SessionId, Usage,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, Write};

/// How much of a leaf the commands take, as JSON; what else is in it takes less than the rest.
const COMMANDS_BYTES_MAX: usize = 60 * 1024;

/// The records of a request, to be staged one behind the other; the bytes that the client
/// sent go with the first.
///
/// ```
/// # use portreeve_evidence::request_events;
/// let events = request_events(7, 472_212, Default::default(), Vec::new(), Vec::new());
/// assert_eq!(events.len(), 1);
/// ```
#[must_use]
pub fn request_events(
    exchange: u64,
    hour: u64,
    session: Usage,
    day: Vec<ObjectUsage>,
    commands: Vec<CommandRecord>,
) -> Vec<Event> {
    if day.is_empty() && commands.iter().map(json_bytes_max).sum::<usize>() < COMMANDS_BYTES_MAX {
        return vec![Event::Request { exchange, hour, session, day, commands }];
    }
    // What is the same for all commands stands in every record, or, if it is long, beside
    // each command in its parts.
    let fixed = json_bytes(&day);
    let (beside, day, fixed) = match fixed > COMMANDS_BYTES_MAX / 2 {
        true => (day, Vec::new(), COMMANDS_BYTES_MAX),
        false => (Vec::new(), day, fixed),
    };
    let request = |commands| Event::Request { exchange, hour, session, day: day.clone(), commands };
    let (mut events, mut some, mut bytes) = (Vec::new(), Vec::new(), fixed);
    for command in commands {
        let length = json_bytes(&command);
        let ends_in_part = matches!(events.last(), Some(Event::RequestPart { .. }));
        if bytes + length > COMMANDS_BYTES_MAX && (!some.is_empty() || ends_in_part) {
            events.push(request(std::mem::take(&mut some)));
            bytes = fixed;
        }
        if fixed + length > COMMANDS_BYTES_MAX {
            let text = serde_json::to_string(&Cut { day: beside.clone(), command });
            let text = text.expect("what is recorded is plain data");
            events.extend(cut(&text).map(|text| Event::RequestPart { exchange, text }));
        } else {
            bytes += length;
            some.push(command);
        }
    }
    if !some.is_empty() || !matches!(events.last(), Some(Event::Request { .. })) {
        events.push(request(some));
    }
    events
}

/// What is cut into parts.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cut {
    /// As in the request's record; empty where it stands there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    day: Vec<ObjectUsage>,
    pub(crate) command: CommandRecord,
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// More than the length of a command as JSON, worked out without writing it: most requests are
/// so short that nothing more needs to be known. What has members is taken apart whole, so that a
/// new one does not compile before it is counted.
fn json_bytes_max(command: &CommandRecord) -> usize {
    /// Names of members, numbers, punctuation.
    const FIXED: usize = 256;
    /// `\u0000`.
    const CHAR: usize = 6;
    let of_text = |text: &str| text.len() * CHAR;
    let of_some = |text: &Option<String>| text.as_deref().map_or(0, of_text);
    let of_object = |Object { kind: _, path }: &Object| {
        FIXED + path.iter().map(|part| 3 + of_text(part)).sum::<usize>()
    };
    let of_need = |Need { action: _, object }: &Need| of_object(object);
    let of_reason = |Reason { rule, need, party, advice }: &Reason| {
        FIXED + of_text(&rule.0) + of_need(need) + of_some(party) + of_some(advice)
    };
    let of_decision = |Decision { verdict: _, policy, reasons, review_groups }: &Decision| {
        let groups = review_groups.iter().map(|group| 3 + of_text(group));
        FIXED + of_text(&policy.0) + reasons.iter().map(of_reason).chain(groups).sum::<usize>()
    };
    let of_revealed =
        |Revealed { object, category }: &Revealed| of_object(object) + of_text(&category.0);
    let of_category = |(category, places): (&Category, &Vec<usize>)| {
        FIXED + of_text(&category.0) + places.len() * FIXED
    };
    let CommandRecord {
        verb,
        times: _,
        runs_later: _,
        fingerprint,
        shape,
        needs,
        facts: _,
        before: _,
        categories,
        unknown,
        decision,
        revealed,
    } = command;
    let texts = of_text(verb) + of_text(fingerprint) + of_text(shape) + of_some(unknown);
    let needs = needs.iter().map(of_need);
    let categories = categories.iter().map(of_category);
    let revealed = revealed.iter().map(of_revealed);
    let decision = decision.as_ref().map_or(0, of_decision);
    FIXED * 6 + texts + decision + needs.chain(categories).chain(revealed).sum::<usize>()
}

/// The length as JSON, with the comma behind it.
pub(super) fn json_bytes(command: &impl Serialize) -> usize {
    let mut count = Count(1);
    serde_json::to_writer(&mut count, command).expect("what is recorded is plain data");
    count.0
}

/// Cuts a JSON text so that each part fits into a leaf as a string.
fn cut(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let is_over = |(_, c): &(usize, char)| {
            // What JSON is made of has no controls: they are escaped in it already.
            bytes += if matches!(c, '"' | '\\') { 2 } else { c.len_utf8() };
            bytes > COMMANDS_BYTES_MAX
        };
        let end = rest.char_indices().find(is_over).map_or(rest.len(), |(at, _)| at);
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then(|| part.to_owned())
    })
}

/// Puts commands together again that were cut. It has to see every `request-part` of a
/// session, in order, and to be asked at every `request`.
#[derive(Debug, Default)]
pub struct RequestParts(HashMap<(SessionId, u64), String>);

impl RequestParts {
    /// Takes a part.
    pub fn add(&mut self, session: SessionId, exchange: u64, text: &str) {
        self.0.entry((session, exchange)).or_default().push_str(text);
    }

    /// The text of the command that a request of this exchange begins with, if it was cut.
    pub fn take(&mut self, session: SessionId, exchange: u64) -> Option<String> {
        self.0.remove(&(session, exchange))
    }

    /// The day's usage and the commands of a request, the command that was cut first.
    ///
    /// # Errors
    /// The parts are no command.
    pub fn whole(
        &mut self,
        session: SessionId,
        exchange: u64,
        mut day: Vec<ObjectUsage>,
        mut commands: Vec<CommandRecord>,
    ) -> serde_json::Result<(Vec<ObjectUsage>, Vec<CommandRecord>)> {
        if let Some(text) = self.take(session, exchange) {
            let cut: Cut = serde_json::from_str(&text)?;
            commands.insert(0, cut.command);
            day.extend(cut.day);
        }
        Ok((day, commands))
    }

    /// Forgets a session that has ended.
    pub fn forget(&mut self, session: SessionId) {
        self.0.retain(|(of, _), _| *of != session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::LEAF_BYTES_MAX;
    use crate::tests::support::session_id;
    use portreeve_model::{
        Action, Decision, Digest, Direction, Facts, Need, Object, PayloadRef, Reason, Record,
        Revealed, Verdict,
    };
    use proptest::prelude::*;

    fn command(name: &str, needs: usize) -> CommandRecord {
        let object = |at: usize| Object::column("public", name, &format!("column_{at}"));
        let need = Need { action: Action::Read, object: object(0) };
        let reason = Reason { rule: name.into(), need, party: None, advice: Some(name.into()) };
        CommandRecord {
            verb: "SELECT".into(),
            times: 1,
            runs_later: false,
            fingerprint: name.into(),
            shape: name.repeat(1 + needs % 3),
            needs: (0..needs).map(|at| Need { action: Action::Read, object: object(at) }).collect(),
            facts: Facts::default(),
            before: portreeve_model::Usage::of(portreeve_model::Unit::Rows, u64::MAX),
            categories: [("email".into(), (0..needs).collect())].into(),
            unknown: None,
            decision: Some(Decision {
                verdict: Verdict::Deny,
                policy: "p".into(),
                reasons: vec![reason],
                review_groups: Vec::new(),
            }),
            revealed: (0..needs)
                .map(|at| Revealed { object: object(at), category: "email".into() })
                .collect(),
        }
    }

    /// Every record fits into a leaf, and together they say what was asked.
    fn check(commands: Vec<CommandRecord>) -> usize {
        check_with(Vec::new(), commands)
    }

    fn check_with(day: Vec<ObjectUsage>, commands: Vec<CommandRecord>) -> usize {
        let session = session_id(1);
        let most = Usage::of(portreeve_model::Unit::Rows, u64::MAX);
        let (mut parts, mut found, mut records) = (RequestParts::default(), Vec::new(), 0);
        assert!(commands.iter().all(|command| json_bytes_max(command) >= json_bytes(command)));
        for event in request_events(u64::MAX, u64::MAX, most, day.clone(), commands.clone()) {
            let digest = Digest([7; 32]);
            let payload = PayloadRef { direction: Direction::FromClient, digest, bytes: u64::MAX };
            let record = Record {
                at_us: u64::MAX,
                session: Some(session),
                seq: u64::MAX,
                salt: "5a".repeat(16),
                event,
                payload: Some(payload),
            };
            let leaf = serde_json::to_vec(&record).unwrap();
            assert!(leaf.len() <= LEAF_BYTES_MAX, "{} bytes", leaf.len());
            let record: Record = serde_json::from_slice(&leaf).unwrap();
            records += 1;
            match record.event {
                Event::RequestPart { exchange, text } => parts.add(session, exchange, &text),
                Event::Request { exchange, day: told, commands, .. } => {
                    let whole = parts.whole(session, exchange, told, commands).unwrap();
                    assert!(whole.0 == day || whole.1.is_empty(), "another day's usage");
                    found.extend(whole.1);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(parts.0.is_empty(), "a part without its request");
        assert!(found == commands, "{} of {} commands came back", found.len(), commands.len());
        records
    }

    #[test]
    fn what_is_asked_comes_back_however_long_it_is() {
        let small = || command("orders", 1);
        assert_eq!(check(Vec::new()), 1);
        assert_eq!(check(vec![small()]), 1);
        assert!(check(vec![command("wide", 10_000)]) > 10);
        assert!(check(vec![small(); 5_000]) > 10);
        let url = "é\"\\\u{1}\n/".repeat(40_000);
        assert!(check(vec![command(&url, 1)]) > 5);
        let mixed = vec![small(), command(&url, 1), command(&url, 2), small(), command("w", 900)];
        assert!(check(mixed) > 10);
    }

    /// What was used of each object has no bound either, and fits beside no command then.
    #[test]
    fn so_does_what_was_used_however_much_is_counted() {
        let used = |objects: usize| {
            let used = Usage::of(portreeve_model::Unit::Rows, 1);
            let object = |at| Object::column("public", "wide", &format!("column_{at}"));
            (0..objects).map(|at| ObjectUsage { object: object(at), used }).collect::<Vec<_>>()
        };
        for objects in [0, 1, 300, 350, 400, 10_000] {
            for needs in [1, 100, 250, 300, 350, 400] {
                check_with(used(objects), vec![command("wide", needs), command("small", 1)]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_run_of_commands_comes_back(
            all in proptest::collection::vec((r#"[a-z"\\é]{1,9}"#, 1usize..3_000, 0usize..100), 0..5),
        ) {
            let long = |(name, times, needs): &(String, usize, usize)| {
                command(&name.repeat(*times), *needs)
            };
            check(all.iter().map(long).collect());
        }
    }
}
