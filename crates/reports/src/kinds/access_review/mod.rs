//! Who can do what, and does: for the yearly look at rights.

mod effective;
#[cfg(test)]
mod tests;

use super::{Teller, Told};
use crate::document::{Document, Field, Source, list};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::scope::Scope;
use crate::time::{self, DAY_US};
use crate::walk::{Exchange, Observer, SessionFacts, Walked};
use effective::{Effective, Seen};
use portreeve_model::{AccountChange, Event, Party, PartyKind, Record, ReviewOutcome};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who has not been seen for so long is dormant.
const DORMANT_DAYS: u64 = 90;

/// The report while it is made.
pub(super) struct AccessReview {
    scope: Scope,
    inputs: Inputs,
    parties: BTreeMap<(String, String), PartyTally>,
    accounts: BTreeMap<String, Account>,
    seen: Seen,
    revoked: u64,
    tokens: u64,
    cited: Vec<u64>,
}

#[derive(Default)]
struct PartyTally {
    kind: Option<PartyKind>,
    groups: BTreeSet<String>,
    resources: BTreeSet<String>,
    sessions: u64,
    exchanges: u64,
    refused: u64,
    last_us: u64,
    /// Action and object, as policies allowed them.
    permitted: BTreeMap<(String, String), u64>,
    reveals: BTreeMap<String, u64>,
    approvals: u64,
    behind: BTreeSet<String>,
}

/// An account of the local issuer, as the log tells.
#[derive(Default)]
struct Account {
    kind: Option<PartyKind>,
    groups: Vec<String>,
    is_removed: bool,
    is_disabled: bool,
    since_us: u64,
    index: u64,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    parties: Vec<PartyRow>,
    accounts: Vec<AccountRow>,
    effective: Effective,
    observed: Totals,
}

#[derive(Serialize, Deserialize)]
struct Totals {
    parties: u64,
    tokens_issued: u64,
    accesses_revoked: u64,
    dormant: u64,
    orphaned: u64,
}

#[derive(Serialize, Deserialize)]
struct PartyRow {
    party: String,
    issuer: String,
    kind: String,
    observed: PartyObserved,
    declared: PartyDeclared,
}

#[derive(Serialize, Deserialize)]
struct PartyObserved {
    groups: Vec<String>,
    resources: Vec<String>,
    /// For whom an agent acted; through whom a principal did.
    together_with: Vec<String>,
    sessions: u64,
    exchanges: u64,
    exchanges_refused: u64,
    last_seen: String,
    /// What policies allowed, with the number of exchanges.
    used: BTreeMap<String, u64>,
    /// Columns that were revealed, with the number of exchanges.
    reveals: BTreeMap<String, u64>,
    approvals: u64,
    is_dormant: bool,
    /// Its account is gone or disabled.
    is_orphaned: bool,
}

#[derive(Serialize, Deserialize)]
struct PartyDeclared {
    owner: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct AccountRow {
    account: String,
    kind: String,
    groups: Vec<String>,
    state: String,
    since: String,
    last_seen: Option<String>,
}

/// Uses that are told one by one for each party.
const USES_MAX: usize = 2_000;

impl AccessReview {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        Self {
            scope,
            inputs,
            parties: BTreeMap::new(),
            accounts: BTreeMap::new(),
            seen: Seen::default(),
            revoked: 0,
            tokens: 0,
            cited: Vec::new(),
        }
    }

    fn tally(&mut self, party: &Party) -> &mut PartyTally {
        let tally = self.parties.entry((party.issuer.clone(), party.subject.clone())).or_default();
        tally.kind = Some(party.kind);
        tally.groups.extend(party.groups.iter().cloned());
        tally
    }
}

impl Observer for AccessReview {
    fn session(&mut self, session: &SessionFacts) {
        if !self.scope.period.holds(session.opened_at_us) || !self.scope.holds_session(session) {
            return;
        }
        self.seen.session(session);
        let names: Vec<&str> = session.chain.hops().map(|party| party.subject.as_str()).collect();
        for party in session.chain.hops() {
            let tally = self.tally(party);
            tally.sessions += 1;
            tally.resources.insert(session.resource.clone());
            tally.last_us = tally.last_us.max(session.opened_at_us);
            let others = names.iter().filter(|name| **name != party.subject);
            tally.behind.extend(others.map(|name| (*name).to_owned()));
        }
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if exchange.number == 0 || !self.scope.holds(exchange) {
            return;
        }
        self.seen.exchange(exchange);
        let needs = exchange.needs();
        let reveals: BTreeSet<String> =
            exchange.revealed().into_iter().map(|(object, _)| object.to_string()).collect();
        let is_approved = exchange.reviews.iter().any(|review| {
            review.closed.is_some_and(|(outcome, _)| outcome == ReviewOutcome::Approved)
        });
        for party in exchange.session.chain.hops() {
            let tally = self.tally(party);
            tally.exchanges += 1;
            tally.last_us = tally.last_us.max(exchange.at_us);
            tally.approvals += u64::from(is_approved);
            if exchange.is_refused() {
                tally.refused += 1;
                continue;
            }
            for (action, object) in &needs {
                let used = (action.word().to_owned(), object.to_string());
                if tally.permitted.len() < USES_MAX || tally.permitted.contains_key(&used) {
                    *tally.permitted.entry(used).or_default() += 1;
                }
            }
            for object in &reveals {
                *tally.reveals.entry(object.clone()).or_default() += 1;
            }
        }
    }

