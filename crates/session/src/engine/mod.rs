//! What all sessions of a gateway share, and how a client gets a session.

mod limits;
mod live;
mod observer;
mod shares;

pub use limits::Limits;
pub(crate) use live::Crowded;
pub(crate) use live::{Counts, Lifeline};
pub use live::{Live, LiveSession};
pub use observer::{NoObserver, Observer, Step};
use shares::EvidenceUse;
pub(crate) use shares::{NoRoom, PrincipalKey};

use crate::protocol::NoticeEncoder;
use crate::session::{Classify, Opening, Session};
use crate::{ApprovalService, SessionError, UsageKey, UsageStore};
use portreeve_decide::mask::Masker;
use portreeve_decide::policy::Policies;
use portreeve_evidence::{EvidenceLog, policy_adoption};
use portreeve_model::{
    Chain, Decision, Outcome, Refusal, RefusalCode, RequestId, SessionId, Usage, Verdict,
};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use uuid::Uuid;

/// What an engine is made of.
pub struct EngineParts {
    /// The evidence.
    pub log: EvidenceLog,
    /// The first policies.
    pub policies: Arc<Policies>,
    /// Where people are asked.
    pub approvals: Arc<dyn ApprovalService>,
    /// Who counts what outlives sessions.
    pub usage: Arc<dyn UsageStore>,
    /// How values are masked.
    pub masker: Arc<Masker>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
    /// The limits.
    pub limits: Limits,
}

/// Everything that sessions share.
pub struct Engine {
    pub(crate) log: EvidenceLog,
    policies: watch::Sender<Arc<Policies>>,
    pub(crate) approvals: Arc<dyn ApprovalService>,
    pub(crate) usage: Arc<dyn UsageStore>,
    pub(crate) masker: Arc<Masker>,
    pub(crate) observer: Arc<dyn Observer>,
    /// The open sessions.
    pub live: Live,
    /// What principals have had recorded today.
    pub(crate) evidence_use: EvidenceUse,
    /// What holds for what comes next.
    limits: RwLock<Arc<Limits>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("sessions", &self.live.count()).finish_non_exhaustive()
    }
}

/// What a client that has to be asked about wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReviewMode {
    /// Wait for the answer on the open connection.
    #[default]
    Wait,
    /// Be refused at once, with the review's id, and ask again later.
    Refuse,
    /// Be told that a person would be asked, already of what does not run yet. Nobody is.
    Tell,
}

/// An authenticated client that wants in.
pub struct OpenRequest {
    /// The session's id, as already told to the log.
    pub id: SessionId,
    /// Who.
    pub chain: Chain,
    /// Where.
    pub resource: String,
    /// Through which protocol.
    pub protocol: &'static str,
    /// From where.
    pub client: SocketAddr,
    /// What the client calls itself.
    pub application: Option<String>,
    /// Its encryption.
    pub tls: String,
    /// What to do when a person must be asked.
    pub review_mode: ReviewMode,
    /// What is classified how.
    pub classify: Classify,
    /// When the credential ends, and the session with it.
    pub expires_at: Option<SystemTime>,
    /// How the gateway's own words look in the protocol.
    pub notices: Arc<dyn NoticeEncoder>,
}

impl Engine {
    /// Starts; the policies are recorded before anything is decided by them.
    pub async fn start(parts: EngineParts) -> Result<Arc<Self>, portreeve_evidence::Sealed> {
        let engine = Arc::new(Self {
            log: parts.log,
            policies: watch::Sender::new(parts.policies.clone()),
            approvals: parts.approvals,
            usage: parts.usage,
            masker: parts.masker,
            observer: parts.observer,
            live: Live::default(),
            evidence_use: EvidenceUse::default(),
            limits: RwLock::new(Arc::new(parts.limits)),
        });
        engine.adopt(parts.policies).await?;
        Ok(engine)
    }

    /// Decides by these policies from now on, once that is recorded.
    pub async fn adopt(&self, policies: Arc<Policies>) -> Result<(), portreeve_evidence::Sealed> {
        let adoption = policy_adoption(policies.version(), policies.source());
        self.log.append_all(adoption).durable().await?;
        self.policies.send_replace(policies);
        Ok(())
    }

    /// The limits that hold now.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other limits from here on: for sessions to come, and for what open ones do next. How long
    /// a write may take is that of a session's beginning.
    pub fn limit(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        self.policies.borrow().clone()
    }

