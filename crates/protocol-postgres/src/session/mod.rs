//! One session: the loop that feeds the request side and the reply side.

mod exchange;
mod notices;
mod questions;
mod staging;
mod touched;

pub(crate) use notices::Notices;
use questions::Question;

use crate::limits::ProtocolLimits;
use crate::named::is_temporary;
use crate::reply::{Chunk, Expect, ReplyMachine, Status};
use crate::request::{Assembler, Helps, MessageBatch, Step};
use crate::target::{PlanFence, Upstream};
use crate::wire::{FrameError, HEADER_BYTES, message_length, take_whole_messages};
use bytes::BytesMut;
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_session::{ClientSide, Driven, Fence, Permitted, Session, SessionError, TargetSide};
use portreeve_sql::{CatalogSnapshot, ToldPath};
use portreeve_transport::{CancelHandle, DialError};
use std::sync::Arc;
use tokio::time::sleep;

/// A buffer that is larger than this is given back when it is empty.
const IDLE_BUFFER_BYTES_MAX: usize = 8 << 10;

/// What the client wants next.
enum Wanted {
    Request(Box<MessageBatch>),
    Nothing,
}

/// An open session with both its sides.
pub(crate) struct Connection {
    pub(crate) session: Session,
    pub(crate) client: ClientSide,
    pub(crate) target: TargetSide,
    pub(crate) machine: ReplyMachine,
    pub(crate) assembler: Assembler,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) cancel: Option<Arc<dyn CancelHandle>>,
    pub(crate) limits: ProtocolLimits,
    /// The target's own number for the session there.
    pub(crate) process: u32,
    /// What the open transaction had made of definitions when it was asked last.
    pub(crate) made: String,
}

impl Connection {
    /// Runs until the client says goodbye or something breaks.
    pub(crate) async fn run(&mut self) -> Result<(), SessionError> {
        loop {
            match self.next_request().await? {
                Wanted::Request(batch) => self.exchange(*batch).await?,
                Wanted::Nothing => return Ok(()),
            }
            self.shrink_buffers();
        }
    }

    /// A quiet session keeps no buffers.
    fn shrink_buffers(&mut self) {
        for inbox in [self.client.inbox(), self.target.inbox()] {
            if inbox.is_empty() && inbox.capacity() > IDLE_BUFFER_BYTES_MAX {
                *inbox = BytesMut::new();
            }
        }
    }

    /// Reads until a whole request is there.
    async fn next_request(&mut self) -> Result<Wanted, SessionError> {
        self.assembler.begin(&self.machine);
        loop {
            if self.assembler.ends_before_next(self.client.inbox()) {
                break;
            }
            let next = self.assembler.next_frame(self.client.inbox()).map_err(client_erred)?;
            let Some(frame) = next else {
                self.wait_for_client().await?;
                continue;
            };
            if self.assembler.is_empty() {
                // What happened while the client was silent holds for what it says now.
                self.follow_changes().await;
                self.look_behind_code().await?;
                self.look_for_past().await?;
            }
            let upcoming = self.assembler.upcoming(self.client.inbox());
            match self.assembler.add(&frame, upcoming, &self.machine).map_err(client_erred)? {
                Step::More => {}
                Step::Refresh => match self.assembler.take_help() {
                    Helps::LookInside => {
                        self.look_inside().await?;
                        self.assembler.resume(&self.machine);
                    }
                    Helps::Path => {
                        self.ask_for_path().await?;
                        self.assembler.resume(&self.machine);
                    }
                    Helps::NewDefinitions => {
                        self.look_for_missing().await;
                        self.look_for_past().await?;
                        self.assembler.restart(&self.machine);
                    }
                },
                // It may have begun long ago: what holds now decides it.
                Step::Request if self.is_outdated() => {
                    self.follow_changes().await;
                    self.look_for_past().await?;
                    self.assembler.restart(&self.machine);
                }
                Step::Request => break,
                Step::Terminate => return Ok(Wanted::Nothing),
            }
        }
        let planned = self.assembler.catalog().versions();
        let upstream = self.upstream.clone();
        let fence = move |names| -> Arc<dyn Fence> {
            let (upstream, planned) = (upstream.clone(), planned.clone());
            Arc::new(PlanFence { upstream, names, planned })
        };
        Ok(Wanted::Request(Box::new(self.assembler.take(&self.machine, fence))))
    }

