//! `--name value` and `--flag` arguments, strict: whatever is left over is an error.

use anyhow::{Context, bail};
use std::str::FromStr;

/// The arguments that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Options {
    left: Vec<String>,
}

impl Options {
    pub(crate) fn new(arguments: Vec<String>) -> Self {
        Self { left: arguments }
    }

    /// Takes `--name VALUE` or `--name=VALUE`.
    pub(crate) fn value<T>(&mut self, name: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let prefix = format!("{name}=");
        let Some(at) = self.left.iter().position(|word| word == name || word.starts_with(&prefix))
        else {
            return Ok(None);
        };
        let word = self.left.remove(at);
        let text = match word.strip_prefix(&prefix) {
            Some(text) => text.to_owned(),
            None if at < self.left.len() => self.left.remove(at),
            None => bail!("`{name}` needs a value"),
        };
        text.parse().map(Some).with_context(|| format!("`{name}`: `{text}` is not valid"))
    }

    /// Takes `--name`.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|word| word != name);
        self.left.len() < before
    }

    /// Takes all that nobody has taken.
    pub(crate) fn rest(self) -> Vec<String> {
        self.left
    }

    /// Everything must have been taken.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.left.first() {
            Some(word) => bail!("unknown argument `{word}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_an_error() {
        let words = ["--secs", "2", "--json", "--rows=10", "--typo"].map(str::to_owned);
        let mut options = Options::new(words.to_vec());
        assert_eq!(options.value::<u32>("--secs").unwrap(), Some(2));
        assert_eq!(options.value::<u32>("--rows").unwrap(), Some(10));
        assert_eq!(options.value::<u32>("--rounds").unwrap(), None);
        assert!(options.flag("--json"));
        assert!(options.finish().is_err());
        let mut options = Options::new(vec!["--secs".into()]);
        assert!(options.value::<u32>("--secs").is_err());
    }
}
