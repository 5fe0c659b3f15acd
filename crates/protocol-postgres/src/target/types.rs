//! Types of columns, and what types are made of: what masks must fit.

use super::answers::{number, text};
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_model::Object;
use portreeve_sql::{ColumnType, ColumnTypes, MadeType, MadeTypes, Nulls};
use std::collections::HashMap;

/// Columns: oid, kind, base type, its modifier, whether NULL is refused, the first label, the
/// type of elements, whether it is written like a text, the types of fields, whether it holds
/// pairs.
pub(super) const MADE_TYPES: &str = "\
SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull,
       (SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid
        ORDER BY e.enumsortorder LIMIT 1),
       CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem END,
       t.oid >= 16384 AND i.prosrc = 'textin' AND o.prosrc = 'textout' AND s.prosrc = 'textsend',
       (SELECT pg_catalog.string_agg(a.atttypid::pg_catalog.text, ' ' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
       i.prosrc = 'hstore_in'
FROM pg_catalog.pg_type t
LEFT JOIN pg_catalog.pg_proc i ON i.oid = t.typinput
LEFT JOIN pg_catalog.pg_proc o ON o.oid = t.typoutput
LEFT JOIN pg_catalog.pg_proc s ON s.oid = t.typsend
WHERE t.typtype IN ('d', 'e', 'r', 'm') OR t.typcategory = 'A'
   OR t.oid >= 16384 AND t.typtype IN ('b', 'c')
ORDER BY t.oid";

/// The answers to [`MADE_TYPES`].
pub(super) fn made_types(rows: &[Row]) -> MadeTypes {
    rows.iter().filter_map(|row| Some((number(row, 0), made_type(row)?))).collect()
}

fn made_type(row: &Row) -> Option<MadeType> {
    let given = |index: usize| row.get(index).and_then(|value| value.as_deref());
    match text(row, 1) {
        "d" => Some(MadeType::Like(ColumnType {
            code: number(row, 2),
            modifier: given(3)?.parse().ok()?,
            nulls: nulls(text(row, 4)),
        })),
        "e" => given(5).map(|label| MadeType::Label(label.into())),
        "r" => Some(MadeType::Range),
        "m" => Some(MadeType::Multirange),
        "c" => {
            let fields = text(row, 8).split(' ').filter(|field| !field.is_empty());
            Some(MadeType::Row(fields.map(str::parse).collect::<Result<_, _>>().ok()?))
        }
        _ if text(row, 7) == "t" => {
            Some(MadeType::Like(ColumnType { code: TEXT, modifier: -1, nulls: Nulls::Accepted }))
        }
        _ if text(row, 9) == "t" => Some(MadeType::Pairs),
        _ => given(6)?.parse().ok().map(MadeType::Array),
    }
}

/// Reads `attnotnull` or `typnotnull`.
fn nulls(refused: &str) -> Nulls {
    if refused == "t" { Nulls::Refused } else { Nulls::Accepted }
}

/// The types of columns, from the reader's questions about relations and columns.
pub(super) fn column_types(relations: &[Row], columns: &[Row]) -> ColumnTypes {
    let names: HashMap<&str, &Row> = relations.iter().map(|row| (text(row, 0), row)).collect();
    let typed = |column: &Row| {
        let relation = names.get(text(column, 0))?;
        let (schema, table) = (text(relation, 1), text(relation, 2));
        let of = ColumnType {
            code: number(column, 3),
            modifier: text(column, 7).parse().unwrap_or(-1),
            nulls: nulls(text(column, 6)),
        };
        Some((Object::column(schema, table, text(column, 2)), of))
    };
    columns.iter().filter_map(typed).collect()
}

const TEXT: u32 = 25;
