//! The request side of a connection.

use super::batch::{FailingName, Kind, MessageBatch, flush};
use super::content::{self, Circumstances, Parameters};
use super::effects::{Described, Effects};
use super::settings::{InForce, Settings};
use super::statements::is_by_name;
use crate::reply::{AskedBy, Expect, ReplyMachine, Status};
use crate::wire::{
    Frame, FrameError, Frontend, FrontendError, put, put_text, read, sqlstate, take,
};
use crate::written::{ADVICE, forms};
use bytes::{Bytes, BytesMut};
use portreeve_decide::mask::MaskForms;
use portreeve_decide::sql::CursorLifetime;
use portreeve_session::{Fence, Snapshot};
use portreeve_sql::{
    CatalogSnapshot, Change, Overlay, Plan, PlanForOthers, Planner, Portal, Prepared, ToldPath,
    UnknownNames, Versions, parameter_bytes,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A run of extended-protocol messages is cut here, and its replies asked for.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 10;
const SYNC: &[u8] = b"S\0\0\0\x04";
/// Every message type that a client may send.
const TAGS: &[u8] = b"QPBDCEHSdcfXF";
/// The version of PostgreSQL whose statements are read.
const GRAMMAR_MAJOR: u32 = 18;
/// Settings that are bound into an approval, the latest ones.
const SETTINGS_MAX: usize = 64;
const SETTING_CHARS_MAX: usize = 500;

/// What is said where a session keeps as much as it may.
pub(super) const FULL: &str =
    "too many or too long prepared statements and portals: deallocate some";

/// What the client has done wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientFault {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Message(#[from] FrontendError),
    #[error("unknown message type")]
    UnknownMessage,
}

/// What a message leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The request goes on.
    More,
    /// It is complete.
    Request,
    /// It names something unknown: with a catalog that is read again it must be put
    /// together anew ([`Assembler::restart`]).
    Refresh,
    /// The client says goodbye.
    Terminate,
}

/// What the client has sent behind the message that is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upcoming {
    /// A Sync.
    Sync,
    /// Something else, or nothing yet.
    Other,
}

/// Whether names that are unknown may become known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Freshness {
    /// The catalog may be older than the client's question.
    MayBeOld,
    /// It was read again for this very request.
    Fresh,
    /// The open transaction has changed definitions, which are locked by it: reading the catalog
    /// again would wait.
    Locked,
}

/// How a setting ends that the session began with, in what a reviewer reads.
const AT_THE_START: &str = " (at the start)";

/// What helps where names cannot be resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Helps {
    /// What everybody sees by now.
    NewDefinitions,
    /// What the open transaction sees.
    LookInside,
    /// Where the session looks names up.
    Path,
}

/// How a run of messages has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Run {
    /// With ReadyForQuery, whose status holds.
    Ended,
    /// Without Sync: what it began may still be open, and no status tells.
    Open,
}

/// Whether the target has told what its definitions are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// It has.
    Clear,
    /// They have changed, and it has not: nothing that has to do with them can be judged.
    Lost,
}

/// Puts requests together. One at a time.
pub(crate) struct Assembler {
    pub(super) planner: Planner,
    snapshot: Arc<Snapshot>,
    pub(super) overlay: Overlay,
    pub(super) batch: MessageBatch,
    /// Messages that were taken from the client and must be looked at again.
    again: VecDeque<Bytes>,
    freshness: Freshness,
    /// What the target can be asked, and has not been.
    questions: Vec<Helps>,
    /// What would help with the names of the last text.
    helps: Helps,
    /// What the request does, as far as it is there.
    pub(super) effects: Effects,
    /// How the last request has ended.
    pub(super) run: Run,
    /// Whether the definitions that it plans with may be those of now.
    pub(super) sight: Sight,
    /// An earlier request of the open transaction has.
    has_written: bool,
    /// What is set in the session.
    pub(crate) settings: Settings,
    /// The definitions that held when the open transaction began. Its rows may be those of that
    /// moment, whatever their columns are called now.
    begun: Arc<Versions>,
    /// The settings that the session began with.
    started: Arc<BTreeMap<String, String>>,
    /// The same as a reviewer reads it, with what the gateway has set then.
    given: Arc<Vec<String>>,
    failing: FailingName,
    limits: crate::ProtocolLimits,
    /// The target's version, where it is newer than the grammar.
    pub(super) newer: Option<Arc<str>>,
}

