//! Who saw whose data: questions to the index of data subjects.
//!
//! The index is a record beside every reply that held rows of a protected table, with one
//! keyed hash for each person. Its lists are sealed like recordings, so that only who
//! holds the auditors' key can ask, and what was shredded cannot be asked any more: how
//! much that was is part of every answer.

use crate::disk::storage::RealDisk;
use crate::error::Error;
use crate::keys::months;
use crate::reader::entry::Entry;
use crate::reader::log_reader::LogReader;
use crate::reader::opener::Opener;
use portreeve_model::{Chain, CommandRecord, Event, Record, Revealed, SessionId, SubjectCount};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

/// Stands for a person.
pub type Token = [u8; 16];

/// Which accesses are asked about.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Not before, in microseconds since 1970.
    pub since_us: Option<u64>,
    /// Before.
    pub until_us: Option<u64>,
    /// At this resource only.
    pub resource: Option<String>,
    /// On this principal's behalf only.
    pub principal: Option<String>,
    /// By this session only.
    pub session: Option<SessionId>,
}

/// One exchange that gave a person's data to a client.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Access {
    /// The session.
    pub session: SessionId,
    /// The exchange.
    pub exchange: u64,
    /// When the first of the rows was recorded, in microseconds since 1970.
    pub at_us: u64,
    /// On whose behalf, through whom, why.
    pub chain: Chain,
    /// The resource.
    pub resource: String,
    /// Whether the rows named the person, or may be about them.
    pub certainty: Certainty,
    /// The tables whose rows did.
    pub tables: BTreeSet<String>,
    /// The verbs and shapes of the commands.
    pub commands: Vec<Asked>,
    /// Columns that the client saw unmasked.
    pub revealed: Vec<Revealed>,
}

/// How certain it is that rows were about a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// They may be: what names the person was computed, or is what the client looked for.
    Derived,
    /// They held what identifies the person.
    Named,
}

/// A command as an access names it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Asked {
    /// `SELECT`, ….
    pub verb: String,
    /// The shape of the statement.
    pub fingerprint: String,
}

/// What could not be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Unknown {
    /// Rows of protected tables of which nobody could say whom they are about.
    pub rows_unresolved: u64,
    /// People whom rows may have been about, each list for itself: derived, and not certain.
    pub people_derived: u64,
    /// Lists that cannot be opened any more: shredded, or their keys are not here.
    pub lists_unreadable: u64,
    /// How many people they had, each list for itself.
    pub people_unreadable: u64,
}

/// Everything that a person's data was given to.
#[derive(Clone, Debug, Serialize)]
pub struct Accesses {
    /// In order.
    pub accesses: Vec<Access>,
    /// What else there may be.
    pub unknown: Unknown,
}

/// How many people's data were given away.
#[derive(Clone, Debug, Serialize)]
pub struct Affected {
    /// Different people, by the kind of identifier. One person may have several kinds.
    pub people: BTreeMap<String, u64>,
    /// Further ones whom rows may have been about, by the kind of identifier: what names them
    /// was computed, or is what a client looked for.
    pub derived: BTreeMap<String, u64>,
    /// By table.
    pub tables: BTreeMap<String, u64>,
    /// In how many sessions.
    pub sessions: u64,
    /// In how many exchanges.
    pub exchanges: u64,
    /// What else there may be.
    pub unknown: Unknown,
}

/// The key of the tokens, from the keyring of the log in `dir`.
///
/// # Errors
/// It is not there: no subject was ever recorded, or the keyring was not copied.
pub fn subject_key(dir: &Path) -> Result<[u8; 32], Error> {
    let found = months::find(&RealDisk::new(dir), months::TOKENS)
        .map_err(|error| Error::store("read the keyring of", dir, error))?;
    found.ok_or_else(|| Error::Absent {
        what: "there is no key for data subjects in the keyring: none was ever recorded, \
               or the keyring was not copied"
            .to_owned(),
    })
}

