//! E-mail addresses, web addresses, addresses of machines with colons, coordinates and
//! wallets: values that one rare byte gives away.

use crate::context::scene::Scene;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use memchr::{memchr, memchr_iter, memchr2, memmem::Finder};
use std::sync::LazyLock;

static SCHEME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"://"));
static WWW: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"www."));

const EMAIL_LOCAL_MAX: usize = 64;

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'.' | b'_'
                | b'%'
                | b'+'
                | b'-'
                | b'\''
                | b'&'
                | b'='
                | b'~'
                | b'!'
                | b'#'
                | b'*'
                | b'^'
        )
        || byte >= 0x80
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80
}

/// E-mail addresses.
pub(crate) fn emails(scene: &Scene<'_>, out: &mut Vec<Finding>) {
    let bytes = scene.text.as_bytes();
    for at in memchr_iter(b'@', bytes) {
        let mut start = at;
        while start > 0 && at - start < EMAIL_LOCAL_MAX && is_local(bytes[start - 1]) {
            start -= 1;
        }
        // Marks that belong to the sentence, an assignment or a quoted field.
        if let Some(mark) =
            bytes[start..at].iter().rposition(|b| matches!(b, b'=' | b'!' | b'#' | b'*' | b'&'))
        {
            start += mark + 1;
        }
        while start < at
            && (matches!(bytes[start], b'\'' | b'.' | b'-') || !scene.text.is_char_boundary(start))
        {
            start += 1;
        }
        start += leading_quotes(&scene.text[start..at]);
        let mut end = at + 1;
        while end < bytes.len() && is_host(bytes[end]) {
            end += 1;
        }
        while !scene.text.is_char_boundary(end) {
            end -= 1;
        }
        let host = scene.text[at + 1..end]
            .trim_end_matches(['.', '-', '“', '”', '…', '»', '’', '\u{a0}', '。', '，']);
        let host = host
            .split(['“', '”', '…', '»', '’', '\u{a0}', '—', '–', '\u{3000}', '，', '。'])
            .next()
            .unwrap_or("");
        end = at + 1 + host.len();
        let Some((domain, top)) = host.rsplit_once('.') else { continue };
        let letters = top.chars().count() >= 2
            && (top.chars().all(char::is_alphabetic) || top.starts_with("xn--"));
        if start == at || domain.is_empty() || domain.starts_with('.') || !letters || top.len() > 24
        {
            continue;
        }
        out.push(Finding::new(start..end, Category::Email, 96, Evidence::Shape, "email"));
    }
}

fn leading_quotes(text: &str) -> usize {
    text.len()
        - text.trim_start_matches(['“', '„', '«', '‘', '’', '”', '…', '\u{a0}', '—', '–']).len()
}

/// Where web addresses end. All that begin in one stretch end with it, so that it is walked once.
#[derive(Default)]
struct Ends {
    stretch: usize,
    trimmed: usize,
}

impl Ends {
    /// The end of the address that goes on at `from`. Calls go from left to right.
    fn behind(&mut self, text: &str, from: usize) -> usize {
        if from >= self.stretch {
            let closes = |b: &u8| {
                b.is_ascii_whitespace()
                    || matches!(b, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\')
            };
            let rest = &text[from..];
            let length = rest.as_bytes().iter().position(closes).unwrap_or(rest.len());
            let marks = ['.', ',', ';', ':', '!', '?', '\'', ')', ']', '*'];
            self.stretch = from + length;
            self.trimmed = from + rest[..length].trim_end_matches(marks).len();
        }
        self.trimmed.max(from)
    }
}

/// Beginnings of addresses that hold a secret.
const HOOKS: [&str; 4] = [
    "hooks.slack.com/services/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "outlook.office.com/webhook/",
];

/// Web addresses; those that carry a user and a password are secrets.
pub(crate) fn urls(scene: &Scene<'_>, out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    // Letters outside ASCII may stand before.
    let has_www = scene.traits.high
        || scene.traits.words.any_dotted_three(|at| bytes[at..].starts_with(b"www."));
    if !has_www && !scene.traits.colon {
        return;
    }
    let mut ends = Ends::default();
    let marks = scene.traits.colon.then(|| SCHEME.find_iter(bytes));
    for mark in marks.into_iter().flatten() {
        let mut start = mark;
        while start > 0
            && (bytes[start - 1].is_ascii_alphanumeric()
                || matches!(bytes[start - 1], b'+' | b'-' | b'.'))
        {
            start -= 1;
        }
        let end = ends.behind(text, mark + 3);
        if start == mark || end < mark + 6 {
            continue;
        }
        let rest = &text[mark + 3..end];
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        if let Some((user, _)) = authority.rsplit_once('@')
            && user.contains(':')
        {
            out.push(Finding::new(
                start..end,
                Category::Secret,
                98,
                Evidence::Shape,
                "url-credentials",
            ));
            continue;
        }
        // Whoever knows such an address may post.
        if HOOKS.iter().any(|hook| rest.starts_with(hook)) {
            out.push(Finding::new(start..end, Category::Secret, 92, Evidence::Shape, "webhook"));
            continue;
        }
        if authority.contains('.') && !authority.ends_with('.') {
            out.push(Finding::new(start..end, Category::Url, 70, Evidence::Shape, "url"));
        }
    }
    let mut ends = Ends::default();
    let found = has_www.then(|| WWW.find_iter(bytes));
    for start in found.into_iter().flatten() {
        if start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'/') {
            continue;
        }
        let end = ends.behind(text, start);
        let rest = &bytes[start + 4..end.max(start + 4)];
        // The next point or slash is at most as far away as the next address.
        let is_named = memchr2(b'.', b'/', rest).is_some_and(|at| rest[at] == b'.');
        if is_named && rest.len() > 4 && memchr(b'/', &rest[..5]).is_none() {
            out.push(Finding::new(start..end, Category::Url, 65, Evidence::Shape, "url"));
        }
    }
}

