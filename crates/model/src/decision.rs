//! What policy answers, and what a client is told.

use crate::{Need, PolicyVersion, RequestId, ReviewId, RuleId};
use serde::{Deserialize, Serialize};

/// The answer of policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may happen.
    Allow,
    /// It may not.
    Deny,
    /// A person must approve first.
    Review,
}

/// One rule that led to a verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// The `@id` of the rule; `default-deny` where no rule permits.
    pub rule: RuleId,
    /// Which need it decided.
    pub need: Need,
    /// The party of the chain that was refused, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// The `@advice` of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// A verdict with everything needed to explain and to repeat it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Which policies answered.
    pub policy: PolicyVersion,
    /// Why; empty for a plain allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Groups whose members may approve; set with [`Verdict::Review`] only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review_groups: Vec<String>,
}

/// Which family of refusal it is; protocols map it to their own codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// Policy says no.
    Denied,
    /// The command could not be understood.
    Unknown,
    /// A review was not approved: denied, timed out or abandoned.
    NotApproved,
    /// A review is open, and the client asked not to wait.
    ReviewPending,
    /// A named limit was hit.
    LimitExceeded,
    /// The feature is not offered through the gateway.
    Unsupported,
    /// Something in the reply could not be proven clean.
    Unmaskable,
    /// The evidence could not be written.
    Unrecordable,
    /// An operator or reviewer ended it.
    Revoked,
    /// Definitions changed while it ran, and it changed nothing: it can be sent again.
    DefinitionsChanged,
    /// It has changed something, and its reply is withheld: it must not be sent again.
    WithheldAfterChange,
}

/// A refusal as the client sees it. Holds nothing but the client's own words,
/// rule texts and ids.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// The family.
    pub code: RefusalCode,
    /// What was refused, in one line.
    pub message: String,
    /// The rule, where one decided.
    pub rule: Option<RuleId>,
    /// The request.
    pub request: RequestId,
    /// What to do next, written so that a language model can act on it.
    pub hint: Option<String>,
    /// The review, where there is one.
    pub review: Option<ReviewId>,
}
