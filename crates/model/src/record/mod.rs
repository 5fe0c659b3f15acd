//! What the evidence log holds: the leaves, as plain data.
//!
//! A leaf never holds a value of the target's data: ids, times, decisions, counts,
//! and digests of sealed payloads.

mod quick;

use crate::{
    AccountChange, Administrator, Attestation, Category, Chain, ConnectorEvent, Custodian,
    Decision, Digest, Facts, Held, HoldId, KeyUse, Need, Object, PolicyVersion, Predecessor,
    Pruned, RefusalCode, ReviewId, RuleId, SessionId, TokenOrigin, Usage, usage,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which way recorded bytes went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What the client sent.
    FromClient,
    /// What the client received, as masked.
    ToClient,
    /// Neither: whom a reply was about, as keyed hashes ([`Event::Subjects`]).
    Subjects,
}

/// Whom rows of one table were about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubjectCount {
    /// What identifies a person in this table: `email`, `customer-id`, ….
    pub kind: String,
    /// How many different people. The payload holds so many tokens of 16 bytes, sorted,
    /// behind those of the tables before it.
    pub people: u64,
    /// How many others the rows may be about: what names them was computed from the column
    /// that identifies people, or is what the client compared that column with. Their tokens
    /// are behind those of `people`, sorted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub derived: u64,
    /// Rows of the table of which nobody can say whom they are about.
    pub unresolved: u64,
}

/// Points from a leaf to the sealed bytes it vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PayloadRef {
    /// Which way the bytes went.
    pub direction: Direction,
    /// SHA-256 of the sealed bytes (not of the clear ones: those can be guessed).
    pub digest: Digest,
    /// Length of the clear bytes.
    pub bytes: u64,
}

/// One leaf of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: u64,
    /// The session it belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The number of the record in its session, from 0 without a gap; for records
    /// of no session, the gateway's own count since it started.
    pub seq: u64,
    /// Random bytes (hexadecimal), so that a leaf's hash tells nothing about it.
    pub salt: String,
    /// What happened.
    pub event: Event,
    /// The sealed bytes, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<PayloadRef>,
}

/// What is recorded of one command of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandRecord {
    /// `SELECT`, `GET`, …
    pub verb: String,
    /// How often the request has it in a row (the same statement with other parameters).
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
    /// Whether it does not run yet; it is decided again when it does.
    #[serde(rename = "prepared", default, skip_serializing_if = "std::ops::Not::not")]
    pub runs_later: bool,
    /// The shape of the statement.
    pub fingerprint: String,
    /// The shape in words, without constants and without names that the client makes up; empty
    /// where the fingerprint says it, where it is too long, and in records older than the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shape: String,
    /// What policy was asked.
    pub needs: Vec<Need>,
    /// What policy saw of the command as a whole.
    #[serde(default, skip_serializing_if = "Facts::is_plain")]
    pub facts: Facts,
    /// What it had used before, in other exchanges: rows of a cursor that were fetched. They count
    /// as its own.
    #[serde(default, skip_serializing_if = "Usage::is_zero")]
    pub before: Usage,
    /// The categories of the columns among the needs: for each, their places in `needs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<Category, Vec<usize>>,
    /// Why the command could not be understood, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What policy answered; none where the command could not be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What the client may see unmasked because policy reveals it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revealed: Vec<Revealed>,
}

/// What a principal has used of one object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObjectUsage {
    /// The object.
    pub object: Object,
    /// How much.
    pub used: Usage,
}

/// What is revealed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Revealed {
    /// A column, a field.
    #[serde(rename = "column")]
    pub object: Object,
    /// What it holds.
    pub category: Category,
}

/// What detectors found of one category in one place of a reply.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Detected {
    /// What was found.
    pub category: Category,
    /// The column that the texts are verbatim copies of; the resource where nobody knows one.
    pub object: Object,
    /// What the reply calls the place: the name of a column of the result, `error`, `notice`.
    pub place: String,
    /// Values that were masked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub masked: u64,
    /// Values that passed, because policy reveals the category there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revealed: u64,
}

impl Detected {
    /// Puts what was found of one category in one place together; `found` is in order then.
    pub fn gather(found: &mut Vec<Self>) {
        found.sort();
        found.dedup_by(|later, kept| {
            let Self { category, object, place, masked, revealed } = later;
            let is_same = (&kept.category, &kept.object, &kept.place) == (category, object, place);
            if is_same {
                kept.masked += *masked;
                kept.revealed += *revealed;
            }
            is_same
        });
    }
}

/// By what something that was found is revealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RevealedBy {
    /// The policies in force.
    pub policy: PolicyVersion,
    /// Hours since 1970-01-01 UTC.
    pub hour: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_once(times: &u64) -> bool {
    *times == 1
}

