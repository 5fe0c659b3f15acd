//! Which client messages make one request, and what each of them needs.

use crate::analyses::unknown;
use crate::conn::{Conn, Plans, client_broke};
use crate::frame::{Frame, HEADER_BYTES, take};
use crate::frontend::{Frontend, read};
use crate::names::{Change, Portal, Prepared};
use crate::pipeline::{AskedBy, Expect, Expected};
use crate::plan::{Plan, PlannedOutput};
use crate::segment::{Kind, Segment, flush, put_failing_sync};
use bytes::Bytes;
use portreeve_decide::sql::{CopyDirection, Output, SessionEffect, Statement};
use portreeve_session::{Asked, Broken, Stage};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

/// What a client wants next.
pub(crate) enum Gathered {
    Segment(Segment),
    Terminate,
}

/// A run of extended-protocol messages is cut here, and its replies asked for.
const SEGMENT_BYTES_MAX: usize = 256 << 10;
const PLANS_MAX: usize = 512;
const SYNC: &[u8] = b"S\0\0\0\x04";
/// Every message type that a client may send.
const TAGS: &[u8] = b"QPBDCEHSdcfXF";

/// Whether a request is complete.
#[derive(PartialEq, Eq)]
enum Cut {
    Open,
    Done,
}

impl Conn {
    /// Reads until a whole request is there.
    pub(crate) async fn gather(&mut self) -> Result<Gathered, Broken> {
        self.pipeline.names.begin();
        self.defines = false;
        self.writes = false;
        let mut segment = self.segment(Kind::Extended);
        loop {
            let is_alone = matches!(self.client.inbox().first(), Some(b'Q' | b'F' | b'X'));
            if is_alone && !segment.is_empty() && self.client.inbox().len() >= HEADER_BYTES {
                // These begin a request of their own; what went before is answered first.
                segment.push(flush(), Vec::new(), Vec::new(), None);
                return Ok(Gathered::Segment(segment));
            }
            // What will be refused anyway is not waited for.
            let known = self.client.inbox().first().is_none_or(|tag| TAGS.contains(tag));
            if !known {
                return Err(Broken::Client("unknown message type".into()));
            }
            let max = self.limits.message_bytes_max;
            let Some(frame) = take(self.client.inbox(), max).map_err(client_broke)? else {
                self.wait_for_client().await?;
                continue;
            };
            if segment.is_empty() {
                // What happened while the client was silent holds for what it says now.
                self.follow_changes().await?;
            }
            segment.note(&frame.whole);
            if frame.tag == b'X' {
                return Ok(Gathered::Terminate);
            }
            if self.add(&mut segment, &frame).await? == Cut::Done {
                return Ok(Gathered::Segment(segment));
            }
            if segment.received_bytes() > SEGMENT_BYTES_MAX {
                if !segment.is_empty() {
                    segment.push(flush(), Vec::new(), Vec::new(), None);
                }
                return Ok(Gathered::Segment(segment));
            }
        }
    }

    fn segment(&self, kind: Kind) -> Segment {
        Segment::new(kind, self.pipeline.status, &self.failing_name)
    }

