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
}
