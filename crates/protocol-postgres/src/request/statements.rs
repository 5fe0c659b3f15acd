//! What the statements of a request show, change, and need.

use super::assembler::{Assembler, FULL, Run, Sight, Step, Upcoming};
use super::batch::{CopyShape, Kind, PlannedUse, flush};
use super::content;
use crate::named;
use crate::reply::{Expect, ExpectedResult, ReplyMachine, Status};
use crate::wire::sqlstate;
use crate::written::{ADVICE, forms, is_in_text};
use bytes::Bytes;
use portreeve_decide::sql::postgres::{MadeAnew, made_anew};
use portreeve_decide::sql::{
    CopyDirection, CursorLifetime, Output, SessionEffect, Statement, TransactionEffect, UNCOUNTED,
    Unknown,
};
use portreeve_model::{
    Action, ApprovedStatement, Command, Need, Object, ObjectKind, Parameter, Unit, Usage,
};
use portreeve_session::{CommandUse, Stage};
use portreeve_sql::{Change, Definition, Plan, PlannedOutput, Portal, Prepared, UnknownNames};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Definitions that leave what can be called as it is, by their verbs.
const MAKES_NO_CODE: [&str; 12] = [
    "CREATE TABLE",
    "CREATE TABLE AS",
    "SELECT INTO",
    "CREATE VIEW",
    "CREATE INDEX",
    "CREATE SEQUENCE",
    "CREATE SCHEMA",
    "CREATE TRIGGER",
    "ALTER TABLE",
    "TRUNCATE",
    "COMMENT",
    "REFRESH MATERIALIZED VIEW",
];

/// Whether the grammar does not have a statement.
fn is_syntax_error(unknown: &Unknown) -> bool {
    unknown.sqlstate == sqlstate::SYNTAX_ERROR
}

/// Whether it takes back what was set since the transaction or a savepoint began, or may.
fn takes_back(plan: &Plan) -> bool {
    use TransactionEffect::{End, RollbackTo};
    matches!(&plan.statement.session, SessionEffect::Transaction(End | RollbackTo(_)))
}

/// A statement that is about to run.
struct Effect {
    expected: ExpectedResult,
    uses: Vec<PlannedUse>,
    /// What stands behind the names in it, for a reviewer.
    behind: Option<ApprovedStatement>,
}

impl Assembler {
    pub(super) fn query(&mut self, wire: Bytes, text: &str, machine: &ReplyMachine) -> Step {
        self.batch.kind = Kind::Simple;
        let text: Arc<str> = text.into();
        let Ok(mut plans) = self.plans_of(&text) else { return Step::Refresh };
        if plans.len() > 1 && plans.iter().any(|plan| plan.statement.moves_search_path) {
            self.planner.move_path();
            match self.plans_of(&text) {
                Ok(moved) => plans = moved,
                Err(UnknownNames) => return Step::Refresh,
            }
        }
        let mut results = VecDeque::with_capacity(plans.len());
        let mut uses = Vec::new();
        let mut content = vec![content::statement(&text)];
        let (mut held, mut waits, mut wrote) = (false, false, false);
        let undone = match self.run {
            Run::Open => Undone::Not,
            Run::Ended => Undone::of(&plans, machine.status()),
        };
        self.effects.is_alone = plans.len() == 1;
        let defines = !self.effects.is_alone && plans.iter().any(|plan| plan.defines());
        let made = if defines { made_anew(&text) } else { Vec::new() };
        self.effects.sees_definitions = self.planner.sees_definitions();
        for (place, plan) in plans.iter().enumerate() {
            if let SessionEffect::ExecutePrepared { name } = &plan.statement.session
                && self.renew(name, machine).is_err()
            {
                return Step::Refresh;
            }
            if self.follows_code(plan) {
                uses.push(self.refused(
                    sqlstate::PREREQUISITE_STATE,
                    "it follows code in the same text that may have changed definitions: send it \
                     on its own",
                ));
            }
            let mut effect = self.effect_of(plan, (&text, place), machine);
            self.note_made(plan, made.get(place).and_then(Option::as_ref));
            compare(&mut effect, plan, &text, &[]);
            if self.writes_mask(effect.expected.plan.as_ref().unwrap_or(plan), &text)
                || content::stores_shown(plan, &text, &[])
            {
                uses.push(self.refused(sqlstate::INSUFFICIENT_PRIVILEGE, ADVICE));
            }
            let is_bounded = self.bounds_changes(&effect.uses);
            if undone == Undone::Not
                && let Some(why) = stays(plan, held, wrote, is_bounded)
            {
                uses.push(self.refused(sqlstate::PREREQUISITE_STATE, why));
            }
            held |= self.may_hold(&effect.uses);
            wrote |= plan.statement.is_write;
            waits |= is_bounded
                || (plan.statement.is_write && (held || plan.statement.output != Output::None));
            if let Some(change) = &effect.expected.change {
                self.overlay.plan(change);
            }
            content.extend(effect.behind);
            results.push_back(effect.expected);
            uses.extend(effect.uses);
        }
        self.batch.copy_shape = match &*plans {
            [only] => copy_in(only),
            _ => None,
        };
        self.batch.waits = held && waits && undone == Undone::IfDeferred;
        self.batch.has_copy_in = plans.iter().any(|plan| copy_in(plan).is_some());
        self.batch.push_commands(wire, vec![Expect::Query(results)], uses, content);
        Step::Request
    }

