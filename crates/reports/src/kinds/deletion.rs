//! What was destroyed, by whom, why (Articles 5 and 17 GDPR): the register of deletions, with
//! the records that prove them.

use super::{Teller, Told};
use crate::document::{Document, Field, Source};
use crate::error::Error;
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, Observer, People, SessionFacts, Walked};
use portreeve_evidence::Token;
use portreeve_model::{Event, Record, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The report while it is made.
pub(super) struct Deletion {
    scope: Scope,
    subject: Option<(String, Token)>,
    /// Whose sessions they were: needed for those that are destroyed only.
    sessions: HashMap<SessionId, (String, String)>,
    /// Sessions about the person, with when and whether they named her.
    about: BTreeMap<SessionId, About>,
    destroyed: BTreeMap<SessionId, Destroyed>,
    holds: BTreeMap<String, HoldRow>,
    pruned: Vec<PrunedRow>,
    replaced: Vec<ReplacedRow>,
    unread: u64,
    unresolved: u64,
    cited: Vec<u64>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    observed: Observed,
    destroyed: Vec<Destroyed>,
    holds: Vec<HoldRow>,
    pruned: Vec<PrunedRow>,
    set_aside: Vec<ReplacedRow>,
    /// Where the report is about a person: the sessions about her, destroyed or not.
    about: Vec<About>,
}

#[derive(Serialize, Deserialize)]
struct Observed {
    recordings_destroyed: u64,
    by_rule: u64,
    by_people: u64,
    holds_open: u64,
    records_pruned: u64,
    logs_set_aside: u64,
    sessions_about: u64,
    sessions_about_readable: u64,
    rows_unresolved: u64,
    people_unread: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Destroyed {
    session: SessionId,
    at: String,
    why: String,
    by: String,
    resource: Option<String>,
    principal: Option<String>,
    index: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct HoldRow {
    hold: String,
    on: String,
    placed_at: String,
    why: String,
    by: String,
    released_at: Option<String>,
    index: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct PrunedRow {
    at: String,
    records: u64,
    root: String,
    why: String,
    by: String,
    index: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct ReplacedRow {
    at: String,
    moved_to: Option<String>,
    records: u64,
    why: String,
    approvers: Vec<String>,
    index: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct About {
    session: SessionId,
    first_seen: String,
    certainty: String,
    is_destroyed: bool,
    index: u64,
}

impl Deletion {
    pub(super) fn new(scope: Scope) -> Self {
        let subject = scope.subject.as_ref();
        let subject = subject.and_then(|one| Some((one.kind.clone(), one.token()?)));
        Self {
            scope: Scope { subject: None, ..scope },
            subject,
            sessions: HashMap::new(),
            about: BTreeMap::new(),
            destroyed: BTreeMap::new(),
            holds: BTreeMap::new(),
            pruned: Vec::new(),
            replaced: Vec::new(),
            unread: 0,
            unresolved: 0,
            cited: Vec::new(),
        }
    }
}

impl Observer for Deletion {
    fn session(&mut self, session: &SessionFacts) {
        let whose = (session.resource.clone(), session.chain.principal.subject.clone());
        self.sessions.insert(session.id, whose);
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let Some((kind, token)) = &self.subject else { return };
        if !self.scope.holds(exchange) {
            return;
        }
        let of_kind = || exchange.people.values().filter(|people| people.kind == *kind);
        self.unread += exchange.people.values().map(|people| people.unread).sum::<u64>();
        self.unresolved += exchange.people.values().map(|people| people.unresolved).sum::<u64>();
        let is_in = |people: fn(&People) -> &BTreeSet<Token>| {
            of_kind().any(|one| people(one).contains(token))
        };
        let certainty = match (is_in(|one| &one.named), is_in(|one| &one.derived)) {
            (true, _) => "named",
            (false, true) => "derived",
            (false, false) => return,
        };
        let session = exchange.session.id;
        let about = self.about.entry(session).or_insert_with(|| About {
            session,
            first_seen: time::text(exchange.at_us),
            certainty: certainty.to_owned(),
            is_destroyed: false,
            index: exchange.index,
        });
        if certainty == "named" {
            certainty.clone_into(&mut about.certainty);
        }
    }

    fn event(&mut self, index: u64, record: &Record, _session: Option<&SessionFacts>) {
        let at = time::text(record.at_us);
        let is_in = self.scope.period.holds(record.at_us);
        match &record.event {
            Event::RecordingShredded { of, why, by } if is_in => {
                let whose = self.sessions.get(of).cloned();
                let (resource, principal) = whose.unzip();
                let is_wanted = |wanted: &Option<String>, found: &Option<String>| {
                    wanted.is_none() || wanted == found
                };
                if is_wanted(&self.scope.resource, &resource)
                    && is_wanted(&self.scope.principal, &principal)
                {
                    let by = by.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
                    let (session, why) = (*of, why.clone());
                    let row = Destroyed { session, at, why, by, resource, principal, index };
                    self.destroyed.entry(session).or_insert(row);
                    self.cited.push(index);
                }
            }
            Event::HoldPlaced { hold, on, why, by } => {
                let row = HoldRow {
                    hold: hold.to_string(),
                    on: on.to_string(),
                    placed_at: at,
                    why: why.clone(),
                    by: by.to_string(),
                    released_at: None,
                    index,
                };
                self.holds.insert(row.hold.clone(), row);
                self.cited.push(index);
            }
            Event::HoldReleased { hold, .. } => {
                if let Some(row) = self.holds.get_mut(&hold.to_string()) {
                    row.released_at = Some(at);
                }
                self.cited.push(index);
            }
            Event::LogPruned { pruned, why, by, .. } => {
                let (records, root) = (pruned.records, pruned.root.to_string());
                let (why, by) = (why.clone(), by.to_string());
                self.pruned.push(PrunedRow { at, records, root, why, by, index });
                self.cited.push(index);
            }
            Event::LogReplaced { predecessor, why, approvers } => {
                self.replaced.push(ReplacedRow {
                    at,
                    moved_to: predecessor.moved_to.clone(),
                    records: predecessor.records,
                    why: why.clone(),
                    approvers: approvers.iter().map(ToString::to_string).collect(),
                    index,
                });
                self.cited.push(index);
            }
            _ => {}
        }
    }
}

impl Teller for Deletion {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let mut this = *self;
        for about in this.about.values_mut() {
            about.is_destroyed = this.destroyed.contains_key(&about.session);
        }
        this.cited.extend(this.about.values().map(|about| about.index));
        let by_rule = |row: &&Destroyed| row.why.starts_with("retention:");
        let by_rule = this.destroyed.values().filter(by_rule).count() as u64;
        let destroyed = this.destroyed.len() as u64;
        let readable = this.about.values().filter(|about| !about.is_destroyed).count() as u64;
        let observed = Observed {
            recordings_destroyed: destroyed,
            by_rule,
            by_people: destroyed - by_rule,
            holds_open: this.holds.values().filter(|hold| hold.released_at.is_none()).count()
                as u64,
            records_pruned: this.pruned.iter().map(|row| row.records).max().unwrap_or(0),
            logs_set_aside: this.replaced.len() as u64,
            sessions_about: this.about.len() as u64,
            sessions_about_readable: readable,
            rows_unresolved: this.unresolved,
            people_unread: this.unread,
        };
        let content = Content {
            observed,
            destroyed: this.destroyed.into_values().collect(),
            holds: this.holds.into_values().collect(),
            pruned: this.pruned,
            set_aside: this.replaced,
            about: this.about.into_values().collect(),
        };
        let document = content.document(this.subject.is_some());
        Told::new(&content, document, this.cited)
    }
}

impl Content {
    fn document(&self, is_about_person: bool) -> Document {
        let mut document = Document::default();
        let observed = &self.observed;
        document.heading("Summary");
        document.fields(vec![
            Field::observed("recordings destroyed", observed.recordings_destroyed),
            Field::observed(
                "by a rule of retention, by people",
                format!("{}, {}", observed.by_rule, observed.by_people),
            ),
            Field::observed("legal holds that are open", observed.holds_open),
            Field::observed("records pruned from the beginning", observed.records_pruned),
            Field::observed("logs that were set aside", observed.logs_set_aside),
        ]);
        if is_about_person {
            self.put_person(&mut document);
        }
        document.heading("Register");
        let missing = || "–".to_owned();
        let row = |row: &Destroyed| {
            vec![
                row.at.clone(),
                row.session.to_string(),
                row.resource.clone().unwrap_or_else(missing),
                row.by.clone(),
                row.why.clone(),
                row.index.to_string(),
            ]
        };
        document.table(
            "Recordings destroyed",
            &[
                ("time", Source::Observed),
                ("session", Source::Observed),
                ("resource", Source::Observed),
                ("by", Source::Observed),
                ("why", Source::Observed),
                ("record", Source::Observed),
            ],
            self.destroyed.iter().map(row).collect(),
        );
        self.put_custody(&mut document);
        for row in &self.set_aside {
            let place = row.moved_to.as_deref().unwrap_or("nowhere");
            document.gaps.push(format!(
                "a log of {} records was set aside to {place}: what is destroyed there is not in this report",
                row.records
            ));
        }
        document.text(
            "A recording is destroyed when one of two shares of its key is: the records here prove \
             that it was done and by whom. Copies of the keyring and exports lie outside.",
        );
        document
    }

    fn put_person(&self, document: &mut Document) {
        document.heading("The person");
        let observed = &self.observed;
        document.fields(vec![
            Field::observed("sessions about the person", observed.sessions_about),
            Field::observed("of these not destroyed", observed.sessions_about_readable),
            Field::observed("rows of nobody knows whom", observed.rows_unresolved),
            Field::observed("people on lists that cannot be read", observed.people_unread),
        ]);
        let row = |row: &About| {
            vec![
                row.first_seen.clone(),
                row.session.to_string(),
                row.certainty.clone(),
                if row.is_destroyed { "destroyed" } else { "readable" }.to_owned(),
                row.index.to_string(),
            ]
        };
        document.table(
            "Sessions about the person",
            &[
                ("first seen", Source::Observed),
                ("session", Source::Observed),
                ("how", Source::Observed),
                ("recording", Source::Observed),
                ("record", Source::Observed),
            ],
            self.about.iter().map(row).collect(),
        );
        if observed.people_unread > 0 {
            document.gaps.push(
                "lists of recordings that were destroyed cannot be opened any more: sessions about \
                 the person that were destroyed earlier are not found"
                    .into(),
            );
        }
    }

    fn put_custody(&self, document: &mut Document) {
        let row = |row: &HoldRow| {
            vec![
                row.placed_at.clone(),
                row.hold.clone(),
                row.on.clone(),
                row.by.clone(),
                row.why.clone(),
                row.released_at.clone().unwrap_or_else(|| "open".to_owned()),
            ]
        };
        document.table(
            "Legal holds",
            &[
                ("placed", Source::Observed),
                ("hold", Source::Observed),
                ("on", Source::Observed),
                ("by", Source::Observed),
                ("why", Source::Observed),
                ("released", Source::Observed),
            ],
            self.holds.iter().map(row).collect(),
        );
        let row = |row: &PrunedRow| {
            vec![
                row.at.clone(),
                row.records.to_string(),
                row.root.clone(),
                row.by.clone(),
                row.why.clone(),
            ]
        };
        document.table(
            "Records pruned",
            &[
                ("time", Source::Observed),
                ("records in all", Source::Observed),
                ("root of their tree", Source::Observed),
                ("by", Source::Observed),
                ("why", Source::Observed),
            ],
            self.pruned.iter().map(row).collect(),
        );
    }
}
