//! What a request carries out: the classified fields of its body, and what detectors find in
//! it. Each is something that the caller writes, and that policy is asked about.

use crate::files::{NESTED_MAX, OPAQUE, Spelled, coded};
use crate::masking::is_json;
use crate::names::{NAME_BYTES_MAX, is_no_name, runs};
use crate::room::Work;
use portreeve_model::Object;
use portreeve_screen::{Place, Screen, TextScreen};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

/// What a protocol calls the fields of its requests.
pub trait Carried {
    /// The classified fields that a path names: by itself, or by each of its words.
    fn field(&self, path: &str) -> BTreeSet<Object>;

    /// The classified fields that a name means, in whatever writing.
    fn asked(&self, text: &str) -> BTreeSet<Object>;

    /// The classified fields that a text names where their values could follow.
    fn named_in(&self, text: &str) -> BTreeSet<Object>;

    /// What stands for all that detectors found of a category.
    fn found(&self, category: &str) -> BTreeSet<Object>;
}

/// What is looked into, and what was found so far.
pub struct Search<'a> {
    names: &'a dyn Carried,
    /// What is found is what would be masked in an answer: no more, and no less.
    screen: TextScreen,
    found: BTreeSet<Object>,
    /// What was found where it is not said which value is meant.
    firm: BTreeSet<Object>,
    /// Keys of which it is known what they ask for: they come again and again.
    keys: HashSet<String>,
    /// The same of paths.
    paths: HashSet<String>,
    paths_bytes: usize,
    work: Work,
    /// Texts that stand where a mask has left them: nobody's.
    masks: Vec<String>,
    /// In how many others the text stands that is looked at, written in other letters.
    nested: u8,
    /// What the list says that is being read, item by item.
    listed: Option<Spelled>,
}

impl fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("found", &self.found).finish_non_exhaustive()
    }
}

/// As much as is remembered of the paths of one request.
const PATHS_BYTES_MAX: usize = 128 << 10;

/// How sure a finding must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sureness {
    /// Whatever the detectors report.
    Any,
    /// Paths and fields are full of words that look like names.
    Certain,
}

/// The least score of what is certain, in percent.
const CERTAIN_MIN: u8 = 80;

impl<'a> Search<'a> {
    /// Nothing found yet.
    #[must_use]
    pub fn new(names: &'a dyn Carried, screen: &Arc<Screen>) -> Self {
        Self {
            names,
            screen: TextScreen::new(screen, Place::unnamed("request"), &[]),
            found: BTreeSet::new(),
            firm: BTreeSet::new(),
            keys: HashSet::new(),
            paths: HashSet::new(),
            paths_bytes: 0,
            work: Work::default(),
            masks: Vec::new(),
            nested: 0,
            listed: None,
        }
    }

    /// The same of something that was masked, with what stands in the place of values.
    #[must_use]
    pub fn behind_masks(self, masks: Vec<String>) -> Self {
        Self { masks, ..self }
    }

    /// What was found: each is something that is written.
    #[must_use]
    pub fn into_found(self) -> BTreeSet<Object> {
        self.found
    }

    /// What of it was named where nobody can say which value is meant.
    #[must_use]
    pub const fn firm(&self) -> &BTreeSet<Object> {
        &self.firm
    }

    /// Something of a category is carried.
    pub fn add_category(&mut self, category: &str) {
        self.found.extend(self.names.found(category));
    }

    /// A field is named.
    pub fn field(&mut self, path: &str) {
        if self.paths.contains(path) {
            return;
        }
        self.paths_bytes += path.len();
        if self.paths_bytes > PATHS_BYTES_MAX {
            (self.paths, self.paths_bytes) = (HashSet::new(), path.len());
        }
        self.paths.insert(path.to_owned());
        self.found.extend(self.work.more(path.len(), || self.names.field(path)));
    }

    /// A field of a form is named, which servers read in more than one writing.
    pub fn form_field(&mut self, name: &str) {
        self.found.extend(self.names.asked(name));
    }

    /// A member is named, which services read in more than one writing: `salary_gt`.
    fn asked_by(&mut self, key: &str) {
        if !self.keys.contains(key) {
            self.keys.insert(key.to_owned());
            self.found.extend(self.work.more(key.len(), || self.names.asked(key)));
        }
    }

    /// A value may be an expression that asks for fields: `{"sort": "salary desc"}`,
    /// `{"query": "{ people(filter: {salary_gt: 4000}) { id } }"}`, `sort=-salary`.
    pub fn expression(&mut self, name: &str, text: &str) {
        if asks(name) && is_expression(text) {
            let named = self.names.asked(text);
            self.firm.extend(named.iter().cloned());
            self.found.extend(named);
        }
    }

    /// A text may name fields.
    pub fn fields_of_text(&mut self, text: &str) {
        self.found.extend(self.work.more(text.len(), || self.names.named_in(text)));
    }

