//! Client messages that make one request: a simple query, or a run of extended-protocol
//! messages up to Sync, Flush, or a command whose reply may be held.

use super::content::Circumstances;
use super::settings::InForce;
use crate::reply::{Expect, Status};
use crate::wire::{
    Frontend, HEADER_BYTES, Reading, Refused, put, put_text, put_trial, query, read, sqlstate,
};
use bytes::{Bytes, BytesMut};
use portreeve_decide::sql::{CopyFormat, Unknown};
use portreeve_model::{
    ApprovedStatement, Examples, Refusal, RefusalCode, RequestContent, Unit, Upload,
};
use portreeve_session::{CommandUse, Fence, Request, Stage};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Which of the two query protocols a request is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Simple,
    Extended,
}

/// How the rows of a COPY are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CopyShape {
    pub(crate) format: CopyFormat,
    pub(crate) columns: u16,
}

/// A command of a request, and what the server would say if it cannot be judged.
#[derive(Debug)]
pub(crate) struct PlannedUse {
    pub(super) asked: CommandUse,
    pub(super) unknown: Option<Box<Unknown>>,
    /// The server would refuse it as well, and may say so itself.
    pub(super) is_slip: bool,
}

/// One message, with what the server will answer to it.
#[derive(Debug)]
struct Part {
    wire: Bytes,
    expects: Vec<Expect>,
    /// The first of the request's commands that is in it, and how many.
    commands: std::ops::Range<usize>,
}

impl Part {
    /// The text of SQL that it brings, with the types that the client gives to its parameters.
    fn text(&self) -> Option<(&str, Vec<u32>)> {
        let (tag, body) = (self.wire.first()?, self.wire.get(HEADER_BYTES..)?);
        match read(*tag, body).ok()? {
            Frontend::Query(text) => Some((text, Vec::new())),
            Frontend::Parse { text, types, .. } => Some((text, types)),
            _ => None,
        }
    }
}

/// A request under construction.
pub(crate) struct MessageBatch {
    pub(super) kind: Kind,
    received: Vec<Bytes>,
    parts: Vec<Part>,
    uses: Vec<CommandUse>,
    /// What the server would say of commands that cannot be judged, by their place.
    unknown: HashMap<usize, Box<Unknown>>,
    /// Those of which the server may say itself what is wrong with them.
    slips: HashSet<usize>,
    statements: Vec<ApprovedStatement>,
    /// The transaction status that the request meets.
    status: Status,
    failing: FailingName,
    /// It runs code that may change definitions where no statement shows it.
    pub(crate) runs_own_code: bool,
    /// What guards the reply.
    pub(super) fence: Option<Arc<dyn Fence>>,
    /// What tells whether anything that it rests on has changed.
    pub(crate) definitions: Option<Arc<dyn Fence>>,
    /// The COPY of the client's data that it is, where it is nothing else.
    pub(super) copy_shape: Option<CopyShape>,
    /// It has a COPY of the client's data.
    pub(super) has_copy_in: bool,
    /// Those data, where they are here.
    pub(crate) upload: Upload,
    /// Most rows that it may change, where they were counted.
    pub(crate) changes_max: Option<u64>,
    /// Some of them.
    pub(crate) examples: Option<Examples>,
    /// What was sent before it waits for Sync: nothing can be asked in between.
    pub(crate) follows_open: bool,
    /// The open transaction has written before.
    pub(super) follows_writes: bool,
    /// What it changes is to wait in a transaction of the gateway's for its reply.
    pub(super) waits: bool,
    /// What its meaning depends on beside its text.
    pub(super) circumstances: Option<Circumstances>,
}

impl std::fmt::Debug for MessageBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageBatch").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

/// A statement name that no client can have: describing it fails without any effect.
#[derive(Clone, Debug)]
pub(crate) struct FailingName(pub(crate) Arc<str>);

impl FailingName {
    /// Writes a message that fails at the server, with no other effect.
    fn put(&self, out: &mut Vec<u8>) {
        put(out, b'D', |out| {
            out.push(b'S');
            put_text(out, &self.0);
        });
    }

    /// Sync, behind a failing message where the server has not seen the client's error.
    pub(super) fn failing_sync(&self) -> Bytes {
        let mut out = Vec::new();
        self.put(&mut out);
        put(&mut out, b'S', |_| {});
        out.into()
    }
}

