//! Names of columns and tables that hold things, not people.

use super::headers::{THINGS, words};

/// Whether a column or a table of this name is one of things, whose names may look like those of
/// people. Wider than `names_thing`: it takes nothing from what the name itself says.
pub(crate) fn is_of_things(name: &str) -> bool {
    let is_one = |word: &str| THINGS.contains(&word) || MORE_THINGS.contains(&word);
    words(name).iter().any(|word| is_one(word) || word.strip_suffix('s').is_some_and(is_one))
}

/// Whether something is called a token or a key that lets nobody in: where a list goes on
/// (`nextPageToken`), what a form is told by (`csrf_token`), what is said of one (`token_type`,
/// `password_policy`, `api_key_id`).
pub(crate) fn opens_nothing(name: &str) -> bool {
    const PLACES: [&str; 10] = [
        "continuation",
        "cursor",
        "next",
        "page",
        "pagination",
        "prev",
        "previous",
        "resume",
        "sync",
        "watermark",
    ];
    const OF_FORMS: [&str; 2] = ["csrf", "xsrf"];
    const SAID_OF_IT: [&str; 6] = ["algorithm", "id", "ids", "policy", "type", "types"];
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_said_of_it = words.last().is_some_and(|last| SAID_OF_IT.contains(&last.as_str()));
    (has(&["token", "tokens"]) && (has(&PLACES) || has(&OF_FORMS)))
        || (has(&["key", "keys", "password", "token", "tokens"]) && is_said_of_it)
}

/// Whether a version of a program is called so: `version`, `firmwareVersion`.
pub(crate) fn is_version(name: &str) -> bool {
    const WORDS: [&str; 4] = ["version", "release", "build", "firmware"];
    words(name).last().is_some_and(|last| WORDS.contains(&last.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_places_and_forms_open_nothing() {
        for name in [
            "nextPageToken",
            "next_token",
            "continuationToken",
            "csrf_token",
            "X-CSRF-Token",
            "token_type",
            "password_policy",
            "api_key_id",
            "syncToken",
        ] {
            assert!(opens_nothing(name), "{name}");
        }
        for name in [
            "token",
            "access_token",
            "id_token",
            "refresh_token",
            "api_key",
            "next_password",
            "page_secret",
            "typeToken",
            "secret_id",
        ] {
            assert!(!opens_nothing(name), "{name}");
        }
        assert!(is_version("version") && is_version("firmwareVersion"));
        assert!(!is_version("version_host"));
    }
}