    /// Notes what a text makes of a name that nothing had: it fails where somebody else was
    /// faster, and nobody else sees it before the transaction ends.
    fn note_made(&mut self, plan: &Plan, made: Option<&MadeAnew>) {
        let is_first = |schema: &String| self.planner.made_in() == Some(schema);
        match made {
            // Where nothing else of its name can come before it.
            Some(made)
                if made.schema.as_ref().is_none_or(is_first)
                    && !self.catalog().versions().relations.contains_key(&made.name) =>
            {
                self.effects.made.insert(made.name.clone());
            }
            None if !takes_back(plan) && !plan.defines() && !plan.statement.moves_search_path => {}
            _ => self.effects.made.clear(),
        }
    }

    pub(super) fn execute(
        &mut self,
        wire: Bytes,
        name: &str,
        upcoming: Upcoming,
        machine: &ReplyMachine,
    ) -> Step {
        let known = self.overlay.portal(machine.names(), name);
        let known = known.map(|known| {
            // SECURITY: the target may have opened it by definitions that no plan was made by,
            // and code may have given its name to something else.
            (known.portal, known.rows, known.is_outdated || known.is_doubtful)
        });
        let (portal, rows_before, is_outdated) =
            known.unwrap_or_else(|| (self.unknown_portal(), 0, false));
        let by_name = Some(name.to_owned());
        let Some(plan) = &portal.prepared.plan else {
            let expected = ExpectedResult { portal: by_name, ..ExpectedResult::default() };
            self.batch.push(wire, vec![Expect::Execute(expected)]);
            return Step::More;
        };
        let plan = self.planner.under(plan);
        self.batch.has_copy_in |= copy_in(&plan).is_some();
        let plan = if is_outdated { self.opaque(&plan) } else { plan };
        if self.follows_code(&plan) {
            return self.cut_before(wire);
        }
        self.describe_first(name, &plan, machine);
        self.effects.is_alone = true;
        self.effects.sees_definitions = self.planner.sees_definitions();
        let mut effect = self.effect_of(&plan, (&portal.prepared.text, 0), machine);
        compare(&mut effect, &plan, &portal.prepared.text, &portal.parameters);
        let Effect { mut expected, mut uses, behind } = effect;
        if let (Some(first), Some(listed)) = (uses.first_mut(), portal.listed) {
            first.asked.command = counting(&plan, listed);
        }
        if content::stores_shown(&plan, &portal.prepared.text, &portal.parameters) {
            uses.insert(0, self.refused(sqlstate::INSUFFICIENT_PRIVILEGE, ADVICE));
        }
        if is_by_name(&plan) && !wire.ends_with(&NO_LIMIT) {
            // SECURITY: the target would go on with what the name stood for when it began.
            let why = "FETCH and EXECUTE do not give their rows in portions: execute them without \
                       a limit of rows";
            uses.insert(0, self.refused(sqlstate::FEATURE_NOT_SUPPORTED, why));
        }
        if expected.counted.is_none() {
            let before = Usage::of(Unit::Rows, rows_before);
            uses.iter_mut().for_each(|one| one.asked.before = before);
            expected.counted.clone_from(&by_name);
        }
        if let Some(change) = &expected.change {
            self.overlay.plan(change);
        }
        let is_copy_in = plan.copy().is_some_and(|copy| copy.direction == CopyDirection::In);
        let may_hold = self.may_hold(&uses) || self.is_held(&plan);
        let mut content = vec![portal.content()];
        content.extend(behind);
        expected.portal = by_name;
        self.batch.push_commands(wire, vec![Expect::Execute(expected)], uses, content);
        let ends_here = upcoming == Upcoming::Sync && !self.effects.writes;
        if is_copy_in || (may_hold && !ends_here) {
            // What follows must not reach the target before this one's reply is released.
            self.batch.push(flush(), Vec::new());
            return Step::Request;
        }
        Step::More
    }

