//! Reading the target's catalog: relations, columns, views, functions. Structure only; no
//! table is read.

use super::answers::{group, number, rows, text};
use super::inside::{self, Inside};
use super::rules::ColumnRules;
use super::said::Said;
use super::types::{MADE_TYPES, column_types, made_types};
use super::versions::{moment, read_all, read_rests};
use super::views::{self, Completeness};
use portreeve_decide::sql::postgres::questions::{self, Answers, Row};
use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, FunctionInput, RelationInput, RelationKind, Volatility,
    postgres::Remembered,
};
use portreeve_model::Category;
use portreeve_sql::{CatalogRead, CatalogSnapshot, CatalogSource, SessionSettings, Versions};
use portreeve_transport::{DialError, Dialer, PreAuth};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Reads the catalog of one target.
pub(crate) struct CatalogReader {
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) resource: String,
    pub(crate) rules: Arc<dyn ColumnRules>,
    /// Digests of definitions by signatures: the functions that the operator says are harmless.
    pub(crate) harmless: BTreeMap<String, String>,
    pub(crate) last: Mutex<LastRead>,
}

/// What came of the last time.
#[derive(Debug, Default)]
pub(crate) struct LastRead {
    /// What materialized views have been made of, as long as this gateway has known them:
    /// until they are filled again, their rows may still be those.
    materialized: Vec<Remembered>,
    /// What the configuration names that the target does not have.
    pub(crate) unmatched: Vec<String>,
    /// Somebody was changing what views rest on, so that some could not be read.
    pub(crate) is_partial: bool,
    /// It could not be read.
    pub(crate) is_unreadable: bool,
}

/// So often it is read where definitions change meanwhile: then clients get the false alarms.
const READS_MAX: u32 = 4;
/// A hundred thousand tables take a target about ten seconds.
const READING_TIME_MAX: Duration = Duration::from_secs(120);

impl CatalogSource for CatalogReader {
    type Error = DialError;

    async fn read(&self) -> Result<CatalogRead, DialError> {
        let read = self.read_all().await;
        self.last().is_unreadable = read.is_err();
        read
    }
}

