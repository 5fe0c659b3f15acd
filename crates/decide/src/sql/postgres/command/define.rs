//! Definitions: what `CREATE`, `ALTER` and `DROP` need.
//!
//! Classification goes by name. So whatever gives a classified column another name, or puts it
//! where code will run over it, needs `reveal` on it, and every expression in a
//! definition is looked at like one in a query.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Change, Object};
use std::sync::Arc;

use crate::sql::catalog::{Functions, RelationCode};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::system;
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::document::kind;
use crate::sql::postgres::value::expression::strings;
use crate::sql::postgres::value::name::aliases;
use crate::sql::statement::{Unknown, sqlstate};

impl Analyzer<'_> {
    /// A statement that changes definitions. False: it is none of these.
    pub(in crate::sql) fn definition(&mut self, node: &NodeEnum) -> bool {
        let outer = Scope::outermost();
        match node {
            NodeEnum::CreateStmt(create) => self.create_table(create),
            NodeEnum::CreateTableAsStmt(create) => self.create_as(create, &outer),
            NodeEnum::ViewStmt(view) => self.create_view(view, &outer),
            NodeEnum::CreateSchemaStmt(schema) => self.create_schema(schema),
            NodeEnum::CreateSeqStmt(create) => self.define_optional(create.sequence.as_ref()),
            NodeEnum::AlterSeqStmt(alter) => self.define_optional(alter.sequence.as_ref()),
            NodeEnum::IndexStmt(index) => self.create_index(index),
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter),
            NodeEnum::RenameStmt(rename) => self.rename_object(rename),
            NodeEnum::AlterObjectSchemaStmt(alter) => {
                let relation = alter.relation.as_ref().map(|range| (range, alter.missing_ok));
                self.moved(alter.object_type, relation, "");
                self.made_in(Some(&alter.newschema));
            }
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::CreateFunctionStmt(create) => self.create_function(create),
            NodeEnum::CreateTrigStmt(trigger) => self.create_trigger(trigger),
            NodeEnum::CreateEnumStmt(create) => {
                self.need(Action::Define, Object::resource());
                let names = strings(&create.type_name);
                self.made_in(names.as_deref().and_then(|names| names.iter().rev().nth(1).copied()));
            }
            NodeEnum::CompositeTypeStmt(create) => {
                self.need(Action::Define, Object::resource());
                self.made_in(create.typevar.as_ref().map(|range| range.schemaname.as_str()));
            }
            NodeEnum::AlterEnumStmt(_) | NodeEnum::CommentStmt(_) => {
                self.need(Action::Define, Object::resource());
            }
            NodeEnum::RefreshMatViewStmt(refresh) => {
                self.write_all(refresh.relation.as_ref(), |code| &code.read);
            }
            NodeEnum::TruncateStmt(truncate) => {
                if is_cascade(truncate.behavior) {
                    // Which tables refer to these is not known here.
                    self.need(Action::Write, Object::resource());
                }
                self.write_each(&truncate.relations);
                self.bound(false);
            }
            NodeEnum::LockStmt(lock) => self.lock_tables(lock),
            _ => return false,
        }
        true
    }

    fn create_schema(&mut self, schema: &pg::CreateSchemaStmt) {
        self.need(Action::Define, Object::resource());
        for element in &schema.schema_elts {
            let understood = element.node.as_ref().is_some_and(|element| self.definition(element));
            if !understood {
                self.refuse("a schema element is not understood by the gateway".into());
            }
        }
        let is_missing =
            self.unknown.as_ref().is_some_and(|it| it.sqlstate == sqlstate::UNDEFINED_TABLE);
        if is_missing && !schema.schema_elts.is_empty() {
            let why = "what is made in a CREATE SCHEMA cannot be named in it: send its parts one \
                       at a time";
            self.unknown = Some(Unknown::new(sqlstate::FEATURE_NOT_SUPPORTED, why.into()));
        }
    }

    /// A relation is made or changed, whether it exists or not.
    pub(in crate::sql) fn define_relation(&mut self, range: &pg::RangeVar) {
        let (schema, name) = (range.schemaname.as_str(), range.relname.as_str());
        if !self.catalog.is_of_this_database(range) {
            self.refuse_other_database(range);
        }
        if system::is_system_schema(schema) {
            self.administer();
        }
        let existing: Vec<String> = self
            .catalog
            .named(name)
            .filter(|known| schema.is_empty() || known.schema == schema)
            .map(|known| known.schema.clone())
            .collect();
        for schema in &existing {
            self.need(Action::Define, Object::table(schema, name));
        }
        if existing.is_empty() {
            let place = match schema {
                "" if range.relpersistence == "t" => "pg_temp",
                "" => "?",
                schema => schema,
            };
            self.need(Action::Define, Object::table(place, name));
        }
    }

    fn define_optional(&mut self, range: Option<&pg::RangeVar>) {
        match range {
            Some(range) => self.define_relation(range),
            None => self.need(Action::Define, Object::resource()),
        }
    }

    fn create_table(&mut self, create: &pg::CreateStmt) {
        self.define_optional(create.relation.as_ref());
        let made_before =
            std::mem::replace(&mut self.being_made, create.relation.as_ref().map(name_of));
        // Its own columns hold nothing yet, but have types, and are what their parents' are.
        let mut own = Columns::open(Lineage::CLEAN);
        for parent in &create.inh_relations {
            match &parent.node {
                Some(NodeEnum::RangeVar(parent)) => own.append(&self.existing(parent)),
                _ => self.refuse("a parent table is not understood by the gateway".into()),
            }
        }
        own.list.extend(create.table_elts.iter().flat_map(|part| self.columns_like(part)));
        let scope = scope_of(create.relation.as_ref(), Arc::new(own));
        let elements = create.table_elts.iter().chain(&create.constraints);
        for element in elements.chain(&create.nnconstraints) {
            self.table_element(element, &scope);
        }
        if let Some(bound) = &create.partbound {
            let parents = create.inh_relations.iter().filter_map(|parent| match &parent.node {
                Some(NodeEnum::RangeVar(parent)) => Some(parent),
                _ => None,
            });
            parents.for_each(|parent| self.partition_of(parent, bound));
            self.partition_bound(bound, &scope);
        }
        for part in create.partspec.iter().flat_map(|spec| &spec.part_params) {
            match &part.node {
                Some(NodeEnum::PartitionElem(part)) => {
                    let key = self.telling(part.expr.as_deref(), &scope);
                    self.makes_parts(std::iter::once(&key));
                    self.class_named(&part.opclass);
                    self.column_compared(&part.name, &scope);
                }
                _ => self.refuse("a partition key is not understood by the gateway".into()),
            }
        }
        self.being_made = made_before;
    }

    /// Whether a table refers to itself.
    fn is_being_made(&self, range: &pg::RangeVar) -> bool {
        self.being_made.as_ref() == Some(&name_of(range))
    }

    fn table_element(&mut self, node: &pg::Node, scope: &Scope<'_>) {
        match &node.node {
            Some(NodeEnum::ColumnDef(column)) => {
                if let Some(name) = &column.type_name {
                    // Rows that are there get a value of it.
                    self.made(name, &Lineage::CLEAN);
                }
                self.leaking(column.raw_default.as_deref(), scope);
                self.becomes(column.raw_default.as_deref(), &column.colname, scope);
                for constraint in &column.constraints {
                    self.table_element(constraint, scope);
                    if let Some(NodeEnum::Constraint(constraint)) = &constraint.node {
                        self.becomes(constraint.raw_expr.as_deref(), &column.colname, scope);
                    }
                }
            }
            Some(NodeEnum::Constraint(constraint)) => {
                if constraint.contype == pg::ConstrType::ConstrCheck as i32 {
                    // It tells whether all values pass, and keeps none.
                    self.telling(constraint.raw_expr.as_deref(), scope);
                } else {
                    self.leaking(constraint.raw_expr.as_deref(), scope);
                }
                self.keys(constraint, scope);
                self.telling(constraint.where_clause.as_deref(), scope);
                for exclusion in &constraint.exclusions {
                    self.exclusion(exclusion, scope);
                }
                let parent = constraint.pktable.as_ref();
                if let Some(parent) = parent.filter(|parent| !self.is_being_made(parent)) {
                    // What can be referenced tells what is there.
                    let columns = self.existing(parent);
                    self.filter(&columns.mixed());
                    let scope = scope_of(Some(parent), columns);
                    for name in aliases(&constraint.pk_attrs) {
                        self.column_compared(&name, &scope);
                    }
                }
            }
            Some(NodeEnum::TableLikeClause(like)) => {
                if let Some(relation) = &like.relation {
                    self.existing(relation);
                }
            }
            _ => self.refuse("a part of the table is not understood by the gateway".into()),
        }
    }

    /// An expression over existing rows: it shows in errors, and its result is kept.
    fn leaking(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) {
        let lineage = self.telling(node, scope);
        self.reveal(&lineage);
    }

    /// An existing relation whose definition is used or changed: its columns.
    fn existing(&mut self, range: &pg::RangeVar) -> Arc<Columns> {
        let found = self.relations(range);
        if found.is_system {
            self.administer();
        }
        let mut merged: Option<Arc<Columns>> = None;
        for relation in &found.user {
            self.need(Action::Define, Object::table(&relation.schema, &relation.name));
            merged = Some(match merged {
                None => relation.columns.clone(),
                Some(known) => Arc::new(known.either(&relation.columns, self.catalog)),
            });
        }
        let columns = match merged {
            Some(columns) => columns,
            None if found.is_system => Arc::new(Columns::open(Lineage::CLEAN)),
            None => Arc::new(Columns::open(self.everything())),
        };
        self.touched |= !columns.is_clean();
        columns
    }

    /// Like [`Self::existing`], for what may be missing by the statement's own words. It is
    /// looked for in a fresh catalog all the same.
    ///
    /// SECURITY: where it is there after all, nobody has seen it: its columns can be anything.
    fn existing_or(&mut self, range: &pg::RangeVar, missing_ok: bool) -> Arc<Columns> {
        let is_known_before = self.unknown.is_none();
        let columns = self.existing(range);
        let is_missing =
            self.unknown.as_ref().is_some_and(|it| it.sqlstate == sqlstate::UNDEFINED_TABLE);
        if missing_ok && is_known_before && is_missing {
            self.unknown = None;
            self.define_relation(range);
        }
        columns
    }

    fn create_as(&mut self, create: &pg::CreateTableAsStmt, outer: &Scope<'_>) {
        let columns = match create.query.as_deref().and_then(|query| query.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, outer),
            _ => {
                self.refuse("CREATE TABLE AS is understood with a query only".into());
                return;
            }
        };
        match create.into.as_deref() {
            Some(into) => self.table_made(into, &columns),
            None => self.refuse("a CREATE TABLE AS without a table is not understood".into()),
        }
    }

    fn create_view(&mut self, view: &pg::ViewStmt, outer: &Scope<'_>) {
        self.define_optional(view.view.as_ref());
        let columns = match view.query.as_deref() {
            Some(query) => self.sub_query(query, outer),
            None => Columns::open(self.not_understood("a view without a query")),
        };
        // What a system catalog keeps, a view shows as masked as that does.
        self.reveal(&columns.mixed().of_columns_only());
    }

    fn create_index(&mut self, index: &pg::IndexStmt) {
        let columns = match &index.relation {
            Some(relation) => self.existing(relation),
            None => Arc::new(Columns::open(self.not_understood("an index without a table"))),
        };
        let scope = scope_of(index.relation.as_ref(), columns.clone());
        if !index.exclude_op_names.is_empty() {
            self.refuse("EXCLUDE constraints are not understood by the gateway".into());
        }
        for element in index.index_params.iter().chain(&index.index_including_params) {
            match &element.node {
                Some(NodeEnum::IndexElem(element)) => {
                    self.index_element(element, &scope);
                }
                _ => self.refuse("a part of the index is not understood by the gateway".into()),
            }
        }
        self.condition(index.where_clause.as_deref(), &scope);
    }

    fn alter_table(&mut self, alter: &pg::AlterTableStmt) {
        let is_index = alter.objtype == pg::ObjectType::ObjectIndex as i32;
        let is_type = alter.objtype == pg::ObjectType::ObjectType as i32;
        let columns = match &alter.relation {
            // Which tables are of the type is not known here.
            Some(_) if is_type => {
                self.need(Action::Define, Object::resource());
                Arc::new(Columns::open(self.everything()))
            }
            Some(relation) if !is_index => self.existing_or(relation, alter.missing_ok),
            _ => {
                self.need(Action::Define, Object::resource());
                Arc::new(Columns::default())
            }
        };
        let mut with_new = (*columns).clone();
        with_new.list.extend(added_columns(&alter.cmds));
        let scope = scope_of(alter.relation.as_ref(), Arc::new(with_new));
        for command in &alter.cmds {
            match &command.node {
                // The part of a partitioned index is an index.
                Some(NodeEnum::AlterTableCmd(command)) if is_index && is_part(command) => {}
                Some(NodeEnum::AlterTableCmd(command)) => {
                    if let Some(relation) =
                        alter.relation.as_ref().filter(|_| names_column(command))
                    {
                        self.must_have(&command.name, relation, &scope);
                    }
                    self.altered_columns(command, &columns);
                    self.alter_command(command, &scope);
                    if let (true, Some(parent)) = (is_part(command), &alter.relation) {
                        self.attached_to(parent, command);
                    }
                }
                _ => self.refuse("a part of ALTER TABLE is not understood".into()),
            }
        }
    }

    /// The definition of classified columns changes: they may lose their name or be rewritten.
    fn classified_change(&mut self, columns: &Columns) {
        let lineage = columns.mixed();
        self.filter(&lineage);
        self.reveal(&lineage);
    }

    /// What a change means for classified columns: most leave their names and values alone.
    fn altered_columns(&mut self, command: &pg::AlterTableCmd, columns: &Columns) {
        use pg::AlterTableType as Type;
        match Type::try_from(command.subtype).unwrap_or(Type::Undefined) {
            Type::AtDropColumn | Type::AtDropConstraint => self.changes(Change::Drop),
            Type::AtAlterColumnType if !self.has_coded_type(command.def.as_deref()) => {
                // It stays classified by its name; whether its values fit shows.
                let lineage = columns.find(&command.name, self.catalog);
                self.filter(&lineage.or_else(|| columns.rest.clone()).unwrap_or(Lineage::CLEAN));
            }
            Type::AtAlterColumnType | Type::AtSetExpression | Type::AtDropExpression => {
                self.classified_column(&command.name, columns);
            }
            Type::AtAddColumn
            | Type::AtColumnDefault
            | Type::AtDropNotNull
            | Type::AtSetNotNull
            | Type::AtSetStatistics
            | Type::AtAddConstraint
            | Type::AtValidateConstraint
            | Type::AtSetRelOptions
            | Type::AtResetRelOptions
            | Type::AtAddIdentity
            | Type::AtDropIdentity
            | Type::AtSetIdentity
            | Type::AtSetStorage
            | Type::AtSetCompression
            | Type::AtSetOptions
            | Type::AtResetOptions
            | Type::AtSetLogged
            | Type::AtSetUnLogged
            | Type::AtClusterOn
            | Type::AtDropCluster
            | Type::AtReplicaIdentity
            | Type::AtChangeOwner
            | Type::AtEnableTrig
            | Type::AtEnableTrigAll
            | Type::AtEnableTrigUser
            | Type::AtDisableTrig
            | Type::AtDisableTrigAll
            | Type::AtDisableTrigUser
            | Type::AtEnableRowSecurity
            | Type::AtDisableRowSecurity
            | Type::AtForceRowSecurity
            | Type::AtNoForceRowSecurity => {}
            _ => self.classified_change(columns),
        }
    }

    /// Whether a column gets a type that runs code over its values.
    fn has_coded_type(&self, def: Option<&pg::Node>) -> bool {
        let Some(Some(NodeEnum::ColumnDef(column))) = def.map(|def| &def.node) else { return true };
        let names = column.type_name.as_ref().and_then(|name| strings(&name.names));
        names.is_none_or(|names| {
            names.last().is_none_or(|name| self.catalog.types.contains_key(*name))
        })
    }

    fn alter_command(&mut self, command: &pg::AlterTableCmd, scope: &Scope<'_>) {
        use pg::AlterTableType as Type;
        let subtype = Type::try_from(command.subtype).unwrap_or(Type::Undefined);
        if !matches!(
            subtype,
            Type::AtAddColumn
                | Type::AtColumnDefault
                | Type::AtDropNotNull
                | Type::AtSetNotNull
                | Type::AtSetExpression
                | Type::AtDropExpression
                | Type::AtSetStatistics
                | Type::AtDropColumn
                | Type::AtAddConstraint
                | Type::AtValidateConstraint
                | Type::AtDropConstraint
                | Type::AtAlterColumnType
                | Type::AtSetRelOptions
                | Type::AtResetRelOptions
                | Type::AtAttachPartition
                | Type::AtDetachPartition
                | Type::AtAddInherit
                | Type::AtDropInherit
                | Type::AtAddIdentity
                | Type::AtDropIdentity
        ) {
            // Owners, triggers, rules, row security, storage: who may do what.
            self.administer();
        }
        match command.def.as_deref().map(|def| &def.node) {
            None => {}
            Some(Some(NodeEnum::ColumnDef(_) | NodeEnum::Constraint(_))) => {
                if let Some(def) = command.def.as_deref() {
                    self.table_element(def, scope);
                }
            }
            Some(Some(NodeEnum::PartitionCmd(part))) => {
                if let Some(relation) = &part.name {
                    let columns = self.existing(relation);
                    self.classified_change(&columns);
                }
                if let Some(bound) = &part.bound {
                    self.partition_bound(bound, scope);
                }
            }
            Some(Some(NodeEnum::RangeVar(relation))) => {
                let columns = self.existing(relation);
                self.classified_change(&columns);
            }
            Some(Some(
                NodeEnum::List(_)
                | NodeEnum::String(_)
                | NodeEnum::Integer(_)
                | NodeEnum::ReplicaIdentityStmt(_),
            )) => {}
            Some(_) => {
                self.leaking(command.def.as_deref(), scope);
                self.becomes(command.def.as_deref(), &command.name, scope);
            }
        }
    }

    /// Something gets another name or schema; `name` is that of a schema.
    fn moved(&mut self, kind: i32, range: Option<(&pg::RangeVar, bool)>, name: &str) {
        use pg::ObjectType as Type;
        if let Some((range, missing_ok)) = range {
            let columns = self.existing_or(range, missing_ok);
            self.classified_change(&columns);
            return;
        }
        match Type::try_from(kind).unwrap_or(Type::Undefined) {
            // No column has its category from the type that it has.
            Type::ObjectType
            | Type::ObjectDomain
            | Type::ObjectDomconstraint
            | Type::ObjectStatisticExt => self.need(Action::Define, Object::resource()),
            // Another one may be called by this name from now on; no column is.
            Type::ObjectFunction
            | Type::ObjectProcedure
            | Type::ObjectRoutine
            | Type::ObjectAggregate => self.administer(),
            Type::ObjectSchema => {
                self.administer();
                let columns = self.catalog.columns_in(name);
                self.classified_change(&columns);
            }
            _ => {
                self.administer();
                let lineage = self.everything();
                self.reveal(&lineage);
            }
        }
    }

    fn drop(&mut self, drop: &pg::DropStmt) {
        use pg::ObjectType as Type;
        let kind = Type::try_from(drop.remove_type).unwrap_or(Type::Undefined);
        if is_cascade(drop.behavior) {
            self.need(Action::Define, Object::resource());
        }
        for object in &drop.objects {
            let path = match &object.node {
                Some(NodeEnum::List(list)) => strings(&list.items),
                Some(NodeEnum::ObjectWithArgs(object)) => strings(&object.objname),
                Some(NodeEnum::String(name)) => Some(vec![name.sval.as_str()]),
                _ => None,
            };
            match (kind, path.as_deref()) {
                (
                    Type::ObjectTable
                    | Type::ObjectView
                    | Type::ObjectMatview
                    | Type::ObjectForeignTable
                    | Type::ObjectSequence,
                    Some([.., name]),
                ) => {
                    let schema = path.iter().flatten().rev().nth(1).copied().unwrap_or_default();
                    self.define_relation(&named(schema, name));
                }
                (
                    Type::ObjectFunction
                    | Type::ObjectProcedure
                    | Type::ObjectRoutine
                    | Type::ObjectAggregate,
                    Some([.., name]),
                ) => {
                    let schema = path.iter().flatten().rev().nth(1).copied().unwrap_or("?");
                    self.need(Action::Define, Object::function(schema, name));
                }
                (
                    Type::ObjectIndex
                    | Type::ObjectType
                    | Type::ObjectDomain
                    | Type::ObjectSchema
                    | Type::ObjectStatisticExt,
                    _,
                ) => self.need(Action::Define, Object::resource()),
                _ => self.administer(),
            }
        }
    }

    /// What is made where PostgreSQL has its own is taken for it by name.
    fn made_in(&mut self, schema: Option<&str>) {
        let schema = schema.filter(|schema| !schema.is_empty()).or(self.catalog.first_schema());
        if schema.is_some_and(system::is_system_schema) {
            self.administer();
        }
    }

    fn create_function(&mut self, create: &pg::CreateFunctionStmt) {
        let name = match strings(&create.funcname).as_deref() {
            Some([name]) => Object::function("?", name),
            Some([schema, name]) => Object::function(schema, name),
            _ => Object::resource(),
        };
        self.made_in(name.path.first().map(String::as_str).filter(|schema| *schema != "?"));
        self.need(Action::Define, name);
        let is_plain = create.options.iter().all(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) if option.defname == "language" => {
                let language = option.arg.as_deref().and_then(|arg| arg.node.as_ref());
                matches!(
                    language,
                    Some(NodeEnum::String(name)) if matches!(&*name.sval, "sql" | "plpgsql")
                )
            }
            Some(NodeEnum::DefElem(_)) => true,
            _ => false,
        });
        for option in &create.options {
            // It runs with these settings, whoever calls it.
            if let Some(NodeEnum::DefElem(option)) = &option.node
                && let Some(Some(NodeEnum::VariableSetStmt(set))) =
                    option.arg.as_deref().map(|arg| &arg.node)
            {
                self.variable_set(set);
            }
        }
        if !is_plain {
            self.administer();
        }
        // What it does is asked for when it is called: `execute`, and everything it can reach.
    }

    /// A function is to run on every row: it sees all of it.
    fn create_trigger(&mut self, trigger: &pg::CreateTrigStmt) {
        self.administer();
        if let Some(relation) = &trigger.relation {
            let columns = self.existing(relation);
            self.classified_change(&columns);
        }
    }

    /// `ACCESS SHARE` is what every read takes; any other mode makes others wait.
    fn lock_tables(&mut self, lock: &pg::LockStmt) {
        const ACCESS_SHARE: i32 = 1;
        let action = if lock.mode == ACCESS_SHARE { Action::Read } else { Action::Lock };
        for node in &lock.relations {
            let Some(NodeEnum::RangeVar(range)) = &node.node else {
                self.refuse("a name in LOCK is not understood by the gateway".into());
                continue;
            };
            let found = self.relations(range);
            if found.is_system && action == Action::Lock {
                self.administer();
            }
            for relation in &found.user {
                self.need(action, Object::table(&relation.schema, &relation.name));
            }
        }
    }

    fn rename_object(&mut self, rename: &pg::RenameStmt) {
        use pg::ObjectType as Type;
        let kind = Type::try_from(rename.rename_type).unwrap_or(Type::Undefined);
        match (kind, &rename.relation) {
            (Type::ObjectColumn, Some(relation)) => {
                let columns = self.existing_or(relation, rename.missing_ok);
                let scope = scope_of(Some(relation), columns.clone());
                self.must_have(&rename.subname, relation, &scope);
                self.classified_column(&rename.subname, &columns);
            }
            (Type::ObjectTabconstraint, Some(relation)) => {
                self.existing_or(relation, rename.missing_ok);
            }
            (Type::ObjectIndex, _) => self.need(Action::Define, Object::resource()),
            // A column of every table of the type gets another name.
            (Type::ObjectAttribute, _) => self.moved(rename.rename_type, None, ""),
            (_, relation) => {
                let relation = relation.as_ref().map(|range| (range, rename.missing_ok));
                self.moved(rename.rename_type, relation, &rename.subname);
            }
        }
    }

    /// A column gets another name or type: where it is classified, it is no longer known to be.
    fn classified_column(&mut self, name: &str, columns: &Columns) {
        let lineage = match columns.find(name, self.catalog) {
            Some(lineage) => lineage,
            None => columns.rest.clone().unwrap_or(Lineage::CLEAN),
        };
        self.filter(&lineage);
        self.reveal(&lineage);
    }

    fn write_each(&mut self, nodes: &[pg::Node]) {
        for node in nodes {
            match &node.node {
                Some(NodeEnum::RangeVar(range)) => {
                    self.write_all(Some(range), |code| &code.truncate);
                }
                Some(other) => {
                    self.refuse(format!("`{}` is not understood by the gateway", kind(other)));
                }
                None => self.refuse("an empty name is not understood by the gateway".into()),
            }
        }
    }

    /// The whole relation is written, without values of the client.
    fn write_all(
        &mut self,
        range: Option<&pg::RangeVar>,
        code: impl Fn(&RelationCode) -> &Functions,
    ) {
        let Some(range) = range else { return self.administer() };
        let found = self.relations(range);
        if found.is_system {
            self.administer();
        }
        for relation in &found.user {
            self.touched |= !relation.columns.is_clean();
            self.runs(code(&relation.code));
            self.need(Action::Write, Object::table(&relation.schema, &relation.name));
        }
    }
}

