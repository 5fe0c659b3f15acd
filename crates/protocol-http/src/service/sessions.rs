//! Callers' sessions: HTTP has none of its own, so that one caller at one resource is one,
//! until they have said nothing for a while or their identity ends.

use super::problem::{Notices, Problem};
use crate::NAME;
use crate::target::{Line, Target};
use aws_lc_rs::digest::{SHA256, digest};
use http::StatusCode;
use portreeve_model::{Refusal, Secret};
use portreeve_session::{
    Authenticator, Ended, Engine, Identity, IdentityEnd, NotAdmitted, OpenRequest, ReviewMode,
    Session,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Connections to a target that one caller's session keeps for the next request.
const LINES_MAX: usize = 4;

/// Bytes that the bodies of one caller's requests may take up at once.
const ROOM_BYTES: usize = 64 << 20;

/// Which session a request belongs to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    resource: String,
    /// SHA-256 of the token: the token itself is kept nowhere.
    token: [u8; 32],
    waits: bool,
}

/// One caller at one resource.
pub(super) struct Caller {
    pub(super) session: Session,
    used: Mutex<Instant>,
    busy: Notify,
    lines: Mutex<Vec<Line>>,
    /// Bytes that bodies of the caller's requests may take up at once.
    pub(super) room: Arc<Semaphore>,
}

impl Caller {
    /// A connection that an earlier request has left, if it is still good.
    pub(super) fn take_line(&self) -> Option<Line> {
        let mut lines = lock(&self.lines);
        while let Some(line) = lines.pop() {
            if line.sender.is_ready() {
                return Some(line);
            }
        }
        None
    }

    /// Leaves a connection whose answer was read to its end.
    pub(super) fn leave_line(&self, line: Line) {
        let mut lines = lock(&self.lines);
        if lines.len() < LINES_MAX {
            lines.push(line);
        }
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
        self.busy.notify_one();
    }
}

/// Who asks, and from where.
pub(super) struct Ask<'a> {
    pub(super) token: &'a Secret<String>,
    pub(super) client: SocketAddr,
    pub(super) tls: &'a str,
    pub(super) application: Option<String>,
    pub(super) review_mode: ReviewMode,
}

