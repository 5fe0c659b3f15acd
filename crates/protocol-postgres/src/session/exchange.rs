//! One request and its whole reply.

use super::{Connection, Notices, Question, client_erred, first_value, target_erred};
use crate::limits::ProtocolLimits;
use crate::reply::{Chunk, CopyEnd, Expect, ReplyMachine, Status};
use crate::request::{Accepted, CopyFault, CopyIn, CopyStep, Ends, MessageBatch, flush, give_up};
use crate::target::FenceLine;
use crate::wire::{take, take_whole_messages};
use crate::written::ADVICE;
use bytes::{Bytes, BytesMut};
use portreeve_model::{Refusal, RefusalCode, RequestId, Usage};
use portreeve_session::{
    Admitted, ClientSide, CommandUse, Driven, Exchange, Fault, Interrupt, Piece, Request,
    SessionError, Stop, TargetSide, TargetWord, Upload,
};
use portreeve_transport::CancelHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a refused reply may go on arriving after the target was told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// COPY data that become durable together.
const PIECE_BYTES: usize = 1 << 20;

impl Connection {
    pub(super) async fn exchange(&mut self, mut batch: MessageBatch) -> Result<(), SessionError> {
        let staged = self.stage_upload(&mut batch).await?;
        self.look_at_settings(&mut batch).await?;
        self.look_at_rows(&mut batch).await;
        let snapshot = self.assembler.snapshot().clone();
        let runs_own_code = batch.runs_own_code;
        let is_deferred = batch.is_deferred();
        let admitted = self.session.admit(batch, &snapshot, &mut self.client).await?;
        let Admitted { mut exchange, permit, accepted } = admitted;
        let Accepted { expects, ends, unknown } = accepted;
        let is_deferred = is_deferred && exchange.refusal().is_none();
        let refused = exchange.refusal().cloned().filter(|_| permit.is_empty());
        if let Some(refusal) = refused {
            let notices = Notices::Local(self.machine.status(), unknown);
            let released = exchange.refuse(refusal, &notices).await?;
            exchange.close();
            return self.client.send(released).await;
        }
        if is_deferred {
            self.begin().await?;
        }
        self.machine.expect(expects);
        self.machine.expect(is_deferred.then_some(Expect::Ending));
        if staged.is_some() {
            self.machine.hide_copy_start();
        }
        self.target.send(permit);
        let mut run = Run {
            client: &mut self.client,
            target: &mut self.target,
            machine: &mut self.machine,
            limits: &self.limits,
            ends,
            staged,
            copy_in: None,
            cancel: self.cancel.as_ref(),
            fence: &self.upstream.fence,
            is_ending: false,
        };
        run.pump(&mut exchange).await?;
        exchange.close();
        for snapshot in self.machine.take_exported() {
            self.upstream.exported.note(snapshot, self.assembler.begun());
        }
        if let Some(snapshot) = self.machine.take_sees_as() {
            self.assembler.see_as(self.upstream.exported.of(&snapshot));
        }
        if runs_own_code && (ends == Ends::Open || self.machine.status() != Status::Idle) {
            self.machine.note_code();
        }
        Ok(())
    }
}

impl Connection {
    /// Begins a transaction, so that what the request changes stays only once its reply may
    /// pass.
    async fn begin(&mut self) -> Result<(), SessionError> {
        let told = self.session.tell_target(TargetWord::Defer)?;
        self.answer_to(told).await?;
        if self.machine.status() != Status::InTransaction {
            return Err(SessionError::Target("it does not begin a transaction".into()));
        }
        Ok(())
    }

    /// What may be held is bound to what is set in the session.
    async fn look_at_settings(&mut self, batch: &mut MessageBatch) -> Result<(), SessionError> {
        let snapshot = self.assembler.snapshot();
        let may_be_held = |one: &CommandUse| {
            snapshot.may_hold(&one.command) || snapshot.is_reviewed(&one.command)
        };
        if self.assembler.settings.must_ask() && batch.commands().iter().any(may_be_held) {
            let hidden = self.assembler.settings.hidden().filter(|_| !batch.follows_open);
            let told = match hidden {
                Some(hidden) => self.ask_target(Question::Settings { hidden: &hidden }).await?,
                None => None,
            };
            let told = told
                .and_then(first_value)
                .and_then(|settings| serde_json::from_str(&settings).ok());
            self.assembler.settings.learn(told);
        }
        batch.run_under(self.assembler.settings.in_force().clone());
        self.assembler.settings.begin();
        Ok(())
    }
}