impl CatalogReader {
    pub(crate) fn last(&self) -> MutexGuard<'_, LastRead> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_all(&self) -> Result<CatalogRead, DialError> {
        let mut connection = self.dialer.dial(&BTreeMap::new()).await?.connection;
        let reading = async {
            let mut tries = 1..READS_MAX;
            loop {
                let moment = moment(&mut connection).await?;
                // The versions come first: what changes while the rest is read makes a false
                // alarm, never a plan that is newer than its versions say.
                let versions = read_all(&mut connection).await?;
                let rests = read_rests(&mut connection).await?;
                let tables = self.ask(&mut connection).await?;
                let is_of_one_moment = moment == self::moment(&mut connection).await?
                    || versions == read_all(&mut connection).await?;
                if is_of_one_moment || tries.next().is_none() {
                    return Ok::<_, DialError>((versions, rests, tables));
                }
            }
        };
        let (versions, rests, tables) =
            timeout(READING_TIME_MAX, reading).await.map_err(|_| DialError::Timeout)??;
        let catalog = self.build(&tables, None);
        self.last().materialized = catalog.materialized();
        Ok(self.read_of(&tables, catalog, Arc::new(versions), rests))
    }

    /// What an open transaction sees, by the answers to [`super::inside_questions`]. What columns
    /// were classified as when others saw them last, they stay.
    pub(crate) fn inside(
        &self,
        answers: Vec<Vec<Row>>,
        now: &CatalogSnapshot,
    ) -> Option<CatalogSnapshot> {
        let Inside { tables, rests } = inside::read(answers)?;
        let catalog = self.build(&tables, Some(now));
        Some(CatalogSnapshot::new(self.read_of(&tables, catalog, now.versions(), rests)))
    }

    /// Whether the code behind functions has to be read, too.
    pub(crate) fn reads_code(&self) -> bool {
        !self.harmless.is_empty()
    }

    fn read_of(
        &self,
        tables: &Tables,
        catalog: Catalog,
        versions: Arc<Versions>,
        rests: HashMap<String, BTreeSet<String>>,
    ) -> CatalogRead {
        CatalogRead {
            digest: digest(&(tables, &versions.relations, &versions.code)),
            catalog,
            types: column_types(&tables.relations, &tables.columns),
            made_types: made_types(&tables.made_types),
            has_rules: self.rules.say_something(),
            versions,
            rests,
        }
    }

    async fn ask(&self, connection: &mut PreAuth) -> Result<Tables, DialError> {
        let (mut tables, completeness) = read(connection).await?;
        self.last().is_partial = completeness == Completeness::Partial;
        if self.reads_code() {
            tables.signatures = rows(connection, &signatures()).await?;
            self.warn_of_others(&tables);
        }
        Ok(tables)
    }

    /// Says which functions are not those that were declared harmless.
    fn warn_of_others(&self, tables: &Tables) {
        for (signature, declared) in &self.harmless {
            let known = tables.signatures.iter().find(|row| text(row, 2) == signature);
            let digest = known.map_or("none", |row| text(row, 3));
            if digest != declared {
                let resource = &self.resource;
                tracing::warn!(
                    %resource, %signature, %declared, %digest,
                    "a function is not the one that was declared harmless"
                );
            }
        }
    }

    /// `before` is what everybody sees, where this is what a transaction sees alone.
    fn build(&self, tables: &Tables, before: Option<&CatalogSnapshot>) -> Catalog {
        let (columns, parents) = (group(&tables.columns), group(&tables.parents));
        let said = Said::of(&tables.relations, &columns, &parents, &*self.rules);
        if before.is_none() {
            self.tell(&said);
        }
        let known = Grouped { said, columns: &columns, parents: &parents, before };
        let past = self.last().materialized.clone();
        let rules = self.rules.clone();
        build(tables, &known, &self.harmless, &past).with_classification(Arc::new(
            move |schema, table, column| rules.category(schema, table, column),
        ))
    }

    /// Says what does not fit the configuration, where that is new.
    fn tell(&self, said: &Said<'_>) {
        let before = std::mem::replace(&mut self.last().unmatched, said.unmatched.clone());
        for pattern in said.unmatched.iter().filter(|pattern| !before.contains(pattern)) {
            let resource = &self.resource;
            tracing::warn!(%resource, %pattern, "the configuration names what the target lacks");
        }
    }
}

/// The rows of the questions below, in their order.
#[derive(Debug, Default, Hash)]
pub(super) struct Tables {
    pub(super) relations: Vec<Row>,
    columns: Vec<Row>,
    schemas: Vec<Row>,
    parents: Vec<Row>,
    functions: Vec<Row>,
    builtins: Vec<Row>,
    types: Vec<Row>,
    made_types: Vec<Row>,
    operators: Vec<Row>,
    code: Vec<Row>,
    database: Vec<Row>,
    system_columns: Vec<Row>,
    /// Of functions: schema, name, signature, digest of the definition. Only where some are
    /// declared harmless.
    pub(super) signatures: Vec<Row>,
}

/// What is asked, in the order in which [`Tables::of`] takes the answers.
pub(super) const QUESTIONS: [&str; 12] = [
    RELATIONS,
    COLUMNS,
    SCHEMAS,
    PARENTS,
    FUNCTIONS,
    BUILTINS,
    questions::TYPES,
    MADE_TYPES,
    questions::OPERATORS,
    questions::CODE,
    "SELECT pg_catalog.current_database()",
    questions::SYSTEM_COLUMNS,
];

impl Tables {
    /// Without the definitions of views, and the code behind functions.
    pub(super) fn of(answers: impl Iterator<Item = Vec<Row>>) -> Self {
        let mut answers = answers;
        let mut next = || answers.next().unwrap_or_default();
        Self {
            relations: next(),
            columns: next(),
            schemas: next(),
            parents: next(),
            functions: next(),
            builtins: next(),
            types: next(),
            made_types: next(),
            operators: next(),
            code: next(),
            database: next(),
            system_columns: next(),
            signatures: Vec::new(),
        }
    }
}

