//! Break-glass for the evidence: a log that cannot be gone on with is set aside, untouched,
//! and another one begins that says so.
//!
//! Two people must agree; who they are is for the caller to find out. Nothing is deleted.
//! The new log is made whole beside the old one, and two renames put it in place; a stop
//! between them is finished by the next start.

use crate::disk::lock::lock_out;
use crate::erasure::shred::check_reason;
use crate::error::Error;
use crate::keys::files::load_public;
use crate::keys::mint;
use crate::log::evidence_log::EvidenceLog;
use crate::log::options::Options;
use crate::log::successor::{finish, move_if_there, successor};
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::{Custodian, Event, Predecessor};
use serde::Serialize;
use std::path::Path;

/// What became of a log and who follows it.
#[derive(Clone, Debug, Serialize)]
pub struct Replaced {
    /// What is known of the log that was set aside.
    pub predecessor: Predecessor,
    /// The name of the new log.
    pub origin: String,
    /// Its public key, which auditors have to learn.
    pub key: String,
}

/// Sets the log that `options` name aside as `aside`, a path beside it, and begins another
/// one.
///
/// # Errors
/// The approvers are one person, a gateway writes the log, or the files cannot be moved.
pub fn replace(
    options: &Options,
    aside: &Path,
    approvers: [Custodian; 2],
    why: &str,
) -> Result<Replaced, Error> {
    let dir = options.dir.as_path();
    check_reason(why)?;
    if let [one, other] = &approvers
        && one == other
    {
        return Err(Error::OnePerson { who: one.clone() });
    }
    finish(dir)?;
    let _nobody_writes = lock_out(dir)?;
    let predecessor = describe(dir, aside);
    let fresh = successor(dir);
    // What an earlier try left never was the gateway's log; it is set aside, too.
    move_if_there(&fresh, &aside.with_extension("unfinished"))?;
    mint::make_folders(&fresh)?;
    mint::copy_auditor_public(dir, &fresh)?;
    let log = EvidenceLog::open(Options { dir: fresh.clone(), ..options.clone() })?;
    let (why, approvers) = (why.to_owned(), approvers.to_vec());
    let record = Event::LogReplaced { predecessor: predecessor.clone(), why, approvers };
    log.append(record).wait()?;
    log.close();
    drop(log);
    let key = load_public(&fresh)?;
    move_if_there(dir, aside)?;
    move_if_there(&fresh, dir)?;
    let origin = key.name().to_owned();
    Ok(Replaced { predecessor, origin, key: key.to_string() })
}

fn describe(dir: &Path, aside: &Path) -> Predecessor {
    let report = verify(dir, &Trust::default());
    let status = match report.status {
        Status::Ok => "ok",
        Status::Tampered => "tampered",
        Status::Unreproduced => "unreproduced",
        Status::Incomplete => "incomplete",
        Status::Unusable => "unusable",
        Status::PolicyUnmet => "policy-unmet",
    };
    let known = |text: &String| (!text.is_empty()).then(|| text.clone());
    let name = aside.file_name().map(|name| name.to_string_lossy().into_owned());
    Predecessor {
        moved_to: name.filter(|_| dir.exists()),
        status: status.to_owned(),
        origin: known(&report.origin),
        key: known(&report.key),
        records: report.records,
        root: (report.records > 0).then_some(report.root),
        checkpoint: report.checkpoint,
    }
}
