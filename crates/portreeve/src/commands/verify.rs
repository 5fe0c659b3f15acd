//! `portreeve verify`: checks the evidence with public keys alone, the gateway off.

use super::options::ConfigOption;
use super::output::{Format, fields, print, print_json, progress_bar, remark, time};
use anyhow::{Context, bail};
use portreeve_evidence::trust_policy::TrustPolicy;
use portreeve_evidence::{
    ExtractKind, ExtractReport, Report, Severity, Status, Trust, Unclosed, VerifierKey,
    WitnessReport,
};
use portreeve_verifier::Decisions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check that nothing in the evidence was changed, removed, added or reordered.
///
/// Works on a copied directory, with the gateway off, and needs no private key; and on what
/// was taken out of one: a `.tlog-proof` of one record, the bundle of a session. Exit
/// codes: 0 everything holds, 1 tampered with, 2 something is missing or was never
/// committed, 3 there is nothing that could be checked with what is trusted, 4 everything
/// holds but the policy's witnesses have not seen it, 5 a decision is not what the recorded
/// policies say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve verify\n  portreeve verify /mnt/copy/evidence\n  \
    portreeve verify --key log.pub --checkpoint last-month.txt /mnt/copy/evidence\n  \
    portreeve verify --policy policy.txt /mnt/copy/evidence\n  \
    portreeve verify --policy policy.txt session.jsonl\n\n\
    Keep the log's public key (`log.pub`) and now and then a checkpoint (the file `head`)\n\
    away from the gateway: only against them a log that was cut short or written anew shows.")]
