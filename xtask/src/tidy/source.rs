//! A Rust file with comments and literals told apart from code, so that a rule about
//! code does not trip over prose. Not a parser: it knows tokens and braces.

use std::path::PathBuf;

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Below the root.
    pub(crate) path: PathBuf,
    /// The package that it belongs to.
    pub(crate) package: String,
    /// Tests, examples and benches as a whole.
    pub(crate) is_test: bool,
    /// As it is.
    pub(crate) lines: Vec<String>,
    /// Comments and the insides of literals blanked out.
    pub(crate) code: Vec<String>,
    /// Comments alone.
    pub(crate) comments: Vec<String>,
    /// Whether a line is within an item under `#[cfg(test)]`.
    tested: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, package: &str, is_test: bool, text: &str) -> Self {
        let (code, comments) = split(text);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let code = lines(&code);
        let tested = tested_lines(&code);
        Self {
            path,
            package: package.to_owned(),
            is_test,
            lines: lines(text),
            code,
            comments: lines(&comments),
            tested,
        }
    }

    /// Whether a line (from 0) is test code.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.tested.get(line).copied().unwrap_or(false)
    }

    /// Lines of code that ship, with their numbers from 0.
    pub(crate) fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .iter()
            .enumerate()
            .filter(|(line, _)| !self.is_test_line(*line))
            .map(|(line, code)| (line, code.as_str()))
    }
}

/// The words of a line of code: identifiers, keywords, numbers.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The text twice, with the same line breaks: code alone, comments alone.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut kinds = vec![Kind::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let rest = chars.get(at..).unwrap_or_default();
        let (kind, length) = token(rest, at.checked_sub(1).and_then(|before| chars.get(before)));
        // The quotes of a literal stay visible as code; what is between them does not.
        let inside = if kind == Kind::Literal { at + 1..at + length - 1 } else { at..at + length };
        for slot in kinds.get_mut(inside).into_iter().flatten() {
            *slot = kind;
        }
        at += length;
    }
    let only = |wanted: Kind| {
        let shown = |(&c, &kind): (&char, &Kind)| if c == '\n' || kind == wanted { c } else { ' ' };
        chars.iter().zip(&kinds).map(shown).collect::<String>()
    };
    (only(Kind::Code), only(Kind::Comment))
}

/// The kind and length of what starts `rest`; a literal is at least two characters long.
fn token(rest: &[char], before: Option<&char>) -> (Kind, usize) {
    let starts_word = !before.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    match rest {
        ['/', '/', ..] => (Kind::Comment, rest.iter().take_while(|c| **c != '\n').count()),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Literal, quoted(rest, '"')),
        ['r', '"' | '#', ..] if starts_word => raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if starts_word => raw(rest, 2),
        ['\'', '\\', ..] => (Kind::Literal, quoted(rest, '\'')),
        // `'a'` is a character, `'a` a lifetime.
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        _ => (Kind::Code, 1),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => {
                (depth, at) = (depth.saturating_sub(1), at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.iter().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if *c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len().max(2)
}

/// `r"…"`, `r#"…"#`, also with a prefix; a raw identifier (`r#type`) is code.
fn raw(rest: &[char], prefix: usize) -> (Kind, usize) {
    let hashes = rest.iter().skip(prefix).take_while(|c| **c == '#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&'"') {
        return (Kind::Code, open);
    }
    let closes = |at: &usize| {
        rest.get(*at) == Some(&'"')
            && rest.iter().skip(at + 1).take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (open + 1..rest.len()).find(closes);
    (Kind::Literal, end.map_or(rest.len().max(2), |end| end + 1 + hashes))
}

/// Which lines belong to an item under `#[cfg(test)]`.
fn tested_lines(code: &[String]) -> Vec<bool> {
    let mut tested = vec![false; code.len()];
    let starts: Vec<usize> = code
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("#[cfg(test)]"))
        .map(|(at, _)| at)
        .collect();
    for start in starts {
        let end = item_end(code, start);
        tested.get_mut(start..=end).unwrap_or_default().fill(true);
    }
    tested
}

/// The last line of the item that starts at a line: its closing brace or its semicolon.
pub(crate) fn item_end(code: &[String], start: usize) -> usize {
    let (mut braces, mut others) = (0_i32, 0_i32);
    for (at, line) in code.iter().enumerate().skip(start) {
        for c in line.chars() {
            match c {
                '{' => braces += 1,
                '}' => {
                    braces -= 1;
                    if braces == 0 && others == 0 {
                        return at;
                    }
                }
                '(' | '[' => others += 1,
                ')' | ']' => others -= 1,
                ';' if braces == 0 && others == 0 => return at,
                _ => {}
            }
        }
    }
    code.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: &str, comments: &str) {
        let (got, got_comments) = split(text);
        assert_eq!((got.as_str(), got_comments.trim()), (code, comments), "{text}");
    }

    #[test]
    fn code_comments_and_literals_are_told_apart() {
        check("a // b\nc", "a     \nc", "// b");
        check("a /* b /* c */ d */ e", "a                   e", "/* b /* c */ d */");
        check(r#"f("x // y \" z", 'q')"#, r#"f("           ", ' ')"#, "");
        check("r#\"a \" b\"# + r#type", "r        # + r#type", "");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}", "");
        check("'\\'' + '\"' + b", "'  ' + ' ' + b", "");
    }

    #[test]
    fn items_under_cfg_test_are_test_lines() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("x.rs".into(), "p", false, text);
        let lines: Vec<_> = source.product().map(|(line, _)| line).collect();
        assert_eq!(lines, [0, 1, 6]);
    }
}
