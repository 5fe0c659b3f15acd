//! The record-sequence check: what the records of a log must say together. Sessions begin,
//! count, and end.

use crate::verify::outline::{Outline, Replacement};
use portreeve_model::{Pruned, SessionId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A set of numbers that mostly come in order, from 1.
#[derive(Default)]
struct Numbers {
    until: u64,
    beyond: BTreeSet<u64>,
}

impl Numbers {
    fn insert(&mut self, number: u64) {
        if number == self.until + 1 {
            self.until += 1;
            while self.beyond.remove(&(self.until + 1)) {
                self.until += 1;
            }
        } else if number > self.until {
            self.beyond.insert(number);
        }
    }

    fn contains(&self, number: u64) -> bool {
        (1..=self.until).contains(&number) || self.beyond.contains(&number)
    }
}

#[derive(Default)]
struct Session {
    next_seq: u64,
    run: u64,
    opened: bool,
    last_us: u64,
    requests: Numbers,
    /// Exchanges of which parts of a command came, and no request behind them yet.
    parts: BTreeSet<u64>,
    /// Its beginning was pruned, so not all of it can be checked.
    is_rest: bool,
}

/// All sessions so far.
pub(super) struct RecordSequence {
    open: HashMap<SessionId, Session>,
    closed: HashSet<SessionId>,
    pub(super) shredded: Vec<SessionId>,
    /// The last pruning that the log records.
    pub(super) pruned: Option<Pruned>,
    pub(super) replacements: Vec<Replacement>,
    /// Sessions whose beginning was pruned.
    pub(super) rests: Vec<SessionId>,
    run: u64,
    running: bool,
    /// Of the gateway's next record; unknown where a pruned log begins.
    gateway_seq: Option<u64>,
    begins_pruned: bool,
    pub(super) first_us: Option<u64>,
    pub(super) last_us: Option<u64>,
}

impl Default for RecordSequence {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            closed: HashSet::new(),
            shredded: Vec::new(),
            pruned: None,
            replacements: Vec::new(),
            rests: Vec::new(),
            run: 0,
            running: false,
            gateway_seq: Some(0),
            begins_pruned: false,
            first_us: None,
            last_us: None,
        }
    }
}

impl RecordSequence {
    /// The sequence of a log whose beginning was pruned: a gateway was running, and some of
    /// its sessions had begun.
    pub(super) fn after_pruning() -> Self {
        Self { running: true, begins_pruned: true, gateway_seq: None, ..Self::default() }
    }

    /// Adds a record; says what in it does not fit those before.
    pub(super) fn add(&mut self, record: &Outline<'_>) -> Option<String> {
        self.first_us.get_or_insert(record.at_us);
        self.last_us = Some(self.last_us.unwrap_or(0).max(record.at_us));
        match record.session {
            Some(session) => self.add_to_session(session, record),
            None => self.add_of_gateway(record),
        }
    }

    fn add_of_gateway(&mut self, record: &Outline<'_>) -> Option<String> {
        match record.event.event.as_ref() {
            "gateway-started" => {
                self.run += 1;
                self.running = true;
                self.gateway_seq = Some(0);
            }
            "gateway-stopped" => self.running = false,
            "recording-shredded" => self.shredded.extend(record.event.of),
            "log-pruned" => self.pruned = record.event.pruned,
            "log-replaced" => self.replacements.extend(record.event.replacement()),
            _ => {}
        }
        let expected = self.gateway_seq.unwrap_or(record.seq);
        self.gateway_seq = Some(record.seq + 1);
        (record.seq != expected).then(|| {
            format!("the gateway's record {expected} should be here, this is {}", record.seq)
        })
    }

    fn add_to_session(&mut self, id: SessionId, record: &Outline<'_>) -> Option<String> {
        if self.closed.contains(&id) {
            return Some("the session ended before this record".to_owned());
        }
        let run = self.run;
        let is_rest = self.begins_pruned && run == 0 && record.seq > 0;
        let opened = is_rest && record.event.event != "session-opened";
        let session = self.open.entry(id).or_insert_with(|| {
            self.rests.extend(is_rest.then_some(id));
            let next_seq = if is_rest { record.seq } else { 0 };
            Session { run, next_seq, opened, is_rest, ..Session::default() }
        });
        let event = record.event.event.as_ref();
        let wrong = session.check(record, event, run);
        session.next_seq = record.seq + 1;
        session.last_us = session.last_us.max(record.at_us);
        match (event, record.event.exchange) {
            ("session-opened", _) => session.opened = true,
            ("session-closed", _) => {
                self.open.remove(&id);
                self.closed.insert(id);
            }
            ("request-part", Some(exchange)) => drop(session.parts.insert(exchange)),
            ("request", Some(exchange)) => {
                session.parts.remove(&exchange);
                session.requests.insert(exchange);
            }
            _ => {}
        }
        wrong
    }

    /// Whether the gateway that wrote last has not recorded its end.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// How many sessions there were.
    pub(super) fn sessions(&self) -> u64 {
        (self.open.len() + self.closed.len()) as u64
    }

    /// The sessions without an end, and whether their gateway has ended.
    pub(super) fn unclosed(&self) -> Vec<(SessionId, bool)> {
        let mut unclosed: Vec<_> = self
            .open
            .iter()
            .map(|(id, session)| (*id, session.run != self.run || !self.running))
            .collect();
        unclosed.sort_unstable();
        unclosed
    }
}

