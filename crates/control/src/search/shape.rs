//! Shapes: all that can be asked of an exchange but whose it is and when it began.
//!
//! Most exchanges are of a shape that was there before. Such an exchange is one short row that
//! names its shape; objects, categories and statements are rows of the shape.

use super::words;
use aws_lc_rs::digest::{SHA256, digest};
use portreeve_model::{Outcome, Verdict};
use portreeve_reports::Exchange;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// The shape of an exchange.
#[derive(Debug, Serialize)]
pub(super) struct Shape<'e> {
    verdict: Option<i64>,
    ended: i64,
    rule: Option<Cow<'e, str>>,
    objects: BTreeSet<String>,
    categories: BTreeSet<Cow<'e, str>>,
    statements: BTreeSet<String>,
}

/// The ids of shapes that were met lately.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    known: HashMap<ShapeDigest, i64>,
}

/// SHA-256 of a shape: equal shapes are one row.
type ShapeDigest = [u8; 32];

/// Shapes whose ids are known at once.
const KNOWN_MAX: usize = 10_000;

impl Shapes {
    /// The id of a shape; one that is new is written.
    pub(super) fn id_of(
        &mut self,
        transaction: &Transaction<'_>,
        shape: &Shape<'_>,
    ) -> rusqlite::Result<i64> {
        let digest = shape.digest()?;
        if let Some(id) = self.known.get(&digest) {
            return Ok(*id);
        }
        let written = transaction
            .prepare_cached("SELECT id FROM shape WHERE digest = ?1")?
            .query_row([digest], |row| row.get(0))
            .optional()?;
        let id = match written {
            Some(id) => id,
            None => shape.write(transaction, digest)?,
        };
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(digest, id);
        Ok(id)
    }

    /// The exchanges of a session have no statements any more: they are of other shapes.
    pub(super) fn forget_statements(
        &mut self,
        transaction: &Transaction<'_>,
        session: i64,
    ) -> rusqlite::Result<()> {
        let shapes = "SELECT DISTINCT shape FROM exchange WHERE session = ?1";
        for before in numbers(transaction, shapes, session)? {
            let mut shape = Shape::load(transaction, before)?;
            if std::mem::take(&mut shape.statements).is_empty() {
                continue;
            }
            let after = self.id_of(transaction, &shape)?;
            // The `+`: a session has fewer exchanges than a shape.
            transaction
                .prepare_cached(
                    "UPDATE exchange SET shape = ?3 WHERE session = ?1 AND +shape = ?2",
                )?
                .execute([session, before, after])?;
            let is_unused = "SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM exchange WHERE shape = ?1)";
            for unused in numbers(transaction, is_unused, before)? {
                self.remove(transaction, unused)?;
            }
        }
        Ok(())
    }

    /// Takes out every shape that no exchange is of.
    pub(super) fn remove_unused(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let unused = "SELECT id FROM shape WHERE id >= ?1
            AND NOT EXISTS (SELECT 1 FROM exchange WHERE shape = id)";
        for unused in numbers(transaction, unused, 0)? {
            self.remove(transaction, unused)?;
        }
        Ok(())
    }

    /// Takes out a shape, with the statements and the objects that no other has.
    fn remove(&mut self, transaction: &Transaction<'_>, shape: i64) -> rusqlite::Result<()> {
        self.known.clear();
        let of = |table, column| format!("SELECT {column} FROM {table} WHERE shape = ?1");
        let statements = numbers(transaction, &of("stated", "statement"), shape)?;
        let objects = numbers(transaction, &of("touched", "object"), shape)?;
        for sql in [
            "DELETE FROM touched WHERE shape = ?1",
            "DELETE FROM category WHERE shape = ?1",
            "DELETE FROM stated WHERE shape = ?1",
            "DELETE FROM shape WHERE id = ?1",
        ] {
            transaction.prepare_cached(sql)?.execute([shape])?;
        }
        let is_unused = "NOT EXISTS (SELECT 1 FROM stated WHERE statement = ?1)";
        for statement in statements {
            transaction
                .prepare_cached(&format!(
                    "INSERT INTO words (words, rowid, text)
                     SELECT 'delete', id, text FROM statement WHERE id = ?1 AND {is_unused}"
                ))?
                .execute([statement])?;
            transaction
                .prepare_cached(&format!("DELETE FROM statement WHERE id = ?1 AND {is_unused}"))?
                .execute([statement])?;
        }
        let unused = "DELETE FROM object WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM touched WHERE object = ?1)";
        for object in objects {
            transaction.prepare_cached(unused)?.execute([object])?;
        }
        Ok(())
    }
}

