//! One pass over a log: records become exchanges, and whoever observes gets each of them once.
//!
//! Memory holds what goes on at the same time: open sessions, and in each the exchanges that
//! have not ended. An exchange is given when its end is read, or at the log's end.

mod exchange;
mod people;

pub use exchange::{Exchange, ReviewFacts};
pub use people::People;

use crate::error::Error;
use exchange::Live;
use portreeve_evidence::{Entry, LogReader, Opener, RequestParts};
use portreeve_model::{Chain, Event, Record, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A session, as its first records say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionFacts {
    /// The session.
    pub id: SessionId,
    /// Where its opening is in the log.
    pub index: u64,
    /// When it was opened.
    pub opened_at_us: u64,
    /// On whose behalf, through whom, why.
    pub chain: Chain,
    /// The resource.
    pub resource: String,
    /// The protocol.
    pub protocol: String,
    /// The client's address.
    pub client: String,
}

/// Who is told what a log says.
pub trait Observer {
    /// Every record, before what follows from it.
    fn record(&mut self, _index: u64, _record: &Record) {}

    /// A session was opened.
    fn session(&mut self, _session: &SessionFacts) {}

    /// An exchange, with everything that is recorded of it.
    fn exchange(&mut self, _exchange: &Exchange<'_>) {}

    /// A record of no exchange: of the gateway, of custody, of a session's end.
    fn event(&mut self, _index: u64, _record: &Record, _session: Option<&SessionFacts>) {}
}

/// What a pass has seen of the log itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Walked {
    /// The first record that is still there.
    pub first: u64,
    /// How many records were read.
    pub records: u64,
    /// When the first and the last of them were made, in microseconds since 1970.
    pub first_at_us: Option<u64>,
    /// See `first_at_us`.
    pub last_at_us: Option<u64>,
    /// How many times a gateway began to write.
    pub starts: u64,
    /// Starts that no stop came before: the gateway before was cut off.
    pub cut_off: u64,
    /// Bytes that were on their way when a gateway was cut off.
    pub bytes_recovered: u64,
    /// Records that were pruned, oldest first, as the log says.
    pub records_pruned: u64,
    /// Whether this log took the place of another one.
    pub is_successor: bool,
    /// Stretches in which no gateway wrote: from, to.
    pub without_gateway: Vec<(u64, u64)>,
    /// Exchanges that had no end when the log ended.
    pub exchanges_open: u64,
}

/// The stretches without a gateway that are told one by one.
const STRETCHES_MAX: usize = 1_000;

/// Reads a log once, up to `size` records of the tree. Lists of data subjects are opened where
/// there is an opener.
///
/// # Errors
/// The log cannot be read, or is not what a gateway wrote.
pub fn walk(
    reader: &LogReader,
    size: u64,
    mut opener: Option<&mut Opener>,
    observer: &mut dyn Observer,
) -> Result<Walked, Error> {
    let mut walk = Walk::default();
    if size > 0 {
        reader.for_each(|entry| {
            if entry.index < size {
                walk.take(&entry, opener.as_deref_mut(), observer)?;
            }
            Ok(match entry.index + 1 >= size {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
    }
    Ok(walk.finish(observer))
}

/// A pass that is fed one record after the other, as a log grows.
#[derive(Debug, Default)]
pub struct Walk {
    walked: Walked,
    sessions: BTreeMap<SessionId, OpenSession>,
    parts: RequestParts,
    is_running: bool,
    last_stop_us: Option<u64>,
    first: Option<u64>,
}

/// A session that goes on.
#[derive(Debug)]
struct OpenSession {
    facts: SessionFacts,
    exchanges: BTreeMap<u64, Live>,
}

impl Walk {
    /// Takes the next record.
    ///
    /// # Errors
    /// It is not what a gateway wrote.
    pub fn take(
        &mut self,
        entry: &Entry<'_>,
        mut opener: Option<&mut Opener>,
        observer: &mut dyn Observer,
    ) -> Result<(), portreeve_evidence::Error> {
        let record = entry.record()?;
        observer.record(entry.index, &record);
        self.note(entry.index, &record, observer);
        match (record.session, &record.event) {
            (None, _) => observer.event(entry.index, &record, None),
            // A share that is gone shows when a list is to be opened.
            (Some(_), Event::RecordingKey { .. }) => {
                if let Some(opener) = &mut opener {
                    drop(opener.open(&record, None));
                }
            }
            (Some(session), Event::SessionOpened { chain, resource, protocol, client, .. }) => {
                let facts = SessionFacts {
                    id: session,
                    index: entry.index,
                    opened_at_us: record.at_us,
                    chain: chain.clone(),
                    resource: resource.clone(),
                    protocol: protocol.clone(),
                    client: client.clone(),
                };
                observer.session(&facts);
                observer.event(entry.index, &record, Some(&facts));
                self.sessions.insert(session, OpenSession { facts, exchanges: BTreeMap::new() });
            }
            (Some(session), Event::SessionClosed { .. }) => {
                let open = self.end(session, observer);
                observer.event(entry.index, &record, open.as_ref().map(|open| &open.facts));
                // The opener keeps the session's key until here.
                if let Some(opener) = &mut opener {
                    drop(opener.open(&record, None));
                }
            }
            (Some(session), _) => self.within(session, entry, record, opener, observer)?,
        }
        Ok(())
    }

    /// From where a pass has to begin anew so that it knows everything that goes on: the
    /// opening of the oldest session that is open.
    #[must_use]
    pub fn oldest_open(&self) -> Option<u64> {
        self.sessions.values().map(|open| open.facts.index).min()
    }

    /// A record of an exchange.
    fn within(
        &mut self,
        session: SessionId,
        entry: &Entry<'_>,
        record: Record,
        opener: Option<&mut Opener>,
        observer: &mut dyn Observer,
    ) -> Result<(), portreeve_evidence::Error> {
        let Some(open) = self.sessions.get_mut(&session) else { return Ok(()) };
        let Some(number) = record.event.exchange() else {
            observer.event(entry.index, &record, Some(&open.facts));
            return Ok(());
        };
        let live = open
            .exchanges
            .entry(number)
            .or_insert_with(|| Live::new(number, entry.index, record.at_us));
        if let Event::Subjects { objects, .. } = &record.event {
            live.subjects(people::read(objects, opener, &record, entry.sealed)?);
        }
        if live.take(session, entry.index, record, &mut self.parts) {
            let ended = open.exchanges.remove(&number);
            if let Some(mut live) = ended {
                observer.exchange(&live.seen(&open.facts));
            }
        }
        Ok(())
    }

    fn note(&mut self, index: u64, record: &Record, observer: &mut dyn Observer) {
        let walked = &mut self.walked;
        walked.first = *self.first.get_or_insert(index);
        walked.records += 1;
        walked.first_at_us.get_or_insert(record.at_us);
        let last_us = walked.last_at_us;
        walked.last_at_us = Some(walked.last_at_us.unwrap_or(0).max(record.at_us));
        match &record.event {
            Event::GatewayStarted { .. } => {
                walked.starts += 1;
                walked.cut_off += u64::from(self.is_running);
                // Of one that was cut off, the last that is known is its last record.
                if let Some(stopped) = self.last_stop_us.take().or(last_us)
                    && walked.without_gateway.len() < STRETCHES_MAX
                {
                    walked.without_gateway.push((stopped, record.at_us));
                }
                self.is_running = true;
                // What no end was recorded of has none: its gateway was cut off.
                let open: Vec<SessionId> = self.sessions.keys().copied().collect();
                open.into_iter().for_each(|session| drop(self.end(session, observer)));
            }
            Event::GatewayStopped => {
                self.is_running = false;
                self.last_stop_us = Some(record.at_us);
            }
            Event::LogRecovered { bytes, .. } => walked.bytes_recovered += bytes,
            Event::LogPruned { pruned, .. } => {
                walked.records_pruned = walked.records_pruned.max(pruned.records);
            }
            Event::LogReplaced { .. } => walked.is_successor = true,
            _ => {}
        }
    }

    /// A session is over: so are its exchanges.
    fn end(&mut self, session: SessionId, observer: &mut dyn Observer) -> Option<OpenSession> {
        let mut open = self.sessions.remove(&session)?;
        for mut live in std::mem::take(&mut open.exchanges).into_values() {
            // What the target says unasked has no end of its own.
            self.walked.exchanges_open += u64::from(live.is_asked());
            observer.exchange(&live.seen(&open.facts));
        }
        Some(open)
    }

    /// The log ends here: so does all that goes on.
    pub fn finish(mut self, observer: &mut dyn Observer) -> Walked {
        let open: Vec<SessionId> = self.sessions.keys().copied().collect();
        open.into_iter().for_each(|session| drop(self.end(session, observer)));
        self.walked
    }
}