    async fn add(&mut self, segment: &mut Segment, frame: &Frame) -> Result<Cut, Broken> {
        let message = read(frame.tag, frame.body()).map_err(|e| Broken::Client(e.to_string()))?;
        if self.pipeline.skipping {
            // SPEC: after an error in the extended protocol, all is skipped up to Sync.
            return Ok(if message == Frontend::Sync { self.sync(segment) } else { Cut::Open });
        }
        let wire = frame.whole.clone();
        match message {
            Frontend::Query(text) => return self.query(segment, wire, text).await,
            Frontend::FunctionCall => {
                segment.kind = Kind::Simple;
                let why = "fast-path function calls are not offered: call the function with SELECT";
                segment.push(wire, Vec::new(), vec![self.refused(why)], None);
                return Ok(Cut::Done);
            }
            Frontend::Parse { name, text, .. } => self.parse(segment, wire, name, text).await?,
            Frontend::Bind { portal, statement, params, formats, .. } => {
                self.bind(segment, wire, portal, statement, &params, formats).await?;
            }
            Frontend::DescribeStatement(name) => {
                let prepared = self.pipeline.names.prepared(name);
                let prepared = prepared.unwrap_or_else(|| self.unknown_prepared());
                segment.push(wire, vec![Expect::DescribeStatement(prepared)], Vec::new(), None);
            }
            Frontend::DescribePortal(name) => {
                let portal = self.pipeline.names.portal(name);
                let portal = portal.unwrap_or_else(|| self.unknown_portal());
                portal.is_described.store(true, Ordering::Relaxed);
                let asked_by = AskedBy::Client;
                let expect = Expect::DescribePortal { portal, asked_by };
                segment.push(wire, vec![expect], Vec::new(), None);
            }
            Frontend::Execute { portal } => return Ok(self.execute(segment, wire, portal)),
            Frontend::CloseStatement(name) => {
                self.close(segment, wire, Change::Deallocate(name.into()));
            }
            Frontend::ClosePortal(name) => self.close(segment, wire, Change::Close(name.into())),
            Frontend::Flush => {
                if segment.is_empty() {
                    return Ok(Cut::Open);
                }
                segment.push(wire, Vec::new(), Vec::new(), None);
                return Ok(Cut::Done);
            }
            Frontend::Sync => return Ok(self.sync(segment)),
            // SPEC: left over from a COPY that has failed; dropped.
            Frontend::CopyData | Frontend::CopyDone | Frontend::CopyFail => {}
            Frontend::Terminate => {}
        }
        Ok(Cut::Open)
    }

    fn sync(&mut self, segment: &mut Segment) -> Cut {
        self.pipeline.skipping = false;
        let (wire, expect) = if std::mem::take(&mut self.pipeline.owes_failure) {
            let mut wire = Vec::new();
            put_failing_sync(&self.failing_name, &mut wire);
            (wire.into(), Expect::ReadyAfterRefusal)
        } else {
            (Bytes::from_static(SYNC), Expect::Ready)
        };
        segment.push(wire, vec![expect], Vec::new(), None);
        Cut::Done
    }

    async fn query(
        &mut self,
        segment: &mut Segment,
        wire: Bytes,
        text: &str,
    ) -> Result<Cut, Broken> {
        segment.kind = Kind::Simple;
        let mut plans = self.plans_of(text).await?;
        if plans.len() > 1 && plans.iter().any(|plan| plan.statement.moves_search_path) {
            self.move_path();
            plans = self.plans_of(text).await?;
        }
        let mut results = std::collections::VecDeque::with_capacity(plans.len());
        let mut asked = Vec::new();
        let mut held = false;
        for plan in plans.iter() {
            if let SessionEffect::ExecutePrepared { name } = &plan.statement.session {
                self.renew(name).await?;
            }
            let (expected, commands) = self.effect_of(plan, text);
            if held && plan.statement.is_write {
                // It would have run by the time that a person is asked about the rows before.
                asked.push(self.refused(
                    "a statement that changes something follows one whose rows may be held for \
                     review: send them one at a time",
                ));
            }
            held |= commands.iter().any(|asked| self.session.rows_free(asked).is_some());
            if let Some(change) = &expected.change {
                self.pipeline.names.plan(change);
            }
            results.push_back(expected);
            asked.extend(commands);
        }
        segment.push(wire, vec![Expect::Query(results)], asked, Some(text.to_owned()));
        Ok(Cut::Done)
    }

    async fn parse(
        &mut self,
        segment: &mut Segment,
        wire: Bytes,
        name: &str,
        text: &str,
    ) -> Result<(), Broken> {
        let plans = self.plans_of(text).await?;
        let plan = match &*plans {
            [] => None,
            [plan] => Some(plan.clone()),
            _ => Some(self.plan_unknown("several statements cannot be prepared as one")),
        };
        let plan = if self.pipeline.names.is_full() {
            Some(self.plan_unknown("too many prepared statements: deallocate some"))
        } else {
            plan
        };
        let asked = plan.iter().map(|plan| ask(plan, Stage::Prepare, 0)).collect();
        let prepared = Arc::new(Prepared { plan, text: text.into(), fields: OnceLock::new() });
        let change = Change::Prepare(name.into(), prepared);
        self.pipeline.names.plan(&change);
        segment.push(wire, vec![Expect::Parse(change)], asked, None);
        Ok(())
    }