/// The sessions that are open.
pub(super) struct Sessions {
    engine: Arc<Engine>,
    authenticator: Arc<dyn Authenticator>,
    idle_timeout: Duration,
    open: Mutex<HashMap<Key, Arc<Caller>>>,
    /// Each looks after one session.
    tasks: Mutex<JoinSet<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    pub(super) fn new(
        engine: Arc<Engine>,
        authenticator: Arc<dyn Authenticator>,
        idle_timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            engine,
            authenticator,
            idle_timeout,
            open: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    /// Whether a token is good for anything, where it names no resource.
    pub(super) async fn check(&self, ask: &Ask<'_>) -> Result<(), Problem> {
        self.identify(ask, "").await.map(drop)
    }

    /// Records that a request could not even be read.
    pub(super) fn turned_away(&self, client: SocketAddr, why: &str) {
        self.authenticator.turned_away(NAME, client.ip(), why);
    }

    /// The caller's session at a resource, opened at its first request.
    pub(super) async fn caller(
        self: &Arc<Self>,
        ask: Ask<'_>,
        target: &Arc<Target>,
    ) -> Result<Arc<Caller>, Problem> {
        let mut token = [0; 32];
        token.copy_from_slice(digest(&SHA256, ask.token.reveal().as_bytes()).as_ref());
        let waits = ask.review_mode == ReviewMode::Wait;
        let key = Key { resource: target.name().to_owned(), token, waits };
        if let Some(caller) = lock(&self.open).get(&key) {
            caller.touch();
            return Ok(caller.clone());
        }
        let identity = self.identify(&ask, target.name()).await?;
        let session = self.open(&ask, &identity, target).await?;
        let fresh = Arc::new(Caller {
            session,
            used: Mutex::new(Instant::now()),
            busy: Notify::new(),
            lines: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM_BYTES)),
        });
        // Two first requests may race: one session is enough.
        let caller = lock(&self.open).entry(key.clone()).or_insert_with(|| fresh.clone()).clone();
        match Arc::ptr_eq(&caller, &fresh) {
            true => {
                let mut tasks = lock(&self.tasks);
                while tasks.try_join_next().is_some() {}
                tasks.spawn(look_after(Arc::downgrade(self), key, fresh, identity));
            }
            false => fresh.session.clone().close("another one of the caller's is open").await,
        }
        Ok(caller)
    }

    async fn identify(&self, ask: &Ask<'_>, resource: &str) -> Result<Identity, Problem> {
        let found =
            self.authenticator.authenticate(NAME, resource, ask.token, ask.client.ip()).await;
        found.map_err(|why| match why {
            NotAdmitted::Invalid(why) => Problem::new(StatusCode::UNAUTHORIZED, why, ""),
            NotAdmitted::TooMany => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many bad tokens from this address",
                "wait a minute",
            ),
            NotAdmitted::Unavailable => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the token cannot be checked now",
                "try again later",
            ),
        })
    }

    async fn open(
        &self,
        ask: &Ask<'_>,
        identity: &Identity,
        target: &Arc<Target>,
    ) -> Result<Session, Problem> {
        let classified = target.clone();
        let opened = self.engine.open(OpenRequest {
            id: Engine::new_session_id(),
            chain: identity.chain.clone(),
            resource: target.name().to_owned(),
            protocol: NAME,
            client: ask.client,
            application: ask.application.clone(),
            tls: ask.tls.to_owned(),
            review_mode: ask.review_mode,
            classify: Arc::new(move |object| classified.category_of_object(object)),
            expires_at: Some(identity.expires_at),
            notices: Arc::new(Notices),
        });
        opened.await.map_err(|refusal| problem(&refusal))
    }

    /// Nobody gets it from the list any more, unless somebody has got it just now.
    fn retire_if_alone(&self, key: &Key, caller: &Arc<Caller>) -> bool {
        let mut open = lock(&self.open);
        let is_alone = Arc::strong_count(caller) <= 2;
        if is_alone {
            open.remove(key);
        }
        is_alone
    }

    fn retire(&self, key: &Key, caller: &Arc<Caller>) {
        let mut open = lock(&self.open);
        if open.get(key).is_some_and(|known| Arc::ptr_eq(known, caller)) {
            open.remove(key);
        }
    }
}

fn problem(refusal: &Refusal) -> Problem {
    use portreeve_model::RefusalCode;
    let status = match refusal.code {
        RefusalCode::Unrecordable | RefusalCode::LimitExceeded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    Problem::new(status, refusal.message.clone(), refusal.hint.as_deref().unwrap_or_default())
}

/// Ends a session with its identity, or when nothing was asked for a while.
async fn look_after(sessions: Weak<Sessions>, key: Key, caller: Arc<Caller>, identity: Identity) {
    let Some((mut identity_end, idle_timeout)) = sessions
        .upgrade()
        .map(|sessions| (sessions.authenticator.watch(&identity), sessions.idle_timeout))
    else {
        return;
    };
    let why = loop {
        let idle_at = *lock(&caller.used) + idle_timeout;
        tokio::select! {
            end = &mut identity_end => {
                let ended = match end {
                    IdentityEnd::Expired => Ended::Expired,
                    other => Ended::Revoked(other.to_string()),
                };
                caller.session.end(ended.clone());
                break ended.to_string();
            }
            ended = caller.session.ended() => break ended.to_string(),
            () = caller.busy.notified() => {}
            () = sleep_until(idle_at) => {
                let is_idle = *lock(&caller.used) + idle_timeout <= Instant::now();
                // Whoever runs an exchange holds the caller, too.
                let is_alone =
                    || sessions.upgrade().is_none_or(|all| all.retire_if_alone(&key, &caller));
                if is_idle && is_alone() {
                    break "nothing was asked for a while".to_owned();
                }
                caller.touch();
            }
        }
    };
    if let Some(sessions) = sessions.upgrade() {
        sessions.retire(&key, &caller);
    }
    caller.session.clone().close(&why).await;
}
