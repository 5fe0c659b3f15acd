//! Checks what was taken out of a log: one record's proof, a session's bundle, a report.

use crate::extract::bundle::{FORMAT, Header, Line};
use crate::extract::report::REPORT_FORMAT;
use crate::tlog::merkle::{leaf_hash, sha256};
use crate::tlog::note::Checkpoint;
use crate::tlog::proof::Inclusion;
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::vkey::VerifierKey;
use crate::verify::outline::Outline;
use crate::verify::report::{FINDINGS_MAX, Status, WitnessReport};
use crate::verify::sequence::RecordSequence;
use crate::verify::trust::Trust;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, SessionId};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A line of a bundle holds at most one sealed payload of 1 GiB in base64.
const LINE_BYTES_MAX: u64 = 3 << 29;
/// More than any report with the records that it cites.
const REPORT_BYTES_MAX: u64 = 512 << 20;

/// What kind of file was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtractKind {
    /// A `.tlog-proof` of one record.
    Proof,
    /// A session's bundle.
    Bundle,
    /// A report.
    Report,
}

/// What a verification of an extract found.
#[derive(Clone, Debug, Serialize)]
pub struct ExtractReport {
    /// The result.
    pub status: Status,
    /// What the file is; none where it is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ExtractKind>,
    /// The log's name.
    pub origin: String,
    /// The public key that everything was checked with.
    pub key: String,
    /// Whether that key came from elsewhere, not from the file itself.
    pub key_is_trusted: bool,
    /// How many records are proven to be in the log.
    pub records: u64,
    /// How many records the proofs' tree has.
    pub tree_records: u64,
    /// The root that all proofs lead to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
    /// The session that they are of, where they are of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whether the session is there from its first record to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_is_whole: Option<bool>,
    /// A proof's record, as it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<serde_json::Value>,
    /// How many sealed payloads are those that the records vouch for.
    pub payloads: u64,
    /// What witnesses have seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<WitnessReport>,
    /// What is wrong; the first [`FINDINGS_MAX`].
    pub findings: Vec<String>,
    /// What this verification could not see.
    pub limits: Vec<String>,
}

impl ExtractReport {
    fn new() -> Self {
        Self {
            status: Status::Ok,
            kind: None,
            origin: String::new(),
            key: String::new(),
            key_is_trusted: false,
            records: 0,
            tree_records: 0,
            root: None,
            session: None,
            session_is_whole: None,
            record: None,
            payloads: 0,
            witnessed: None,
            findings: Vec::new(),
            limits: Vec::new(),
        }
    }

    pub(super) fn find(&mut self, status: Status, what: impl Into<String>) {
        let weight = |status| match status {
            Status::Ok => 0,
            Status::PolicyUnmet => 1,
            Status::Incomplete | Status::Unreproduced => 2,
            Status::Tampered => 3,
            Status::Unusable => 4,
        };
        if weight(status) > weight(self.status) {
            self.status = status;
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(what.into());
        }
    }

    pub(super) fn unusable(mut self, what: impl Into<String>) -> Self {
        self.find(Status::Unusable, what);
        self
    }

    /// Believes a checkpoint of the log, or says why not.
    pub(super) fn open(
        &mut self,
        note: &str,
        trust: &Trust,
        in_file: Option<&str>,
    ) -> Option<Checkpoint> {
        let origin = Checkpoint::unverified(note).map(|found| found.origin).unwrap_or_default();
        let beside = match in_file {
            Some(text) => text.parse().map_err(str::to_owned),
            None => trust
                .policy
                .as_ref()
                .and_then(|policy| policy.logs().iter().find(|log| log.name() == origin))
                .cloned()
                .ok_or_else(|| {
                    "a proof does not bring the log's key; give it with --key or --policy"
                        .to_owned()
                }),
        };
        let found = trust.log_key(beside.as_ref().map_err(Clone::clone));
        let (key, is_trusted) = match found {
            Ok(found) => found,
            Err(what) => {
                self.find(Status::Unusable, what);
                return None;
            }
        };
        (self.origin, self.key) = (key.name().to_owned(), key.to_string());
        self.key_is_trusted = is_trusted;
        let is_same = beside.as_ref().is_ok_and(|beside: &VerifierKey| *beside == key);
        if in_file.is_some() && !is_same {
            self.find(Status::Tampered, "the key in the file is not the trusted key");
        }
        let Some(checkpoint) = key.open(note) else {
            self.find(Status::Tampered, "the checkpoint is not signed by the log's key");
            return None;
        };
        self.root = Some(Digest(checkpoint.root));
        self.tree_records = checkpoint.size;
        self.judge(note, &checkpoint, trust, &key);
        Some(checkpoint)
    }

