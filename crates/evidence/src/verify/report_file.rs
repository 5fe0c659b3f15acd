//! Checks a report without the log: its digest, its checkpoint, the records that it cites.

use crate::extract::report::{REPORT_FORMAT, ReportProof, report_digest};
use crate::tlog::merkle::leaf_hash;
use crate::tlog::proof::Inclusion;
use crate::verify::extract::{ExtractKind, ExtractReport};
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use serde_json::{Map, Value};

/// Checks the text of a report.
pub(super) fn verify(mut found: ExtractReport, text: &str, trust: &Trust) -> ExtractReport {
    let report: Map<String, Value> = match serde_json::from_str(text) {
        Ok(report) => report,
        Err(error) => return found.unusable(format!("it is no JSON object: {error}")),
    };
    if report.get("format").and_then(Value::as_str) != Some(REPORT_FORMAT) {
        return found.unusable("it is no report of this version");
    }
    found.kind = Some(ExtractKind::Report);
    let proof = report.get("proof").cloned().unwrap_or_default();
    let proof: ReportProof = match serde_json::from_value(proof) {
        Ok(proof) => proof,
        Err(error) => return found.unusable(format!("its proof block cannot be read: {error}")),
    };
    let Some(checkpoint) = found.open(&proof.checkpoint, trust, Some(&proof.key)) else {
        return found.finish();
    };
    if report_digest(&report) != proof.digest {
        found.find(Status::Tampered, "its content is not what its digest is of");
    }
    if proof.first > checkpoint.size {
        found.find(Status::Tampered, "it begins behind the last record of its tree");
    }
    for cited in &proof.cited {
        let holds = cited.path().is_some_and(|path| {
            let inclusion = Inclusion { index: cited.index, path };
            inclusion.holds(&leaf_hash(cited.leaf.as_bytes()), &checkpoint)
        });
        match holds {
            true => found.records += 1,
            false => {
                found.find(Status::Tampered, format!("it is not the log's record {}", cited.index))
            }
        }
    }
    let what = "whether its numbers follow from the log: who has the log, or a copy, finds out \
                with `portreeve report check`";
    found.limits.push(what.to_owned());
    found.finish()
}