    /// The same statement, of whose rows nobody knows where they come from.
    fn opaque(&self, plan: &Arc<Plan>) -> Arc<Plan> {
        let mut statement = (*plan.statement).clone();
        if statement.output != Output::None {
            statement.output = Output::Unproven;
            statement.touches_classified = true;
        }
        self.planner.plan(Arc::new(statement))
    }

    /// Whether code that runs before it in this request may have changed what its rows show.
    ///
    /// What a definition makes of values that are there (`ALTER … USING`), that code could have
    /// made of them as well.
    fn follows_code(&self, plan: &Plan) -> bool {
        let is_definition = plan.command.verb.starts_with("ALTER")
            && !plan.command.needs.iter().any(|need| need.action.uses_objects());
        self.effects.runs_own_code
            && plan.uses_objects()
            && !is_definition
            && self.catalog().has_rules()
    }

    /// Whether some policy bounds how many rows are changed.
    fn bounds_changes(&self, uses: &[PlannedUse]) -> bool {
        uses.iter().any(|one| self.snapshot().bounds_changes(&one.asked.command))
    }

    /// Whether a write is held before it runs: it may have been counted then, and stays only
    /// if it changes no more.
    fn is_held(&self, plan: &Plan) -> bool {
        plan.statement.is_write && self.snapshot().is_reviewed(&plan.command)
    }

    fn may_hold(&self, uses: &[PlannedUse]) -> bool {
        uses.iter().any(|one| self.snapshot().may_hold(&one.asked.command))
    }

    pub(super) fn needs_description(&self, plan: &Plan) -> bool {
        let has_rows = plan.statement.output != Output::None;
        match &plan.output {
            PlannedOutput::Clean => {
                has_rows && (self.catalog().has_rules() || plan.has_open_texts())
            }
            PlannedOutput::Columns(_) | PlannedOutput::Unproven => true,
        }
    }