/// Without the definitions of views.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhastriggers,
       c.relhasrules AND c.relkind NOT IN ('v', 'm')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
ORDER BY c.oid";

const COLUMNS: &str = "\
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, NULL),
       CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
       a.attnotnull, a.atttypmod
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

/// What sessions of this role may look names up in.
const SCHEMAS: &str = "\
SELECT nspname FROM pg_catalog.pg_namespace
WHERE pg_catalog.has_schema_privilege(oid, 'USAGE') AND nspname !~ '^pg_toast' ORDER BY 1";

const PARENTS: &str = "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY 1, 2";

/// The last column: an extension has brought it, or PostgreSQL beside a range type whose values run
/// no code of anybody's.
///
/// With those that somebody has put in the place of PostgreSQL's own, or beside them: these are
/// younger than all of the information schema, which is made last.
const FUNCTIONS: &str = "\
SELECT n.nspname, p.proname, p.provolatile, l.lanname,
       EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                 AND d.objid = p.oid AND d.deptype = 'e')
       OR l.lanname = 'internal' AND p.prosrc ~ '^(multi)?range_constructor[1-3]$'
         AND EXISTS (SELECT 1 FROM pg_catalog.pg_range r
                     LEFT JOIN pg_catalog.pg_type a ON a.typelem = r.rngtypid
                     WHERE r.rngsubtype < 16384 AND r.rngsubopc < 16384 AND r.rngcanonical = 0
                       AND (r.rngtypid = p.prorettype OR r.rngtypid = ANY (p.proargtypes)
                         OR a.oid = ANY (p.proargtypes)))
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname <> 'pg_catalog' OR p.oid >= 16384
  OR pg_catalog.age(p.xmin) < (SELECT pg_catalog.max(pg_catalog.age(last.xmin))
    FROM pg_catalog.pg_class last
    WHERE last.relnamespace = pg_catalog.to_regnamespace('information_schema'))
ORDER BY p.oid";

/// Functions as the operator names them. Each overload is a row.
pub(super) fn signatures() -> String {
    format!(
        "SELECT schema, name, schema || '.' || name || '(' || arguments || ')', digest FROM \
         (SELECT n.nspname, p.proname, {columns} FROM pg_catalog.pg_proc p \
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
          WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')) \
         AS made(schema, name, arguments, digest) ORDER BY 3",
        columns = questions::SIGNATURE_COLUMNS,
    )
}

const BUILTINS: &str = "\
SELECT n.nspname, p.proname, p.provolatile, l.lanname
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname = 'pg_catalog' ORDER BY p.oid";

/// Where a session looks names up, the values of the settings that guard its role, and the
/// target's number for it.
pub(crate) async fn session_settings(
    connection: &mut PreAuth,
) -> Result<(SessionSettings, u32), DialError> {
    let number = "SELECT pg_catalog.pg_backend_pid()";
    let number = number_of(rows(connection, number).await?)
        .ok_or_else(|| DialError::Protocol("it does not tell the number of a session".into()))?;
    // As it was set: a schema that is in it and is not there yet may be made later.
    let path = "SELECT pg_catalog.current_setting('search_path'), CURRENT_USER, NULL";
    let mut settings = SessionSettings::default();
    for row in rows(connection, &format!("{path}; {}", questions::GUARDS)).await? {
        match <[Option<String>; 2]>::try_from(row) {
            Ok([name, value]) => settings.guards.extend(name.zip(value)),
            Err(row) => settings.search_path = path_of(text(&row, 0), text(&row, 1)),
        }
    }
    Ok((settings, number))
}

