//! Credentials: keys with a known prefix, tokens, key blocks, and what follows `password`.

use crate::context::scene::Scene;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::numbers::chain::Chain;
use crate::text::terms::Hit;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;
use std::sync::LazyLock;

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
    ("sq0atp-", 22, 64),
    ("dckr_pat_", 20, 64),
    ("dp.pt.", 40, 64),
    ("dp.st.", 40, 64),
    ("dt0c01.", 60, 120),
    ("dt0s01.", 60, 120),
    ("EAAC", 60, 255),
    ("EAAG", 60, 255),
    ("fm2_", 40, 1024),
    ("GOCSPX-", 24, 40),
    ("gsk_", 40, 64),
    ("HRKU-", 30, 80),
    ("nfp_", 32, 64),
    ("NRAK-", 27, 27),
    ("NRJS-", 19, 32),
    ("ntn_", 40, 60),
    ("secret_", 40, 60),
    ("pplx-", 40, 64),
    ("pscale_tkn_", 32, 64),
    ("pscale_pw_", 32, 64),
    ("PMAK-", 50, 64),
    ("pul-", 40, 40),
    ("r8_", 36, 40),
    ("rubygems_", 48, 48),
    ("sntrys_", 40, 255),
    ("sntryu_", 40, 255),
    ("shippo_live_", 32, 48),
    ("shippo_test_", 32, 48),
    ("sbp_", 40, 40),
    ("vercel_", 24, 64),
    ("xai-", 60, 100),
    ("LTAI", 12, 20),
    ("AKID", 28, 36),
    ("AQVN", 32, 40),
    ("ATATT3", 40, 255),
    ("ATCTT3", 40, 255),
    ("SSWS 00", 38, 44),
    ("AC", 32, 32),
    ("SK", 32, 32),
    ("pat", 40, 90),
    ("ghe_", 30, 255),
    ("glptt-", 20, 64),
    ("gldt-", 20, 64),
    ("glrt-", 20, 64),
    ("xoxe-", 20, 255),
    ("xoxs-", 20, 255),
    ("xoxr-", 20, 255),
    ("rk_test_", 16, 255),
    ("sk_prod_", 16, 255),
    ("shpss_", 32, 32),
    ("shpca_", 32, 32),
    ("shppa_", 32, 32),
    ("dor_v1_", 40, 80),
    ("doo_v1_", 40, 80),
    ("hvb.", 60, 255),
    ("glc_", 32, 255),
    ("lin_oauth_", 32, 64),
    ("tskey-", 20, 80),
    ("api_org_", 30, 60),
    ("cio_", 32, 64),
    ("clojars_", 50, 70),
    ("dapi", 32, 34),
    ("eyJ", 20, 8192),
];

static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let words = KEYS.iter().map(|k| k.0).chain(["Bearer ", "Basic "]);
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .expect("the prefixes are fixed")
});

static BLOCK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"-----BEGIN "));

fn is_key(byte: u8) -> bool {
    KEY_BYTES[usize::from(byte)]
}

/// Letters, digits and the signs of keys.
const KEY_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let sign = matches!(byte as u8, b'-' | b'_' | b'.' | b'/' | b'+' | b'=' | b'~');
        table[byte] = (byte as u8).is_ascii_alphanumeric() || sign;
        byte += 1;
    }
    table
};

/// Longest beginning of a key that stands before the row: `Bearer `, `SSWS 00`.
const BEFORE_RUN: usize = 8;

/// Keys and tokens anywhere in the text.
pub(crate) fn keys(scene: &Scene<'_>, out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    if memchr::memchr(b'-', bytes).is_some() {
        out.extend(BLOCK.find_iter(bytes).filter_map(|start| block(text, start)));
    }
    let mut at = 0;
    while let Some(row) = scene.traits.words.find_keys(at) {
        at = row.end;
        // Whatever is found in the row is a part of it that looks drawn.
        if scene.traits.words.has_telling(row.clone())
            && is_random(without_dots(&bytes[row.clone()]))
        {
            in_row(text, row.start.saturating_sub(BEFORE_RUN)..row.end, out);
        }
    }
}

/// Keys in a row of letters, digits and signs.
fn in_row(text: &str, row: std::ops::Range<usize>, out: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for hit in PREFIXES.find_iter(aho_corasick::Input::new(bytes).range(row)) {
        let start = hit.start();
        let index = hit.pattern().as_usize();
        if start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_') {
            continue;
        }
        let Some(&(prefix, shortest, longest)) = KEYS.get(index) else {
            out.extend(header(text, hit.end(), index - KEYS.len()));
            continue;
        };
        let rest = bytes[hit.end()..].iter().take_while(|b| is_key(**b)).count();
        let mut end = hit.end() + rest;
        while end > hit.end() && matches!(bytes[end - 1], b'.' | b'-' | b'/') {
            end -= 1;
        }
        let rest = end - hit.end();
        if !(shortest..=longest).contains(&rest) {
            continue;
        }
        if prefix == "eyJ" && text[start..end].matches('.').count() < 1 {
            continue;
        }
        let body = &bytes[hit.end()..end];
        // Two letters are no prefix of their own: what follows is hexadecimal.
        let bare = prefix.len() == 2 && !body.iter().all(u8::is_ascii_hexdigit)
            || prefix == "pat" && body.get(14) != Some(&b'.');
        if bare || !is_random(body) {
            continue;
        }
        out.push(Finding::new(start..end, Category::Secret, 95, Evidence::Shape, "key"));
    }
}