    /// What a statement's result shows, what it changes, and what must be decided: for
    /// EXECUTE and FETCH, those of the statement behind the name. `place` is where it stands
    /// in a text.
    fn effect_of(
        &mut self,
        plan: &Arc<Plan>,
        (text, place): (&Arc<str>, usize),
        machine: &ReplyMachine,
    ) -> Effect {
        let expected = ExpectedResult { plan: Some(plan.clone()), ..ExpectedResult::default() };
        let uses = self.running(plan, 0);
        let mut effect = Effect { expected, uses, behind: None };
        if plan.defines() {
            effect.expected.defined =
                Some(self.define(Definition::Statement { text: text.clone(), place }));
        }
        match &plan.statement.session {
            SessionEffect::Prepare { name, statement } => {
                let prepared = self.prepared_within(statement, (text, place));
                self.refuse_beyond(text.len(), &mut effect, machine);
                effect.expected.change = Some(Change::Prepare(name.clone(), prepared));
            }
            SessionEffect::Declare { cursor, statement, lifetime } => {
                self.refuse_beyond(text.len(), &mut effect, machine);
                let portal = Portal {
                    prepared: self.prepared_within(statement, (&"".into(), 0)),
                    statement: String::new(),
                    formats: Vec::new(),
                    text: text.clone(),
                    parameters: Vec::new(),
                    listed: None,
                    lifetime: *lifetime,
                };
                effect.expected.change = Some(Change::Open(cursor.clone(), Arc::new(portal)));
            }
            SessionEffect::ExecutePrepared { name } => {
                self.execute_prepared(name, &mut effect, machine);
            }
            SessionEffect::Fetch { cursor } => self.fetch(cursor, plan, &mut effect, machine),
            SessionEffect::CloseCursor { name } => {
                effect.expected.change = Some(name.clone().map_or(Change::CloseAll, Change::Close));
            }
            SessionEffect::Deallocate { name } => {
                effect.expected.change =
                    Some(name.clone().map_or(Change::DeallocateAll, Change::Deallocate));
            }
            SessionEffect::DiscardAll => effect.expected.change = Some(Change::DiscardAll),
            SessionEffect::Transaction(transaction) => {
                match transaction {
                    // SECURITY: what of it is taken back shows with the answer.
                    TransactionEffect::End | TransactionEffect::RollbackTo(_) => {
                        self.planner.doubt_definitions();
                    }
                    TransactionEffect::Savepoint(_)
                    | TransactionEffect::Release(_)
                    | TransactionEffect::Other => {}
                }
                effect.expected.change = match transaction {
                    TransactionEffect::End => Some(Change::EndTransaction),
                    TransactionEffect::Savepoint(name) => Some(Change::Savepoint(name.clone())),
                    TransactionEffect::RollbackTo(name) => Some(Change::RollbackTo(name.clone())),
                    TransactionEffect::Release(name) => Some(Change::Release(name.clone())),
                    TransactionEffect::Other => None,
                };
            }
            SessionEffect::None
            | SessionEffect::Set
            | SessionEffect::SeeAs(_)
            | SessionEffect::Listen
            | SessionEffect::Notify => {}
        }
        effect
    }

    fn execute_prepared(&mut self, name: &str, effect: &mut Effect, machine: &ReplyMachine) {
        let prepared = self.overlay.prepared(machine.names(), name);
        let behind = |prepared: &Arc<Prepared>| content::behind(name, content::prepared(prepared));
        effect.behind = prepared.as_ref().map(behind);
        let prepared_text = prepared.as_ref().map_or_else(|| "".into(), |one| one.text.clone());
        match prepared.map(|prepared| prepared.plan.clone()) {
            Some(Some(behind)) if !is_plain(&behind) => effect.uses.push(self.refused(
                sqlstate::FEATURE_NOT_SUPPORTED,
                "what was prepared is more than a query or a write: send it itself",
            )),
            Some(Some(behind)) if self.planner.is_current(&behind) => {
                effect.uses.extend(self.apart(&behind));
                effect.uses.extend(self.running(&behind, 0));
                self.define_behind(&behind, effect);
                effect.expected.plan = Some(content::compared(&behind, &prepared_text, &[]));
            }
            Some(None) => {}
            Some(Some(_)) | None => {
                let why = format!("prepared statement \"{name}\" does not exist");
                effect.uses.push(self.refused(sqlstate::INVALID_STATEMENT_NAME, &why));
            }
        }
    }

    /// What stands behind a name is not seen where a text is planned: what changes the meaning
    /// of the rest of it is refused.
    fn apart(&self, behind: &Plan) -> Option<PlannedUse> {
        let means_more = behind.statement.moves_search_path
            || behind.defines()
            || behind.runs_code()
            || behind.statement.session != SessionEffect::None;
        (means_more && !self.effects.is_alone).then(|| {
            self.refused(
                sqlstate::PREREQUISITE_STATE,
                "what stands behind the name may change what the rest of the text means: send it \
                 on its own",
            )
        })
    }

