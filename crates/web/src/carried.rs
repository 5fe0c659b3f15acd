//! What a request carries out: the classified fields of its body, and what detectors find in
//! it. Each is something that the caller writes, and that policy is asked about.

use crate::masking::is_json;
use crate::names::{NAME_BYTES_MAX, is_no_name};
use portreeve_model::Object;
use portreeve_screen::{Place, Screen, TextScreen};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The category of what nobody can look into.
pub const OPAQUE: &str = "opaque";

/// What a protocol calls the fields of its requests.
pub trait Carried {
    /// The classified field that a path names, if it names one.
    fn field(&self, path: &str) -> Option<Object>;

    /// The classified fields that a name means, in whatever writing.
    fn asked(&self, text: &str) -> BTreeSet<Object>;

    /// The classified fields that a text names where their values could follow.
    fn named_in(&self, text: &str) -> BTreeSet<Object>;

    /// What stands for all that detectors found of a category.
    fn found(&self, category: &str) -> Object;
}

/// What is looked into, and what was found so far.
pub struct Search<'a> {
    names: &'a dyn Carried,
    /// What is found is what would be masked in an answer: no more, and no less.
    screen: TextScreen,
    found: BTreeSet<Object>,
    /// What was found where it is not said which value is meant.
    firm: BTreeSet<Object>,
    /// Texts that stand where a mask has left them: nobody's.
    masks: Vec<String>,
}

impl fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("found", &self.found).finish_non_exhaustive()
    }
}

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
            masks: Vec::new(),
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
        self.found.insert(self.names.found(category));
    }

    /// A field is named.
    pub fn field(&mut self, path: &str) {
        self.found.extend(self.names.field(path));
    }

    /// A field of a form is named, which servers read in more than one writing.
    pub fn form_field(&mut self, name: &str) {
        self.found.extend(self.names.asked(name));
    }

    /// A text may name fields.
    pub fn fields_of_text(&mut self, text: &str) {
        self.found.extend(self.names.named_in(text));
    }

    /// JSON: every value of every document, of a key that comes twice both.
    pub fn json(&mut self, text: &str) {
        let mut reader = serde_json::Deserializer::from_str(text);
        loop {
            let walk = Walk { search: self, path: "", is_asked: false };
            match walk.deserialize(&mut reader) {
                Ok(()) if reader.end().is_ok() => return,
                Ok(()) => {}
                Err(_) => break,
            }
        }
        // A server may read what this reader does not.
        self.text("", text, Sureness::Any);
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
                self.found.insert(self.names.found(finding.category.name()));
            }
        }
    }
}

/// Looks at every value of a document, of a key that comes twice at both.
struct Walk<'s, 'a, 'p> {
    search: &'s mut Search<'a>,
    path: &'p str,
    /// Whether it was asked already what is known of the path: of an array it is one.
    is_asked: bool,
}

impl Walk<'_, '_, '_> {
    fn number(self, number: &str) {
        self.search.text(self.path, number, Sureness::Any);
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.is_asked {
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
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.number(&number.to_string());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.search.text(self.path, text, Sureness::Any);
        if is_json(text) {
            // Its names count, too. It has fewer escapes than what it stands in, so this ends.
            let inner = Walk { search: self.search, path: self.path, is_asked: true };
            let _ = inner.deserialize(&mut serde_json::Deserializer::from_str(text));
            return Ok(());
        }
        self.search.fields_of_text(text);
        // `{"op": "replace", "path": "/salary"}`: a name as a value means what it names.
        let pointed = text.trim_start_matches(['/', '$', '.', '#', '@']);
        if pointed.len() < text.len() || !text.contains(char::is_whitespace) {
            for object in pointed.split(['/', '.']).filter_map(|part| self.search.names.field(part))
            {
                self.search.firm.insert(object.clone());
                self.search.found.insert(object);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let item = Walk { search: &mut *self.search, path: self.path, is_asked: true };
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
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
            fields.next_value_seed(Walk { search: &mut *self.search, path, is_asked: false })?;
        }
        Ok(())
    }
}
