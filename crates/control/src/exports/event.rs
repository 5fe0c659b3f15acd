//! What is told of the log: one event for an exchange, a login, an act of administration.

use portreeve_model::{
    AccountChange, Action, Administrator, Chain, ConnectorChange, Event, Family, Outcome, Record,
    ReviewOutcome, SessionId, Verdict,
};
use portreeve_reports::anomalies::{Finding, Weight};
use portreeve_reports::{Exchange, SessionFacts};
use std::collections::{BTreeMap, BTreeSet};

/// One event.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ExportEvent {
    /// `ORIGIN/INDEX`: the log, and the record that the event was known from. The same for every
    /// delivery.
    pub id: String,
    /// The log's name.
    pub origin: String,
    /// Where the record is in it.
    pub index: u64,
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// How much it matters.
    pub severity: Severity,
    /// In one line.
    pub message: String,
    /// The session, where it is of one.
    pub session: Option<EventSession>,
    /// What happened.
    pub what: What,
}

/// How much an event matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Severity {
    /// Nothing to do.
    Informational,
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody has to look.
    High,
}

/// The session of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EventSession {
    /// Its id.
    pub id: SessionId,
    /// On whose behalf, through whom, why.
    pub chain: Chain,
    /// The resource.
    pub resource: String,
    /// The protocol.
    pub protocol: String,
    /// The client's address.
    pub client: String,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// A request and its whole reply.
    Exchange(Box<ExchangeEvent>),
    /// A client was let in.
    SessionOpened,
    /// A session ended.
    SessionClosed {
        /// Why.
        why: String,
    },
    /// Clients were not let in.
    SessionRefused {
        /// The protocol.
        protocol: String,
        /// The client's address.
        client: String,
        /// Why.
        why: String,
        /// How many.
        count: u64,
    },
    /// An account of the local issuer was changed.
    Account {
        /// Its name.
        account: String,
        /// What became of it.
        change: AccountChange,
        /// By whom.
        by: String,
    },
    /// A token was made.
    TokenIssued {
        /// Whom it names.
        subject: String,
        /// By whom.
        by: String,
    },
    /// A certificate was given for a token.
    CertificateIssued {
        /// Whom it stands for.
        subject: String,
        /// By whom.
        by: String,
    },
    /// Access was revoked.
    AccessRevoked {
        /// Whose.
        subject: String,
        /// By whom.
        by: String,
    },
    /// What the evidence keeps was changed.
    Custody {
        /// What was done, in words.
        act: &'static str,
        /// To what.
        object: String,
        /// By whom.
        by: String,
        /// Why.
        why: String,
    },
    /// Policies were adopted.
    PolicyAdopted {
        /// Their version.
        policy: String,
    },
    /// Something was unlike what was before.
    Finding(Box<Finding>),
    /// A gateway began or ended to write.
    Gateway {
        /// `started`, `stopped`, `recovered`.
        state: &'static str,
    },
}

/// A request and its whole reply.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ExchangeEvent {
    /// The protocols that know its objects.
    pub family: Family,
    /// Its number in the session.
    pub number: u64,
    /// What was asked: verbs, each once.
    pub verbs: BTreeSet<String>,
    /// The shapes of the statements.
    pub fingerprints: BTreeSet<String>,
    /// What it needed: object, with the actions on it.
    pub objects: BTreeMap<String, BTreeSet<&'static str>>,
    /// The first object of which data leave or in which they change.
    pub target: Option<String>,
    /// The strictest verdict.
    pub verdict: Option<Verdict>,
    /// The rule that refused it.
    pub rule: Option<String>,
    /// Whether it was refused.
    pub is_refused: bool,
    /// Whether it changes anything.
    pub writes: bool,
    /// The target's error code, where it failed there.
    pub error_code: Option<String>,
    /// Rows released.
    pub rows: u64,
    /// Bytes released.
    pub bytes: u64,
    /// Masked values, by category.
    pub masked: BTreeMap<String, u64>,
    /// What was revealed: column and category.
    pub revealed: BTreeMap<String, String>,
    /// How many people rows named, each part of the reply for itself.
    pub people: u64,
    /// Who approved or denied a review of it.
    pub reviewers: BTreeSet<String>,
    /// How its reviews ended.
    pub reviews: Vec<&'static str>,
    /// From the request to the last record, in microseconds.
    pub duration_us: u64,
}

impl EventSession {
    pub(crate) fn of(facts: &SessionFacts) -> Self {
        Self {
            id: facts.id,
            chain: facts.chain.clone(),
            resource: facts.resource.clone(),
            protocol: facts.protocol.clone(),
            client: facts.client.clone(),
        }
    }
}

