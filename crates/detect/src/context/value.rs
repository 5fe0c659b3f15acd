//! What is known of a value before it is looked at: what the name of its column or key says.

use super::headers::{self, Strength, are_about_people, is_personal};
use super::label;
use super::topics::Topics;
use crate::finding::category::Category;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What the place of a value says about it. Made once for a column; copied for free.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ValueContext {
    pub(crate) topics: Topics,
    /// Whether the value has a name at all.
    pub(crate) named: bool,
    /// What the name says that the value is.
    pub(crate) said: Option<(Category, Strength)>,
    /// Whether the columns beside it are about people: then places and bare names are theirs.
    pub(crate) people: bool,
    /// Whether the text was hidden: nobody disguises a count, so that a check digit is enough.
    pub(crate) hidden: bool,
}

impl ValueContext {
    /// A value that nothing is known of.
    pub const NONE: Self =
        Self { topics: Topics::NONE, named: false, said: None, people: false, hidden: false };

    /// A value of a column, with the names of the columns beside it. For the value of a key in a
    /// document the column is the key, and its neighbours are the other keys of the object.
    #[must_use]
    pub fn of(column: &str, neighbours: &[&str]) -> Self {
        let people = are_about_people("", neighbours.iter().copied());
        Self { people, ..Self::named(column) }
    }

    /// A value of this name. Names are remembered, for the same few come again and again.
    pub(crate) fn named(name: &str) -> Self {
        if name.is_empty() {
            return Self::NONE;
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let slot = hasher.finish() as usize % NAMES_KEPT;
        NAMES.with_borrow_mut(|names| {
            if names.is_empty() {
                names.resize_with(NAMES_KEPT, || (String::new(), Self::NONE));
            }
            let (kept, context) = &mut names[slot];
            if kept != name {
                name.clone_into(kept);
                let said = headers::read(name).map(|(category, strength, _)| (category, strength));
                *context = Self { topics: label(name), named: true, said, ..Self::NONE };
            }
            *context
        })
    }

    /// Whether the name says anything about the value.
    pub(crate) fn says_something(&self) -> bool {
        self.said.is_some() || !self.topics.is_empty()
    }

    /// Whether the name says clearly that people are spoken of.
    pub(crate) fn is_personal(&self) -> bool {
        self.said.is_some_and(|(category, strength)| {
            strength == Strength::Clear && is_personal(category)
        })
    }
}

/// Names that a thread remembers.
const NAMES_KEPT: usize = 256;

thread_local! {
    static NAMES: RefCell<Vec<(String, ValueContext)>> = const { RefCell::new(Vec::new()) };
}
