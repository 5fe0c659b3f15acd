//! Whether a part of a path names one thing, and nothing that servers read as several.

/// Words for more than one thing, and for none in particular.
const SEVERAL: [&str; 17] = [
    "all",
    "any",
    "batch",
    "bulk",
    "each",
    "every",
    "everybody",
    "everyone",
    "everything",
    "many",
    "multiple",
    "nan",
    "nil",
    "none",
    "null",
    "undefined",
    "wildcard",
];

/// Signs that stand between the words of one name.
const fn is_joint(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ':' | '@' | '/')
}

/// Whether a part is proven to be one: words and digits with single signs between them, which are
/// no range of numbers. Names of files have blanks.
pub(crate) fn is_one(part: &str, is_file: bool) -> bool {
    // `+49…` of phones, `~ann`, and what base64 ends in.
    let name = part.strip_prefix(['+', '~']).unwrap_or(part);
    let name = if name.len() > PADDED_BYTES_MIN { name.trim_end_matches('=') } else { name };
    // What is drawn by lot may begin and end with any of its letters.
    let has = |is: fn(char) -> bool| name.contains(is);
    let is_drawn =
        name.len() >= DRAWN_BYTES_MIN && has(char::is_numeric) && has(char::is_alphabetic);
    let name = if is_drawn { name.trim_matches(['-', '_']) } else { name };
    let is_joint =
        |c: char| is_joint(c) || (is_file && c == ' ') || (c == '+' && name.contains('@'));
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || is_joint(c));
    let has_edges =
        name.starts_with(char::is_alphanumeric) && name.ends_with(char::is_alphanumeric);
    let doubles = |(one, other): (char, char)| one == other && matches!(one, '.' | ':' | '@' | '/');
    let is_doubled = name.chars().zip(name.chars().skip(1)).any(doubles);
    is_plain && has_edges && !is_doubled && !is_range(name) && !is_several_by_name(name)
}

/// Keys in base64 that are shorter are nobody's.
const PADDED_BYTES_MIN: usize = 8;
/// The same of keys that are drawn by lot.
const DRAWN_BYTES_MIN: usize = 8;

/// Whether a part in the middle of a path stands for several: a wildcard, a list.
pub(crate) fn is_several(part: &str) -> bool {
    let signs = ['*', ',', '|', '%', '[', ']', '!'];
    let is_sign = !part.contains(char::is_alphanumeric);
    part.contains(signs) || part.contains("..") || is_sign || part.eq_ignore_ascii_case("_all")
}

fn is_several_by_name(name: &str) -> bool {
    SEVERAL.iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// Whether numbers, or days, stand around one sign: `1-100`, `1:9`, `2024-01-01_2024-12-31`.
fn is_range(name: &str) -> bool {
    if name.contains(char::is_alphabetic) {
        return false;
    }
    let dashes = name.matches('-').count();
    let halves = [':', '_', '/'].iter().any(|sign| {
        let mut parts = name.split(*sign);
        let is_two = parts.next().is_some() && parts.next().is_some() && parts.next().is_none();
        is_two && (*sign == ':' || dashes > 1)
    });
    dashes == 1 || dashes > DASHES_MAX || halves
}

/// As many as a UUID has.
const DASHES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_proven_by_its_writing() {
        for part in [
            "42",
            "+491711234567",
            "0191d0a4-0000-7000-8000-000000000001",
            "00000000-0000-4000-8000-000000000001",
            "d41d8cd98f00b204e9800998ecf8427e",
            "2024-11-30",
            "2024-11-30T10:00:00",
            "ord-1234",
            "4_2",
            "1.5",
            "a.b@example.org",
            "a.b+c@example.org",
            "ann",
            "~ann",
            "lodash@4.17.21",
            "00:1a:2b:3c:4d:5e",
            "urn:uuid:0191d0a4",
            "the-annual-report",
            "YW5uIGxvdmVsYWNl==",
            "group/project",
            "müller-2",
            "-a4--Bx9_dQw_",
        ] {
            assert!(is_one(part, false), "{part}");
            assert!(!is_several(part), "{part}");
        }
        assert!(is_one("annual report 2024", true));
    }

    #[test]
    fn what_servers_read_as_several_is_none() {
        for part in [
            "*",
            "**",
            "*.*",
            "*a*",
            "123*",
            "%",
            "-",
            "~",
            "_",
            "[]",
            "@all",
            "!1",
            "1,2,3",
            "(1,2)",
            "1|2",
            "1-100",
            "0..999",
            "1:9",
            "all",
            "ALL",
            "_all",
            "null",
            "a,b",
            "people()",
            "x=1",
            "$all",
            "2024-01-01..2024-12-31",
            "2024-01-01:2024-12-31",
            "2024-01-01--2024-12-31",
            "2024-01-01_2024-12-31",
            "1+2",
            "a b",
            ":id",
            "{id}",
            "ann,",
            "",
        ] {
            assert!(!is_one(part, false), "{part}");
        }
        for part in ["*", "a*", "1,2", "-", "_all", "a|b", "1..2"] {
            assert!(is_several(part), "{part}");
        }
    }
}
