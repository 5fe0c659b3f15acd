//! What is wrong with a configuration file, all of it at once, each at its place.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing that is wrong, with its line in the file.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the file.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    source: Arc<NamedSource<String>>,
}

impl Problem {
    /// Line and column, both from 1.
    #[must_use]
    pub fn line_and_column(&self) -> (usize, usize) {
        let text = self.source.inner();
        let before = text.get(..self.span.start.min(text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let length = self.span.end.saturating_sub(self.span.start);
        let label = LabeledSpan::new(None, self.span.start, length);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("cannot read the configuration `{}`: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error("{}", summary(path, problems))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// The problems, where the file could be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }
}

fn summary(path: &Path, problems: &[Problem]) -> String {
    let mut text = match problems.len() {
        1 => format!("`{}` has a problem", path.display()),
        count => format!("`{}` has {count} problems", path.display()),
    };
    if let Some(first) = problems.first() {
        let (line, column) = first.line_and_column();
        text.push_str(&format!(": line {line}, column {column}: {first}"));
    }
    text
}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { .. } => {
                Some(Box::new("give the file with `--config` or in PORTREEVE_CONFIG"))
            }
            Self::Invalid { .. } => None,
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems().iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Collects problems while a file is read.
pub(crate) struct Problems {
    source: Arc<NamedSource<String>>,
    found: Vec<Problem>,
    hidden: Vec<Range<usize>>,
}

impl Problems {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        let source = Arc::new(NamedSource::new(path.display().to_string(), text.to_owned()));
        Self { source, found: Vec::new(), hidden: Vec::new() }
    }

    pub(crate) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.push(span, message.into(), None);
    }

    pub(crate) fn add_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), Some(help.into()));
    }

    /// Keeps a place out of everything that is shown of the file.
    pub(crate) fn hide(&mut self, span: Range<usize>) {
        self.hidden.push(span);
    }

    /// Whether something was said about this place.
    pub(crate) fn mentions(&self, span: &Range<usize>) -> bool {
        self.found.iter().any(|problem| problem.span == *span)
    }

    fn push(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        if self.found.len() < PROBLEMS_MAX {
            let source = Arc::clone(&self.source);
            self.found.push(Problem { message, span, help, source });
        }
    }

    /// Gives the value if nothing was wrong.
    pub(crate) fn finish<T>(mut self, path: &Path, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort_by_key(|problem| problem.span.start);
                self.apply_hidden();
                Err(ConfigError::Invalid { path: path.to_owned(), problems: self.found })
            }
        }
    }
}

impl Problems {
    fn apply_hidden(&mut self) {
        if self.hidden.is_empty() {
            return;
        }
        let mut bytes = self.source.inner().clone().into_bytes();
        for span in &self.hidden {
            if let Some(secret) = bytes.get_mut(span.clone()) {
                // As long as before: the other spans still fit.
                secret.fill(b'*');
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = Arc::new(NamedSource::new(self.source.name(), text));
        for problem in &mut self.found {
            problem.source = Arc::clone(&source);
        }
    }
}

/// The word that was probably meant.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insert, remove, replace, swap neighbours.
fn distance(left: &str, right: &str) -> usize {
    let bounded = |word: &str| word.to_lowercase().chars().take(64).collect::<String>();
    strsim::osa_distance(&bounded(left), &bounded(right))
}

/// More than this nobody reads.
const PROBLEMS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["listen", "issuers", "limits"];
        let check = |word: &str, expect: Option<&str>| assert_eq!(closest(word, &known), expect);
        check("lisetn", Some("listen"));
        check("issuer", Some("issuers"));
        check("Limits", Some("limits"));
        check("resources", None);
        check("x", None);
    }
}