impl std::fmt::Debug for Assembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembler").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl Assembler {
    pub(crate) fn new(
        planner: Planner,
        snapshot: Arc<Snapshot>,
        failing: FailingName,
        limits: crate::ProtocolLimits,
    ) -> Self {
        let batch = MessageBatch::new(crate::reply::Status::Idle, failing.clone());
        Self {
            planner,
            snapshot,
            overlay: Overlay::default(),
            batch,
            again: VecDeque::new(),
            freshness: Freshness::MayBeOld,
            questions: Vec::new(),
            helps: Helps::NewDefinitions,
            effects: Effects::default(),
            run: Run::Ended,
            sight: Sight::Clear,
            has_written: false,
            settings: Settings::default(),
            begun: Arc::default(),
            started: Arc::default(),
            given: Arc::default(),
            failing,
            limits,
            newer: None,
        }
    }

    /// Notes what version the target says that it is.
    pub(crate) fn note_version(&mut self, version: &str) {
        let digits = version.split(|c: char| !c.is_ascii_digit()).next();
        let major: Option<u32> = digits.and_then(|digits| digits.parse().ok());
        self.newer = major.filter(|major| *major > GRAMMAR_MAJOR).map(|_| version.into());
    }

    /// What the request that is put together is planned with.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    pub(crate) fn catalog(&self) -> &Arc<CatalogSnapshot> {
        self.planner.catalog()
    }

    /// What somebody else may see of a query ([`Planner::plan_for_others`]).
    pub(crate) fn plan_for_others(&self, text: &str) -> Option<PlanForOthers> {
        self.planner.plan_for_others(text)
    }

    /// Plans by another catalog or policy from here on.
    pub(crate) fn follow(&mut self, catalog: Arc<CatalogSnapshot>, snapshot: Arc<Snapshot>) {
        let reveals = snapshot.clone();
        self.planner
            .renew(catalog, Arc::new(move |column, category| reveals.reveals(column, category)));
        self.snapshot = snapshot;
        if !self.is_in_transaction() {
            self.begin_anew();
        }
    }

    /// Begins a request.
    pub(crate) fn begin(&mut self, machine: &ReplyMachine) {
        let is_defining = !machine.names().defined().is_empty();
        self.freshness = if is_defining { Freshness::Locked } else { Freshness::MayBeOld };
        self.sight = Sight::Clear;
        self.questions = match (self.run, machine.status()) {
            // One whose last commands the target has not ended yet is none to ask in.
            (Run::Open, _) | (Run::Ended, Status::Failed) => Vec::new(),
            (Run::Ended, Status::InTransaction) => vec![Helps::LookInside, Helps::Path],
            (Run::Ended, Status::Idle) => vec![Helps::Path],
        };
        self.begin_batch(machine);
        self.mark_beginning();
    }

    /// What to ask the target for, where a request needs that; each is asked for once.
    pub(crate) fn take_help(&mut self) -> Helps {
        self.questions.retain(|question| *question != self.helps);
        self.helps
    }

    /// The target has told where the session looks names up.
    pub(crate) fn tell_path(&mut self, told: ToldPath) {
        self.planner.tell_path(told);
    }

    /// Whether the target can be asked something in the open transaction.
    pub(crate) fn can_look_inside(&self) -> bool {
        self.questions.contains(&Helps::LookInside)
    }

    /// What runs outside of a transaction can begin one.
    fn mark_beginning(&mut self) {
        if !self.is_in_transaction() {
            self.begin_anew();
            self.has_written = false;
        }
    }

    fn is_in_transaction(&self) -> bool {
        self.run == Run::Open || self.effects.meets != Status::Idle
    }

    /// Whether the open transaction began under other definitions than those known now. One
    /// whose last commands the target has not ended yet is none to ask about.
    pub(crate) fn may_begin_anew(&self) -> bool {
        self.run == Run::Ended && self.is_from_before()
    }

    fn is_from_before(&self) -> bool {
        self.is_in_transaction()
            && self.catalog().has_rules()
            && !Arc::ptr_eq(&self.catalog().versions(), &self.begun)
    }

    /// What is read from here on is as it is now.
    pub(crate) fn begin_anew(&mut self) {
        self.begun = self.catalog().versions();
    }

    /// What the open transaction reads from here on is as it was when these definitions held;
    /// nobody knows which where there are none.
    pub(crate) fn see_as(&mut self, begun: Option<Arc<Versions>>) {
        self.begun = begun.unwrap_or_default();
    }

    /// The definitions that held when the open transaction began.
    pub(crate) fn begun(&self) -> &Arc<Versions> {
        &self.begun
    }

    /// Whether something that rows of the running transaction rest on has been redefined since
    /// it began.
    pub(super) fn was_redefined(&self, names: &BTreeSet<String>) -> bool {
        let now = self.catalog().versions();
        let is_other = |name: &String| now.relations.get(name) != self.begun.relations.get(name);
        self.is_from_before() && names.iter().any(is_other)
    }

    /// The definitions have changed, and cannot be read: the running request is refused where
    /// it has to do with any.
    pub(crate) fn lose_sight(&mut self) {
        self.sight = Sight::Lost;
    }

    fn begin_batch(&mut self, machine: &ReplyMachine) -> MessageBatch {
        self.overlay.begin();
        self.effects = Effects::meeting(machine.status());
        self.planner.follow_definitions(machine.names().defined());
        let fresh = MessageBatch::new(machine.status(), self.failing.clone());
        std::mem::replace(&mut self.batch, fresh)
    }

    /// The names of relations that made it ask for a fresh catalog.
    pub(crate) fn take_missing(&mut self) -> BTreeSet<String> {
        self.planner.take_missing()
    }

    /// Puts the running request together anew, by the newest definitions.
    pub(crate) fn restart(&mut self, machine: &ReplyMachine) {
        if self.freshness == Freshness::MayBeOld {
            self.freshness = Freshness::Fresh;
        }
        self.resume(machine);
    }

    /// Puts the running request together anew, from the messages that it has so far.
    pub(crate) fn resume(&mut self, machine: &ReplyMachine) {
        let frames = self.begin_batch(machine).into_received();
        frames.into_iter().rev().for_each(|frame| self.again.push_front(frame));
    }

    /// The complete request, with fences around what its reply and its meaning rest on.
    pub(crate) fn take(
        &mut self,
        machine: &ReplyMachine,
        fence: impl Fn(Arc<BTreeSet<String>>) -> Arc<dyn Fence>,
    ) -> MessageBatch {
        self.batch.follows_writes = self.has_written;
        self.batch.follows_open = self.run == Run::Open;
        self.run = if self.batch.is_open() { Run::Open } else { Run::Ended };
        let effects = std::mem::take(&mut self.effects);
        let Effects { rests_on, names, calls, makes_code, runs_own_code, writes, .. } = effects;
        let all = Arc::new(names);
        // What a write has changed is told of where its names have come to stand for something
        // else; not where this session, or code, has changed them itself.
        let is_own = effects.defines || runs_own_code || !machine.names().defined().is_empty();
        let writes_to = writes && !all.is_empty() && !is_own;
        // Whatever it reads, what it calls by a name has to be what was known under it.
        // A text that makes functions itself has changed what there is to call.
        let calls = calls && !makes_code;
        if writes_to {
            self.batch.fence = Some(fence(all.clone()));
        } else if (!rests_on.is_empty() || calls) && self.catalog().has_rules() {
            self.batch.fence = Some(fence(Arc::new(rests_on)));
        }
        if !all.is_empty() || runs_own_code {
            self.batch.definitions = Some(fence(all.clone()));
        }
        self.batch.runs_own_code = runs_own_code;
        self.has_written |= writes;
        self.batch.circumstances = Some(Circumstances {
            settings: self.given.clone(),
            in_force: InForce::Nothing,
            defined: machine.names().defined().to_vec(),
            names: all,
            versions: self.catalog().versions(),
        });
        self.begin_batch(machine)
    }

    /// The settings that the session began with.
    pub(crate) fn started(&self) -> &Arc<BTreeMap<String, String>> {
        &self.started
    }

    /// Notes what the session begins with.
    pub(crate) fn start_with(&mut self, settings: BTreeMap<String, String>) {
        for (name, value) in &settings {
            self.note_setting(&format!("{name} = {value}{AT_THE_START}"));
        }
        self.settings.begin_with(settings.keys());
        self.started = Arc::new(settings);
    }

    /// Notes a setting that the session begins with: statements may mean something else under it.
    pub(crate) fn note_setting(&mut self, setting: &str) {
        let settings = Arc::make_mut(&mut self.given);
        if settings.len() >= SETTINGS_MAX {
            settings.remove(0);
        }
        settings.push(setting.chars().take(SETTING_CHARS_MAX).collect());
    }

    /// Whether nothing of a request is there yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The next message, from those to be looked at again or else from the client.
    pub(crate) fn next_frame(
        &mut self,
        inbox: &mut BytesMut,
    ) -> Result<Option<Frame>, ClientFault> {
        if let Some(whole) = self.again.pop_front() {
            let tag = whole.first().copied().unwrap_or_default();
            return Ok(Some(Frame { tag, whole }));
        }
        // What will be refused anyway is not waited for.
        if inbox.first().is_some_and(|tag| !TAGS.contains(tag)) {
            return Err(ClientFault::UnknownMessage);
        }
        Ok(take(inbox, self.limits.message_bytes_max)?)
    }

    fn peek<'a>(&'a self, inbox: &'a [u8]) -> &'a [u8] {
        self.again.front().map_or(inbox, |frame| &frame[..])
    }

    /// What comes behind the message that is looked at.
    pub(crate) fn upcoming(&self, inbox: &[u8]) -> Upcoming {
        if self.peek(inbox).starts_with(SYNC) { Upcoming::Sync } else { Upcoming::Other }
    }

    /// Whether the next message begins a request of its own, so that what is there is
    /// answered first.
    pub(crate) fn ends_before_next(&mut self, inbox: &[u8]) -> bool {
        let next = self.peek(inbox);
        let is_alone = matches!(next.first(), Some(b'Q' | b'F' | b'X'))
            && next.len() >= crate::wire::HEADER_BYTES;
        let ends = is_alone && !self.batch.is_empty();
        if ends {
            self.batch.push(flush(), Vec::new());
        }
        ends
    }

    /// Ends the request before the message that was just taken.
    pub(super) fn cut_before(&mut self, wire: Bytes) -> Step {
        self.batch.forget_last();
        self.again.push_front(wire);
        self.batch.push(flush(), Vec::new());
        Step::Request
    }

    /// Adds a message.
    pub(crate) fn add(
        &mut self,
        frame: &Frame,
        upcoming: Upcoming,
        machine: &ReplyMachine,
    ) -> Result<Step, ClientFault> {
        self.batch.note(frame.whole.clone());
        if frame.tag == b'X' {
            return Ok(Step::Terminate);
        }
        let step = self.message(frame, upcoming, machine)?;
        if step == Step::More && self.batch.received_bytes() > BATCH_BYTES_MAX {
            if !self.batch.is_empty() {
                self.batch.push(flush(), Vec::new());
            }
            return Ok(Step::Request);
        }
        Ok(step)
    }

    fn message(
        &mut self,
        frame: &Frame,
        upcoming: Upcoming,
        machine: &ReplyMachine,
    ) -> Result<Step, ClientFault> {
        let message = read(frame.tag, frame.body())?;
        let wire = frame.whole.clone();
        if machine.is_skipping() {
            // SPEC: after an error in the extended protocol, all is skipped up to Sync.
            let is_sync = message == Frontend::Sync;
            return Ok(if is_sync { self.sync(machine) } else { Step::More });
        }
        match message {
            Frontend::Query(text) => return Ok(self.query(wire, text, machine)),
            Frontend::FunctionCall => {
                self.batch.kind = Kind::Simple;
                let why = "fast-path function calls are not offered: call the function with SELECT";
                let refused = self.refused(sqlstate::FEATURE_NOT_SUPPORTED, why);
                self.batch.push_commands(wire, Vec::new(), vec![refused], Vec::new());
                return Ok(Step::Request);
            }
            Frontend::Parse { name, text, types } => {
                return Ok(self.parse(wire, name, text, types, machine));
            }
            Frontend::Bind { portal, statement, param_formats, params, formats } => {
                let params = BoundParams { formats: param_formats, values: &params };
                return Ok(self.bind(wire, [portal, statement], &params, formats, machine));
            }
            Frontend::DescribeStatement(name) => {
                self.effects.described.insert((Described::Statement, name.to_owned()));
                self.batch.push(wire, vec![Expect::DescribeStatement(name.to_owned())]);
            }
            Frontend::DescribePortal(name) => self.describe_portal(wire, name, AskedBy::Client),
            Frontend::Execute { portal } => {
                return Ok(self.execute(wire, portal, upcoming, machine));
            }
            Frontend::CloseStatement(name) => self.close(wire, Change::Deallocate(name.into())),
            Frontend::ClosePortal(name) => self.close(wire, Change::Close(name.into())),
            Frontend::Flush if self.batch.is_empty() => {}
            Frontend::Flush => {
                self.batch.push(wire, Vec::new());
                return Ok(Step::Request);
            }
            Frontend::Sync => return Ok(self.sync(machine)),
            // SPEC: left over from a COPY that has failed; dropped.
            Frontend::CopyData | Frontend::CopyDone | Frontend::CopyFail => {}
            Frontend::Terminate => {}
        }
        Ok(Step::More)
    }

    fn sync(&mut self, machine: &ReplyMachine) -> Step {
        let (wire, expect) = if machine.owes_failure() {
            (self.failing.failing_sync(), Expect::ReadyAfterRefusal)
        } else {
            (Bytes::from_static(SYNC), Expect::Ready)
        };
        self.batch.push(wire, vec![expect]);
        Step::Request
    }

    fn parse(
        &mut self,
        wire: Bytes,
        name: &str,
        text: &str,
        types: Vec<u32>,
        machine: &ReplyMachine,
    ) -> Step {
        let Ok(plans) = self.plans_of(text) else { return Step::Refresh };
        let plan = match &*plans {
            [] => None,
            [plan] => Some(plan.clone()),
            _ => Some(self.planner.plan_unknown(
                sqlstate::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            )),
        };
        let plan = if self.overlay.is_full(machine.names(), text.len()) {
            Some(self.planner.plan_unknown(sqlstate::PROGRAM_LIMIT, FULL))
        } else {
            plan
        };
        let plan = plan.map(|plan| self.planner.given_types(plan, &types));
        self.effects.described.remove(&(Described::Statement, name.to_owned()));
        let mut uses: Vec<_> = plan.iter().map(|plan| self.prepares(plan)).collect();
        if plan.as_ref().is_some_and(|plan| self.writes_mask(plan, text)) {
            uses.push(self.refused(sqlstate::INSUFFICIENT_PRIVILEGE, ADVICE));
        }
        plan.iter().for_each(|plan| self.follow_code(plan));
        let prepared = Arc::new(Prepared { plan, text: text.into(), types, place: None });
        let change = Change::Prepare(name.into(), prepared);
        self.overlay.plan(&change);
        self.batch.push_commands(wire, vec![Expect::Parse(change)], uses, Vec::new());
        Step::More
    }

    fn bind(
        &mut self,
        wire: Bytes,
        [name, statement]: [&str; 2],
        params: &BoundParams<'_>,
        formats: Vec<i16>,
        machine: &ReplyMachine,
    ) -> Step {
        let prepared = match self.overlay.prepared(machine.names(), statement) {
            Some(prepared) => match self.up_to_date(prepared) {
                Ok(prepared) => prepared,
                Err(_) => return Step::Refresh,
            },
            None => self.unknown_prepared(),
        };
        let types = &prepared.types;
        let params = Parameters { values: params.values, formats: &params.formats, types };
        let parameters = content::parameters(params);
        let bytes = parameters.iter().map(parameter_bytes).sum();
        let is_full = self.overlay.is_full(machine.names(), bytes);
        let forms = prepared.plan.as_ref().and_then(|plan| forms(&plan.statement));
        let is_in = |forms: MaskForms| params.values.iter().flatten().any(|one| forms.are_in(one));
        let holds_mask = forms.is_some_and(is_in);
        // One that was planned anew is described anew: its columns may come from elsewhere.
        let columns = |entry: &portreeve_sql::PreparedEntry| {
            entry.columns.is_some() && Arc::ptr_eq(&entry.prepared, &prepared)
        };
        // What stands behind a name gives other columns at another time.
        let is_fixed = prepared.plan.as_ref().is_none_or(|plan| !is_by_name(plan));
        let is_described = machine.names().prepared(statement).is_some_and(columns) && is_fixed
            || self.effects.described.contains(&(Described::Statement, statement.to_owned()));
        let key = (Described::Portal, name.to_owned());
        if is_described {
            self.effects.described.insert(key);
        } else {
            self.effects.described.remove(&key);
        }
        prepared.plan.iter().for_each(|plan| self.follow_code(plan));
        let lifetime = CursorLifetime::Transaction;
        let listed = prepared.plan.as_ref().and_then(|plan| params.listed(&plan.statement.listed));
        let portal = Portal {
            text: prepared.text.clone(),
            parameters,
            listed,
            prepared,
            statement: statement.to_owned(),
            formats,
            lifetime,
        };
        let change = Change::Open(name.into(), Arc::new(portal));
        self.overlay.plan(&change);
        let uses = if is_full {
            vec![self.refused(sqlstate::PROGRAM_LIMIT, FULL)]
        } else if holds_mask {
            vec![self.refused(sqlstate::INSUFFICIENT_PRIVILEGE, ADVICE)]
        } else {
            Vec::new()
        };
        self.batch.push_commands(wire, vec![Expect::Bind(change)], uses, Vec::new());
        Step::More
    }

    fn describe_portal(&mut self, wire: Bytes, name: &str, asked_by: AskedBy) {
        self.effects.described.insert((Described::Portal, name.to_owned()));
        let expect = Expect::DescribePortal { portal: name.to_owned(), asked_by };
        self.batch.push(wire, vec![expect]);
    }

    /// Rows can be masked only when their types and origins are known.
    pub(super) fn describe_first(&mut self, name: &str, plan: &Plan, machine: &ReplyMachine) {
        let is_known = self.effects.described.contains(&(Described::Portal, name.to_owned()))
            // One that this request opens takes the name of what was described before.
            || self.overlay.is_kept(name)
                && machine.names().portal(name).is_some_and(|entry| entry.columns.is_some())
            || plan.copy().is_some();
        if is_known || !self.needs_description(plan) {
            return;
        }
        let mut wire = Vec::new();
        put(&mut wire, b'D', |out| {
            out.push(b'P');
            put_text(out, name);
        });
        self.describe_portal(wire.into(), name, AskedBy::Gateway);
    }

    fn close(&mut self, wire: Bytes, change: Change) {
        self.overlay.plan(&change);
        self.batch.push(wire, vec![Expect::Close(change)]);
    }

    /// What a text's statements may show this session. Fails where the catalog may be too
    /// old to tell.
    pub(super) fn plans_of(&mut self, text: &str) -> Result<portreeve_sql::Plans, UnknownNames> {
        let bytes_max = self.limits.statement_bytes_max;
        if text.len() > bytes_max {
            let why = format!(
                "the statement is longer than {bytes_max} bytes (`limits.postgres.statement_bytes_max`)"
            );
            return Ok([self.planner.plan_unknown(sqlstate::PROGRAM_LIMIT, &why)].into());
        }
        let (plans, known) = self.planner.plans_of(text);
        let is_about = |plan: &Arc<Plan>| plan.uses_objects() || plan.command.unknown.is_some();
        let is_lost = !self.planner.sees_definitions() && plans.iter().any(is_about);
        // What it has made itself may be known by another name.
        let is_amiss = known.is_err() && self.freshness == Freshness::Locked;
        if self.can_look_inside() && (is_lost || is_amiss) && self.catalog().has_rules() {
            self.helps = Helps::LookInside;
            return Err(UnknownNames);
        }
        if self.questions.contains(&Helps::Path) && self.planner.is_lost_between_schemas() {
            self.helps = Helps::Path;
            return Err(UnknownNames);
        }
        self.helps = Helps::NewDefinitions;
        match (known, self.freshness) {
            (Err(unknown), Freshness::MayBeOld) => Err(unknown),
            (Ok(()), _) | (Err(_), Freshness::Fresh | Freshness::Locked) => Ok(plans),
        }
    }
}

/// The parameters of a Bind, as they came.
struct BoundParams<'a> {
    formats: Vec<i16>,
    values: &'a [Option<&'a [u8]>],
}
