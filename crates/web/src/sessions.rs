//! Callers' sessions: HTTP has none of its own, so that one caller at one resource is one,
//! until they have said nothing for a while or their identity ends.

use crate::kept::Rooms;
use crate::problem::Problem;
use crate::room::Room;
use crate::target::{Address, Line, Lines};
use aws_lc_rs::digest::{SHA256, digest};
use http::StatusCode;
use portreeve_model::{Refusal, Secret};
use portreeve_session::{
    Authenticator, Classify, Ended, Engine, Identity, IdentityEnd, NotAdmitted, NoticeEncoder,
    OpenRequest, ReviewMode, Session,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Bytes that the bodies of one caller's requests may take up at once, and what of answers to
/// them waits to be looked through.
const ROOM_BYTES: usize = 64 << 20;
/// The same of the answers of all callers.
const ANSWERS_BYTES: usize = 256 << 20;

/// Which session a request belongs to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    resource: String,
    /// SHA-256 of the token: the token itself is kept nowhere.
    token: [u8; 32],
    waits: bool,
    /// The protocol's own name for it; empty where it has none.
    name: String,
}

impl Key {
    fn of(ask: &Ask<'_>, resource: &str) -> Self {
        let mut token = [0; 32];
        token.copy_from_slice(digest(&SHA256, ask.token.reveal().as_bytes()).as_ref());
        // A session that has a name is one, whatever each of its requests would like.
        let waits = ask.review_mode == ReviewMode::Wait && ask.name.is_empty();
        Self { resource: resource.to_owned(), token, waits, name: ask.name.to_owned() }
    }
}

/// One caller at one resource.
#[derive(Debug)]
pub struct Caller<S> {
    /// The session.
    pub session: Session,
    /// What the protocol keeps with it.
    pub own: S,
    used: Mutex<Instant>,
    /// Whether the caller has ended it.
    is_over: AtomicBool,
    busy: Notify,
    lines: Lines,
    /// Bytes that bodies of the caller's requests may take up at once.
    pub room: Room,
    /// The room of what of answers waits to be looked through.
    pub answers: Rooms,
}

impl<S> Caller<S> {
    /// A connection to a target that an earlier request has left, if it is still good.
    pub fn take_line(&self, address: &Address) -> Option<Line> {
        self.lines.take(address)
    }

    /// Leaves a connection whose answer was read to its end.
    pub fn leave_line(&self, line: Line) {
        self.lines.leave(line);
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
        self.busy.notify_one();
    }
}

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The caller's token.
    pub token: &'a Secret<String>,
    /// Where the caller is.
    pub client: SocketAddr,
    /// How the connection is encrypted.
    pub tls: &'a str,
    /// What the client calls itself.
    pub application: Option<String>,
    /// Whether the caller waits for reviews.
    pub review_mode: ReviewMode,
    /// The protocol's own name for the session; empty where it has none.
    pub name: &'a str,
}

/// What a protocol opens a session with.
pub struct Opening<S> {
    /// What is classified.
    pub classify: Classify,
    /// The gateway's words.
    pub notices: Arc<dyn NoticeEncoder>,
    /// What the protocol keeps with it.
    pub own: S,
}

impl<S> std::fmt::Debug for Opening<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

/// The sessions that are open.
pub struct Sessions<S> {
    protocol: &'static str,
    engine: Arc<Engine>,
    authenticator: Arc<dyn Authenticator>,
    idle_timeout: Duration,
    /// Bytes of answers that may wait to be looked through at once.
    answers: Room,
    open: Mutex<HashMap<Key, Arc<Caller<S>>>>,
    /// Each looks after one session.
    tasks: Mutex<JoinSet<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S> std::fmt::Debug for Sessions<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Sessions<S> {
    /// None yet.
    #[must_use]
    pub fn new(
        protocol: &'static str,
        engine: Arc<Engine>,
        authenticator: Arc<dyn Authenticator>,
        idle_timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            protocol,
            engine,
            authenticator,
            idle_timeout,
            answers: Room::new(ANSWERS_BYTES),
            open: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    /// Whether a token is good for anything, where it names no resource.
    ///
    /// # Errors
    /// It is not.
    pub async fn check(&self, ask: &Ask<'_>) -> Result<(), Problem> {
        self.identify(ask, "").await.map(drop)
    }

    /// Records that a request could not even be read.
    pub fn turned_away(&self, client: SocketAddr, why: &str) {
        self.authenticator.turned_away(self.protocol, client.ip(), why);
    }

    /// The caller's session at a resource, if it is open.
    #[must_use]
    pub fn find(&self, ask: &Ask<'_>, resource: &str) -> Option<Arc<Caller<S>>> {
        let caller = lock(&self.open).get(&Key::of(ask, resource)).cloned()?;
        caller.touch();
        Some(caller)
    }

    /// The caller's session at a resource, opened at its first request.
    ///
    /// # Errors
    /// The caller is not let in.
    pub async fn caller(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        resource: &str,
        opening: impl FnOnce() -> Opening<S>,
    ) -> Result<Arc<Caller<S>>, Problem> {
        if let Some(caller) = self.find(ask, resource) {
            return Ok(caller);
        }
        let identity = self.identify(ask, resource).await?;
        let Opening { classify, notices, own } = opening();
        let opened = self.engine.open(OpenRequest {
            id: Engine::new_session_id(),
            chain: identity.chain.clone(),
            resource: resource.to_owned(),
            protocol: self.protocol,
            client: ask.client,
            application: ask.application.clone(),
            tls: ask.tls.to_owned(),
            review_mode: ask.review_mode,
            classify,
            expires_at: Some(identity.expires_at),
            notices,
        });
        let fresh = Arc::new(Caller {
            session: opened.await.map_err(|refusal| problem(&refusal))?,
            own,
            used: Mutex::new(Instant::now()),
            is_over: AtomicBool::new(false),
            busy: Notify::new(),
            lines: Lines::default(),
            room: Room::new(ROOM_BYTES),
            answers: Rooms::new([Room::new(ROOM_BYTES), self.answers.clone()]),
        });
        let key = Key::of(ask, resource);
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

    /// Ends a session that its caller ends.
    pub fn end(&self, ask: &Ask<'_>, resource: &str, caller: &Arc<Caller<S>>) {
        self.retire(&Key::of(ask, resource), caller);
        caller.is_over.store(true, Ordering::Release);
        caller.busy.notify_one();
    }

    /// Who a token stands for, at a resource.
    ///
    /// # Errors
    /// It is not good.
    pub async fn identify(&self, ask: &Ask<'_>, resource: &str) -> Result<Identity, Problem> {
        let found = self
            .authenticator
            .authenticate(self.protocol, resource, ask.token, ask.client.ip())
            .await;
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

    /// Nobody gets it from the list any more, unless somebody has got it just now.
    fn retire_if_alone(&self, key: &Key, caller: &Arc<Caller<S>>) -> bool {
        let mut open = lock(&self.open);
        let is_alone = Arc::strong_count(caller) <= 2;
        if is_alone {
            open.remove(key);
        }
        is_alone
    }

    fn retire(&self, key: &Key, caller: &Arc<Caller<S>>) {
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
async fn look_after<S: Send + Sync + 'static>(
    sessions: Weak<Sessions<S>>,
    key: Key,
    caller: Arc<Caller<S>>,
    identity: Identity,
) {
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
            () = caller.busy.notified() => {
                if caller.is_over.load(Ordering::Acquire) {
                    break "the caller has ended it".to_owned();
                }
            }
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
