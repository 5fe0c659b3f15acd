//! Why a set of policies was not loaded: every problem, with its place and the next step.

use std::fmt;

/// A set of policies that must not decide anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyError {
    /// Everything that is wrong, in the order of the sources; at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The name of the source.
    pub file: String,
    /// From 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// In characters, from 1; none where the whole file is meant.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a byte offset of a source, or with all of it.
    pub(super) fn at(file: &str, text: &str, offset: Option<usize>, message: String) -> Self {
        let place = offset.map(|offset| line_and_column(text, offset));
        Self {
            file: file.to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message,
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        assert_eq!(line_and_column("abc", 0), (1, 1));
        assert_eq!(line_and_column("a\nbé c", 2), (2, 1));
        assert_eq!(line_and_column("a\nbé c", 5), (2, 3));
        assert_eq!(line_and_column("a\n", 99), (2, 1));
    }
}