    /// A text has names that the catalog has not: whether the target has them is looked up, and
    /// only if there is anything new are all definitions read.
    async fn look_for_missing(&mut self) {
        let missing = Arc::new(self.assembler.take_missing());
        let known = self.assembler.catalog().versions();
        if self.upstream.fence.has_news(missing, &known).await {
            let read = self.upstream.catalog.reread().await;
            self.follow_read(read);
        }
    }

    /// Without definitions a request is refused; the session waits for better times.
    fn follow_read(&mut self, read: Result<Arc<CatalogSnapshot>, DialError>) {
        match read {
            Ok(catalog) => self.follow(catalog),
            Err(error) => {
                let resource = self.upstream.name();
                tracing::warn!(resource, %error, "definitions cannot be read");
                self.assembler.lose_sight();
            }
        }
    }

    fn is_outdated(&self) -> bool {
        let is_newer =
            |catalog: &Arc<CatalogSnapshot>| !Arc::ptr_eq(catalog, self.assembler.catalog());
        self.upstream.catalog.last().as_ref().is_some_and(is_newer)
            || !Arc::ptr_eq(&self.session.snapshot(), self.assembler.snapshot())
    }

    /// Takes over a new catalog or new policies, so that nothing is decided by old ones.
    async fn follow_changes(&mut self) {
        let is_redefined = self.machine.take_redefined()
            || self.upstream.fence.is_outdated(&self.assembler.catalog().versions()).await;
        if is_redefined {
            let read = self.upstream.catalog.reread().await;
            self.follow_read(read);
        } else if self.is_outdated() {
            let last = self.upstream.catalog.last();
            self.follow(last.unwrap_or_else(|| self.assembler.catalog().clone()));
        }
    }

    /// Code that somebody made has run in the open transaction: whether it has changed
    /// definitions, nobody else can see yet.
    async fn look_behind_code(&mut self) -> Result<(), SessionError> {
        if !self.machine.take_code_ran() || !self.assembler.catalog().has_rules() {
            return Ok(());
        }
        let is_lost = if self.assembler.can_look_inside() {
            self.has_redefined().await?
        } else {
            // Nobody can ask in the middle of a run of messages. Locks tell, but not of functions:
            // SECURITY: one that was declared harmless may be another one.
            self.upstream.catalog.source().reads_code()
                // What was changed before shows in the same way.
                || !self.machine.names().defined().is_empty()
                || self.upstream.fence.has_changed_definitions(self.process).await.unwrap_or(true)
        };
        if is_lost {
            self.machine.lose_definitions();
            self.assembler.restart(&self.machine);
        }
        Ok(())
    }

    /// Whether definitions have changed in the open transaction since this was asked last.
    async fn has_redefined(&mut self) -> Result<bool, SessionError> {
        let Some(answers) = self.ask_target(Question::Redefined).await? else {
            return Ok(true);
        };
        let made = first_value(answers).unwrap_or_default();
        let is_new = !made.is_empty() && made != self.made;
        self.made = made;
        Ok(is_new)
    }

    /// Definitions are others than when the open transaction began. Where each of its commands
    /// reads what is there then, its next rows are those of now.
    ///
    /// SPEC: PostgreSQL, "Transaction Isolation"; `read uncommitted` is `read committed`.
    async fn look_for_past(&mut self) -> Result<(), SessionError> {
        if self.machine.status() != Status::InTransaction || !self.assembler.may_begin_anew() {
            return Ok(());
        }
        if self.reads_what_is_there().await? {
            self.assembler.begin_anew();
        }
        Ok(())
    }

    /// Whether each command of the open transaction reads what is there when it begins.
    async fn reads_what_is_there(&mut self) -> Result<bool, SessionError> {
        let level = self.ask_target(Question::Isolation).await?;
        let level = level.and_then(first_value);
        Ok(matches!(level.as_deref(), Some("read committed" | "read uncommitted")))
    }

    /// A name that several schemas have stands for that of the first in which names are looked
    /// up: statements, code and roles move it, and the target tells.
    async fn ask_for_path(&mut self) -> Result<(), SessionError> {
        let Some(rows) = self.ask_target(Question::Path).await? else { return Ok(()) };
        let mut told = ToldPath::default();
        for row in rows.into_iter().flatten() {
            if let Ok([made_in, schema]) = <[Option<String>; 2]>::try_from(row) {
                told.made_in = made_in;
                told.temporary.extend(schema.clone().filter(|schema| is_temporary(schema)));
                told.schemas.extend(schema);
            }
        }
        self.assembler.tell_path(told);
        Ok(())
    }

