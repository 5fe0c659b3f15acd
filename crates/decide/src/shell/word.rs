//! Words of a command line: quotes, variables, patterns.

use super::parse::{Parser, Unreadable, parse_within, unreadable};
use super::syntax::{Piece, Word};

impl Parser<'_> {
    /// The word that stands here, if one does.
    pub(super) fn word(&mut self) -> Result<Option<Word>, Unreadable> {
        let mut word = Word::default();
        let start = self.at;
        // Up to where it is known that nothing is made of brackets: they are looked at once.
        let (mut braces_end, mut brackets_end) = (start, start);
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    self.step();
                    let Some(end) = self.rest().find('\'') else {
                        return unreadable("a quote is not closed");
                    };
                    word.letters(self.rest().get(..end).unwrap_or_default());
                    self.at += end + 1;
                }
                '"' => {
                    self.step();
                    self.quoted(&mut word)?;
                }
                '\\' if self.take("\\\n") => {}
                '\\' => {
                    self.step();
                    match self.peek() {
                        Some(letter) => word.letters(letter.encode_utf8(&mut [0; 4])),
                        None => return unreadable("nothing stands behind `\\`"),
                    }
                    self.step();
                }
                '$' => self.dollar(&mut word, false)?,
                '`' => self.backquoted(&mut word, false)?,
                '*' | '?' => {
                    self.step();
                    word.glob(letter.encode_utf8(&mut [0; 4]));
                }
                '[' if self.at < brackets_end => {
                    self.step();
                    word.letters("[");
                }
                '[' => brackets_end = self.bracket(&mut word)?,
                '~' if self.at == start => self.home(&mut word)?,
                '{' => {
                    if self.at >= braces_end {
                        braces_end = self.brace()?;
                    }
                    self.step();
                    word.letters("{");
                }
                _ => {
                    self.step();
                    word.letters(letter.encode_utf8(&mut [0; 4]));
                }
            }
        }
        Ok((self.at > start && !word.0.is_empty()).then_some(word))
    }

    /// What stands in double quotes, behind the first.
    fn quoted(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        let before = word.0.len();
        loop {
            match self.peek() {
                None => return unreadable("a quote is not closed"),
                Some('"') => {
                    self.step();
                    if word.0.len() == before {
                        // Nothing in quotes is a word all the same.
                        word.letters("");
                    }
                    return Ok(());
                }
                Some('\\') if self.take("\\\n") => {}
                Some('\\') => {
                    self.step();
                    match self.peek() {
                        Some(letter @ ('$' | '`' | '"' | '\\')) => {
                            word.letters(letter.encode_utf8(&mut [0; 4]));
                            self.step();
                        }
                        _ => word.letters("\\"),
                    }
                }
                Some('$') => self.dollar(word, true)?,
                Some('`') => self.backquoted(word, true)?,
                Some(letter) => {
                    word.letters(letter.encode_utf8(&mut [0; 4]));
                    self.step();
                }
            }
        }
    }

    fn dollar(&mut self, word: &mut Word, is_quoted: bool) -> Result<(), Unreadable> {
        self.step();
        if self.rest().starts_with("((") {
            return unreadable("arithmetic is not read");
        }
        if self.take("(") {
            let script = self.script()?;
            if !self.take(")") {
                return unreadable("`)` is missing");
            }
            word.0.push(Piece::Output { script, is_quoted });
            return Ok(());
        }
        if self.take("{") {
            let name = match self.peek() {
                Some(letter @ ('?' | '$')) => {
                    self.step();
                    letter.to_string()
                }
                _ => self.name(),
            };
            if name.is_empty() || !self.take("}") {
                return unreadable("of `${…}` only `${NAME}` is read");
            }
            word.0.push(Piece::Variable { name, is_quoted });
            return Ok(());
        }
        match self.peek() {
            Some(letter @ ('?' | '$')) => {
                self.step();
                word.0.push(Piece::Variable { name: letter.to_string(), is_quoted });
            }
            Some('@' | '*' | '#' | '!' | '-' | '0'..='9') => {
                return unreadable("arguments of a script are not read");
            }
            Some('\'' | '"') if !is_quoted => {
                return unreadable("`$'…'` is not read: write the letters themselves");
            }
            Some('[') => return unreadable("arithmetic is not read"),
            _ => match self.name() {
                name if name.is_empty() => word.letters("$"),
                name => word.0.push(Piece::Variable { name, is_quoted }),
            },
        }
        Ok(())
    }

    fn backquoted(&mut self, word: &mut Word, is_quoted: bool) -> Result<(), Unreadable> {
        self.step();
        let Some(end) = self.rest().find('`') else {
            return unreadable("a quote is not closed");
        };
        let inner = self.rest().get(..end).unwrap_or_default();
        if inner.contains('\\') || is_quoted && inner.contains('"') {
            return unreadable("quotes stand in `…`: write `$(…)`");
        }
        let script = parse_within(inner, self.depth)?;
        self.at += end + 1;
        word.0.push(Piece::Output { script, is_quoted });
        Ok(())
    }

    /// Where the stretch ends in which no other bracket makes a pattern.
    fn bracket(&mut self, word: &mut Word) -> Result<usize, Unreadable> {
        let rest = self.rest();
        let ends = |letter: char| letter.is_ascii_whitespace() || ";&|<>()".contains(letter);
        let end = rest.find(ends).unwrap_or(rest.len());
        let Some(length) = rest.get(..end).and_then(|rest| rest.find(']')) else {
            let end = self.at + end;
            self.step();
            word.letters("[");
            return Ok(end);
        };
        let pattern = rest.get(..=length).unwrap_or_default();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.!^".contains(letter);
        let inner = pattern.get(1..length).unwrap_or_default();
        if inner.is_empty() || !inner.chars().all(is_plain) {
            return unreadable(format!("the pattern `{pattern}` is not read"));
        }
        word.glob(pattern);
        self.at += pattern.len();
        Ok(self.at)
    }

    fn home(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        self.step();
        match self.peek() {
            None | Some(' ' | '\t' | '\n' | '/' | ';' | '&' | '|' | '<' | '>' | ')') => {
                word.0.push(Piece::Home);
                Ok(())
            }
            Some(_) => unreadable("homes of others are not read: write the path"),
        }
    }

    /// Some shells make several words of `{a,b}`. Where the stretch ends that was looked at.
    fn brace(&mut self) -> Result<usize, Unreadable> {
        let rest = self.rest();
        let end = rest.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(rest.len());
        let here = rest.get(..end).unwrap_or_default();
        match here.contains('}') && (here.contains(',') || here.contains("..")) {
            true => unreadable("`{a,b}` is not read: write the words"),
            false => Ok(self.at + end),
        }
    }
}

impl Word {
    fn letters(&mut self, letters: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push_str(letters),
            _ => self.0.push(Piece::Text(letters.to_owned())),
        }
    }

    fn glob(&mut self, pattern: &str) {
        // `''*` is `*`: what a pattern begins with is told by its first piece.
        if self.0 == [Piece::Text(String::new())] {
            self.0.clear();
        }
        match self.0.last_mut() {
            Some(Piece::Glob(text)) => text.push_str(pattern),
            _ => self.0.push(Piece::Glob(pattern.to_owned())),
        }
    }
}
