//! One exchange: what was asked, how it was decided, what came of it.

use crate::format::request::Cut;
use portreeve_model::{
    Category, CommandRecord, Decision, Detected, Event, Outcome, Record, RefusalCode, ReviewId,
    ReviewOutcome, Verdict,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One exchange.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExchangeSummary {
    /// Its number.
    pub exchange: u64,
    /// When the request was recorded.
    pub at_us: u64,
    /// What was asked, with every decision.
    pub commands: Vec<CommandRecord>,
    /// Rows released.
    pub rows: u64,
    /// Masked values, by category.
    pub masked: BTreeMap<Category, u64>,
    /// What detectors found in texts that nobody has classified, by place and category; what of it
    /// was masked is in `masked`, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detected: Vec<Detected>,
    /// Columns where lineage and the target's word disagreed.
    pub disagreements: Vec<String>,
    /// The reviews that it had.
    pub reviews: Vec<Review>,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub closed_at_us: Option<u64>,
    /// The beginning of a command that was cut.
    #[serde(skip)]
    part: String,
}

/// A review of an exchange.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Review {
    /// Its id.
    pub review: ReviewId,
    /// Who may answer.
    pub groups: Vec<String>,
    /// The rule that asked.
    pub rule: String,
    /// How it ended.
    pub decision: Option<ReviewOutcome>,
    /// Who answered.
    pub by: Option<String>,
}

impl ExchangeSummary {
    /// The exchange that a request begins; none where the record is none of a request.
    #[must_use]
    pub fn begin(record: &Record) -> Option<Self> {
        let (Event::Request { exchange, .. } | Event::RequestPart { exchange, .. }) = &record.event
        else {
            return None;
        };
        let mut begun = Self {
            exchange: *exchange,
            at_us: record.at_us,
            commands: Vec::new(),
            rows: 0,
            masked: BTreeMap::new(),
            detected: Vec::new(),
            disagreements: Vec::new(),
            reviews: Vec::new(),
            outcome: None,
            closed_at_us: None,
            part: String::new(),
        };
        begun.add(record);
        Some(begun)
    }

    /// Adds a later record of the same exchange.
    pub fn add(&mut self, record: &Record) {
        match &record.event {
            Event::RequestPart { text, .. } => self.part.push_str(text),
            // A request with many commands has several records.
            Event::Request { commands, .. } => {
                // Parts that are no command are the verifier's to find.
                let cut = serde_json::from_str(&std::mem::take(&mut self.part));
                self.commands.extend(cut.ok().map(|cut: Cut| cut.command));
                self.commands.extend_from_slice(commands);
            }
            Event::Response { rows, masked, detected, .. } => {
                self.rows += rows;
                self.detected.extend_from_slice(detected);
                Detected::gather(&mut self.detected);
                for (category, count) in masked {
                    *self.masked.entry(category.clone()).or_default() += count;
                }
            }
            Event::Disagreement { object, .. } => self.disagreements.push(object.clone()),
            Event::ExchangeClosed { outcome, .. } => {
                self.outcome = Some(outcome.clone());
                self.closed_at_us = Some(record.at_us);
            }
            Event::ReplyWithheld { rule, .. } => {
                let code = RefusalCode::DefinitionsChanged;
                self.outcome = Some(Outcome::Refused { code, rule: Some(rule.clone()) });
            }
            Event::ReviewOpened { review, groups, rule, .. } => self.reviews.push(Review {
                review: review.clone(),
                groups: groups.clone(),
                rule: rule.0.clone(),
                decision: None,
                by: None,
            }),
            Event::ReviewClosed { review, decision, by, .. } => {
                for open in self.reviews.iter_mut().filter(|open| open.review == *review) {
                    (open.decision, open.by) = (Some(*decision), by.clone());
                }
            }
            Event::RequestData { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. }
            | Event::GatewayStarted { .. }
            | Event::GatewayStopped
            | Event::LogRecovered { .. }
            | Event::RecordingKey { .. }
            | Event::RecordingShredded { .. }
            | Event::PolicyPart { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::LogPruned { .. }
            | Event::LogReplaced { .. }
            | Event::PolicyAdopted { .. }
            | Event::Subjects { .. }
            | Event::SessionRefused { .. }
            | Event::ReviewAnswered { .. }
            | Event::AccountChanged { .. }
            | Event::TokenIssued { .. }
            | Event::CertificateIssued { .. }
            | Event::AccessRevoked { .. }
            | Event::DescriptionApproved { .. }
            | Event::KeyMade { .. }
            | Event::ReloadAsked { .. }
            | Event::ColumnsAdopted { .. }
            | Event::SelftestRun { .. }
            | Event::Connector(_) => {}
        }
    }

    /// The strictest verdict on its commands; none where nothing could be decided.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let strictness = |decision: &&Decision| match decision.verdict {
            Verdict::Allow => 0,
            Verdict::Review => 1,
            Verdict::Deny => 2,
        };
        let decisions = self.commands.iter().filter_map(|command| command.decision.as_ref());
        decisions.max_by_key(strictness).map(|decision| decision.verdict)
    }
}
