//! Puts a catalog together from what a builder has collected, in the order in which one thing
//! needs another: functions, types, tables, views, and last what runs beside them.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::Object;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::build::{CatalogBuilder, FunctionInput, Maker, Remembered, Views, fragment_scope};
use super::code::{self, CodeInput, Graph, Known, Moment, OperatorInput, Owner, Runs, TypeInput};
use crate::sql::catalog::{
    Catalog, Functions, Operator, OperatorClass, Relation, RelationCode, RelationKind, Type,
};
use crate::sql::columns::Columns;
use crate::sql::lineage::{Lineage, Making};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::system;
use crate::sql::postgres::parse;
use crate::sql::taint::Taint;

impl CatalogBuilder {
    /// Adds a function that the operator of the gateway says is harmless, this very body of it:
    /// it needs no `execute`, and its result is computed from its arguments and nothing else.
    /// What it calls in turn is the operator's to know.
    pub fn harmless_function(&mut self, function: FunctionInput) -> &mut Self {
        self.functions.push((function, Maker::Declared));
        self
    }

    /// Adds a type. Those without code may be left out, and so may row types of tables.
    pub fn type_with_code(&mut self, input: TypeInput) -> &mut Self {
        self.types.push(input);
        self
    }

    /// Adds an operator. All that PostgreSQL does not bring itself must be added.
    pub fn operator(&mut self, operator: OperatorInput) -> &mut Self {
        self.operators.push(operator);
        self
    }

    /// Adds a place that calls code. When [`Self::code_is_complete`] is said, all of them must
    /// have been added.
    pub fn code(&mut self, code: CodeInput) -> &mut Self {
        self.code.push(code);
        self
    }

    /// Adds an operator class, by `pg_opclass.oid`.
    pub fn operator_class(&mut self, oid: u32, schema: &str, name: &str) -> &mut Self {
        self.classes.push((oid, schema.to_owned(), name.to_owned()));
        self
    }

    /// Adds the key of a partitioned table, as `pg_get_partkeydef` writes it.
    pub fn partition_key(&mut self, relation: u32, definition: &str) -> &mut Self {
        self.partition_keys.insert(relation, definition.to_owned());
        self
    }

    /// Adds what is demanded of the values of a column: the text of a check, `length` and a type's
    /// modifier; nothing where that is the same for no two columns (a key, an expression).
    pub fn demand(&mut self, relation: u32, demand: &str, column: &str) -> &mut Self {
        let of = self.demands.entry(relation).or_default();
        of.entry(column.to_owned()).or_default().push(demand.to_owned());
        self
    }

    /// Says that all code that runs unseen has been added, so that a write to a table without
    /// any can be told from one whose effects are not known.
    pub fn code_is_complete(&mut self) -> &mut Self {
        self.knows_code = true;
        self
    }

    /// Adds what a materialized view has been made of before: its rows may still be those.
    pub fn remember(&mut self, remembered: Remembered) -> &mut Self {
        self.remembered.push(remembered);
        self
    }

    /// Works out where the values of each column come from, and what runs unseen.
    #[must_use]
    pub fn build(mut self) -> Catalog {
        self.relations.retain(|relation| !system::is_system_schema(&relation.schema));
        self.inherit();
        let mut catalog = Catalog::default();
        catalog.knows_code = self.knows_code;
        catalog.usable_schemas = self.usable_schemas.take().map(Arc::new);
        catalog.database = self.database.take();
        catalog.system_columns = Arc::new(std::mem::take(&mut self.system_columns));
        self.add_functions(&mut catalog);
        self.add_operators(&mut catalog);
        self.classify(&mut catalog);
        let by_oid: HashMap<u32, usize> =
            self.relations.iter().zip(0..).map(|(known, index)| (known.oid, index)).collect();
        let mut graph = self.type_code(&mut catalog, &by_oid);
        self.add_tables(&mut catalog);
        let mut views = Views {
            inputs: &self.relations,
            by_oid: &by_oid,
            hidden: self.hidden_code(&catalog),
            remembered: &self.remembered,
            states: HashMap::new(),
            graph: &mut graph,
        };
        for index in 0..self.relations.len() {
            views.resolve(index, &mut catalog, 0);
        }
        self.relation_code(&mut catalog, graph, &by_oid);
        self.add_origins(&mut catalog);
        catalog
    }

