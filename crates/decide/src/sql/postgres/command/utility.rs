//! One statement from its verb: what it is, and who looks at it.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Change, Command, Effect, Facts, Object};
use std::collections::HashMap;
use std::sync::Arc;

use crate::sql::catalog::{Catalog, ColumnRef};
use crate::sql::columns::Columns;
use crate::sql::grammar::Late;
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::contents;
use crate::sql::postgres::command::copy;
use crate::sql::postgres::command::settings;
use crate::sql::postgres::command::verb;
use crate::sql::postgres::parse::Raw;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::document::kind;
use crate::sql::postgres::wording;
use crate::sql::statement::{
    Copy, CursorLifetime, Output, OutputColumn, RowsOf, SessionEffect, Shape, Statement,
    TransactionEffect,
};
use crate::sql::taint::Taint;

/// What a statement turned out to be, besides what it needs.
struct Seen {
    output: Output,
    session: SessionEffect,
    copy: Option<Copy>,
    /// It is a query, or what shows more of one: all that it does is in its expressions. What
    /// stands behind the name of a prepared one is a command with an effect of its own.
    is_query: bool,
    /// Some column of the output is computed from any number of rows.
    aggregated: bool,
}

impl Seen {
    fn nothing() -> Self {
        Self::rows(Output::None)
    }

    fn rows(output: Output) -> Self {
        let session = SessionEffect::None;
        Self { output, session, copy: None, is_query: false, aggregated: false }
    }

    fn session(output: Output, session: SessionEffect) -> Self {
        Self { session, ..Self::rows(output) }
    }

    fn of_query(self) -> Self {
        Self { is_query: true, ..self }
    }
}

pub(in crate::sql) fn statement(
    catalog: &Catalog,
    text: &str,
    raw: &Raw,
    is_late: Late<'_>,
) -> Statement {
    let mut analyzer = Analyzer::of(catalog, text, is_late);
    let fingerprint = raw.fingerprint.as_deref();
    let (verb, seen) = match &raw.node.node {
        Some(node) => (verb::of(node), analyzer.look(node)),
        None => {
            analyzer.refuse("an empty statement is not understood by the gateway".into());
            ("?".to_owned(), Seen::nothing())
        }
    };
    if fingerprint.is_none() {
        analyzer.refuse("the statement has no fingerprint".into());
    }
    let mut statement = finish(analyzer, verb, fingerprint.unwrap_or_default(), seen);
    let part = raw.part.clone().and_then(|part| text.get(part)).unwrap_or_default();
    let shape = match &mut statement.session {
        // What runs later needs what it needs then; the text is the same.
        SessionEffect::Prepare { statement: inner, .. }
        | SessionEffect::Declare { statement: inner, .. } => {
            let needs = [&inner.command.needs[..], &statement.command.needs].concat();
            let shape = wording::words(catalog, part, &needs);
            inner.command.shape.clone_from(&shape);
            shape
        }
        _ => wording::words(catalog, part, &statement.command.needs),
    };
    statement.command.shape = shape;
    statement
}

/// Statements whose answer tells how many rows they themselves have written, by their verbs.
const TELLING: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "MERGE", "COPY FROM"];

fn finish(
    mut analyzer: Analyzer<'_>,
    verb: String,
    fingerprint: &str,
    mut seen: Seen,
) -> Statement {
    if analyzer.runs_anywhere() {
        seen.output = match seen.output {
            Output::None => Output::None,
            Output::Structure
            | Output::Clean
            | Output::Columns(_)
            | Output::Open
            | Output::Unproven => Output::Unproven,
        };
    }
    let session = session_of(&analyzer, seen.session, fingerprint);
    // What a write sets off is not known before all code has been read.
    let is_unsure = !analyzer.catalog.knows_code && !analyzer.catalog.classified.is_empty();
    let rows_of = rows_of(&analyzer, &seen.output);
    let reads_only = seen.is_query && analyzer.is_proven_to_read();
    let effect = if reads_only { Effect::ReadsOnly } else { Effect::MayChange };
    let is_aggregated = match &seen.output {
        Output::Columns(_) => seen.aggregated,
        Output::None | Output::Structure | Output::Clean | Output::Open | Output::Unproven => false,
    };
    let is_told = analyzer.writings == 1 && TELLING.contains(&verb.as_str());
    Statement {
        writes: analyzer.written_columns(),
        moves: analyzer.moves(),
        listed: std::mem::take(&mut analyzer.listed),
        compared: std::mem::take(&mut analyzer.compared),
        replaced: std::mem::take(&mut analyzer.replaced),
        touches_classified: analyzer.touched || (analyzer.writes && is_unsure),
        output: if analyzer.unknown.is_some() { Output::Unproven } else { seen.output },
        rows_of,
        session,
        copy: seen.copy,
        is_write: analyzer.writes,
        moves_search_path: analyzer.moves_search_path,
        sets_hidden: std::mem::take(&mut analyzer.sets_hidden),
        by_constant: analyzer.by_constant,
        calls: analyzer.calls,
        at_cursor: analyzer.at_cursor,
        command: Command {
            verb,
            fingerprint: fingerprint.to_owned(),
            shape: String::new(),
            needs: analyzer.all_needs(),
            facts: Facts {
                bounded: analyzer.bounded,
                change: analyzer.change,
                aggregated: is_aggregated,
                probes: analyzer.probes,
                untold: analyzer.bounded.is_some() && !is_told,
            },
            unknown: analyzer.unknown.as_ref().map(|unknown| unknown.message.clone()),
            effect,
        },
        unknown: analyzer.unknown,
        opaque: analyzer.opaque.into_iter().collect(),
        missing: analyzer.missing.into_iter().collect(),
    }
}