    fn fetch(&mut self, cursor: &str, plan: &Plan, effect: &mut Effect, machine: &ReplyMachine) {
        let Some(known) = self.overlay.portal(machine.names(), cursor) else {
            let why = format!("cursor \"{cursor}\" does not exist");
            effect.uses.push(self.refused(sqlstate::INVALID_CURSOR_NAME, &why));
            return;
        };
        let portal = known.portal;
        effect.behind = Some(content::behind(cursor, portal.content()));
        if let Some(behind) = &portal.prepared.plan {
            let behind = self.planner.under(behind);
            if !is_plain(&behind) || behind.command.facts.bounded.is_some() {
                effect.uses.push(self.refused(
                    sqlstate::FEATURE_NOT_SUPPORTED,
                    "the cursor is of more than a query: execute it itself",
                ));
            }
            effect.uses.extend(self.apart(&behind));
            effect.uses.extend(self.running(&behind, known.rows));
            self.define_behind(&behind, effect);
            // SECURITY: a name that code may have given to something else is opaque: the rows
            // are those of FETCH itself, of which nobody knows where they come from.
            if plan.statement.output != Output::None
                && !(known.is_doubtful || known.is_outdated || behind.runs_code())
            {
                let (text, parameters) = (&portal.text, &portal.parameters);
                effect.expected.plan = Some(content::compared(&behind, text, parameters));
            }
        }
        effect.expected.counted = Some(cursor.to_owned());
    }

    /// A statement that is to run now, and what follows from that for those after it.
    fn running(&mut self, plan: &Arc<Plan>, rows_before: u64) -> Vec<PlannedUse> {
        // What is given a name is decided when the name is used; a person is asked then.
        let stage = match plan.statement.session {
            SessionEffect::Prepare { .. } => Stage::Prepare,
            _ => Stage::Run,
        };
        // What is wrong with one statement of several, the server would not say of this one.
        let is_slip = self.effects.is_alone && self.may_hear_of(plan);
        let one = PlannedUse { is_slip, ..use_of(plan, stage, rows_before) };
        let mut uses = vec![self.suggesting(one)];
        if plan.statement.at_cursor && self.is_held(plan) {
            let why =
                "nobody can approve the row that a cursor stands at: say which row by its key";
            uses.insert(0, self.refused(sqlstate::FEATURE_NOT_SUPPORTED, why));
        }
        let is_blind = !self.effects.sees_definitions && self.catalog().has_rules();
        if is_blind && plan.uses_objects() && self.effects.meets != Status::Failed {
            // SECURITY: names may mean something that the catalog does not show.
            uses.push(self.refused(
                sqlstate::PREREQUISITE_STATE,
                "definitions were changed in this open transaction: commit them first",
            ));
        }
        if self.sight == Sight::Lost && plan.uses_objects() {
            uses.push(self.refused(
                sqlstate::CANNOT_CONNECT_NOW,
                "the target does not tell the gateway what its definitions are now: try again \
                 later, or have an operator look at the gateway's health",
            ));
        }
        if !plan.defines() || self.is_held(plan) {
            self.planner.names_behind(&plan.command, &mut self.effects.names);
        }
        self.effects.calls |= plan.statement.calls && plan.statement.output != Output::None;
        self.effects.makes_code |=
            plan.defines() && !MAKES_NO_CODE.contains(&plan.command.verb.as_str());
        if takes_back(plan) {
            self.effects.take_back();
        }
        // What changes definitions or gives no rows has nothing that they could change.
        if plan.statement.output != Output::None && !plan.defines() {
            let mut names = BTreeSet::new();
            self.planner.names_behind(&plan.command, &mut names);
            if self.was_redefined(&names) {
                uses.push(self.refused(
                    sqlstate::SERIALIZATION_FAILURE,
                    "definitions changed since this transaction began, and its rows may be older: \
                     begin it again",
                ));
            }
            // Nobody else can have touched what the text itself has made.
            names.retain(|name| !self.effects.made.contains(name));
            self.effects.rests_on.append(&mut names);
        }
        self.follow_code(plan);
        if self.settings.has_taken_back() && (self.is_held(plan) || self.may_hold(&uses)) {
            self.settings.doubt();
        }
        self.settings.follow(plan);
        self.effects.add(plan);
        if plan.statement.moves_search_path {
            self.planner.move_path();
        } else if takes_back(plan) || plan.defines() {
            self.planner.doubt_path();
        }
        uses
    }

