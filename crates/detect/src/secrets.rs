//! Credentials: keys with a known prefix, tokens, key blocks, and what follows `password`.

use crate::numbers::Scene;
use crate::terms::Hit;
use crate::{Category, Evidence, Finding};

/// Prefix, shortest and longest rest, and whether the rest may hold `-_./+=`.
const KEYS: &[(&str, usize, usize)] = &[
    ("AKIA", 16, 16),
    ("ASIA", 16, 16),
    ("AROA", 16, 16),
    ("ghp_", 30, 255),
    ("gho_", 30, 255),
    ("ghu_", 30, 255),
    ("ghs_", 30, 255),
    ("ghr_", 30, 255),
    ("github_pat_", 22, 255),
    ("glpat-", 20, 64),
    ("xoxb-", 20, 255),
    ("xoxp-", 20, 255),
    ("xoxa-", 20, 255),
    ("xapp-", 20, 255),
    ("sk_live_", 16, 255),
    ("sk_test_", 16, 255),
    ("rk_live_", 16, 255),
    ("pk_live_", 16, 255),
    ("whsec_", 20, 64),
    ("sk-ant-", 20, 255),
    ("sk-proj-", 20, 255),
    ("sk-", 32, 255),
    ("AIza", 35, 35),
    ("ya29.", 20, 512),
    ("SG.", 40, 80),
    ("npm_", 30, 64),
    ("pypi-", 40, 255),
    ("dop_v1_", 40, 80),
    ("hvs.", 20, 128),
    ("hf_", 30, 40),
    ("shpat_", 32, 32),
    ("EAACEdEose0cBA", 10, 255),
    ("AGE-SECRET-KEY-1", 50, 60),
    ("key-", 32, 32),
    ("dapi", 32, 34),
    ("glsa_", 32, 64),
    ("lin_api_", 32, 64),
    ("sq0csp-", 32, 64),
    ("tfp_", 40, 80),
    ("figd_", 32, 64),
    ("pat_", 32, 128),
    ("xkeysib-", 60, 120),
    ("AccountKey=", 60, 120),
    ("eyJ", 20, 8192),
];

/// How a key in a block and the values of two headers begin. The dashes before the first are no
/// part of a word; [`keys`] looks for them.
const HEADS: [&str; 3] = ["BEGIN ", "Bearer ", "Basic "];
const DASHES: &str = "-----";

/// What keys and tokens begin with.
pub(crate) fn prefixes() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|k| k.0).chain(HEADS)
}

/// Whether a word is the prefix with this index, in its letters.
pub(crate) fn is_prefix(index: usize, word: &[u8]) -> bool {
    let prefix = KEYS.get(index).map_or_else(|| HEADS[index - KEYS.len()], |key| key.0);
    prefix.as_bytes() == word
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'=' | b'~')
}

/// Keys and tokens anywhere in the text, from where they begin.
pub(crate) fn keys(scene: &Scene<'_>, hits: &[Hit], out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    for &Hit { index, start, end: head_end } in hits {
        let start = match index == KEYS.len() {
            true if text[..start].ends_with(DASHES) => start - DASHES.len(),
            true => continue,
            false => start,
        };
        if start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_') {
            continue;
        }
        let Some(&(prefix, shortest, longest)) = KEYS.get(index) else {
            out.extend(block_or_header(text, start, head_end, index - KEYS.len()));
            continue;
        };
        let rest = bytes[head_end..].iter().take_while(|b| is_key(**b)).count();
        let mut end = head_end + rest;
        while end > head_end && matches!(bytes[end - 1], b'.' | b'-' | b'/') {
            end -= 1;
        }
        let rest = end - head_end;
        if !(shortest..=longest).contains(&rest) {
            continue;
        }
        if prefix == "eyJ" && text[start..end].matches('.').count() < 1 {
            continue;
        }
        if !is_random(&bytes[head_end..end]) {
            continue;
        }
        out.push(Finding::new(start..end, Category::Secret, 95, Evidence::Shape, "key"));
    }
}

/// Whether the rest of a key looks drawn, not written.
fn is_random(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let upper = bytes.iter().filter(|b| b.is_ascii_uppercase()).count();
    let lower = bytes.iter().filter(|b| b.is_ascii_lowercase()).count();
    digits > 0 && (upper + lower) > 0 || upper > 2 && lower > 2
}

fn block_or_header(text: &str, start: usize, end: usize, which: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    if which == 0 {
        memchr::memmem::find(&bytes[end..(end + 40).min(bytes.len())], b"PRIVATE KEY")?;
        let tail = memchr::memmem::find(&bytes[end..], b"-----END ");
        // Without an end the rest of the text is taken to be key.
        let stop = tail.map_or(text.len(), |at| {
            let line = end + at + 9;
            memchr::memmem::find(&bytes[line..], b"-----").map_or(text.len(), |i| line + i + 5)
        });
        return Some(Finding::new(
            start..stop,
            Category::Secret,
            99,
            Evidence::Shape,
            "private-key",
        ));
    }
    let rest = bytes[end..].iter().take_while(|b| is_key(**b)).count();
    let long = if which == 1 { 16 } else { 12 };
    (rest >= long && is_random(&bytes[end..end + rest])).then(|| {
        Finding::new(end..end + rest, Category::Secret, 90, Evidence::Context, "authorization")
    })
}

