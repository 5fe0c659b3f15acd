//! What a catalog reader asks the target about code that runs unseen, and where the answers go.
//!
//! Each question is one `SELECT` over system catalogs, to be asked with an empty `search_path`
//! (expressions are then written with the schema of every name). Objects that PostgreSQL brings
//! itself have oids below 16384. Dependencies (`pg_depend`) have every function, operator and
//! type of others that a stored expression uses; PostgreSQL's own are not in them, so that
//! expressions are asked for as texts, too.
//!
//! All answers are texts; a row goes to [`add`] as it came.

use super::build::CatalogBuilder;
use super::code::{CodeInput, Moment, OperatorInput, Owner, Runs, TypeInput};

/// A row of an answer: columns as texts, none for NULL.
pub type Row = Vec<Option<String>>;

/// Columns: relation, column, in their order: those of system relations of which some columns are
/// no structure. Versions have different ones, and `SELECT *` has all.
pub const SYSTEM_COLUMNS: &str = "\
SELECT c.relname, a.attname
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relname IN ('pg_aggregate', 'pg_attrdef', 'pg_attribute', 'pg_class', 'pg_constraint',
    'pg_db_role_setting', 'pg_description', 'pg_foreign_data_wrapper', 'pg_foreign_server',
    'pg_foreign_table', 'pg_index', 'pg_indexes', 'pg_matviews', 'pg_partitioned_table',
    'pg_policies', 'pg_policy', 'pg_prepared_xacts', 'pg_proc', 'pg_publication_rel',
    'pg_publication_tables', 'pg_rewrite', 'pg_roles', 'pg_rules', 'pg_seclabel', 'pg_seclabels',
    'pg_settings', 'pg_shdescription', 'pg_shseclabel', 'pg_stat_activity',
    'pg_stat_all_tables', 'pg_stat_database', 'pg_stat_io', 'pg_stat_sys_tables',
    'pg_stat_user_tables', 'pg_stat_xact_all_tables', 'pg_stat_xact_user_tables', 'pg_statistic_ext', 'pg_subscription', 'pg_trigger', 'pg_ts_dict', 'pg_type',
    'pg_user', 'pg_views', 'attributes', 'check_constraints', 'columns', 'domains', 'parameters',
    'routines', 'triggers', 'views')
ORDER BY a.attrelid, a.attnum";

/// Columns: oid, schema, name, the type that a domain is made of (else 0).
pub const TYPES: &str = "\
SELECT t.oid, n.nspname, t.typname, t.typbasetype
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
WHERE t.oid >= 16384 AND (c.oid IS NULL OR c.relkind = 'c')
   OR t.oid IN (SELECT casttarget FROM pg_catalog.pg_cast WHERE oid >= 16384)
ORDER BY t.oid";

/// Columns: schema, name, schema of the function, name of the function, the types of both sides
/// where they are PostgreSQL's own and nothing that somebody made turns other values into them.
///
/// An operator of PostgreSQL's name over a type that somebody made is left out where nothing
/// turns other values into that type: it runs where such a value is, and [`CODE`] has it there.
pub const OPERATORS: &str = "\
SELECT n.nspname, o.oprname, f.nspname, p.proname,
       CASE WHEN NOT k.turns AND l.oid < 16384 THEN l.typname END,
       CASE WHEN NOT k.turns AND r.oid < 16384 THEN r.typname END
FROM pg_catalog.pg_operator o
CROSS JOIN (SELECT EXISTS (SELECT FROM pg_catalog.pg_cast WHERE oid >= 16384
                             AND castcontext = 'i' AND castsource < 16384)) k (turns)
LEFT JOIN pg_catalog.pg_type l ON l.oid = o.oprleft
LEFT JOIN pg_catalog.pg_type r ON r.oid = o.oprright
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace
WHERE o.oid >= 16384 AND NOT (
  EXISTS (SELECT FROM pg_catalog.pg_operator b WHERE b.oid < 16384 AND b.oprname = o.oprname)
  AND EXISTS (SELECT FROM pg_catalog.pg_type t
              WHERE t.oid IN (o.oprleft, o.oprright) AND t.oid >= 16384
                AND t.typtype IN ('b', 'c', 'e', 'r', 'm') AND t.typcategory <> 'S'
                AND NOT t.typispreferred
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast k
                                WHERE k.casttarget = t.oid AND k.castcontext = 'i')))