pub(crate) struct Args {
    /// The evidence, or the data directory that it is in; otherwise the one that the
    /// configuration names. Or a file: a `.tlog-proof`, a bundle.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
    /// The log's public key, known from elsewhere: the key itself or a file with it.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A checkpoint of this log that was kept elsewhere; may be given again.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Which logs and witnesses are believed: a C2SP trust policy (`tlog-policy`).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// If everything holds, also write the records into this directory as C2SP tiles
    /// (`tlog-tiles`), for verifiers of other makers. What is there already stays.
    #[arg(long, value_name = "DIR")]
    tiles: Option<PathBuf>,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let trust = Trust {
        key: args.key.as_deref().map(trusted_key).transpose()?,
        checkpoints: args.checkpoint.iter().map(|path| read(path)).collect::<Result<_, _>>()?,
        policy: args.policy.as_deref().map(trust_policy).transpose()?,
    };
    let bar = progress_bar("verifying");
    if let Some(file) = args.path.as_deref().filter(|path| path.is_file()) {
        let report = portreeve_evidence::verify_extract(file, &trust, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        match format {
            Format::Json => print_json(&report)?,
            Format::Text => print(&describe_extract(&report, file))?,
        }
        return Ok(ExitCode::from(report.exit_code()));
    }
    let dir = directory(args.path.as_deref(), &args.config)?;
    let mut decisions = Decisions::default();
    let report = portreeve_evidence::verify_with(&dir, &trust, &mut decisions, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match format {
        Format::Json => print_json(&report)?,
        Format::Text => print(&describe(&report, &dir))?,
    }
    if let Some(out) = args.tiles.filter(|_| report.status == Status::Ok) {
        let tiles = portreeve_evidence::write_tiles(&dir, &out)?;
        remark(&format!(
            "{} records as tiles in `{}`, {} files added",
            tiles.records,
            out.display(),
            tiles.files_added
        ));
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// The directory of a log: what was named, the `evidence` in it, or the configuration's.
pub(crate) fn directory(named: Option<&Path>, config: &ConfigOption) -> anyhow::Result<PathBuf> {
    let dir = match named {
        Some(dir) => dir.to_owned(),
        None => config.load()?.data_dir,
    };
    let inner = dir.join("evidence");
    let found = [inner, dir.clone()].into_iter().find(|dir| portreeve_evidence::is_log(dir));
    found.with_context(|| {
        format!("there is no evidence in `{}`\nhint: name its directory", dir.display())
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn trusted_key(given: &str) -> anyhow::Result<VerifierKey> {
    let text = match Path::new(given).exists() {
        true => read(Path::new(given))?,
        false => given.to_owned(),
    };
    match text.parse() {
        Ok(key) => Ok(key),
        Err(what) => bail!("`--key` is no public key: {what}\nhint: it looks like `log.pub`"),
    }
}

fn trust_policy(path: &Path) -> anyhow::Result<TrustPolicy> {
    let at = || format!("cannot use the policy `{}`", path.display());
    let bytes = std::fs::read(path).with_context(at)?;
    TrustPolicy::parse(&bytes).with_context(at)
}

fn describe(report: &Report, dir: &Path) -> String {
    let verdict = match report.status {
        Status::Ok => "OK: nothing was changed, removed, added or reordered",
        Status::Tampered => "TAMPERED: the evidence is not what the gateway wrote",
        Status::Unreproduced => {
            "DECISIONS DIFFER: nothing was changed, but not all was decided as recorded policies say"
        }
        Status::Incomplete => "INCOMPLETE: nothing was found changed, but something is missing",
        Status::Unusable => "UNUSABLE: it could not be checked with what is trusted",
        Status::PolicyUnmet => {
            "POLICY UNMET: nothing was found changed, but the policy's \
             witnesses have not seen it"
        }
    };
    let mut text = format!("{verdict}\n");
    for finding in &report.findings {
        let mark = match finding.severity {
            Severity::Tampered => "tampered",
            Severity::Unreproduced => "differs",
            Severity::Incomplete => "incomplete",
            Severity::Note => "note",
        };
        text.push_str(&format!("  {mark}: {finding}\n"));
    }
    let more = report.findings_count - report.findings.len() as u64;
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    text.push_str(&format!("\n{}\n", fields(&facts(report, dir))));
    for limit in &report.limits {
        text.push_str(&format!("\nnot seen: {limit}"));
    }
    text
}

fn facts(report: &Report, dir: &Path) -> Vec<(&'static str, String)> {
    let micros = |at: Option<u64>| {
        at.and_then(|at| i64::try_from(at).ok()).map_or_else(|| "-".to_owned(), time)
    };
    let (cut, open): (Vec<&Unclosed>, Vec<&Unclosed>) =
        report.unclosed.iter().partition(|session| session.cut_off);
    let mut facts = vec![
        ("evidence", dir.display().to_string()),
        (
            "key",
            format!(
                "{} ({})",
                report.key,
                if report.key_is_trusted { "given" } else { "from the directory" }
            ),
        ),
        (
            "records",
            format!(
                "{} in {} commits and {} segments, {} to {}",
                report.records,
                report.commits,
                report.segments,
                micros(report.first_at_us),
                micros(report.last_at_us),
            ),
        ),
        ("decisions", format!("{} made again", report.decisions)),
        (
            "recordings",
            format!("{} payloads, {} sealed bytes", report.payloads, report.payload_bytes),
        ),
        (
            "sessions",
            format!(
                "{}, of which {} have no end yet and {} were cut off by the gateway's end",
                report.sessions,
                open.len(),
                cut.len()
            ),
        ),
    ];
    if !open.is_empty() {
        facts.push(("no end yet", list(&open)));
    }
    if !cut.is_empty() {
        facts.push(("cut off", list(&cut)));
    }
    if !report.shredded.is_empty() {
        facts.push(("shredded", format!("{} recordings", report.shredded.len())));
    }
    if let Some(pruned) = &report.pruned {
        let what = format!("{} records in {} segments", pruned.records, pruned.segments);
        facts.push(("pruned", format!("{what}; their hashes are here")));
    }
    for replaced in &report.replacements {
        let name = replaced.predecessor.origin.as_deref().unwrap_or("a log without a name");
        let aside = replaced.predecessor.moved_to.as_deref().unwrap_or("nowhere");
        facts.push(("in place of", format!("{name}, set aside in `{aside}`: {}", replaced.why)));
    }
    facts.extend(report.witnessed.as_ref().map(|seen| ("witnessed", witnessed(seen))));
    facts.push(("root", report.root.to_string()));
    facts
}

/// The ids of unclosed sessions, as many as text lists.
fn list(sessions: &[&Unclosed]) -> String {
    let ids: Vec<String> =
        sessions.iter().take(LISTED_MAX).map(|found| found.session.to_string()).collect();
    let more = sessions.len().saturating_sub(LISTED_MAX);
    let tail = if more > 0 { format!("\nand {more} more") } else { String::new() };
    ids.join("\n") + &tail
}

/// What witnesses have seen, one a line.
fn witnessed(report: &WitnessReport) -> String {
    let verdict = match report.policy_met {
        Some(true) => "the policy's quorum",
        Some(false) => "not by the policy's quorum",
        None => "by whom only a policy tells (--policy)",
    };
    let mut text = format!("{} records, {verdict}", report.records);
    for word in &report.by {
        let at = i64::try_from(word.at).map_or(0, |at| at.saturating_mul(1_000_000));
        text.push_str(&format!("\n{} at {}", word.witness, time(at)));
    }
    text
}

fn describe_extract(report: &ExtractReport, file: &Path) -> String {
    let verdict = match report.status {
        Status::Ok => "OK: it is in the log, unchanged",
        Status::Tampered => "TAMPERED: it is not what the log holds",
        Status::Incomplete | Status::Unreproduced => {
            "INCOMPLETE: nothing was found changed, but something is missing"
        }
        Status::Unusable => "UNUSABLE: it could not be checked with what is trusted",
        Status::PolicyUnmet => {
            "POLICY UNMET: it is in the log, but the policy's witnesses \
             have not seen that"
        }
    };
    let mut text = format!("{verdict}\n");
    report.findings.iter().for_each(|finding| text.push_str(&format!("  {finding}\n")));
    let what = match report.kind {
        Some(ExtractKind::Proof) => "the proof of one record",
        Some(ExtractKind::Bundle) => "the bundle of a session",
        None => "unknown",
    };
    let given = if report.key_is_trusted { "given" } else { "from the file" };
    let mut facts = vec![
        ("file", format!("{}, {what}", file.display())),
        ("key", format!("{} ({given})", report.key)),
        ("records", format!("{} of a tree of {}", report.records, report.tree_records)),
    ];
    if let Some(session) = report.session {
        let whole = match report.session_is_whole {
            Some(true) => ", from its beginning to its end",
            Some(false) => ", its end is not in it",
            None => "",
        };
        facts.push(("session", format!("{session}{whole}")));
    }
    facts.extend(report.record.as_ref().map(|record| ("record", record.to_string())));
    facts.extend(report.witnessed.as_ref().map(|seen| ("witnessed", witnessed(seen))));
    text.push_str(&format!("\n{}\n", fields(&facts)));
    report.limits.iter().for_each(|limit| text.push_str(&format!("\nnot seen: {limit}")));
    text
}

/// As many unclosed sessions as text lists; JSON has them all.
const LISTED_MAX: usize = 20;
