//! What somebody outside says of the log: trusted keys, policies, witnesses.

use super::{Report, Severity, Status, Trust};
use crate::trust_policy::{Judgement, Seen};
use crate::vkey::VerifierKey;
use serde::Serialize;

/// What witnesses have seen of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WitnessReport {
    /// Of how many records the witnessed checkpoint is.
    pub records: u64,
    /// The witnesses of the policy that cosigned it; none without a policy, for then
    /// nobody's key is known.
    pub by: Vec<Seen>,
    /// Whether the policy's quorum is among them; none without a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_met: Option<bool>,
}

impl WitnessReport {
    pub(super) fn new(records: u64, judgement: Option<&Judgement>) -> Self {
        let by = judgement.map(|judgement| judgement.seen.clone()).unwrap_or_default();
        let policy_met = judgement.map(|judgement| judgement.met);
        Self { records, by, policy_met }
    }
}

impl Trust {
    /// The log's key to check with, and whether it comes from elsewhere than the log:
    /// `beside` is the one that lies with it.
    pub(super) fn log_key(
        &self,
        beside: Result<&VerifierKey, String>,
    ) -> Result<(VerifierKey, bool), String> {
        let logs = self.policy.as_ref().map(|policy| policy.logs()).unwrap_or_default();
        let origin = self.key.as_ref().or(beside.as_ref().ok().copied()).map(VerifierKey::name);
        let of_policy = logs.iter().find(|log| Some(log.name()) == origin);
        match (&self.key, of_policy) {
            (Some(key), Some(log)) if key != log => {
                Err(format!("the policy has another key for `{}` than `--key`", key.name()))
            }
            (Some(_), None) | (None, None) if !logs.is_empty() => {
                Err(format!("the policy names no log `{}`", origin.unwrap_or("(unknown)")))
            }
            (Some(key), _) | (None, Some(key)) => Ok((key.clone(), true)),
            (None, None) => match beside {
                Ok(key) => Ok((key.clone(), false)),
                Err(why) => Err(format!("no public key: {why}")),
            },
        }
    }
}

/// Puts what the policy says of checkpoints into a report: the largest tree that the quorum
/// has seen, else the largest that anybody has. Each of `notes` agrees with the log.
pub(super) fn judge(report: &mut Report, trust: &Trust, notes: &[(u64, &str)]) {
    let mut best: Option<WitnessReport> = None;
    for (size, note) in notes {
        let judgement = trust.policy.as_ref().map(|policy| policy.judge(note));
        for name in judgement.iter().flat_map(|judgement| &judgement.forged) {
            let what = format!("the cosignature of witness `{name}` does not hold");
            report.find(Severity::Tampered, crate::witness::WITNESSED_FILE, what);
        }
        let found = WitnessReport::new(*size, judgement.as_ref());
        let rank = |report: &WitnessReport| (report.policy_met, report.records);
        if best.as_ref().is_none_or(|best| rank(&found) > rank(best)) {
            best = Some(found);
        }
    }
    let is_met = best.as_ref().is_some_and(|best| best.policy_met == Some(true));
    let needs_none = trust.policy.as_ref().is_none_or(|policy| policy.asks_for_nobody());
    if !is_met && !needs_none && report.status == Status::Ok {
        report.status = Status::PolicyUnmet;
    }
    report.witnessed = best;
}