impl<'e> Shape<'e> {
    /// That of an exchange.
    pub(super) fn of(exchange: &'e Exchange<'_>) -> Self {
        let rule = match exchange.outcome {
            Some(Outcome::Refused { rule, .. }) => rule.as_ref(),
            _ => exchange.withheld.or_else(|| exchange.reviews.first().map(|review| &review.rule)),
        };
        let needs = exchange.commands.iter().flat_map(|command| &command.needs);
        let objects = needs.map(|need| need.object.path.join("."));
        Self {
            verdict: exchange.verdict().map(verdict),
            ended: ended(exchange.outcome),
            rule: rule.map(|rule| Cow::Borrowed(rule.0.as_str())),
            objects: objects.filter(|path| !path.is_empty()).collect(),
            categories: categories(exchange),
            statements: exchange.commands.iter().map(words::of_command).collect(),
        }
    }

    fn digest(&self) -> rusqlite::Result<ShapeDigest> {
        let text = serde_json::to_vec(self)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let mut bytes = ShapeDigest::default();
        bytes.copy_from_slice(digest(&SHA256, &text).as_ref());
        Ok(bytes)
    }

    fn write(&self, transaction: &Transaction<'_>, digest: ShapeDigest) -> rusqlite::Result<i64> {
        transaction
            .prepare_cached(
                "INSERT INTO shape (digest, verdict, ended, rule) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![digest, self.verdict, self.ended, self.rule])?;
        let shape = transaction.last_insert_rowid();
        for name in &self.objects {
            let (object, _) = text_id(transaction, "object", "name", name)?;
            transaction
                .prepare_cached("INSERT INTO touched (object, shape) VALUES (?1, ?2)")?
                .execute([object, shape])?;
        }
        for name in &self.categories {
            transaction
                .prepare_cached("INSERT INTO category (name, shape) VALUES (?1, ?2)")?
                .execute(params![name, shape])?;
        }
        for text in &self.statements {
            let (statement, is_new) = text_id(transaction, "statement", "text", text)?;
            if is_new {
                transaction
                    .prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?
                    .execute(params![statement, text])?;
            }
            transaction
                .prepare_cached("INSERT INTO stated (statement, shape) VALUES (?1, ?2)")?
                .execute([statement, shape])?;
        }
        Ok(shape)
    }

    fn load(transaction: &Transaction<'_>, shape: i64) -> rusqlite::Result<Self> {
        let objects = "SELECT name FROM touched JOIN object ON id = object WHERE shape = ?1";
        let categories = "SELECT name FROM category WHERE shape = ?1";
        let statements =
            "SELECT text FROM stated JOIN statement ON id = statement WHERE shape = ?1";
        let (verdict, ended, rule) = transaction
            .prepare_cached("SELECT verdict, ended, rule FROM shape WHERE id = ?1")?
            .query_row([shape], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?))
            })?;
        let categories = texts(transaction, categories, shape)?;
        Ok(Self {
            verdict,
            ended,
            rule: rule.map(Cow::Owned),
            objects: texts(transaction, objects, shape)?,
            categories: categories.into_iter().map(Cow::Owned).collect(),
            statements: texts(transaction, statements, shape)?,
        })
    }
}

/// How an exchange ended, in the table.
pub(super) fn ended(outcome: Option<&Outcome>) -> i64 {
    match outcome {
        None => 0,
        Some(Outcome::Completed) => 1,
        Some(Outcome::Failed { .. }) => 2,
        Some(Outcome::Refused { .. }) => 3,
        Some(Outcome::Aborted { .. }) => 4,
    }
}

/// A verdict, in the table.
pub(super) fn verdict(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Review => 1,
        Verdict::Deny => 2,
    }
}

/// Categories that an exchange asked for, or that were masked, found or revealed in its reply.
fn categories<'e>(exchange: &'e Exchange<'_>) -> BTreeSet<Cow<'e, str>> {
    let asked = exchange.commands.iter().flat_map(|command| command.categories.keys());
    let revealed = exchange.commands.iter().flat_map(|command| &command.revealed);
    let detected = exchange.detected.iter().map(|found| &found.category);
    asked
        .chain(revealed.map(|revealed| &revealed.category))
        .chain(exchange.masked.keys())
        .chain(detected)
        .map(|category| Cow::Borrowed(category.0.as_str()))
        .collect()
}

/// The row of a text in a table of texts, and whether it is new there.
fn text_id(
    transaction: &Transaction<'_>,
    table: &str,
    column: &str,
    text: &str,
) -> rusqlite::Result<(i64, bool)> {
    let known = transaction
        .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?1"))?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok((id, false));
    }
    transaction
        .prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?1)"))?
        .execute([text])?;
    Ok((transaction.last_insert_rowid(), true))
}

fn numbers(transaction: &Transaction<'_>, sql: &str, of: i64) -> rusqlite::Result<Vec<i64>> {
    transaction.prepare_cached(sql)?.query_map([of], |row| row.get(0))?.collect()
}

fn texts(transaction: &Transaction<'_>, sql: &str, of: i64) -> rusqlite::Result<BTreeSet<String>> {
    transaction.prepare_cached(sql)?.query_map([of], |row| row.get(0))?.collect()
}