    async fn bind(
        &mut self,
        segment: &mut Segment,
        wire: Bytes,
        name: &str,
        statement: &str,
        params: &[Option<&[u8]>],
        formats: Vec<i16>,
    ) -> Result<(), Broken> {
        let prepared = self.pipeline.names.prepared(statement);
        let prepared = match prepared {
            Some(prepared) => self.up_to_date(prepared).await?,
            None => self.unknown_prepared(),
        };
        let content = with_params(&prepared.text, params);
        let portal = Arc::new(Portal::new(prepared, formats, content));
        let change = Change::Open(name.into(), portal);
        self.pipeline.names.plan(&change);
        segment.push(wire, vec![Expect::Bind(change)], Vec::new(), None);
        Ok(())
    }

    fn execute(&mut self, segment: &mut Segment, wire: Bytes, name: &str) -> Cut {
        let portal = self.pipeline.names.portal(name).unwrap_or_else(|| self.unknown_portal());
        let Some(plan) = portal.prepared.plan.clone() else {
            let expected =
                Expected { plan: None, portal: Some(portal), counted: None, change: None };
            segment.push(wire, vec![Expect::Execute(expected)], Vec::new(), None);
            return Cut::Open;
        };
        let plan = self.ruled(&plan);
        self.describe_first(segment, &portal, &plan, name);
        let text = portal.prepared.text.clone();
        let (expected, mut asked) = self.effect_of(&plan, &text);
        let counted = expected.counted.clone().unwrap_or_else(|| portal.clone());
        if expected.counted.is_none() {
            let rows_before = portal.rows.load(Ordering::Relaxed);
            asked.iter_mut().for_each(|asked| asked.rows_before = rows_before);
        }
        if let Some(change) = &expected.change {
            self.pipeline.names.plan(change);
        }
        let is_copy_in = plan.copy().is_some_and(|copy| copy.direction == CopyDirection::In);
        let may_hold = asked.iter().any(|asked| self.session.rows_free(asked).is_some());
        let content = portal.content.clone();
        let expected = Expected { portal: Some(portal), counted: Some(counted), ..expected };
        segment.push(wire, vec![Expect::Execute(expected)], asked, Some(content));
        let ends_here = self.client.inbox().starts_with(SYNC) && !self.writes;
        if is_copy_in || (may_hold && !ends_here) {
            // What follows must not reach the target before this one's reply is released.
            segment.push(flush(), Vec::new(), Vec::new(), None);
            return Cut::Done;
        }
        Cut::Open
    }

    /// Rows can be masked only when their types and origins are known.
    fn describe_first(&self, segment: &mut Segment, portal: &Arc<Portal>, plan: &Plan, name: &str) {
        let has_rows = plan.statement.output != Output::None;
        let needed = match &plan.output {
            PlannedOutput::Clean => has_rows && !self.known.catalog.classified().is_empty(),
            PlannedOutput::Columns(_) | PlannedOutput::Unproven => true,
        };
        let is_known = portal.prepared.fields.get().is_some()
            || portal.is_described.load(Ordering::Relaxed)
            || plan.copy().is_some();
        if !needed || is_known {
            return;
        }
        portal.is_described.store(true, Ordering::Relaxed);
        let mut wire = Vec::new();
        crate::frame::put(&mut wire, b'D', |out| {
            out.push(b'P');
            crate::frame::put_text(out, name);
        });
        let expect = Expect::DescribePortal { portal: portal.clone(), asked_by: AskedBy::Gateway };
        segment.push(wire.into(), vec![expect], Vec::new(), None);
    }

    fn close(&mut self, segment: &mut Segment, wire: Bytes, change: Change) {
        self.pipeline.names.plan(&change);
        segment.push(wire, vec![Expect::Close(change)], Vec::new(), None);
    }

