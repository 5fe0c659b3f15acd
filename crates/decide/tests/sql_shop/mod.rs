//! The shop of `corpus/sql/schema.sql` as a catalog, and a rendering of what `analyze` says.
#![allow(dead_code, unreachable_pub)]

pub mod live;
pub mod server;

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, FunctionInput, Output, RelationInput, RelationKind,
    Shape, Statement, Volatility, analyze, postgres,
};
use portreeve_model::Category;
use std::fmt::Write;
use std::path::PathBuf;

/// Relations: schema, name, kind, columns (`name:category`), definition, parents by index.
type Row =
    (&'static str, &'static str, char, &'static [&'static str], &'static str, &'static [u32]);

pub const RELATIONS: &[Row] = &[
    (
        "public",
        "customers",
        'r',
        &[
            "id",
            "full_name:name",
            "email:email",
            "phone:phone",
            "ssn:national-id",
            "dob:birth-date",
            "iban:iban",
            "notes",
            "country",
        ],
        "",
        &[],
    ),
    ("public", "orders", 'r', &["id", "customer_id", "amount", "status"], "", &[]),
    ("public", "products", 'r', &["id", "name", "price", "tags", "spec"], "", &[]),
    (
        "public",
        "contacts",
        'r',
        &["id", "email:email", "address:address", "history", "label"],
        "",
        &[],
    ),
    (
        "public",
        "accounts",
        'r',
        &["id", "iban:iban", "iban_upper=upper(iban)", "twice=2 + 2"],
        "",
        &[],
    ),
    ("public", "events", 'p', &["id", "customer_email:email", "at"], "", &[]),
    ("public", "events_2024", 'r', &["id", "customer_email", "at"], "", &[5]),
    ("public", "people", 'r', &["name", "tax_id:national-id"], "", &[]),
    ("public", "employees", 'r', &["name", "tax_id", "salary"], "", &[7]),
    ("public", "audited", 'r', &["id", "note"], "", &[]),
    (
        "public",
        "v_customers",
        'v',
        &["id", "full_name", "email", "country"],
        " SELECT customers.id, customers.full_name, customers.email, customers.country \
         FROM customers;",
        &[],
    ),
    (
        "public",
        "v_mail",
        'v',
        &["id", "mail", "phone"],
        " SELECT c.id, lower(c.email) AS mail, c.phone FROM customers c;",
        &[],
    ),
    (
        "public",
        "v_totals",
        'v',
        &["customer_id", "total"],
        " SELECT orders.customer_id, sum(orders.amount) AS total FROM orders \
         GROUP BY orders.customer_id;",
        &[],
    ),
    (
        "public",
        "v_nested",
        'v',
        &["address", "id"],
        " SELECT v.email AS address, v.id FROM v_customers v;",
        &[],
    ),
    (
        "public",
        "m_customers",
        'm',
        &["id", "email"],
        " SELECT customers.id, customers.email FROM customers;",
        &[],
    ),
    ("public", "order_numbers", 'S', &["last_value", "log_cnt", "is_called"], "", &[]),
    ("public", "clients", 'r', &["id", "name"], "", &[]),
    ("archive", "clients", 'r', &["id", "name:name"], "", &[]),
    ("archive", "old_orders", 'r', &["id", "amount"], "", &[]),
    ("public", "address", 'c', &["street", "city"], "", &[]),
];

const FUNCTIONS: &[(&str, char, &str)] = &[
    ("next_number", 'v', "plpgsql"),
    ("find_mail", 's', "sql"),
    ("reverse", 'v', "plpgsql"),
    ("all_mail", 's', "sql"),
    ("tidy_up", 'v', "plpgsql"),
    ("on_audit", 'v', "plpgsql"),
    ("st_x", 'i', "c"),
    ("avg", 'i', "internal"),
];

/// What an extension brought.
const EXTENSION_FUNCTIONS: &[(&str, char, &str)] =
    &[("max", 'i', "internal"), ("strpos", 'i', "sql"), ("dblink", 'v', "c")];

/// The shop.
pub fn catalog() -> Catalog {
    let mut builder = CatalogBuilder::new();
    for (index, (schema, name, kind, columns, definition, parents)) in RELATIONS.iter().enumerate()
    {
        let columns = columns.iter().zip(1..).map(|(text, attnum)| column(text, attnum));
        builder.relation(RelationInput {
            oid: 1000 + u32::try_from(index).unwrap(),
            schema: (*schema).into(),
            name: (*name).into(),
            kind: RelationKind::from_relkind(*kind),
            columns: columns.collect(),
            definition: (!definition.is_empty()).then(|| (*definition).into()),
            parents: parents.iter().map(|parent| 1000 + parent).collect(),
            has_triggers: *name == "audited",
            has_rules: false,
        });
    }
    for function in FUNCTIONS {
        builder.function(made(function));
    }
    for function in EXTENSION_FUNCTIONS {
        builder.extension_function(made(function));
    }
    // A role without guards of its own.
    let off = |name: &str| if name.ends_with("timeout") { "0" } else { "off" };
    let guards = postgres::guards().map(|name| (name.to_owned(), off(name).to_owned()));
    builder.build().with_guards(guards)
}

fn made((name, volatility, language): &(&str, char, &str)) -> FunctionInput {
    FunctionInput {
        schema: "public".into(),
        name: (*name).into(),
        volatility: Volatility::from_provolatile(*volatility),
        language: (*language).into(),
    }
}