ORDER BY o.oid";

/// Columns: what the place is (`r` relation, `t` type, `c` operator class, `*` anywhere), its oid,
/// letters of moments, what runs (`f` function, `e` expression, `g` trigger, `r` relation, `t`
/// type, `k` a function that a stored expression calls; `n` is the name of an operator class, and
/// `p` the key of a partitioned table, `d` what is demanded of the values of a column), and two
/// texts: schema and name, the expression, an oid, or the expression's tree and which call of it is
/// meant.
///
/// What PostgreSQL makes beside a range type (constructors, the cast to its multirange) counts as
/// its own.
///
/// SECURITY: who plans a query over a table looks at its constraints, indexes, statistics and
/// partition key, and works out every call in them that has no column in it; functions in SQL are
/// unfolded first, and can hold any. So a read runs them, too: the letter `p` marks such places.
pub const CODE: &str = "\
WITH places (class, object, kind, owner, moments) AS (
  SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid, 'r', d.adrelid, 'au'
    FROM pg_catalog.pg_attrdef d
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, 'r', c.conrelid, 'aup'
    FROM pg_catalog.pg_constraint c WHERE c.conrelid <> 0 AND c.contype IN ('c', 'x')
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, 't', c.contypid, 'c'
    FROM pg_catalog.pg_constraint c WHERE c.contypid <> 0
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, 'r', i.indrelid, 'aup'
    FROM pg_catalog.pg_index i WHERE i.indrelid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, 'r', s.stxrelid, 'raud'
    FROM pg_catalog.pg_statistic_ext s
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, p.partrelid, 'r', p.partrelid, 'aucp'
    FROM pg_catalog.pg_partitioned_table p
  UNION ALL
  SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 'r', p.polrelid, 'raud'
    FROM pg_catalog.pg_policy p
  UNION ALL
  SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, 'r', w.ev_class, 'raud'
    FROM pg_catalog.pg_rewrite w WHERE w.ev_class >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid, 'r', g.tgrelid,
         CASE WHEN g.tgtype & 4 <> 0 THEN 'a' ELSE '' END ||
         CASE WHEN g.tgtype & 16 <> 0 THEN 'u' ELSE '' END ||
         CASE WHEN g.tgtype & 8 <> 0 THEN 'd' ELSE '' END ||
         CASE WHEN g.tgtype & 32 <> 0 THEN 't' ELSE '' END
    FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal
  UNION ALL
  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 't', t.oid, 'oci'
    FROM pg_catalog.pg_type t WHERE t.oid >= 16384
), uses AS (
  SELECT p.kind, p.owner, p.moments, p.class, d.refclassid, d.refobjid
    FROM places p
    JOIN pg_catalog.pg_depend d ON d.classid = p.class AND d.objid = p.object
    WHERE p.moments <> 'aucp' OR d.objsubid = 0
), trees (class, object, owner, tree) AS (
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, c.conrelid, c.conbin::pg_catalog.text
    FROM pg_catalog.pg_constraint c WHERE c.contype = 'c' AND c.conrelid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, i.indrelid,
         pg_catalog.concat(i.indexprs::pg_catalog.text, ' ', i.indpred::pg_catalog.text)
    FROM pg_catalog.pg_index i
    WHERE i.indrelid >= 16384 AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, p.partrelid, p.partrelid, p.partexprs::pg_catalog.text
    FROM pg_catalog.pg_partitioned_table p WHERE p.partexprs IS NOT NULL
), called (owner, tree, call, function) AS (
  SELECT t.owner, t.tree, 'funcid ' || d.refobjid, d.refobjid FROM trees t
    JOIN pg_catalog.pg_depend d ON d.classid = t.class AND d.objid = t.object
    WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION ALL
  SELECT t.owner, t.tree, 'opno ' || o.oid, o.oprcode FROM trees t
    JOIN pg_catalog.pg_depend d ON d.classid = t.class AND d.objid = t.object
    JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
), functions (kind, owner, moments, function) AS (
  SELECT kind, owner, moments, refobjid FROM uses
    WHERE refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION
  SELECT u.kind, u.owner, u.moments, o.oprcode FROM uses u
    JOIN pg_catalog.pg_operator o ON o.oid = u.refobjid
    WHERE u.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
  UNION
  SELECT u.kind, u.owner,
         CASE WHEN u.kind = 't' THEN 'oci' WHEN u.moments LIKE '%c%' THEN 'raudc' ELSE 'raud' END,
         m.amproc FROM uses u
    JOIN pg_catalog.pg_opclass c ON c.oid = u.refobjid
    JOIN pg_catalog.pg_amproc m ON m.amprocfamily = c.opcfamily
    WHERE u.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND m.amproc >= 16384
  UNION
  SELECT CASE WHEN c.opcintype >= 16384 THEN 't' ELSE '*' END, c.opcintype, 'o', m.amproc
    FROM pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_amproc m ON m.amprocfamily = c.opcfamily
    WHERE c.oid >= 16384 AND c.opcdefault AND m.amproc >= 16384
  UNION
  SELECT CASE WHEN c.opcintype >= 16384 THEN 't' ELSE '*' END, c.opcintype, 'o', o.oprcode
    FROM pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily
    JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
    WHERE c.oid >= 16384 AND c.opcdefault AND o.oid >= 16384
  UNION
  SELECT 'c', c.oid, 'o', m.amproc
    FROM pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_amproc m ON m.amprocfamily = c.opcfamily
    WHERE c.oid >= 16384 AND m.amproc >= 16384
  UNION
  SELECT 'c', c.oid, 'o', o.oprcode
    FROM pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily
    JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
    WHERE c.oid >= 16384 AND o.oid >= 16384
  UNION
  SELECT 't', t.oid, 'o', o.oprcode
    FROM pg_catalog.pg_operator o
    JOIN pg_catalog.pg_type t ON t.oid IN (o.oprleft, o.oprright)
    WHERE o.oid >= 16384 AND t.oid >= 16384
  UNION
  SELECT 't', k.casttarget, 'i', k.castfunc FROM pg_catalog.pg_cast k
    WHERE k.oid >= 16384 AND k.castfunc <> 0
      AND (k.casttarget >= 16384 OR k.castsource < 16384 AND k.castcontext = 'e')
  UNION
  SELECT 't', k.castsource, 'o', k.castfunc FROM pg_catalog.pg_cast k
    WHERE k.oid >= 16384 AND k.castfunc <> 0 AND k.castsource >= 16384
  UNION
  SELECT '*', 0, 'o', k.castfunc FROM pg_catalog.pg_cast k
    WHERE k.oid >= 16384 AND k.castfunc <> 0 AND k.castcontext <> 'e'
      AND k.castsource < 16384 AND k.casttarget < 16384
)
SELECT f.kind, f.owner,
       CASE WHEN f.moments LIKE '%p%' AND l.lanname = 'sql' THEN 'raudc' ELSE f.moments END,
       'f', n.nspname::pg_catalog.text, p.proname::pg_catalog.text
  FROM functions f
  JOIN pg_catalog.pg_proc p ON p.oid = f.function
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE NOT (l.lanname = 'internal' AND p.prosrc ~ '^(multi)?range_constructor[0-3]$')
UNION
SELECT 'r', c.owner, 'raud', 'k', c.tree,
       c.call || ' ' || pg_catalog.octet_length(n.nspname::pg_catalog.text) || ' ' || n.nspname || p.proname
  FROM called c
  JOIN pg_catalog.pg_proc p ON p.oid = c.function
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
UNION
SELECT 'c', c.oid, '', 'n', n.nspname::pg_catalog.text, c.opcname::pg_catalog.text
  FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
  WHERE c.oid >= 16384