    /// What a statement's result shows, what it changes, and what must be decided: for
    /// EXECUTE and FETCH, those of the statement behind the name.
    fn effect_of(&mut self, plan: &Arc<Plan>, text: &str) -> (Expected, Vec<Asked>) {
        let mut expected =
            Expected { plan: Some(plan.clone()), portal: None, counted: None, change: None };
        let mut asked = self.running(plan, 0);
        match &plan.statement.session {
            SessionEffect::Prepare { name, statement } => {
                let prepared = self.prepared_within(statement, text);
                expected.change = Some(Change::Prepare(name.clone(), prepared));
            }
            SessionEffect::Declare { cursor, statement } => {
                let prepared = self.prepared_within(statement, "");
                let portal = Portal::new(prepared, Vec::new(), String::new());
                expected.change = Some(Change::Open(cursor.clone(), Arc::new(portal)));
            }
            SessionEffect::ExecutePrepared { name } => {
                match self.pipeline.names.prepared(name).map(|prepared| prepared.plan.clone()) {
                    Some(Some(behind)) if behind.epoch == self.epoch => {
                        asked.extend(self.running(&behind, 0));
                        expected.plan = Some(behind);
                    }
                    Some(None) => {}
                    _ => asked.push(self.refused(
                        "no such prepared statement, or definitions have changed since: prepare it again",
                    )),
                }
            }
            SessionEffect::Fetch { cursor } => match self.pipeline.names.portal(cursor) {
                Some(portal) => {
                    if let Some(behind) = &portal.prepared.plan {
                        let behind = self.ruled(behind);
                        let rows_before = portal.rows.load(Ordering::Relaxed);
                        asked.extend(self.running(&behind, rows_before));
                        if plan.statement.output != Output::None {
                            expected.plan = Some(behind);
                        }
                    }
                    expected.counted = Some(portal);
                }
                None => asked.push(self.refused("no such cursor: declare it first")),
            },
            SessionEffect::CloseCursor { name } => {
                expected.change = Some(name.clone().map_or(Change::CloseAll, Change::Close));
            }
            SessionEffect::Deallocate { name } => {
                expected.change =
                    Some(name.clone().map_or(Change::DeallocateAll, Change::Deallocate));
            }
            SessionEffect::DiscardAll => expected.change = Some(Change::DiscardAll),
            SessionEffect::None
            | SessionEffect::Transaction
            | SessionEffect::Set
            | SessionEffect::Listen
            | SessionEffect::Notify => {}
        }
        (expected, asked)
    }

    /// A statement that is to run now, and what follows from that for those after it.
    fn running(&mut self, plan: &Arc<Plan>, rows_before: u64) -> Vec<Asked> {
        let mut asked = vec![ask(plan, Stage::Run, rows_before)];
        if (self.pipeline.defining || self.defines)
            && plan.uses_objects()
            && !self.known.catalog.classified().is_empty()
        {
            // SECURITY: names may mean something that the catalog does not show yet.
            asked.push(
                self.refused(
                    "definitions were changed in this open transaction: commit them first",
                ),
            );
        }
        self.defines |= plan.defines();
        self.writes |= plan.statement.is_write;
        if plan.statement.moves_search_path {
            self.move_path();
        }
        asked
    }

    /// `text` is the one that holds the PREPARE.
    fn prepared_within(&mut self, statement: &Statement, text: &str) -> Arc<Prepared> {
        let plan = self.plan(Arc::new(statement.clone()));
        Arc::new(Prepared { plan: Some(plan), text: text.into(), fields: OnceLock::new() })
    }

    /// A statement that SQL's PREPARE made under an older catalog or policy is planned
    /// again from the text that made it.
    async fn renew(&mut self, name: &str) -> Result<(), Broken> {
        let Some(prepared) = self.pipeline.names.prepared(name) else { return Ok(()) };
        if prepared.plan.as_ref().is_none_or(|plan| plan.epoch == self.epoch) {
            return Ok(());
        }
        let plans = self.plans_of(&prepared.text).await?;
        let within = plans.iter().find_map(|plan| match &plan.statement.session {
            SessionEffect::Prepare { name: made, statement } if made == name => {
                Some((**statement).clone())
            }
            _ => None,
        });
        let fresh = match within {
            Some(statement) => self.prepared_within(&statement, &prepared.text),
            // It came with Parse.
            None => self.up_to_date(prepared).await?,
        };
        self.pipeline.names.apply(Change::Prepare(name.into(), fresh));
        Ok(())
    }

