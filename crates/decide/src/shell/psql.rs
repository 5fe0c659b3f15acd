//! `psql`: the SQL that it is called with is read by PostgreSQL's own grammar, so that what is
//! asked about is tables. There is no catalog of the database here, so little of SQL is read, and
//! all else stays what it is: a program of which nobody knows what it does.

use super::host;
use super::parse::Unreadable;
use super::reader::Reader;
use super::syntax::Word;
use super::value::Value;
use crate::sql::postgres::{Named, named};
use portreeve_model::{Action, Change, Object, ObjectKind};

impl Reader<'_> {
    /// `psql -X DATABASE -c SQL`, or with SQL in a here-document.
    pub(super) fn psql(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let read = self.psql_call(words).and_then(|mut call| {
            let found = call.statements(self.here.as_deref())?;
            Ok((call, found))
        });
        match read {
            Ok((call, found)) => self.psql_does(call, found),
            Err(why) => {
                self.unknown("psql");
                self.why.get_or_insert(Unreadable(format!("of `psql`: {why}")));
                Ok(())
            }
        }
    }

    fn psql_call(&self, words: &[Word]) -> Result<Call, String> {
        let one = |word: &Word| match self.value(word) {
            Value::Texts(texts) if texts.len() == 1 => Ok(texts.concat()),
            _ => Err("what it is called with is not known beforehand".to_owned()),
        };
        let texts = words.iter().skip(1).map(one).collect::<Result<Vec<_>, _>>()?;
        Call::read(texts)
    }

    fn psql_does(&mut self, call: Call, statements: Vec<Named>) -> Result<(), Unreadable> {
        self.known("psql");
        if call.describes {
            let path = vec!["pg_catalog".to_owned()];
            self.need(Action::Read, Object { kind: ObjectKind::SCHEMA, path });
        }
        for name in call.hosts {
            match name.starts_with('/') {
                true => self.files(Action::Read, &Value::Texts(vec![name]))?,
                false => self.need(Action::Write, host(&name)),
            }
        }
        if let Some(file) = call.output {
            self.note_change(Change::Change);
            self.files(Action::Write, &Value::Texts(vec![file]))?;
            self.stores("psql");
        }
        for statement in statements {
            self.shaped(format!("{} {}", statement.verb, statement.fingerprint));
            for need in statement.needs {
                self.need(need.action, need.object);
            }
            if let Some(bounded) = statement.bounded {
                self.writes_rows(bounded);
            }
            if let Some(change) = statement.change {
                self.note_change(change);
            }
        }
        Ok(())
    }
}

/// What `psql` is called with.
#[derive(Default)]
struct Call {
    /// Of each `-c`.
    commands: Vec<String>,
    /// Machines, or folders of sockets.
    hosts: Vec<String>,
    /// The file that it writes what it shows into.
    output: Option<String>,
    /// Whether something of its own shows what there is.
    describes: bool,
}

impl Call {
    fn read(texts: Vec<String>) -> Result<Self, String> {
        let (mut call, mut operands, mut is_bare) = (Self::default(), Vec::new(), false);
        let mut rest = texts.into_iter();
        while let Some(text) = rest.next() {
            let not_read = || format!("the option `{text}` is not read");
            if text == "--" {
                operands.extend(rest.by_ref());
            } else if let Some(long) = text.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                if LONG_ALONE.contains(&name) && value.is_none() {
                    is_bare |= name == "no-psqlrc";
                    continue;
                }
                let found = LONG_TAKING.iter().find(|(long, _)| *long == name);
                let (_, letter) = found.ok_or_else(not_read)?;
                let value = value.or_else(|| rest.next()).ok_or_else(not_read)?;
                call.takes(*letter, value)?;
            } else if text.len() > 1 && text.starts_with('-') {
                for (at, letter) in text.char_indices().skip(1) {
                    if ALONE.contains(letter) {
                        is_bare |= letter == 'X';
                        continue;
                    }
                    let behind = text.get(at + letter.len_utf8()..).unwrap_or_default();
                    let value = match behind.is_empty() {
                        true => rest.next().ok_or_else(not_read)?,
                        false => behind.to_owned(),
                    };
                    call.takes(letter, value)?;
                    break;
                }
            } else {
                operands.push(text);
            }
        }
        let mut operands = operands.into_iter();
        if let Some(database) = operands.next() {
            call.takes('d', database)?;
        }
        if let Some(user) = operands.next() {
            call.takes('U', user)?;
        }
        match (operands.next(), is_bare) {
            (Some(more), _) => Err(format!("`{more}` is no operand of it")),
            (None, false) => {
                Err("it runs what is in `~/.psqlrc`: leave that out with `-X`".to_owned())
            }
            (None, true) => Ok(call),
        }
    }

    fn takes(&mut self, letter: char, value: String) -> Result<(), String> {
        let is_read = match letter {
            'c' => {
                self.commands.push(value);
                return Ok(());
            }
            'o' if !value.is_empty() && !value.starts_with(['|', '-']) => {
                self.output = Some(value);
                return Ok(());
            }
            'h' => return self.asks(value),
            'd' => match value.split_once("://") {
                Some(("postgres" | "postgresql", rest)) => return self.asks_by_address(rest),
                _ => is_plain(&value),
            },
            'U' | 'p' => is_plain(&value),
            'F' => SEPARATORS.contains(&value.as_str()),
            'P' => LOOKS.contains(&value.as_str()),
            'v' => SETTINGS.contains(&value.as_str()),
            _ => false,
        };
        match is_read {
            true => Ok(()),
            false => Err(format!("the option `-{letter} {value}` is not read")),
        }
    }

    fn asks(&mut self, name: String) -> Result<(), String> {
        let is_folder = name.starts_with('/') && !name.contains(',');
        if !is_folder && !is_plain(&name) {
            return Err(format!("`{name}` is not one machine"));
        }
        self.hosts.push(name);
        Ok(())
    }

    /// Behind `postgresql://`, without options: those could name files, and change what is meant.
    fn asks_by_address(&mut self, rest: &str) -> Result<(), String> {
        let (authority, database) = rest.split_once('/').unwrap_or((rest, "_"));
        let (who, place) = authority.rsplit_once('@').unwrap_or(("_", authority));
        let (name, port) = place.split_once(':').unwrap_or((place, "_"));
        let is_known = |text: &str| text.split(':').all(is_plain);
        match is_known(who) && is_plain(port) && is_plain(database) {
            true => self.asks(name.to_owned()),
            false => Err("only `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` is read".to_owned()),
        }
    }

    /// What its commands do, or a script that stands in the line itself.
    fn statements(&mut self, here: Option<&str>) -> Result<Vec<Named>, String> {
        let mut found = Vec::new();
        for command in &self.commands {
            match command.starts_with('\\') {
                true if describes(command) => self.describes = true,
                true => return Err(format!("`{command}` is not read")),
                // It goes to the database as it stands.
                false => found.extend(named(command)?),
            }
        }
        if self.commands.is_empty() {
            let script = here.ok_or("what it reads as its script is not known beforehand")?;
            if script.replace("::", "").contains(':') {
                return Err("`:` in a script may stand for a variable: use `-c`".to_owned());
            }
            found = named(script)?;
        }
        let needs = found.iter().flat_map(|statement| &statement.needs);
        for need in needs.filter(|need| need.object.kind == ObjectKind::TABLE) {
            if let [schema, table] = need.object.path.as_slice()
                && is_the_systems(schema)
                && !STRUCTURE.contains(&table.as_str())
            {
                return Err(format!(
                    "`{schema}.{table}` may hold passwords, settings or samples of what is in \
                     tables"
                ));
            }
        }
        Ok(found)
    }
}