    /// Code of a statement runs, or may: when it is read or bound, values are made for its plan.
    pub(super) fn follow_code(&mut self, plan: &Plan) {
        if plan.may_open_portals() {
            self.overlay.plan(&Change::RunCode(None));
        }
    }

    /// Notes that a statement will have changed definitions.
    fn define(&mut self, definition: Definition) -> Arc<Definition> {
        let definition = Arc::new(definition);
        self.planner.define(definition.clone());
        definition
    }

    /// The same for one behind a name, which no text shows.
    fn define_behind(&mut self, plan: &Plan, effect: &mut Effect) {
        if plan.defines() {
            effect.expected.defined = Some(self.define(Definition::Unknown));
        }
    }

    /// Whether a mask stands in the constants of a text, and the statement stores something
    /// classified: who saves a whole row that was read masked does that.
    pub(super) fn writes_mask(&self, plan: &Plan, text: &str) -> bool {
        let stored = if let SessionEffect::Prepare { statement, .. } = &plan.statement.session {
            statement
        } else {
            &*plan.statement
        };
        forms(stored).is_some_and(|forms| is_in_text(&forms, text))
    }

    pub(super) fn prepares(&self, plan: &Plan) -> PlannedUse {
        self.suggesting(PlannedUse {
            is_slip: self.may_hear_of(plan),
            ..use_of(plan, Stage::Prepare, 0)
        })
    }

    /// Whether the client may hear from the server what is wrong with a statement: names and types
    /// of what it has to do with are in that.
    ///
    /// SECURITY: reading a text runs nothing of it, but its errors tell of what it names.
    fn may_hear_of(&self, plan: &Plan) -> bool {
        let Some(unknown) = plan.statement.unknown.as_ref().filter(|it| it.is_slip()) else {
            return false;
        };
        let known = Command { unknown: None, ..(*plan.command).clone() };
        is_syntax_error(unknown) || self.snapshot().allows(&known)
    }

    /// The same, that suggests no name which the client may not read.
    fn suggesting(&self, mut one: PlannedUse) -> PlannedUse {
        if let Some(unknown) = &mut one.unknown {
            unknown.candidates.retain(|object| self.may_read(object));
            if let Some(newer) = self.newer.as_ref().filter(|_| is_syntax_error(unknown)) {
                unknown.message.push_str(&format!(
                    " (the gateway reads statements of PostgreSQL up to 18, and the target is \
                     {newer})"
                ));
            }
        }
        one
    }

    fn may_read(&self, object: &Object) -> bool {
        let [schema, table, ..] = object.path.as_slice() else { return false };
        let need = match object.kind {
            ObjectKind::TABLE | ObjectKind::COLUMN => {
                Need { action: Action::Read, object: Object::table(schema, table) }
            }
            _ => Need { action: Action::Execute, object: object.clone() },
        };
        let command = Command { verb: "SELECT".into(), needs: vec![need], ..Command::default() };
        self.snapshot().allows(&command)
    }

    /// `text` is the one that holds the PREPARE.
    fn prepared_within(
        &self,
        statement: &Statement,
        (text, place): (&Arc<str>, usize),
    ) -> Arc<Prepared> {
        let plan = Some(self.planner.plan(Arc::new(statement.clone())));
        Arc::new(Prepared { plan, text: text.clone(), types: Vec::new(), place: Some(place) })
    }

    /// A name for which there is no room is refused.
    fn refuse_beyond(&mut self, bytes: usize, effect: &mut Effect, machine: &ReplyMachine) {
        if self.overlay.is_full(machine.names(), bytes) {
            effect.uses.push(self.refused(sqlstate::PROGRAM_LIMIT, FULL));
        }
    }

