//! Names in a text behind which something stands that has the form of a value, whatever is written
//! between the two.
//!
//! ```text
//! Salary ..... 4711     <div>Annual salary</div><div>4711</div>     the salary is reviewed yearly
//! └──name──┘   value                └name┘              value            no value: prose
//! ```

use super::{RUN_MAX, lower};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// As far behind a name a value is looked for.
const WINDOW_BYTES: usize = 64;
/// A number of fewer digits, behind other words, counts or lists something.
const DIGITS_MIN: usize = 3;
/// A longer word is no part of a name.
const WORD_BYTES_MAX: usize = 64;

/// What a value looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueForm {
    /// An address with `@`.
    Address,
    /// Digits: an amount, a number, a day.
    Number,
    /// A word that begins in upper case, or something in quotes.
    Word,
}

impl ValueForm {
    /// How values of a category look.
    pub(crate) fn of(category: &str) -> Self {
        const WORDS: [&str; 18] = [
            "address",
            "city",
            "contact",
            "country",
            "ethnicity",
            "gender",
            "health",
            "marital-status",
            "name",
            "nationality",
            "occupation",
            "organisation",
            "person",
            "political",
            "politics",
            "religion",
            "street",
            "username",
        ];
        match category {
            "email" => Self::Address,
            category if WORDS.contains(&category) => Self::Word,
            _ => Self::Number,
        }
    }

    /// Whether a text can be such a value.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Address => ["@", "%40", "(at)", "[at]"].iter().any(|at| text.contains(at)),
            Self::Number => text.contains(|c: char| c.is_numeric()),
            Self::Word => text.contains(char::is_alphabetic),
        }
    }
}

/// Letters, or digits, that stand together.
#[derive(Debug)]
struct Token {
    place: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The first letter of it is a capital.
    Upper,
    Lower,
    Digits,
}

/// Names, folded, with how a list has each: several may differ in their writing alone.
pub(crate) type FoldedNames = BTreeMap<String, BTreeSet<String>>;

/// The names of a list that a text says with a value of their form behind them, each with how the
/// list has it. `names` has them folded, and what each is called.
pub(crate) fn valued<'n>(
    text: &str,
    names: &'n FoldedNames,
    form: impl Fn(&str) -> Option<ValueForm>,
) -> Vec<&'n str> {
    let mut found = Vec::new();
    let tokens = tokens(text);
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Digits || token.place.len() > WORD_BYTES_MAX {
            continue;
        }
        let mut run = String::new();
        for (next, word) in tokens.iter().enumerate().skip(at).take(RUN_MAX) {
            if word.kind == Kind::Digits || !begins_some(names, &run) {
                break;
            }
            run.extend(text.get(word.place.clone()).unwrap_or_default().chars().flat_map(lower));
            let behind = tokens.get(next + 1..).unwrap_or_default();
            let has_value = |form| has_value(text, word.place.end, behind, form);
            for name in called(names, &run) {
                if !found.contains(&name) && form(name).is_some_and(has_value) {
                    found.push(name);
                }
            }
        }
    }
    found
}

/// Whether some name begins so.
fn begins_some(names: &FoldedNames, run: &str) -> bool {
    let mut next =
        names.range::<str, _>((std::ops::Bound::Included(run), std::ops::Bound::Unbounded));
    next.next().is_some_and(|(name, _)| name.starts_with(run))
}

/// What the list calls a run of words: in the plural, and with a number behind it, too.
pub(crate) fn called<'n>(
    names: &'n FoldedNames,
    run: &str,
) -> impl Iterator<Item = &'n str> + use<'n> {
    let plain = run.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem =
        |end: &str, instead: &str| plain.strip_suffix(end).map(|stem| format!("{stem}{instead}"));
    let found = names.get(run).or_else(|| names.get(plain));
    let singular = || {
        let all = [stem("ies", "y"), stem("es", ""), stem("s", "")];
        all.iter().flatten().find_map(|it| names.get(it))
    };
    found.or_else(singular).into_iter().flatten().map(String::as_str)
}

/// Whether a value stands behind a name that ends there.
fn has_value(text: &str, end: usize, behind: &[Token], form: ValueForm) -> bool {
    let near = behind.iter().take_while(|token| token.place.start <= end + WINDOW_BYTES);
    let between = |token: &Token| text.get(end..token.place.start).unwrap_or_default();
    match form {
        ValueForm::Address => {
            let last = text.floor_char_boundary(end + WINDOW_BYTES);
            text.get(end..last).is_some_and(|near| ValueForm::Address.fits(near))
        }
        ValueForm::Word => behind.first().is_some_and(|token| {
            let between = between(token);
            between.len() <= WINDOW_BYTES && parts_a_word(between, token.kind)
        }),
        ValueForm::Number => {
            let mut from = end;
            for (at, token) in near.enumerate() {
                let passed = text.get(from..token.place.start).unwrap_or_default();
                // What a sentence says is over with it.
                if (at > 0 || token.kind != Kind::Digits) && ends_sentence(passed) {
                    return false;
                }
                let digits = token.place.len();
                let is_value = token.kind == Kind::Digits
                    && (digits >= DIGITS_MIN || (at == 0 && !passed.is_empty()));
                if is_value {
                    return !(at == 0 && passed.is_empty());
                }
                from = token.place.end;
            }
            false
        }
    }
}