impl MessageBatch {
    pub(super) fn new(status: Status, failing: FailingName) -> Self {
        Self {
            kind: Kind::Extended,
            received: Vec::new(),
            parts: Vec::new(),
            uses: Vec::new(),
            unknown: HashMap::new(),
            slips: HashSet::new(),
            statements: Vec::new(),
            status,
            failing,
            runs_own_code: false,
            fence: None,
            definitions: None,
            copy_shape: None,
            has_copy_in: false,
            upload: Upload::Absent,
            changes_max: None,
            examples: None,
            follows_open: false,
            follows_writes: false,
            waits: false,
            circumstances: None,
        }
    }

    /// How the rows are written that it wants of the client, where it is one COPY and nothing
    /// else.
    pub(crate) fn copies_in(&self) -> Option<CopyShape> {
        self.copy_shape
    }

    /// Notes what is set in the session.
    pub(crate) fn run_under(&mut self, in_force: InForce) {
        if let Some(circumstances) = &mut self.circumstances {
            circumstances.in_force = in_force;
        }
    }

    /// One statement that runs, and what is set in its session: what the rows of a write can be
    /// counted by. What the open transaction has written before, nobody else sees.
    pub(crate) fn countable(&self) -> Option<(&ApprovedStatement, BTreeMap<String, String>)> {
        let mut runs = self.uses.iter().filter(|one| one.stage == Stage::Run);
        let is_one = runs.next().is_some() && runs.next().is_none();
        let [only] = self.statements.as_slice() else { return None };
        let is_seen = !(self.follows_open || self.follows_writes);
        let settings = self.circumstances.as_ref()?.in_force.values()?;
        (is_one && is_seen).then_some((only, settings))
    }

    /// What is done with which objects, as policy was asked: a name may stand for something else at
    /// another time, or in another session, and the versions of definitions may be the same.
    fn meant(&self) -> Vec<String> {
        let needs = self.uses.iter().flat_map(|one| &one.command.needs);
        let meant: BTreeSet<String> =
            needs.map(|need| format!("{} on {}", need.action, need.object)).collect();
        meant.into_iter().collect()
    }

    /// Whether what it changes is to stay only once its reply may pass, and nothing else would
    /// see to that.
    pub(crate) fn is_deferred(&self) -> bool {
        self.kind == Kind::Simple
            && self.status == Status::Idle
            && !self.follows_open
            && (self.waits || self.changes_max.is_some())
    }

    /// Puts a refused command in the place of all that it asks for. It is one message.
    pub(crate) fn refuse(&mut self, one: PlannedUse) {
        self.unknown = one.unknown.map(|unknown| (0, unknown)).into_iter().collect();
        self.slips.clear();
        self.uses = vec![one.asked];
        self.parts.iter_mut().for_each(|part| part.commands = 0..1);
    }

    /// Notes bytes that came from the client, whatever becomes of them.
    pub(super) fn note(&mut self, bytes: Bytes) {
        self.received.push(bytes);
    }

    /// The bytes that were noted last belong to another request.
    pub(super) fn forget_last(&mut self) {
        self.received.pop();
    }

    /// Adds a message that asks for nothing to be decided.
    pub(super) fn push(&mut self, wire: Bytes, expects: Vec<Expect>) {
        self.push_commands(wire, expects, Vec::new(), Vec::new());
    }

    /// Adds a message with its commands, and what a reviewer reads of them.
    pub(super) fn push_commands(
        &mut self,
        wire: Bytes,
        expects: Vec<Expect>,
        uses: Vec<PlannedUse>,
        statements: Vec<ApprovedStatement>,
    ) {
        let first = self.uses.len();
        for one in uses {
            self.unknown.extend(one.unknown.map(|unknown| (self.uses.len(), unknown)));
            self.slips.extend(one.is_slip.then_some(self.uses.len()));
            self.uses.push(one.asked);
        }
        self.parts.push(Part { wire, expects, commands: first..self.uses.len() });
        self.statements.extend(statements);
    }

    /// Whether the client's Sync is still to come.
    pub(super) fn is_open(&self) -> bool {
        let last = self.parts.last().and_then(|part| part.expects.last());
        Ends::of(self.kind, last) == Ends::Open
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn received_bytes(&self) -> usize {
        self.received.iter().map(Bytes::len).sum()
    }

    /// The frames that it was made of, to make it again.
    pub(super) fn into_received(self) -> Vec<Bytes> {
        self.received
    }
}

/// A Flush.
pub(crate) fn flush() -> Bytes {
    Bytes::from_static(b"H\0\0\0\x04")
}

/// A query that fails at the server, with no other effect. It is what stands in the
/// target's log where a command was refused inside a transaction.
pub(crate) fn failing_query() -> Bytes {
    query("refused by portreeve")
}

/// What of a request was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// What the server will answer.
    pub(crate) expects: Vec<Expect>,
    /// How the reply ends.
    pub(crate) ends: Ends,
    /// What the server would say of the refused command, where it cannot be judged.
    pub(crate) unknown: Option<Box<Unknown>>,
}