    /// The same for the statement of a name.
    fn renew(&mut self, name: &str, machine: &ReplyMachine) -> Result<(), UnknownNames> {
        let Some(prepared) = self.overlay.prepared(machine.names(), name) else { return Ok(()) };
        let fresh = self.up_to_date(prepared.clone())?;
        if !Arc::ptr_eq(&fresh, &prepared) {
            self.overlay.plan(&Change::Prepare(name.into(), fresh));
        }
        Ok(())
    }

    /// A statement that was prepared under an older catalog or policy is planned again: what
    /// SQL's PREPARE made is what stands in it.
    pub(super) fn up_to_date(
        &mut self,
        prepared: Arc<Prepared>,
    ) -> Result<Arc<Prepared>, UnknownNames> {
        if prepared.plan.as_ref().is_none_or(|plan| self.planner.is_current(plan)) {
            return Ok(prepared);
        }
        let plans = self.plans_of(&prepared.text)?;
        let plan = match (prepared.place, &*plans) {
            (None, [plan]) => Some(plan.clone()),
            (None, _) => None,
            (Some(place), plans) => plans.get(place).and_then(|plan| self.within(plan)),
        };
        // SECURITY: the target looks its names up again only where definitions that it uses, or the
        // list of schemas that it looks in, have changed: not where something new stands in front.
        let is_same = |plan: &Arc<Plan>| {
            let before = prepared.plan.as_ref().filter(|before| before.command.unknown.is_none());
            before.is_none_or(|before| named::tables(before) == named::tables(plan))
        };
        let plan = plan.filter(is_same).unwrap_or_else(|| {
            let why = "definitions have changed since this was prepared: prepare it again";
            self.planner.plan_unknown(sqlstate::INVALID_STATEMENT_NAME, why)
        });
        let plan = Some(self.planner.given_types(plan, &prepared.types));
        let (text, types) = (prepared.text.clone(), prepared.types.clone());
        Ok(Arc::new(Prepared { plan, text, types, place: prepared.place }))
    }

    /// The plan of what a PREPARE prepares.
    fn within(&self, plan: &Plan) -> Option<Arc<Plan>> {
        match &plan.statement.session {
            SessionEffect::Prepare { statement, .. } => {
                Some(self.planner.plan(Arc::new((**statement).clone())))
            }
            _ => None,
        }
    }

    pub(crate) fn refused(&self, sqlstate: &'static str, why: &str) -> PlannedUse {
        use_of(&self.planner.plan_unknown(sqlstate, why), Stage::Run, 0)
    }

    pub(super) fn unknown_prepared(&self) -> Arc<Prepared> {
        let why = "prepared statement or portal does not exist";
        let plan = self.planner.plan_unknown(sqlstate::INVALID_STATEMENT_NAME, why);
        Arc::new(Prepared { plan: Some(plan), text: "".into(), types: Vec::new(), place: None })
    }

    fn unknown_portal(&self) -> Arc<Portal> {
        Arc::new(Portal {
            prepared: self.unknown_prepared(),
            statement: String::new(),
            formats: Vec::new(),
            text: "".into(),
            parameters: Vec::new(),
            listed: None,
            lifetime: CursorLifetime::Transaction,
        })
    }
}

/// What the statement itself is run with tells whom its rows may be about.
fn compare(effect: &mut Effect, plan: &Arc<Plan>, text: &str, parameters: &[Parameter]) {
    // Behind a name stands another one, which has what it was opened with.
    if let Some(expected) = &mut effect.expected.plan
        && Arc::ptr_eq(expected, plan)
    {
        *expected = content::compared(plan, text, parameters);
    }
}

/// What reads and changes rows and nothing else, by its verb: it runs in a transaction as it
/// does without.
const DATA_VERBS: [&str; 8] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY FROM", "COPY TO", "EXECUTE"];

