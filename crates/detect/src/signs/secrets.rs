//! Credentials: keys with a known prefix, tokens, key blocks, and what follows `password`.

use crate::context::scene::Scene;
use crate::context::things::opens_nothing;
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
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"-----END "));

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
        blocks(text, out);
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

/// What all keys share that end with one row of letters, digits and signs.
struct Tail {
    /// Where the row ends, and where without the marks behind it.
    row_end: usize,
    end: usize,
    /// The last dot before the end.
    last_dot: Option<usize>,
    /// What begins here or before looks drawn.
    random_until: Option<usize>,
}

impl Tail {
    /// Of the row from `start` on, which has letters, digits and signs of keys only.
    fn of(bytes: &[u8], start: usize) -> Self {
        let row_end = start + bytes[start..].iter().take_while(|b| is_key(**b)).count();
        let row = &bytes[start..row_end];
        let last = row.iter().rposition(|b| !matches!(b, b'.' | b'-' | b'/'));
        let end = last.map_or(start, |last| start + last + 1);
        let body = &bytes[start..end];
        let last_dot = memchr::memrchr(b'.', body).map(|dot| start + dot);
        // What is drawn stays so with more before it.
        let mut drawn = Drawn::default();
        let random_until = body.iter().rposition(|byte| drawn.with(*byte)).map(|at| start + at);
        Self { row_end, end, last_dot, random_until }
    }

    /// The end of a key whose rest begins at `start`.
    fn end_from(&self, start: usize) -> usize {
        self.end.max(start)
    }

    fn has_dot_from(&self, start: usize) -> bool {
        self.last_dot.is_some_and(|dot| dot >= start)
    }

    fn is_random_from(&self, start: usize) -> bool {
        self.random_until.is_some_and(|until| start <= until)
    }
}

/// Keys in a row of letters, digits and signs.
fn in_row(text: &str, row: std::ops::Range<usize>, out: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    // Those that begin in the row end with it, so that its end is looked for once.
    let mut tail: Option<Tail> = None;
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
        let tail = match &mut tail {
            Some(tail) if hit.end() <= tail.row_end => tail,
            other => other.insert(Tail::of(bytes, hit.end())),
        };
        let end = tail.end_from(hit.end());
        let rest = end - hit.end();
        if !(shortest..=longest).contains(&rest) {
            continue;
        }
        if prefix == "eyJ" && !tail.has_dot_from(start) {
            continue;
        }
        let body = &bytes[hit.end()..end];
        // Two letters are no prefix of their own: what follows is hexadecimal.
        let bare = prefix.len() == 2 && !body.iter().all(u8::is_ascii_hexdigit)
            || prefix == "pat" && body.get(14) != Some(&b'.');
        if bare || !tail.is_random_from(hit.end()) {
            continue;
        }
        out.push(Finding::new(start..end, Category::Secret, 95, Evidence::Shape, "key"));
    }
}