/// How the reply to a request ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ends {
    /// With ReadyForQuery, after a simple query.
    SimpleReady,
    /// With ReadyForQuery, after Sync.
    SyncReady,
    /// Without: the client's Sync is still to come.
    Open,
}

impl Ends {
    fn of(kind: Kind, last: Option<&Expect>) -> Self {
        match (kind, last) {
            (Kind::Simple, _) => Self::SimpleReady,
            (Kind::Extended, Some(Expect::Ready | Expect::ReadyAfterRefusal)) => Self::SyncReady,
            (Kind::Extended, _) => Self::Open,
        }
    }
}

impl Request for MessageBatch {
    type Accepted = Accepted;

    fn commands(&self) -> &[CommandUse] {
        &self.uses
    }

    fn received(&self) -> Bytes {
        match self.received.as_slice() {
            [one] => one.clone(),
            many => many.iter().fold(BytesMut::new(), join).freeze(),
        }
    }

    fn content(&self) -> RequestContent {
        let statements = self.statements.clone();
        let upload = self.upload.clone();
        let examples = self.examples.clone();
        let mut content =
            RequestContent { statements, upload, examples, ..RequestContent::default() };
        if let Some(circumstances) = &self.circumstances {
            circumstances.put(&mut content);
        }
        content.settings.extend(self.meant());
        content.caps.extend(self.changes_max.map(|rows| (Unit::Changes, rows)));
        content
    }

    fn definitions(&self) -> Option<Arc<dyn Fence>> {
        self.definitions.clone()
    }

    fn has_unseen_data(&self) -> bool {
        self.has_copy_in && self.upload == Upload::Absent
    }

    fn fence(&self) -> Option<Arc<dyn Fence>> {
        self.fence.clone()
    }

    fn encode(mut self, refused: Option<(usize, &Refusal)>) -> (Bytes, Accepted) {
        let unknown = refused.and_then(|(index, _)| self.unknown.remove(&index));
        let is_slip = refused.is_some_and(|(index, refusal)| {
            refusal.code == RefusalCode::Unknown && self.slips.contains(&index)
        });
        let mut wire = Vec::with_capacity(self.received_bytes());
        let mut expects = Vec::new();
        let refused_at = |part: &Part| {
            refused.filter(|(index, _)| part.commands.contains(index)).map(|(_, refusal)| refusal)
        };
        let mut after_refusal = false;
        for part in self.parts {
            let ends =
                matches!(part.expects.as_slice(), [Expect::Ready | Expect::ReadyAfterRefusal]);
            if after_refusal && !ends {
                continue;
            }
            let Some(refusal) = refused_at(&part) else {
                wire.extend_from_slice(&part.wire);
                expects.extend(part.expects);
                continue;
            };
            after_refusal = true;
            let refused = Refused::boxed(refusal, unknown.as_deref());
            let trial = part.text().filter(|_| is_slip && !self.follows_open);
            if let Some((text, types)) = &trial {
                let is_unread =
                    unknown.as_ref().is_some_and(|it| it.sqlstate == sqlstate::SYNTAX_ERROR);
                let reading = if is_unread { Reading::Grammar } else { Reading::Names };
                put_trial(&mut wire, text, types, reading);
                expects.push(Expect::Tried(match reading {
                    Reading::Grammar => refused.of_text(text),
                    Reading::Names => refused.clone(),
                }));
            }
            match self.kind {
                Kind::Extended => {
                    self.failing.put(&mut wire);
                    wire.extend_from_slice(&flush());
                    expects.push(Expect::Refused(refused));
                }
                Kind::Simple if trial.is_some() => {
                    wire.extend_from_slice(&self.failing.failing_sync());
                    expects.extend([Expect::Refused(refused), Expect::Ready]);
                }
                // Inside a transaction the server must fail too, as it would have.
                Kind::Simple if self.status == Status::InTransaction || self.follows_open => {
                    wire.extend_from_slice(&failing_query());
                    expects.push(Expect::RefusedQuery(refused));
                }
                Kind::Simple => {}
            }
        }
        let ends = Ends::of(self.kind, expects.last());
        (wire.into(), Accepted { expects, ends, unknown })
    }
}

fn join(mut joined: BytesMut, frame: &Bytes) -> BytesMut {
    joined.extend_from_slice(frame);
    joined
}