impl Session {
    fn check(&self, record: &Outline<'_>, event: &str, run: u64) -> Option<String> {
        if record.seq != self.next_seq {
            let expected = self.next_seq;
            return Some(format!(
                "the session's record {expected} should be here, this is {}",
                record.seq
            ));
        }
        if run != self.run {
            return Some("a gateway that has ended recorded this".to_owned());
        }
        if record.at_us < self.last_us {
            return Some("it is older than the session's record before it".to_owned());
        }
        match (event, record.seq) {
            ("recording-key", 0) => return None,
            ("recording-key", _) => return Some("a session has one key".to_owned()),
            (_, 0) => return Some("a session begins with its key".to_owned()),
            _ => {}
        }
        match event {
            "session-opened" if self.opened => Some("a session opens once".to_owned()),
            "request" | "request-part" if !self.opened => {
                Some("a request before the session opened".to_owned())
            }
            "session-closed" if !self.parts.is_empty() => Some(UNFINISHED.to_owned()),
            "response" | "request-data" | "subjects" | "exchange-closed"
                if record.event.exchange.is_some_and(|of| self.parts.contains(&of)) =>
            {
                Some(UNFINISHED.to_owned())
            }
            "response" | "request-data" | "subjects" if !self.is_rest => {
                let exchange = record.event.exchange.unwrap_or(0);
                let unasked = event == "response" && exchange == 0;
                (!unasked && !self.requests.contains(exchange))
                    .then(|| format!("exchange {exchange} has no request before this"))
            }
            _ => None,
        }
    }
}

const UNFINISHED: &str = "parts of a command came, and no request behind them";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_hold_what_was_put_in_and_no_more() {
        let mut numbers = Numbers::default();
        for number in [1, 2, 5, 4, 9] {
            numbers.insert(number);
        }
        let held: Vec<u64> = (0..12).filter(|number| numbers.contains(*number)).collect();
        assert_eq!(held, [1, 2, 4, 5, 9]);
        numbers.insert(3);
        assert_eq!((numbers.until, numbers.beyond.len()), (5, 1));
    }

    fn slips(lines: &[(u64, &str)]) -> Vec<String> {
        let session = "00000000-0000-0000-0000-000000000001";
        let mut sequence = RecordSequence::default();
        lines
            .iter()
            .filter_map(|(seq, event)| {
                let text = format!(
                    r#"{{"at_us":1,"session":"{session}","seq":{seq},"salt":"","event":{event}}}"#
                );
                sequence.add(&serde_json::from_str(&text).unwrap())
            })
            .collect()
    }

    /// A log that was pruned may begin in the middle of a session, but only there.
    #[test]
    fn the_rest_of_a_session_is_known_as_one_and_only_where_the_log_begins() {
        let record = |session: u32, seq: u64, event: &str| {
            format!(
                r#"{{"at_us":1,"session":"00000000-0000-0000-0000-00000000000{session}",
                    "seq":{seq},"salt":"","event":{event}}}"#
            )
        };
        let started = r#"{"at_us":1,"seq":0,"salt":"","event":{"event":"gateway-started"}}"#;
        let add = |sequence: &mut RecordSequence, text: &str| {
            sequence.add(&serde_json::from_str(text).unwrap())
        };
        let mut sequence = RecordSequence::after_pruning();
        assert_eq!(add(&mut sequence, &record(1, 7, RESPONSE)), None);
        assert_eq!(add(&mut sequence, &record(1, 8, CLOSED)), None);
        assert!(add(&mut sequence, &record(2, 1, OPENED)).is_none());
        assert!(add(&mut sequence, &record(2, 3, REQUEST)).is_some(), "a gap in the rest");
        assert_eq!(add(&mut sequence, started), None);
        assert!(add(&mut sequence, &record(3, 1, OPENED)).is_some(), "not where the log begins");
        assert_eq!(sequence.rests.len(), 2);
        let mut whole = RecordSequence::default();
        assert!(add(&mut whole, &record(1, 7, RESPONSE)).is_some());
        assert!(whole.rests.is_empty());
    }

    const PART: &str = r#"{"event":"request-part","exchange":1,"text":""}"#;
    const KEY: &str = r#"{"event":"recording-key","share":""}"#;
    const OPENED: &str = r#"{"event":"session-opened"}"#;
    const REQUEST: &str = r#"{"event":"request","exchange":1}"#;
    const RESPONSE: &str = r#"{"event":"response","exchange":1}"#;
    const CLOSED: &str = r#"{"event":"session-closed"}"#;

    #[test]
    fn a_whole_session_is_silent_and_every_slip_speaks() {
        let whole = [(0, KEY), (1, OPENED), (2, REQUEST), (3, RESPONSE), (4, CLOSED)];
        assert_eq!(slips(&whole), Vec::<String>::new());
        let check = |lines: &[(u64, &str)], expect: &str| {
            let found = slips(lines);
            assert!(found.iter().any(|what| what.contains(expect)), "{found:?} lacks {expect:?}");
        };
        check(&[(0, KEY), (2, OPENED)], "record 1 should be here");
        check(&[(0, OPENED)], "begins with its key");
        check(&[(0, KEY), (1, KEY)], "one key");
        check(&[(0, KEY), (1, REQUEST)], "before the session opened");
        check(&[(0, KEY), (1, OPENED), (2, RESPONSE)], "no request before");
        check(&[(0, KEY), (1, OPENED), (2, OPENED)], "opens once");
        check(&[(0, KEY), (1, PART)], "before the session opened");
        check(&[(0, KEY), (1, OPENED), (2, PART), (3, RESPONSE)], "no request behind them");
        check(&[(0, KEY), (1, OPENED), (2, PART), (3, CLOSED)], "no request behind them");
        let cut = [(0, KEY), (1, OPENED), (2, PART), (3, PART), (4, REQUEST), (5, RESPONSE)];
        assert_eq!(slips(&cut), Vec::<String>::new());
        check(&[(0, KEY), (1, OPENED), (2, CLOSED), (3, REQUEST)], "ended before");
    }
}