    fn judge(&mut self, note: &str, checkpoint: &Checkpoint, trust: &Trust, key: &VerifierKey) {
        let judgement = trust.policy.as_ref().map(|policy| policy.judge(note));
        if let Some(judgement) = &judgement {
            for name in &judgement.forged {
                let what = format!("the cosignature of witness `{name}` does not hold");
                self.find(Status::Tampered, what);
            }
            if !judgement.met {
                let what = "the policy's quorum has not cosigned this checkpoint";
                self.find(Status::PolicyUnmet, what);
            }
            self.witnessed = Some(WitnessReport::new(checkpoint.size, Some(judgement)));
        }
        for known in trust.checkpoints.iter().filter_map(|known| key.open(known)) {
            if known.size == checkpoint.size && known.root != checkpoint.root {
                let what = format!("a checkpoint of {} records has another root", known.size);
                self.find(Status::Tampered, what);
            }
        }
    }

    pub(super) fn finish(mut self) -> Self {
        if !self.key_is_trusted {
            let what = "the public key was taken from the file: whoever made the file could have \
                        made the key too; give the key with --key or --policy";
            self.limits.push(what.to_owned());
        }
        let what = match self.witnessed.as_ref().and_then(|witnessed| witnessed.policy_met) {
            Some(true) => "what else is in the log; ask for the whole of it to see that",
            Some(false) | None => {
                "whether others were shown another log under this key: cosignatures of \
                 witnesses say so, and --policy checks them"
            }
        };
        self.limits.push(what.to_owned());
        self
    }

    /// The exit code of a command that verified, as `Report::exit_code`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.status.exit_code()
    }
}

/// Verifies a `.tlog-proof`, a bundle or a report. Never fails: what cannot be read is a finding.
/// `progress` hears how many bytes of how many are done.
#[must_use]
pub fn verify_extract(
    path: &Path,
    trust: &Trust,
    mut progress: impl FnMut(u64, u64),
) -> ExtractReport {
    let report = ExtractReport::new();
    let mut file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return report.unusable(format!("it cannot be read: {error}")),
    };
    let total = file.get_ref().metadata().map_or(0, |meta| meta.len());
    let begin = match file.fill_buf() {
        Ok(begin) => begin,
        Err(error) => return report.unusable(format!("it cannot be read: {error}")),
    };
    if is_report(begin) {
        return match read_bounded(file) {
            Ok(text) => super::report_file::verify(report, &text, trust),
            Err(what) => report.unusable(what),
        };
    }
    if !TlogProof::is_begun_by(begin) {
        return verify_bundle(report, &mut file, trust, &mut |done| progress(done, total));
    }
    let mut text = String::new();
    match file.take(TlogProof::BYTES_MAX as u64 + 1).read_to_string(&mut text) {
        Ok(length) if length > TlogProof::BYTES_MAX => {
            report.unusable("it is too long for a proof")
        }
        Ok(_) => verify_proof(report, &text, trust),
        Err(error) => report.unusable(format!("it cannot be read: {error}")),
    }
}

/// Whether a file begins as a report does: its format is its first member.
fn is_report(begin: &[u8]) -> bool {
    let mut letters = begin.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let expected = format!("{{\"format\":\"{REPORT_FORMAT}\"");
    expected.bytes().all(|byte| letters.next() == Some(byte))
}

