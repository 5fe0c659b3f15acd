//! A fixed set of words, sorted once, for a few comparisons a look.

/// Words in order.
pub(crate) struct WordSet(Vec<&'static str>);

impl WordSet {
    pub(crate) fn new(words: &[&'static str]) -> Self {
        let mut words = words.to_vec();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// The words of a list that is divided by bars.
    pub(crate) fn of(list: &'static str) -> Self {
        Self::new(&list.split('|').collect::<Vec<_>>())
    }

    pub(crate) fn contains(&self, word: &str) -> bool {
        self.0.binary_search(&word).is_ok()
    }

    /// Whether a word ends with one of the set, of at most `bytes_max` bytes.
    pub(crate) fn ends(&self, word: &str, bytes_max: usize) -> bool {
        let lengths = 1..=bytes_max.min(word.len());
        lengths.filter_map(|length| word.get(word.len() - length..)).any(|end| self.contains(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_ends() {
        let set = WordSet::new(&["weg", "straße", "gata"]);
        assert!(set.contains("weg") && !set.contains("we"));
        assert!(set.ends("waldweg", 12) && set.ends("hauptstraße", 12) && !set.ends("wegen", 12));
    }
}
