//! Fixed lists of words, sorted once: sets that answer in a few comparisons, and lists that say
//! which of their words begin at a place of a text.

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

/// Words in small letters, each with a value, to be looked for where words of a text begin. Most
/// words of a text share no first four bytes with any of them and cost one look.
pub(crate) struct Beginnings<T> {
    /// In order; a word may stand more than once.
    words: Vec<(&'static [u8], T)>,
    /// Where the words with each first byte begin.
    first: [u32; 257],
    /// Bit set of the hashes of heads.
    heads: Vec<u64>,
}

/// log2 of the number of bits in the set of heads.
const HEAD_BITS: u32 = 15;

/// The hash of the first four bytes, in small letters. From the third on, what is no letter ends
/// the word.
#[inline]
fn head(text: &[u8]) -> usize {
    let letter = |at: usize| {
        let byte = text.get(at).map_or(b' ', u8::to_ascii_lowercase);
        if byte.is_ascii_alphanumeric() || byte >= 0x80 { byte } else { b' ' }
    };
    let third = letter(2);
    let fourth = if third == b' ' { third } else { letter(3) };
    let lower = |at: usize| text.get(at).map_or(b' ', u8::to_ascii_lowercase);
    let head = u32::from_le_bytes([lower(0), lower(1), third, fourth]);
    (head.wrapping_mul(0x9E37_79B1) >> (32 - HEAD_BITS)) as usize
}

impl<T: Copy> Beginnings<T> {
    /// Words of two bytes or more; those of two and three are found where no letter follows.
    pub(crate) fn new(words: impl Iterator<Item = (&'static str, T)>) -> Self {
        let mut words: Vec<_> = words.map(|(word, value)| (word.as_bytes(), value)).collect();
        words.sort_by_key(|(word, _)| *word);
        let mut heads = vec![0; 1 << (HEAD_BITS - 6)];
        for (word, _) in &words {
            let bit = head(word);
            heads[bit >> 6] |= 1_u64 << (bit & 63);
        }
        let mut first = [0; 257];
        for (byte, start) in first.iter_mut().enumerate() {
            *start = words.partition_point(|(word, _)| usize::from(word[0]) < byte) as u32;
        }
        Self { words, first, heads }
    }

    /// Calls `found` with the length and the value of each word that `text` begins with. Capital
    /// letters of ASCII count as small ones; others are for the caller to lower.
    #[inline]
    pub(crate) fn each(&self, text: &[u8], found: impl FnMut(usize, T)) {
        let bit = head(text);
        if self.heads[bit >> 6] >> (bit & 63) & 1 == 1 {
            self.walk(text, found);
        }
    }

    fn walk(&self, text: &[u8], mut found: impl FnMut(usize, T)) {
        let at = usize::from(text[0].to_ascii_lowercase());
        let (mut low, mut high) = (self.first[at] as usize, self.first[at + 1] as usize);
        let mut depth = 1;
        while low < high {
            while low < high && self.words[low].0.len() == depth {
                found(depth, self.words[low].1);
                low += 1;
            }
            let Some(byte) = text.get(depth).map(u8::to_ascii_lowercase) else { return };
            let part = &self.words[low..high];
            high = low + part.partition_point(|(word, _)| word[depth] <= byte);
            low += part.partition_point(|(word, _)| word[depth] < byte);
            depth += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_all_words_that_a_text_begins_with() {
        let list = ["id", "id card", "tax", "tax number", "taxi"];
        let words = Beginnings::new(list.into_iter().map(|w| (w, w)));
        let all = |text: &str| {
            let mut out = Vec::new();
            words.each(text.as_bytes(), |length, word| out.push((length, word)));
            out
        };
        assert_eq!(all("ID card 1"), [(2, "id"), (7, "id card")]);
        assert_eq!(all("Tax numbers"), [(3, "tax"), (10, "tax number")]);
        assert_eq!(all("id"), [(2, "id")]);
        assert_eq!(all("to"), []);
        assert_eq!(all("i"), []);
    }

    #[test]
    fn words_and_ends() {
        let set = WordSet::new(&["weg", "straße", "gata"]);
        assert!(set.contains("weg") && !set.contains("we"));
        assert!(set.ends("waldweg", 12) && set.ends("hauptstraße", 12) && !set.ends("wegen", 12));
    }
}