    /// A statement that was prepared under an older catalog or policy is planned again.
    async fn up_to_date(&mut self, prepared: Arc<Prepared>) -> Result<Arc<Prepared>, Broken> {
        let is_current = prepared.plan.as_ref().is_none_or(|plan| plan.epoch == self.epoch);
        if is_current {
            return Ok(prepared);
        }
        let plans = self.plans_of(&prepared.text).await?;
        let plan = match &*plans {
            [plan] => plan.clone(),
            _ => self
                .plan_unknown("definitions have changed since this was prepared: prepare it again"),
        };
        let fields = prepared.fields.get().cloned();
        let fresh = Prepared {
            plan: Some(plan),
            text: prepared.text.clone(),
            fields: fields.map(OnceLock::from).unwrap_or_default(),
        };
        Ok(Arc::new(fresh))
    }

    /// What a text's statements may show this session.
    async fn plans_of(&mut self, text: &str) -> Result<Plans, Broken> {
        if text.len() > self.limits.statement_bytes_max {
            let why =
                format!("the statement is longer than {} bytes", self.limits.statement_bytes_max);
            return Ok([self.plan_unknown(&why)].into());
        }
        let mut analysis = self.known.analyses.of(&self.known.catalog, text);
        if analysis.iter().any(|statement| !statement.missing.is_empty()) {
            self.look_again().await?;
            analysis = self.known.analyses.of(&self.known.catalog, text);
        }
        let key = Arc::as_ptr(&analysis).cast::<()>() as usize;
        if let Some((_, plans)) = self.plans.get(&key) {
            return Ok(plans.clone());
        }
        let plans: Plans = analysis.iter().map(|statement| self.plan(statement.clone())).collect();
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear();
        }
        self.plans.insert(key, (analysis, plans.clone()));
        Ok(plans)
    }

    fn plan(&mut self, statement: Arc<Statement>) -> Arc<Plan> {
        let session = &mut self.session;
        let reveals = |object: &_, category: &_| session.reveals(object, category);
        let (subjects, ruling) = (&self.upstream.subjects, &self.ruling);
        Arc::new(Plan::new(statement, &self.known, subjects, self.epoch, ruling, reveals))
    }

    /// A plan of an open cursor or portal under the ruling that holds now.
    fn ruled(&mut self, plan: &Arc<Plan>) -> Arc<Plan> {
        if plan.revealed.ruling == self.ruling {
            return plan.clone();
        }
        let session = &mut self.session;
        let reveals = |object: &_, category: &_| session.reveals(object, category);
        Arc::new(plan.under(&self.ruling, reveals))
    }

    fn plan_unknown(&mut self, why: &str) -> Arc<Plan> {
        self.plan(Arc::new(unknown(why)))
    }

    fn refused(&mut self, why: &str) -> Asked {
        ask(&self.plan_unknown(why), Stage::Run, 0)
    }

    fn unknown_prepared(&mut self) -> Arc<Prepared> {
        let plan = self.plan_unknown("no such prepared statement or portal");
        Arc::new(Prepared { plan: Some(plan), text: "".into(), fields: OnceLock::new() })
    }

    fn unknown_portal(&mut self) -> Arc<Portal> {
        Arc::new(Portal::new(self.unknown_prepared(), Vec::new(), String::new()))
    }
}

fn ask(plan: &Plan, stage: Stage, rows_before: u64) -> Asked {
    Asked { command: plan.command.clone(), stage, revealed: plan.revealed.clone(), rows_before }
}

/// Longest parameter that a reviewer is shown in full.
const PARAM_CHARS_MAX: usize = 200;

/// A statement with its parameters, for a reviewer; an approval is bound to it.
fn with_params(text: &str, params: &[Option<&[u8]>]) -> String {
    let mut content = text.to_owned();
    for (index, param) in params.iter().enumerate() {
        let number = index + 1;
        let shown = match param {
            None => "NULL".to_owned(),
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text)
                    if text.chars().count() <= PARAM_CHARS_MAX
                        && !text.chars().any(char::is_control) =>
                {
                    format!("'{text}'")
                }
                _ => {
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
                    let hex: String =
                        digest.as_ref().iter().take(16).map(|b| format!("{b:02x}")).collect();
                    format!("{} bytes, SHA-256 {hex}…", bytes.len())
                }
            },
        };
        content.push_str(&format!("\n-- ${number} = {shown}"));
    }
    content
}
