//! What a reviewer reads of a request, and what an approval is bound to.

use crate::wire::value_kind;
use portreeve_decide::mask::{Form, ValueKind};

/// Longest parameter that a reviewer is shown in full.
const PARAM_CHARS_MAX: usize = 200;

/// The parameters of a Bind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'a> {
    pub(super) values: &'a [Option<&'a [u8]>],
    /// None, one for all, or one for each parameter.
    pub(super) formats: &'a [i16],
    /// What the client declared in Parse; 0 or missing where the server chose.
    pub(super) types: &'a [u32],
}

impl Parameters<'_> {
    fn format(&self, index: usize) -> i16 {
        match self.formats {
            [] => 0,
            [one] => *one,
            many => many.get(index).copied().unwrap_or(0),
        }
    }
}

/// A statement with its parameters. The same bytes under another type or format are
/// another content.
pub(super) fn with_params(text: &str, params: Parameters<'_>) -> String {
    let mut content = text.to_owned();
    for (index, value) in params.values.iter().enumerate() {
        let type_oid = params.types.get(index).copied().unwrap_or(0);
        let shown = shown(*value, type_oid, params.format(index));
        content.push_str(&format!("\n-- ${} = {shown}", index + 1));
    }
    content
}

fn shown(value: Option<&[u8]>, type_oid: u32, format: i16) -> String {
    let declared = if type_oid == 0 { String::new() } else { format!(" (type {type_oid})") };
    let Some(bytes) = value else { return format!("NULL{declared}") };
    if format != 0 {
        let number = match (value_kind(type_oid, format), bytes) {
            (ValueKind::Integer { form: Form::Binary, .. }, [a, b]) => {
                Some(i64::from(i16::from_be_bytes([*a, *b])))
            }
            (ValueKind::Integer { form: Form::Binary, .. }, [a, b, c, d]) => {
                Some(i64::from(i32::from_be_bytes([*a, *b, *c, *d])))
            }
            (ValueKind::Integer { form: Form::Binary, .. }, bytes) => {
                bytes.try_into().ok().map(i64::from_be_bytes)
            }
            _ => None,
        };
        let decoded = number.map(|number| format!("{number}, ")).unwrap_or_default();
        return format!("{decoded}binary{declared} {}", digest(bytes));
    }
    match std::str::from_utf8(bytes) {
        Ok(text)
            if text.chars().count() <= PARAM_CHARS_MAX && !text.chars().any(char::is_control) =>
        {
            format!("'{text}'{declared}")
        }
        _ => format!("text{declared} {}", digest(bytes)),
    }
}

/// The length and hash of bytes, and the bytes themselves where they are few.
fn digest(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    if bytes.len() <= 16 {
        return format!("x'{}'", hex(bytes));
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    format!("{} bytes, SHA-256 {}", bytes.len(), hex(digest.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(value: &[u8], types: &[u32], formats: &[i16]) -> String {
        with_params(
            "delete from t where id = $1",
            Parameters { values: &[Some(value)], formats, types },
        )
    }

    #[test]
    fn the_same_bytes_in_another_format_or_type_are_another_content() {
        let text = content(b"1234", &[23], &[0]);
        assert!(text.ends_with("-- $1 = '1234' (type 23)"), "{text}");
        let binary = content(b"1234", &[23], &[1]);
        assert!(binary.ends_with("-- $1 = 825373492, binary (type 23) x'31323334'"), "{binary}");
        let all: std::collections::HashSet<_> =
            [text, binary, content(b"1234", &[], &[0]), content(b"1234", &[25], &[1])].into();
        assert_eq!(all.len(), 4);
    }
}