/// MAC and IPv6 addresses.
pub(crate) fn hardware(scene: &Scene<'_>, out: &mut Vec<Finding>) {
    let bytes = scene.text.as_bytes();
    let mut next = 0;
    while let Some(found) = memchr(b':', &bytes[next..]) {
        let colon = next + found;
        next = colon + 1;
        let hex_before = colon > 0 && bytes[colon - 1].is_ascii_hexdigit();
        let double = bytes.get(colon + 1) == Some(&b':');
        if !(hex_before || double)
            || !bytes.get(colon + 1).is_some_and(|b| b.is_ascii_hexdigit() || *b == b':')
        {
            continue;
        }
        let mut start = colon;
        while start > 0 && colon - start < 5 && bytes[start - 1].is_ascii_hexdigit() {
            start -= 1;
        }
        if start > 0
            && (bytes[start - 1].is_ascii_alphanumeric()
                || bytes[start - 1] >= 0x80
                || matches!(bytes[start - 1], b'_' | b':'))
        {
            continue;
        }
        let mut end = colon;
        while end < bytes.len()
            && end - start < 46
            && (bytes[end].is_ascii_hexdigit() || matches!(bytes[end], b':' | b'.'))
        {
            end += 1;
        }
        next = end.max(next);
        while end > start && bytes[end - 1] == b'.'
            || end > start + 2 && bytes[end - 1] == b':' && bytes[end - 2] != b':'
        {
            end -= 1;
        }
        if bytes.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            continue;
        }
        let value = &scene.text[start..end];
        if is_mac(value, ':') {
            out.push(Finding::new(start..end, Category::MacAddress, 90, Evidence::Shape, "mac"));
        } else if value.len() > 4
            && value.parse::<std::net::Ipv6Addr>().is_ok()
            && value.bytes().filter(|b| b.is_ascii_hexdigit()).count() > 3
        {
            out.push(Finding::new(start..end, Category::IpAddress, 88, Evidence::Shape, "ipv6"));
        }
    }
}

pub(crate) fn is_mac(value: &str, mark: char) -> bool {
    value.len() == 17
        && value.split(mark).count() == 6
        && value.split(mark).all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check;

    #[test]
    fn versions_are_no_addresses() {
        let is_address = |text: &str| {
            let mut found = Vec::new();
            crate::Detector::default().detect(text, &mut found);
            found.iter().any(|finding| finding.category == Category::IpAddress)
        };
        for text in [
            "Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
            "(Chrome/120.0.0.0; x)",
            "Release 2.10.3.1 breaks the login",
            "firmware version: 10.0.22.4",
            "v10.0.22.4",
        ] {
            assert!(!is_address(text), "{text}");
        }
        for text in ["the host 10.20.30.40", "/hosts/10.20.30.40", "release it at 10.20.30.40"] {
            assert!(is_address(text), "{text}");
        }
    }

    #[test]
    fn contacts() {
        check("Mail an: 'eva.muster@example.org'.", &["email:eva.muster@example.org"]);
        check(
            "https://img.example.net/p/88,4111111111111111,x",
            &["url:https://img.example.net/p/88", "card:4111111111111111", "url:x"],
        );
        check("https://a.example.net/2024/05/12/x", &["url:https://a.example.net/2024/05/12/x"]);
        check("see https://example.org/a?b=1.", &["url:https://example.org/a?b=1"]);
        check(
            "postgres://app:s3cret@db.example.org/x",
            &["secret:postgres://app:s3cret@db.example.org/x"],
        );
        check(
            "at 00:1B:44:11:3A:B7 and 2001:db8::ff00:42:8329",
            &["mac-address:00:1B:44:11:3A:B7", "ip-address:2001:db8::ff00:42:8329"],
        );
        check("at 12:30:45 std::vec", &[]);
        check(
            "hook https://hooks.slack.com/services/T1/B2/x3",
            &["secret:https://hooks.slack.com/services/T1/B2/x3"],
        );
    }

    #[test]
    fn a_stretch_of_beginnings_is_walked_once() {
        let text = "http://".repeat(1 << 17);
        let traits = crate::text::traits::Traits::of(text.as_bytes());
        let scene = Scene::bare(&text, &traits);
        let start = std::time::Instant::now();
        urls(&scene, &mut Vec::new());
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}
