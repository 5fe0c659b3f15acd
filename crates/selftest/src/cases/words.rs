//! Names in a text, and others in their place.

/// Puts other words in the place of some, wherever they stand: in code, in quotes, in literals
/// that are code themselves. `replaced` is given each word as it is written.
pub(super) fn replaced(sql: &str, replace: impl Fn(&Word<'_>) -> Option<String>) -> String {
    let mut out = String::new();
    for word in words(sql) {
        match replace(&word).filter(|_| word.is_name) {
            Some(other) => out.push_str(&other),
            None => out.push_str(word.text),
        }
    }
    out
}

/// A word of a text, or what stands between two.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Letters, digits and underscores.
    pub(super) is_name: bool,
    /// Double quotes stand on both sides.
    pub(super) is_quoted: bool,
}

/// All of it, in order.
pub(super) fn words(sql: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = sql;
    let mut before = None;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_name = part_of_name(first);
        let end = rest.find(|c| part_of_name(c) != is_name).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        let is_quoted = before == Some('"') && after.starts_with('"');
        before = text.chars().next_back();
        rest = after;
        Some(Word { text, is_name, is_quoted: is_name && is_quoted })
    })
}

fn part_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
