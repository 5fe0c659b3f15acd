//! The versions of definitions: what each relation's name stands for, and the code that runs
//! unseen. Equal versions are equal definitions.

use super::answers::rows;
use crate::wire::literal;
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_sql::Versions;
use portreeve_transport::{DialError, PreAuth};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Columns, rules, policies, triggers, defaults, children and place of every relation of a
/// name, in one hash; with the version of its schema, which who may use it is part of, and of
/// its row type, which is renamed with it: what has its name back is not what it was. Each part
/// is found by an index.
const RELATIONS: &str = "\
SELECT c.relname, pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat_ws(':',
    c.oid, c.relnamespace, n.xmin, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
    c.relispartition, c.relhasrules, c.relhastriggers,
    (SELECT t.xmin FROM pg_catalog.pg_type t WHERE t.oid = c.reltype),
    (SELECT pg_catalog.string_agg(a.attnum || '.' || a.xmin, ',' ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
    (SELECT pg_catalog.string_agg(r.oid || '.' || r.xmin, ',' ORDER BY r.oid)
     FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
    (SELECT pg_catalog.string_agg(p.oid || '.' || p.xmin, ',' ORDER BY p.oid)
     FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid),
    (SELECT pg_catalog.string_agg(g.oid || '.' || g.xmin, ',' ORDER BY g.oid)
     FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid),
    (SELECT pg_catalog.string_agg(d.oid || '.' || d.xmin, ',' ORDER BY d.oid)
     FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid),
    (SELECT pg_catalog.string_agg(i.inhrelid::text, ',' ORDER BY i.inhrelid)
     FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)), 0))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_(toast|temp)' AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// Objects that the server does not bring itself have numbers from 16384 on.
const CODE: &str = "\
SELECT pg_catalog.concat_ws(':',
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(oid || '.' || xmin, 0))
     FROM pg_catalog.pg_proc WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(oid || '.' || xmin, 0))
     FROM pg_catalog.pg_operator WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(oid || '.' || xmin, 0))
     FROM pg_catalog.pg_cast WHERE oid >= 16384))";

/// Names that each name rests on: a view on what its rules read, a table on its parents and
/// its children.
pub(super) const RESTS: &str = "\
SELECT DISTINCT v.relname, t.relname FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND v.oid <> t.oid
UNION SELECT p.relname, c.relname FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
UNION SELECT c.relname, p.relname FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid";

/// Which transactions have ended: equal answers mean that nothing was committed in between. Of a
/// standby how far it is: what was replayed last may be seen a moment before it says so.
const MOMENT: &str = "SELECT pg_catalog.concat_ws(' ', pg_catalog.pg_current_snapshot(), \
                      CASE WHEN pg_catalog.pg_is_in_recovery() \
                      THEN pg_catalog.pg_last_wal_replay_lsn() END)";

/// Asks which transactions have ended.
pub(crate) async fn moment(connection: &mut PreAuth) -> Result<String, DialError> {
    Ok(first(rows(connection, MOMENT).await?))
}

/// Reads every version there is.
pub(crate) async fn read_all(connection: &mut PreAuth) -> Result<Versions, DialError> {
    let relations = rows(connection, &format!("{RELATIONS} GROUP BY c.relname")).await?;
    let code = rows(connection, CODE).await?;
    Ok(Versions { relations: by_name(relations), code: first(code) })
}

/// Reads the versions behind some names, and the moment that they are of: all in one
/// statement, so that they are of one moment. None where nothing tells one moment from another.
///
/// SECURITY: snapshots of a standby do not name the transactions that are under way, so two that
/// are equal do not mean that nothing was committed in between.
pub(crate) async fn read_some(
    connection: &mut PreAuth,
    names: &BTreeSet<String>,
) -> Result<(Option<String>, Versions), DialError> {
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    let question = format!(
        "SELECT '', CASE WHEN NOT pg_catalog.pg_is_in_recovery() \
         THEN pg_catalog.pg_current_snapshot()::text END UNION ALL \
         SELECT '.', code FROM ({CODE}) AS code(code) UNION ALL \
         SELECT 'r' || relname, version::text FROM ({RELATIONS} \
         AND c.relname = ANY (ARRAY[{}]::name[]) GROUP BY c.relname) AS relation(relname, version)",
        names.join(", "),
    );
    let (mut moment, mut versions) = (None, Versions::default());
    for row in rows(connection, &question).await? {
        let mut values = row.into_iter();
        let (key, value) = (values.next().flatten(), values.next().flatten());
        match (key.as_deref(), value) {
            (Some(""), value) => moment = value,
            (Some("."), value) => versions.code = value.unwrap_or_default(),
            (name, value) => {
                let name = name.and_then(|name| name.strip_prefix('r')).unwrap_or_default();
                versions.relations.insert(name.to_owned(), value.unwrap_or_default());
            }
        }
    }
    Ok((moment, versions))
}

/// Reads which names rest on which.
pub(crate) async fn read_rests(
    connection: &mut PreAuth,
) -> Result<HashMap<String, BTreeSet<String>>, DialError> {
    Ok(rests_of(rows(connection, RESTS).await?))
}

/// The same, by the answer to [`RESTS`].
pub(super) fn rests_of(answer: Vec<Row>) -> HashMap<String, BTreeSet<String>> {
    let mut rests: HashMap<String, BTreeSet<String>> = HashMap::new();
    for row in answer {
        let mut values = row.into_iter().flatten();
        if let (Some(name), Some(on)) = (values.next(), values.next()) {
            rests.entry(name).or_default().insert(on);
        }
    }
    rests
}

fn by_name(rows: Vec<Vec<Option<String>>>) -> BTreeMap<String, String> {
    let pair = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        (values.next().unwrap_or_default(), values.next().unwrap_or_default())
    };
    rows.into_iter().map(pair).collect()
}

fn first(rows: Vec<Vec<Option<String>>>) -> String {
    rows.into_iter().flatten().flatten().next().unwrap_or_default()
}
