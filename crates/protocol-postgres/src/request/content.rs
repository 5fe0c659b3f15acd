//! What a reviewer reads of a request, and what an approval is bound to.

use crate::wire::value_kind;
use portreeve_decide::mask::{Form, ValueKind};
use portreeve_sql::{Definition, Versions};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest parameter that a reviewer is shown in full.
const PARAM_CHARS_MAX: usize = 200;
/// As much of a definition of the same transaction is shown.
const DEFINITION_CHARS_MAX: usize = 500;

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

/// Parameters behind a statement. The same bytes under another type or format are another
/// content.
pub(super) fn shown_params(params: Parameters<'_>) -> String {
    let mut content = String::new();
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

/// What the meaning of a statement depends on beside its text: an approval is bound to it.
#[derive(Debug)]
pub(super) struct Circumstances {
    /// The settings that the session was given since it began, in their order. A setting that
    /// was taken back is still here: then another approval is needed, no other thing runs.
    pub(super) settings: Arc<Vec<String>>,
    /// What the open transaction has changed of definitions.
    pub(super) defined: Vec<Arc<Definition>>,
    /// The relations that it rests on, and the versions of definitions.
    pub(super) names: Arc<BTreeSet<String>>,
    pub(super) versions: Arc<Versions>,
}

impl Circumstances {
    /// Adds them to what a reviewer reads.
    pub(super) fn put(&self, content: &mut String) {
        for setting in self.settings.iter() {
            content.push_str("\n-- under: ");
            content.push_str(setting);
        }
        for definition in &self.defined {
            let shown: String = definition.text.chars().take(DEFINITION_CHARS_MAX).collect();
            let place = definition.place + 1;
            let digest = digest(definition.text.as_bytes());
            content.push_str(&format!("\n-- statement {place} of {digest} came before: {shown}"));
        }
        if self.names.is_empty() {
            return;
        }
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for name in self.names.iter() {
            let version = self.versions.relations.get(name).map_or("", String::as_str);
            hash.update(&(name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
            hash.update(&(version.len() as u64).to_be_bytes());
            hash.update(version.as_bytes());
        }
        hash.update(self.versions.code.as_bytes());
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let digest: String =
            hash.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        content.push_str(&format!("\n-- definitions of {}: {digest}", names.join(", ")));
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
        shown_params(Parameters { values: &[Some(value)], formats, types })
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