/// Whether what a text has changed is undone where the reply to any of it is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Undone {
    /// A transaction is open behind it, which fails then.
    Anyway,
    /// Where the gateway puts it into a transaction.
    IfDeferred,
    /// It ends a transaction itself, or may not be put into one.
    Not,
}

impl Undone {
    /// SPEC: PostgreSQL, "Multiple Statements in a Simple Query": what goes before a `BEGIN` in
    /// a text is in its transaction, too.
    fn of(plans: &[Arc<Plan>], status: Status) -> Self {
        let begins = |plan: &Arc<Plan>| plan.command.verb == "BEGIN";
        let is_data = |plan: &Arc<Plan>| DATA_VERBS.contains(&plan.command.verb.as_str());
        if plans.iter().any(|plan| ends_transaction(plan)) {
            Self::Not
        } else if status != Status::Idle || plans.iter().any(begins) {
            Self::Anyway
        } else if plans.iter().all(is_data) {
            Self::IfDeferred
        } else {
            Self::Not
        }
    }
}

/// Why a statement may not be in a text of which nothing is undone: a change would stay by the
/// time that anybody is asked about it, or about the rows before it.
fn stays(plan: &Plan, held: bool, wrote: bool, is_bounded: bool) -> Option<&'static str> {
    if held && (plan.statement.is_write || (wrote && ends_transaction(plan))) {
        return Some(
            "a statement that changes something, or makes changes stay, follows one that may be \
             held for review: send them one at a time",
        );
    }
    is_bounded.then_some(
        "it changes rows of which policy bounds how many, and what goes before it or follows in \
         the same text would make them stay: send it on its own",
    )
}

/// Whether what has been changed stays, or comes back, whatever happens to the transaction.
fn ends_transaction(plan: &Plan) -> bool {
    match &plan.statement.session {
        SessionEffect::Transaction(effect) => *effect != TransactionEffect::Other,
        _ => false,
    }
}

/// SPEC: Execute ends with the most rows that it is to give; 0 is no limit.
const NO_LIMIT: [u8; 4] = [0; 4];

/// Whether a statement is what stands behind a name when it runs.
pub(super) fn is_by_name(plan: &Plan) -> bool {
    matches!(
        plan.statement.session,
        SessionEffect::ExecutePrepared { .. } | SessionEffect::Fetch { .. }
    )
}

/// Whether a statement reads, writes or sets, and does nothing else.
///
/// SECURITY: no other one is run by a name that SQL gives it: what it runs itself then, and
/// what it does to the session, would go unseen.
fn is_plain(plan: &Plan) -> bool {
    let session = &plan.statement.session;
    let is_own =
        matches!(session, SessionEffect::None | SessionEffect::Set | SessionEffect::Notify);
    is_own && plan.copy().is_none()
}

/// How the rows are written that a statement wants of the client.
fn copy_in(plan: &Plan) -> Option<CopyShape> {
    let copy = plan.copy().filter(|copy| copy.direction == CopyDirection::In)?;
    Some(CopyShape { format: copy.format, columns: copy.columns_in })
}

/// The command of a plan whose parameters hold so many values to compare with.
fn counting(plan: &Plan, listed: u64) -> Arc<Command> {
    let lists = plan.statement.listed.len() as u64;
    let counted = plan.command.facts.probes;
    // SECURITY: what compares nothing that is classified has no probes, however many it brings.
    if lists == 0 || counted == 0 {
        return plan.command.clone();
    }
    let mut command = (*plan.command).clone();
    command.facts.probes = counted.saturating_sub(lists).saturating_add(listed).max(1);
    Arc::new(command)
}

fn use_of(plan: &Plan, stage: Stage, rows_before: u64) -> PlannedUse {
    let command = match stage {
        Stage::Prepare => plan.command.clone(),
        Stage::Run => counting(plan, UNCOUNTED),
    };
    let asked = CommandUse {
        command,
        stage,
        revealed: plan.revealed.clone(),
        before: Usage::of(Unit::Rows, rows_before),
    };
    let unknown = plan.statement.unknown.clone().map(Box::new);
    PlannedUse { asked, unknown, is_slip: false }
}
