//! Halves of letters in JSON: `\\ud83d` without the other half, as a text has that was cut off
//! in the middle of one. Readers differ in what they make of them.

/// A string of JSON, with its quotes, in which half a letter is one that nobody knows; none where
/// there is none.
pub(super) fn replaced(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut has_any = false;
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        let (taken, length) = match (*byte, unit(rest)) {
            (b'\\', Some(0xd800..=0xdbff))
                if matches!(rest.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) =>
            {
                (rest.get(..12)?, 12)
            }
            (b'\\', Some(0xd800..=0xdfff)) => {
                has_any = true;
                (&br"\ufffd"[..], 6)
            }
            // What is escaped is no beginning of another escape.
            (b'\\', _) if !behind.is_empty() => (rest.get(..2)?, 2),
            _ => (rest.get(..1)?, 1),
        };
        out.extend_from_slice(taken);
        rest = rest.get(length..)?;
    }
    has_any.then_some(out)
}

/// What an escape of four digits in front of a text stands for.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(text.strip_prefix(br"\u")?.get(..4)?).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        let check = |text: &str, expect: Option<&str>| {
            let found = replaced(text.as_bytes());
            assert_eq!(found, expect.map(|text| text.as_bytes().to_vec()), "{text}");
        };
        check(r#""\ud83d""#, Some(r#""\ufffd""#));
        check(r#""\ude00\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#));
        check(r#""\ud83dx\uD83D\uD83D""#, Some(r#""\ufffdx\ufffd\ufffd""#));
        check(r#""\ud83d\ude00 \u0041""#, None);
        check(r#""\\ud83d""#, None);
        check("\"\\", None);
    }
}
