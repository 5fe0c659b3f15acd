//! What is known of a value before it is looked at: what the name of its column or key says.

use super::headers::{self, Strength, are_about_people, is_personal};
use super::label;
use super::things::{self, is_version, opens_nothing};
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
    /// Whether the name says that things are named: then a bare name is one of theirs.
    pub(crate) things: bool,
    /// Whether the text was hidden: nobody disguises a count, so that a check digit is enough.
    pub(crate) hidden: bool,
}

impl ValueContext {
    /// A value that nothing is known of.
    pub const NONE: Self = Self {
        topics: Topics::NONE,
        named: false,
        said: None,
        people: false,
        things: false,
        hidden: false,
    };

    /// A value of a column, with the names of the columns beside it. For the value of a key in a
    /// document the column is the key, and its neighbours are the other keys of the object.
    #[must_use]
    pub fn of(column: &str, neighbours: &[&str]) -> Self {
        let people = are_about_people("", neighbours.iter().copied());
        Self { people, ..Self::named(column) }
    }

    /// A value of a column that goes by several names, the most telling first: its own, and the
    /// one that a result gives it. What a renamed column is does not change with its name.
    #[must_use]
    pub fn of_names(names: &[&str]) -> Self {
        let contexts = names.iter().map(|name| Self::named(name));
        contexts.fold(Self::NONE, |known, next| Self {
            topics: known.topics.or(next.topics),
            named: known.named || next.named,
            said: known.said.or(next.said),
            things: known.things || next.things,
            ..Self::NONE
        })
    }

    /// The same beside columns of which one is clearly about people.
    #[must_use]
    pub fn beside_people(self, people: bool) -> Self {
        Self { people, ..self }
    }

    /// The same in a table of this name: one of products names products.
    #[must_use]
    pub fn in_table(self, name: &str) -> Self {
        Self { things: self.things || Self::named(name).things, ..self }
    }

    /// How sure a model has to be, in percent, that words are the name of a person: of the names
    /// of things many look like those of people. Nothing makes it sure of a few words in a column
    /// of things.
    #[must_use]
    pub fn name_score_min(&self, text: &str) -> u8 {
        let is_prose = || text.split_ascii_whitespace().nth(PROSE_WORDS_MIN - 1).is_some();
        match self.said {
            _ if self.people => NAME_SCORE_MIN,
            Some((Category::PersonName, Strength::Clear)) => NAME_SCORE_MIN,
            _ if self.things && !is_prose() => NAME_SCORE_NEVER,
            _ => NAME_SCORE_ALONE,
        }
    }

    /// Whether a column of this name is clearly about people.
    #[must_use]
    pub fn is_about_people(name: &str) -> bool {
        Self::named(name).is_personal()
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
                // An address in the place of a name says nothing about the value.
                let read = headers::read(name).filter(|_| !name.contains('@'));
                let said = read.map(|(category, strength, _)| (category, strength));
                let said = said.filter(|(it, _)| *it != Category::Secret || !opens_nothing(name));
                let things = things::is_of_things(name);
                let topics = topics_of(name);
                *context = Self { topics, named: true, said, things, ..Self::NONE };
            }
            *context
        })
    }

    /// Whether the name says anything about the value.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.said.is_some() || !self.topics.is_empty()
    }

    /// Whether the name says clearly that people are spoken of.
    pub(crate) fn is_personal(&self) -> bool {
        self.said.is_some_and(|(category, strength)| {
            strength == Strength::Clear && is_personal(category)
        })
    }
}

/// What the words of a name announce.
fn topics_of(name: &str) -> Topics {
    let topics = match opens_nothing(name) {
        true => label(name).without(Topics::SECRET),
        false => label(name),
    };
    match is_version(name) {
        true => topics.or(Topics::VERSION),
        false => topics,
    }
}

/// Where people are spoken of anyway.
const NAME_SCORE_MIN: u8 = 50;
/// Where nothing says that they are.
const NAME_SCORE_ALONE: u8 = 78;
const NAME_SCORE_NEVER: u8 = 101;
/// The names of most things are shorter.
const PROSE_WORDS_MIN: usize = 5;

/// Names that a thread remembers.
const NAMES_KEPT: usize = 256;

thread_local! {
    static NAMES: RefCell<Vec<(String, ValueContext)>> = const { RefCell::new(Vec::new()) };
}