/// Whether what stands between a name and a word says that the one is the other's value, as a
/// blank or the end of a sentence does not.
fn parts_a_word(between: &str, kind: Kind) -> bool {
    let plain = between.trim_start_matches([' ', '\t']);
    let is_quoted = between.ends_with(['"', '\'', '`', '\u{201c}', '\u{201e}']);
    let is_part = !plain.is_empty()
        && !plain.starts_with(['.', ',', ';', '!', '?', '\'', '\u{2019}', '/', '_', '-', '&']);
    let is_dash =
        plain.starts_with(['-', '.']) && plain.len() < between.len() && plain.ends_with(' ');
    (is_quoted || kind == Kind::Upper) && (is_part || is_dash)
}

fn ends_sentence(between: &str) -> bool {
    let mut signs = between.chars();
    matches!(signs.next(), Some('.' | '!' | '?')) && signs.next().is_some_and(char::is_whitespace)
}

/// The words and numbers of a text. A name that says how long it is (`6:salaryi4711e`) ends there.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut ends_at = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let kind = match c {
            c if c.is_numeric() => Kind::Digits,
            c if c.is_uppercase() => Kind::Upper,
            c if c.is_alphabetic() => Kind::Lower,
            _ => continue,
        };
        let last = tokens.last_mut().filter(|last| last.place.end == at && ends_at != Some(at));
        // `baseSalary` is two words.
        let is_same = |last: &Token| match (last.kind, kind) {
            (Kind::Digits, Kind::Digits) | (Kind::Upper | Kind::Lower, Kind::Lower) => true,
            (Kind::Upper, Kind::Upper) => {
                let before = text.get(last.place.clone()).unwrap_or_default();
                before.chars().next_back().is_some_and(char::is_uppercase)
            }
            _ => false,
        };
        match last.filter(|last| is_same(last)) {
            Some(last) => last.place.end = end,
            None => {
                ends_at = tokens.last().and_then(|last| said_end(text, last, at)).or(ends_at);
                tokens.push(Token { place: at..end, kind });
            }
        }
    }
    tokens
}

/// Where a word ends that begins there, by the number in front of it.
fn said_end(text: &str, last: &Token, start: usize) -> Option<usize> {
    let is_length = last.kind == Kind::Digits && text.get(last.place.end..start)? == ":";
    let length = is_length.then(|| text.get(last.place.clone())?.parse::<usize>().ok())??;
    (length <= WORD_BYTES_MAX).then_some(start + length)
}

/// A text without tags in the middle of its words: `sal<wbr>ary`.
pub(crate) fn without_tags(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((_, after)) = behind.split_once('>') else { break };
        let joins = plain.ends_with(char::is_alphabetic) && after.starts_with(char::is_alphabetic);
        if !joins {
            plain.push(' ');
        }
        rest = after;
    }
    plain.push_str(rest);
    (plain.len() < text.len()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::folded;

    fn found(text: &str) -> bool {
        let names: FoldedNames = ["salary", "full_name", "city", "email"]
            .map(|name| (folded(name), [name.to_owned()].into()))
            .into();
        let form = |name: &str| {
            Some(match name {
                "salary" => ValueForm::Number,
                "email" => ValueForm::Address,
                _ => ValueForm::Word,
            })
        };
        let is_found = |text: &str| !valued(text, &names, form).is_empty();
        is_found(text) || without_tags(text).is_some_and(|text| is_found(&text))
    }

    #[test]
    fn a_value_stands_behind_a_name_however_they_are_parted() {
        for text in [
            "salary{employee=\"7\"} 4711",
            "id\n7\nsalary\n4711",
            "id salary\n7 4711",
            "id salary name\n7 4711 Ann",
            "Salary - 4711",
            "Salary ..... 4711",
            "salary (4711)",
            "salary (EUR): 4711",
            "salary：4711",
            "salary │ 4711",
            "salary { v: 4711 }",
            "{:salary 4711}",
            "salary 4711;",
            "id\u{1f}salary\u{1e}7\u{1f}4711",
            "*4\r\n$6\r\nsalary\r\n$4\r\n4711\r\n",
            "d6:salaryi4711ee",
            "## Salary\n\n4711",
            "**Annual salary**\n4711",
            "- **Salary** 4711",
            "<div>Annual salary</div><div>4711</div>",
            "<input title=\"Your salary\" value=\"4711\">",
            "<input placeholder=\"Salary\" value=4711>",
            "<td data-label=\"Salary\">4711</td>",
            "<td class=\"col_salary\">4711</td>",
            "<b id=\"user-7-salary\">4711</b>",
            "sal<wbr>ary: 4711",
            "annualSalary 4711, salaries 4711",
            "Full name\nAnn Example",
            "full_name - Ann",
            "{:city \"berlin\"}",
            "City (Berlin)",
            "email ann@example.org",
        ] {
            assert!(found(text), "{text}");
        }
    }

    #[test]
    fn prose_that_speaks_of_a_field_has_none() {
        for text in [
            "The salary is reviewed yearly.",
            "Your salary is a secret, and so is the city. Ask for the salary of others, never.",
            "See the page on salary. Section 404 has more.",
            "salary reviews take 2 hours",
            "the city of Berlin, the city Berlin, a city. The end",
            "the full name of a person",
            "city/Berlin city-Hall city_Hall",
            "an email to support by 5 pm, of 2026",
            "salary1 salary2",
            "salaryman 4711",
            "4711",
            "",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
