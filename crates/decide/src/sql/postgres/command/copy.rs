//! `COPY`: what it reads or writes, and how its data look on the wire.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};
use std::sync::Arc;

use crate::sql::catalog::Catalog;
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::expression::strings;
use crate::sql::statement::{Copy, CopyDirection, CopyFormat, sqlstate};

impl Analyzer<'_> {
    /// `COPY table FROM`: rows of the client go into the table.
    /// Says how many columns a row has.
    pub(in crate::sql) fn copy_in(
        &mut self,
        statement: &pg::CopyStmt,
        relation: &pg::RangeVar,
    ) -> u16 {
        let found = self.relations(relation);
        if found.is_system {
            self.administer();
            self.refuse("system catalogs cannot be written through the gateway".into());
        }
        let mut scope = Scope::outermost();
        self.bound(true);
        for relation in &found.user {
            self.need(Action::Write, Object::table(&relation.schema, &relation.name));
            if relation.has_rules {
                self.refuse("what a write to a relation with rules does is not known".into());
            }
            self.moves_search_path |= relation.has_triggers && !self.catalog.knows_code;
            self.runs(&relation.code.insert);
            self.touched |= relation.has_triggers && !self.catalog.knows_code
                || relation.code.reaches_classified
                || !relation.columns.is_clean();
            self.written.join(&copied_into(&relation.columns, statement, self.catalog).sources);
            let item = Item::named(Some(relation.name.clone()), relation.columns.clone());
            scope.items.push(Item { is_table: true, ..item });
        }
        self.condition(statement.where_clause.as_deref(), &scope);
        let named = match statement.attlist.len() {
            0 => found.user.first().map_or(0, |it| it.columns.list.len() - it.generated.len()),
            some => some,
        };
        u16::try_from(named).unwrap_or(0)
    }

    /// `COPY table (columns) TO`: the columns in their order, generated ones left out.
    pub(in crate::sql) fn copy_columns(
        &mut self,
        statement: &pg::CopyStmt,
        relation: &pg::RangeVar,
    ) -> Columns {
        let (columns, _, _) = self.read(relation);
        let generated: Vec<Vec<String>> = self
            .relations(relation)
            .user
            .iter()
            .map(|relation| relation.generated.clone())
            .collect();
        if statement.attlist.is_empty() {
            if !generated.iter().all(|names| Some(names) == generated.first()) {
                return Columns::open(columns.mixed());
            }
            let left_out = generated.into_iter().next().unwrap_or_default();
            let mut columns = Arc::unwrap_or_clone(columns);
            columns.list.retain(|column| !left_out.iter().any(|name| **name == *column.name));
            return columns;
        }
        let Some(names) = strings(&statement.attlist) else {
            return Columns::open(self.not_understood("a column list"));
        };
        let mut chosen = Columns::default();
        for name in names {
            let lineage = match (columns.find(name, self.catalog), &columns.rest) {
                (Some(lineage), None) => lineage,
                (Some(lineage), Some(rest)) => lineage.either(rest, self.catalog),
                (None, Some(rest)) => rest.clone(),
                (None, None) => {
                    let table = &relation.relname;
                    self.refuse_as(
                        sqlstate::UNDEFINED_COLUMN,
                        format!("column \"{name}\" of relation \"{table}\" does not exist"),
                    );
                    self.everything()
                }
            };
            chosen.list.push(Column::new(name, lineage));
        }
        chosen
    }
}

/// The columns that rows of the client go into, together.
fn copied_into(columns: &Columns, statement: &pg::CopyStmt, catalog: &Catalog) -> Lineage {
    let names = strings(&statement.attlist).unwrap_or_default();
    if names.is_empty() {
        return columns.mixed();
    }
    let mut all = Lineage::CLEAN;
    names.iter().filter_map(|name| columns.find(name, catalog)).for_each(|own| all.mix(&own));
    all
}

/// Reads the options. Anything that is not understood is refused: the masker must know
/// where a field ends.
pub(in crate::sql) fn options(statement: &pg::CopyStmt) -> Result<Copy, String> {
    let mut format = CopyFormat::Text;
    let (mut delimiter, mut null, mut header) = (None, None, false);
    let (mut quote, mut escape) = (None, None);
    for option in &statement.options {
        let Some(NodeEnum::DefElem(option)) = &option.node else {
            return Err("a COPY option is not understood by the gateway".into());
        };
        match option.defname.to_ascii_lowercase().as_str() {
            "format" => {
                format = match text(option).to_ascii_lowercase().as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    other => return Err(format!("COPY format `{other}` is not understood")),
                }
            }
            "delimiter" => delimiter = Some(byte(option)?),
            "null" => null = Some(text(option)),
            "header" => header = is_header(option)?,
            "quote" => quote = Some(byte(option)?),
            "escape" => escape = Some(byte(option)?),
            "encoding" => {
                let encoding = text(option).to_ascii_lowercase();
                if !matches!(encoding.as_str(), "utf8" | "utf-8" | "unicode") {
                    return Err("COPY is possible in the encoding UTF8 only".into());
                }
            }
            "freeze" | "force_quote" | "force_not_null" | "force_null" | "default" | "on_error"
            | "log_verbosity" | "reject_limit" => {}
            other => return Err(format!("COPY option `{other}` is not understood")),
        }
    }
    let is_csv = format == CopyFormat::Csv;
    let quote = quote.unwrap_or(b'"');
    Ok(Copy {
        direction: if statement.is_from { CopyDirection::In } else { CopyDirection::Out },
        columns_in: 0,
        format,
        delimiter: delimiter.unwrap_or(if is_csv { b',' } else { b'\t' }),
        null: null.unwrap_or_else(|| if is_csv { String::new() } else { "\\N".into() }),
        header,
        quote,
        escape: escape.unwrap_or(quote),
    })
}

fn text(option: &pg::DefElem) -> String {
    match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        Some(NodeEnum::TypeName(name)) => {
            crate::sql::postgres::value::expression::last_name(&name.names)
                .unwrap_or_default()
                .to_owned()
        }
        Some(NodeEnum::Integer(number)) => number.ival.to_string(),
        Some(NodeEnum::Boolean(truth)) => truth.boolval.to_string(),
        _ => String::new(),
    }
}

fn byte(option: &pg::DefElem) -> Result<u8, String> {
    match text(option).as_bytes() {
        [only] if only.is_ascii() => Ok(*only),
        _ => Err(format!("COPY option `{}` is understood as one byte only", option.defname)),
    }
}

fn is_header(option: &pg::DefElem) -> Result<bool, String> {
    if option.arg.is_none() {
        return Ok(true);
    }
    match text(option).to_ascii_lowercase().as_str() {
        "true" | "on" | "1" | "match" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err("COPY option `header` is not understood".into()),
    }
}
