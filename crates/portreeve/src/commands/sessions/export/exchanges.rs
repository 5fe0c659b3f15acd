//! The table of exchanges: one row says who asked what for whom, and what became of it.

use super::Session;
use crate::wiring::Seen;
use portreeve_evidence::ExchangeSummary;
use portreeve_model::{Outcome, Record, ReviewOutcome, Verdict};

/// An exchange of a session, so far.
pub(super) struct Exchange {
    pub(super) summary: ExchangeSummary,
    /// The statements in it, one to a line; none where nothing was said or can be read.
    pub(super) statement: Option<String>,
}

/// Longest text of an exchange's statements: an export must not need the memory of a bulk
/// insert. What is longer is in the JSON lines.
const STATEMENT_BYTES_MAX: usize = 64 * 1024;

impl Exchange {
    pub(super) fn begin(record: &Record) -> Option<Self> {
        Some(Self { summary: ExchangeSummary::begin(record)?, statement: None })
    }

    pub(super) fn see(&mut self, seen: &[Seen]) {
        for seen in seen {
            let Seen::Statement { text, .. } = seen else { continue };
            let all = self.statement.get_or_insert_default();
            if !all.is_empty() {
                all.push('\n');
            }
            let room = STATEMENT_BYTES_MAX.saturating_sub(all.len());
            all.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        }
    }
}

/// A row of the table.
pub(super) struct Row {
    pub(super) session: String,
    pub(super) exchange: i64,
    pub(super) at_us: i64,
    pub(super) closed_at_us: Option<i64>,
    pub(super) principal: String,
    pub(super) principal_kind: String,
    pub(super) issuer: String,
    pub(super) planner: Option<String>,
    pub(super) subagents: Vec<String>,
    pub(super) purpose: Option<String>,
    pub(super) resource: String,
    pub(super) protocol: String,
    pub(super) client: String,
    pub(super) application: Option<String>,
    pub(super) verbs: Vec<String>,
    pub(super) statement: Option<String>,
    pub(super) verdict: Option<&'static str>,
    pub(super) rules: Vec<String>,
    pub(super) revealed: Vec<String>,
    pub(super) approvers: Vec<String>,
    pub(super) rows: i64,
    pub(super) masked: Vec<(String, i64)>,
    pub(super) outcome: Option<&'static str>,
    pub(super) outcome_detail: Option<String>,
    pub(super) recording: &'static str,
}

impl Row {
    pub(super) fn of(session: &Session, exchange: Exchange) -> Self {
        let Exchange { summary, statement } = exchange;
        let chain = &session.chain;
        let mut actors = chain.actors.iter().map(|actor| actor.subject.clone());
        let decisions = summary.commands.iter().filter_map(|command| command.decision.as_ref());
        let rules = decisions.flat_map(|decision| &decision.reasons).map(|reason| &reason.rule.0);
        let (outcome, outcome_detail) = match &summary.outcome {
            None => (None, None),
            Some(Outcome::Completed) => (Some("completed"), None),
            Some(Outcome::Failed { code }) => (Some("failed"), Some(code.clone())),
            Some(Outcome::Refused { rule, .. }) => {
                (Some("refused"), rule.as_ref().map(|rule| rule.0.clone()))
            }
            Some(Outcome::Aborted { why }) => (Some("aborted"), Some(why.clone())),
        };
        let is_approved =
            |decision: Option<ReviewOutcome>| decision == Some(ReviewOutcome::Approved);
        let approved = summary.reviews.iter().filter(|review| is_approved(review.decision));
        let revealed: Vec<String> = summary
            .commands
            .iter()
            .flat_map(|command| &command.revealed)
            .map(|revealed| revealed.object.to_string())
            .collect();
        Self {
            session: session.id.to_string(),
            exchange: signed(summary.exchange),
            at_us: signed(summary.at_us),
            closed_at_us: summary.closed_at_us.map(signed),
            principal: chain.principal.subject.clone(),
            principal_kind: format!("{:?}", chain.principal.kind).to_lowercase(),
            issuer: chain.principal.issuer.clone(),
            planner: actors.next(),
            subagents: actors.collect(),
            purpose: chain.purpose.clone(),
            resource: session.resource.clone(),
            protocol: session.protocol.clone(),
            client: session.client.clone(),
            application: session.application.clone(),
            verbs: summary.commands.iter().map(|command| command.verb.clone()).collect(),
            statement,
            verdict: summary.verdict().map(|verdict| match verdict {
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
                Verdict::Review => "review",
            }),
            rules: distinct(rules),
            revealed: distinct(revealed.iter()),
            approvers: distinct(approved.filter_map(|review| review.by.as_ref())),
            rows: signed(summary.rows),
            masked: summary.masked.into_iter().map(|(name, n)| (name.0, signed(n))).collect(),
            outcome,
            outcome_detail,
            recording: if session.is_readable { "readable" } else { "erased" },
        }
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        const REST: usize = 512;
        self.statement.as_ref().map_or(0, String::len) + REST
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    found
}
