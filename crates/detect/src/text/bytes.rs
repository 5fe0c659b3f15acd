//! Eight bytes at a time: where digits, words and bytes outside ASCII are. Plain arithmetic on
//! words of 64 bits, so that it is as fast on every processor.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// The first byte outside ASCII at `from` or later.
pub(crate) fn find_high(bytes: &[u8], from: usize) -> Option<usize> {
    find(bytes, from, |eight| eight & HIGH)
}

/// The first ASCII digit at `from` or later.
pub(crate) fn find_digit(bytes: &[u8], from: usize) -> Option<usize> {
    find(bytes, from, digits)
}

/// Calls `visit` with the first byte of each word for which `probe` holds. A word is a run of
/// letters, digits and bytes outside ASCII; ASCII behind other bytes begins one, too. `probe`
/// may be asked about places where no word begins, or behind the end.
#[inline]
pub(crate) fn word_starts(
    bytes: &[u8],
    probe: impl Fn(usize) -> bool,
    mut visit: impl FnMut(usize),
) {
    let (blocks, tail) = bytes.as_chunks::<8>();
    let (mut letter_before, mut high_before) = (0, 0);
    for index in 0..=blocks.len() {
        let eight = blocks.get(index).map_or_else(|| padded(tail), |b| u64::from_le_bytes(*b));
        let base = index * 8;
        let letters = letters(eight);
        let mut starts = letters & !(letters << 8 | letter_before)
            | letters & !eight & (eight << 8 | high_before);
        letter_before = letters >> 56;
        high_before = (eight & HIGH) >> 56;
        // Most blocks have two words or fewer. Asking for both without a branch is faster than
        // a loop whose end cannot be foretold.
        let second = starts & starts.wrapping_sub(1);
        let more = second & second.wrapping_sub(1);
        let hit = (probe(base + first(starts)) & (starts != 0))
            | (probe(base + first(second)) & (second != 0));
        if hit || more != 0 {
            while starts != 0 {
                let start = base + first(starts);
                if probe(start) {
                    visit(start);
                }
                starts &= starts - 1;
            }
        }
    }
}

/// Whether a byte belongs to a word: letters, digits and bytes outside ASCII.
pub(crate) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

#[inline]
fn find(bytes: &[u8], from: usize, test: impl Fn(u64) -> u64) -> Option<usize> {
    let (blocks, tail) = bytes.get(from..)?.as_chunks::<8>();
    for (index, eight) in blocks.iter().enumerate() {
        let hits = test(u64::from_le_bytes(*eight));
        if hits != 0 {
            return Some(from + index * 8 + first(hits));
        }
    }
    let hits = test(padded(tail));
    (hits != 0).then(|| from + blocks.len() * 8 + first(hits))
}

/// The place of the first byte whose high bit is set.
fn first(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
}

/// Fewer than eight bytes, with zeros behind them.
fn padded(tail: &[u8]) -> u64 {
    tail.iter().rev().fold(0, |eight, byte| eight << 8 | u64::from(*byte))
}

/// The high bit of each byte that is in a range of ASCII; `low` has no high bits.
fn within(low: u64, range: std::ops::RangeInclusive<u8>) -> u64 {
    let least = low + ONES * u64::from(0x80 - range.start());
    let more = low + ONES * u64::from(0x7F - range.end());
    least & !more & HIGH
}

fn digits(eight: u64) -> u64 {
    within(eight & !HIGH, b'0'..=b'9') & !eight
}

fn letters(eight: u64) -> u64 {
    let low = eight & !HIGH;
    (within(low | ONES << 5, b'a'..=b'z') | within(low, b'0'..=b'9') | eight) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_as_one_by_one() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                let mut bytes = [b' '; 21];
                bytes[place] = byte;
                let at = |told: bool| told.then_some(place);
                assert_eq!(find_high(&bytes, 1), at(byte >= 0x80 && place > 0), "{byte}");
                assert_eq!(find_digit(&bytes, 0), at(byte.is_ascii_digit()), "{byte}");
                let mut starts = Vec::new();
                word_starts(&bytes, |_| true, |start| starts.push(start));
                assert_eq!(starts.first().copied(), at(is_letter(byte)), "{byte}");
            }
        }
        let mut starts = Vec::new();
        let text = "of words, 7 of größe a b c d e";
        word_starts(text.as_bytes(), |_| true, |start| starts.push(start));
        assert_eq!(starts, [0, 3, 10, 12, 15, 21, 23, 25, 27, 29, 31]);
        assert_eq!((find_high(b"", 0), find_digit(b"1", 1)), (None, None));
    }
}