    fn event(&mut self, index: u64, record: &Record, _session: Option<&SessionFacts>) {
        if self.scope.period.until_us.is_none_or(|until| record.at_us < until) {
            self.seen.event(&record.event);
        }
        match &record.event {
            Event::AccountChanged { account, change, .. } => {
                let known = self.accounts.entry(account.clone()).or_default();
                known.index = index;
                match change {
                    AccountChange::Added { kind, groups, .. } => {
                        *known = Account {
                            kind: Some(*kind),
                            groups: groups.clone(),
                            since_us: record.at_us,
                            index,
                            ..Account::default()
                        };
                    }
                    AccountChange::Removed => known.is_removed = true,
                    AccountChange::Disabled => known.is_disabled = true,
                    AccountChange::Enabled => known.is_disabled = false,
                    AccountChange::Regrouped { groups } => known.groups.clone_from(groups),
                    AccountChange::KeyEnrolled { .. } => {}
                }
            }
            Event::TokenIssued { .. } if self.scope.period.holds(record.at_us) => self.tokens += 1,
            Event::AccessRevoked { .. } if self.scope.period.holds(record.at_us) => {
                self.revoked += 1;
                self.cited.push(index);
            }
            _ => {}
        }
    }
}

impl Teller for AccessReview {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, walked: &Walked) -> Result<Told, Error> {
        let mut this = *self;
        // Not the clock: a report that is made again must say the same.
        let now_us = this.scope.period.until_us.or(walked.last_at_us).unwrap_or(0);
        this.cited.extend(this.accounts.values().map(|account| account.index));
        let last_seen = |account: &String| {
            let mut seen = this.parties.iter().filter(|((_, subject), _)| subject == account);
            seen.next().map(|(_, tally)| time::text(tally.last_us))
        };
        let accounts: Vec<AccountRow> = this
            .accounts
            .iter()
            .map(|(name, account)| AccountRow {
                account: name.clone(),
                kind: kind_word(account.kind),
                groups: account.groups.clone(),
                state: account.state().to_owned(),
                since: time::text(account.since_us),
                last_seen: last_seen(name),
            })
            .collect();
        let (inputs, known) = (&this.inputs, &this.accounts);
        let parties: Vec<PartyRow> = this
            .parties
            .into_iter()
            .map(|(name, tally)| party_row(name, tally, known, inputs, now_us))
            .collect();
        let count = |is: fn(&PartyObserved) -> bool| {
            parties.iter().filter(|row| is(&row.observed)).count() as u64
        };
        let observed = Totals {
            parties: parties.len() as u64,
            tokens_issued: this.tokens,
            accesses_revoked: this.revoked,
            dormant: count(|party| party.is_dormant),
            orphaned: count(|party| party.is_orphaned),
        };
        let effective = this.seen.answers(now_us);
        let content = Content { parties, accounts, effective, observed };
        let document = content.document();
        Told::new(&content, document, this.cited)
    }
}

fn party_row(
    (issuer, party): (String, String),
    tally: PartyTally,
    accounts: &BTreeMap<String, Account>,
    inputs: &Inputs,
    now_us: u64,
) -> PartyRow {
    // Accounts are those of the local issuer, whose records name no issuer.
    let account = accounts.get(&party);
    let is_orphaned = account.is_some_and(|account| account.is_removed || account.is_disabled);
    let used =
        |((action, object), count): ((String, String), u64)| (format!("{action} {object}"), count);
    let observed = PartyObserved {
        groups: tally.groups.into_iter().collect(),
        resources: tally.resources.into_iter().collect(),
        together_with: tally.behind.into_iter().collect(),
        sessions: tally.sessions,
        exchanges: tally.exchanges,
        exchanges_refused: tally.refused,
        last_seen: time::text(tally.last_us),
        used: tally.permitted.into_iter().map(used).collect(),
        reveals: tally.reveals,
        approvals: tally.approvals,
        is_dormant: now_us.saturating_sub(tally.last_us) > DORMANT_DAYS * DAY_US,
        is_orphaned,
    };
    let declared = PartyDeclared { owner: inputs.declared.owners.get(&party).cloned() };
    PartyRow { kind: kind_word(tally.kind), party, issuer, observed, declared }
}

