//! Why a report cannot be made or checked.

use portreeve_evidence::Error as EvidenceError;

/// Why a report cannot be made or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read, or its recordings cannot be opened.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The report needs something that was not given.
    #[error("{what}")]
    Missing {
        /// What, with the next step.
        what: String,
    },
    /// The file is no report of this format.
    #[error("it is no report: {what}")]
    NotAReport {
        /// What is wrong with it.
        what: String,
    },
    /// A count or a name could not be written as JSON.
    #[error("a report cannot be written: {0}")]
    Write(#[from] serde_json::Error),
}
