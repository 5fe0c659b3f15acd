//! Check digits and other rules that few random values pass. Everything here is pure and
//! works on compact values: ASCII digits and upper-case letters without separators.

pub(crate) mod identifiers;
pub(crate) mod rules;
pub(crate) mod vat;
pub(crate) mod world;

/// The digit values of an all-digit string, or nothing.
pub(crate) fn digits<const N: usize>(value: &[u8]) -> Option<[u32; N]> {
    let mut out = [0; N];
    if value.len() != N {
        return None;
    }
    for (slot, byte) in out.iter_mut().zip(value) {
        if !byte.is_ascii_digit() {
            return None;
        }
        *slot = u32::from(byte - b'0');
    }
    Some(out)
}

/// The number that a run of ASCII digits writes. The caller keeps it short (≤ 18).
pub(crate) fn number(value: &[u8]) -> u64 {
    value.iter().fold(0, |sum, byte| sum * 10 + u64::from(byte & 15))
}

/// Luhn (ISO/IEC 7812-1 annex B), check digit last.
pub(crate) fn luhn(value: &[u8]) -> bool {
    let mut sum = 0;
    for (place, byte) in value.iter().rev().enumerate() {
        let digit = u32::from(byte & 15);
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

/// ISO 7064 MOD 97-10 over letters and digits; the IBAN rule after rotating four characters.
pub(crate) fn mod97(value: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0_u32;
    for byte in value {
        rest = match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => return None,
        };
    }
    Some(rest)
}

/// ISO 7064 MOD 11,10 (German tax id, Croatian OIB).
pub(crate) fn mod11_10(value: &[u8]) -> bool {
    let Some((check, body)) = value.split_last() else { return false };
    let mut product = 10;
    for byte in body {
        let sum = (u32::from(byte & 15) + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    (11 - product) % 10 == u32::from(check & 15)
}

/// The weighted sum of the first digits.
pub(crate) fn weighted(value: &[u8], weights: &[u32]) -> u32 {
    value.iter().zip(weights).map(|(byte, weight)| u32::from(byte & 15) * weight).sum()
}

/// Verhoeff (Aadhaar, Luxembourg), check digit last.
pub(crate) fn verhoeff(value: &[u8]) -> bool {
    const D: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const P: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let check = value.iter().rev().enumerate().fold(0_u8, |check, (place, byte)| {
        D[usize::from(check)][usize::from(P[place % 8][usize::from(byte & 15) % 10])]
    });
    check == 0
}

/// Whether day and month can be a date; years are not judged (February has 29 days).
pub(crate) fn day_month(day: u64, month: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether all characters are the same.
pub(crate) fn uniform(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors_pass_and_a_changed_digit_fails() {
        assert!(luhn(b"79927398713") && !luhn(b"79927398710"));
        assert!(verhoeff(b"2363") && !verhoeff(b"2364"));
        assert!(mod11_10(b"07945") && !mod11_10(b"07946"), "the example of ISO 7064");
        assert_eq!(mod97(b"WEST12345698765432GB82".iter().copied()), Some(1));
    }
}
