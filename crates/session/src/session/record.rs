//! What a session writes into the evidence.

use super::{NO_EXCHANGE, Session, Shared, Snapshot, Stage, lock};
use crate::SessionError;
use crate::engine::{OpenRequest, Step, now_us};
use crate::proof::Released;
use crate::protocol::Masked;
use portreeve_evidence::{Receipt, response_events};
use portreeve_model::{
    Action, CommandRecord, Decision, Direction, Event, Facts, Need, Object, Outcome, Unit, Usage,
};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Session {
    pub(crate) fn stage(&self, event: Event) {
        lock(&self.0.recorder).stage(event);
    }

    pub(crate) fn stage_payload(&self, event: Event, direction: Direction, bytes: &[u8]) {
        lock(&self.0.recorder).stage_payload(event, direction, bytes);
    }

    /// Waits until everything staged so far is on the disk.
    pub(crate) async fn commit(&self) -> Result<(), SessionError> {
        Ok(self.submit().durable().await?)
    }

    /// Has everything staged so far written, without waiting for it.
    pub(crate) fn hand_over(&self) {
        // A failure seals the log, which whatever comes next meets.
        drop(self.submit());
    }

    fn submit(&self) -> Receipt {
        let (bytes, receipt) = {
            let mut recorder = lock(&self.0.recorder);
            (recorder.staged_bytes(), recorder.submit())
        };
        self.0.engine.evidence_use.add(&self.0.principal, bytes, now_us());
        receipt
    }

    /// Whether what is staged can still become durable, as far as anybody knows.
    pub(crate) fn check_recordable(&self) -> Result<(), SessionError> {
        Ok(lock(&self.0.recorder).check()?)
    }

    pub(crate) async fn commit_at(&self, step: Step) -> Result<(), SessionError> {
        let began = Instant::now();
        self.commit().await?;
        self.0.engine.observer.took(self.resource(), step, began.elapsed());
        Ok(())
    }

    /// Records a masked part of a reply, and releases it.
    pub(crate) async fn record_release(
        &self,
        exchange: u64,
        masked: Masked,
    ) -> Result<Released, SessionError> {
        let snapshot = self.snapshot();
        self.stage_release(exchange, &masked, &snapshot);
        self.commit_at(Step::ReplyBarrier).await?;
        Ok(Released { bytes: masked.bytes })
    }

    pub(crate) fn stage_release(&self, exchange: u64, masked: &Masked, snapshot: &Snapshot) {
        let mut recorder = lock(&self.0.recorder);
        for object in &masked.disagreements {
            recorder.stage(Event::Disagreement { exchange, object: object.clone() });
        }
        if !masked.subjects.is_empty() {
            let (objects, tokens) = masked.subjects.to_record();
            let event = Event::Subjects { exchange, objects };
            recorder.stage_payload(event, Direction::Subjects, &tokens);
        }
        let rows = masked.usage.get(Unit::Rows);
        if !masked.bytes.is_empty() {
            let shows_found = masked.detected.iter().any(|found| found.revealed > 0);
            let revealed_by = shows_found.then(|| snapshot.revealed_by());
            let (all_masked, detected) = (masked.all_masked(), masked.detected.clone());
            let (before, last) = response_events(exchange, rows, all_masked, detected, revealed_by);
            before.into_iter().for_each(|event| recorder.stage(event));
            recorder.stage_payload(last, Direction::ToClient, &masked.bytes);
        }
        drop(recorder);
        self.0.counts.rows.fetch_add(rows, Ordering::Relaxed);
        let observer = &self.0.engine.observer;
        observer.released(self.resource(), masked.bytes.len() as u64, rows);
        for (category, count) in masked.all_masked() {
            observer.masked(&category, count);
        }
        for found in &masked.detected {
            observer.detected(self.resource(), found);
        }
    }

    pub(super) fn stage_opened(&self, ask: &OpenRequest, decision: &Decision) {
        let hour = lock(&self.0.snapshot).hour();
        self.stage(Event::SessionOpened {
            chain: ask.chain.clone(),
            resource: ask.resource.clone(),
            protocol: ask.protocol.into(),
            client: ask.client.to_string(),
            application: ask.application.clone(),
            tls: ask.tls.clone(),
            hour,
            decision: Box::new(decision.clone()),
        });
    }

    pub(crate) fn entered(&self) {
        *lock(&self.0.stage) = Stage::Open;
        self.0.engine.observer.session_opened(self.resource());
    }

    /// Records that the client was not let in.
    pub(crate) fn turn_away(&self, decision: &Decision, outcome: Outcome) {
        let hour = lock(&self.0.snapshot).hour();
        let commands = vec![CommandRecord {
            verb: "CONNECT".into(),
            times: 1,
            runs_later: false,
            fingerprint: String::new(),
            shape: String::new(),
            needs: vec![Need { action: Action::Connect, object: Object::resource() }],
            facts: Facts::default(),
            before: portreeve_model::Usage::default(),
            categories: BTreeMap::new(),
            unknown: None,
            decision: Some(decision.clone()),
            revealed: Vec::new(),
        }];
        let (session, day) = (Usage::default(), Vec::new());
        self.stage(Event::Request { exchange: NO_EXCHANGE, hour, session, day, commands });
        self.stage(Event::ExchangeClosed { exchange: NO_EXCHANGE, outcome, rows: 0, changes: 0 });
        self.0.close("not let in");
    }
}

impl Shared {
    pub(super) fn record_closed(&self, why: &str) {
        let event = Event::SessionClosed {
            why: why.to_owned(),
            exchanges: self.exchanges.load(Ordering::Relaxed),
            rows: self.counts.rows.load(Ordering::Relaxed),
        };
        lock(&self.recorder).stage(event);
    }
}
