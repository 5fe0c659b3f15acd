//! Bytes as text: UTF-8, and UTF-16 with and without a mark.

use std::borrow::Cow;

/// The text of some bytes. What is neither is shown as it can be.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match utf16(bytes) {
        Some(order) => {
            let units = bytes.chunks_exact(2).map(|pair| match order {
                Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            });
            let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
            Cow::Owned(text.skip_while(|c| *c == '\u{feff}').collect())
        }
        None => String::from_utf8_lossy(bytes),
    }
}

/// Which byte of a unit comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

/// Whether bytes are UTF-16, and in which order: by the mark, or because every other byte of the
/// beginning is mostly zero, which no UTF-8 has.
pub(super) fn utf16(bytes: &[u8]) -> Option<Order> {
    match bytes {
        [0xFF, 0xFE, ..] => return Some(Order::Little),
        [0xFE, 0xFF, ..] => return Some(Order::Big),
        _ => {}
    }
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    if half >= UNITS_MIN && odd * 10 >= half * 6 && even * 10 <= half {
        Some(Order::Little)
    } else if half >= UNITS_MIN && even * 10 >= half * 6 && odd * 10 <= half {
        Some(Order::Big)
    } else {
        None
    }
}

/// Bytes that are looked at, and fewest units that tell.
const HEAD_BYTES: usize = 4096;
const UNITS_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_is_read_with_and_without_its_mark() {
        let text = "write to eva@example.org, größer";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!((decoded(&little), decoded(&big)), (text.into(), text.into()));
        let marked = [&[0xFF, 0xFE], &little[..]].concat();
        assert_eq!(decoded(&marked), text);
        assert_eq!(decoded(text.as_bytes()), text);
        assert_eq!(utf16(b"a\0b"), None);
        assert_eq!(utf16(b""), None);
    }
}