fn kind_word(kind: Option<PartyKind>) -> String {
    match kind {
        Some(PartyKind::Person) => "person",
        Some(PartyKind::Service) => "service",
        Some(PartyKind::Actor) => "agent",
        None => "unknown",
    }
    .to_owned()
}

impl Account {
    fn state(&self) -> &'static str {
        match (self.is_removed, self.is_disabled) {
            (true, _) => "removed",
            (false, true) => "disabled",
            (false, false) => "enabled",
        }
    }
}

impl Content {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let totals = &self.observed;
        document.heading("Summary");
        document.fields(vec![
            Field::observed("parties that were seen", totals.parties),
            Field::observed("tokens issued by the local issuer", totals.tokens_issued),
            Field::observed("accesses revoked", totals.accesses_revoked),
            Field::observed(&format!("dormant (not seen for {DORMANT_DAYS} days)"), totals.dormant),
            Field::observed("orphaned (account gone or disabled)", totals.orphaned),
        ]);
        let exchanges = |row: &PartyRow| (row.party.clone(), row.observed.exchanges);
        document.chart("Exchanges by party", self.parties.iter().map(exchanges).collect());
        let row = |row: &PartyRow| {
            let observed = &row.observed;
            vec![
                row.party.clone(),
                row.kind.clone(),
                list(&observed.groups),
                row.declared.owner.clone().unwrap_or_else(|| "–".to_owned()),
                list(&observed.resources),
                list(&observed.together_with),
                observed.sessions.to_string(),
                observed.exchanges.to_string(),
                observed.exchanges_refused.to_string(),
                observed.approvals.to_string(),
                observed.last_seen.clone(),
                list(
                    [
                        observed.is_dormant.then_some("dormant"),
                        observed.is_orphaned.then_some("orphaned"),
                    ]
                    .into_iter()
                    .flatten(),
                ),
            ]
        };
        document.heading("Parties");
        document.table(
            "Principals and agents",
            &[
                ("party", Source::Observed),
                ("kind", Source::Observed),
                ("groups", Source::Observed),
                ("owner", Source::Declared),
                ("resources", Source::Observed),
                ("together with", Source::Observed),
                ("sessions", Source::Observed),
                ("exchanges", Source::Observed),
                ("refused", Source::Observed),
                ("approvals", Source::Observed),
                ("last seen", Source::Observed),
                ("state", Source::Observed),
            ],
            self.parties.iter().map(row).collect(),
        );
        self.put_uses(&mut document);
        self.put_accounts(&mut document);
        self.effective.put(&mut document);
        let agents = self.parties.iter().filter(|row| row.kind == "agent");
        for row in agents.filter(|row| row.declared.owner.is_none()) {
            document.gaps.push(format!("who answers for agent `{}` is not declared", row.party));
        }
        document
    }

    fn put_uses(&self, document: &mut Document) {
        document.heading("What was permitted and used");
        let uses = self.parties.iter().flat_map(|row| {
            let line = |(what, count): (&String, &u64)| {
                vec![row.party.clone(), what.clone(), count.to_string()]
            };
            row.observed.used.iter().map(line)
        });
        let columns = [
            ("party", Source::Observed),
            ("what", Source::Observed),
            ("exchanges", Source::Observed),
        ];
        document.table("Permissions by use", &columns, uses.collect());
        let reveals = self.parties.iter().flat_map(|row| {
            let line = |(what, count): (&String, &u64)| {
                vec![row.party.clone(), what.clone(), count.to_string()]
            };
            row.observed.reveals.iter().map(line)
        });
        document.table("Granted exceptions that were used (reveals)", &columns, reveals.collect());
    }

    fn put_accounts(&self, document: &mut Document) {
        let row = |row: &AccountRow| {
            vec![
                row.account.clone(),
                row.kind.clone(),
                list(&row.groups),
                row.state.clone(),
                row.since.clone(),
                row.last_seen.clone().unwrap_or_else(|| "never".to_owned()),
            ]
        };
        document.table(
            "Accounts of the local issuer",
            &[
                ("account", Source::Observed),
                ("kind", Source::Observed),
                ("groups", Source::Observed),
                ("state", Source::Observed),
                ("since", Source::Observed),
                ("last seen", Source::Observed),
            ],
            self.accounts.iter().map(row).collect(),
        );
    }
}
