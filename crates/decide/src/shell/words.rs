//! Builtins that show, compare or count words: what they are given is told by what they show, or by
//! how they end.

use super::parse::{Unreadable, unreadable};
use super::programs::Programs;
use super::reader::Reader;
use super::streams::Says;
use super::syntax::{Node, Piece, Simple, Word};
use super::value::Value;
use portreeve_model::Action;

impl Reader<'_> {
    /// Words are shown as they are, where nothing that is not known stands beside letters.
    pub(super) fn say(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        self.refuse_cut(words)?;
        match words.iter().any(|word| self.pastes(word)) {
            true => self.unknown("echo"),
            false => self.known("echo"),
        }
        let values: Vec<Value> = words.iter().skip(1).map(|word| self.value(word)).collect();
        let texts = |value: &Value| match value {
            Value::Texts(texts) => texts.clone(),
            Value::Glob(_) | Value::Tree(_) | Value::Unknown => Vec::new(),
        };
        let is_option = |text: &String| {
            text.len() > 1
                && text.starts_with('-')
                && text.bytes().skip(1).all(|it| b"neE".contains(&it))
        };
        let options = values.iter().take_while(|value| texts(value).iter().any(is_option));
        let stops_short = |value: &Value| texts(value).iter().any(|text| text.contains("\\c"));
        let is_open = options.flat_map(texts).any(|text| is_option(&text) && text.contains('n'))
            || values.iter().any(stops_short);
        let is_data = !values.iter().all(|value| matches!(value, Value::Texts(_)));
        self.streams.says = Some(Says { is_data, is_open });
        Ok(())
    }

    /// What stands bare may be a pattern, which the target's shell makes names of files of.
    fn refuse_cut(&self, words: &[Word]) -> Result<(), Unreadable> {
        match words.iter().any(|word| self.is_cut(word)) {
            true => unreadable(
                "an output that is not quoted is cut at blanks, and may be a pattern: quote it",
            ),
            false => Ok(()),
        }
    }

    /// `%s` shows words whole; the rest may cut them or write them in another form.
    pub(super) fn print(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        self.refuse_cut(words)?;
        let literals: Vec<Option<String>> = words.iter().skip(1).map(Word::literal).collect();
        let at = match literals.first() {
            Some(Some(word)) if word == "--" => 2,
            Some(Some(word)) if !word.starts_with('-') => 1,
            _ => return unreadable("of `printf` only `printf FORMAT WORD…` is read"),
        };
        let format = literals.get(at - 1).cloned().flatten().unwrap_or_else(|| "%".to_owned());
        let arguments = words.get(at + 1..).unwrap_or_default();
        let is_known = |word: &Word| matches!(self.value(word), Value::Texts(_));
        let is_data = !arguments.iter().all(is_known);
        let is_plain = match !is_data {
            true => shows_known(&format),
            false => {
                shows_whole(&format, arguments.len())
                    && !arguments.iter().any(|word| self.pastes(word))
            }
        };
        match is_plain {
            true => self.known("printf"),
            false => self.unknown("printf"),
        }
        let ends = format.ends_with("\\n") || format.ends_with([' ', '\n', '\t']);
        self.streams.says = Some(Says { is_data, is_open: !ends });
        Ok(())
    }

    /// `test`: what it compares is told by how it ends, so that must be known, and files that it
    /// looks at are looked at. Some shells run what stands in names of variables and in numbers.
    /// What is an operator depends on how many words there are, and is written as it is.
    // SPEC: POSIX.1-2017, Shell & Utilities, `test`.
    pub(super) fn compare(&mut self, name: &str, words: &[Word]) -> Result<(), Unreadable> {
        if !words.iter().all(|word| self.is_one(word)) {
            return unreadable("a word of `test` could be several: quote it");
        }
        self.known(name);
        let rest = words.get(1..).unwrap_or_default();
        let rest = match (name, rest) {
            ("[", [inner @ .., last]) if last.literal().as_deref() == Some("]") => inner,
            ("[", _) => return unreadable("`]` is missing"),
            _ => rest,
        };
        let is_not = |word: &Word| word.literal().as_deref() == Some("!");
        let compares =
            |word: &Word| word.literal().is_some_and(|text| COMPARES.contains(&text.as_str()));
        match rest {
            // Between two words it compares, whatever they are.
            [_, sign, _] if compares(sign) => self.tested(rest),
            [not, rest @ ..] if is_not(not) => self.tested(rest),
            rest => self.tested(rest),
        }
    }

    fn tested(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let sign = |word: &Word| word.literal().unwrap_or_default();
        match words {
            [] | [_] => Ok(()),
            [first, word] => match sign(first).as_str() {
                "-n" | "-z" => Ok(()),
                "-t" if is_number(word) => Ok(()),
                "-b" | "-c" | "-d" | "-e" | "-f" | "-g" | "-G" | "-h" | "-k" | "-L" | "-N"
                | "-O" | "-p" | "-r" | "-s" | "-S" | "-u" | "-w" | "-x" => {
                    let value = self.value(word);
                    self.files(Action::Read, &value)
                }
                _ => unreadable("an operator of `test` is not read"),
            },
            [one, operator, other] => match sign(operator).as_str() {
                "=" | "==" | "!=" | "<" | ">" => {
                    self.compared(one, other);
                    Ok(())
                }
                "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                    match is_number(one) && is_number(other) {
                        true => Ok(()),
                        false => {
                            unreadable("of comparisons of numbers only digits and `$?` are read")
                        }
                    }
                }
                "-nt" | "-ot" | "-ef" => [one, other].into_iter().try_for_each(|word| {
                    let value = self.value(word);
                    self.files(Action::Read, &value)
                }),
                _ => unreadable("an operator of `test` is not read"),
            },
            _ => unreadable("of `test` one comparison is read: join several by `&&` and `||`"),
        }
    }

    /// How two words compare tells of one that is not known.
    fn compared(&mut self, one: &Word, other: &Word) {
        let is_known = |word: &Word| {
            matches!(self.value(word), Value::Texts(_)) || is_number(word) || self.is_public(word)
        };
        if ![one, other].into_iter().all(is_known) {
            self.unknown("test");
        }
    }

    /// Whether a word is what a program says of the machine that is nobody's secret: `$(uname)`.
    fn is_public(&self, word: &Word) -> bool {
        let [Piece::Output { script, .. }] = word.0.as_slice() else { return false };
        let [(Node::Simple(Simple { assignments, words, redirects }), _)] = script.0.as_slice()
        else {
            return false;
        };
        let texts: Option<Vec<String>> = words.iter().map(Word::literal).collect();
        let Some([name, options @ ..]) = texts.as_deref() else { return false };
        let row = Programs::program(self.machine.programs, name);
        assignments.is_empty()
            && redirects.is_empty()
            && row.is_some_and(|row| row.is_public)
            && options.iter().all(|text| text.starts_with('-'))
    }
}