/// The names in a search path as the setting spells it, that of the role in the place of
/// `"$user"`.
fn path_of(setting: &str, role: &str) -> Vec<String> {
    let (mut path, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = setting.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                name.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => path.push(std::mem::take(&mut name)),
            blank if blank.is_whitespace() && !quoted => {}
            upper if !quoted => name.extend(upper.to_lowercase()),
            other => name.push(other),
        }
    }
    path.push(name);
    path.retain(|name| !name.is_empty());
    let role_of = |name: String| if name == "$user" { role.to_owned() } else { name };
    path.into_iter().map(role_of).collect()
}

fn number_of(rows: Vec<Row>) -> Option<u32> {
    rows.into_iter().flatten().flatten().next()?.parse().ok()
}

/// Differs after any change of definitions: a hash over the versions of all rows that
/// the questions above look at. About two milliseconds of the target's time.
const VERSION: &str = "\
SELECT sum(pg_catalog.hashtextextended(t || ':' || c::text || ':' || x::text, 0))
FROM (SELECT 'c' t, ctid c, xmin x FROM pg_catalog.pg_class
      UNION ALL SELECT 'a', ctid, xmin FROM pg_catalog.pg_attribute
      UNION ALL SELECT 'd', ctid, xmin FROM pg_catalog.pg_attrdef
      UNION ALL SELECT 'n', ctid, xmin FROM pg_catalog.pg_namespace
      UNION ALL SELECT 'p', ctid, xmin FROM pg_catalog.pg_proc
      UNION ALL SELECT 'r', ctid, xmin FROM pg_catalog.pg_rewrite
      UNION ALL SELECT 'i', ctid, xmin FROM pg_catalog.pg_inherits
      UNION ALL SELECT 'k', ctid, xmin FROM pg_catalog.pg_constraint
      UNION ALL SELECT 't', ctid, xmin FROM pg_catalog.pg_type
      UNION ALL SELECT 'g', ctid, xmin FROM pg_catalog.pg_trigger
      UNION ALL SELECT 'y', ctid, xmin FROM pg_catalog.pg_policy
      UNION ALL SELECT 'o', ctid, xmin FROM pg_catalog.pg_operator
      UNION ALL SELECT 's', ctid, xmin FROM pg_catalog.pg_cast
      UNION ALL SELECT 'm', ctid, xmin FROM pg_catalog.pg_amproc
      UNION ALL SELECT 'x', ctid, xmin FROM pg_catalog.pg_index
      UNION ALL SELECT 'e', ctid, xmin FROM pg_catalog.pg_statistic_ext) versions";

/// Asks for the version alone.
pub(crate) async fn version(connection: &mut PreAuth) -> Result<String, DialError> {
    let rows = rows(connection, VERSION).await?;
    Ok(rows.first().map(|row| text(row, 0).to_owned()).unwrap_or_default())
}

/// Asks the target. The second part says whether every definition could be read.
async fn read(connection: &mut PreAuth) -> Result<(Tables, Completeness), DialError> {
    // View definitions are then written with the schema of every name.
    rows(connection, "SET search_path = ''").await?;
    let mut answers = Vec::with_capacity(QUESTIONS.len());
    for question in QUESTIONS {
        answers.push(rows(connection, question).await?);
    }
    let mut tables = Tables::of(answers.into_iter());
    let completeness = views::add_definitions(connection, &mut tables.relations).await?;
    Ok((tables, completeness))
}

/// Equal for equal catalogs, as far as this process is asked. Approvals are bound to it, so
/// nobody else is to know which catalogs have the same.
fn digest(read: &impl Hash) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEYS.hash_one(read)
}

/// Columns and parents by relation, and what is said of them.
struct Grouped<'t> {
    said: Said<'t>,
    columns: &'t HashMap<&'t str, Vec<&'t Row>>,
    parents: &'t HashMap<&'t str, Vec<&'t Row>>,
    /// What everybody sees, where this is what a transaction sees alone.
    before: Option<&'t CatalogSnapshot>,
}

