//! The reports. Each observes the pass and then tells: a typed content, the blocks to read, what
//! is missing, and the records to cite.

mod access_review;
mod deletion;
mod incident;
mod masking;
mod oversight;
mod processing;
mod shared;
mod statements;
mod subject_access;

use crate::document::{Block, Document};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::scope::Scope;
use crate::walk::{Observer, Walked};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Records of processing activities.
    Art30,
    /// Notification of a breach.
    Art33,
    /// Who saw one person's data.
    Art15,
    /// Who can do what, and does.
    AccessReview,
    /// What is masked, revealed, found.
    MaskingCoverage,
    /// How people oversaw agents.
    Oversight,
    /// What was destroyed.
    Deletion,
}

impl Kind {
    /// Every report.
    pub const ALL: [Self; 7] = [
        Self::Art30,
        Self::Art33,
        Self::Art15,
        Self::AccessReview,
        Self::MaskingCoverage,
        Self::Oversight,
        Self::Deletion,
    ];

    /// Its name on the command line and in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Art30 => "art30",
            Self::Art33 => "art33",
            Self::Art15 => "art15",
            Self::AccessReview => "access-review",
            Self::MaskingCoverage => "masking-coverage",
            Self::Oversight => "oversight",
            Self::Deletion => "deletion",
        }
    }

    /// The report of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What stands on its first page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Art30 => "Records of processing activities",
            Self::Art33 => "Notification of a personal data breach (draft)",
            Self::Art15 => "Access to one person's data",
            Self::AccessReview => "Review of access",
            Self::MaskingCoverage => "Coverage of masking",
            Self::Oversight => "Oversight of agents",
            Self::Deletion => "Register of deletions",
        }
    }

    /// The law that asks for it, by key.
    pub(crate) const fn law(self) -> &'static [&'static str] {
        match self {
            Self::Art30 => &["gdpr-30"],
            Self::Art33 => &["gdpr-33", "gdpr-34"],
            Self::Art15 => &["gdpr-15"],
            Self::AccessReview => &["gdpr-5", "gdpr-32"],
            Self::MaskingCoverage => &["gdpr-5", "gdpr-25"],
            Self::Oversight => &["ai-12", "ai-14", "ai-19", "ai-26"],
            Self::Deletion => &["gdpr-5", "gdpr-17"],
        }
    }

    pub(crate) fn teller(
        self,
        scope: &Scope,
        inputs: &Inputs,
        has_opener: bool,
    ) -> Result<Box<dyn Teller>, Error> {
        let (scope, inputs) = (scope.clone(), inputs.clone());
        let needs_lists = self == Self::Art15 || scope.subject.is_some();
        if needs_lists && !has_opener {
            let what = "the index of data subjects opens with the auditors' private key\n\
                        hint: give its file with --key";
            return Err(Error::Missing { what: what.to_owned() });
        }
        Ok(match self {
            Self::Art30 => Box::new(processing::Processing::new(scope, inputs)),
            Self::Art33 => Box::new(incident::Incident::new(scope, inputs, has_opener)),
            Self::Art15 => Box::new(subject_access::SubjectAccess::new(scope, inputs)?),
            Self::AccessReview => Box::new(access_review::AccessReview::new(scope, inputs)),
            Self::MaskingCoverage => Box::new(masking::MaskingCoverage::new(scope, inputs)),
            Self::Oversight => Box::new(oversight::Oversight::new(scope, inputs)),
            Self::Deletion => Box::new(deletion::Deletion::new(scope)),
        })
    }
}

/// A report that is being made.
pub(crate) trait Teller {
    /// What hears the log.
    fn observer(&mut self) -> &mut dyn Observer;

    /// What it says in the end.
    fn tell(self: Box<Self>, walked: &Walked) -> Result<Told, Error>;
}

/// What a report says.
pub(crate) struct Told {
    pub(crate) content: Value,
    pub(crate) blocks: Vec<Block>,
    pub(crate) gaps: Vec<String>,
    /// The records that it names.
    pub(crate) cited: Vec<u64>,
}

impl Told {
    pub(crate) fn new(
        content: &impl Serialize,
        document: Document,
        cited: Vec<u64>,
    ) -> Result<Self, Error> {
        let Document { blocks, gaps, .. } = document;
        Ok(Self { content: serde_json::to_value(content)?, blocks, gaps, cited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_has_a_name_of_its_own_in_files_and_commands() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
            let written = serde_json::to_value(kind).unwrap();
            assert_eq!(written, Value::from(kind.name()));
        }
        assert_eq!(Kind::named("art99"), None);
    }
}