    fn add_operators(&self, catalog: &mut Catalog) {
        let mut operators: HashMap<String, Vec<Operator>> = HashMap::new();
        for input in &self.operators {
            let (schema, name) = (&input.function_schema, &input.function_name);
            let function =
                (!code::is_harmless(catalog, schema, name)).then(|| Object::function(schema, name));
            catalog.values_act |= !code::is_proven(catalog, schema, name);
            let (schema, sides) = (input.schema.clone(), input.sides.clone());
            let operator = Operator { schema, function, sides };
            operators.entry(input.name.clone()).or_default().push(operator);
        }
        catalog.operators = Arc::new(operators);
    }

    /// What types call: needed before anything that makes values of them is looked at.
    fn type_code(&self, catalog: &mut Catalog, by_oid: &HashMap<u32, usize>) -> Graph {
        let mut graph = Graph::default();
        let known = Known { catalog, inputs: &self.relations, by_oid };
        for input in &self.code {
            match input.owner {
                Owner::Type(_) | Owner::Class(_) | Owner::Anywhere => graph.input(input, &known),
                Owner::Relation(_) => {}
            }
        }
        let mut types: HashMap<String, Vec<Type>> = HashMap::new();
        for input in &self.types {
            if let Some(found) = graph.type_code(input) {
                types.entry(input.name.clone()).or_default().push(found);
            }
        }
        catalog.made_types = Arc::new(self.types.iter().map(|input| input.name.clone()).collect());
        catalog.types = Arc::new(types);
        catalog.anywhere = graph.anywhere();
        let mut classes: HashMap<String, Vec<OperatorClass>> = HashMap::new();
        for (oid, schema, name) in &self.classes {
            let class = OperatorClass { schema: schema.clone(), functions: graph.class(*oid) };
            classes.entry(name.clone()).or_default().push(class);
        }
        catalog.operator_classes = Arc::new(classes);
        // Until here there are no others than those of types and casts.
        catalog.values_act |= graph.has_acting();
        graph
    }

    /// Functions that a view calls, as the target says. What its text does not show of them is
    /// an implicit cast, say.
    fn hidden_code(&self, catalog: &Catalog) -> HashMap<u32, Vec<Object>> {
        let mut hidden: HashMap<u32, Vec<Object>> = HashMap::new();
        for input in &self.code {
            if let (Owner::Relation(oid), Runs::Function { schema, name }) =
                (input.owner, &input.runs)
                && input.moments.contains(&Moment::Read)
                && !code::is_harmless(catalog, schema, name)
            {
                hidden.entry(oid).or_default().push(Object::function(schema, name));
            }
        }
        hidden
    }

    fn relation_code(&self, catalog: &mut Catalog, mut graph: Graph, by_oid: &HashMap<u32, usize>) {
        let types: HashSet<u32> = self.types.iter().map(|input| input.oid).collect();
        let known = Known { catalog, inputs: &self.relations, by_oid };
        for input in &self.relations {
            graph.relation(input, &types);
        }
        for input in &self.code {
            match input.owner {
                Owner::Relation(_) => graph.input(input, &known),
                Owner::Type(_) | Owner::Class(_) | Owner::Anywhere => {}
            }
        }
        let classified: HashSet<u32> = self
            .relations
            .iter()
            .zip(catalog.relations.iter())
            .filter(|(_, known)| !known.columns.is_clean())
            .map(|(input, _)| input.oid)
            .collect();
        let codes: Vec<RelationCode> = self
            .relations
            .iter()
            .map(|input| graph.relation_code(input.oid, &classified))
            .collect();
        for (relation, code) in Arc::make_mut(&mut catalog.relations).iter_mut().zip(codes) {
            relation.code = code;
        }
        self.add_making(catalog, &graph);
        self.add_keys(catalog);
    }

    /// What the keys of partitioned tables are computed from.
    fn add_keys(&self, catalog: &mut Catalog) {
        let mut keys: HashMap<u32, Lineage> = HashMap::new();
        for (input, relation) in self.relations.iter().zip(catalog.relations.iter()) {
            if let Some(definition) = self.partition_keys.get(&input.oid) {
                keys.insert(input.oid, key_of(definition, relation, catalog));
            }
        }
        if keys.is_empty() {
            return;
        }
        keys.values().for_each(|key| {
            catalog.partition_keys.join(&key.sources);
        });
        let parents: HashMap<u32, &[u32]> =
            self.relations.iter().map(|input| (input.oid, input.parents.as_slice())).collect();
        let relations = Arc::make_mut(&mut catalog.relations);
        for (input, relation) in self.relations.iter().zip(relations) {
            if let Some(key) = keys.get(&input.oid) {
                relation.key.clone_from(key);
            }
            let mut seen = HashSet::new();
            let mut above = input.parents.clone();
            while let Some(oid) = above.pop() {
                if seen.insert(oid) {
                    above.extend(parents.get(&oid).copied().unwrap_or_default());
                    keys.get(&oid).into_iter().for_each(|key| relation.placed.mix(key));
                }
            }
        }
    }