    /// A text may name fields where nobody can mask their values.
    pub fn firm_fields_of_text(&mut self, text: &str) {
        let named = self.names.named_in(text);
        self.firm.extend(named.iter().cloned());
        self.found.extend(named);
    }

    /// JSON: every value of every document, of a key that comes twice both.
    pub fn json(&mut self, text: &str) {
        let mut reader = serde_json::Deserializer::from_str(text);
        loop {
            let walk = Walk { search: self, path: "", key: None, levels: LEVELS_MAX };
            match walk.deserialize(&mut reader) {
                Ok(()) if reader.end().is_ok() => return,
                Ok(()) => {}
                Err(_) => break,
            }
        }
        self.text("", text, Sureness::Any);
        self.unread(text);
    }

    /// A document that cannot be read here. A server may read it all the same: with comments,
    /// `NaN`, half a letter, more levels. What is named in it is looked for as in a text.
    fn unread(&mut self, text: &str) {
        self.fields_of_text(text);
        self.add_category(OPAQUE);
    }

    /// A text under a name.
    pub fn text(&mut self, path: &str, text: &str, sureness: Sureness) {
        if self.masks.iter().any(|mask| mask == text) {
            return;
        }
        let own = path.rsplit('.').next().unwrap_or(path);
        for finding in self.screen.findings(own, text) {
            if sureness == Sureness::Any || finding.score >= CERTAIN_MIN {
                self.found.extend(self.names.found(finding.category.name()));
            }
        }
        for coded in coded(text) {
            match coded.text {
                None => self.add_category(OPAQUE),
                Some(said) => self.said(path, &said, sureness),
            }
        }
    }

    /// What is written in other letters is said all the same.
    fn said(&mut self, path: &str, text: &str, sureness: Sureness) {
        if self.nested >= NESTED_MAX {
            self.add_category(OPAQUE);
            return;
        }
        self.nested += 1;
        self.text(path, text, sureness);
        self.fields_of_text(text);
        self.nested -= 1;
    }

    /// A list is over that said something item by item.
    fn spelled(&mut self, path: &str, listed: Spelled) {
        match listed.into_text() {
            Some(Ok(text)) => self.said(path, &text, Sureness::Any),
            Some(Err(())) => self.add_category(OPAQUE),
            None => {}
        }
    }

    fn list(&mut self, item: Option<&[u8]>) {
        self.listed = self.listed.take().and_then(|listed| listed.with(item));
    }
}

/// Looks at every value of a document, of a key that comes twice at both.
struct Walk<'s, 'a, 'p> {
    search: &'s mut Search<'a>,
    path: &'p str,
    /// The key in front of the value; none where it was asked already what it names: of an array
    /// it is one.
    key: Option<&'p str>,
    /// How many levels may still be inside: of this document, and of those that stand in it as
    /// texts, together. Each takes up a piece of the stack.
    levels: u8,
}

/// The most levels of a document and of those in it.
const LEVELS_MAX: u8 = 127;