/// A running exchange: both sides, and what is known of the reply.
struct Run<'a> {
    client: &'a mut ClientSide,
    target: &'a mut TargetSide,
    machine: &'a mut ReplyMachine,
    limits: &'a ProtocolLimits,
    ends: Ends,
    /// The data of a COPY that were approved: nothing else is written.
    staged: Option<BytesMut>,
    /// The client's half of the COPY that runs.
    copy_in: Option<CopyIn>,
    /// Asked for definitions.
    fence: &'a FenceLine,
    cancel: Option<&'a Arc<dyn CancelHandle>>,
    /// The target was told what becomes of what was deferred.
    is_ending: bool,
}

impl Run<'_> {
    /// Passes the reply on, and COPY data the other way, until the target owes nothing.
    async fn pump(&mut self, exchange: &mut Exchange) -> Result<(), SessionError> {
        let mut is_cancelled = false;
        while !(self.machine.is_idle() && self.target.is_sent()) {
            let (copying_in, has_room) = (self.machine.is_copying_in(), self.target.is_sent());
            let has_staged = copying_in && has_room && self.staged.is_some();
            // Before the command is there, the target would have nothing to cancel.
            if has_room && std::mem::take(&mut is_cancelled) {
                self.stop_target().await;
            }
            // An exchange through which something passes looks for itself at every release.
            let stop = tokio::select! {
                biased;
                driven = self.target.drive() => match driven? {
                    Driven::Read => self.read(exchange).await,
                    Driven::Sent => Ok(()),
                },
                interrupt = exchange.interrupted() => match interrupt {
                    Interrupt::Cancelled => {
                        is_cancelled = true;
                        Ok(())
                    }
                    Interrupt::Stopped(stop) => Err(stop),
                },
                () = std::future::ready(()), if has_staged => Ok(()),
                watched = watch(self.client, copying_in && self.staged.is_none(), has_room) => {
                    watched.map_err(Stop::from)
                }
            };
            let stop = match stop {
                Ok(()) if self.wants_copy_data() && self.has_copy_data() => {
                    self.forward_copy_data(exchange).await
                }
                other => other,
            };
            match stop {
                Ok(()) => {}
                Err(Stop::Session(error)) => {
                    self.stop_target().await;
                    return Err(error);
                }
                Err(Stop::Refused(refusal)) => self.refuse(exchange, *refusal).await?,
            }
        }
        Ok(())
    }

    async fn read(&mut self, exchange: &mut Exchange) -> Result<(), Stop> {
        self.release(exchange).await?;
        self.keep(exchange).await
    }

    /// Passes on whatever whole messages have come.
    async fn release(&mut self, exchange: &mut Exchange) -> Result<(), Stop> {
        let messages = self.take_messages()?;
        if messages.is_empty() {
            return Ok(());
        }
        let chunk = Chunk { messages, machine: self.machine };
        let released = exchange.release(chunk, self.client).await?;
        if self.machine.has_redefined() {
            // Whoever hears of it finds the new definitions.
            self.fence.forget_answer();
        }
        Ok(self.client.send(released).await?)
    }

    /// All of the reply may pass, so what was deferred until then takes effect.
    async fn keep(&mut self, exchange: &mut Exchange) -> Result<(), Stop> {
        if !self.machine.is_at_end() || self.is_ending {
            return Ok(());
        }
        let (released, permit) = exchange.keep().await?;
        self.client.send(released).await?;
        self.is_ending = true;
        self.target.send(permit);
        Ok(())
    }

    fn take_messages(&mut self) -> Result<Bytes, SessionError> {
        let max = self.limits.reply_message_bytes_max;
        take_whole_messages(self.target.inbox(), max).map_err(target_erred)
    }

    /// Tells the target to stop what runs.
    async fn stop_target(&self) {
        if let Some(cancel) = self.cancel
            && let Err(error) = cancel.cancel().await
        {
            tracing::warn!(%error, "cancel failed");
        }
    }

    /// The reply is refused: stops the target, drops the rest, says why.
    async fn refuse(
        &mut self,
        exchange: &mut Exchange,
        refusal: Refusal,
    ) -> Result<(), SessionError> {
        if !(self.machine.is_idle() || self.machine.is_at_end()) {
            self.stop_target().await;
        }
        self.drain().await?;
        if self.machine.is_at_end() {
            // What has run is undone before the client learns that it may not.
            self.target.send(exchange.session().tell_target(TargetWord::TakeBack)?);
            self.is_ending = true;
            self.drain().await?;
        }
        let notices = Notices::Reply(self.ends, self.machine.status());
        match self.ends {
            Ends::SimpleReady | Ends::SyncReady => {
                if self.machine.status() == Status::InTransaction {
                    // The client has seen an error: so must the transaction.
                    let failing = exchange.fail_target(&notices).await?;
                    self.machine.expect([Expect::ReadyAfterRefusal]);
                    self.target.send(failing);
                    self.drain().await?;
                }
            }
            Ends::Open => self.machine.skip_alone(),
        }
        let notices = Notices::Reply(self.ends, self.machine.status());
        let released = exchange.refuse(refusal, &notices).await?;
        self.client.send(released).await
    }

    async fn drain(&mut self) -> Result<(), SessionError> {
        let drained = timeout(DRAIN_TIMEOUT, async {
            loop {
                let rest = self.take_messages()?;
                self.machine.discard(rest)?;
                if self.machine.is_idle() || (self.machine.is_at_end() && !self.is_ending) {
                    return Ok(());
                }
                self.target.drive().await?;
            }
        });
        drained.await.map_err(|_| SessionError::Timeout("the target does not stop"))?
    }

    fn wants_copy_data(&self) -> bool {
        self.machine.is_copying_in() && self.target.is_sent()
    }

    fn has_copy_data(&mut self) -> bool {
        self.staged.as_ref().map_or_else(|| !self.client.inbox().is_empty(), |it| !it.is_empty())
    }

    /// Passes COPY data on to the target, durable first.
    async fn forward_copy_data(&mut self, exchange: &mut Exchange) -> Result<(), Stop> {
        let mut data = CopyData::default();
        while let Some(plan) = self.machine.copying_in()
            && data.received.len() < PIECE_BYTES
        {
            let copy_in = self.copy_in.get_or_insert_with(|| CopyIn::of(plan));
            let max = self.limits.message_bytes_max;
            let from = self.staged.as_mut().unwrap_or_else(|| self.client.inbox());
            let Some(frame) = take(from, max).map_err(client_erred)? else { break };
            data.received.extend_from_slice(&frame.whole);
            let (last, end, refusal) = match copy_in.read(&frame).map_err(SessionError::from)? {
                CopyStep::Data => {
                    data.wire.extend_from_slice(&frame.whole);
                    data.messages += 1;
                    continue;
                }
                CopyStep::Ignored => continue,
                CopyStep::Mask => (give_up(), CopyEnd::Failed, Some(written_mask(exchange))),
                CopyStep::Ended(end) => (frame.whole, end, None),
            };
            data.wire.extend_from_slice(&last);
            if self.ends != Ends::SimpleReady {
                data.wire.extend_from_slice(&flush());
            }
            self.machine.end_copy_in(end, refusal);
            self.copy_in = None;
        }
        if !data.received.is_empty() {
            self.target.send(exchange.forward(data).await?);
        }
        Ok(())
    }
}

