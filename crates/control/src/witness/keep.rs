//! Keeps the log witnessed: shows the newest checkpoint to every witness, keeps what enough
//! of them have cosigned, and finds out when the log is not the one that they know.

use super::ask::{Answer, WitnessClient};
use crate::config::Evidence;
use crate::metrics::Metrics;
use portreeve_evidence::witness::{AddCheckpoint, Cosigned, Witnessed};
use portreeve_evidence::{Checkpoint, Error, EvidenceLog, LogReader, Signed, VerifierKey, is_log};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::{JoinSet, spawn_blocking};

/// How the witnesses are, for people and programs.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct WitnessStatus {
    /// How many there are.
    pub witnesses: usize,
    /// How many must have cosigned.
    pub quorum: usize,
    /// How many records the newest tree has that so many cosigned.
    pub records: u64,
    /// When they did, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// The witnesses that gave no cosignature when they were asked last, and why.
    pub failing: BTreeMap<String, String>,
}

/// What is known of one witness between two rounds.
struct Member {
    client: Arc<WitnessClient>,
    /// The size that it cosigned last, as far as is known here.
    size: u64,
    failures: u32,
    /// Not before this: it failed, and is left alone for a while.
    again_at: Option<Instant>,
}

/// The witnesses of a gateway.
pub struct Witnesses {
    members: tokio::sync::Mutex<Vec<Member>>,
    keys: Vec<VerifierKey>,
    quorum: usize,
    interval: Duration,
    max_age: Duration,
    started: SystemTime,
    /// Held while the file of their answers is written: a round that was given up may still
    /// be at it.
    writing: Arc<Mutex<()>>,
    status: Mutex<WitnessStatus>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witnesses({} of {})", self.quorum, self.keys.len())
    }
}

/// What is shown to a witness.
#[derive(Clone)]
struct Shown {
    dir: PathBuf,
    note: String,
    checkpoint: Checkpoint,
}

/// Why a witness gave no cosignature.
enum Trouble {
    /// It could not, would not, or what it gave is worth nothing.
    Failed(String),
    /// It has seen more of this log, or another under its key; or says so.
    Disagrees,
}

impl Witnesses {
    /// Prepares to ask the witnesses of a configuration; `None` where it names none.
    ///
    /// # Errors
    /// A file of authorities cannot be used.
    pub fn new(config: &Evidence, metrics: Arc<Metrics>) -> Result<Option<Self>, String> {
        if config.witnesses.is_empty() {
            return Ok(None);
        }
        let clients = config.witnesses.iter().map(WitnessClient::new);
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        let quorum = usize::try_from(config.quorum).unwrap_or(usize::MAX);
        let member = |client| Member { client, size: 0, failures: 0, again_at: None };
        Ok(Some(Self {
            keys: clients.iter().map(|client| client.key.clone()).collect(),
            quorum,
            interval: config.interval,
            max_age: config.max_age,
            started: SystemTime::now(),
            writing: Arc::default(),
            status: Mutex::new(WitnessStatus {
                witnesses: clients.len(),
                quorum,
                ..WitnessStatus::default()
            }),
            members: tokio::sync::Mutex::new(
                clients.into_iter().map(Arc::new).map(member).collect(),
            ),
            metrics,
        }))
    }