impl Walk<'_, '_, '_> {
    /// Something is said under the key, and not only whether it is so.
    fn says(&mut self) {
        if let Some(key) = self.key.take() {
            self.search.asked_by(key);
        }
    }

    /// How many levels may be in what stands here.
    fn inside<E: Error>(&self) -> Result<u8, E> {
        self.levels.checked_sub(1).ok_or_else(|| E::custom("it is too deep"))
    }

    fn number(mut self, number: &str) {
        self.says();
        // An amount that is taken away is one, and so is the number of a card.
        let digits = number.strip_prefix('-').unwrap_or(number);
        self.search.text(self.path, digits, Sureness::Any);
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.key.is_some() {
            self.search.field(self.path);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.search.list(None);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.search.list(None);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.search.list(None);
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        let byte = u8::try_from(number).ok();
        self.search.list(byte.as_ref().map(std::slice::from_ref));
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.search.list(None);
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.says();
        self.search.list(Spelled::letter(text));
        self.search.text(self.path, text, Sureness::Any);
        if is_json(text) {
            // Its names count, too. It has fewer escapes than what it stands in, so this ends.
            let (path, levels) = (self.path, self.levels);
            let inner = Walk { search: &mut *self.search, path, key: None, levels };
            let read = inner.deserialize(&mut serde_json::Deserializer::from_str(text));
            if read.is_err() {
                self.search.unread(text);
            }
            return Ok(());
        }
        self.search.fields_of_text(text);
        // `{"op": "replace", "path": "/salary"}`: a name as a value means what it names.
        let pointed = text.trim_start_matches(['/', '$', '.', '#', '@', '-', '+', '!', '~']);
        let mut named = BTreeSet::new();
        if pointed.len() < text.len() || !text.contains(char::is_whitespace) {
            let parts = pointed.split(['/', '.']);
            named.extend(parts.flat_map(|part| self.search.names.field(part)));
        }
        let own = self.path.rsplit('.').next().unwrap_or(self.path);
        self.search.expression(own, text);
        self.search.firm.extend(named.iter().cloned());
        self.search.found.extend(named);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.says();
        let levels = self.inside()?;
        self.search.listed = Some(Spelled::default());
        loop {
            let item = Walk { search: &mut *self.search, path: self.path, key: None, levels };
            if items.next_element_seed(item)?.is_none() {
                break;
            }
        }
        if let Some(listed) = self.search.listed.take() {
            self.search.spelled(self.path, listed);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        self.says();
        self.search.listed = None;
        let levels = self.inside()?;
        while let Some(key) = fields.next_key::<String>()? {
            let name = key.clone();
            self.search.text("", &name, Sureness::Any);
            if is_no_name(&name) {
                self.search.add_category(OPAQUE);
            }
            let key_bytes = name.len();
            let name = match self.path {
                "" => name,
                outer => format!("{outer}.{name}"),
            };
            // `salary.amount` is an `amount` of a `salary`.
            let begin = name.len() - key_bytes;
            for (at, _) in name.match_indices('.').filter(|(at, _)| *at > begin) {
                self.search.field(name.get(..at).unwrap_or_default());
            }
            // What is further out names nothing more.
            let from = name.len().saturating_sub(2 * NAME_BYTES_MAX);
            let from = (from..=name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(0);
            let path = name.get(from..).unwrap_or(&name);
            let value = Walk { search: &mut *self.search, path, key: Some(&key), levels };
            fields.next_value_seed(value)?;
        }
        Ok(())
    }
}

/// Whether a member holds what is asked for, in a language of the service.
fn asks(key: &str) -> bool {
    const WORDS: [&str; 21] = [
        "by",
        "columns",
        "condition",
        "conditions",
        "criteria",
        "expr",
        "expression",
        "fields",
        "filter",
        "filters",
        "group",
        "having",
        "order",
        "predicate",
        "q",
        "query",
        "search",
        "select",
        "sort",
        "sql",
        "where",
    ];
    runs(key).any(|run| WORDS.contains(&run.as_str()))
}

/// Whether a text is an expression. Prose asks for nothing by a name: models are asked in it.
fn is_expression(text: &str) -> bool {
    const DIRECTIONS: [&str; 4] = ["asc", "ascending", "desc", "descending"];
    const OPERATORS: [&str; 10] =
        ["contains", "eq", "ge", "gt", "in", "is", "le", "like", "lt", "ne"];
    if text.contains(['(', '{', '[', '<', '>', '=', '|', '&', '$', '*']) {
        return true;
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().take(4).collect();
    match words.as_slice() {
        [_] => true,
        [_, direction] => DIRECTIONS.contains(direction),
        [_, operator, _] => OPERATORS.contains(operator),
        _ => {
            let has = |word| lower.contains(word);
            has("order by ") || has("group by ") || (has("select ") && has(" from "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Salary;

    impl Carried for Salary {
        fn field(&self, path: &str) -> BTreeSet<Object> {
            self.found(path.rsplit('.').next().filter(|own| *own == "salary").unwrap_or_default())
        }

        fn asked(&self, _: &str) -> BTreeSet<Object> {
            BTreeSet::new()
        }

        fn named_in(&self, text: &str) -> BTreeSet<Object> {
            self.found(if text.contains("salary") { "salary" } else { "" })
        }

        fn found(&self, category: &str) -> BTreeSet<Object> {
            let object = Object { path: vec![category.to_owned()], ..Object::resource() };
            std::iter::once(object).filter(|_| !category.is_empty()).collect()
        }
    }

    fn found(text: &str) -> Vec<String> {
        let mut search = Search::new(&Salary, &Arc::default());
        search.json(text);
        search.into_found().into_iter().flat_map(|object| object.path).collect()
    }

    /// Documents as texts in each other, with so many brackets around each.
    fn nested(inner: &str, documents: usize, (open, close): (&str, &str), levels: usize) -> String {
        (0..documents).fold(inner.to_owned(), |text, _| {
            let text = serde_json::Value::from(text).to_string();
            format!("{}{text}{}", open.repeat(levels), close.repeat(levels))
        })
    }

    /// However few bytes there are of it: what a stack holds is counted through all documents.
    #[test]
    fn documents_in_each_other_take_up_a_stack_that_is_bounded() {
        // Half of what a worker has.
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let looked = small.spawn(|| {
            for brackets in [("[", "]"), ("{\"a\":", "}")] {
                for levels in [1, 12, 40, 90, 120] {
                    let text = nested("{\"salary\":1}", 10, brackets, levels);
                    let found = found(&text);
                    assert!(found.contains(&OPAQUE.to_owned()) || found.contains(&"salary".into()));
                }
            }
        });
        looked.unwrap().join().unwrap();
    }

    #[test]
    fn what_stands_too_deep_in_a_text_is_opaque_and_named_all_the_same() {
        assert_eq!(found(&nested("{\"salary\":1}", 2, ("[", "]"), 10)), ["salary"]);
        let deep = format!("{}{{\"salary\":1}}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(found(&serde_json::json!({"a": deep}).to_string()), ["opaque", "salary"]);
    }
}
