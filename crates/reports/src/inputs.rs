//! What a report is made with, beside the log.

use crate::configured::Configured;
use crate::declared::Declared;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a report is made with, beside the log. It is part of the report, so that the report can
/// be made again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// What the gateway is configured to do; none where nobody gave it.
    pub configured: Option<Configured>,
    /// What people declare.
    pub declared: Declared,
    /// How people who work here are named.
    #[serde(default)]
    pub staff: Staff,
    /// For whom the record of processing activities is.
    #[serde(default, skip_serializing_if = "RecordForm::is_controller")]
    pub form: RecordForm,
    /// The content of the report of this kind that came before, where drift is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Value>,
}

/// How people who work here are named in a report for somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Staff {
    /// By their groups.
    #[default]
    ByRole,
    /// By their names.
    ByName,
}

/// The two records of Article 30.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordForm {
    /// Of who decides why and how data are processed: Article 30(1).
    #[default]
    Controller,
    /// Of who processes on behalf of others: Article 30(2).
    Processor,
}

impl RecordForm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_controller(&self) -> bool {
        *self == Self::Controller
    }
}
