//! What a verification found.

use crate::tlog::merkle::empty_root;
use crate::tlog::trust_policy::{Judgement, Seen};
use crate::tlog::vkey::VerifierKey;
use crate::verify::outline::Replacement;
use portreeve_model::{Digest, Pruned, SessionId};
use serde::Serialize;

/// What came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Everything that was committed is there, unchanged.
    Ok,
    /// Something was changed, removed, added or reordered.
    Tampered,
    /// Nothing was changed, but what was recorded as decided is not what the recorded
    /// policies say.
    Unreproduced,
    /// Nothing was found changed, but something is not there or cannot be told.
    Incomplete,
    /// There is nothing that could be checked, or not with what is trusted.
    Unusable,
    /// Everything holds, but the policy's witnesses have not seen it.
    PolicyUnmet,
}

impl Status {
    /// The exit code of a command that verified: 0 ok, 1 tampered, 2 incomplete,
    /// 3 unusable, 4 policy unmet, 5 decisions that do not reproduce.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Tampered => 1,
            Self::Incomplete => 2,
            Self::Unusable => 3,
            Self::PolicyUnmet => 4,
            Self::Unreproduced => 5,
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Makes the log [`Status::Tampered`].
    Tampered,
    /// Makes the log [`Status::Unreproduced`].
    Unreproduced,
    /// Makes the log [`Status::Incomplete`].
    Incomplete,
    /// Worth knowing.
    Note,
}

/// One thing that was found, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The file's name in the directory.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// Which leaf of the tree, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// Which session, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.file, self.offset)?;
        if let Some(leaf) = self.leaf {
            write!(f, ", record {leaf}")?;
        }
        if let Some(session) = self.session {
            write!(f, ", session {session}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A session that has no end in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Unclosed {
    /// The session.
    pub session: SessionId,
    /// Whether the gateway that ran it has ended; if not, it may be going on.
    pub cut_off: bool,
}

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The result.
    pub status: Status,
    /// The log's name.
    pub origin: String,
    /// The public key that everything was checked with.
    pub key: String,
    /// Whether that key came from elsewhere, not from the directory itself.
    pub key_is_trusted: bool,
    /// How many segments hold commits.
    pub segments: u64,
    /// How many signed checkpoints are in them.
    pub commits: u64,
    /// How many leaves are committed.
    pub records: u64,
    /// The root over them.
    pub root: Digest,
    /// The last checkpoint, a signed note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// How many leaves vouch for sealed bytes, all of which are there.
    pub payloads: u64,
    /// How many sealed bytes.
    pub payload_bytes: u64,
    /// How many sessions.
    pub sessions: u64,
    /// Those without an end.
    pub unclosed: Vec<Unclosed>,
    /// Whose recordings were made unreadable.
    pub shredded: Vec<SessionId>,
    /// The records that went with a pruning, as the log itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// The logs whose place this one took.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replacements: Vec<Replacement>,
    /// When the first record was made, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_at_us: Option<u64>,
    /// When the last record was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at_us: Option<u64>,
    /// How many recorded decisions were made again.
    pub decisions: u64,
    /// How many checkpoints from elsewhere the tree agrees with.
    pub checkpoints_agreed: u64,
    /// What witnesses have seen of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<WitnessReport>,
    /// What was found; the first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub findings_count: u64,
    /// What this verification could not see.
    pub limits: Vec<String>,
}

/// The most findings that a report lists.
pub const FINDINGS_MAX: usize = 100;

impl Report {
    pub(super) fn new(key: Option<&VerifierKey>, key_is_trusted: bool) -> Self {
        Self {
            status: Status::Ok,
            origin: key.map(|key| key.name().to_owned()).unwrap_or_default(),
            key: key.map(ToString::to_string).unwrap_or_default(),
            key_is_trusted,
            segments: 0,
            commits: 0,
            records: 0,
            root: Digest(empty_root()),
            checkpoint: None,
            payloads: 0,
            payload_bytes: 0,
            sessions: 0,
            unclosed: Vec::new(),
            shredded: Vec::new(),
            pruned: None,
            replacements: Vec::new(),
            first_at_us: None,
            last_at_us: None,
            decisions: 0,
            checkpoints_agreed: 0,
            witnessed: None,
            findings: Vec::new(),
            findings_count: 0,
            limits: Vec::new(),
        }
    }

    /// The report on what could not be checked at all.
    pub(super) fn unusable(what: String, file: &str) -> Self {
        let mut report = Self::new(None, false);
        report.status = Status::Unusable;
        report.add(Finding {
            severity: Severity::Incomplete,
            file: file.to_owned(),
            offset: 0,
            leaf: None,
            session: None,
            what,
        });
        report
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.status = match (self.status, finding.severity) {
            (Status::Unusable, _) => Status::Unusable,
            (Status::Tampered, _) | (_, Severity::Tampered) => Status::Tampered,
            (Status::Unreproduced, _) | (_, Severity::Unreproduced) => Status::Unreproduced,
            (Status::Incomplete, _) | (_, Severity::Incomplete) => Status::Incomplete,
            (status @ (Status::Ok | Status::PolicyUnmet), Severity::Note) => status,
        };
        self.findings_count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    pub(super) fn find(&mut self, severity: Severity, file: &str, what: impl Into<String>) {
        let (file, what) = (file.to_owned(), what.into());
        self.add(Finding { severity, file, offset: 0, leaf: None, session: None, what });
    }

    /// The exit code of a command that verified, see [`Status::exit_code`].
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.status.exit_code()
    }
}

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