/// Lists every access to the person whom `token` stands for in tables of this kind.
///
/// # Errors
/// The log cannot be read.
pub fn accesses(
    dir: &Path,
    opener: &mut Opener,
    (kind, token): (&str, Token),
    window: &Window,
) -> Result<Accesses, Error> {
    let mut accesses: Vec<Access> = Vec::new();
    let mut unknown = Unknown::default();
    each_list(dir, opener, window, |list| {
        unknown.add(&list);
        let Some(tokens) = &list.tokens else { return };
        for (table, people) in split(list.tables, tokens) {
            let is_of_kind = list.tables.get(table).is_some_and(|count| count.kind == kind);
            let Some(certainty) = people.find(&token).filter(|_| is_of_kind) else { continue };
            let same = |access: &&mut Access| {
                (access.session, access.exchange) == (list.session, list.exchange)
            };
            match accesses.iter_mut().rev().find(same) {
                Some(known) => known.take(table, certainty),
                None => accesses.push(list.access(table, certainty)),
            }
        }
    })?;
    Ok(Accesses { accesses, unknown })
}

/// Counts the different people whose data were given to clients, exactly.
///
/// Holds 16 bytes for each of them while it counts.
///
/// # Errors
/// The log cannot be read.
pub fn affected(dir: &Path, opener: &mut Opener, window: &Window) -> Result<Affected, Error> {
    let mut people: BTreeMap<String, HashSet<Token>> = BTreeMap::new();
    let mut derived: BTreeMap<String, HashSet<Token>> = BTreeMap::new();
    let mut by_table: BTreeMap<String, HashSet<Token>> = BTreeMap::new();
    let mut exchanges = HashSet::new();
    let mut unknown = Unknown::default();
    each_list(dir, opener, window, |list| {
        unknown.add(&list);
        exchanges.insert((list.session, list.exchange));
        let Some(tokens) = &list.tokens else { return };
        for (table, found) in split(list.tables, tokens) {
            let Some(count) = list.tables.get(table) else { continue };
            people.entry(count.kind.clone()).or_default().extend(found.named);
            derived.entry(count.kind.clone()).or_default().extend(found.derived);
            by_table.entry(table.clone()).or_default().extend(found.named);
        }
    })?;
    for (kind, tokens) in &mut derived {
        tokens.retain(|token| people.get(kind).is_none_or(|named| !named.contains(token)));
    }
    let counts = |sets: BTreeMap<String, HashSet<Token>>| {
        let count = |(name, set): (String, HashSet<Token>)| (name, set.len() as u64);
        sets.into_iter().map(count).filter(|(_, people)| *people > 0).collect()
    };
    let sessions: HashSet<SessionId> = exchanges.iter().map(|(session, _)| *session).collect();
    Ok(Affected {
        people: counts(people),
        derived: counts(derived),
        tables: counts(by_table),
        sessions: sessions.len() as u64,
        exchanges: exchanges.len() as u64,
        unknown,
    })
}

/// One record of the index.
struct List<'r> {
    session: SessionId,
    exchange: u64,
    at_us: u64,
    tables: &'r BTreeMap<String, SubjectCount>,
    /// The tokens; none if they cannot be opened.
    tokens: Option<Vec<Token>>,
    seen: &'r Seen,
}

/// A session as far as the log has been read.
struct Seen {
    chain: Chain,
    resource: String,
    commands: HashMap<u64, Vec<CommandRecord>>,
}

impl List<'_> {
    fn access(&self, table: &str, certainty: Certainty) -> Access {
        let commands = self.seen.commands.get(&self.exchange);
        let commands = commands.map(Vec::as_slice).unwrap_or_default();
        let asked = |command: &CommandRecord| Asked {
            verb: command.verb.clone(),
            fingerprint: command.fingerprint.clone(),
        };
        let revealed: BTreeSet<_> =
            commands.iter().flat_map(|command| command.revealed.iter().cloned()).collect();
        Access {
            session: self.session,
            exchange: self.exchange,
            at_us: self.at_us,
            chain: self.seen.chain.clone(),
            resource: self.seen.resource.clone(),
            certainty,
            tables: BTreeSet::from([table.to_owned()]),
            commands: commands.iter().filter(|command| !command.runs_later).map(asked).collect(),
            revealed: revealed.into_iter().collect(),
        }
    }
}

impl Access {
    fn take(&mut self, table: &str, certainty: Certainty) {
        self.tables.insert(table.to_owned());
        self.certainty = self.certainty.max(certainty);
    }
}

