//! Which bytes a text holds at all, and where its words are, told in one walk.

/// Which bytes a text holds, for skipping matchers that cannot match.
#[derive(Default)]
pub(crate) struct Traits {
    pub(crate) digits: usize,
    pub(crate) upper: bool,
    pub(crate) at: bool,
    pub(crate) colon: bool,
    pub(crate) high: bool,
    pub(crate) coded: bool,
    pub(crate) nul: bool,
    /// Whether there is a line break or the beginning of a tag.
    pub(crate) lines: bool,
    /// Whether there is a round, square or curly bracket that opens.
    pub(crate) bracket: bool,
    pub(crate) words: Words,
}

/// Where the words of a text are.
#[derive(Default)]
pub(crate) struct Words {
    /// The first blocks, so that a short text costs no allocation, and those behind them.
    first: [Block; FIRST_BLOCKS],
    rest: Vec<Block>,
    count: usize,
}

/// What 64 bytes are, one bit for each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Block {
    /// Letters, digits and bytes outside ASCII.
    pub(crate) letters: u64,
    /// Letters and digits of ASCII, and the signs of base64.
    pub(crate) coded: u64,
    /// Those, points and tildes: what keys are made of.
    pub(crate) keys: u64,
    /// Capital letters of ASCII.
    pub(crate) upper: u64,
    /// Digits of ASCII.
    pub(crate) digits: u64,
    /// Bytes outside ASCII.
    pub(crate) high: u64,
}

const EMPTY: &Block = &Block { letters: 0, coded: 0, keys: 0, upper: 0, digits: 0, high: 0 };

const BLOCK_BYTES: usize = 64;
const FIRST_BLOCKS: usize = 4;

impl Traits {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut traits = Self::default();
        let (mut classes, mut kinds) = (0, 0);
        let mut add = |walk: Walk| {
            classes |= walk.classes;
            kinds |= walk.kinds;
            traits.digits += usize::from(walk.digits);
            traits.words.push(walk.block);
        };
        let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
        blocks.iter().for_each(|block| add(walk(block)));
        let mut last = [b' '; BLOCK_BYTES];
        last[..tail.len()].copy_from_slice(tail);
        match (tail.len(), last.first_chunk::<{ BLOCK_BYTES / 2 }>()) {
            (0, _) => {}
            (..=32, Some(half)) => add(walk(half)),
            _ => add(walk(&last)),
        }
        traits.upper = classes & 2 != 0;
        traits.at = classes & 4 != 0;
        traits.colon = classes & 8 != 0;
        traits.high = classes & 16 != 0;
        traits.coded = classes & 32 != 0;
        traits.nul = classes & 64 != 0;
        traits.lines = classes & 128 != 0;
        traits.bracket = kinds & 4 != 0;
        traits
    }
}

/// What some bytes are.
struct Walk {
    classes: u8,
    kinds: u8,
    digits: u8,
    block: Block,
}

#[inline]
fn walk<const COUNT: usize>(bytes: &[u8; COUNT]) -> Walk {
    let (mut kinds, mut told) = ([0_u8; COUNT], [0_u8; COUNT]);
    let Told { classes, kinds: all, digits } = tell(bytes, &mut kinds);
    let mut each = |test: fn(&[u8], &mut [u8])| {
        test(bytes, &mut told);
        bits(&told, 0)
    };
    let block = Block {
        letters: bits(&kinds, 0),
        coded: bits(&kinds, 1),
        keys: bits(&kinds, 1) | each(points),
        upper: if classes & 2 != 0 { each(capitals) } else { 0 },
        digits: if digits > 0 { each(numerals) } else { 0 },
        high: if classes & 16 != 0 { bits(bytes, 7) } else { 0 },
    };
    Walk { classes, kinds: all, digits, block }
}

struct Told {
    classes: u8,
    kinds: u8,
    digits: u8,
}

/// What 64 bytes are, or fewer. Neither branch nor table, and not a part of any other function: the
/// compiler makes vectors of such loops.
#[inline(never)]
fn tell(bytes: &[u8], out: &mut [u8]) -> Told {
    let (mut classes, mut kinds, mut digits) = (0_u8, 0_u8, 0_u8);
    for (slot, byte) in out.iter_mut().zip(bytes) {
        let class = class(*byte);
        classes |= class;
        digits += class & 1;
        *slot = kind(*byte);
        kinds |= *slot;
    }
    Told { classes, kinds, digits }
}

