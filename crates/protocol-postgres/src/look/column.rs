//! The columns of a result that are looked through.

use super::kind::Kind;
use super::typed::Typed;
use super::{Look, Written};
use crate::wire::value_kind;
use portreeve_decide::mask::Masker;
use portreeve_decide::sql::RowsOf;
use portreeve_model::{Detected, Object, Unclassified};
use portreeve_screen::{Masking, Place, Screen, Shown, TextScreen, ValueContext, Wording};
use portreeve_sql::{Fit, Plan, Texts};
use std::sync::Arc;

/// Says whether a column is cleared: its operator has said that nobody is in it.
pub type ClearColumn = Arc<dyn Fn(&Object) -> bool + Send + Sync>;

/// What a resource says of texts that nobody has classified.
#[derive(Clone)]
pub struct Screening {
    /// The rules.
    pub screen: Arc<Screen>,
    /// The columns that are cleared.
    pub clears: ClearColumn,
}

impl Default for Screening {
    fn default() -> Self {
        Self { screen: Arc::default(), clears: Arc::new(|_| false) }
    }
}

impl std::fmt::Debug for Screening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screening").field("mode", &self.screen.mode()).finish_non_exhaustive()
    }
}

/// A column that is looked through.
#[derive(Debug)]
pub(crate) struct ColumnLook {
    plan: Arc<Plan>,
    screen: TextScreen,
    written: Written,
    fit: Fit,
    /// The column under which what it shows in place of a value is remembered.
    shown: Option<u64>,
}

/// A column of a result, as far as looking is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColumnUse<'c> {
    pub(crate) name: &'c str,
    /// The oid of its type; 0 where nobody knows it.
    pub(crate) code: u32,
    pub(crate) format: i16,
    pub(crate) fit: &'c Fit,
}

/// A column with its table's and its own name.
type OpenColumn<'c> = ((&'c Texts, &'c ColumnUse<'c>), &'c (String, String));

impl Screening {
    /// The looks at a result's columns; none where there is nothing to look for.
    pub(crate) fn looks(
        &self,
        plan: &Arc<Plan>,
        columns: &[ColumnUse<'_>],
    ) -> Vec<Option<ColumnLook>> {
        if self.screen.mode() == Unclassified::Clear {
            return columns.iter().map(|_| None).collect();
        }
        let texts = plan.texts(columns.len());
        // Table and column.
        let about = |texts: &Texts| match texts {
            Texts::Open { about: Some(about), .. } => match about.path.as_slice() {
                [_, table, column] => (table.clone(), column.clone()),
                _ => (String::new(), String::new()),
            },
            Texts::Open { about: None, .. } | Texts::Settled => (String::new(), String::new()),
        };
        let own: Vec<(String, String)> = texts.iter().map(about).collect();
        let people = own
            .iter()
            .map(|(_, column)| column.as_str())
            .chain(columns.iter().map(|column| column.name))
            .any(ValueContext::is_about_people);
        let look = |((texts, column), (table, own)): OpenColumn<'_>| match texts {
            Texts::Settled => None,
            Texts::Open { origin: Some(origin), .. } if (self.clears)(origin) => None,
            Texts::Open { origin, .. } => {
                let context = match plan.statement.rows_of {
                    RowsOf::Tables => {
                        let context = ValueContext::of_names(&[own, column.name]);
                        context.beside_people(people).in_table(table)
                    }
                    // What the client calls its own words says nothing of them.
                    RowsOf::Server | RowsOf::Client => ValueContext::NONE,
                };
                self.look(plan, origin.clone(), *column, context)
            }
        };
        texts.iter().zip(columns).zip(&own).map(look).collect()
    }

    fn look(
        &self,
        plan: &Arc<Plan>,
        origin: Option<Arc<Object>>,
        column: ColumnUse<'_>,
        context: ValueContext,
    ) -> Option<ColumnLook> {
        let written = Written { code: column.code, format: column.format };
        let is_idle = match Kind::of(written, &plan.snapshot().made_types) {
            Kind::Settled => true,
            Kind::Typed(Typed::Address) => false,
            // Only its name can make a number somebody's.
            Kind::Typed(_) => !context.says_something(),
            Kind::Text
            | Kind::Json
            | Kind::PackedJson
            | Kind::Xml
            | Kind::Bytes
            | Kind::Array(_)
            | Kind::Row(_)
            | Kind::Pairs
            | Kind::Unknown
            | Kind::Opaque => false,
        };
        if is_idle {
            return None;
        }
        let shown = origin.as_ref().and_then(|origin| plan.shown().column_of(origin));
        let place = match origin {
            Some(origin) => Place::of(origin, column.name),
            None => Place::unnamed(column.name),
        };
        let wording = match plan.statement.rows_of {
            RowsOf::Tables | RowsOf::Client => Wording::Anybodys,
            RowsOf::Server => Wording::Servers,
        };
        let screen = TextScreen::within(&self.screen, place, context).worded(wording);
        Some(ColumnLook { plan: plan.clone(), screen, written, fit: column.fit.clone(), shown })
    }

    /// A look at a text that is no value of a column.
    pub(crate) fn message(&self, place: &str) -> TextScreen {
        TextScreen::within(&self.screen, Place::unnamed(place), ValueContext::NONE)
    }
}

impl ColumnLook {
    /// Appends what may be shown of a value to `out`, so that its column takes it, where that is
    /// not all of it.
    pub(crate) fn value(&mut self, value: &[u8], masker: &Masker, out: &mut Vec<u8>) -> Shown {
        let start = out.len();
        let shown = self.shown_for(value, masker, out);
        if let (Shown::Replaced, Some(column)) = (shown, self.shown) {
            let kind = value_kind(self.written.code, self.written.format);
            let after = out.get(start..).unwrap_or_default();
            self.plan.shown().remember_within(column, value, after, kind);
        }
        shown
    }

    fn shown_for(&mut self, value: &[u8], masker: &Masker, out: &mut Vec<u8>) -> Shown {
        let plan = &self.plan;
        let reveals = |object: &Object, category: &_| plan.reveals(object, category);
        let masking = Masking { masker, reveals: &reveals };
        let made = &plan.snapshot().made_types;
        let start = out.len();
        let mut look = Look { screen: &mut self.screen, masking: &masking, made, depth: 0 };
        let shown = look.value(self.written, value, out);
        match (shown, self.fit.chars_max, &self.fit.constant) {
            (Shown::Replaced, Some(chars_max), _) if self.is_longer(out, start, chars_max) => {
                out.truncate(start);
                let category = self.screen.last_found();
                masker.mask_short(category, value, chars_max, out);
                Shown::Replaced
            }
            (Shown::Null, _, Some(constant)) => {
                out.truncate(start);
                out.extend_from_slice(constant);
                Shown::Replaced
            }
            (Shown::Null, _, None) => {
                out.truncate(start);
                Shown::Null
            }
            (Shown::AsIs | Shown::Replaced, _, _) => shown,
        }
    }

    fn is_longer(&self, out: &[u8], start: usize, chars_max: usize) -> bool {
        let text = out.get(start..).unwrap_or_default();
        text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() > chars_max
    }

    /// Takes what was found so far.
    pub(crate) fn drain(&mut self, into: &mut Vec<Detected>) {
        self.screen.drain(into);
    }
}
