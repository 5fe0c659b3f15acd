//! Two databases that differ in classified values only must look the same to a client whose
//! query needs nothing but `read`: the same errors, the same rows but for the marked columns, and
//! NULL in the same places. Random queries run on a real server, if one is installed.
//!
//! The two have the same values equal and the same values NULL: that much may show.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod sql_shop;

use portreeve_decide::sql::{Catalog, Output, analyze};
use portreeve_model::Action;
use sql_shop::server::Server;
use std::fmt::Write;

const QUERIES: usize = 500;

#[test]
fn classified_values_do_not_show() {
    let server = Server::start();
    let schema = std::fs::read_to_string(sql_shop::corpus("sql").join("schema.sql")).unwrap();
    for (database, data) in [("one", rows(0)), ("two", rows(1))] {
        server.psql("postgres", &format!("CREATE DATABASE {database};"));
        server.psql(database, &format!("{schema}\n{data}"));
    }
    let catalog = sql_shop::catalog();
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let count = std::env::var("QUERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(QUERIES);
    let mut maker = Maker { state: seed, names: 0 };
    let mut queries = Vec::new();
    let mut guarded = Vec::new();
    let mut tries = 0;
    while queries.len() < count && tries < count * 40 {
        tries += 1;
        let sql = maker.query(3).sql;
        match passes(&catalog, &sql) {
            Passes::Freely(marked) => queries.push((sql, marked)),
            Passes::WithFilter(marked) if guarded.len() < count => guarded.push((sql, marked)),
            Passes::WithFilter(_) | Passes::Not => {}
        }
    }
    let (leaks, answered) = differences(&server, &queries);
    println!("{} queries of {tries}, {answered} answered", queries.len());
    let customers = server.psql("two", "SELECT count(*) FROM customers WHERE email IS NOT NULL;");
    assert_eq!(customers.trim(), "4");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert!(answered > queries.len() / 4, "only {answered} of {} ran", queries.len());
    // What breaks without the need `filter`: the same comparison finds leaks.
    let (leaks, guarded_answered) = differences(&server, &guarded);
    println!("{} of {guarded_answered} guarded ones show a difference", leaks.len());
    assert!(leaks.len() > 2, "only {} of {} show a difference", leaks.len(), guarded.len());
}

/// The queries that show a difference between the two databases, and how many ran at all.
fn differences(server: &Server, queries: &[(String, Vec<bool>)]) -> (Vec<String>, usize) {
    let one = answers(server, "one", queries);
    let two = answers(server, "two", queries);
    let mut leaks = Vec::new();
    let mut answered = 0;
    for (index, (sql, marked)) in queries.iter().enumerate() {
        let first = shown(&one[index], marked);
        let second = shown(&two[index], marked);
        answered += usize::from(!one[index].failed && !two[index].failed);
        if first != second && !one[index].is_late && !two[index].is_late {
            leaks.push(format!("{sql}\n  one: {first:?}\n  two: {second:?}\n"));
        }
    }
    (leaks, answered)
}

/// Whether a query passes, and which of its columns are marked.
enum Passes {
    Freely(Vec<bool>),
    WithFilter(Vec<bool>),
    Not,
}

fn passes(catalog: &Catalog, sql: &str) -> Passes {
    let Ok(statements) = analyze(catalog, sql) else { return Passes::Not };
    let Some(statement) = statements.first() else { return Passes::Not };
    let marked = match &statement.output {
        Output::Columns(columns) => {
            columns.iter().map(|column| !column.sources.is_empty()).collect()
        }
        Output::None | Output::Structure | Output::Clean => Vec::new(),
        Output::Open | Output::Unproven => return Passes::Not,
    };
    let needs = &statement.command.needs;
    let is_only = |actions: &[Action]| needs.iter().all(|need| actions.contains(&need.action));
    if statement.command.unknown.is_some() {
        Passes::Not
    } else if is_only(&[Action::Read]) {
        Passes::Freely(marked)
    } else if is_only(&[Action::Read, Action::Filter]) {
        Passes::WithFilter(marked)
    } else {
        Passes::Not
    }
}

#[derive(Default, Debug)]
struct Answer {
    failed: bool,
    /// It took too long; how long depends on the machine.
    is_late: bool,
    rows: Vec<Vec<String>>,
}

fn answers(server: &Server, database: &str, queries: &[(String, Vec<bool>)]) -> Vec<Answer> {
    let mut script = String::from(
        "\\pset null <null>\n\\pset fieldsep '\x01'\n\\pset recordsep '\x02'\n\
         SET statement_timeout = 300; SET jit = off;\n",
    );
    for (sql, _) in queries {
        writeln!(script, "SELECT '#', q.* FROM ({sql}) q;\n\\echo :SQLSTATE'\x03'").unwrap();
    }
    let printed = server.psql(database, &script);
    let mut found: Vec<Answer> = Vec::new();
    for part in printed.split_terminator("\x03\n") {
        let (body, state) = part.split_at(part.len() - 5);
        let failed = state != "00000";
        let rows = body
            .trim_end_matches('\n')
            .split('\x02')
            .filter(|row| !row.is_empty())
            // The first cell is there so that a row is never empty.
            .map(|row| row.split('\x01').skip(1).map(str::to_owned).collect())
            .collect();
        found.push(Answer { failed, is_late: state == "57014", rows });
    }
    assert_eq!(found.len(), queries.len());
    found
}

/// What the client sees of an answer: marked cells only as NULL or not. Order is left out.
fn shown(answer: &Answer, marked: &[bool]) -> (bool, Vec<Vec<String>>) {
    let mut rows: Vec<Vec<String>> = answer
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(index, cell)| {
                let is_marked = marked.get(index).copied().unwrap_or(false);
                if is_marked && cell != "<null>" { "*".to_owned() } else { cell.clone() }
            });
            cells.collect()
        })
        .collect();
    rows.sort();
    (answer.failed, rows)
}

