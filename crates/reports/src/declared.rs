//! What people declare because nobody could observe it: `declared.yaml`.
//!
//! Every field may be missing. A report then names it as a gap.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that is declared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// Who decides why and how data are processed.
    pub controller: Option<Contact>,
    /// The others who decide together with them.
    pub joint_controllers: Vec<Contact>,
    /// Who processes on their behalf: whoever runs the gateway, where that is somebody else.
    pub processor: Option<Contact>,
    /// For whom data are processed, where whoever runs the gateway is a processor; by the name
    /// that purposes give in `on_behalf_of`.
    pub controllers: BTreeMap<String, Controller>,
    /// Who represents the controller in the Union.
    pub representative: Option<Contact>,
    /// The data protection officer.
    pub dpo: Option<Contact>,
    /// The supervisory authority.
    pub authority: Option<Contact>,
    /// What each purpose is, by the word that tokens carry.
    pub purposes: BTreeMap<String, Activity>,
    /// Whose data a resource holds: `customers`, `patients`.
    pub subject_categories: BTreeMap<String, Vec<String>>,
    /// Which model an actor runs on, by the actor's name; `*` for every other one.
    pub model_providers: BTreeMap<String, ModelProvider>,
    /// Who else receives data, by resource.
    pub recipients: BTreeMap<String, Vec<Recipient>>,
    /// Names of categories that only this installation has: their class in the Data Privacy
    /// Vocabulary.
    pub dpv: BTreeMap<String, String>,
    /// Categories beside those of Articles 9 and 10 that are to be flagged like them.
    pub special_categories: Vec<String>,
    /// Who answers for an actor.
    pub owners: BTreeMap<String, String>,
    /// The other measures in force, in words.
    pub measures: Vec<String>,
    /// When somebody tested the measures last.
    pub measures_tested: Option<Tested>,
    /// Which AI systems this is the record of, for the AI Act: `deployer`, `provider`.
    pub ai_act_role: Option<String>,
    /// Who oversees, for the AI Act.
    pub overseers: Vec<String>,
    /// What is known of an incident beside the log.
    pub incident: Option<Incident>,
}

/// How somebody is reached.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The name.
    pub name: String,
    /// Where they are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// For whom data are processed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Controller {
    /// Where they are reached.
    pub contact: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// Who represents them in the Union.
    pub representative: Option<Contact>,
    /// Their data protection officer.
    pub dpo: Option<Contact>,
    /// The categories of processing that are carried out for them, in words.
    pub processing: Vec<String>,
    /// Whose resources are theirs: what is done there is for them, whatever its purpose, unless
    /// the purpose names somebody else.
    pub resources: Vec<String>,
}

/// That measures were tested.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tested {
    /// When: `2026-11-28`.
    pub at: String,
    /// How, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// What a purpose stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Activity {
    /// In words.
    pub text: Option<String>,
    /// On which legal basis.
    pub legal_basis: Option<String>,
    /// For whom, where whoever runs the gateway is a processor.
    pub on_behalf_of: Option<String>,
}

/// Whose model an actor runs on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelProvider {
    /// The provider.
    pub provider: String,
    /// The country where it processes.
    pub country: String,
    /// What a transfer outside the Union rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safeguard: Option<String>,
}

/// Somebody who receives data.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Who, or what sort of recipient.
    pub name: String,
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What a transfer outside the Union rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safeguard: Option<String>,
}

/// What is known of an incident beside the log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Incident {
    /// When somebody or something noticed it: `2026-11-28T10:00:00Z`.
    pub detected_at: Option<String>,
    /// When the controller became aware of it: the 72 hours begin then.
    pub aware_at: Option<String>,
    /// What happened, in words.
    pub nature: Option<String>,
    /// What may come of it, beside what the categories suggest.
    pub consequences: Vec<String>,
    /// What was or will be done, beside what the log shows.
    pub measures: Vec<String>,
}

impl Declared {
    /// Whose model an actor runs on.
    #[must_use]
    pub fn model_provider(&self, actor: &str) -> Option<&ModelProvider> {
        self.model_providers.get(actor).or_else(|| self.model_providers.get("*"))
    }

    /// On whose behalf something is done: the one that the purpose names, otherwise the only one
    /// whose resource it is.
    pub(crate) fn on_behalf_of(&self, purpose: Option<&str>, resource: &str) -> Option<&str> {
        let purpose = purpose.and_then(|word| self.purposes.get(word));
        if let Some(named) = purpose.and_then(|known| known.on_behalf_of.as_deref()) {
            return Some(named);
        }
        let is_theirs =
            |controller: &Controller| controller.resources.iter().any(|theirs| theirs == resource);
        let mut theirs = self.controllers.iter().filter(|(_, known)| is_theirs(known));
        match (theirs.next(), theirs.next()) {
            (Some((name, _)), None) => Some(name),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }
}

impl Tested {
    pub(crate) fn text(&self) -> String {
        let how = self.how.iter().map(|how| format!(": {how}"));
        how.fold(self.at.clone(), |text, how| text + &how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_for_whom_the_purpose_names_or_whose_resource_it_is() {
        let theirs = |resources: &[&str]| Controller {
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            ..Controller::default()
        };
        let declared = Declared {
            controllers: [
                ("Shop GmbH".to_owned(), theirs(&["shop", "shared"])),
                ("Clinic".to_owned(), theirs(&["shared"])),
            ]
            .into(),
            purposes: [(
                "billing".to_owned(),
                Activity { on_behalf_of: Some("Bank".into()), ..Activity::default() },
            )]
            .into(),
            ..Declared::default()
        };
        let check = |purpose: Option<&str>, resource: &str, expect: Option<&str>| {
            assert_eq!(declared.on_behalf_of(purpose, resource), expect, "{purpose:?} {resource}");
        };
        check(Some("billing"), "shop", Some("Bank"));
        check(Some("curiosity"), "shop", Some("Shop GmbH"));
        check(None, "shop", Some("Shop GmbH"));
        check(None, "shared", None);
        check(None, "crm", None);
    }
}