    /// How they are.
    #[must_use]
    pub fn status(&self) -> WitnessStatus {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, WitnessStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks every witness what it has seen of the log in `dir`, before a gateway signs
    /// anything for it. Gives what someone should look at: witnesses that cannot be asked
    /// are no reason not to start, for then a witness could stop the gateway.
    ///
    /// # Errors
    /// A witness has seen more of this log than there is, or another under its key.
    pub async fn check_before_start(&self, dir: &Path) -> Result<Vec<String>, String> {
        if !is_log(dir) {
            return Ok(Vec::new());
        }
        let mut members = self.members.lock().await;
        let kept = dir.to_owned();
        let known = spawn_blocking(move || {
            let reader = LogReader::open(&kept)?;
            Ok((reader.newest_checkpoint()?, Witnessed::load(&kept, reader.key())?, reader))
        });
        let (newest, witnessed, reader) =
            joined(known.await)?.map_err(|error: Error| error.to_string())?;
        if let Some(witnessed) = witnessed {
            members.iter_mut().for_each(|member| member.size = witnessed.checkpoint.size);
            self.adopt(&witnessed);
        }
        let mut asking = JoinSet::new();
        for member in members.iter() {
            let (client, dir) = (member.client.clone(), dir.to_owned());
            let (origin, newest) = (reader.key().name().to_owned(), newest.clone());
            asking.spawn(async move {
                let seen = what_it_has_seen(&client, dir, &origin, newest).await;
                seen.map_err(|why| (client.name.clone(), why))
            });
        }
        let mut warnings = Vec::new();
        while let Some(asked) = asking.join_next().await {
            match joined(asked)? {
                Ok(()) => {}
                Err((name, Seen::Unknown(why))) => warnings.push(format!("`{name}`: {why}")),
                Err((_, Seen::Otherwise(why))) => return Err(why),
            }
        }
        Ok(warnings)
    }

    /// Asks again and again, until the task is dropped.
    pub async fn run(&self, log: &EvidenceLog) {
        loop {
            self.round(log, ROUND_TIMEOUT).await;
            tokio::time::sleep(self.interval).await;
        }
    }

    /// Shows the last checkpoint of a log that is closed.
    pub async fn finish(&self, log: &EvidenceLog) {
        self.round(log, FINISH_TIMEOUT).await;
    }

    async fn round(&self, log: &EvidenceLog, limit: Duration) {
        let asking = self.ask_all(log);
        match tokio::time::timeout(limit, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::error!(%why, "the log cannot be shown to witnesses"),
            Err(_) => tracing::warn!("the witnesses took too long"),
        }
        let at = self.locked().at.map_or(self.started, |at| UNIX_EPOCH + Duration::from_secs(at));
        let age = SystemTime::now().duration_since(at).unwrap_or_default();
        log.set_unwitnessed((age > self.max_age).then(|| {
            format!(
                "no checkpoint was cosigned by {} witnesses for {} s",
                self.quorum,
                age.as_secs()
            )
        }));
    }

    async fn ask_all(&self, log: &EvidenceLog) -> Result<(), String> {
        let Some(note) = log.checkpoint() else { return Ok(()) };
        let dir = log.dir().to_owned();
        let key = LogReader::open(&dir).map_err(|error| error.to_string())?.key().clone();
        let checkpoint = key.open(&note).ok_or("the log's own checkpoint does not hold")?;
        if self.is_fresh(&checkpoint) {
            return Ok(());
        }
        let mut members = self.members.lock().await;
        let now = Instant::now();
        let shown = Shown { dir, note, checkpoint };
        let mut asking = JoinSet::new();
        for (at, member) in members.iter().enumerate() {
            if member.again_at.is_none_or(|again_at| again_at <= now) {
                let (client, shown) = (member.client.clone(), shown.clone());
                let size = member.size;
                asking.spawn(async move { (at, show(&client, size, &shown).await) });
            }
        }
        let mut lines = Vec::new();
        while let Some(asked) = asking.join_next().await {
            let (at, result) = joined(asked)?;
            let Some(member) = members.get_mut(at) else { continue };
            match result {
                Ok(cosigned) => {
                    member.size = shown.checkpoint.size;
                    member.failures = 0;
                    member.again_at = None;
                    self.locked().failing.remove(&member.client.name);
                    lines.push(cosigned);
                }
                Err(trouble) => self.failed(member, trouble, log, &shown).await,
            }
        }
        if lines.len() >= self.quorum {
            self.store(key, shown, lines).await?;
        }
        Ok(())
    }

    /// Whether all have cosigned this tree, and not too long ago.
    fn is_fresh(&self, checkpoint: &Checkpoint) -> bool {
        let status = self.locked();
        let at = status.at.map(|at| UNIX_EPOCH + Duration::from_secs(at));
        let age = at.and_then(|at| SystemTime::now().duration_since(at).ok());
        status.records == checkpoint.size
            && status.failing.is_empty()
            && age.is_some_and(|age| age < self.max_age / 2)
    }

    async fn store(
        &self,
        key: VerifierKey,
        shown: Shown,
        lines: Vec<Cosigned>,
    ) -> Result<(), String> {
        let writing = self.writing.clone();
        let storing = spawn_blocking(move || {
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            Witnessed::store(&shown.dir, &key, &shown.note, &lines)
        });
        let witnessed = joined(storing.await)?.map_err(|error| error.to_string())?;
        self.adopt(&witnessed);
        Ok(())
    }

    /// Takes over what a witnessed checkpoint says, if the quorum is on it.
    fn adopt(&self, witnessed: &Witnessed) {
        let time = |key: &VerifierKey| match key.signed_note(&witnessed.note) {
            Signed::At(at) => at,
            Signed::Not | Signed::Falsely => None,
        };
        let mut times: Vec<u64> = self.keys.iter().filter_map(time).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        // When the last one of the newest quorum cosigned.
        if let Some(at) = self.quorum.checked_sub(1).and_then(|last| times.get(last)) {
            let records = witnessed.checkpoint.size;
            let mut status = self.locked();
            (status.records, status.at) = (records, Some(*at));
            self.metrics.set_witnessed(records, *at);
        }
    }

    /// A witness gave no cosignature: says so once, and leaves it alone for longer and longer.
    async fn failed(
        &self,
        member: &mut Member,
        trouble: Trouble,
        log: &EvidenceLog,
        shown: &Shown,
    ) {
        let name = member.client.name.clone();
        let why = match trouble {
            Trouble::Failed(why) => why,
            Trouble::Disagrees => {
                match proof_against(&member.client, shown.dir.clone(), &shown.checkpoint.origin)
                    .await
                {
                    Ok(()) => "it says that it has seen more of this log, or another, and shows \
                         no proof of that"
                        .to_owned(),
                    Err(Seen::Unknown(why)) => why,
                    // SECURITY: signed by this log's key and not in this log. Whatever is
                    // recorded from here on would be a second history.
                    Err(Seen::Otherwise(why)) => {
                        tracing::error!(%why, "the evidence is sealed");
                        log.seal(&why);
                        why
                    }
                }
            }
        };
        self.metrics.witness_failed(&name);
        let before = self.locked().failing.insert(name.clone(), why.clone());
        if before.as_ref() != Some(&why) {
            tracing::warn!(witness = %name, %why, "no cosignature");
        }
        let pause = self.interval.saturating_mul(1 << member.failures.min(8)).min(PAUSE_MAX);
        member.failures = member.failures.saturating_add(1);
        member.again_at = Some(Instant::now() + pause.max(self.interval) - self.interval / 2);
    }
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, String> {
    result.map_err(|error| format!("it could not be worked out: {error}"))
}

/// Shows a checkpoint to a witness, beginning at the size that it should know.
async fn show(client: &WitnessClient, known: u64, shown: &Shown) -> Result<Cosigned, Trouble> {
    let mut old_size = known;
    for _ in 0..TRIES_MAX {
        if old_size > shown.checkpoint.size {
            return Err(Trouble::Disagrees);
        }
        let proof = proof(shown.clone(), old_size).await.map_err(Trouble::Failed)?;
        let request = AddCheckpoint { old_size, proof, checkpoint: shown.note.clone() };
        match client.submit(&request).await.map_err(Trouble::Failed)? {
            Answer::Cosigned(cosigned) => return Ok(cosigned),
            Answer::Conflict(size) => old_size = size,
            Answer::Inconsistent => return Err(Trouble::Disagrees),
        }
    }
    Err(Trouble::Failed("it names another size each time that it is asked".to_owned()))
}

async fn proof(shown: Shown, old: u64) -> Result<Vec<[u8; 32]>, String> {
    if old == 0 {
        return Ok(Vec::new());
    }
    let making = spawn_blocking(move || {
        let proofs = LogReader::open(&shown.dir)?.consistency(&[old], &shown.checkpoint)?;
        Ok(proofs.into_iter().next().unwrap_or_default())
    });
    joined(making.await)?.map_err(|error: Error| error.to_string())
}

/// What a witness has seen that is not as it should be.
enum Seen {
    /// It cannot be told.
    Unknown(String),
    /// More than there is, or another log.
    Otherwise(String),
}

/// Asks for the checkpoint that a witness cosigned last, and compares the log with it.
async fn proof_against(client: &WitnessClient, dir: PathBuf, origin: &str) -> Result<(), Seen> {
    let Some(note) = client.latest(origin).await.map_err(Seen::Unknown)? else { return Ok(()) };
    let who = format!("witness `{}`", client.name);
    let comparing = spawn_blocking(move || {
        let reader = LogReader::open(&dir).map_err(|error| Seen::Unknown(error.to_string()))?;
        let Some(seen) = reader.key().open(&note) else {
            let why = "it shows a checkpoint that this log's key did not sign";
            return Err(Seen::Unknown(why.to_owned()));
        };
        reader.continues(&seen, &who).map_err(|error| Seen::Otherwise(error.to_string()))
    });
    joined(comparing.await).map_err(Seen::Unknown)?
}

/// The same before a start, when the number alone that a witness names counts, too.
async fn what_it_has_seen(
    client: &WitnessClient,
    dir: PathBuf,
    origin: &str,
    newest: Option<String>,
) -> Result<(), Seen> {
    proof_against(client, dir, origin).await?;
    // What is shown to monitors may be an hour old; the size in a conflict is not.
    let Some((note, here)) = newest.and_then(|note| {
        let here = Checkpoint::unverified(&note)?.size;
        Some((note, here))
    }) else {
        return Ok(());
    };
    let request = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: note };
    match client.submit(&request).await.map_err(Seen::Unknown)? {
        Answer::Conflict(size) if size > here => Err(Seen::Otherwise(format!(
            "the log holds {here} records, but witness `{}` says that it has seen {size}; hint: a \
             disk was rolled back or restored from a backup; keep the directory as it is, and bring \
             back the newer one. If the witness is wrong, take it out of the configuration",
            client.name
        ))),
        Answer::Conflict(_) | Answer::Cosigned(_) | Answer::Inconsistent => Ok(()),
    }
}

/// A conflict brings the right size; more than a few mean that somebody else shows this log.
const TRIES_MAX: usize = 3;
/// The longest that a witness which failed is left alone.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How long all of them together may take.
const ROUND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the end of a gateway waits for its witnesses.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