/// The same rows twice, with other classified values.
fn rows(which: usize) -> String {
    let values = [
        ["Anna", "anna@a.de", "0170", "123", "1990-01-01", "DE1"],
        ["zoë 7", "9@longer.example.org", "+49 170 99", "9x-45-6789", "1971-12-31", "GB00 X"],
    ];
    let others = [
        ["Bob", "bob@b.de", "0171", "45", "2001-05-05", "DE2"],
        ["Q", "Q%_@q", "1", "-7", "1955-02-03", "a"],
    ];
    let mut sql = String::new();
    let quoted = |text: &str| format!("'{text}'");
    let line = |values: &[&str; 6]| {
        values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")
    };
    for (id, values, notes) in [
        (1, &values[which], "'n'"),
        (2, &others[which], "NULL"),
        (3, &values[which], "'x@y'"),
        (4, &others[which], "'bob@b.de'"),
    ] {
        writeln!(sql, "INSERT INTO customers VALUES ({id}, {}, {notes}, 'DE');", line(values))
            .unwrap();
    }
    sql.push_str("INSERT INTO customers (id, country) VALUES (5, 'FR');\n");
    for id in 1..6 {
        writeln!(
            sql,
            "INSERT INTO orders VALUES ({id}, {}, {id}.5, 'new');\n\
             INSERT INTO products VALUES ({id}, 'p{id}', {id}, '{{a,b}}', '{{\"a\": {id}}}');",
            (id * 3) % 5
        )
        .unwrap();
    }
    let mail = values[which][1];
    writeln!(
        sql,
        "INSERT INTO contacts (id, email, history, label) VALUES (1, '{mail}', '{{}}', 'l');\n\
         INSERT INTO people VALUES ('p', '{mail}');\nINSERT INTO employees VALUES ('e', '{mail}', 5);\n\
         INSERT INTO events VALUES (1, '{mail}', '2024-05-05');\nREFRESH MATERIALIZED VIEW m_customers;\n\
         INSERT INTO accounts (id, iban) VALUES (1, '{mail}');"
    )
    .unwrap();
    sql
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
}

