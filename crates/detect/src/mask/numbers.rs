//! Bare numbers: what replaces one is a number of the same type again.

/// Zero, written like a number.
pub(super) fn zero(number: &str) -> &'static str {
    if number.contains(['.', 'e', 'E']) { "0.0" } else { "0" }
}

/// Whether a replacement can stand where a bare number stands: the same sign, whole or not like
/// it, and within the same type.
pub(super) fn may_replace(number: &str, replacement: &str) -> bool {
    let signed = |text: &str| text.starts_with('-');
    is_number(replacement)
        && signed(number) == signed(replacement)
        && zero(number) == zero(replacement)
        && class(replacement) <= class(number)
}

/// The narrowest type that holds a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Class {
    Int2,
    Int4,
    Int8,
    Unsigned8,
    /// A fraction, or more digits than any integer has.
    Wide,
    /// No finite number in any type.
    Endless,
}

pub(super) fn class(number: &str) -> Class {
    if number.parse::<i16>().is_ok() {
        Class::Int2
    } else if number.parse::<i32>().is_ok() {
        Class::Int4
    } else if number.parse::<i64>().is_ok() {
        Class::Int8
    } else if number.parse::<u64>().is_ok() {
        Class::Unsigned8
    } else if number.parse::<f64>().is_ok_and(f64::is_finite) {
        Class::Wide
    } else {
        Class::Endless
    }
}

/// Whether a text is a number as JSON writes it (RFC 8259 section 6).
pub(super) fn is_number(text: &str) -> bool {
    length(text.as_bytes()) == Some(text.len())
}

/// The length of the JSON number that a text begins with.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| {
        bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || whole > 1 && bytes[at] == b'0' {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        let check = |text: &str, expect: bool| assert_eq!(is_number(text), expect, "{text}");
        for number in ["0", "-0", "10", "1.50", "-1e5", "1E+05", "0.1e-9"] {
            check(number, true);
        }
        for other in ["", "-", "007", "1.", ".5", "1e", "+1", "1 ", "0x1", "NaN"] {
            check(other, false);
        }
    }

    #[test]
    fn replacements_stay_in_their_type() {
        let check = |number: &str, replacement: &str, expect: bool| {
            assert_eq!(may_replace(number, replacement), expect, "{number} by {replacement}");
        };
        check("4111111111111111", "9", true);
        check("12345", "99999", false);
        check("2000000000", "9000000000", false);
        check("9000000000", "99999999999999999999", false);
        check("12", "1.5", false);
        check("1.5", "2.25", true);
        check("1.5", "1.5e999", false);
        check("-5", "5", false);
        check("5", "-5", false);
        check("5", "[x]", false);
    }
}