#[inline(never)]
fn points(bytes: &[u8], out: &mut [u8]) {
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = u8::from(*byte == b'.') | u8::from(*byte == b'~');
    }
}

#[inline(never)]
fn capitals(bytes: &[u8], out: &mut [u8]) {
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = u8::from(byte.wrapping_sub(b'A') < 26);
    }
}

#[inline(never)]
fn numerals(bytes: &[u8], out: &mut [u8]) {
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = u8::from(byte.wrapping_sub(b'0') < 10);
    }
}

impl Words {
    fn push(&mut self, block: Block) {
        match self.first.get_mut(self.count) {
            Some(slot) => *slot = block,
            None => self.rest.push(block),
        }
        self.count += 1;
    }

    /// The bits of 64 bytes; none before the text and behind it.
    #[inline]
    pub(crate) fn block(&self, index: usize) -> &Block {
        let block = self.first.get(index);
        block.or_else(|| self.rest.get(index.checked_sub(FIRST_BLOCKS)?)).unwrap_or(EMPTY)
    }

    /// The letters of a block, and those one byte before and behind each.
    #[inline]
    fn neighbours(&self, index: usize) -> (u64, u64, u64) {
        let letters = |index| self.block(index).letters;
        let at = letters(index);
        (at << 1 | letters(index.wrapping_sub(1)) >> 63, at, at >> 1 | letters(index + 1) << 63)
    }

