//! `find`: where it looks, what it asks of files, and what it does with them.

use super::formats::shows_lines;
use super::parse::{Unreadable, unreadable};
use super::reader::Reader;
use super::syntax::Word;
use super::value::{Part, Value};
use portreeve_model::{Action, Change};

impl Reader<'_> {
    /// `find`: where it begins, which files it means, and what it does with them.
    pub(super) fn find(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let is_place = |word: &Word| {
            let value = self.value(word);
            let is_sign = |text: &str| matches!(text, "(" | ")" | "!" | ",");
            let begins = match &value {
                Value::Texts(texts) => texts.iter().any(|text| is_sign(text)),
                Value::Glob(begin) => is_sign(begin),
                Value::Tree(_) | Value::Unknown => true,
            };
            value.part() == Some(Part::Operand) && !begins
        };
        let places = words.iter().skip(1).take_while(|word| is_place(word)).count();
        // What stands behind the places is told by its place: each word is one.
        if !words.iter().skip(1 + places).all(|word| self.is_one_plain(word)) {
            return unreadable("an argument of `find` could be several words");
        }
        let mut roots: Vec<Value> =
            words.iter().skip(1).take(places).map(|word| self.value(word)).collect();
        if roots.is_empty() {
            roots.push(Value::Texts(vec![".".to_owned()]));
        }
        self.known("find");
        roots.iter().try_for_each(|root| self.trees(Action::Read, root))?;
        let mut at = places + 1;
        while at < words.len() {
            let Some(test) = words.get(at).and_then(Word::literal) else {
                return unreadable("an argument of `find` is not known beforehand");
            };
            at += 1;
            match test.as_str() {
                "-execdir" => {
                    return unreadable("`-execdir` runs in folders that are not known: `-exec`");
                }
                "-exec" => at = self.find_runs(words, at, &roots)?,
                "-delete" => {
                    self.note_change(Change::Drop);
                    roots.iter().try_for_each(|root| self.trees(Action::Define, root))?;
                }
                "-newer" | "-samefile" => {
                    let value = words.get(at).map_or(Value::Unknown, |word| self.value(word));
                    self.files(Action::Read, &value)?;
                    at += 1;
                }
                "-printf" => {
                    let format = words.get(at).and_then(Word::literal);
                    if format.is_none_or(|format| !shows_lines(&format)) {
                        return unreadable(
                            "a format of `-printf` cuts or hides what it shows where it has \
                             widths, no blanks between its parts, or no `\\n` at its end",
                        );
                    }
                    at += 1;
                }
                test if FIND_TAKES.contains(&test) => {
                    let value = words.get(at).map_or(Value::Unknown, |word| self.value(word));
                    if !matches!(value, Value::Texts(_)) {
                        // Which files it shows tells of what is not known: it compares.
                        self.unknown("find");
                    }
                    at += 1;
                }
                test if FIND_ALONE.contains(&test) => {}
                test => {
                    return unreadable(format!("`{test}` of `find` is not read"));
                }
            }
        }
        Ok(())
    }

    /// The program between `-exec` and `;` or `+`; where it ends.
    fn find_runs(
        &mut self,
        words: &mut [Word],
        at: usize,
        roots: &[Value],
    ) -> Result<usize, Unreadable> {
        let is =
            |at: usize, text: &str| words.get(at).and_then(Word::literal).as_deref() == Some(text);
        let end = (at..words.len())
            .find(|end| is(*end, ";") || is(*end, "+") && *end > at && is(*end - 1, "{}"));
        let Some(count) = end.map(|end| end - at) else {
            return unreadable("`-exec` does not end");
        };
        let inner = words.get(at..at + count).unwrap_or_default();
        let name = inner.first().and_then(Word::literal).unwrap_or_default();
        let mut arguments = Vec::new();
        for word in inner.iter().skip(1) {
            if arguments.len() > ARGUMENTS_MAX {
                return unreadable("it names more files than anybody could look through");
            }
            match word.literal() {
                Some(text) if text == "{}" => {
                    let found = roots.iter().flat_map(|root| self.all_in(root));
                    // Behind `+` it stands for any number of files.
                    let times = if is(at + count, "+") { 2 } else { 1 };
                    arguments.extend(found.flat_map(|one| vec![one; times]));
                }
                Some(text) if text.contains("{}") => arguments.push(Value::Unknown),
                _ => arguments.push(self.value(word)),
            }
        }
        if roots.len() > ARGUMENTS_MAX || arguments.len() > ARGUMENTS_MAX {
            return unreadable("it names more files than anybody could look through");
        }
        let reads_itself = name == "find" || name.starts_with("git-");
        let is_plain = super::programs::Programs::program(self.machine.programs, &name).is_some()
            && !reads_itself;
        match is_plain {
            true => {
                // It runs once for each file.
                self.streams.loops += 1;
                self.listed(&name, &arguments)?;
                self.streams.loops -= 1;
            }
            false => self.code(),
        }
        Ok(at + count + 1)
    }

    fn all_in(&self, root: &Value) -> Vec<Value> {
        match root {
            Value::Texts(texts) => texts.iter().cloned().map(Value::Tree).collect(),
            other => vec![other.clone()],
        }
    }
}

/// Most arguments of a program that `-exec` runs.
const ARGUMENTS_MAX: usize = 1000;

const FIND_TAKES: [&str; 29] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-size",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newermt",
    "-maxdepth",
    "-mindepth",
    "-perm",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-links",
    "-inum",
    "-fstype",
    "-used",
];
const FIND_ALONE: [&str; 21] = [
    "(",
    ")",
    "!",
    "-not",
    "-a",
    "-and",
    "-o",
    "-or",
    "-print",
    "-print0",
    "-prune",
    "-quit",
    "-depth",
    "-empty",
    "-readable",
    "-writable",
    "-executable",
    "-nouser",
    "-xdev",
    "-mount",
    "-true",
];