impl ExportEvent {
    /// The event of an exchange.
    pub(crate) fn of_exchange(origin: &str, exchange: &Exchange<'_>, family: Family) -> Self {
        let what = exchange_event(exchange, family);
        let severity = match (what.is_refused, what.revealed.is_empty()) {
            (true, _) => Severity::Medium,
            (false, false) => Severity::Low,
            (false, true) => Severity::Informational,
        };
        let verbs = what.verbs.iter().cloned().collect::<Vec<_>>().join(", ");
        let ended = match exchange.outcome {
            Some(Outcome::Completed) => "completed",
            Some(Outcome::Failed { .. }) => "failed at the target",
            Some(Outcome::Refused { .. }) => "refused",
            Some(Outcome::Aborted { .. }) => "aborted",
            None => "without an end",
        };
        let chain = &exchange.session.chain;
        let message = format!(
            "{chain}: {verbs} at {}: {ended}, {} rows",
            exchange.session.resource, what.rows
        );
        Self {
            id: format!("{origin}/{}", exchange.last_index),
            origin: origin.to_owned(),
            index: exchange.last_index,
            at_us: exchange.at_us,
            severity,
            message,
            session: Some(EventSession::of(exchange.session)),
            what: What::Exchange(Box::new(what)),
        }
    }

    /// The event of what was found.
    pub(crate) fn of_finding(origin: &str, finding: Finding) -> Self {
        Self {
            id: format!("{origin}/{}", finding.id),
            origin: origin.to_owned(),
            index: finding.index,
            at_us: finding.at_us,
            severity: match finding.weight {
                Weight::Low => Severity::Low,
                Weight::Medium => Severity::Medium,
                Weight::High => Severity::High,
            },
            message: finding.message.clone(),
            session: None,
            what: What::Finding(Box::new(finding)),
        }
    }

    /// The event of a record of no exchange; none where other systems need not know it.
    pub(crate) fn of_record(
        origin: &str,
        index: u64,
        record: &Record,
        session: Option<&SessionFacts>,
    ) -> Option<Self> {
        let (severity, message, what) = of_event(&record.event)?;
        Some(Self {
            id: format!("{origin}/{index}"),
            origin: origin.to_owned(),
            index,
            at_us: record.at_us,
            severity,
            message,
            session: session.map(EventSession::of),
            what,
        })
    }
}

fn exchange_event(exchange: &Exchange<'_>, family: Family) -> ExchangeEvent {
    let mut objects: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let (mut target, mut writes) = (None, false);
    for (action, object) in exchange.needs() {
        objects.entry(object.to_string()).or_default().insert(action.word());
        let changes = matches!(action, Action::Write | Action::Define | Action::Administer);
        writes |= changes;
        if matches!(action, Action::Read) || changes {
            target.get_or_insert_with(|| object.to_string());
        }
    }
    let (is_refused, rule, error_code) = match exchange.outcome {
        Some(Outcome::Refused { rule, .. }) => {
            (true, rule.as_ref().map(|rule| rule.0.clone()), None)
        }
        Some(Outcome::Failed { code }) => (false, None, Some(code.clone())),
        Some(Outcome::Completed | Outcome::Aborted { .. }) | None => (false, None, None),
    };
    let review = |outcome: ReviewOutcome| match outcome {
        ReviewOutcome::Approved => "approved",
        ReviewOutcome::Denied => "denied",
        ReviewOutcome::Expired => "expired",
        ReviewOutcome::Abandoned => "abandoned",
        ReviewOutcome::Used => "used",
    };
    let revealed = exchange.revealed().into_iter();
    ExchangeEvent {
        family,
        number: exchange.number,
        verbs: exchange.ran().map(|command| command.verb.clone()).collect(),
        fingerprints: exchange.ran().map(|command| command.fingerprint.clone()).collect(),
        objects,
        target,
        verdict: exchange.verdict(),
        rule,
        is_refused,
        writes,
        error_code,
        rows: exchange.rows,
        bytes: exchange.bytes,
        masked: exchange.masked.iter().map(|(name, count)| (name.0.clone(), *count)).collect(),
        revealed: revealed.map(|(object, name)| (object.to_string(), name.0.clone())).collect(),
        people: exchange.people.values().map(|people| people.named_count).sum(),
        reviewers: exchange.reviews.iter().filter_map(|one| one.by.clone()).collect(),
        reviews: exchange.reviews.iter().filter_map(|one| Some(review(one.closed?.0))).collect(),
        duration_us: exchange.last_at_us.saturating_sub(exchange.at_us),
    }
}

type Told = (Severity, String, What);