/// How an exchange ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The target answered and the client has all of it.
    Completed,
    /// The target answered with an error.
    Failed {
        /// The target's error code (SQLSTATE, HTTP status, …).
        code: String,
    },
    /// The gateway refused.
    Refused {
        /// The family.
        code: RefusalCode,
        /// The rule, where one decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<RuleId>,
    },
    /// It did not end: a side went away, or the gateway stopped.
    Aborted {
        /// Why, in an operator's words.
        why: String,
    },
}

/// How a review ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewOutcome {
    /// A reviewer approved.
    Approved,
    /// A reviewer said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The requester went away, or the gateway stopped.
    Abandoned,
    /// It was approved, and another exchange that had sent the same has run by it.
    Used,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
// `quick` reads it, by what is made here.
#[serde(rename_all = "kebab-case", tag = "event", remote = "Self")]
pub enum Event {
    /// A gateway began to write this log.
    GatewayStarted {
        /// Its version.
        version: String,
        /// `strict`, the one durability there is.
        durability: String,
    },
    /// A gateway ended in order.
    GatewayStopped,
    /// The gateway before this one ended in mid-write: these bytes were never
    /// committed, so nothing that they held had been acknowledged.
    LogRecovered {
        /// The segment that they were in.
        segment: u64,
        /// Where they began.
        offset: u64,
        /// How many there were.
        bytes: u64,
    },
    /// The first record of a session: the auditors' share of its recording's key.
    RecordingKey {
        /// The share, sealed to the auditors' public key; base64.
        share: String,
    },
    /// The gateway's share of a recording's key was destroyed: nobody can read the
    /// recording any more. What the log proves stays proven.
    RecordingShredded {
        /// Whose recording.
        of: SessionId,
        /// Why, in an operator's words; `retention: …` where a rule of the configuration did it.
        why: String,
        /// Who did it; unknown in records older than the field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Custodian>,
    },
    /// From here on, what this names is neither shredded nor pruned.
    HoldPlaced {
        /// The hold's name.
        hold: HoldId,
        /// What it covers, recordings to come included.
        on: Held,
        /// Why, in an operator's words.
        why: String,
        /// Who did it.
        by: Custodian,
    },
    /// The hold does not count any more.
    HoldReleased {
        /// Which.
        hold: HoldId,
        /// Why, in an operator's words.
        why: String,
        /// Who did it.
        by: Custodian,
    },
    /// The oldest segments of the log are to go, and may be missing from here on. Their
    /// hashes stay, and with them every proof.
    LogPruned {
        /// What goes.
        pruned: Pruned,
        /// The policies in force where the log begins from now on: what adopted them goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<PolicyVersion>,
        /// Their whole text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Why, in an operator's words.
        why: String,
        /// Who did it.
        by: Custodian,
    },
    /// This log takes the place of another one, which two people set aside.
    LogReplaced {
        /// What is known of the other one.
        predecessor: Predecessor,
        /// Why, in an operator's words.
        why: String,
        /// Who authorised it: two different people.
        approvers: Vec<Custodian>,
    },
    /// Part of a policy text that is too long for one record. The parts come in order,
    /// before the record that adopts the policies.
    PolicyPart {
        /// Their content hash.
        policy: PolicyVersion,
        /// The part.
        text: String,
    },
    /// These policies decide from here on.
    PolicyAdopted {
        /// Their content hash.
        policy: PolicyVersion,
        /// Their text, so that decisions can be made again: all of it, or what comes
        /// after the parts.
        source: String,
    },
    /// A client was let in.
    SessionOpened {
        /// On whose behalf, through whom, why.
        chain: Chain,
        /// The resource.
        resource: String,
        /// The protocol's name.
        protocol: String,
        /// The client's address.
        client: String,
        /// What the client calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        application: Option<String>,
        /// Whether the client's side is encrypted: `TLSv1.3`, …, or `none`.
        tls: String,
        /// The hour of the decision, in hours since 1970-01-01 UTC.
        hour: u64,
        /// What policy answered to `connect`.
        decision: Box<Decision>,
    },
    /// A client was not let in.
    SessionRefused {
        /// The protocol's name.
        protocol: String,
        /// The client's address (without port).
        client: String,
        /// Why, in an operator's words; never the credential.
        why: String,
        /// How many alike this stands for: floods are aggregated.
        count: u64,
    },
    /// Part of a command that is too long for one record, as JSON text. The parts come in
    /// order, before the record of the request whose commands begin with it.
    RequestPart {
        /// The exchange.
        exchange: u64,
        /// The part.
        text: String,
    },
    /// A client asked. Durable before the target sees a byte. Many commands have several
    /// of these records.
    Request {
        /// The exchange.
        exchange: u64,
        /// The hour of the decisions, in hours since 1970-01-01 UTC; policies see no
        /// finer time.
        hour: u64,
        /// What the session had used, without this exchange, when the decisions were made:
        /// `session_rows`, `session_values`, ….
        #[serde(flatten, with = "usage::session_names")]
        session: Usage,
        /// What the principal had used of objects on that day, without this exchange, where
        /// policy counts it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        day: Vec<ObjectUsage>,
        /// What was asked, decided one by one.
        commands: Vec<CommandRecord>,
    },
    /// More of a request's own data (a bulk load). Durable before it is forwarded.
    RequestData {
        /// The exchange.
        exchange: u64,
    },
    /// Part of a reply. Durable before the client sees a byte.
    Response {
        /// The exchange; 0 for what the target says unasked.
        exchange: u64,
        /// Rows in it.
        rows: u64,
        /// Masked values in it, by category.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        masked: BTreeMap<Category, u64>,
        /// Those among them that detectors found, and where; and what they found and policy
        /// reveals.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        detected: Vec<Detected>,
        /// By what found values passed, where some did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revealed_by: Option<RevealedBy>,
    },
    /// The part of a reply that was recorded last was not sent after all: while it became
    /// durable, it turned out that it may not pass.
    ReplyWithheld {
        /// The exchange.
        exchange: u64,
        /// The rule.
        rule: RuleId,
    },
    /// Whom the reply that follows is about; by table. The payload holds keyed hashes.
    Subjects {
        /// The exchange.
        exchange: u64,
        /// By where the data come from (`schema.table`); `*` for what nobody could trace.
        #[serde(rename = "tables")]
        objects: BTreeMap<String, SubjectCount>,
    },
    /// Lineage and the target's own word about a column's origin disagreed; it was masked.
    Disagreement {
        /// The exchange.
        exchange: u64,
        /// What the target names.
        #[serde(rename = "column")]
        object: String,
    },
    /// The exchange ended.
    ExchangeClosed {
        /// The exchange.
        exchange: u64,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Rows released in all.
        rows: u64,
        /// Rows that it has changed, as far as the target told.
        #[serde(default, skip_serializing_if = "is_zero")]
        changes: u64,
    },
    /// A person was asked.
    ReviewOpened {
        /// The exchange.
        exchange: u64,
        /// The review.
        review: ReviewId,
        /// Who may answer.
        groups: Vec<String>,
        /// The rule that asks.
        rule: RuleId,
        /// SHA-256 of everything the approval is bound to.
        content: Digest,
        /// Rows that reviewers are shown as examples, masked.
        #[serde(default, skip_serializing_if = "is_zero")]
        examples: u64,
    },
    /// The answer, or that there was none.
    ReviewClosed {
        /// The exchange.
        exchange: u64,
        /// The review.
        review: ReviewId,
        /// How it ended.
        decision: ReviewOutcome,
        /// Who answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The session ended.
    SessionClosed {
        /// Why, in an operator's words.
        why: String,
        /// Exchanges in it.
        exchanges: u64,
        /// Rows released in it.
        rows: u64,
    },
    /// A person answered a review. The first answers that count close it.
    ReviewAnswered {
        /// The review.
        review: ReviewId,
        /// What they said: approved or denied.
        decision: ReviewOutcome,
        /// Who, and how that was known.
        by: Attestation,
    },
    /// An account of the local issuer was made, changed or removed.
    AccountChanged {
        /// Its name: the `sub` of its tokens.
        account: String,
        /// What became of it.
        #[serde(flatten)]
        change: AccountChange,
        /// Who did it.
        by: Administrator,
    },
    /// The local issuer made a token. No token of it is accepted before this is durable.
    TokenIssued {
        /// Its `jti`.
        token: String,
        /// How it came to be.
        origin: TokenOrigin,
        /// Whom it names.
        chain: Chain,
        /// When it ends, microseconds since 1970-01-01 UTC.
        expires_at_us: u64,
        /// Who made it.
        by: Administrator,
    },
    /// The holder of a token got a certificate that logs in instead of it. It is not
    /// accepted before this is durable.
    CertificateIssued {
        /// Its key id: the name of what is kept of it.
        certificate: String,
        /// Its serial number.
        serial: u64,
        /// The fingerprint of the key that it certifies.
        key: String,
        /// The resources that it opens.
        resources: Vec<String>,
        /// Whom it stands for.
        chain: Chain,
        /// The `jti` of the token, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// When it ends, microseconds since 1970-01-01 UTC.
        expires_at_us: u64,
        /// Who asked for it.
        by: Administrator,
    },
    /// Tokens are refused from here on, and sessions that they opened end.
    AccessRevoked {
        /// Who vouches for the name.
        issuer: String,
        /// Whose tokens; all that were issued before now, wherever in a chain the name
        /// stands. None where it is one token only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// The `jti` of the one token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The one login at the issuer (`sid`) that has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<String>,
        /// Who did it.
        by: Administrator,
    },
    /// A key of the installation was made, or taken over from an older place.
    KeyMade {
        /// What it is for.
        #[serde(rename = "use")]
        key_use: KeyUse,
        /// Its name; never the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Who did it.
        by: Administrator,
    },
    /// What a server says of something that it offers was approved.
    DescriptionApproved {
        /// The resource that offers it.
        resource: String,
        /// What it is called there.
        name: String,
        /// SHA-256 of what was approved.
        digest: String,
        /// Who did it.
        by: Administrator,
    },
    /// Somebody had the policies read again; `policy-adopted` says with which result.
    ReloadAsked {
        /// Why they stay as they were, where they do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
        /// Who did it.
        by: Administrator,
    },
    /// Somebody has looked at the columns of a target: what appears later is masked whole.
    ColumnsAdopted {
        /// Whose target it is.
        resource: String,
        /// How many columns there were.
        columns: u64,
        /// SHA-256 of the file that names them.
        digest: Digest,
        /// Who did it.
        by: Administrator,
    },
    /// Somebody tried whether values come through the gateway. The sessions that did it are in
    /// the log as well, as everybody's are.
    SelftestRun {
        /// Of which resource.
        resource: String,
        /// On whose behalf it asked.
        subject: String,
        /// Cases in which a value showed, or in which was done what policy refuses.
        #[serde(rename = "cases_leaked")]
        leaked: u64,
        /// Cases that the policies permit to whoever asked.
        #[serde(rename = "cases_permitted")]
        permitted: u64,
        /// Cases that were answered without a value.
        #[serde(rename = "cases_masked")]
        masked: u64,
        /// Cases that were refused.
        #[serde(rename = "cases_refused")]
        refused: u64,
        /// Cases from which nothing could be learnt.
        #[serde(rename = "cases_not_applicable")]
        not_applicable: u64,
        /// Who ran it.
        by: Administrator,
    },
    /// Something happened to a connector, or because of it.
    Connector(ConnectorEvent),
}

impl Event {
    /// The exchange that it is about; 0 is what the target says unasked, and a login.
    #[must_use]
    pub fn exchange(&self) -> Option<u64> {
        match self {
            Self::RequestPart { exchange, .. }
            | Self::Request { exchange, .. }
            | Self::RequestData { exchange }
            | Self::Response { exchange, .. }
            | Self::Subjects { exchange, .. }
            | Self::Disagreement { exchange, .. }
            | Self::ReplyWithheld { exchange, .. }
            | Self::ExchangeClosed { exchange, .. }
            | Self::ReviewOpened { exchange, .. }
            | Self::ReviewClosed { exchange, .. } => Some(*exchange),
            Self::GatewayStarted { .. }
            | Self::GatewayStopped
            | Self::LogRecovered { .. }
            | Self::RecordingKey { .. }
            | Self::RecordingShredded { .. }
            | Self::HoldPlaced { .. }
            | Self::HoldReleased { .. }
            | Self::LogPruned { .. }
            | Self::LogReplaced { .. }
            | Self::PolicyPart { .. }
            | Self::PolicyAdopted { .. }
            | Self::SessionOpened { .. }
            | Self::SessionRefused { .. }
            | Self::SessionClosed { .. }
            | Self::ReviewAnswered { .. }
            | Self::AccountChanged { .. }
            | Self::TokenIssued { .. }
            | Self::CertificateIssued { .. }
            | Self::AccessRevoked { .. }
            | Self::DescriptionApproved { .. }
            | Self::KeyMade { .. }
            | Self::ReloadAsked { .. }
            | Self::ColumnsAdopted { .. }
            | Self::SelftestRun { .. }
            | Self::Connector(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records that were written before other units than rows were counted.
    #[test]
    fn requests_read_as_they_were_written() {
        let check = |text: &str, session: Usage, days: usize| {
            let event: Event = serde_json::from_str(text).unwrap();
            let Event::Request { session: read, day, .. } = &event else { panic!("{event:?}") };
            assert_eq!((*read, day.len()), (session, days));
            assert_eq!(serde_json::to_string(&event).unwrap(), text);
        };
        check(
            r#"{"event":"request","exchange":3,"hour":9,"session_rows":41,"commands":[]}"#,
            Usage { rows: 41, ..Usage::default() },
            0,
        );
        check(
            concat!(
                r#"{"event":"request","exchange":3,"hour":9,"session_rows":0,"session_bytes":7,"#,
                r#""day":[{"object":{"kind":"table","path":["public","orders"]},"#,
                r#""used":{"rows":5}}],"commands":[]}"#
            ),
            Usage { bytes: 7, ..Usage::default() },
            1,
        );
    }
}