    /// Tells of every change of policies from now on.
    pub(crate) fn policy_changes(&self) -> watch::Receiver<Arc<Policies>> {
        self.policies.subscribe()
    }

    /// Counts amounts of a day, and gives its totals.
    pub(crate) async fn reserve(
        &self,
        key: &UsageKey,
        amounts: Usage,
    ) -> Result<Usage, SessionError> {
        self.usage.reserve(key, amounts).await.map_err(|error| {
            tracing::error!(%error, "nothing that has to be counted may pass");
            SessionError::Unrecordable
        })
    }

    /// Counts how long it took to reach a target, which protocols do themselves.
    pub fn dialled(&self, resource: &str, time: Duration) {
        self.observer.took(resource, Step::Dial, time);
    }

    /// The evidence's state.
    #[must_use]
    pub fn evidence(&self) -> &EvidenceLog {
        &self.log
    }

    /// Lets a client in, or says why not. Either way it is recorded first.
    pub async fn open(self: &Arc<Self>, ask: OpenRequest) -> Result<Session, Refusal> {
        let unrecordable = || {
            refusal(
                ask.id,
                RefusalCode::Unrecordable,
                "the evidence cannot be written, so nothing may pass".into(),
                Some("an operator must look at the gateway's health".into()),
            )
        };
        if self.log.health().state >= portreeve_evidence::HealthState::Restricted {
            return Err(unrecordable());
        }
        let recorder = self.log.session(ask.id).map_err(|_| unrecordable())?;
        let counts = Arc::new(Counts::default());
        let lifeline = Arc::new(Lifeline::new(ask.expires_at));
        let (session, decision) = Session::open(
            self.clone(),
            &ask,
            Opening { recorder, counts: counts.clone(), lifeline: lifeline.clone() },
        );
        let refusal = refused_entry(&session, &decision).or_else(|| {
            let limits = self.limits();
            let added = self.live.add(shown(&ask), counts, lifeline, &limits);
            added.err().map(|crowded| crowded_out(ask.id, crowded, &limits))
        });
        if let Some(refusal) = refusal {
            let outcome = Outcome::Refused { code: refusal.code, rule: refusal.rule.clone() };
            session.turn_away(&decision, outcome);
            return Err(if session.commit().await.is_ok() { refusal } else { unrecordable() });
        }
        session.entered();
        session.commit().await.map_err(|_| unrecordable())?;
        Ok(session)
    }

    /// A fresh session id (UUIDv7: sorts by time).
    #[must_use]
    pub fn new_session_id() -> SessionId {
        SessionId(Uuid::now_v7())
    }
}

/// Why policy keeps a client out. A review of `connect` has nothing to hold: it is a
/// refusal.
fn refused_entry(session: &Session, decision: &Decision) -> Option<Refusal> {
    if decision.verdict == Verdict::Allow {
        return None;
    }
    let reason = decision.reasons.first();
    let mut refused = refusal(
        session.id(),
        RefusalCode::Denied,
        format!("`{}` may not connect to `{}`", session.chain(), session.resource()),
        reason.and_then(|reason| reason.advice.clone()),
    );
    refused.rule = reason.map(|reason| reason.rule.clone());
    Some(refused)
}

/// Why there is no place for another session.
fn crowded_out(id: SessionId, crowded: Crowded, limits: &Limits) -> Refusal {
    let (message, hint) = match crowded {
        Crowded::Gateway => (
            "too many sessions are open".to_owned(),
            "close a connection, or try again later (`limits.sessions_max`)",
        ),
        Crowded::Principal => (
            format!("you have {} sessions open at once", limits.sessions_per_principal_max),
            "close some of them, or share fewer connections among more work \
             (`limits.sessions_per_principal_max`)",
        ),
    };
    refusal(id, RefusalCode::LimitExceeded, message, Some(hint.to_owned()))
}

fn refusal(id: SessionId, code: RefusalCode, message: String, hint: Option<String>) -> Refusal {
    let request = RequestId { session: id, exchange: 0 };
    Refusal { code, message, rule: None, request, hint, review: None }
}

fn shown(ask: &OpenRequest) -> LiveSession {
    LiveSession {
        id: ask.id,
        chain: ask.chain.clone(),
        resource: ask.resource.clone(),
        protocol: ask.protocol,
        client: ask.client.to_string(),
        opened_at_us: now_us(),
        exchanges: 0,
        rows: 0,
    }
}

/// Microseconds since 1970, for policy contexts and lists.
pub(crate) fn now_us() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