/// Columns that come with an `ALTER TABLE`: its other parts can name them, and they hold nothing.
fn added_columns(commands: &[pg::Node]) -> impl Iterator<Item = Column> + '_ {
    commands.iter().filter_map(|command| match &command.node {
        Some(NodeEnum::AlterTableCmd(command))
            if command.subtype == pg::AlterTableType::AtAddColumn as i32 =>
        {
            match &command.def.as_deref()?.node {
                Some(NodeEnum::ColumnDef(column)) => {
                    Some(Column::new(column.colname.as_str(), Lineage::CLEAN))
                }
                _ => None,
            }
        }
        _ => None,
    })
}

/// Whether something becomes a partition, or no longer is one.
fn is_part(command: &pg::AlterTableCmd) -> bool {
    let node = command.def.as_deref().and_then(|def| def.node.as_ref());
    matches!(node, Some(NodeEnum::PartitionCmd(_)))
}

/// Whether it changes a column that has to be there.
fn names_column(command: &pg::AlterTableCmd) -> bool {
    use pg::AlterTableType as Type;
    let kind = Type::try_from(command.subtype).unwrap_or(Type::Undefined);
    !command.missing_ok
        && matches!(
            kind,
            Type::AtDropColumn
                | Type::AtAlterColumnType
                | Type::AtColumnDefault
                | Type::AtDropNotNull
                | Type::AtSetNotNull
        )
}

/// Schema and name, as they are written.
fn name_of(range: &pg::RangeVar) -> (String, String) {
    (range.schemaname.clone(), range.relname.clone())
}

fn is_cascade(behavior: i32) -> bool {
    behavior == pg::DropBehavior::DropCascade as i32
}

/// What expressions in the definition of a table can name.
fn scope_of(range: Option<&pg::RangeVar>, columns: Arc<Columns>) -> Scope<'static> {
    let mut scope = Scope::outermost();
    let name = range.map(|range| range.relname.clone());
    scope.items.push(Item { is_table: true, ..Item::named(name, columns) });
    scope
}

fn named(schema: &str, name: &str) -> pg::RangeVar {
    pg::RangeVar {
        schemaname: schema.to_owned(),
        relname: name.to_owned(),
        ..pg::RangeVar::default()
    }
}
