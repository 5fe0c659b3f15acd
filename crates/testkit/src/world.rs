//! A real engine in a temporary folder, with an in-memory wire on both sides.

use crate::toy::ToyNotices;
use portreeve_decide::mask::{MaskKey, Masker};
use portreeve_decide::policy::Policies;
use portreeve_evidence::{EvidenceLog, LogReader, Options};
use portreeve_model::{Chain, Event, MaskMethod, Party, PartyKind, Refusal, ReviewId, Usage};
use portreeve_session::{
    Answer, ApprovalError, ApprovalService, BoxFuture, Claim, Engine, EngineParts, Limits,
    NoObserver, OpenRequest, ReviewAsk, ReviewMode, Session, UsageError, UsageKey, UsageStore,
};
use portreeve_transport::PreAuth;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::DuplexStream;

/// An approval service where every question gets the same, prepared answer.
#[derive(Debug)]
pub struct OneAnswer {
    /// The answer.
    pub answer: Answer,
    /// What was asked.
    pub asked: Mutex<Vec<ReviewAsk>>,
}

impl ApprovalService for OneAnswer {
    fn open(&self, ask: ReviewAsk) -> BoxFuture<'_, Result<ReviewId, ApprovalError>> {
        self.asked.lock().unwrap().push(ask);
        Box::pin(async { Ok("rv-test".into()) })
    }

    fn answer(&self, _: &ReviewId) -> BoxFuture<'_, Answer> {
        Box::pin(async { self.answer.clone() })
    }

    fn abandon(&self, _: &ReviewId) {}

    fn claim(&self, _: &ReviewAsk) -> BoxFuture<'_, Result<Claim, ApprovalError>> {
        Box::pin(async { Ok(Claim::None) })
    }
}

/// Usage that is counted in memory.
#[derive(Debug, Default)]
pub struct MemoryUsage(Mutex<HashMap<UsageKey, Usage>>);

impl UsageStore for MemoryUsage {
    fn reserve<'a>(
        &'a self,
        key: &'a UsageKey,
        amounts: Usage,
    ) -> BoxFuture<'a, Result<Usage, UsageError>> {
        let mut counts = self.0.lock().unwrap();
        let total = counts.entry(key.clone()).or_default();
        *total += amounts;
        Box::pin(std::future::ready(Ok(*total)))
    }

    fn give_back(&self, key: &UsageKey, amounts: Usage) {
        if let Some(total) = self.0.lock().unwrap().get_mut(key) {
            *total = total.saturating_sub(amounts);
        }
    }
}

/// An engine, and the folder of its evidence.
#[derive(Debug)]
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who is asked.
    pub approvals: Arc<OneAnswer>,
    /// The evidence's folder, removed with the world.
    pub folder: TempDir,
}

impl World {
    /// Starts an engine with policies and one answer for every review.
    pub async fn new(policies: &str, answer: Answer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let approvals = Arc::new(OneAnswer { answer, asked: Mutex::default() });
        let policies = Policies::load(&[("test.cedar".into(), policies.into())]).unwrap();
        let engine = Engine::start(EngineParts {
            log: EvidenceLog::open(Options::new(folder.path())).unwrap(),
            policies: Arc::new(policies),
            approvals: approvals.clone(),
            usage: Arc::new(MemoryUsage::default()),
            masker: Arc::new(masker()),
            observer: Arc::new(NoObserver),
            limits: Limits::default(),
        })
        .await
        .unwrap();
        Self { engine, approvals, folder }
    }

    /// Opens a session of alice, through a planner.
    pub async fn session(&self, resource: &str) -> Result<Session, Refusal> {
        let party = |kind, name: &str| Party::new(kind, "test", name);
        self.engine
            .open(OpenRequest {
                id: Engine::new_session_id(),
                chain: Chain::new(
                    party(PartyKind::Person, "alice"),
                    vec![party(PartyKind::Actor, "planner")],
                ),
                resource: resource.into(),
                protocol: "toy",
                client: ([127, 0, 0, 1], 1).into(),
                application: None,
                tls: "none".into(),
                review_mode: ReviewMode::Wait,
                classify: Arc::new(|_| None),
                expires_at: None,
                notices: Arc::new(ToyNotices),
            })
            .await
    }

    /// The events of the log, read back from its files; nothing can be recorded after it.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.engine.evidence().close();
        let mut events = Vec::new();
        let reader = LogReader::open(self.folder.path()).unwrap();
        reader
            .for_each(|entry| {
                events.push(entry.record()?.event);
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        events
    }

    /// One end of an in-memory connection for the engine, the other for the test.
    #[must_use]
    pub fn wire() -> (PreAuth, DuplexStream) {
        let (near, far) = tokio::io::duplex(1 << 16);
        (PreAuth::new(Box::new(near)), far)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.engine.evidence().close();
    }
}

/// Redacts everything.
#[must_use]
pub fn masker() -> Masker {
    Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]))
}
