//! A real PostgreSQL agrees: every query of the corpus that it accepts has as many columns, with
//! the same names, as `analyze` says. Starts a private server if its programs are installed.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Output, analyze};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server in a folder of its own; it ends with the test.
struct Server {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<&'static str>,
}

impl Server {
    /// None if PostgreSQL is not installed here.
    fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("sql-server-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // PostgreSQL refuses to run as root.
        let user = is_root().then_some("postgres");
        if let Some(user) = user {
            let owner = Command::new("chown").arg(user).arg(&folder).status().unwrap();
            if !owner.success() {
                return None;
            }
        }
        let server = Self { folder, programs, user };
        let data = server.folder.join("data");
        let initdb = server.programs.join("initdb");
        let data = data.to_str().unwrap();
        server.run(&[
            initdb.to_str().unwrap(), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
            "--locale=C", "--no-sync",
        ]);
        let options = format!("-k {} -c listen_addresses= -c fsync=off", server.folder.display());
        let control = server.programs.join("pg_ctl");
        let log = server.folder.join("log");
        server.run(&[
            control.to_str().unwrap(), "-D", data, "-w", "-o", &options, "-l",
            log.to_str().unwrap(), "start",
        ]);
        Some(server)
    }

    fn run(&self, words: &[&str]) {
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).args(words);
                command
            }
            None => {
                let mut command = Command::new(words[0]);
                command.args(&words[1..]);
                command
            }
        };
        let status = command.current_dir(&self.folder).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    /// What `psql` prints for a script.
    fn psql(&self, script: &str) -> String {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-U", "postgres", "-d", "postgres", "-h"])
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || input.write_all(script.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let control = self.programs.join("pg_ctl");
        let data = self.folder.join("data");
        self.run(&[
            control.to_str().unwrap(), "-D", data.to_str().unwrap(), "-m", "immediate", "stop",
        ]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

#[test]
fn the_server_returns_the_columns_that_were_announced() {
    let Some(server) = Server::start() else { return };
    let schema = std::fs::read_to_string(sql_shop::corpus("sql").join("schema.sql")).unwrap();
    server.psql(&schema);
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
            Output::Clean | Output::Unproven => continue,
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
        let found = server.psql(&format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = '{schema}.{name}'::regclass \
             AND attnum > 0 ORDER BY attnum;"
        ));
        let own: Vec<&str> = columns
            .iter()
            .map(|column| column.split([':', '=']).next().unwrap())
            .collect();
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
    let printed = server.psql(&script);
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
