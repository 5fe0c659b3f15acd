//! The operators of `pg_catalog`, by name.
//!
//! Anything else is an operator that somebody made, and its function can do anything.

/// Sorted by byte.
const BUILTIN: &[&str] = &[
    "!!", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "%", "&", "&&", "&<", "&<|",
    "&>", "*", "*<", "*<=", "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<",
    "<->", "<<", "<<=", "<<|", "<=", "<>", "<@", "<^", "=", ">", ">=", ">>", ">>=", ">^", "?",
    "?#", "?&", "?-", "?-|", "?|", "?||", "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|",
    "|&>", "|/", "|>>", "||", "||/", "~", "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~", "~~*",
];

/// Operators that never fail on a value of their left side and tell nothing but the value:
/// concatenation, and the parts of a JSON document.
const TOTAL: &[&str] = &["||", "->", "->>", "#>", "#>>"];

pub(in crate::sql) fn is_builtin(name: &str) -> bool {
    BUILTIN.binary_search(&name).is_ok()
}

pub(in crate::sql) fn is_total(name: &str) -> bool {
    TOTAL.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(BUILTIN.is_sorted());
        assert!(is_builtin("=") && is_builtin("~~*") && !is_builtin("==="));
    }
}
