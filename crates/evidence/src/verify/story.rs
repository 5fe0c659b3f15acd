//! What the records of a log must say together: sessions begin, count, and end.

use portreeve_model::{PayloadRef, SessionId};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The parts of a record that the story needs; read ten times faster than all of it.
#[derive(PartialEq, Debug, Deserialize)]
pub(super) struct Outline<'a> {
    pub(super) at_us: u64,
    #[serde(default)]
    pub(super) session: Option<SessionId>,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) event: EventOutline<'a>,
    #[serde(default)]
    pub(super) payload: Option<PayloadRef>,
}

#[derive(PartialEq, Default, Debug, Deserialize)]
pub(super) struct EventOutline<'a> {
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    #[serde(default)]
    pub(super) exchange: Option<u64>,
    #[serde(default)]
    pub(super) of: Option<SessionId>,
}

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
}

/// All sessions so far.
#[derive(Default)]
pub(super) struct Story {
    open: HashMap<SessionId, Session>,
    closed: HashSet<SessionId>,
    pub(super) shredded: Vec<SessionId>,
    run: u64,
    running: bool,
    gateway_seq: u64,
    pub(super) first_us: Option<u64>,
    pub(super) last_us: Option<u64>,
}

impl Story {
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
                self.gateway_seq = 0;
            }
            "gateway-stopped" => self.running = false,
            "recording-shredded" => self.shredded.extend(record.event.of),
            _ => {}
        }
        let expected = self.gateway_seq;
        self.gateway_seq = record.seq + 1;
        (record.seq != expected).then(|| {
            format!("the gateway's record {expected} should be here, this is {}", record.seq)
        })
    }

    fn add_to_session(&mut self, id: SessionId, record: &Outline<'_>) -> Option<String> {
        if self.closed.contains(&id) {
            return Some("the session ended before this record".to_owned());
        }
        let run = self.run;
        let session = self.open.entry(id).or_insert_with(|| Session { run, ..Session::default() });
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
            ("request", Some(exchange)) => session.requests.insert(exchange),
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
            "request" if !self.opened => Some("a request before the session opened".to_owned()),
            "response" | "request-data" => {
                let exchange = record.event.exchange.unwrap_or(0);
                let unasked = event == "response" && exchange == 0;
                (!unasked && !self.requests.contains(exchange))
                    .then(|| format!("exchange {exchange} has no request before this"))
            }
            _ => None,
        }
    }
}

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

    fn story(lines: &[(u64, &str)]) -> Vec<String> {
        let session = "00000000-0000-0000-0000-000000000001";
        let mut story = Story::default();
        lines
            .iter()
            .filter_map(|(seq, event)| {
                let text = format!(
                    r#"{{"at_us":1,"session":"{session}","seq":{seq},"salt":"","event":{event}}}"#
                );
                story.add(&serde_json::from_str(&text).unwrap())
            })
            .collect()
    }

    const KEY: &str = r#"{"event":"recording-key","share":""}"#;
    const OPENED: &str = r#"{"event":"session-opened"}"#;
    const REQUEST: &str = r#"{"event":"request","exchange":1}"#;
    const RESPONSE: &str = r#"{"event":"response","exchange":1}"#;
    const CLOSED: &str = r#"{"event":"session-closed"}"#;

    #[test]
    fn a_whole_session_is_silent_and_every_slip_speaks() {
        let whole = [(0, KEY), (1, OPENED), (2, REQUEST), (3, RESPONSE), (4, CLOSED)];
        assert_eq!(story(&whole), Vec::<String>::new());
        let check = |lines: &[(u64, &str)], expect: &str| {
            let found = story(lines);
            assert!(found.iter().any(|what| what.contains(expect)), "{found:?} lacks {expect:?}");
        };
        check(&[(0, KEY), (2, OPENED)], "record 1 should be here");
        check(&[(0, OPENED)], "begins with its key");
        check(&[(0, KEY), (1, KEY)], "one key");
        check(&[(0, KEY), (1, REQUEST)], "before the session opened");
        check(&[(0, KEY), (1, OPENED), (2, RESPONSE)], "no request before");
        check(&[(0, KEY), (1, OPENED), (2, OPENED)], "opens once");
        check(&[(0, KEY), (1, OPENED), (2, CLOSED), (3, REQUEST)], "ended before");
    }
}
