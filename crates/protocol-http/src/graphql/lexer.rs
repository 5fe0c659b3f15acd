//! Words and signs of a GraphQL document.
//!
//! SPEC: GraphQL (September 2025), section 2.1. Strings are read with their escapes undone.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word or a sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Name(String),
    Number(String),
    Text(String),
    /// `...`
    Spread,
    Sign(char),
}

/// More words and signs than anybody asks with.
const TOKENS_MAX: usize = 20_000;

/// Cuts a document into words and signs.
///
/// # Errors
/// It is none, or has too many.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.char_indices().peekable();
    let mut tokens = Vec::new();
    while let Some((at, c)) = rest.next() {
        match c {
            '\u{feff}' | ' ' | '\t' | '\n' | '\r' | ',' => {}
            '#' => while rest.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {},
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                tokens.push(Token::Sign(c));
            }
            '.' => {
                let is_spread = rest.next_if(|(_, c)| *c == '.').is_some()
                    && rest.next_if(|(_, c)| *c == '.').is_some();
                tokens.push(if is_spread { Token::Spread } else { return Err(unread(c, at)) });
            }
            '"' => tokens.push(Token::Text(string(text, at, &mut rest)?)),
            '_' | 'a'..='z' | 'A'..='Z' => {
                tokens.push(Token::Name(run(c, &mut rest, |c| {
                    c == '_' || c.is_ascii_alphanumeric()
                })));
            }
            '-' | '0'..='9' => {
                let is_part =
                    |c: char| c == '_' || c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
                let number = run(c, &mut rest, is_part);
                // SPEC: section 2.9.1 and 2.9.2; JSON has the same numbers.
                let is_number = serde_json::from_str::<serde_json::Number>(&number).is_ok();
                tokens.push(if is_number {
                    Token::Number(number)
                } else {
                    return Err(unread(c, at));
                });
            }
            other => return Err(unread(other, at)),
        }
        if tokens.len() > TOKENS_MAX {
            return Err(format!("it has more than {TOKENS_MAX} words and signs"));
        }
    }
    Ok(tokens)
}

type Rest<'t> = Peekable<CharIndices<'t>>;

fn unread(c: char, at: usize) -> String {
    format!("`{}` stands at byte {at}, where it cannot be read", c.escape_default())
}

fn run(first: char, rest: &mut Rest<'_>, is_part: impl Fn(char) -> bool) -> String {
    let mut word = String::from(first);
    while let Some((_, c)) = rest.next_if(|(_, c)| is_part(*c)) {
        word.push(c);
    }
    word
}

/// A string, behind its first quote.
fn string(text: &str, at: usize, rest: &mut Rest<'_>) -> Result<String, String> {
    let open = || format!("the string at byte {at} has no end");
    if text.get(at..).is_some_and(|it| it.starts_with("\"\"\"")) {
        rest.next();
        rest.next();
        return block(text.get(at + 3..).unwrap_or_default(), rest).ok_or_else(open);
    }
    let mut value = String::new();
    loop {
        match rest.next().ok_or_else(open)?.1 {
            '"' => return Ok(value),
            '\n' | '\r' => return Err(open()),
            '\\' => value.push(escaped(rest).ok_or_else(|| unread('\\', at))?),
            c => value.push(c),
        }
    }
}

/// A block string, behind its quotes; the rest goes on behind it.
fn block(text: &str, rest: &mut Rest<'_>) -> Option<String> {
    let mut value = String::new();
    let mut tail = text;
    loop {
        let end = tail.find("\"\"\"")?;
        let (before, behind) = tail.split_at(end);
        tail = behind.get(3..)?;
        match before.strip_suffix('\\') {
            Some(before) => {
                value.push_str(before);
                value.push_str("\"\"\"");
            }
            None => {
                value.push_str(before);
                break;
            }
        }
    }
    let read = text.len().saturating_sub(tail.len());
    let length = text.get(..read)?.chars().count();
    for _ in 0..length {
        rest.next();
    }
    Some(value)
}

/// What an escape stands for.
fn escaped(rest: &mut Rest<'_>) -> Option<char> {
    Some(match rest.next()?.1 {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = code(rest)?;
            // Two halves of a letter.
            match first {
                0xd800..=0xdbff => {
                    rest.next_if(|(_, c)| *c == '\\')?;
                    rest.next_if(|(_, c)| *c == 'u')?;
                    let second = code(rest).filter(|it| (0xdc00..=0xdfff).contains(it))?;
                    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                }
                other => char::from_u32(other)?,
            }
        }
        _ => return None,
    })
}

/// The number of a letter: four digits, or any number of them between braces.
fn code(rest: &mut Rest<'_>) -> Option<u32> {
    let mut digits = String::new();
    if rest.next_if(|(_, c)| *c == '{').is_some() {
        while let Some((_, c)) = rest.next_if(|(_, c)| c.is_ascii_hexdigit()) {
            digits.push(c);
        }
        rest.next_if(|(_, c)| *c == '}')?;
    } else {
        for _ in 0..4 {
            digits.push(rest.next_if(|(_, c)| c.is_ascii_hexdigit())?.1);
        }
    }
    u32::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_those_of_the_specification() {
        let check =
            |text: &str, expect: &[Token]| assert_eq!(tokens(text).unwrap(), expect, "{text}");
        let name = |text: &str| Token::Name(text.to_owned());
        let text = |text: &str| Token::Text(text.to_owned());
        check(
            "\u{feff}{ a, # b }\n c }",
            &[Token::Sign('{'), name("a"), name("c"), Token::Sign('}')],
        );
        check("...on", &[Token::Spread, name("on")]);
        check("-1.5e3", &[Token::Number("-1.5e3".to_owned())]);
        check(r#""a\"\u0062\u{63}\ud83d\ude00""#, &[text("a\"bc\u{1f600}")]);
        check("\"\"\"a \"b\" \\\"\"\" }\n# c\"\"\" x", &[text("a \"b\" \"\"\" }\n# c"), name("x")]);
        check("\"\"\"\u{e9}\"\"\"x", &[text("\u{e9}"), name("x")]);
        check("\"\" x", &[text(""), name("x")]);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "\"a",
            "\"a\nb\"",
            "\"\"\"a",
            "..",
            "01",
            "1a",
            "1.",
            "?",
            "'a'",
            "\u{a0}a",
            "\"\\x\"",
            "\"\\ud83d\"",
            "\u{ff5b}",
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
        assert!(tokens(&"a ".repeat(TOKENS_MAX + 1)).is_err());
    }
}