/// Keys that are known by a sign within, around a group of a chain: Telegram bots
/// (`7219384756:AA…`), Terraform Cloud (`….atlasv1.…`), Azure applications (`abc8Q~…`) and
/// Mailchimp (`…-us12`).
pub(crate) fn in_chain(text: &str, chain: &Chain, out: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for group in chain.groups().iter().filter(|g| g.len() >= 5) {
        let sign = |b: &&u8| is_key(**b) && !matches!(b, b'/' | b'+' | b'=');
        let tail = &bytes[group.end..];
        let length = || tail.iter().skip(1).take_while(sign).count();
        let size = group.len();
        let fits = match tail {
            [b':', b'A', b'A', ..] => {
                group.is_numeric() && (8..=10).contains(&size) && (33..=36).contains(&length())
            }
            [b'.', ..] if tail.starts_with(b".atlasv1.") => size == 14 && length() > 50,
            [b'~', ..] => size == 5 && bytes[group.end - 1] == b'Q' && length() > 30,
            [b'-', b'u', b's', b'0'..=b'9', ..] => {
                let hex = bytes[group.start..group.end].iter().all(u8::is_ascii_hexdigit);
                size == 32 && hex && length() <= 4
            }
            _ => false,
        };
        if fits {
            let range = group.start..group.end + 1 + length();
            out.push(Finding::new(range, Category::Secret, 92, Evidence::Shape, "key"));
        }
    }
}

/// A password behind an e-mail address: `eva@example.org / Qr7!dke`.
pub(crate) fn behind_emails(text: &str, emails: &[(usize, usize)], out: &mut Vec<Finding>) {
    for (_, end) in emails {
        let tail = &text[*end..];
        let Some(rest) = [" / ", "/", ":", " : ", " | "].iter().find_map(|m| tail.strip_prefix(*m))
        else {
            continue;
        };
        let start = text.len() - rest.len();
        let Some((start, stop)) = value_at(text.as_bytes(), start, None) else { continue };
        let value = &text[start..stop];
        if (6..=64).contains(&value.len()) && is_mixed(value) && !value.contains(['/', '@']) {
            let range = start..stop;
            out.push(Finding::new(range, Category::Secret, 76, Evidence::Context, "login"));
        }
    }
}

/// A row without the dots behind it.
fn without_dots(row: &[u8]) -> &[u8] {
    let last = row.iter().rposition(|byte| *byte != b'.');
    &row[..last.map_or(0, |last| last + 1)]
}

/// Whether the rest of a key looks drawn, not written.
fn is_random(bytes: &[u8]) -> bool {
    let (mut digits, mut upper, mut lower) = (0, 0, 0);
    bytes.iter().any(|byte| {
        digits += u32::from(byte.is_ascii_digit());
        upper += u32::from(byte.is_ascii_uppercase());
        lower += u32::from(byte.is_ascii_lowercase());
        digits > 0 && (upper + lower) > 0 || upper > 2 && lower > 2
    })
}

/// The block of a private key that begins at `start`.
fn block(text: &str, start: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    let end = start + BLOCK.needle().len();
    memchr::memmem::find(&bytes[end..(end + 40).min(bytes.len())], b"PRIVATE KEY")?;
    let tail = memchr::memmem::find(&bytes[end..], b"-----END ");
    // Without an end the rest of the text is taken to be key.
    let stop = tail.map_or(text.len(), |at| {
        let line = end + at + 9;
        memchr::memmem::find(&bytes[line..], b"-----").map_or(text.len(), |i| line + i + 5)
    });
    Some(Finding::new(start..stop, Category::Secret, 99, Evidence::Shape, "private-key"))
}

/// The value of a header for authorization: `Bearer …`, `Basic …`.
fn header(text: &str, end: usize, which: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    let rest = bytes[end..].iter().take_while(|b| is_key(**b)).count();
    let long = if which == 0 { 16 } else { 12 };
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

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn credentials() {
        check("key AKIAIOSFODNN7EXAMPLE in", &["secret:AKIAIOSFODNN7EXAMPLE"]);
        check("user a with password Qr7!dke#39, then", &["secret:Qr7!dke#39"]);
        check("password=hunter2", &["secret:hunter2"]);
        check(
            "Login: eva@example.org / W!nter2029",
            &["email:eva@example.org", "secret:W!nter2029"],
        );
        check(
            "bot 7219384756:AAH4kd93jsKD83jd02kfLs93kdLq83jdkQ1",
            &["secret:7219384756:AAH4kd93jsKD83jd02kfLs93kdLq83jdkQ1"],
        );
        check("it is written en-us, not en-gb", &[]);
        check("the password is required", &[]);
        check("sshd: check pass; user unknown", &[]);
        check(
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY----- x",
            &["secret:-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"],
        );
    }
}