/// Keys that are known by a sign within, around a group of a chain: Telegram bots
/// (`7219384756:AA…`), Terraform Cloud (`….atlasv1.…`), Azure applications (`abc8Q~…`) and
/// Mailchimp (`…-us12`).
pub(crate) fn in_chain(text: &str, chain: &Chain, ends: &mut Ends, out: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for group in chain.groups().iter().filter(|g| g.len() >= 5) {
        let sign = |b: &u8| is_key(*b) && !matches!(b, b'/' | b'+' | b'=');
        let tail = &bytes[group.end..];
        let mut length = || match tail {
            [] => 0,
            [_, ..] => ends.behind(bytes, group.end + 1, sign, |_| false) - (group.end + 1),
        };
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
    let mut ends = Ends::default();
    for (_, end) in emails {
        let tail = &text[*end..];
        let Some(rest) = [" / ", "/", ":", " : ", " | "].iter().find_map(|m| tail.strip_prefix(*m))
        else {
            continue;
        };
        let start = text.len() - rest.len();
        let Some((start, stop)) = value_at(text.as_bytes(), start, None, &mut ends) else {
            continue;
        };
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
    let mut drawn = Drawn::default();
    bytes.iter().any(|byte| drawn.with(*byte))
}

/// What some bytes have that may be drawn.
#[derive(Default)]
struct Drawn {
    digits: u32,
    upper: u32,
    lower: u32,
}

impl Drawn {
    /// Whether they look drawn with one more, which may stand before or behind them.
    fn with(&mut self, byte: u8) -> bool {
        self.digits += u32::from(byte.is_ascii_digit());
        self.upper += u32::from(byte.is_ascii_uppercase());
        self.lower += u32::from(byte.is_ascii_lowercase());
        self.digits > 0 && (self.upper + self.lower) > 0 || self.upper > 2 && self.lower > 2
    }
}

/// The blocks of private keys.
fn blocks(text: &str, out: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    // The last mark of an end that was looked for, and where the block ends there. Blocks that
    // begin before it end there, too.
    let mut last: Option<(usize, usize)> = None;
    let mut reported = None;
    for start in BLOCK.find_iter(bytes) {
        let from = start + BLOCK.needle().len();
        let near = &bytes[from..(from + 40).min(bytes.len())];
        if memchr::memmem::find(near, b"PRIVATE KEY").is_none() {
            continue;
        }
        let (mark, stop) = last.filter(|(mark, _)| *mark >= from).unwrap_or_else(|| {
            // Without an end the rest of the text is taken to be key.
            END.find(&bytes[from..]).map_or((usize::MAX, text.len()), |at| {
                let line = from + at + END.needle().len();
                let dashes = memchr::memmem::find(&bytes[line..], b"-----");
                (from + at, dashes.map_or(text.len(), |i| line + i + 5))
            })
        });
        last = Some((mark, stop));
        // One that ends with the one before is a part of it.
        if reported != Some(stop) {
            out.push(Finding::new(
                start..stop,
                Category::Secret,
                99,
                Evidence::Shape,
                "private-key",
            ));
            reported = Some(stop);
        }
    }
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

/// Longest value that a word announces.
const VALUE_CHARS_MAX: usize = 128;

/// Values that a word for `password` announces: `password: x`, `password=x`, `password 'x'`.
pub(crate) fn announced(scene: &Scene<'_>, hits: &[Hit], out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    let mut ends = Ends::default();
    let mut line = Line::default();
    for hit in hits {
        let Some((at, assigned)) = skip_fillers(text, hit.end) else { continue };
        if opens_nothing(&text[name_begin(bytes, hit.start)..hit.end]) {
            continue;
        }
        let quote = bytes.get(at).copied().filter(|b| matches!(b, b'\'' | b'"' | b'`'));
        let Some((start, end)) = value_at(bytes, at, quote, &mut ends) else { continue };
        let value = &text[start..end];
        if value.len() > VALUE_CHARS_MAX * char::MAX_LEN_UTF8 {
            continue;
        }
        let count = value.chars().count();
        let strong = is_mixed(value);
        let plain = value.bytes().all(|b| b.is_ascii_alphabetic() || b >= 0x80);
        let accept = (4..=VALUE_CHARS_MAX).contains(&count)
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
                    && !line.is_log_before(bytes, hit.start));
        if accept {
            out.push(Finding::new(start..end, Category::Secret, 80, Evidence::Context, "password"));
        }
    }
}

/// As far as a name is read back.
const NAME_BYTES_MAX: usize = 64;

/// Where the name begins that a word ends: `nextPageToken`, `csrf_token`.
fn name_begin(bytes: &[u8], at: usize) -> usize {
    let is_of_a_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let near = &bytes[at.saturating_sub(NAME_BYTES_MAX)..at];
    at - near.iter().rev().take_while(is_of_a_name).count()
}

/// The line at hand, of which each byte is counted once.
#[derive(Default)]
struct Line {
    digits: usize,
    at: usize,
}

impl Line {
    /// Log lines announce states of passwords, not passwords: `check pass; user unknown`. Calls
    /// go from left to right.
    fn is_log_before(&mut self, bytes: &[u8], at: usize) -> bool {
        let mut head = &bytes[self.at..at];
        if let Some(end) = memchr::memrchr(b'\n', head) {
            head = &head[end + 1..];
            self.digits = 0;
        }
        self.digits += head.iter().filter(|b| b.is_ascii_digit()).count();
        self.at = at;
        self.digits >= LOG_DIGITS_MIN
    }
}

/// Fewest digits before a word of a line that is one of a log.
const LOG_DIGITS_MIN: usize = 6;

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
fn value_at(bytes: &[u8], at: usize, quote: Option<u8>, ends: &mut Ends) -> Option<(usize, usize)> {
    if let Some(mark) = quote {
        let length = memchr::memchr(mark, &bytes[at + 1..])?;
        return Some((at + 1, at + 1 + length));
    }
    let inside =
        |b: &u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b',' | b';' | b'<' | b'>');
    let is_mark = |b: &u8| matches!(b, b'.' | b')' | b'?');
    Some((at, ends.behind(bytes, at, inside, is_mark)))
}

/// Where stretches of some bytes end, so that one in which many values begin is walked once.
/// All questions are about the same bytes.
#[derive(Default)]
pub(crate) struct Ends {
    known: Option<Stretch>,
}

struct Stretch {
    start: usize,
    end: usize,
    /// The end without the marks that belong to the sentence.
    trimmed: usize,
}

impl Ends {
    /// The end of the stretch that `from` is in, without the marks behind it; `from` where it is
    /// in none.
    fn behind(
        &mut self,
        bytes: &[u8],
        from: usize,
        inside: impl Fn(&u8) -> bool,
        is_mark: impl Fn(&u8) -> bool,
    ) -> usize {
        let known = self.known.take().filter(|known| (known.start..=known.end).contains(&from));
        let stretch = known.unwrap_or_else(|| {
            let length = bytes[from..].iter().take_while(|b| inside(b)).count();
            let body = &bytes[from..from + length];
            let trimmed = body.iter().rposition(|b| !is_mark(b)).map_or(from, |at| from + at + 1);
            Stretch { start: from, end: from + length, trimmed }
        });
        self.known.insert(stretch).trimmed.max(from)
    }
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
