//! Policy texts in records: a long one comes in parts.

use portreeve_model::{Event, PolicyVersion};
use std::collections::HashMap;

/// How much of a text one record takes: escaped as JSON it may grow sixfold, and has to
/// fit into a leaf.
const PART_BYTES_MAX: usize = 10_000;

/// The records that adopt policies, to be appended together.
#[must_use]
pub fn policy_adoption(policy: &PolicyVersion, source: &str) -> Vec<Event> {
    let (mut events, source) = parts(policy, source);
    events.push(Event::PolicyAdopted { policy: policy.clone(), source });
    events
}

/// The records of the beginning of a text, and the rest of it.
pub(crate) fn parts(policy: &PolicyVersion, source: &str) -> (Vec<Event>, String) {
    let (mut events, mut rest) = (Vec::new(), source);
    while rest.len() > PART_BYTES_MAX {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PART_BYTES_MAX));
        events.push(Event::PolicyPart { policy: policy.clone(), text: part.to_owned() });
        rest = after;
    }
    (events, rest.to_owned())
}

/// Puts texts together again. It has to see every record of no session, in order.
#[derive(Debug, Default)]
pub struct PolicyTexts(HashMap<PolicyVersion, String>);

impl PolicyTexts {
    /// Takes the next record; gives the whole text if it ends one.
    pub fn take(&mut self, event: &Event) -> Option<String> {
        let (policy, last) = match event {
            Event::PolicyPart { policy, text } => {
                self.0.entry(policy.clone()).or_default().push_str(text);
                return None;
            }
            Event::PolicyAdopted { policy, source }
            | Event::LogPruned { policy: Some(policy), source: Some(source), .. } => {
                (policy, source)
            }
            _ => return None,
        };
        let mut text = self.0.remove(policy).unwrap_or_default();
        text.push_str(last);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_comes_back() {
        let policy = PolicyVersion("v".into());
        for source in ["".to_owned(), "a".repeat(9_999), "é\"\n".repeat(20_000)] {
            let mut texts = PolicyTexts::default();
            for time in ["adopted", "adopted again"] {
                let mut found = None;
                for event in policy_adoption(&policy, &source) {
                    assert!(serde_json::to_string(&event).unwrap().len() < 65_000);
                    found = texts.take(&event);
                }
                assert_eq!(found.as_deref(), Some(source.as_str()), "{time}");
            }
        }
    }
}