/// What it does to the session. A statement that gets a name has the fingerprint of its text.
fn session_of(analyzer: &Analyzer<'_>, seen: SessionEffect, fingerprint: &str) -> SessionEffect {
    match seen {
        SessionEffect::Prepare { name, mut statement } => {
            fingerprint.clone_into(&mut statement.command.fingerprint);
            SessionEffect::Prepare { name, statement }
        }
        SessionEffect::Declare { cursor, mut statement, lifetime } => {
            fingerprint.clone_into(&mut statement.command.fingerprint);
            SessionEffect::Declare { cursor, statement, lifetime }
        }
        SessionEffect::None if analyzer.sets => SessionEffect::Set,
        SessionEffect::None if analyzer.notifies => SessionEffect::Notify,
        session => session,
    }
}

/// Whose rows an answer has.
fn rows_of(analyzer: &Analyzer<'_>, output: &Output) -> RowsOf {
    let calls = analyzer.needs.iter().any(|need| need.action == Action::Execute);
    match output {
        _ if calls => RowsOf::Tables,
        Output::Structure | Output::Clean => RowsOf::Server,
        _ if analyzer.reads_user => RowsOf::Tables,
        Output::Columns(_) if analyzer.reads_system => RowsOf::Server,
        Output::Columns(_) | Output::None => RowsOf::Client,
        Output::Open | Output::Unproven => RowsOf::Tables,
    }
}