/// Words that announce a secret.
pub(crate) const ANNOUNCERS: [&str; 36] = [
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "wachtwoord",
    "hasło",
    "heslo",
    "jelszó",
    "lösenord",
    "adgangskode",
    "salasana",
    "slaptažodis",
    "lozinka",
    "palavra-passe",
    "senha",
    "passphrase",
    "api_key",
    "apikey",
    "api key",
    "secret_key",
    "secret key",
    "client_secret",
    "access_token",
    "auth_token",
    "secret",
    "pwd",
    "lykilorð",
    "κωδικός",
    "парола",
    "parool",
    "geslo",
    "access key",
    "access_key",
    "token",
];

/// Values that a word for `password` announces: `password: x`, `password=x`, `password 'x'`.
pub(crate) fn announced(scene: &Scene<'_>, hits: &[Hit], out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    for hit in hits {
        let Some((at, assigned)) = skip_fillers(text, hit.end) else { continue };
        let quote = bytes.get(at).copied().filter(|b| matches!(b, b'\'' | b'"' | b'`'));
        let Some((start, end)) = value_at(bytes, at, quote) else { continue };
        let value = &text[start..end];
        let count = value.chars().count();
        let strong = is_mixed(value);
        let plain = value.bytes().all(|b| b.is_ascii_alphabetic() || b >= 0x80);
        let accept = (4..=128).contains(&count)
            && !value.contains("://")
            && !matches!(
                value,
                "true" | "false" | "null" | "None" | "none" | "undefined" | "****" | "********"
            )
            && (strong
                || (assigned || quote.is_some())
                    && !plain
                    && !value.contains(' ')
                    && !value.contains("(")
                    && value.bytes().any(|b| b.is_ascii_digit())
                    && value.bytes().any(|b| b.is_ascii_alphabetic())
                || assigned
                    && plain
                    && count >= 6
                    && !value.contains(' ')
                    && &text[hit.start..hit.end] != "token"
                    && hit.end - hit.start > 5
                    && !scene.is_log(hit.start));
        if accept {
            out.push(Finding::new(start..end, Category::Secret, 80, Evidence::Context, "password"));
        }
    }
}

/// Where the value behind an announcing word begins, and whether a sign assigns it.
fn skip_fillers(text: &str, end: usize) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut at = end + usize::from(bytes.get(end) == Some(&b'"'));
    let mut assigned = false;
    let mut spaces = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b':' | b'=' => assigned = true,
            b' ' if spaces < 3 => spaces += 1,
            _ => break,
        }
        at += 1;
    }
    for filler in ["is ", "ist ", "est ", "es ", "was "] {
        if text[at..].starts_with(filler) && spaces > 0 {
            at += filler.len();
        }
    }
    (at > end).then_some((at, assigned))
}

/// The value that begins at `at`: up to the closing quote, or the next blank or divider.
fn value_at(bytes: &[u8], at: usize, quote: Option<u8>) -> Option<(usize, usize)> {
    if let Some(mark) = quote {
        let length = memchr::memchr(mark, &bytes[at + 1..])?;
        return Some((at + 1, at + 1 + length));
    }
    let inside =
        |b: &&u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b',' | b';' | b'<' | b'>');
    let mut end = at + bytes[at..].iter().take_while(inside).count();
    while end > at && matches!(bytes[end - 1], b'.' | b')' | b'?') {
        end -= 1;
    }
    Some((at, end))
}

/// Letters with digits or marks, as passwords have.
fn is_mixed(value: &str) -> bool {
    let digit = value.bytes().any(|b| b.is_ascii_digit());
    let letter = value.bytes().any(|b| b.is_ascii_alphabetic());
    let mark = value.bytes().any(|b| {
        matches!(b, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'?' | b'_' | b'+')
    });
    letter
        && (digit && mark
            || mark && value.len() >= 6 && !value.contains('_')
            || digit && value.len() >= 6 && value.bytes().any(|b| b.is_ascii_uppercase()))
        && !value.contains(['(', '[', '{', '<'])
}

impl Scene<'_> {
    /// Log lines announce states of passwords, not passwords: `check pass; user unknown`.
    pub(crate) fn is_log(&self, at: usize) -> bool {
        let line = memchr::memrchr(b'\n', &self.text.as_bytes()[..at]).map_or(0, |i| i + 1);
        let head = &self.text.as_bytes()[line..at];
        head.iter().filter(|b| b.is_ascii_digit()).count() >= 6
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn credentials() {
        check("key AKIAIOSFODNN7EXAMPLE in", &["secret:AKIAIOSFODNN7EXAMPLE"]);
        check("user a with password Qr7!dke#39, then", &["secret:Qr7!dke#39"]);
        check("password=hunter2", &["secret:hunter2"]);
        check("the password is required", &[]);
        check("sshd: check pass; user unknown", &[]);
        check(
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY----- x",
            &["secret:-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"],
        );
    }
}