fn read_bounded(file: impl Read) -> Result<String, String> {
    let mut text = String::new();
    match file.take(REPORT_BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 > REPORT_BYTES_MAX => Err("it is too long for a report".into()),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

fn verify_proof(mut report: ExtractReport, text: &str, trust: &Trust) -> ExtractReport {
    report.kind = Some(ExtractKind::Proof);
    let proof = match TlogProof::parse(text) {
        Ok(proof) => proof,
        Err(what) => return report.unusable(format!("it is not a proof: {what}")),
    };
    let Some(leaf) = &proof.leaf else {
        return report.unusable("it does not hold the record that it is about (`extra`)");
    };
    let Some(checkpoint) = report.open(&proof.checkpoint, trust, None) else {
        return report.finish();
    };
    match proof.inclusion.holds(&leaf_hash(leaf), &checkpoint) {
        true => report.records = 1,
        false => report.find(
            Status::Tampered,
            format!("the record is not the one at index {}", proof.inclusion.index),
        ),
    }
    report.record = serde_json::from_slice(leaf).ok();
    report.session =
        serde_json::from_slice::<Outline<'_>>(leaf).ok().and_then(|outline| outline.session);
    report.finish()
}

/// A line of at most [`LINE_BYTES_MAX`] bytes; `None` at the end.
fn next_line(file: &mut impl BufRead, done: &mut u64) -> Result<Option<String>, String> {
    let mut line = String::new();
    let length = file.take(LINE_BYTES_MAX).read_line(&mut line).map_err(|e| e.to_string())?;
    *done += length as u64;
    match line.pop() {
        None => Ok(None),
        Some('\n') => Ok(Some(line)),
        Some(_) => Err("the last line is cut off, or too long".to_owned()),
    }
}

fn verify_bundle(
    mut report: ExtractReport,
    file: &mut impl BufRead,
    trust: &Trust,
    progress: &mut dyn FnMut(u64),
) -> ExtractReport {
    let mut done = 0;
    let header = next_line(file, &mut done).ok().flatten();
    let header = header.and_then(|line| serde_json::from_str::<Header>(&line).ok());
    let Some(header) = header.filter(|header| header.format == FORMAT) else {
        return report.unusable("it is no `.tlog-proof`, bundle or report of this version");
    };
    report.kind = Some(ExtractKind::Bundle);
    report.session = Some(header.session);
    let Some(checkpoint) = report.open(&header.checkpoint, trust, Some(&header.key)) else {
        return report.finish();
    };
    let mut bundle =
        Bundle { header: &header, checkpoint, sequence: RecordSequence::default(), lines: 0 };
    loop {
        match next_line(file, &mut done) {
            Ok(Some(line)) => bundle.take(&line, &mut report),
            Ok(None) => break,
            Err(what) => {
                report.find(Status::Tampered, what);
                break;
            }
        }
        progress(done);
    }
    if bundle.lines != header.records {
        let what = format!("it has {} records, and says {}", bundle.lines, header.records);
        report.find(Status::Tampered, what);
    }
    report.session_is_whole = Some(bundle.sequence.unclosed().is_empty());
    if report.session_is_whole == Some(false) {
        let what =
            "the session's end is not in it: it went on, or was cut off by the gateway's end";
        report.limits.push(what.to_owned());
    }
    report.finish()
}

/// A bundle that is being read.
struct Bundle<'a> {
    header: &'a Header,
    checkpoint: Checkpoint,
    sequence: RecordSequence,
    lines: u64,
}

impl Bundle<'_> {
    fn take(&mut self, line: &str, report: &mut ExtractReport) {
        let at = self.lines;
        self.lines += 1;
        match self.check(line) {
            Ok(has_payload) => {
                report.records += 1;
                report.payloads += u64::from(has_payload);
            }
            Err(what) => report.find(Status::Tampered, format!("record {at} of it: {what}")),
        }
    }

    /// Checks a record: its proof, its place in the session, its sealed bytes. Says whether
    /// it has such.
    fn check(&mut self, line: &str) -> Result<bool, String> {
        let line: Line = serde_json::from_str(line).map_err(|_| "it is not a bundle's line")?;
        let path = line.path().ok_or("its proof is not made of hashes")?;
        let inclusion = Inclusion { index: line.index, path };
        if !inclusion.holds(&leaf_hash(line.leaf.as_bytes()), &self.checkpoint) {
            return Err(format!("it is not the log's record {}", line.index));
        }
        let outline: Outline<'_> =
            serde_json::from_str(&line.leaf).map_err(|_| "it is not a record")?;
        if outline.session != Some(self.header.session) {
            return Err("it is of another session".to_owned());
        }
        if let Some(what) = self.sequence.add(&outline) {
            return Err(what);
        }
        let sealed = line.sealed.as_ref().map(|text| BASE64.decode(text));
        let sealed = sealed.transpose().map_err(|_| "its sealed bytes are not base64")?;
        match (&outline.payload, sealed) {
            (None, None) => Ok(false),
            (Some(payload), Some(sealed)) if payload.digest.0 == sha256(&sealed) => Ok(true),
            (Some(_), Some(_)) => {
                Err("the sealed bytes are not those that the record vouches for".to_owned())
            }
            (Some(_), None) => Err("its sealed bytes are missing".to_owned()),
            (None, Some(_)) => Err("it vouches for no sealed bytes, and has some".to_owned()),
        }
    }
}