    /// What runs where a constant becomes a value of a column's type.
    fn add_making(&self, catalog: &mut Catalog, graph: &Graph) {
        let domains = self.types.iter().filter(|input| input.base != 0);
        let bases: HashMap<u32, u32> = domains.map(|input| (input.oid, input.base)).collect();
        let mut known: HashMap<u32, Option<Making>> = HashMap::new();
        let mut comparing: HashMap<u32, Functions> = HashMap::new();
        let relations = Arc::make_mut(&mut catalog.relations);
        for (input, relation) in self.relations.iter().zip(relations) {
            for (index, column) in input.columns.iter().enumerate() {
                let making = known
                    .entry(column.type_oid)
                    .or_insert_with(|| graph.making(column.type_oid, &bases));
                if making.is_none() {
                    continue;
                }
                if let Some(own) = Arc::make_mut(&mut relation.columns).list.get_mut(index) {
                    own.lineage.making.clone_from(making);
                }
            }
            let compared = input.columns.iter().filter_map(|column| {
                let of = || graph.comparing(column.type_oid);
                let functions = comparing.entry(column.type_oid).or_insert_with(of);
                (!functions.is_empty()).then(|| (column.name.clone(), functions.clone()))
            });
            let compared: Vec<_> = compared.collect();
            if !compared.is_empty() {
                relation.code.compared = Arc::new(compared);
            }
        }
    }
}

/// What the key of a partitioned table is computed from, by its `PARTITION BY`.
fn key_of(definition: &str, relation: &Relation, catalog: &Catalog) -> Lineage {
    let text = format!("CREATE TABLE t () PARTITION BY {definition}");
    let parsed = parse::parse(&text).unwrap_or_default();
    let key = match parsed.first().and_then(|raw| raw.node.node.as_ref()) {
        Some(NodeEnum::CreateStmt(create)) => create.partspec.as_ref(),
        _ => None,
    };
    match key {
        Some(key) => key_made_of(&key.part_params, &relation.columns, catalog),
        None => Lineage::everything(catalog),
    }
}

/// What a key of partitions is computed from.
pub(super) fn key_made_of(
    elements: &[pg::Node],
    columns: &Arc<Columns>,
    catalog: &Catalog,
) -> Lineage {
    let mut analyzer = Analyzer::new(catalog);
    let scope = fragment_scope(columns.clone());
    let mut lineage = Lineage::CLEAN.derived();
    for element in elements {
        let own = match &element.node {
            Some(NodeEnum::PartitionElem(element)) if element.expr.is_none() => {
                columns.find(&element.name, catalog)
            }
            Some(NodeEnum::PartitionElem(element)) => {
                Some(analyzer.optional(element.expr.as_deref(), &scope))
            }
            _ => None,
        };
        lineage.mix(&own.unwrap_or_else(|| Lineage::everything(catalog)));
    }
    lineage
}

/// What a column of a materialized view has once been made of, besides what it is made of now.
pub(super) fn recalled(
    remembered: &[Remembered],
    column: &Object,
    known: &Lineage,
    catalog: &Catalog,
) -> Lineage {
    let mut lineage = known.clone();
    for past in remembered.iter().filter(|past| past.column == *column) {
        let Some(id) = catalog.objects.get(&past.source.object()) else { continue };
        if !lineage.sources.holds(&Taint::One(*id)) {
            let origin = lineage.origin;
            lineage.mix(&Lineage::plain(*id));
            lineage.origin = origin;
        }
    }
    lineage
}

impl Catalog {
    /// What each column of each materialized view is or was made of: to be remembered, and given
    /// to the next builder.
    #[must_use]
    pub fn materialized(&self) -> Vec<Remembered> {
        let views = self
            .relations
            .iter()
            .filter(|relation| relation.kind == RelationKind::MaterializedView);
        views
            .flat_map(|view| {
                view.columns.list.iter().flat_map(move |own| {
                    let column = Object::column(&view.schema, &view.name, &own.name);
                    own.lineage.sources.ids().filter_map(|id| self.classified.get(id as usize)).map(
                        move |source| Remembered {
                            column: column.clone(),
                            source: (**source).clone(),
                        },
                    )
                })
            })
            .collect()
    }
}
