//! Words that a text is searched for at the beginnings of words, all of a list in one walk. A
//! bit set of the first four letters keeps the search out of nearly every word of a text.

/// One word that was found.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    /// Index into the list of the module that the word belongs to.
    pub(crate) index: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Words that are compared without regard to the case of ASCII letters.
pub(crate) struct Terms {
    /// Bit set of the heads of the words.
    heads: Box<[u64; HEAD_WORDS]>,
    /// Where the words of each bucket begin in `words`.
    buckets: Vec<u16>,
    /// Words by bucket and then by length.
    words: Vec<Term>,
}

struct Term {
    word: &'static [u8],
    /// Its index in the list.
    index: u16,
    head: u32,
    /// Its first eight bytes with the bit of small letters, and which bits of them are of the word.
    first: u64,
    mask: u64,
}

/// log2 of the number of bits in the set of heads.
const HEAD_BITS: u32 = 15;
const HEAD_WORDS: usize = 1 << (HEAD_BITS - 6);
/// log2 of the number of buckets.
const BUCKET_BITS: u32 = 12;

impl Terms {
    /// A table of words of two bytes or more. Those of two or three letters are found only where
    /// no letter follows them.
    pub(crate) fn new(list: impl Iterator<Item = &'static str>) -> Self {
        let term = |(word, index): (&'static str, u16)| {
            let word = word.as_bytes();
            let mask = u64::MAX >> (8 * 8_usize.saturating_sub(word.len()));
            Term { word, index, head: head(word), first: first(word), mask }
        };
        let mut words: Vec<Term> = list.zip(0..).map(term).collect();
        words.sort_by_key(|term| (bucket(term.head), term.word.len()));
        let mut buckets = vec![0; (1 << BUCKET_BITS) + 1];
        for term in &words {
            buckets[bucket(term.head) + 1] += 1;
        }
        for index in 1..buckets.len() {
            buckets[index] += buckets[index - 1];
        }
        let mut terms = Self { heads: Box::new([0; HEAD_WORDS]), buckets, words };
        for index in 0..terms.words.len() {
            terms.add(terms.words[index].head);
        }
        terms
    }

    fn add(&mut self, head: u32) {
        let head = hash(head, HEAD_BITS);
        self.heads[head >> 6] |= 1_u64 << (head & 63);
    }

    /// Whether a word of the list may begin at a place of a text: nearly always no.
    #[inline]
    pub(crate) fn may_begin(&self, text: &[u8], at: usize) -> bool {
        self.may_have(&Beginning::of(text, at))
    }

    /// Whether a word of the list may begin like this.
    #[inline]
    pub(crate) fn may_have(&self, Beginning(head): &Beginning) -> bool {
        self.heads[head >> 6 & (HEAD_WORDS - 1)] >> (head & 63) & 1 == 1
    }

    /// The words at the beginning of a text, shorter ones first: index and length.
    pub(crate) fn at(&self, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let first = first(text);
        let bucket = bucket(head(text));
        let range = usize::from(self.buckets[bucket])..usize::from(self.buckets[bucket + 1]);
        self.words[range].iter().filter_map(move |term| {
            // Words that are the same begin the same; most of a bucket do not.
            if (term.first ^ first) & term.mask != 0 {
                return None;
            }
            // Most letters are small, and most words differ soon.
            let mut pairs = text.get(..term.word.len())?.iter().zip(term.word);
            let same = pairs.all(|(a, b)| a == b || a.eq_ignore_ascii_case(b));
            same.then_some((usize::from(term.index), term.word.len()))
        })
    }
}

/// How a text begins at a place, for all lists.
pub(crate) struct Beginning(usize);

impl Beginning {
    #[inline]
    pub(crate) fn of(text: &[u8], at: usize) -> Self {
        Self(hash(head(text.get(at..).unwrap_or_default()), HEAD_BITS))
    }
}

/// The first eight bytes of a text, each with the bit of small letters. Where two texts are the
/// same but for the case of letters, these are the same.
#[inline]
fn first(text: &[u8]) -> u64 {
    let eight = text.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [0; 8];
        eight[..text.len()].copy_from_slice(text);
        eight
    });
    u64::from_le_bytes(eight) | 0x2020_2020_2020_2020
}

/// The first four bytes of a word, in small letters. From the third on, what is no letter counts
/// as the end of the word.
#[inline]
fn head(text: &[u8]) -> u32 {
    let word = text.first_chunk().copied().unwrap_or_else(|| {
        let byte = |at: usize| text.get(at).copied().unwrap_or(0);
        [byte(0), byte(1), byte(2), 0]
    });
    let third = LETTERS[usize::from(word[2])];
    // No branch: which words are short cannot be foretold.
    let fourth = LETTERS[usize::from(word[3])] * u8::from(third != 0);
    u32::from_le_bytes([word[0] | 0x20, word[1] | 0x20, third, fourth])
}

/// Small letters for letters, zero for all other bytes. Of the bytes outside ASCII only the one
/// that begins a no-break space is no letter.
const LETTERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        if letter.is_ascii_alphabetic() || letter >= 0x80 && letter != 0xC2 {
            table[byte] = letter | 0x20;
        }
        byte += 1;
    }
    table
};

#[inline]
fn hash(head: u32, bits: u32) -> usize {
    (head.wrapping_mul(0x9E37_79B1) >> (32 - bits)) as usize
}

fn bucket(head: u32) -> usize {
    hash(head & 0xFF_FFFF, BUCKET_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_at_a_place_are_found_and_short_ones_end_there() {
        let terms = Terms::new(["id", "id card", "identity", "cp", "cp:", "id"].into_iter());
        let at = |text: &str| terms.at(text.as_bytes()).map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(at("ID card"), [0, 5, 1]);
        assert_eq!(at("identity"), [2]);
        assert_eq!(at("cp:"), [3, 4]);
        assert_eq!((at("cp"), at("cp\u{a0}")), (vec![3], vec![3]));
        assert_eq!((at("i"), at("ids")), (vec![], vec![]));
    }
}