impl Unknown {
    fn add(&mut self, list: &List<'_>) {
        let of = |count: fn(&SubjectCount) -> u64| list.tables.values().map(count).sum::<u64>();
        self.rows_unresolved += of(|count| count.unresolved);
        self.people_derived += of(|count| count.derived);
        if list.tokens.is_none() {
            self.lists_unreadable += 1;
            self.people_unreadable += of(|count| count.people);
        }
    }
}

/// The people of one table in a list; each part is sorted.
#[derive(Clone, Copy)]
struct People<'t> {
    named: &'t [Token],
    derived: &'t [Token],
}

impl People<'_> {
    fn find(self, token: &Token) -> Option<Certainty> {
        let is_in = |tokens: &[Token]| tokens.binary_search(token).is_ok();
        match (is_in(self.named), is_in(self.derived)) {
            (true, _) => Some(Certainty::Named),
            (false, true) => Some(Certainty::Derived),
            (false, false) => None,
        }
    }
}

/// The tokens of each table: they lie one behind the other, as many as the record says.
fn split<'t>(
    tables: &'t BTreeMap<String, SubjectCount>,
    tokens: &'t [Token],
) -> impl Iterator<Item = (&'t String, People<'t>)> {
    let mut rest = tokens;
    tables.iter().map(move |(table, count)| {
        let mut take = |many: u64| {
            let many = usize::try_from(many).unwrap_or(usize::MAX).min(rest.len());
            let (these, others) = rest.split_at(many);
            rest = others;
            these
        };
        let (named, derived) = (take(count.people), take(count.derived));
        (table, People { named, derived })
    })
}

fn each_list(
    dir: &Path,
    opener: &mut Opener,
    window: &Window,
    mut visit: impl FnMut(List<'_>),
) -> Result<(), Error> {
    let mut sessions: HashMap<SessionId, Seen> = HashMap::new();
    LogReader::open(dir)?.for_each(|entry: Entry<'_>| {
        let record = entry.record()?;
        let Some(session) = record.session else { return Ok(ControlFlow::Continue(())) };
        let Record { at_us, ref event, .. } = record;
        match event {
            // A share that is gone shows when a list is to be opened.
            Event::RecordingKey { .. } => drop(opener.open(&record, None)),
            Event::SessionOpened { chain, resource, .. } => {
                let (chain, resource) = (chain.clone(), resource.clone());
                sessions.insert(session, Seen { chain, resource, commands: HashMap::new() });
            }
            Event::Request { exchange, commands, .. } => {
                if let Some(seen) = sessions.get_mut(&session) {
                    seen.commands.entry(*exchange).or_default().extend_from_slice(commands);
                }
            }
            Event::ExchangeClosed { exchange, .. } => {
                if let Some(seen) = sessions.get_mut(&session) {
                    seen.commands.remove(exchange);
                }
            }
            Event::SessionClosed { .. } => drop(sessions.remove(&session)),
            Event::Subjects { exchange, objects: tables } => {
                if let Some(seen) = sessions.get(&session).filter(|seen| {
                    window.holds(session, at_us, &seen.resource, &seen.chain.principal.subject)
                }) {
                    let opened = opener.open_subjects(&record, entry.sealed);
                    let tokens = match opened {
                        Ok(bytes) => Some(tokens_of(&bytes.unwrap_or_default())),
                        Err(Error::Unreadable { .. } | Error::Shredded { .. } | Error::Erased) => {
                            None
                        }
                        Err(error) => return Err(error),
                    };
                    let exchange = *exchange;
                    visit(List { session, exchange, at_us, tables, tokens, seen });
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn tokens_of(bytes: &[u8]) -> Vec<Token> {
    bytes.chunks_exact(16).filter_map(|token| token.try_into().ok()).collect()
}

impl Window {
    fn holds(&self, session: SessionId, at_us: u64, resource: &str, principal: &str) -> bool {
        self.since_us.is_none_or(|since| at_us >= since)
            && self.until_us.is_none_or(|until| at_us < until)
            && self.resource.as_deref().is_none_or(|wanted| wanted == resource)
            && self.principal.as_deref().is_none_or(|wanted| wanted == principal)
            && self.session.is_none_or(|wanted| wanted == session)
    }
}