/// Whether only PostgreSQL itself puts things into this schema.
fn is_the_systems(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema") || schema.starts_with("pg_toast")
}

/// A name in which nothing is looked for.
fn is_plain(text: &str) -> bool {
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    !text.is_empty() && text.chars().all(is_known)
}

/// Whether a command of its own shows what there is. What stands between backquotes in its words
/// would run.
fn describes(command: &str) -> bool {
    let mut words = command.split(' ').filter(|word| !word.is_empty());
    let is_known = words.next().is_some_and(|word| DESCRIBES.contains(&word));
    is_known && words.all(is_plain)
}

/// Options that change nothing but looks, or say who asks.
const ALONE: &str = "AtqxXwn1";
const LONG_ALONE: [&str; 9] = [
    "no-align",
    "tuples-only",
    "quiet",
    "expanded",
    "no-psqlrc",
    "no-password",
    "no-readline",
    "single-transaction",
    "csv",
];
/// Those with an argument, and the letters that mean the same.
const LONG_TAKING: [(&str, char); 10] = [
    ("command", 'c'),
    ("dbname", 'd'),
    ("host", 'h'),
    ("port", 'p'),
    ("username", 'U'),
    ("field-separator", 'F'),
    ("set", 'v'),
    ("variable", 'v'),
    ("pset", 'P'),
    ("output", 'o'),
];
/// What stands between fields so that each is seen whole.
const SEPARATORS: [&str; 6] = [",", ";", "|", "\t", " ", " | "];
/// Settings of how rows are shown that show values whole.
const LOOKS: [&str; 9] = [
    "pager",
    "pager=off",
    "footer=off",
    "footer",
    "tuples_only",
    "tuples_only=on",
    "format=aligned",
    "format=unaligned",
    "format=csv",
];
/// Catalogs that hold structure, counts and sizes, and nothing of what is in tables. There is no
/// catalog of this database here by which single columns could be closed, so that those with
/// settings, code or queries are not among them.
const STRUCTURE: [&str; 28] = [
    "columns",
    "key_column_usage",
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_database",
    "pg_depend",
    "pg_extension",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_locks",
    "pg_matviews",
    "pg_namespace",
    "pg_sequences",
    "pg_stat_all_indexes",
    "pg_stat_all_tables",
    "pg_stat_database",
    "pg_stat_user_indexes",
    "pg_stat_user_tables",
    "pg_statio_all_tables",
    "pg_statio_user_tables",
    "pg_tables",
    "pg_type",
    "pg_views",
    "schemata",
    "table_constraints",
    "tables",
];
const SETTINGS: [&str; 4] =
    ["ON_ERROR_STOP=1", "ON_ERROR_STOP=on", "ON_ERROR_STOP=0", "ON_ERROR_STOP=off"];
/// Commands of its own that show what there is.
const DESCRIBES: [&str; 10] =
    ["\\d", "\\dt", "\\dv", "\\dm", "\\di", "\\ds", "\\dn", "\\du", "\\l", "\\conninfo"];
