//! The policies of a log, as they were adopted.

use portreeve_decide::policy::Policies;
use portreeve_evidence::PolicyTexts;
use portreeve_model::{Event, PolicyVersion};
use std::collections::HashMap;
use std::sync::Arc;

/// A request may be decided a moment before other policies are adopted, and be recorded a
/// moment after.
const OVERLAP_US: u64 = 10_000_000;

struct Adopted {
    version: PolicyVersion,
    at_us: u64,
}

/// All policies so far.
#[derive(Default)]
pub(crate) struct Adoptions {
    order: Vec<Adopted>,
    policies: HashMap<PolicyVersion, Arc<Policies>>,
    texts: PolicyTexts,
}

impl Adoptions {
    /// Takes a record of no session: an adoption, or part of one. Says what is wrong with it.
    pub(crate) fn take(&mut self, event: &Event, at_us: u64) -> Option<String> {
        let text = self.texts.take(event);
        match (event, text) {
            (Event::PolicyAdopted { policy, .. }, Some(text)) => {
                self.adopt(policy.clone(), &text, at_us)
            }
            _ => None,
        }
    }

    /// From here on these policies decide. Says what is wrong with them.
    pub(crate) fn adopt(
        &mut self,
        version: PolicyVersion,
        text: &str,
        at_us: u64,
    ) -> Option<String> {
        self.order.push(Adopted { version: version.clone(), at_us });
        if self.policies.contains_key(&version) {
            return None;
        }
        match Policies::from_source(text) {
            Ok(policies) if *policies.version() == version => {
                self.policies.insert(version, Arc::new(policies));
                None
            }
            Ok(_) => Some(format!("the text is not that of policies `{version}`")),
            Err(error) => Some(format!("the policies `{version}` cannot be read: {error}")),
        }
    }

    /// The policies of a decision that was recorded at a time, or why there are none.
    pub(crate) fn in_force(
        &self,
        version: &PolicyVersion,
        at_us: u64,
    ) -> Result<Arc<Policies>, String> {
        let Some(place) = self.order.iter().rposition(|adopted| adopted.version == *version) else {
            return Err(format!("policies `{version}` decided that were never adopted"));
        };
        let replaced = self.order.get(place + 1);
        if replaced.is_some_and(|next| next.at_us.saturating_add(OVERLAP_US) < at_us) {
            return Err(format!("policies `{version}` decided that were no longer in force"));
        }
        let unread = || format!("policies `{version}` decided, whose text cannot be read");
        self.policies.get(version).cloned().ok_or_else(unread)
    }
}