fn column(text: &str, attnum: i16) -> ColumnInput {
    let (text, generated) = match text.split_once('=') {
        Some((name, expression)) => (name, Some(expression.to_owned())),
        None => (text, None),
    };
    let (name, category) = match text.split_once(':') {
        Some((name, category)) => (name, Some(Category::from(category))),
        None => (text, None),
    };
    ColumnInput {
        name: name.into(),
        attnum,
        type_oid: 25,
        type_name: "text".into(),
        category,
        generated,
    }
}

/// The folder of the cases.
pub fn corpus(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../corpus").join(folder)
}

/// One case of a `.test` file.
pub struct Case {
    pub sql: String,
    pub expected: String,
}

/// Cases stand under each other: the text, `----`, what is expected, an empty line.
pub fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut sql = String::new();
    let mut expected: Option<String> = None;
    for line in text.lines().chain([""]) {
        match &mut expected {
            None if line == "----" => expected = Some(String::new()),
            None if sql.is_empty() && (line.is_empty() || line.starts_with('#')) => {}
            None => sql = if sql.is_empty() { line.into() } else { format!("{sql}\n{line}") },
            Some(_) if line.is_empty() => cases
                .push(Case { sql: std::mem::take(&mut sql), expected: expected.take().unwrap() }),
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    cases
}

/// What `analyze` says, for people.
pub fn render(catalog: &Catalog, sql: &str) -> String {
    match analyze(catalog, sql) {
        Ok(statements) => statements.iter().map(statement).collect(),
        Err(unreadable) => format!("unreadable: {unreadable}\n"),
    }
}

fn statement(statement: &Statement) -> String {
    let mut text = statement.command.verb.clone();
    if statement.is_write {
        text.push_str(" [write]");
    }
    if statement.touches_classified {
        text.push_str(" [touches]");
    }
    text.push('\n');
    if let Some(reason) = &statement.command.unknown {
        let unknown = statement.unknown.as_ref().unwrap();
        assert_eq!(&unknown.message, reason);
        let at = unknown.position.map(|position| format!(" at {position}")).unwrap_or_default();
        writeln!(text, "  REFUSED {} {reason}{at}", unknown.sqlstate).unwrap();
        for candidate in &unknown.candidates {
            writeln!(text, "    perhaps {candidate}").unwrap();
        }
    }
    for missing in &statement.missing {
        writeln!(text, "  missing {missing}").unwrap();
    }
    facts(statement, &mut text);
    for need in &statement.command.needs {
        writeln!(text, "  need {} {}", need.action, need.object).unwrap();
    }
    match &statement.session {
        portreeve_decide::sql::SessionEffect::None => {}
        portreeve_decide::sql::SessionEffect::Prepare { name, statement } => {
            writeln!(text, "  prepares {name}").unwrap();
            output(&statement.output, &mut text, "    ");
        }
        portreeve_decide::sql::SessionEffect::Declare { cursor, statement, .. } => {
            writeln!(text, "  declares {cursor}").unwrap();
            output(&statement.output, &mut text, "    ");
        }
        portreeve_decide::sql::SessionEffect::Transaction(_) => {
            writeln!(text, "  session Transaction").unwrap();
        }
        effect => writeln!(text, "  session {effect:?}").unwrap(),
    }
    if let Some(copy) = &statement.copy {
        writeln!(
            text,
            "  copy {:?} {:?} delimiter {:?} null {:?} header {}",
            copy.direction, copy.format, copy.delimiter as char, copy.null, copy.header
        )
        .unwrap();
    }
    output(&statement.output, &mut text, "  ");
    text
}

/// What policy may ask about the whole; nothing where there is nothing to say.
fn facts(statement: &Statement, text: &mut String) {
    let facts = &statement.command.facts;
    if let Some(is_bounded) = facts.bounded {
        writeln!(text, "  {}", if is_bounded { "bounded" } else { "unbounded" }).unwrap();
    }
    if let Some(change) = facts.change {
        writeln!(text, "  definitions {change:?}").unwrap();
    }
    if facts.aggregated {
        writeln!(text, "  aggregated").unwrap();
    }
    if facts.probes > 0 {
        writeln!(text, "  probes {}", facts.probes).unwrap();
    }
}

fn output(output: &Output, text: &mut String, indent: &str) {
    match output {
        Output::None => {}
        Output::Structure => writeln!(text, "{indent}rows structure").unwrap(),
        Output::Clean => writeln!(text, "{indent}rows clean").unwrap(),
        Output::Open => writeln!(text, "{indent}rows open").unwrap(),
        Output::Unproven => writeln!(text, "{indent}rows unproven").unwrap(),
        Output::Columns(columns) => {
            for column in columns {
                let name = column.name.as_deref().unwrap_or("?");
                let sources: Vec<String> = column
                    .sources
                    .iter()
                    .map(|source| format!("{}.{}", source.table, source.column))
                    .collect();
                let sources = match sources.len() {
                    0 if column.is_structure => " structure".to_owned(),
                    0 => match &column.origin {
                        Some(origin) => format!(" of {origin}"),
                        None => String::new(),
                    },
                    9.. => format!(" {} EVERYTHING ({})", sign(column.shape), sources.len()),
                    _ => format!(" {} {}", sign(column.shape), sources.join(", ")),
                };
                writeln!(text, "{indent}column {name}{sources}").unwrap();
            }
        }
    }
}

fn sign(shape: Shape) -> &'static str {
    match shape {
        Shape::Plain => "=",
        Shape::Derived => "~",
    }
}
