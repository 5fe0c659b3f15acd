//! The command that both binaries have: `portreeve verify` and `portreeve-verify`.

use crate::Decisions;
use crate::text::{describe, describe_extract};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use portreeve_evidence::trust_policy::TrustPolicy;
use portreeve_evidence::{Status, Trust, VerifierKey};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What to check, and what to rely on.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The evidence, or the data directory that it is in. Or a file: a `.tlog-proof`, a
    /// bundle.
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// The log's public key, known from elsewhere: the key itself or a file with it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A checkpoint of this log that was kept elsewhere; may be given again.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// Which logs and witnesses are believed: a C2SP trust policy (`tlog-policy`).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// If everything holds, also write the records into this directory as C2SP tiles
    /// (`tlog-tiles`), for verifiers of other makers. What is there already stays.
    #[arg(long, value_name = "DIR")]
    pub tiles: Option<PathBuf>,
}

/// What came out of a verification.
#[derive(Debug)]
pub struct Verified {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: serde_json::Value,
    /// What else was done, for people.
    pub remark: Option<String>,
    /// What the command ends with.
    pub exit_code: u8,
}

impl Verified {
    fn new<T: Serialize>(text: String, report: &T, exit_code: u8) -> anyhow::Result<Self> {
        Ok(Self { text, json: serde_json::to_value(report)?, remark: None, exit_code })
    }
}

/// Checks what the options name; `default` is the directory that is checked when they
/// name none.
///
/// # Errors
/// The options cannot be used. What is wrong with the evidence is no error.
pub fn verify(
    options: &Options,
    default: impl FnOnce() -> anyhow::Result<PathBuf>,
) -> anyhow::Result<Verified> {
    let trust = Trust {
        key: options.key.as_deref().map(trusted_key).transpose()?,
        checkpoints: options.checkpoint.iter().map(|path| read(path)).collect::<Result<_, _>>()?,
        policy: options.policy.as_deref().map(trust_policy).transpose()?,
    };
    let bar = progress_bar();
    let progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    if let Some(file) = options.path.as_deref().filter(|path| path.is_file()) {
        let report = portreeve_evidence::verify_extract(file, &trust, progress);
        bar.finish_and_clear();
        return Verified::new(describe_extract(&report, file), &report, report.exit_code());
    }
    let dir = match &options.path {
        Some(path) => path.clone(),
        None => default()?,
    };
    let dir = directory(&dir)?;
    let mut decisions = Decisions::default();
    let report = portreeve_evidence::verify_with(&dir, &trust, &mut decisions, progress);
    bar.finish_and_clear();
    let text = describe(&report, &dir);
    let mut verified = Verified::new(text, &report, report.exit_code())?;
    if let Some(out) = options.tiles.as_deref().filter(|_| report.status == Status::Ok) {
        let tiles = portreeve_evidence::write_tiles(&dir, out)?;
        let (records, out, files) = (tiles.records, out.display(), tiles.files_added);
        let remark = format!("{records} records as tiles in `{out}`, {files} files added");
        verified.remark = Some(remark);
    }
    Ok(verified)
}

/// The directory of a log: this one, or the `evidence` in it.
///
/// # Errors
/// There is no log in either.
pub fn directory(dir: &Path) -> anyhow::Result<PathBuf> {
    let mut places = [dir.join("evidence"), dir.to_owned()].into_iter();
    places.find(|dir| portreeve_evidence::is_log(dir)).with_context(|| {
        format!("there is no evidence in `{}`\nhint: name its directory", dir.display())
    })
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("verifying {bar:40} {bytes} of {total_bytes}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
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