    /// Shows the places where words begin. A word is a run of letters, digits and bytes outside
    /// ASCII.
    #[inline]
    pub(crate) fn each_start(&self, mut visit: impl FnMut(usize)) {
        for index in 0..self.count {
            let (before, at, _) = self.neighbours(index);
            let mut left = at & !before;
            while left != 0 {
                visit(index * BLOCK_BYTES + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }

    /// Whether a test holds for a place where a word of three bytes begins.
    #[inline]
    pub(crate) fn any_three(&self, test: impl Fn(usize) -> bool) -> bool {
        (0..self.count).any(|index| any_place(index, self.threes_of(index), &test))
    }

    /// Like [`Self::any_three`], for words that have a point or a tilde behind them.
    #[inline]
    pub(crate) fn any_dotted_three(&self, test: impl Fn(usize) -> bool) -> bool {
        let points = |index| self.block(index).keys & !self.block(index).coded;
        (0..self.count).any(|index| {
            let ahead = points(index) >> 3 | points(index + 1) << 61;
            ahead != 0 && any_place(index, ahead & self.threes_of(index), &test)
        })
    }

    #[inline]
    fn threes_of(&self, index: usize) -> u64 {
        let (before, at, behind) = self.neighbours(index);
        let next = self.block(index + 1).letters;
        let ahead = |bytes: u32| at >> bytes | next << (64 - bytes);
        at & !before & behind & ahead(2) & !ahead(3)
    }

    /// Whether one of some bytes may be a capital letter or a digit.
    pub(crate) fn has_telling(&self, range: std::ops::Range<usize>) -> bool {
        let next = self.find(range.start, |block| block.upper | block.digits);
        next.is_some_and(|next| next < range.end)
    }

    /// One bit for each letter, digit and byte outside ASCII of the 64 bytes before a place; the
    /// highest is that of the last byte.
    pub(crate) fn letters_before(&self, at: usize) -> u64 {
        let (index, shift) = (at / BLOCK_BYTES, (at % BLOCK_BYTES) as u32);
        let behind = self.block(index).letters.checked_shl(64 - shift).unwrap_or(0);
        behind | self.block(index.wrapping_sub(1)).letters >> shift
    }

    /// One bit for each place of a range, of 128 bytes at most, where a word begins; a word that
    /// the range begins in begins with it.
    pub(crate) fn starts_within(&self, range: std::ops::Range<usize>) -> u128 {
        let (index, shift) = (range.start / BLOCK_BYTES, (range.start % BLOCK_BYTES) as u32);
        let block = |more: usize| u128::from(self.block(index + more).letters);
        let behind = block(2).checked_shl(2 * BLOCK_BYTES as u32 - shift).unwrap_or(0);
        let letters = (block(1) << BLOCK_BYTES | block(0)) >> shift | behind;
        let kept = (2 * BLOCK_BYTES).saturating_sub(range.len()) as u32;
        let letters = letters & u128::MAX.checked_shr(kept).unwrap_or(0);
        letters & !(letters << 1)
    }

    /// Whether `test` holds for a letter or digit that stands alone, with two like it within
    /// sixteen bytes. It is asked for the first of those in any two groups of eight bytes.
    pub(crate) fn any_loose(&self, test: impl Fn(usize) -> bool) -> bool {
        let loose = |index| {
            let (before, at, behind) = self.neighbours(index);
            at & !before & !behind
        };
        let mut next = loose(0);
        for index in 0..self.count {
            let at = next;
            next = loose(index + 1);
            let two = at & at.wrapping_sub(1);
            if at == 0 || two & two.wrapping_sub(1) == 0 && next & 0xFF == 0 {
                continue;
            }
            let both = u128::from(next) << 64 | u128::from(at);
            for group in 0..BLOCK_BYTES / 8 {
                let sixteen = (both >> (8 * group)) as u16;
                let two = sixteen & sixteen.wrapping_sub(1);
                if two & two.wrapping_sub(1) != 0
                    && test(index * BLOCK_BYTES + 8 * group + sixteen.trailing_zeros() as usize)
                {
                    return true;
                }
            }
        }
        false
    }

    /// The first place at `from` or later from which on twelve bytes in a row are letters and
    /// digits of ASCII or signs of base64.
    pub(crate) fn find_coded(&self, from: usize) -> Option<usize> {
        self.find_twelve(from, |block| block.coded)
    }

    /// The next stretch of twelve bytes or more of those that keys are made of, at `from` or later.
    pub(crate) fn find_keys(&self, from: usize) -> Option<std::ops::Range<usize>> {
        let start = self.find_twelve(from, |block| block.keys)?;
        let (mut index, mut kept) = (start / BLOCK_BYTES, u64::MAX << (start % BLOCK_BYTES));
        loop {
            let others = !self.block(index).keys & kept;
            if others != 0 {
                return Some(start..index * BLOCK_BYTES + others.trailing_zeros() as usize);
            }
            (index, kept) = (index + 1, u64::MAX);
        }
    }

    #[inline]
    fn find_twelve(&self, from: usize, bits: impl Fn(&Block) -> u64) -> Option<usize> {
        let mut kept = u64::MAX << (from % BLOCK_BYTES);
        for index in from / BLOCK_BYTES..self.count {
            let bits =
                u128::from(bits(self.block(index + 1))) << 64 | u128::from(bits(self.block(index)));
            let two = bits & bits >> 1;
            let four = two & two >> 2;
            let twelve = (four & four >> 4 & four >> 8) as u64 & kept;
            if twelve != 0 {
                return Some(index * BLOCK_BYTES + twelve.trailing_zeros() as usize);
            }
            kept = u64::MAX;
        }
        None
    }

    /// The first digit of ASCII at `from` or later.
    #[inline]
    pub(crate) fn find_digit(&self, from: usize) -> Option<usize> {
        self.find(from, |block| block.digits)
    }

    /// The first capital letter of ASCII at `from` or later.
    #[inline]
    pub(crate) fn find_capital(&self, from: usize) -> Option<usize> {
        self.find(from, |block| block.upper)
    }

    /// The word that begins at `start`, if it is of ASCII and shorter than a block.
    #[inline]
    pub(crate) fn ascii_word(&self, start: usize) -> Option<AsciiWord> {
        let (block, shift) = (self.block(start / BLOCK_BYTES), (start % BLOCK_BYTES) as u32);
        let length = (block.letters >> shift).trailing_ones();
        if shift + length >= BLOCK_BYTES as u32 {
            return self.word_across(start);
        }
        let all = (1_u64 << length) - 1;
        (block.high >> shift & all == 0).then_some(AsciiWord {
            length: length as usize,
            all,
            upper: block.upper >> shift & all,
            digits: block.digits >> shift & all,
        })
    }

    /// Like [`Self::ascii_word`], where it reaches the end of its block.
    #[cold]
    fn word_across(&self, start: usize) -> Option<AsciiWord> {
        let (index, shift) = (start / BLOCK_BYTES, (start % BLOCK_BYTES) as u32);
        let (block, next) = (self.block(index), self.block(index + 1));
        let both = |bits: u64, more: u64| bits >> shift | more.checked_shl(64 - shift).unwrap_or(0);
        let length = both(block.letters, next.letters).trailing_ones();
        if length >= BLOCK_BYTES as u32 {
            return None;
        }
        let all = (1_u64 << length) - 1;
        (both(block.high, next.high) & all == 0).then_some(AsciiWord {
            length: length as usize,
            all,
            upper: both(block.upper, next.upper) & all,
            digits: both(block.digits, next.digits) & all,
        })
    }

    /// Whether a capital letter, a digit or a byte outside ASCII is there at `from` or later, and
    /// where.
    pub(crate) fn find_telling(&self, from: usize) -> Option<usize> {
        self.find(from, |block| block.upper | block.digits | block.high)
    }

    #[inline]
    fn find(&self, from: usize, bits: impl Fn(&Block) -> u64) -> Option<usize> {
        let mut kept = u64::MAX << (from % BLOCK_BYTES);
        for index in from / BLOCK_BYTES..self.count {
            let found = bits(self.block(index)) & kept;
            if found != 0 {
                return Some(index * BLOCK_BYTES + found.trailing_zeros() as usize);
            }
            kept = u64::MAX;
        }
        None
    }
}

/// Whether a test holds for one of the places of a block.
#[inline]
fn any_place(index: usize, mut left: u64, test: impl Fn(usize) -> bool) -> bool {
    while left != 0 {
        if test(index * BLOCK_BYTES + left.trailing_zeros() as usize) {
            return true;
        }
        left &= left - 1;
    }
    false
}

/// A run of letters and digits of ASCII, one bit for each.
pub(crate) struct AsciiWord {
    pub(crate) length: usize,
    pub(crate) all: u64,
    pub(crate) upper: u64,
    pub(crate) digits: u64,
}

/// Some places of a text.
#[derive(Default)]
pub(crate) struct Places {
    /// Those in the first blocks, and those behind them.
    first: [u64; FIRST_BLOCKS],
    rest: Vec<u64>,
}

impl Places {
    #[inline]
    pub(crate) fn add(&mut self, at: usize) {
        let (index, bit) = (at / BLOCK_BYTES, 1 << (at % BLOCK_BYTES));
        match self.first.get_mut(index) {
            Some(block) => *block |= bit,
            None => {
                let index = index - FIRST_BLOCKS;
                if self.rest.len() <= index {
                    self.rest.resize(index + 1, 0);
                }
                self.rest[index] |= bit;
            }
        }
    }

    /// One bit for each of 128 bytes from `from` on.
    pub(crate) fn within(&self, from: usize) -> u128 {
        let (index, shift) = (from / BLOCK_BYTES, (from % BLOCK_BYTES) as u32);
        let block = |more: usize| {
            let index = index + more;
            let block = self.first.get(index);
            let block = block.or_else(|| self.rest.get(index.checked_sub(FIRST_BLOCKS)?));
            u128::from(block.copied().unwrap_or(0))
        };
        let behind = block(2).checked_shl(2 * BLOCK_BYTES as u32 - shift).unwrap_or(0);
        (block(1) << BLOCK_BYTES | block(0)) >> shift | behind
    }
}

/// One bit of each of 64 bytes or fewer.
#[inline]
fn bits(bytes: &[u8], bit: u32) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, eight| {
        let ones = u64::from_le_bytes(*eight) >> bit & ONES;
        bits << 8 | ones.wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// The classes of a byte, one bit each.
#[inline]
const fn class(byte: u8) -> u8 {
    (byte.wrapping_sub(b'0') < 10) as u8
        | ((byte.wrapping_sub(b'A') < 26) as u8) << 1
        | ((byte == b'@') as u8) << 2
        | ((byte == b':') as u8) << 3
        | byte >> 7 << 4
        | ((byte == b'%') as u8
            | (byte == b'&') as u8
            | (byte == b'\\') as u8
            | (byte == b'=') as u8)
            << 5
        | ((byte == 0) as u8) << 6
        | ((byte == b'\n') as u8 | (byte == b'<') as u8) << 7
}

/// Whether a byte is one of a word, one of base64, a bracket: one bit each.
#[inline]
const fn kind(byte: u8) -> u8 {
    let alphanumeric =
        ((byte | 0x20).wrapping_sub(b'a') < 26) as u8 | (byte.wrapping_sub(b'0') < 10) as u8;
    // `+` and `/`, and `[` and `{`, differ in one bit.
    let sign = (byte | 4 == b'/') as u8
        | (byte == b'_') as u8
        | (byte == b'-') as u8
        | (byte == b'=') as u8;
    let bracket = (byte == b'(') as u8 | (byte | 0x20 == b'{') as u8;
    (alphanumeric | byte >> 7) | (alphanumeric | sign) << 1 | bracket << 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::bytes::is_letter;

    fn starts_of(words: &Words) -> Vec<usize> {
        let mut starts = Vec::new();
        words.each_start(|start| starts.push(start));
        starts
    }

    #[test]
    fn every_byte_at_every_place_is_told_as_one_by_one() {
        for byte in 0..=255_u8 {
            for place in [0, 1, 7, 62, 63, 64, 65, 127, 128, 255, 256, 300] {
                let mut bytes = [b' '; 301];
                bytes[place] = byte;
                let traits = Traits::of(&bytes);
                let starts = starts_of(&traits.words);
                assert_eq!(starts.first().copied(), is_letter(byte).then_some(place), "{byte}");
                assert_eq!(traits.digits, usize::from(byte.is_ascii_digit()));
                assert_eq!(traits.nul, byte == 0);
                assert_eq!(traits.lines, byte == b'\n' || byte == b'<');
                assert_eq!(traits.bracket, matches!(byte, b'(' | b'[' | b'{'));
            }
        }
    }

    #[test]
    fn words_are_found_across_blocks() {
        let text = "of words, 7 of größe a b c dot e";
        for lead in 0..140 {
            let bytes = [" ".repeat(lead).as_bytes(), text.as_bytes()].concat();
            let words = Traits::of(&bytes).words;
            let moved = |places: &[usize]| places.iter().map(|at| at + lead).collect::<Vec<_>>();
            let starts = starts_of(&words);
            assert_eq!(starts, moved(&[0, 3, 10, 12, 15, 23, 25, 27, 29, 33]));
            let threes = std::cell::RefCell::new(Vec::new());
            words.any_three(|at| {
                threes.borrow_mut().push(at);
                false
            });
            assert_eq!(threes.into_inner(), moved(&[29]));
            // A window that begins within a word begins one.
            let bits = words.starts_within(lead + 4..lead + 16);
            assert_eq!(bits, 1 | 1 << 6 | 1 << 8 | 1 << 11);
            assert!(words.any_loose(|at| at == lead + 23), "{lead}");
        }
        assert!(Traits::of(b"a b c").words.any_loose(|at| at == 0));
        assert!(!Traits::of(b"ab c d").words.any_loose(|_| true));
        for lead in 0..140 {
            let text = format!("{} abcdef+hijkl.", "é".repeat(lead));
            let words = Traits::of(text.as_bytes()).words;
            assert_eq!(words.find_coded(0), Some(lead * 2 + 1));
            assert_eq!(words.find_coded(lead * 2 + 2), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn rows_of_keys_are_those_that_are_walked(text in "([a-z0-9._/+=~-]{0,30}[ @,;é]{0,2}){0,8}") {
            let is_key = |b: &u8| b.is_ascii_alphanumeric() || b"-_./+=~".contains(b);
            let bytes = text.as_bytes();
            let (mut walked, mut at) = (Vec::new(), 0);
            for row in bytes.split(|b| !is_key(b)) {
                if row.len() >= 12 {
                    walked.push(at..at + row.len());
                }
                at += row.len() + 1;
            }
            let words = Traits::of(bytes).words;
            let mut end = 0;
            let found = std::iter::from_fn(|| {
                let row = words.find_keys(end)?;
                end = row.end;
                Some(row)
            });
            assert_eq!(found.collect::<Vec<_>>(), walked);
        }
    }
}
