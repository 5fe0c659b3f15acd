//! Names of columns and tables that hold things, not people.

use super::headers::{THINGS, words};

/// Whether a column or a table of this name is one of things, whose names may look like those of
/// people. Wider than `names_thing`: it takes nothing from what the name itself says.
pub(crate) fn is_of_things(name: &str) -> bool {
    let is_one = |word: &str| THINGS.contains(&word) || MORE_THINGS.contains(&word);
    words(name).iter().any(|word| is_one(word) || word.strip_suffix('s').is_some_and(is_one))
}

const MORE_THINGS: &[&str] = &[
    "article",
    "category",
    "component",
    "dish",
    "genre",
    "ingredient",
    "job",
    "label",
    "library",
    "media",
    "menu",
    "part",
    "plant",
    "playlist",
    "queue",
    "recipe",
    "repo",
    "repository",
    "sku",
    "task",
    "theme",
    "title",
    "topic",
    "track",
];