impl From<CopyFault> for SessionError {
    fn from(fault: CopyFault) -> Self {
        match fault {
            CopyFault::Gone => Self::ClientGone,
            CopyFault::Unexpected => Self::Client("unexpected message during COPY".into()),
        }
    }
}

/// Why the data of a COPY are refused.
fn written_mask(exchange: &Exchange) -> Refusal {
    Refusal {
        code: RefusalCode::Denied,
        message: ADVICE.into(),
        rule: None,
        request: RequestId { session: exchange.session().id(), exchange: exchange.number() },
        hint: Some("copy the columns that were not masked".into()),
        review: None,
    }
}

/// COPY data from the client: whole messages.
#[derive(Default)]
struct CopyData {
    received: BytesMut,
    wire: Vec<u8>,
    messages: u64,
}

impl Upload for CopyData {
    fn read(self) -> Result<Piece, Fault> {
        let usage = Usage { messages: self.messages, ..Usage::default() };
        Ok(Piece { received: self.received.freeze(), wire: self.wire.into(), usage })
    }
}

/// Waits for COPY data where it is wanted and there is room for it, otherwise for the
/// client's departure.
async fn watch(
    client: &mut ClientSide,
    copying_in: bool,
    has_room: bool,
) -> Result<(), SessionError> {
    match (copying_in, has_room) {
        (true, true) => client.read().await,
        (true, false) => std::future::pending().await,
        (false, _) => {
            client.gone().await;
            Err(SessionError::ClientGone)
        }
    }
}
