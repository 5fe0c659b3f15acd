//! What witnesses say of the log, judged by the policy that the verifier was given.

use crate::verify::report::{Report, Severity, Status, WitnessReport};
use crate::verify::trust::Trust;
use crate::witness::keep::WITNESSED_FILE;

/// Puts what the policy says of checkpoints into a report: the largest tree that the quorum
/// has seen, else the largest that anybody has. Each of `notes` agrees with the log.
pub(super) fn judge(report: &mut Report, trust: &Trust, notes: &[(u64, &str)]) {
    let mut best: Option<WitnessReport> = None;
    for (size, note) in notes {
        let judgement = trust.policy.as_ref().map(|policy| policy.judge(note));
        for name in judgement.iter().flat_map(|judgement| &judgement.forged) {
            let what = format!("the cosignature of witness `{name}` does not hold");
            report.find(Severity::Tampered, WITNESSED_FILE, what);
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
