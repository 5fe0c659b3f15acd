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

/// Whether `test` holds for a letter or digit that stands alone, with two like it within sixteen
/// bytes. It is asked for the first of those in any two blocks of eight.
pub(crate) fn any_loose(bytes: &[u8], test: impl Fn(usize) -> bool) -> bool {
    let (blocks, tail) = bytes.as_chunks::<8>();
    // One bit for each byte that is part of a word: 24 bytes, the block at hand in the middle.
    let mut words = 0;
    for index in 0..=blocks.len() + 1 {
        let eight = match index.checked_sub(blocks.len()) {
            None => u64::from_le_bytes(blocks[index]),
            Some(0) => padded(tail),
            Some(_) => 0,
        };
        words = words >> 8 | bits(letters(eight)) << 24;
        let loose = words & !(words << 1) & !(words >> 1) & 0x00FF_FF00;
        let two = loose & loose.wrapping_sub(1);
        if two & two.wrapping_sub(1) != 0
            && test((index * 8 + loose.trailing_zeros() as usize).wrapping_sub(24))
        {
            return true;
        }
    }
    false
}

/// The first twelve bytes in a row of ASCII without a space, at `from` or later.
pub(crate) fn find_solid(bytes: &[u8], from: usize) -> Option<usize> {
    let (blocks, tail) = bytes.get(from..)?.as_chunks::<8>();
    // One bit for each of the last 64 bytes that may be part of the row.
    let mut solid = 0;
    for index in 0..=blocks.len() {
        let eight = blocks.get(index).map_or_else(|| padded(tail), |b| u64::from_le_bytes(*b));
        let differs = (eight ^ (ONES * u64::from(b' '))) & !HIGH;
        let block = (differs + !HIGH) & !eight & HIGH;
        // What pads the tail is no part of it.
        let block = if index == blocks.len() { block & low_bytes(tail.len()) } else { block };
        solid = solid >> 8 | bits(block) << 56;
        let two = solid & solid >> 1;
        let four = two & two >> 2;
        let twelve = (four & four >> 4 & four >> 8) >> FIRST_BIT;
        if twelve != 0 {
            let bit = FIRST_BIT + twelve.trailing_zeros() as usize;
            return Some(from + index * 8 + 8 + bit - 64);
        }
    }
    None
}

/// The first of the last 64 bytes where a row of twelve may begin that the block before did
/// not end.
const FIRST_BIT: usize = 64 - 8 - 11;

/// The first so many of eight bytes.
fn low_bytes(count: usize) -> u64 {
    (1_u64 << (count * 8)) - 1
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

/// One bit for each byte whose high bit is set.
fn bits(eight: u64) -> u64 {
    (eight >> 7 & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56
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
        for lead in 0..20 {
            let text = format!("of{}--a-b c- und weiter", "x".repeat(lead));
            assert!(any_loose(text.as_bytes(), |at| at == lead + 4), "{text}");
            assert!(!any_loose(text.as_bytes(), |at| at < lead + 4), "{text}");
        }
        assert!(any_loose(b"a b c", |at| at == 0) && !any_loose(b"ab c d", |_| true));
        for lead in 0..20 {
            let text = format!("{} abcdefghijkl", "é".repeat(lead));
            assert_eq!(find_solid(text.as_bytes(), 0), Some(lead * 2 + 1));
            assert_eq!(find_solid(text.as_bytes(), lead * 2 + 2), None);
            assert_eq!(
                find_solid(format!("{text} {text}").as_bytes(), lead * 2 + 2),
                Some(lead * 4 + 15)
            );
        }
        assert_eq!((find_high(b"", 0), find_digit(b"1", 1)), (None, None));
    }
}