    /// What the open transaction has made of definitions nobody can tell from its statements,
    /// so the target tells what it sees of them.
    async fn look_inside(&mut self) -> Result<(), SessionError> {
        // SECURITY: another one reads the catalog as it was, and names stand for what is there.
        if !self.reads_what_is_there().await? {
            return Ok(());
        }
        let upstream = self.upstream.clone();
        let reader = upstream.catalog.source();
        // One at a time: it costs as much as reading the catalog does.
        let _one = upstream.looking.lock().await;
        let code = reader.reads_code();
        let Some(answers) = self.ask_target(Question::Definitions { code }).await? else {
            if self.machine.status() == Status::Failed {
                self.ask_target(Question::ForgetDefinitions).await?;
            }
            return Ok(());
        };
        if let Some(seen) = reader.inside(answers, self.assembler.catalog()) {
            self.machine.see_definitions(Arc::new(seen));
        }
        Ok(())
    }

    /// Asks the target something between requests, and reads its answer.
    async fn ask_target(
        &mut self,
        question: Question<'_>,
    ) -> Result<Option<Vec<Vec<Row>>>, SessionError> {
        let asked = self.session.ask_target(&question)?;
        self.answer_to(asked).await
    }

    /// What the target says to the gateway's own words.
    async fn answer_to(&mut self, told: Permitted) -> Result<Option<Vec<Vec<Row>>>, SessionError> {
        self.machine.take_told();
        self.machine.expect([Expect::Asked]);
        self.target.send(told);
        while !(self.machine.is_idle() && self.target.is_sent()) {
            if self.target.drive().await? == Driven::Read {
                self.release_asynchronous().await?;
            }
        }
        Ok(self.machine.take_told())
    }

    fn follow(&mut self, catalog: Arc<CatalogSnapshot>) {
        if !Arc::ptr_eq(&catalog, self.assembler.catalog()) {
            self.session.reclassify(catalog.classification());
            // SECURITY: the target opened what is open with definitions that nobody knows now;
            // a plan by new ones says nothing of where its rows come from.
            let before = self.assembler.catalog().clone();
            if *catalog.versions() != *before.versions() {
                self.machine.outdate_portals(|plan| !catalog.agrees(&before, plan));
            }
        }
        let snapshot = self.session.snapshot();
        let is_same = Arc::ptr_eq(&snapshot, self.assembler.snapshot())
            && Arc::ptr_eq(&catalog, self.assembler.catalog());
        if !is_same {
            self.assembler.follow(catalog, snapshot);
        }
    }

    /// Waits for bytes of the client; passes on what the target says meanwhile.
    async fn wait_for_client(&mut self) -> Result<(), SessionError> {
        let wanted = message_length(self.client.inbox(), self.limits.message_bytes_max)
            .map_err(client_erred)?
            .unwrap_or(HEADER_BYTES);
        tokio::select! {
            biased;
            ended = self.session.ended() => Err(ended.into()),
            read = self.client.read_at_least(wanted) => read,
            driven = self.target.drive() => {
                if driven? == Driven::Read {
                    self.release_asynchronous().await?;
                }
                Ok(())
            }
            () = sleep(self.limits.client_idle_timeout) => {
                Err(SessionError::Timeout("the client is idle"))
            }
        }
    }

    /// Passes on what the target says unasked.
    async fn release_asynchronous(&mut self) -> Result<(), SessionError> {
        let max = self.limits.reply_message_bytes_max;
        let messages = take_whole_messages(self.target.inbox(), max).map_err(target_erred)?;
        if messages.is_empty() {
            return Ok(());
        }
        let chunk = Chunk { messages, machine: &mut self.machine };
        let released = self.session.release(chunk).await?;
        self.client.send(released).await
    }
}

/// The first value of the first row.
fn first_value(answers: Vec<Vec<Row>>) -> Option<String> {
    answers.into_iter().flatten().next()?.into_iter().next()?
}

fn client_erred(fault: impl std::error::Error + Send + Sync + 'static) -> SessionError {
    SessionError::Client(Box::new(fault))
}

fn target_erred(fault: FrameError) -> SessionError {
    SessionError::Target(Box::new(fault))
}
