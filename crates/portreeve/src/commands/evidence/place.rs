//! Where the evidence is reached: through the gateway that writes it, or on its directory.

use super::super::options::{ApiOptions, ConfigOption, run_async};
use super::super::output::{remark, time};
use super::super::sessions::resolve;
use super::super::verify::directory;
use crate::wiring::retention;
use anyhow::{Context, bail};
use portreeve_control::client::ApiClient;
use portreeve_evidence::{Due, Error, EvidenceLog, Options, Retention, is_live};
use portreeve_model::{Custodian, SessionId};
use serde::Serialize;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

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
    api: ApiOptions,
}

/// How it is reached.
pub(super) enum Keeper {
    /// Through the gateway, which knows the caller by a token.
    Gateway(ApiClient),
    /// Directly.
    Offline(Box<Offline>),
}

/// A log without a gateway.
pub(super) struct Offline {
    pub(super) log: EvidenceLog,
    pub(super) by: Custodian,
    pub(super) retention: Retention,
}

impl Place {
    /// The directory, where it is on this machine.
    fn local(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.dir {
            Some(dir) => Ok(Some(directory(Some(dir), &self.config)?)),
            None => Ok(directory(None, &self.config).ok()),
        }
    }

    /// Reaches the evidence to do `what`.
    pub(super) fn open(&self, what: &str) -> anyhow::Result<Keeper> {
        let offline = self.local()?.filter(|dir| self.dir.is_some() || !is_live(dir));
        let Some(dir) = offline else { return Ok(Keeper::Gateway(self.api.client()?)) };
        let retention = match self.config.load() {
            Ok(config) => retention(&config),
            // A directory from elsewhere has no rules here.
            Err(_) if self.dir.is_some() => Retention::default(),
            Err(error) => return Err(error),
        };
        let mut options = Options::new(&dir);
        options.version = format!("{} (evidence {what})", env!("CARGO_PKG_VERSION"));
        remark(&format!("# no gateway writes `{}`: working on it directly", dir.display()));
        let log = EvidenceLog::open(options)?;
        log.settle()?;
        Ok(Keeper::Offline(Box::new(Offline { log, by: user()?, retention })))
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
        body: Option<&Value>,
        work: impl FnOnce(&Offline) -> Result<T, Error>,
    ) -> anyhow::Result<Value> {
        match (self, body) {
            (Self::Gateway(client), Some(body)) => Ok(run_async(client.post(path, body))??),
            (Self::Gateway(client), None) => Ok(run_async(client.get(path))??),
            (Self::Offline(offline), _) => {
                let answer = serde_json::to_value(work(&offline)?)?;
                offline.log.close();
                Ok(answer)
            }
        }
    }
}

/// The user that runs this, as the operating system knows it.
fn user() -> anyhow::Result<Custodian> {
    let uid = std::fs::metadata("/proc/self").context("cannot tell which user runs this")?.uid();
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    Ok(Custodian::Offline { user: name.unwrap_or_else(|| uid.to_string()), uid })
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
