//! Numbers of JSON, written out: `4.1e3` is `4100`, and detectors read digits.

/// More digits than an identifier of anybody has.
const DIGITS_MAX: usize = 64;

/// A number with a sign, an exponent or a fraction of zeros, without them; none where it is
/// written out already, or is no identifier of anybody.
pub(super) fn written_out(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (signed, whole) = (whole, whole.trim_start_matches('-'));
    if fraction.is_empty() && exponent == 0 && signed.len() == whole.len() {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point).ok().filter(|point| *point <= DIGITS_MAX)?;
    let behind = digits.get(point..).unwrap_or_default();
    if digits.len() > DIGITS_MAX || behind.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let digits = digits.get(..point).unwrap_or(&digits);
    let zeros = "0".repeat(point.saturating_sub(digits.len()));
    let plain = format!("{digits}{zeros}");
    Some(plain.trim_start_matches('0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_writing() {
        let check = |text, expect: Option<&str>| {
            assert_eq!(written_out(text).as_deref(), expect, "{text}");
        };
        check("4.111111111111111E15", Some("4111111111111111"));
        check("41111111111111110e-1", Some("4111111111111111"));
        check("0.4111111111111111e16", Some("4111111111111111"));
        check("4111111111111111.00", Some("4111111111111111"));
        check("-4.1e+3", Some("4100"));
        check("-4111111111111111", Some("4111111111111111"));
        check("4111111111111111", None);
        check("1.5", None);
        check("1e400", None);
        check("1e-400", None);
        check("1e9223372036854775807", None);
    }
}
