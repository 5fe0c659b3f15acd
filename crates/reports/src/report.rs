//! Making a report, and making it again to check it.

use crate::document::{Document, Field};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::kinds::{Kind, Told};
use crate::scope::Scope;
use crate::time;
use crate::walk::{Walked, walk};
use portreeve_evidence::{
    Checkpoint, LogReader, Opener, REPORT_FORMAT, ReportProof, ReportTree, cite, report_digest,
    report_tree,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// A report, as it lies in a file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// Which report.
    pub kind: Kind,
    /// What it is about.
    pub scope: Scope,
    /// What it was made with.
    pub inputs: Inputs,
    /// What the pass over the log has seen of the log itself.
    pub log: Walked,
    /// What it says.
    pub content: Value,
    /// What is missing.
    pub gaps: Vec<String>,
    /// How it can be checked.
    pub proof: ReportProof,
}

/// A report, and how people read it.
#[derive(Clone, PartialEq, Debug)]
pub struct Made {
    /// The report.
    pub report: Report,
    /// The same to read.
    pub document: Document,
}

/// Which report is wanted, and of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Which.
    pub kind: Kind,
    /// Of what.
    pub scope: Scope,
    /// With what.
    pub inputs: Inputs,
}

/// Makes a report from the log in `dir`, by one pass over it. Who has the auditors' key brings
/// an opener: without, people are counted as far as records tell.
///
/// # Errors
/// The log is empty or cannot be read; the report needs the auditors' key or a person.
pub fn make(dir: &Path, wanted: &Wanted, opener: Option<&mut Opener>) -> Result<Made, Error> {
    let reader = LogReader::open(dir)?;
    let tree = report_tree(&reader)?;
    of_tree(&reader, &tree, wanted, opener)
}

fn of_tree(
    reader: &LogReader,
    tree: &ReportTree,
    wanted: &Wanted,
    opener: Option<&mut Opener>,
) -> Result<Made, Error> {
    let Wanted { kind, scope, inputs } = wanted;
    let has_opener = opener.is_some();
    let mut teller = kind.teller(scope, inputs, has_opener)?;
    let walked = walk(reader, tree.checkpoint.size, opener, teller.observer())?;
    let told = teller.tell(&walked)?;
    let Told { content, blocks, mut gaps, cited } = told;
    gaps.extend(gaps_of_log(&walked, tree));
    let mut report = Report {
        format: REPORT_FORMAT.to_owned(),
        kind: *kind,
        scope: scope.clone(),
        inputs: inputs.clone(),
        log: walked,
        content,
        gaps,
        proof: ReportProof {
            key: reader.key().to_string(),
            first: tree.first,
            checkpoint: tree.note.clone(),
            digest: portreeve_model::Digest([0; 32]),
            cited: cite(reader, tree, &cited)?,
        },
    };
    report.proof.digest = report.digest()?;
    let document = report.document(blocks);
    Ok(Made { report, document })
}

/// What of the log itself a reader of the report must know.
fn gaps_of_log(walked: &Walked, tree: &ReportTree) -> Vec<String> {
    let mut gaps = Vec::new();
    if !tree.is_witnessed {
        gaps.push(
            "no witness has cosigned the newest records: the proof is as good as the log's key"
                .to_owned(),
        );
    }
    if walked.records_pruned > 0 {
        gaps.push(format!(
            "{} records at the beginning were pruned and are not in this report",
            walked.records_pruned
        ));
    }
    if walked.is_successor {
        gaps.push("this log took the place of another one, which is not in this report".to_owned());
    }
    if walked.cut_off > 0 {
        gaps.push(format!(
            "a gateway was cut off {} times: what was on its way then has no recorded end",
            walked.cut_off
        ));
    }
    if walked.exchanges_open > 0 {
        gaps.push(format!("of {} exchanges no end is recorded", walked.exchanges_open));
    }
    let stretches = walked.without_gateway.len();
    if stretches > 0 {
        let longest = walked.without_gateway.iter().map(|(from, to)| to.saturating_sub(*from));
        gaps.push(format!(
            "no gateway ran in {stretches} stretches, the longest of {}: what reached targets \
             past the gateway then, nobody recorded here",
            time::stretch(longest.max().unwrap_or(0))
        ));
    }
    gaps
}

impl Report {
    /// Reads a report from its file.
    ///
    /// # Errors
    /// [`Error::NotAReport`].
    pub fn read(text: &str) -> Result<Self, Error> {
        let report: Self = serde_json::from_str(text)
            .map_err(|error| Error::NotAReport { what: error.to_string() })?;
        match report.format == REPORT_FORMAT {
            true => Ok(report),
            false => Err(Error::NotAReport { what: format!("its format is `{}`", report.format) }),
        }
    }