impl Analyzer<'_> {
    fn look(&mut self, node: &NodeEnum) -> Seen {
        let outer = Scope::outermost();
        match node {
            NodeEnum::SelectStmt(select) => {
                let columns = self.select(select, &outer);
                if leads_into(select) {
                    return Seen::nothing();
                }
                self.shown(&columns).of_query()
            }
            NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => {
                let columns = self.modification(node, &outer);
                let is_silent = columns.list.is_empty() && columns.is_exact();
                if is_silent { Seen::nothing() } else { self.shown(&columns) }
            }
            NodeEnum::CopyStmt(copy) => self.copy(copy),
            NodeEnum::ExplainStmt(explain) => self.explain(explain),
            NodeEnum::PrepareStmt(_)
            | NodeEnum::ExecuteStmt(_)
            | NodeEnum::DeallocateStmt(_)
            | NodeEnum::DeclareCursorStmt(_)
            | NodeEnum::FetchStmt(_)
            | NodeEnum::ClosePortalStmt(_)
            | NodeEnum::DiscardStmt(_)
            | NodeEnum::TransactionStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::VariableShowStmt(_)
            | NodeEnum::ConstraintsSetStmt(_)
            | NodeEnum::ListenStmt(_)
            | NodeEnum::UnlistenStmt(_)
            | NodeEnum::NotifyStmt(_) => self.session_statement(node),
            NodeEnum::CallStmt(call) => self.call_statement(call),
            NodeEnum::DoStmt(_) => {
                // Its code can do anything that the role may, and say so in notices.
                self.need(Action::Execute, Object::resource());
                self.touched = true;
                self.moves_search_path = true;
                Seen::nothing()
            }
            other => {
                self.defines(other);
                if !self.definition(other) {
                    self.administration(other);
                }
                Seen::nothing()
            }
        }
    }

    /// What the verb says about definitions: what can be undone by nobody counts most.
    fn defines(&mut self, node: &NodeEnum) {
        let verb = verb::of(node);
        let replaces = match node {
            NodeEnum::ViewStmt(view) => view.replace,
            NodeEnum::CreateFunctionStmt(function) => function.replace,
            NodeEnum::CreateTrigStmt(trigger) => trigger.replace,
            _ => false,
        };
        match verb.split(' ').next() {
            Some("CREATE") if !replaces => self.changes(Change::Create),
            Some("DROP") => self.changes(Change::Drop),
            Some("LOCK" | "TRUNCATE" | "REFRESH") => {}
            _ => self.changes(Change::Change),
        }
    }

    fn shown(&self, columns: &Columns) -> Seen {
        let aggregated = columns.mixed().aggregated;
        Seen { aggregated, ..Seen::rows(self.output(columns)) }
    }

    /// The output of a query, or that nobody can tell.
    pub(in crate::sql) fn output(&self, columns: &Columns) -> Output {
        let mixed = columns.mixed();
        let is_clean = mixed.is_clean() && !mixed.is_hidden() && !self.touched && !self.reads_user;
        let calls = self.needs.iter().any(|need| need.action == Action::Execute);
        let is_structure = self.reads_system && !self.reads_user && !self.touched && !calls;
        if is_clean && is_structure && mixed.definition.is_none() {
            return Output::Structure;
        }
        let is_told = is_structure && columns.is_exact();
        if is_clean && !is_told && (self.reads_system || !columns.is_exact()) {
            return Output::Clean;
        }
        if !columns.is_exact() {
            return Output::Open;
        }
        let mut known: HashMap<Taint, Arc<[Arc<ColumnRef>]>> = HashMap::new();
        let columns = columns.list.iter().map(|column| {
            let lineage = &column.lineage;
            let shown =
                if lineage.is_hidden() { &self.catalog.everything } else { &lineage.sources };
            let sources = known.entry(shown.clone()).or_insert_with(|| self.columns_of(shown));
            let is_plain =
                shown.is_clean() || lineage.shape == Shape::Plain && !lineage.is_hidden();
            OutputColumn {
                name: Some(column.name.to_string()),
                sources: sources.clone(),
                shape: if is_plain { Shape::Plain } else { Shape::Derived },
                origin: self.known_column(lineage.origin),
                about: self.known_column(lineage.about),
                is_structure: is_structure && shown.is_clean() && lineage.definition.is_none(),
            }
        });
        Output::Columns(columns.collect())
    }

    fn known_column(&self, index: Option<u32>) -> Option<Arc<Object>> {
        self.catalog.columns.get(index? as usize).cloned()
    }

    fn columns_of(&self, taint: &Taint) -> Arc<[Arc<ColumnRef>]> {
        let mut sources: Vec<_> = taint
            .ids()
            .filter_map(|id| self.catalog.classified.get(id as usize).cloned())
            .collect();
        sources.sort();
        sources.into()
    }

    /// `EXPLAIN` plans and, with `ANALYZE`, runs. What it shows are estimates and counts,
    /// so it needs what the statement itself needs, but for writing if it does not run.
    ///
    /// SECURITY: the planner computes calls of immutable functions and shows their results as
    /// constants. Of PostgreSQL's own that is what the client has said itself; any other function
    /// may give whatever it can reach, however deep in a view it is.
    fn explain(&mut self, explain: &pg::ExplainStmt) -> Seen {
        let runs = explain.options.iter().any(|option| match &option.node {
            // However it is spelt or set: PostgreSQL compares names without looking at quotes.
            Some(NodeEnum::DefElem(option)) => option.defname.eq_ignore_ascii_case("analyze"),
            _ => true,
        });
        let inner = match explain.query.as_deref().and_then(|query| query.node.as_ref()) {
            Some(
                inner @ (NodeEnum::SelectStmt(_)
                | NodeEnum::InsertStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::DeleteStmt(_)
                | NodeEnum::MergeStmt(_)
                | NodeEnum::CreateTableAsStmt(_)
                | NodeEnum::DeclareCursorStmt(_)),
            ) => inner,
            _ => {
                self.refuse("EXPLAIN is understood for queries and writes only".into());
                return Seen::rows(Output::Unproven);
            }
        };
        match inner {
            NodeEnum::DeclareCursorStmt(declare) => {
                match declare.query.as_deref().and_then(|query| query.node.as_ref()) {
                    Some(query) => {
                        self.look(query);
                    }
                    None => self.refuse("an empty cursor is not understood".into()),
                }
            }
            inner => {
                self.look(inner);
            }
        }
        if runs {
            // How much memory and output a step took tells how long the values were, to the byte;
            // and what may be made of a value without telling it can differ in length.
            let used = self.used.clone();
            self.filtered.join(&used);
        } else {
            self.plan_only();
        }
        let calls = self.needs.iter().any(|need| need.action == Action::Execute);
        self.touched |= calls;
        Seen::rows(if calls { Output::Open } else { Output::Clean })
    }

    /// Nothing is written or made; what would be is read about.
    fn plan_only(&mut self) {
        let needs = std::mem::take(&mut self.needs);
        self.writes = false;
        self.bounded = None;
        self.change = None;
        self.revealed = Taint::Clean;
        for mut need in needs {
            match need.action {
                Action::Define | Action::Reveal | Action::Lock => continue,
                Action::Write => need.action = Action::Read,
                Action::Connect
                | Action::Read
                | Action::Administer
                | Action::Execute
                | Action::Filter
                | Action::Probe => {}
            }
            self.need(need.action, need.object);
        }
    }

    fn call_statement(&mut self, call: &pg::CallStmt) -> Seen {
        match call.funccall.as_deref() {
            Some(function) => {
                self.call(function, &Scope::outermost());
            }
            None => self.refuse("an empty CALL is not understood by the gateway".into()),
        }
        self.touched = true;
        self.writes = true;
        Seen::rows(Output::Open)
    }

    fn session_statement(&mut self, node: &NodeEnum) -> Seen {
        match node {
            NodeEnum::PrepareStmt(prepare) => {
                self.parameter_types(&prepare.argtypes);
                let statement = self.inner(prepare.query.as_deref());
                let name = prepare.name.clone();
                Seen::session(Output::None, SessionEffect::Prepare { name, statement })
            }
            NodeEnum::DeclareCursorStmt(declare) => {
                let statement = self.inner(declare.query.as_deref());
                let cursor = declare.portalname.clone();
                // SPEC: CURSOR_OPT_HOLD of parsenodes.h.
                let lifetime = match declare.options & 0x20 {
                    0 => CursorLifetime::Transaction,
                    _ => CursorLifetime::Session,
                };
                Seen::session(Output::None, SessionEffect::Declare { cursor, statement, lifetime })
            }
            NodeEnum::ExecuteStmt(execute) => {
                for parameter in &execute.params {
                    self.telling(Some(parameter), &Scope::outermost());
                }
                let name = execute.name.clone();
                Seen::session(Output::Unproven, SessionEffect::ExecutePrepared { name }).of_query()
            }
            NodeEnum::FetchStmt(fetch) => {
                // What code may have opened under the name is not known.
                let output = if fetch.ismove { Output::None } else { Output::Open };
                let cursor = fetch.portalname.clone();
                Seen::session(output, SessionEffect::Fetch { cursor }).of_query()
            }
            NodeEnum::ClosePortalStmt(close) => {
                let name = named(&close.portalname);
                Seen::session(Output::None, SessionEffect::CloseCursor { name })
            }
            NodeEnum::DeallocateStmt(deallocate) => {
                let name = named(&deallocate.name).filter(|_| !deallocate.isall);
                Seen::session(Output::None, SessionEffect::Deallocate { name })
            }
            NodeEnum::DiscardStmt(discard) => {
                let is_all = discard.target == pg::DiscardMode::DiscardAll as i32;
                let effect = if is_all { SessionEffect::DiscardAll } else { SessionEffect::None };
                Seen::session(Output::None, effect)
            }
            NodeEnum::TransactionStmt(transaction) => {
                let effect = self.transaction(transaction);
                self.transaction_options(&transaction.options);
                Seen::session(Output::None, SessionEffect::Transaction(effect))
            }
            NodeEnum::VariableSetStmt(set) => Seen::session(Output::None, self.variable_set(set)),
            NodeEnum::VariableShowStmt(show) => self.show(&show.name),
            NodeEnum::ListenStmt(_) | NodeEnum::UnlistenStmt(_) => {
                Seen::session(Output::None, SessionEffect::Listen)
            }
            NodeEnum::NotifyStmt(_) => Seen::session(Output::None, SessionEffect::Notify),
            NodeEnum::ConstraintsSetStmt(_) => Seen::nothing(),
            other => {
                self.refuse(format!("`{}` is not understood by the gateway", kind(other)));
                Seen::nothing()
            }
        }
    }

    fn show(&mut self, name: &str) -> Seen {
        if name.eq_ignore_ascii_case("all") {
            return self.shown(&contents::shown_settings(self.catalog));
        }
        if settings::is_secret(name) {
            self.touched = true;
            return Seen::rows(Output::Open);
        }
        Seen::rows(Output::Clean)
    }

    fn parameter_types(&mut self, types: &[pg::Node]) {
        for argument in types {
            match &argument.node {
                Some(NodeEnum::TypeName(name)) => {
                    self.made(name, &Lineage::constant());
                }
                _ => self.refuse("a parameter's type is not understood".into()),
            }
        }
    }

    fn transaction(&mut self, transaction: &pg::TransactionStmt) -> TransactionEffect {
        use pg::TransactionStmtKind as Kind;
        let name = || transaction.savepoint_name.clone();
        match Kind::try_from(transaction.kind) {
            Ok(Kind::TransStmtBegin | Kind::TransStmtStart) => TransactionEffect::Other,
            Ok(Kind::TransStmtCommit | Kind::TransStmtRollback) => TransactionEffect::End,
            Ok(Kind::TransStmtSavepoint) => TransactionEffect::Savepoint(name()),
            Ok(Kind::TransStmtRelease) => TransactionEffect::Release(name()),
            Ok(Kind::TransStmtRollbackTo) => TransactionEffect::RollbackTo(name()),
            // Prepared transactions outlive the session.
            Ok(Kind::TransStmtPrepare) => {
                self.administer();
                TransactionEffect::End
            }
            Ok(_) | Err(_) => {
                self.administer();
                TransactionEffect::Other
            }
        }
    }

    /// The statement behind a name: it is asked about now, and again when the name is used.
    fn inner(&mut self, node: Option<&pg::Node>) -> Box<Statement> {
        let mut analyzer = Analyzer::of(self.catalog, self.text, self.budget.is_late);
        let (verb, seen) = match node.and_then(|node| node.node.as_ref()) {
            Some(
                node @ (NodeEnum::SelectStmt(_)
                | NodeEnum::InsertStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::DeleteStmt(_)
                | NodeEnum::MergeStmt(_)),
            ) => (verb::of(node), analyzer.look(node)),
            _ => {
                analyzer.refuse("only queries and writes can be prepared or declared".into());
                ("?".to_owned(), Seen::nothing())
            }
        };
        self.absorb(&analyzer);
        Box::new(finish(analyzer, verb, "", seen))
    }

    fn copy(&mut self, statement: &pg::CopyStmt) -> Seen {
        let mut columns_in = 0;
        let seen = match (&statement.relation, statement.query.as_deref()) {
            (Some(relation), None) if statement.is_from => {
                columns_in = self.copy_in(statement, relation);
                Seen::nothing()
            }
            (Some(relation), None) => {
                let columns = self.copy_columns(statement, relation);
                Seen::rows(self.output(&columns)).of_query()
            }
            (None, Some(query)) => match &query.node {
                Some(
                    query @ (NodeEnum::SelectStmt(_)
                    | NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)
                    | NodeEnum::MergeStmt(_)),
                ) => {
                    let seen = self.look(query);
                    Seen { is_query: seen.is_query, ..Seen::rows(seen.output) }
                }
                _ => {
                    self.refuse("COPY is understood for queries only".into());
                    Seen::rows(Output::Unproven)
                }
            },
            _ => {
                self.refuse("COPY without a source is not understood".into());
                Seen::rows(Output::Unproven)
            }
        };
        if statement.is_program || !statement.filename.is_empty() {
            self.administer();
            self.refuse("COPY to and from files and programs is not possible here".into());
        }
        match copy::options(statement) {
            Ok(copy) => Seen { copy: Some(Copy { columns_in, ..copy }), ..seen },
            Err(reason) => {
                self.refuse(reason);
                seen
            }
        }
    }

    /// What is left: rights, roles, settings, the server itself. Not on the list is refused.
    fn administration(&mut self, node: &NodeEnum) {
        self.administer();
        if !verb::is_administration(node) {
            self.refuse(format!("`{}` is not understood by the gateway", kind(node)));
        }
    }
}

fn named(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

impl Analyzer<'_> {
    /// A piece of a definition: an expression as a query, or a trigger's condition.
    pub(in crate::sql) fn fragment(&mut self, node: &pg::Node, scope: &Scope<'_>) {
        match &node.node {
            Some(NodeEnum::CreateTrigStmt(trigger)) => {
                self.telling(trigger.when_clause.as_deref(), scope);
            }
            _ => {
                self.sub_query(node, scope);
            }
        }
    }
}

/// `SELECT … INTO`: the clause may be in the first query of a set operation.
fn leads_into(select: &pg::SelectStmt) -> bool {
    select.into_clause.is_some() || select.larg.as_deref().is_some_and(leads_into)
}
