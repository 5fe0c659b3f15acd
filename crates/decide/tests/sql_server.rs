//! A real PostgreSQL agrees: every query of the corpus that it accepts has as many columns, with
//! the same names, as `analyze` says. Starts a private server if its programs are installed.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Output, analyze};
use sql_shop::server::Server;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn the_server_returns_the_columns_that_were_announced() {
    let server = Server::start();
    let schema = std::fs::read_to_string(sql_shop::corpus("sql").join("schema.sql")).unwrap();
    server.psql("postgres", &schema);
    check_schema(&server);

    let queries = queries();
    let catalog = sql_shop::catalog();
    let described = describe(&server, &queries);
    let (mut compared, mut wrong) = (0, String::new());
    for (index, sql) in queries.iter().enumerate() {
        let Some(server_names) = described.get(&index) else { continue };
        let Ok(statements) = analyze(&catalog, sql) else {
            writeln!(wrong, "only the server reads: {sql}").unwrap();
            continue;
        };
        let names = match &statements[0].output {
            Output::Columns(columns) => {
                columns.iter().map(|column| column.name.clone().unwrap()).collect()
            }
            Output::None => Vec::new(),
            Output::Structure | Output::Clean | Output::Open | Output::Unproven => continue,
        };
        compared += 1;
        if names != *server_names {
            writeln!(wrong, "{sql}\n  server:   {server_names:?}\n  analysis: {names:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared >= 150, "only {compared} compared");
}

/// The catalog of the tests has what the server has.
fn check_schema(server: &Server) {
    for (schema, name, kind, columns, ..) in sql_shop::RELATIONS {
        if *kind == 'S' {
            continue;
        }
        let found = server.psql(
            "postgres",
            &format!(
                "SELECT attname FROM pg_attribute WHERE attrelid = '{schema}.{name}'::regclass \
             AND attnum > 0 ORDER BY attnum;"
            ),
        );
        let own: Vec<&str> =
            columns.iter().map(|column| column.split([':', '=']).next().unwrap()).collect();
        assert_eq!(found.lines().collect::<Vec<_>>(), own, "{schema}.{name}");
    }
}

/// Single queries of all cases.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for (folder, extension) in [("sql", "test"), ("bypass", "sql")] {
        for entry in std::fs::read_dir(sql_shop::corpus(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == extension) && !is_schema(&path) {
                let text = std::fs::read_to_string(&path).unwrap();
                queries.extend(texts(&text, folder));
            }
        }
    }
    queries.retain(|sql| {
        let word = sql.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
        let verb = word.unwrap_or_default().to_ascii_uppercase();
        let verbs = ["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE"];
        verbs.contains(&verb.as_str()) && !sql.contains(';') && !sql.contains('\\')
    });
    queries
}

fn is_schema(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "schema.sql")
}

fn texts(text: &str, folder: &str) -> Vec<String> {
    if folder == "sql" {
        return sql_shop::cases(text).into_iter().map(|case| case.sql).collect();
    }
    text.split("-- case: ")
        .skip(1)
        .map(|case| {
            let lines = case.lines().skip(2).filter(|line| !line.starts_with("-- escaped"));
            lines.collect::<Vec<_>>().join("\n").trim().to_owned()
        })
        .collect()
}

/// The column names of each query that the server accepts. Nothing is run.
fn describe(server: &Server, queries: &[String]) -> HashMap<usize, Vec<String>> {
    let mut script = String::new();
    for (index, sql) in queries.iter().enumerate() {
        let sql = sql.trim_end_matches(';');
        // \gdesc prepares and describes; a failed query prints nothing but its number.
        writeln!(script, "\\echo case {index}\n{sql} \\gdesc\n\\echo done :ERROR").unwrap();
    }
    let printed = server.psql("postgres", &script);
    let mut found = HashMap::new();
    let mut current: Option<(usize, Vec<String>)> = None;
    for line in printed.lines() {
        if let Some(index) = line.strip_prefix("case ") {
            current = Some((index.parse().unwrap(), Vec::new()));
        } else if let Some(failed) = line.strip_prefix("done ") {
            if let (Some((index, names)), "false") = (current.take(), failed) {
                found.insert(index, names);
            }
        } else if let Some((_, names)) = &mut current
            && let Some((name, _)) = line.rsplit_once('|')
        {
            names.push(name.to_owned());
        }
    }
    found
}