    /// The file: pretty JSON, its format first.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn write(&self) -> Result<String, Error> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    fn digest(&self) -> Result<portreeve_model::Digest, Error> {
        match serde_json::to_value(self)? {
            Value::Object(members) => Ok(report_digest(&members)),
            _ => Ok(report_digest(&Map::new())),
        }
    }

    fn document(&self, blocks: Vec<crate::document::Block>) -> Document {
        Document {
            title: self.kind.title().to_owned(),
            about: self.about(),
            law: crate::law::references(self.kind.law()),
            blocks,
            gaps: self.gaps.clone(),
            proof: self.proof_fields(),
        }
    }

    fn about(&self) -> Vec<Field> {
        let time = |at: Option<u64>| at.map(time::text);
        let period = &self.scope.period;
        let from = time(period.since_us).or_else(|| time(self.log.first_at_us));
        let to = time(period.until_us).or_else(|| time(self.log.last_at_us));
        let mut about = vec![
            Field::observed("from", from.unwrap_or_else(|| "–".to_owned())),
            Field::observed("to", to.unwrap_or_else(|| "–".to_owned())),
        ];
        let scope = &self.scope;
        let subject =
            scope.subject.as_ref().map(|one| format!("{}, token {}", one.kind, one.token));
        let narrowed = [
            ("session", scope.session.map(|session| session.to_string())),
            ("actor", scope.actor.clone()),
            ("principal", scope.principal.clone()),
            ("resource", scope.resource.clone()),
            ("object", scope.object.clone()),
            ("data subject", subject),
        ];
        let named = narrowed.into_iter().filter_map(|(name, value)| Some((name, value?)));
        about.extend(named.map(|(name, value)| Field::observed(name, value)));
        about
    }

    fn proof_fields(&self) -> Vec<Field> {
        let proof = &self.proof;
        let checkpoint = Checkpoint::unverified(&proof.checkpoint);
        let (origin, size) = checkpoint.map(|one| (one.origin, one.size)).unwrap_or_default();
        vec![
            Field::observed("log", origin),
            Field::observed("records", format!("{} to {size}", proof.first)),
            Field::observed("digest of the content", proof.digest),
            Field::observed("records cited with their proofs", proof.cited.len()),
            Field::observed("public key", &proof.key),
            Field::observed("checkpoint", proof.checkpoint.trim_end()),
            Field::observed(
                "how to check",
                "portreeve verify REPORT.json --key log.pub; with the log, or a copy: \
                 portreeve report check REPORT.json DIR",
            ),
        ]
    }
}

/// What came of making a report again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Checked {
    /// The log gives the same report.
    Same,
    /// The log gives another one.
    Other {
        /// The members that differ.
        members: Vec<String>,
    },
}

/// Makes a report again from the log in `dir`, up to the tree that it was made from, and compares.
///
/// # Errors
/// The log cannot be read, or is not the one that the report is of.
pub fn check(dir: &Path, report: &Report, opener: Option<&mut Opener>) -> Result<Checked, Error> {
    Ok(again(dir, report, opener)?.0)
}

/// [`check`], with what was made.
///
/// # Errors
/// As [`check`].
pub fn again(
    dir: &Path,
    report: &Report,
    opener: Option<&mut Opener>,
) -> Result<(Checked, Made), Error> {
    let reader = LogReader::open(dir)?;
    let checkpoint = reader.key().open(&report.proof.checkpoint).ok_or_else(|| {
        let what = "its checkpoint is not signed by this log's key".to_owned();
        Error::NotAReport { what }
    })?;
    reader.continues(&checkpoint, "the report")?;
    let (kind, scope, inputs) = (report.kind, report.scope.clone(), report.inputs.clone());
    // The first signature is the log's own.
    let is_witnessed = report.proof.checkpoint.matches("\n— ").count() > 1;
    let note = report.proof.checkpoint.clone();
    let tree = ReportTree { note, checkpoint, is_witnessed, first: report.proof.first };
    let again = of_tree(&reader, &tree, &Wanted { kind, scope, inputs }, opener)?;
    let (found, expected) = (serde_json::to_value(report)?, serde_json::to_value(&again.report)?);
    let differs = |name: &&&str| found.get(**name) != expected.get(**name);
    let members: Vec<String> =
        MEMBERS.iter().filter(differs).map(|name| (*name).to_owned()).collect();
    let checked = if members.is_empty() { Checked::Same } else { Checked::Other { members } };
    Ok((checked, again))
}

const MEMBERS: [&str; 8] = ["format", "kind", "scope", "inputs", "log", "content", "gaps", "proof"];
