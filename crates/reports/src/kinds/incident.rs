//! A draft of the notification of a breach (Article 33 GDPR): what happened in a scope, whom it
//! concerns, what may come of it.

use super::shared::{CategoryUse, Crowd, PeopleCount, is_ended_by_people, touches};
use super::statements::{StatementList, Statements};
use super::{Teller, Told};
use crate::categories::CategoryClass;
use crate::document::{Block, Document, Field, Source, list};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::law;
use crate::scope::Scope;
use crate::time::{self, HOUR_US};
use crate::walk::{Exchange, Observer, SessionFacts, Walked};
use jiff::Timestamp;
use portreeve_evidence::CITED_MAX;
use portreeve_model::{Event, Record, ReviewOutcome, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Time to notify the authority, from awareness on: Article 33(1).
const NOTIFICATION_HOURS: u64 = 72;
/// Sessions that are listed one by one.
const SESSIONS_MAX: usize = 500;

/// The report while it is made.
pub(super) struct Incident {
    scope: Scope,
    inputs: Inputs,
    has_lists: bool,
    crowd: Crowd,
    observed: Observed,
    categories: BTreeMap<String, CategoryUse>,
    sessions: BTreeMap<SessionId, SessionPart>,
    statements: Statements,
    days: BTreeMap<String, u64>,
    measures: Vec<String>,
    cited: Vec<u64>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    observed: Observed,
    people: PeopleCount,
    categories: Vec<CategoryRow>,
    sessions: Vec<SessionPart>,
    /// Sessions beyond those that are listed.
    sessions_unlisted: u64,
    statements: StatementList,
    clocks: Clocks,
    declared: Declared,
    /// What the categories suggest: templates, to be judged by a person.
    consequences: Vec<String>,
    /// What was done afterwards, as the log shows.
    measures_observed: Vec<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Observed {
    exchanges: u64,
    exchanges_refused: u64,
    statements: u64,
    statements_denied: u64,
    rows: u64,
    bytes: u64,
    values_masked: u64,
    rows_revealed: u64,
    values_found_revealed: u64,
    replies_withheld: u64,
    reviews_approved: u64,
    objects: BTreeMap<String, u64>,
    #[serde(skip)]
    first_us: Option<u64>,
    #[serde(skip)]
    last_us: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct CategoryRow {
    #[serde(flatten)]
    class: CategoryClass,
    #[serde(flatten)]
    used: CategoryUse,
}

#[derive(Clone, Serialize, Deserialize)]
struct SessionPart {
    session: SessionId,
    first_seen: String,
    resource: String,
    principal: String,
    actors: Vec<String>,
    exchanges: u64,
    rows: u64,
    values_masked: u64,
    rows_revealed: u64,
}

#[derive(Serialize, Deserialize)]
struct Clocks {
    occurred_from: Option<String>,
    occurred_to: Option<String>,
    detected_at: Option<String>,
    aware_at: Option<String>,
    /// 72 hours after awareness.
    notify_until: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Declared {
    nature: Option<String>,
    consequences: Vec<String>,
    measures: Vec<String>,
}

impl Incident {
    pub(super) fn new(scope: Scope, inputs: Inputs, has_lists: bool) -> Self {
        Self {
            scope,
            inputs,
            has_lists,
            crowd: Crowd::default(),
            observed: Observed::default(),
            categories: BTreeMap::new(),
            sessions: BTreeMap::new(),
            statements: Statements::default(),
            days: BTreeMap::new(),
            measures: Vec::new(),
            cited: Vec::new(),
        }
    }

    /// What was done about a session of the incident, or about those in it.
    fn measure(&mut self, index: u64, what: String) {
        if self.measures.len() < SESSIONS_MAX {
            self.measures.push(what);
            self.cited.push(index);
        }
    }
}

impl Observer for Incident {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if !self.scope.holds(exchange) {
            return;
        }
        if self.cited.len() < CITED_MAX {
            self.cited.push(exchange.index);
        }
        self.crowd.add(exchange);
        self.statements.add(exchange);
        let touches = touches(exchange);
        let is_revealed = touches.values().any(|touch| touch.is_revealed);
        self.observed.add(exchange, is_revealed);
        for (category, touch) in touches {
            self.categories.entry(category).or_default().add(exchange, touch);
        }
        *self.days.entry(time::day(exchange.at_us)).or_default() += exchange.rows;
        let part =
            self.sessions.entry(exchange.session.id).or_insert_with(|| SessionPart::new(exchange));
        part.exchanges += u64::from(exchange.number != 0);
        part.rows += exchange.rows;
        part.values_masked += exchange.masked.values().sum::<u64>();
        part.rows_revealed += if is_revealed { exchange.rows } else { 0 };
    }

    fn event(&mut self, index: u64, record: &Record, session: Option<&SessionFacts>) {
        let at = time::text(record.at_us);
        match &record.event {
            Event::SessionClosed { why, .. } => {
                let is_ours = session.is_some_and(|one| self.sessions.contains_key(&one.id));
                // Who leaves ends a session, too: that is no measure.
                let is_measure = is_ended_by_people(why);
                if let Some(session) = session.filter(|_| is_ours && is_measure) {
                    self.measure(index, format!("{at}: session {} was ended: {why}", session.id));
                }
            }
            Event::HoldPlaced { hold, on, why, by } if self.observed.first_us.is_some() => {
                self.measure(index, format!("{at}: {by} placed hold {hold} on {on}: {why}"));
            }
            Event::AccessRevoked { subject, token, login, by, .. }
                if self.observed.first_us.is_some() =>
            {
                let whom = subject.as_deref().or(token.as_deref()).or(login.as_deref());
                let whom = whom.unwrap_or("a token");
                self.measure(index, format!("{at}: {by} revoked the access of {whom}"));
            }
            Event::PolicyAdopted { policy, .. } if self.observed.first_us.is_some() => {
                self.measure(index, format!("{at}: policies {policy} were adopted"));
            }
            _ => {}
        }
    }
}

impl Observed {
    fn add(&mut self, exchange: &Exchange<'_>, is_revealed: bool) {
        let denied = |one: &&portreeve_model::CommandRecord| {
            one.decision
                .as_ref()
                .is_none_or(|decision| decision.verdict == portreeve_model::Verdict::Deny)
        };
        self.exchanges += u64::from(exchange.number != 0);
        self.exchanges_refused += u64::from(exchange.number != 0 && exchange.is_refused());
        self.statements += exchange.ran().map(|command| command.times).sum::<u64>();
        self.statements_denied += exchange.ran().filter(denied).map(|one| one.times).sum::<u64>();
        self.rows += exchange.rows;
        self.bytes += exchange.bytes;
        self.values_masked += exchange.masked.values().sum::<u64>();
        self.rows_revealed += if is_revealed { exchange.rows } else { 0 };
        self.values_found_revealed +=
            exchange.detected.iter().map(|found| found.revealed).sum::<u64>();
        self.replies_withheld += u64::from(exchange.withheld.is_some());
        let is_approved = |review: &&crate::walk::ReviewFacts| {
            review.closed.is_some_and(|(outcome, _)| outcome == ReviewOutcome::Approved)
        };
        self.reviews_approved += exchange.reviews.iter().filter(is_approved).count() as u64;
        let objects: BTreeSet<String> =
            exchange.needs().into_iter().map(|(_, object)| object.to_string()).collect();
        objects.into_iter().for_each(|object| *self.objects.entry(object).or_default() += 1);
        self.first_us = Some(self.first_us.unwrap_or(u64::MAX).min(exchange.at_us));
        self.last_us = self.last_us.max(Some(exchange.last_at_us));
    }
}

impl SessionPart {
    fn new(exchange: &Exchange<'_>) -> Self {
        let chain = &exchange.session.chain;
        Self {
            session: exchange.session.id,
            first_seen: time::text(exchange.at_us),
            resource: exchange.session.resource.clone(),
            principal: chain.principal.subject.clone(),
            actors: chain.actors.iter().map(|actor| actor.subject.clone()).collect(),
            exchanges: 0,
            rows: 0,
            values_masked: 0,
            rows_revealed: 0,
        }
    }
}

impl Teller for Incident {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let this = *self;
        let incident = this.inputs.declared.incident.clone().unwrap_or_default();
        let categories: Vec<CategoryRow> = this
            .categories
            .into_iter()
            .map(|(category, used)| CategoryRow {
                class: CategoryClass::of(&category, &this.inputs.declared),
                used,
            })
            .collect();
        let names = categories.iter().map(|row| row.class.category.as_str());
        let sessions_unlisted = this.sessions.len().saturating_sub(SESSIONS_MAX) as u64;
        let content = Content {
            consequences: law::consequences(names),
            people: this.crowd.count(),
            clocks: Clocks {
                occurred_from: this.observed.first_us.map(time::text),
                occurred_to: this.observed.last_us.map(time::text),
                notify_until: incident.aware_at.as_deref().and_then(deadline),
                detected_at: incident.detected_at,
                aware_at: incident.aware_at,
            },
            declared: Declared {
                nature: incident.nature,
                consequences: incident.consequences,
                measures: incident.measures,
            },
            observed: this.observed,
            categories,
            sessions: this.sessions.into_values().take(SESSIONS_MAX).collect(),
            sessions_unlisted,
            statements: this.statements.list(),
            measures_observed: this.measures,
        };
        let mut document = content.document(this.days);
        if !this.has_lists {
            document.gaps.push(
                "people are not told apart without the auditors' private key: give it with --key"
                    .into(),
            );
        }
        Told::new(&content, document, this.cited)
    }
}

/// The end of the time to notify; none where the time of awareness cannot be read.
fn deadline(aware_at: &str) -> Option<String> {
    let aware: Timestamp = aware_at.parse().ok()?;
    let aware = u64::try_from(aware.as_microsecond()).ok()?;
    Some(time::text(aware.checked_add(NOTIFICATION_HOURS * HOUR_US)?))
}

impl Content {
    fn document(&self, days: BTreeMap<String, u64>) -> Document {
        let mut document = Document::default();
        let observed = &self.observed;
        document.blocks.push(Block::Headline {
            name: "people concerned".into(),
            value: self.people.text(),
            meaning: "different identifiers in the rows that were released; Article 33(3)(a)"
                .into(),
        });
        document.heading("What happened");
        let lines = |words: &[String]| (!words.is_empty()).then(|| words.join("\n"));
        document.fields(vec![
            Field::declared("nature of the breach", self.declared.nature.clone()),
            Field::observed(
                "exchanges, of these refused",
                format!("{}, {}", observed.exchanges, observed.exchanges_refused),
            ),
            Field::observed(
                "statements, of these denied",
                format!("{}, {}", observed.statements, observed.statements_denied),
            ),
            Field::observed("rows released", observed.rows),
            Field::observed("values masked in them", observed.values_masked),
            Field::observed("rows with revealed columns", observed.rows_revealed),
            Field::observed("found in texts, and revealed", observed.values_found_revealed),
            Field::observed("replies withheld", observed.replies_withheld),
        ]);
        document.chart("Rows released by day", days.into_iter().collect());
        document.heading("Clocks");
        document.fields(vec![
            Field::observed(
                "occurred from",
                self.clocks
                    .occurred_from
                    .clone()
                    .unwrap_or_else(|| "nothing is recorded in this scope".into()),
            ),
            Field::observed(
                "occurred to",
                self.clocks.occurred_to.clone().unwrap_or_else(|| "–".into()),
            ),
            Field::declared("detected", self.clocks.detected_at.clone()),
            Field::declared("aware", self.clocks.aware_at.clone()),
            Field::declared("notify until (72 hours)", self.clocks.notify_until.clone()),
        ]);
        self.put_people(&mut document);
        document.heading("Likely consequences");
        document.fields(vec![
            Field::configured("what the categories suggest", lines(&self.consequences)),
            Field::declared("beside that", lines(&self.declared.consequences)),
        ]);
        document.heading("Measures");
        document.fields(vec![
            Field::observed("in the log since", self.measures_observed.join("\n")),
            Field::declared("others", lines(&self.declared.measures)),
        ]);
        self.put_sessions(&mut document);
        self.statements.put(&mut document);
        self.put_gaps(&mut document);
        document
    }

    fn put_people(&self, document: &mut Document) {
        document.heading("Whom and what it concerns");
        let counts = |counts: &BTreeMap<String, u64>| {
            list(counts.iter().map(|(kind, people)| format!("{people} by {kind}")))
        };
        document.fields(vec![
            Field::observed("people named", counts(&self.people.named)),
            Field::observed("further ones, derived", counts(&self.people.derived)),
            Field::observed("rows of nobody knows whom", self.people.rows_unresolved),
            Field::observed("people on lists that cannot be read", self.people.people_unread),
        ]);
        let row = |row: &CategoryRow| {
            let flag = if row.class.is_special() { " ⚑" } else { "" };
            vec![
                format!("{}{flag}", row.class.category),
                row.class.provision.clone(),
                row.used.values_masked.to_string(),
                row.used.rows_revealed.to_string(),
                row.used.values_found_revealed.to_string(),
                row.used.exchanges_comparing.to_string(),
                row.used.exchanges_refused.to_string(),
            ]
        };
        document.table(
            "Categories of data",
            &[
                ("category", Source::Observed),
                ("provision", Source::Configured),
                ("values masked", Source::Observed),
                ("rows revealed", Source::Observed),
                ("found, revealed", Source::Observed),
                ("exchanges comparing", Source::Observed),
                ("exchanges refused", Source::Observed),
            ],
            self.categories.iter().map(row).collect(),
        );
        let objects = self.observed.objects.iter();
        document.table(
            "Objects",
            &[("object", Source::Observed), ("exchanges", Source::Observed)],
            objects.map(|(object, count)| vec![object.clone(), count.to_string()]).collect(),
        );
    }

    fn put_sessions(&self, document: &mut Document) {
        document.heading("Sessions");
        let row = |part: &SessionPart| {
            vec![
                part.first_seen.clone(),
                part.session.to_string(),
                part.resource.clone(),
                part.principal.clone(),
                list(&part.actors),
                part.exchanges.to_string(),
                part.rows.to_string(),
                part.values_masked.to_string(),
                part.rows_revealed.to_string(),
            ]
        };
        document.table(
            "Sessions in this scope",
            &[
                ("first seen", Source::Observed),
                ("session", Source::Observed),
                ("resource", Source::Observed),
                ("principal", Source::Observed),
                ("actors", Source::Observed),
                ("exchanges", Source::Observed),
                ("rows", Source::Observed),
                ("values masked", Source::Observed),
                ("rows revealed", Source::Observed),
            ],
            self.sessions.iter().map(row).collect(),
        );
    }

    fn put_gaps(&self, document: &mut Document) {
        let mut gap = |is_missing: bool, what: &str| {
            if is_missing {
                document.gaps.push(what.to_owned());
            }
        };
        gap(self.declared.nature.is_none(), "the nature of the breach is not declared");
        gap(
            self.clocks.aware_at.is_none(),
            "when the controller became aware is not declared: the 72 hours begin then",
        );
        gap(
            self.clocks.aware_at.is_some() && self.clocks.notify_until.is_none(),
            "the time of awareness cannot be read",
        );
        gap(
            self.people.rows_unresolved > 0,
            "of some rows nobody knows whom they are about: they are in the upper bound",
        );
        gap(self.sessions_unlisted > 0, "not every session is listed: all of them are counted");
    }
}