impl Grouped<'_> {
    fn category(&self, relation: &Row, column: &Row) -> Option<Category> {
        let oid = text(relation, 0);
        let is_stored =
            matches!(text(relation, 3), "r" | "p" | "f") && column.get(5) == Some(&None);
        let before = self.before.filter(|_| is_stored);
        let before =
            before.and_then(|known| known.category_at(number(relation, 0), number(column, 1)));
        before.or_else(|| self.said.category(oid, text(column, 2)))
    }
}

/// Builds the analysis' catalog from the answers.
fn build(
    tables: &Tables,
    known: &Grouped<'_>,
    harmless: &BTreeMap<String, String>,
    past: &[Remembered],
) -> Catalog {
    let declared = declared(&tables.signatures, harmless);
    let mut builder = CatalogBuilder::default();
    for row in &tables.system_columns {
        builder.system_column(text(row, 0).to_owned(), text(row, 1).to_owned());
    }
    if let Some(row) = tables.database.first() {
        builder.database(text(row, 0));
    }
    for row in &tables.schemas {
        builder.usable_schema(text(row, 0).to_owned());
    }
    for row in &tables.relations {
        let oid = text(row, 0);
        let columns = known.columns.get(oid).into_iter().flatten().map(|column| ColumnInput {
            name: text(column, 2).into(),
            attnum: number(column, 1),
            type_oid: number(column, 3),
            type_name: text(column, 4).into(),
            category: known.category(row, column),
            generated: column.get(5).cloned().flatten(),
        });
        builder.relation(RelationInput {
            oid: number(row, 0),
            schema: text(row, 1).into(),
            name: text(row, 2).into(),
            kind: RelationKind::from_relkind(text(row, 3).chars().next().unwrap_or(' ')),
            columns: columns.collect(),
            parents: known
                .parents
                .get(oid)
                .into_iter()
                .flatten()
                .map(|row| number(row, 1))
                .collect(),
            has_triggers: text(row, 4) == "t",
            has_rules: text(row, 5) == "t",
            definition: row.get(6).cloned().flatten(),
        });
    }
    let all = tables.functions.iter().map(|row| (row, true));
    for (row, is_made) in all.chain(tables.builtins.iter().map(|row| (row, false))) {
        let function = FunctionInput {
            schema: text(row, 0).into(),
            name: text(row, 1).into(),
            volatility: Volatility::from_provolatile(text(row, 2).chars().next().unwrap_or('v')),
            language: text(row, 3).into(),
        };
        if declared.contains(&(text(row, 0), text(row, 1))) {
            builder.harmless_function(function);
        } else if text(row, 4) == "t" {
            builder.extension_function(function);
        } else if is_made && function.schema == "pg_catalog" {
            builder.intruding_function(function);
        } else {
            builder.function(function);
        }
    }
    let (types, operators, code) = (&tables.types, &tables.operators, &tables.code);
    questions::add(&mut builder, Answers { types, operators, code });
    for remembered in past {
        builder.remember(remembered.clone());
    }
    builder.build()
}

/// The functions that are harmless, by schema and name. A name stands for all its overloads: one
/// that is not declared makes none of them harmless.
fn declared<'r>(
    signatures: &'r [Row],
    harmless: &BTreeMap<String, String>,
) -> HashSet<(&'r str, &'r str)> {
    let name = |row: &'r Row| (text(row, 0), text(row, 1));
    let is_declared =
        |row: &&Row| harmless.get(text(row, 2)).is_some_and(|digest| digest == text(row, 3));
    let mut declared: HashSet<_> = signatures.iter().filter(is_declared).map(name).collect();
    for other in signatures.iter().filter(|row| !is_declared(row)).map(name) {
        declared.remove(&other);
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn a_search_path_is_read_as_the_server_writes_it() {
        let check = |setting: &str, expect: &[&str]| {
            assert_eq!(path_of(setting, "portreeve"), expect, "{setting}");
        };
        check("\"$user\", public", &["portreeve", "public"]);
        check("Work,\"Odd, \"\"Name\", pg_catalog", &["work", "Odd, \"Name", "pg_catalog"]);
        check("\"\"", &[]);
        check("", &[]);
    }
}
