//! Whether bytes hold a value, as it is or in one of the usual disguises.

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What is looked for. Its `Debug` shows none of it.
pub struct Traces {
    /// None where there is nothing to look for.
    forms: Option<AhoCorasick>,
    /// What the value of each form is called.
    labels: Vec<&'static str>,
}

/// Shorter ones occur by chance, in pseudonyms, keys and dates.
const FORM_BYTES_MIN: usize = 7;

impl Traces {
    /// Looks for values, each with what it is called.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let (mut forms, mut labels) = (Vec::new(), Vec::new());
        for (label, value) in values {
            for form in disguises(&value) {
                forms.push(form);
                labels.push(label);
            }
        }
        // Letters of either case: a value in capitals is the value.
        let forms = match forms.is_empty() {
            true => None,
            false => AhoCorasick::builder().ascii_case_insensitive(true).build(&forms).ok(),
        };
        Self { forms, labels }
    }

    /// What the first value is called that is in the bytes.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let found = self.forms.as_ref()?.find(bytes)?;
        self.labels.get(found.pattern().as_usize()).copied()
    }
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Traces({})", self.labels.len())
    }
}

fn disguises(value: &str) -> Vec<Vec<u8>> {
    let plain = value.as_bytes();
    let mut forms = vec![
        plain.to_vec(),
        plain.iter().rev().copied().collect(),
        plain.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        value.chars().map(rotated).collect::<String>().into_bytes(),
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        plain.iter().flat_map(|byte| [*byte, b' ']).collect(),
        percent(plain),
    ];
    for shift in 0..3 {
        forms.push(base64(plain, shift));
    }
    forms.retain(|form| form.len() >= FORM_BYTES_MIN);
    forms.sort();
    forms.dedup();
    forms
}

fn rotated(letter: char) -> char {
    let turn = |first: u8, byte: u8| char::from(first + (byte - first + 13) % 26);
    match u8::try_from(letter) {
        Ok(byte @ b'a'..=b'z') => turn(b'a', byte),
        Ok(byte @ b'A'..=b'Z') => turn(b'A', byte),
        _ => letter,
    }
}

fn percent(plain: &[u8]) -> Vec<u8> {
    plain.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()
}

/// Only the characters that no neighbour of the value can change.
fn base64(plain: &[u8], shift: usize) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(plain);
    padded.resize(padded.len().next_multiple_of(3), 0);
    let encoded = STANDARD_NO_PAD.encode(padded).into_bytes();
    let (first, last) = ((shift * 8).div_ceil(6), (shift + plain.len()) * 8 / 6);
    encoded.get(first..last).map(<[u8]>::to_vec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_their_disguises() {
        let traces = Traces::of([("email", "quixmarker@x.example".to_owned())]);
        let check = |bytes: &str, expect: bool| {
            assert_eq!(traces.found_in(bytes.as_bytes()).is_some(), expect, "{bytes}");
        };
        let hex: String = "quixmarker@x.example".bytes().map(|it| format!("{it:02x}")).collect();
        for shown in [
            "a quixmarker@x.example b",
            "QUIXMARKER@X.EXAMPLE",
            "elpmaxe.x@rekramxiuq",
            "q u i x m a r k e r @ x . e x a m p l e ",
            "dhvkznexre@k.rknzcyr",
            &hex,
        ] {
            check(shown, true);
        }
        for before in ["", "a", "ab"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}quixmarker@x.example!"));
            check(&encoded, true);
        }
        check("[email]", false);
        check("quixmarke", false);
    }

    #[test]
    fn what_is_too_short_is_not_looked_for() {
        assert_eq!(Traces::of([("x", "ab".to_owned())]).found_in(b"ab ab ab"), None);
        assert!(format!("{:?}", Traces::of([("x", "secretvalue".into())])).len() < 12);
    }
}