#[derive(Clone)]
struct Query {
    sql: String,
    columns: Vec<(String, Kind)>,
}

#[derive(Clone)]
struct Source {
    alias: String,
    columns: Vec<(String, Kind)>,
}

/// Makes queries that mostly make sense.
struct Maker {
    state: u64,
    names: usize,
}

impl Maker {
    fn below(&mut self, bound: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    fn query(&mut self, depth: usize) -> Query {
        self.query_in(depth, &[])
    }

    fn query_in(&mut self, depth: usize, outer: &[Source]) -> Query {
        match self.below(if depth == 0 { 4 } else { 9 }) {
            6 => {
                let inner = self.query_in(depth - 1, outer);
                let name = self.name("w");
                let word = self.pick(&["", "", "MATERIALIZED", "NOT MATERIALIZED"]);
                let source = Source { alias: name.clone(), columns: inner.columns.clone() };
                let rest = self.select(depth - 1, outer, vec![(name.clone(), source)]);
                let sql = format!("WITH {name} AS {word} ({}) {}", inner.sql, rest.sql);
                Query { sql, columns: rest.columns }
            }
            7 => {
                let one = self.select(depth - 1, outer, Vec::new());
                let list: Vec<String> =
                    one.columns.iter().map(|(_, kind)| self.expression(*kind, 0, outer)).collect();
                let operation = self.pick(&["UNION ALL", "UNION ALL", "UNION", "EXCEPT"]);
                let sql = format!("({}) {operation} SELECT {}", one.sql, list.join(", "));
                Query { sql, columns: one.columns }
            }
            _ => self.select(depth, outer, Vec::new()),
        }
    }

    fn select(&mut self, depth: usize, outer: &[Source], given: Vec<(String, Source)>) -> Query {
        let (from, sources) = self.from(depth, outer, given);
        let mut scope = sources.clone();
        scope.extend(outer.iter().cloned());
        let groups = self.below(5) == 0;
        let mut list = Vec::new();
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        for _ in 0..=self.below(3) {
            let kind = if self.below(3) == 0 { Kind::Number } else { Kind::Text };
            let name = self.name("k");
            let value = if groups && self.below(2) == 0 {
                self.aggregate(kind, depth, &scope)
            } else {
                let value = self.expression(kind, depth, &scope);
                keys.push(value.clone());
                value
            };
            list.push(format!("{value} AS {name}"));
            columns.push((name, kind));
        }
        let mut sql = format!(
            "SELECT {}{} FROM {from}",
            self.pick(&["", "", "", "DISTINCT "]),
            list.join(", ")
        );
        if self.below(2) == 0 {
            let condition = self.condition(depth, &scope);
            write!(sql, " WHERE {condition}").unwrap();
        }
        if groups && !keys.is_empty() {
            write!(sql, " GROUP BY {}", keys.join(", ")).unwrap();
        }
        if self.below(6) == 0 {
            write!(sql, " ORDER BY {}", self.below(columns.len()) + 1).unwrap();
        }
        Query { sql, columns }
    }

    fn from(
        &mut self,
        depth: usize,
        outer: &[Source],
        given: Vec<(String, Source)>,
    ) -> (String, Vec<Source>) {
        let mut sources: Vec<Source> = Vec::new();
        let mut text = String::new();
        for (name, mut source) in given {
            let alias = self.name("t");
            source.alias.clone_from(&alias);
            write!(text, "{name} {alias}").unwrap();
            sources.push(source);
        }
        let count = if text.is_empty() { 1 + self.below(2) } else { self.below(2) };
        for _ in 0..count {
            let mut visible = sources.clone();
            visible.extend(outer.iter().cloned());
            let (item, source) = self.item(depth, &visible);
            if text.is_empty() {
                text = item;
            } else {
                let mut both = sources.clone();
                both.push(source.clone());
                match self.below(7) {
                    0 => write!(text, " CROSS JOIN {item}").unwrap(),
                    3 => write!(text, " JOIN {item} USING (id)").unwrap(),
                    4 => write!(text, " NATURAL JOIN {item}").unwrap(),
                    1 => {
                        let on = self.condition(0, &both);
                        write!(text, " LEFT JOIN {item} ON {on}").unwrap();
                    }
                    2 => {
                        let on = self.condition(0, &both);
                        write!(text, " JOIN {item} ON {on}").unwrap();
                    }
                    _ => write!(text, ", {item}").unwrap(),
                }
            }
            sources.push(source);
        }
        (text, sources)
    }

    fn item(&mut self, depth: usize, visible: &[Source]) -> (String, Source) {
        use Kind::{Number, Text};
        let alias = self.name("t");
        let tables: &[(&str, &[(&str, Kind)])] = &[
            (
                "customers",
                &[
                    ("id", Number),
                    ("full_name", Text),
                    ("email", Text),
                    ("phone", Text),
                    ("ssn", Text),
                    ("notes", Text),
                    ("country", Text),
                ],
            ),
            ("customers", &[("id", Number), ("email", Text), ("notes", Text)]),
            ("orders", &[("id", Number), ("customer_id", Number)]),
            ("products", &[("id", Number), ("name", Text)]),
            ("contacts", &[("id", Number), ("email", Text), ("label", Text)]),
            ("v_customers", &[("id", Number), ("email", Text), ("country", Text)]),
            ("v_mail", &[("id", Number), ("mail", Text), ("phone", Text)]),
            ("v_nested", &[("id", Number), ("address", Text)]),
            ("m_customers", &[("id", Number), ("email", Text)]),
            ("employees", &[("tax_id", Text), ("name", Text), ("salary", Number)]),
            ("accounts", &[("id", Number), ("iban", Text), ("iban_upper", Text)]),
            ("events", &[("id", Number), ("customer_email", Text)]),
        ];
        match self.below(if depth == 0 { 6 } else { 11 }) {
            7 => {
                let inner = self.query_in(depth - 1, &[]);
                (format!("({}) {alias}", inner.sql), Source { alias, columns: inner.columns })
            }
            8 => {
                let inner = self.query_in(depth - 1, visible);
                (
                    format!("LATERAL ({}) {alias}", inner.sql),
                    Source { alias, columns: inner.columns },
                )
            }
            9 => {
                let inner = self.query_in(depth - 1, &[]);
                let columns: Vec<(String, Kind)> =
                    inner.columns.iter().map(|(_, kind)| (self.name("r"), *kind)).collect();
                let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
                let text = format!("({}) {alias} ({})", inner.sql, names.join(", "));
                (text, Source { alias, columns })
            }
            10 => {
                let value = self.expression(Number, 0, visible);
                let text = format!("generate_series(1, {value}) {alias}");
                (text, Source { columns: vec![(alias.clone(), Number)], alias })
            }
            _ => {
                let (table, columns) = tables[self.below(tables.len())];
                let columns =
                    columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
                (format!("{table} {alias}"), Source { alias, columns })
            }
        }
    }

    fn aggregate(&mut self, kind: Kind, depth: usize, scope: &[Source]) -> String {
        let inner = self.expression(Kind::Text, depth.saturating_sub(1), scope);
        match kind {
            Kind::Text => {
                let form = self.pick(&[
                    "min(X)",
                    "string_agg(X, ',')",
                    "array_agg(X)::text",
                    "json_agg(X)::text",
                    "any_value(X)",
                    "(array_agg(X))[1]",
                    "mode() WITHIN GROUP (ORDER BY X)",
                ]);
                form.replace('X', &inner)
            }
            Kind::Number => {
                let form = self.pick(&[
                    "count(*)",
                    "count(X)",
                    "count(DISTINCT X)",
                    "sum(length(X))",
                    "count(*) FILTER (WHERE X = 'a')",
                    "max(length(X))",
                    "cardinality(array_agg(X))",
                ]);
                form.replace('X', &inner)
            }
        }
    }

    fn column(&mut self, kind: Kind, scope: &[Source]) -> Option<String> {
        let all: Vec<(String, String)> = scope
            .iter()
            .flat_map(|source| source.columns.iter().map(move |column| (source, column)))
            .filter(|(_, (_, own))| *own == kind)
            .map(|(source, (name, _))| (source.alias.clone(), name.clone()))
            .collect();
        if all.is_empty() {
            return None;
        }
        let (alias, name) = all[self.below(all.len())].clone();
        Some(match self.below(9) {
            6 if kind == Kind::Text => format!("{alias}::text"),
            7 if kind == Kind::Text => format!("row({alias}.*)::text"),
            8 if kind == Kind::Text => format!("to_jsonb({alias})::text"),
            8 => format!("({alias} IS NULL)::int"),
            0 => format!("({alias}).{name}"),
            1 => format!("{name}({alias})"),
            2 => format!(
                "(row_to_json({alias}) ->> '{name}'){}",
                if kind == Kind::Number { "::int" } else { "" }
            ),
            _ => format!("{alias}.{name}"),
        })
    }

    fn expression(&mut self, kind: Kind, depth: usize, scope: &[Source]) -> String {
        if depth == 0 || self.below(3) == 0 {
            if let Some(column) = self.column(kind, scope) {
                return column;
            }
            return match kind {
                Kind::Text => self.pick(&["'k'", "'x@y'", "''", "NULL::text"]).to_owned(),
                Kind::Number => self.pick(&["1", "2", "0", "-3"]).to_owned(),
            };
        }
        let depth = depth - 1;
        let text = self.expression(Kind::Text, depth, scope);
        let number = self.expression(Kind::Number, depth, scope);
        if self.below(8) == 0 {
            let inner = self.query_in(depth, scope);
            if let [(_, own)] = inner.columns.as_slice()
                && *own == kind
            {
                return format!("({} LIMIT 1)", inner.sql);
            }
            if kind == Kind::Number {
                return format!("(EXISTS ({}))::int", inner.sql);
            }
            return format!("ARRAY(SELECT q FROM ({}) q)::text", inner.sql);
        }
        let form = match kind {
            Kind::Text => self.pick(TEXTS),
            Kind::Number => self.pick(NUMBERS),
        };
        let other = self.expression(Kind::Text, depth, scope);
        let more = self.expression(Kind::Number, depth, scope);
        let condition =
            if form.contains('C') { self.condition(depth, scope) } else { String::new() };
        fill(form, &[('T', &text), ('U', &other), ('N', &number), ('M', &more), ('C', &condition)])
    }

    fn condition(&mut self, depth: usize, scope: &[Source]) -> String {
        let text = self.expression(Kind::Text, depth.saturating_sub(1), scope);
        let number = self.expression(Kind::Number, depth.saturating_sub(1), scope);
        let other = self.expression(Kind::Text, 0, scope);
        let more = self.expression(Kind::Number, 0, scope);
        if depth > 0 && self.below(6) == 0 {
            let inner = self.query_in(depth - 1, scope);
            return match inner.columns.as_slice() {
                [(_, Kind::Number)] => format!("({number} IN ({}))", inner.sql),
                [(_, Kind::Text)] => format!("({text} = ANY ({}))", inner.sql),
                _ => format!("EXISTS ({})", inner.sql),
            };
        }
        let form = self.pick(&[
            "T = 'k'",
            "T IN ('k', 'l')",
            "T = ANY (ARRAY['k'])",
            "T IS NULL",
            "T IS NOT NULL",
            "N > M",
            "N = M",
            "N > 1",
            "T LIKE 'a%'",
            "T < U",
            "T = U",
            "T IS DISTINCT FROM 'k'",
            "T BETWEEN 'a' AND 'm'",
            "(T, N) = ('k', 1)",
            "NOT (T = 'k')",
            "T = 'k' OR N = 2",
            "T IS NULL AND N < 4",
            "T ~ '^a'",
            "(T = 'k') IS NOT TRUE",
            "length(T) = 9",
            "lower(T) = 'k'",
            "T = 'k' AND T IS NULL",
            "N <> 2",
            "T::text = 'k'",
            "'k' = T",
            "T <> 'k'",
            "T = lower('K')",
            "coalesce(T, 'q') = 'q'",
        ]);
        let text = fill(form, &[('T', &text), ('U', &other), ('N', &number), ('M', &more)]);
        format!("({text})")
    }
}

/// Puts values in place of single capital letters that stand alone.
fn fill(form: &str, values: &[(char, &String)]) -> String {
    let letters: Vec<char> = form.chars().collect();
    let mut text = String::new();
    let mut quoted = false;
    for (index, letter) in letters.iter().enumerate() {
        quoted ^= *letter == '\'' || *letter == '"';
        let alone = |at: Option<&char>| at.is_none_or(|c| !c.is_ascii_alphanumeric());
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let value = values.iter().find(|(name, _)| name == letter);
        match value {
            Some((_, value)) if !quoted && alone(before) && alone(letters.get(index + 1)) => {
                text.push('(');
                text.push_str(value);
                text.push(')');
            }
            _ => text.push(*letter),
        }
    }
    text
}

/// `T` and `U` stand for texts, `N` and `M` for numbers, `C` for a condition.
const TEXTS: &[&str] = &[
    "lower(T)",
    "md5(T)",
    "left(T, 2)",
    "right(T, N)",
    "substr(T, 2, 3)",
    "substr(T, N)",
    "split_part(T, '@', 1)",
    "replace(T, 'a', U)",
    "concat(T, U)",
    "T || U",
    "coalesce(T, U)",
    "CASE WHEN C THEN T ELSE U END",
    "CASE WHEN C THEN T END",
    "nullif(T, U)",
    "greatest(T, U)",
    "format('%s-%s', T, U)",
    "format(T, U)",
    "format('%*s', N, T)",
    "N::text",
    "T::varchar(2)",
    "translate(T, 'an', 'xy')",
    "lpad(T, 9, U)",
    "btrim(T)",
    "initcap(T)",
    "quote_literal(T)",
    "overlay(T placing 'x' from 2)",
    "substring(T from '^a.*')",
    "substring(T from 2 for 3)",
    "substring(T, U)",
    "regexp_replace(T, '[a-m]', 'x')",
    "to_json(T)::text",
    "T COLLATE \"C\"",
    "row(T, N)::text",
    "(row(T, N)).f1",
    "json_build_object('k', T) ->> 'k'",
    "chr(65 + N)",
    "(ARRAY[T, U])[2]",
    "(string_to_array(T, '@'))[2]",
    "encode(sha256(T::bytea), 'hex')",
    "array_to_string(ARRAY[T, U], ',')",
    "jsonb_build_array(T, U) ->> 1",
    "(T::int)::text",
    "lag(T) OVER ()",
    "first_value(T) OVER (ORDER BY N)",
    "min(T) OVER (PARTITION BY U)",
    "concat_ws(T, U, 'z')",
    "to_jsonb(T) #>> '{}'",
    "json_strip_nulls(to_json(T))::text",
    "pg_typeof(T)::text",
    "quote_ident(T)",
    "repeat(T, 2)",
    "unistr(T)",
    "T::date::text",
    "(regexp_match(T, '(.)@'))[1]",
    "ascii(T)::text",
    "any_value(T) OVER ()",
];

const NUMBERS: &[&str] = &[
    "length(T)",
    "N + M",
    "ascii(T)",
    "position('@' in T)",
    "CASE WHEN C THEN N ELSE M END",
    "N % 3",
    "coalesce(N, 1)",
    "num_nulls(T, U)",
    "(T = U)::int",
    "(T IS NULL)::int",
    "octet_length(T)",
    "cardinality(string_to_array(T, '@'))",
    "T::int",
    "hashtext(T)",
    "strpos(T, U)",
    "rank() OVER (ORDER BY T)",
    "count(T) OVER ()",
    "array_length(ARRAY[T], 1)",
    "count(T) OVER (PARTITION BY N)",
    "row_number() OVER (PARTITION BY T)",
    "abs(N)",
    "pg_column_size(T)",
    "(T > U)::int",
    "(C)::int",
    "grouping(T)",
];