fn of_event(event: &Event) -> Option<Told> {
    Some(match event {
        Event::SessionOpened { chain, resource, .. } => (
            Severity::Informational,
            format!("{chain} was let in at {resource}"),
            What::SessionOpened,
        ),
        Event::SessionClosed { why, rows, .. } => (
            Severity::Informational,
            format!("a session of {rows} rows ended: {why}"),
            What::SessionClosed { why: why.clone() },
        ),
        Event::SessionRefused { protocol, client, why, count } => {
            let (protocol, client, why) = (protocol.clone(), client.clone(), why.clone());
            let message = format!("{count} clients from {client} were not let in: {why}");
            let what = What::SessionRefused { protocol, client, why, count: *count };
            (Severity::Medium, message, what)
        }
        Event::AccountChanged { account, change, by } => {
            let (account, by) = (account.clone(), by.to_string());
            let message = format!("{by} changed the account {account}");
            (Severity::Low, message, What::Account { account, change: change.clone(), by })
        }
        Event::TokenIssued { chain, by, .. } => of_token(chain, by),
        Event::CertificateIssued { chain, resources, by, .. } => {
            of_certificate(chain, resources, by)
        }
        Event::AccessRevoked { subject, token, login, by, .. } => {
            let subject =
                subject.as_ref().or(token.as_ref()).or(login.as_ref()).cloned().unwrap_or_default();
            let by = by.to_string();
            let message = format!("{by} revoked the access of {subject}");
            (Severity::Medium, message, What::AccessRevoked { subject, by })
        }
        Event::PolicyAdopted { policy, .. } => {
            let policy = policy.to_string();
            let message = format!("policies {policy} decide from here on");
            (Severity::Low, message, What::PolicyAdopted { policy })
        }
        Event::GatewayStarted { .. } => gateway("started", Severity::Informational),
        Event::GatewayStopped => gateway("stopped", Severity::Low),
        Event::LogRecovered { .. } => gateway("recovered", Severity::Medium),
        Event::RecordingShredded { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::ColumnsAdopted { .. }
        | Event::SelftestRun { .. }
        | Event::Connector(_)
        | Event::DescriptionApproved { .. }
        | Event::LogPruned { .. }
        | Event::LogReplaced { .. } => return of_custody(event),
        Event::RecordingKey { .. }
        | Event::PolicyPart { .. }
        | Event::RequestPart { .. }
        | Event::Request { .. }
        | Event::RequestData { .. }
        | Event::Response { .. }
        | Event::ReplyWithheld { .. }
        | Event::Subjects { .. }
        | Event::Disagreement { .. }
        | Event::ExchangeClosed { .. }
        | Event::ReviewOpened { .. }
        | Event::ReviewClosed { .. }
        | Event::ReviewAnswered { .. }
        | Event::KeyMade { .. }
        | Event::ReloadAsked { .. } => return None,
    })
}

fn of_token(chain: &Chain, by: &Administrator) -> Told {
    let (subject, by) = (chain.to_string(), by.to_string());
    let message = format!("a token for {subject} was made by {by}");
    (Severity::Informational, message, What::TokenIssued { subject, by })
}

fn of_certificate(chain: &Chain, resources: &[String], by: &Administrator) -> Told {
    let (subject, by) = (chain.to_string(), by.to_string());
    let message = format!("{by} got a certificate for {subject} at {}", resources.join(", "));
    (Severity::Informational, message, What::CertificateIssued { subject, by })
}

/// What was done to what the evidence keeps.
fn of_custody(event: &Event) -> Option<Told> {
    let custody = |act: &'static str, object: String, by: String, why: &String| {
        let message = format!("{by} {act} {object}: {why}");
        (Severity::Low, message, What::Custody { act, object, by, why: why.clone() })
    };
    Some(match event {
        Event::RecordingShredded { of, why, by } => {
            let by = by.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            custody("destroyed the recording of", of.to_string(), by, why)
        }
        Event::HoldPlaced { hold, on, why, by } => {
            custody("placed a hold on", format!("{on} ({hold})"), by.to_string(), why)
        }
        Event::HoldReleased { hold, why, by } => {
            custody("released the hold", hold.to_string(), by.to_string(), why)
        }
        Event::ColumnsAdopted { resource, columns, by, .. } => {
            let why = format!("{columns} columns are known");
            custody("adopted the columns of", resource.clone(), by.to_string(), &why)
        }
        Event::SelftestRun { resource, leaked, permitted, masked, refused, by, .. } => {
            let asked = leaked + permitted + masked + refused;
            let why = format!("{leaked} of {asked} cases leaked");
            custody("tested", resource.clone(), by.to_string(), &why)
        }
        Event::Connector(event) => {
            let act = match event.change {
                ConnectorChange::Invited => "invited the connector",
                ConnectorChange::Enrolled => "enrolled the connector",
                ConnectorChange::Renewed => "renewed the certificate of the connector",
                ConnectorChange::Revoked => "revoked the connector",
                ConnectorChange::Connected => "took in the connector",
                ConnectorChange::Disconnected => "lost the connector",
                ConnectorChange::Refused => "refused the connector",
                ConnectorChange::StreamClosed(_) => return None,
            };
            let by = event.by.as_ref().map_or_else(|| "the gateway".into(), ToString::to_string);
            custody(act, event.connector.clone(), by, event.why.as_ref().unwrap_or(&String::new()))
        }
        Event::DescriptionApproved { resource, name, by, .. } => {
            let why = "what a server says of it was approved".to_owned();
            custody("approved", format!("{name} of {resource}"), by.to_string(), &why)
        }
        Event::LogPruned { pruned, why, by, .. } => {
            custody("pruned records", format!("0 to {}", pruned.records), by.to_string(), why)
        }
        Event::LogReplaced { why, approvers, .. } => {
            let by = approvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let (_, message, what) = custody("set aside", "the log before this".into(), by, why);
            (Severity::High, message, what)
        }
        _ => return None,
    })
}

fn gateway(state: &'static str, severity: Severity) -> Told {
    (severity, format!("a gateway {state}"), What::Gateway { state })
}
