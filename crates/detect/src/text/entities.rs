//! Entities of HTML and XML: those with a number, and the names of HTML.

use entities::ENTITIES;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Bytes of the longest entity that is read, with its marks. The names of HTML that are longer
/// stand for signs of mathematics.
const BYTES_MAX: usize = 26;

/// What a name of HTML stands for, without its marks: one character, or two.
#[must_use]
pub fn named_entity(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let name = |entity: &'static str| entity.strip_prefix('&')?.strip_suffix(';');
        ENTITIES.iter().filter_map(|it| Some((name(it.entity)?, it.characters))).collect()
    });
    NAMES.get(name).copied()
}

/// The character of the entity that `text` begins with, and the length of the entity. What is no
/// entity, or stands for several characters, stands for itself.
pub(crate) fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(BYTES_MAX).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => {
            let mut chars = named_entity(name)?.chars();
            let first = chars.next()?;
            chars.next().is_none().then_some(first)?
        }
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check;

    #[test]
    fn numbers_and_names_mean_the_same() {
        assert_eq!(entity("&#173;x"), Some(('\u{ad}', 6)));
        assert_eq!((entity("&shy;"), entity("&#xAD;")), (Some(('\u{ad}', 5)), Some(('\u{ad}', 6))));
        assert_eq!((entity("&unknown;"), entity("&amp"), entity("&;")), (None, None, None));
        // Of every block of Unicode that names have, and of those that stand for two characters.
        for (name, text) in [
            ("UnderBar", "_"),
            ("scaron", "š"),
            ("Lstrok", "Ł"),
            ("Alpha", "Α"),
            ("Acy", "А"),
            ("Afr", "𝔄"),
            ("fjlig", "fj"),
        ] {
            assert_eq!(named_entity(name), Some(text), "{name}");
        }
        for hidden in ["eva&ZeroWidthSpace;@example.org", "eva&#8203;@example.org"] {
            check(hidden, &[&format!("email:{hidden}")]);
        }
    }

    #[test]
    fn every_name_that_values_are_hidden_behind_is_known() {
        let known = [
            ("amp", '&'),
            ("lt", '<'),
            ("gt", '>'),
            ("quot", '"'),
            ("apos", '\''),
            ("nbsp", '\u{a0}'),
            ("ensp", '\u{2002}'),
            ("emsp", '\u{2003}'),
            ("thinsp", '\u{2009}'),
            ("commat", '@'),
            ("period", '.'),
            ("hyphen", '\u{2010}'),
            ("dash", '\u{2010}'),
            ("ndash", '\u{2013}'),
            ("plus", '+'),
            ("colon", ':'),
            ("sol", '/'),
            ("lowbar", '_'),
            ("zwj", '\u{200d}'),
            ("zwnj", '\u{200c}'),
            ("num", '#'),
            ("lpar", '('),
            ("rpar", ')'),
            ("NonBreakingSpace", '\u{a0}'),
        ];
        for (name, c) in known {
            assert_eq!(entity(&format!("&{name};")), Some((c, name.len() + 2)), "{name}");
        }
    }
}
