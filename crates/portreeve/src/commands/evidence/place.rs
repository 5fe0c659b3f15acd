//! Where the evidence is reached: through the gateway that writes it, or on its directory.

use super::super::options::{ApiOptions, ConfigOption, directory, run_async, user_name};
use super::super::output::{remark, time};
use super::super::sessions::resolve;
use crate::wiring::retention;
use anyhow::{Context, bail};
use indicatif::ProgressBar;
use portreeve_control::client::ApiClient;
use portreeve_evidence::{Due, EvidenceLog, Options, Retention, is_live};
use portreeve_model::{Custodian, SessionId};
use serde::Serialize;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which evidence.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The evidence, or the data directory that it is in; no gateway may be writing it.
    /// Without this: the gateway, or the configuration's evidence where none runs.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    pub(super) api: ApiOptions,
}

/// How it is reached.
pub(super) enum Keeper {
    /// Through the gateway, which knows the caller by a token.
    Gateway(Box<ApiClient>),
    /// Directly.
    Offline(Box<Offline>),
}

/// A log without a gateway.
pub(super) struct Offline {
    pub(super) log: EvidenceLog,
    pub(super) by: Custodian,
    config: ConfigOption,
}

impl Offline {
    /// The rules of the configuration, without which nothing ages.
    pub(super) fn retention(&self) -> anyhow::Result<Retention> {
        Ok(retention(&self.config.load()?))
    }
}

impl Place {
    /// The directory, where it is on this machine.
    pub(super) fn local(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.dir {
            Some(dir) => Ok(Some(directory(Some(dir), &self.config)?)),
            None => Ok(directory(None, &self.config).ok()),
        }
    }

    /// The directory that was named, with the configuration's rules.
    pub(super) fn named(&self) -> anyhow::Result<Option<(PathBuf, Retention)>> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let rules = retention(&self.config.load()?);
        Ok(Some((directory(Some(dir), &self.config)?, rules)))
    }

    /// Reaches the evidence to do `what`.
    pub(super) fn open(&self, what: &str) -> anyhow::Result<Keeper> {
        let offline = self.local()?.filter(|dir| self.dir.is_some() || !is_live(dir));
        let Some(dir) = offline else { return Ok(Keeper::Gateway(Box::new(self.api.client()?))) };
        let by = owner(&dir)?;
        let mut options = Options::new(&dir);
        options.version = format!("{} (evidence {what})", env!("CARGO_PKG_VERSION"));
        let log = EvidenceLog::open(options)?;
        remark(&format!("# no gateway writes `{}`: working on it directly", dir.display()));
        log.reconcile()?;
        let config = self.config.clone();
        Ok(Keeper::Offline(Box::new(Offline { log, by, config })))
    }

    /// The session that a text names: an id, or on this machine a beginning of one.
    pub(super) fn session(&self, name: &str) -> anyhow::Result<SessionId> {
        if let Ok(id) = name.parse() {
            return Ok(SessionId(id));
        }
        match self.local()? {
            Some(dir) => resolve(&dir, name),
            None => bail!("`{name}` is no session's id\nhint: give the whole id"),
        }
    }
}

impl Keeper {
    /// Asks the gateway, or does the work here; the answer is the same.
    pub(super) fn ask<T: Serialize>(
        self,
        path: &str,
        body: &Value,
        work: impl FnOnce(&Offline) -> anyhow::Result<T>,
    ) -> anyhow::Result<Value> {
        let mut work = Some(work);
        let answers = self.ask_each(&[path.to_owned()], body, |offline, _| match work.take() {
            Some(work) => work(offline),
            None => bail!("asked twice"),
        })?;
        answers.into_iter().next().context("no answer")?
    }

    /// The same for many things, one after the other; `work` is told which of them.
    pub(super) fn ask_each<T: Serialize>(
        self,
        paths: &[String],
        body: &Value,
        mut work: impl FnMut(&Offline, usize) -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<anyhow::Result<Value>>> {
        let bar = working();
        let mut answers = Vec::with_capacity(paths.len());
        match self {
            Self::Gateway(client) => {
                for path in paths {
                    let answer = run_async(client.post(path, body));
                    answers.push(answer.and_then(|answer| Ok(answer?)));
                }
            }
            Self::Offline(offline) => {
                for at in 0..paths.len() {
                    let done = work(&offline, at);
                    answers.push(done.and_then(|done| Ok(serde_json::to_value(done)?)));
                }
                offline.log.close();
            }
        }
        bar.finish_and_clear();
        Ok(answers)
    }
}

/// Says on a terminal that something goes on: how long it takes depends on the log.
pub(super) fn working() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message("reading the log");
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// The user that runs this, as the operating system knows it, who must own `dir`: files of
/// anybody else the gateway could not open afterwards.
pub(super) fn owner(dir: &Path) -> anyhow::Result<Custodian> {
    let uid_of = |path: &Path| {
        let found = std::fs::metadata(path).map(|found| found.uid());
        found.with_context(|| format!("cannot tell whose `{}` is", path.display()))
    };
    let (uid, owner) = (uid_of(Path::new("/proc/self"))?, uid_of(dir)?);
    let user = user_name(uid);
    if uid != owner {
        let owner = user_name(owner);
        bail!(
            "`{}` belongs to `{owner}`, not to `{user}`\nhint: run this as `{owner}`, for \
             example with `sudo -u {owner}`",
            dir.display()
        );
    }
    Ok(Custodian::Offline { user, uid })
}

/// Asks a person before something goes that cannot come back.
pub(super) fn confirm(yes: bool, what: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("{what} cannot be undone\nhint: give --yes");
    }
    let mut error = std::io::stderr().lock();
    write!(error, "{what} cannot be undone. Type `yes` to go on: ")?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => bail!("nothing was done"),
    }
}

/// A time for people.
pub(super) fn moment(at_us: u64) -> String {
    time(i64::try_from(at_us).unwrap_or(i64::MAX))
}

/// A row of a table of recordings.
pub(super) fn row(due: &Due) -> Vec<String> {
    vec![
        due.session.to_string(),
        moment(due.ended_at_us),
        due.principal.clone().unwrap_or_else(|| "-".to_owned()),
        due.resource.clone(),
        due.payload_bytes.to_string(),
        match &due.held_by {
            Some(hold) => format!("{}; held by {hold}", due.why),
            None => due.why.clone(),
        },
    ]
}

/// The header over such rows.
pub(super) const HEADER: [&str; 6] = ["session", "ended", "who", "resource", "bytes", "why"];