UNION
SELECT 'r', d.refobjid, '', 'd',
       CASE WHEN c.contype = 'c' THEN pg_catalog.pg_get_constraintdef(c.oid) ELSE '' END,
       a.attname::pg_catalog.text
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = c.conrelid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE c.conrelid >= 16384 AND c.contype IN ('c', 'f', 'p', 'u', 'x') AND d.refobjsubid > 0
UNION
SELECT 'r', d.refobjid, '', 'd', '', a.attname::pg_catalog.text
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = i.indexrelid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = i.indrelid
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid AND t.relkind <> 't'
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE i.indrelid >= 16384 AND d.refobjsubid > 0
    AND (i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
UNION
SELECT 'r', d.refobjid, '', 'd', '', a.attname::pg_catalog.text
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  LEFT JOIN pg_catalog.pg_attrdef g ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND g.oid = d.objid AND g.adrelid = d.refobjid AND g.adnum <> d.refobjsubid
  LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
    AND p.oid = d.objid AND p.polrelid = d.refobjid
  WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid >= 16384
    AND d.refobjsubid > 0 AND (g.oid IS NOT NULL OR p.oid IS NOT NULL)
UNION
SELECT 'r', a.attrelid, '', 'd', 'length ' || a.atttypmod, a.attname::pg_catalog.text
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE a.attrelid >= 16384 AND a.attnum > 0 AND a.atttypmod >= 0
    AND c.relkind IN ('r', 'p', 'f') AND NOT a.attisdropped
UNION
SELECT 'r', p.partrelid, '', 'p', pg_catalog.pg_get_partkeydef(p.partrelid), NULL
  FROM pg_catalog.pg_partitioned_table p
UNION
SELECT kind, owner, moments, 't', refobjid::pg_catalog.text, NULL FROM uses
  WHERE refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND refobjid <> owner
UNION
SELECT kind, owner, moments, 'r', refobjid::pg_catalog.text, NULL FROM uses
  WHERE class = 'pg_catalog.pg_policy'::pg_catalog.regclass
    AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjid <> owner
UNION
SELECT 't', c.reltype, 'oci', 't', a.atttypid::pg_catalog.text, NULL
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.reltype <> 0 AND a.atttypid >= 16384
UNION
SELECT 'r', c.confrelid,
       CASE WHEN c.confdeltype IN ('c', 'n', 'd') THEN 'd' ELSE '' END ||
       CASE WHEN c.confupdtype IN ('c', 'n', 'd') THEN 'u' ELSE '' END,
       'r', c.conrelid::pg_catalog.text, NULL
  FROM pg_catalog.pg_constraint c
  WHERE c.contype = 'f'
    AND (c.confdeltype IN ('c', 'n', 'd') OR c.confupdtype IN ('c', 'n', 'd'))
UNION
SELECT 'r', d.adrelid, 'au', 'e', pg_catalog.pg_get_expr(d.adbin, d.adrelid), NULL
  FROM pg_catalog.pg_attrdef d WHERE d.adrelid >= 16384
UNION
SELECT 'r', c.conrelid, 'au', 'e', pg_catalog.pg_get_expr(c.conbin, c.conrelid), NULL
  FROM pg_catalog.pg_constraint c
  WHERE c.contype = 'c' AND c.conrelid >= 16384 AND c.conbin IS NOT NULL
UNION
SELECT 't', c.contypid, 'c', 'e', pg_catalog.pg_get_expr(c.conbin, 0), NULL
  FROM pg_catalog.pg_constraint c
  WHERE c.contype = 'c' AND c.contypid >= 16384 AND c.conbin IS NOT NULL
UNION
SELECT 'r', i.indrelid, 'au', 'e', pg_catalog.pg_get_expr(x.expression, i.indrelid), NULL
  FROM pg_catalog.pg_index i, LATERAL (VALUES (i.indexprs), (i.indpred)) x (expression)
  WHERE i.indrelid >= 16384 AND x.expression IS NOT NULL
UNION
SELECT 'r', p.partrelid, 'auc', 'e', pg_catalog.pg_get_expr(p.partexprs, p.partrelid), NULL
  FROM pg_catalog.pg_partitioned_table p WHERE p.partexprs IS NOT NULL
UNION
SELECT 'r', p.polrelid, 'raud', 'e', pg_catalog.pg_get_expr(x.expression, p.polrelid), NULL
  FROM pg_catalog.pg_policy p, LATERAL (VALUES (p.polqual), (p.polwithcheck)) x (expression)
  WHERE x.expression IS NOT NULL
UNION
SELECT 'r', g.tgrelid, 'aud', 'g', pg_catalog.pg_get_triggerdef(g.oid), NULL
  FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal AND g.tgqual IS NOT NULL";

/// The values that a session of the target's role begins with, for
/// [`Catalog::with_guards`](crate::sql::Catalog::with_guards). Columns: name, value.
///
/// To be asked by a session that has set nothing. Times are in milliseconds.
pub const GUARDS: &str = "\
SELECT name, setting FROM pg_catalog.pg_settings
WHERE name IN ('default_transaction_read_only', 'idle_in_transaction_session_timeout',
               'idle_session_timeout', 'lock_timeout', 'statement_timeout',
               'transaction_timeout')";

/// A function's signature and the digest of its whole definition, as an operator of the gateway
/// names it to declare it harmless: beside the columns of the reader's own question about
/// functions (aliases `p` of `pg_proc`).
pub const SIGNATURE_COLUMNS: &str = "\
pg_catalog.pg_get_function_identity_arguments(p.oid),
CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.encode(pg_catalog.sha256(
  pg_catalog.convert_to(pg_catalog.pg_get_functiondef(p.oid), 'UTF8')), 'hex') END";

/// The answers to [`TYPES`], [`OPERATORS`] and [`CODE`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers<'r> {
    /// To [`TYPES`].
    pub types: &'r [Row],
    /// To [`OPERATORS`].
    pub operators: &'r [Row],
    /// To [`CODE`].
    pub code: &'r [Row],
}