/// Operators of `test` that stand between two words.
const COMPARES: [&str; 14] =
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"];

/// Whether a word is a number, or how the last command ended.
fn is_number(word: &Word) -> bool {
    if let [Piece::Variable { name, .. }] = word.0.as_slice() {
        return name == "?";
    }
    let text = word.literal().unwrap_or_default();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    !digits.is_empty() && digits.len() <= 18 && digits.chars().all(|it| it.is_ascii_digit())
}

/// Whether what a builtin of the shell is told is a number, or the like: a value could leave by it,
/// and some shells run what stands in one.
pub(super) fn numbers(words: &[Word]) -> Result<(), Unreadable> {
    let is_plain = |word: &Word| {
        let text = word.literal().unwrap_or_default();
        let rights = text.chars().all(|letter| "01234567ugoarwx=+,%".contains(letter));
        is_number(word) && !text.starts_with('-') || !text.is_empty() && rights
    };
    match words.iter().skip(1).all(is_plain) {
        true => Ok(()),
        false => unreadable("only a number, or `$?`, can stand there"),
    }
}

/// A letter behind `%`, with what stands before and behind it.
type Conversion = (Option<char>, char, Option<char>);

/// The conversions of a format, each with what stands before and behind it; none where it is not
/// read.
fn conversions(format: &str) -> Option<Vec<Conversion>> {
    let format = format.replace("\\n", "\n").replace("\\t", "\t");
    if format.contains('\\') {
        return None;
    }
    let letters: Vec<char> = format.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at) {
        if *letter != '%' {
            at += 1;
            continue;
        }
        let conversion = *letters.get(at + 1)?;
        if conversion != '%' {
            let before = at.checked_sub(1).and_then(|before| letters.get(before)).copied();
            found.push((before, conversion, letters.get(at + 2).copied()));
        }
        at += 2;
    }
    Some(found)
}

/// Whether a format shows words that are known so that each is to be read.
fn shows_known(format: &str) -> bool {
    conversions(format)
        .is_some_and(|found| found.iter().all(|(_, letter, _)| matches!(letter, 's' | 'd' | 'i')))
}

/// Whether a format shows every word whole, with nothing beside it.
fn shows_whole(format: &str, words: usize) -> bool {
    let parts = |letter: Option<char>| {
        letter.is_none_or(|it| it.is_whitespace() || "=\"()<>|".contains(it))
    };
    let Some(found) = conversions(format) else { return false };
    // It begins again for what is left.
    let comes_round = words > found.len();
    let ends = format.ends_with("\\n") || format.ends_with(['\n', ' ']);
    found.iter().all(|(before, letter, behind)| *letter == 's' && parts(*before) && parts(*behind))
        && (!comes_round || ends)
}