/// Gives all answers to a builder, which then knows all code that runs unseen.
pub fn add(builder: &mut CatalogBuilder, answers: Answers<'_>) {
    for row in answers.types {
        builder.type_with_code(TypeInput {
            oid: number(row, 0),
            schema: text(row, 1).into(),
            name: text(row, 2).into(),
            base: number(row, 3),
        });
    }
    for row in answers.operators {
        builder.operator(OperatorInput {
            schema: text(row, 0).into(),
            name: text(row, 1).into(),
            function_schema: text(row, 2).into(),
            function_name: text(row, 3).into(),
            sides: [row.get(4).cloned().flatten(), row.get(5).cloned().flatten()],
        });
    }
    for row in answers.code {
        match text(row, 3) {
            "n" => builder.operator_class(number(row, 1), text(row, 4), text(row, 5)),
            "p" => builder.partition_key(number(row, 1), text(row, 4)),
            "d" => builder.demand(number(row, 1), text(row, 4), text(row, 5)),
            _ => builder.code(place(row)),
        };
    }
    builder.code_is_complete();
}

fn place(row: &Row) -> CodeInput {
    let owner = match text(row, 0) {
        "r" => Owner::Relation(number(row, 1)),
        "t" => Owner::Type(number(row, 1)),
        "c" => Owner::Class(number(row, 1)),
        _ => Owner::Anywhere,
    };
    let mut moments = Moment::from_letters(text(row, 2));
    let runs = match text(row, 3) {
        "e" => Runs::Expression(text(row, 4).into()),
        "g" => Runs::Trigger(text(row, 4).into()),
        "r" => Runs::Relation(number(row, 4)),
        "t" => Runs::Type(number(row, 4)),
        "k" => {
            let (tree, call) = (text(row, 4), text(row, 5));
            let mut words = call.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default();
            let call = format!(":{} {} ", word(), word());
            let split: usize = word().parse().unwrap_or_default();
            let (schema, name) = word().split_at_checked(split).unwrap_or_default();
            if !is_folded(tree, &call) {
                moments.clear();
            }
            Runs::Function { schema: schema.into(), name: name.into() }
        }
        _ => Runs::Function { schema: text(row, 4).into(), name: text(row, 5).into() },
    };
    CodeInput { owner, moments, runs }
}

/// Whether a call of a stored expression has no column in it, so that it is worked out before any
/// row is looked at. The tree is as `pg_node_tree` shows it: a node is `{WORD :field value …}`, a
/// column is `{VAR …}`, and a backslash stands before what would be a brace in a name.
fn is_folded(tree: &str, call: &str) -> bool {
    let mut begins = Vec::new();
    let mut is_escaped = false;
    for (at, byte) in tree.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => begins.push(at),
            b'}' => {
                let begin = begins.pop().unwrap_or(at);
                let node = tree.get(begin..=at).unwrap_or_default();
                if node.contains(call) && !node.contains("{VAR ") {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn text(row: &Row, index: usize) -> &str {
    row.get(index).and_then(|value| value.as_deref()).unwrap_or_default()
}

fn number(row: &Row, index: usize) -> u32 {
    text(row, index).parse().unwrap_or_default()
}
