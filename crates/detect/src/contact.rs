//! E-mail addresses, web addresses, addresses of machines with colons, coordinates and
//! wallets: values that one rare byte gives away.

use crate::context::Topics;
use crate::numbers::Scene;
use crate::{Category, Evidence, Finding};
use memchr::{memchr, memchr_iter, memmem::Finder};
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

fn url_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = from;
    while end < bytes.len()
        && !bytes[end].is_ascii_whitespace()
        && !matches!(bytes[end], b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\')
    {
        end += 1;
    }
    while end > from
        && matches!(
            bytes[end - 1],
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b')' | b']' | b'*'
        )
    {
        end -= 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Web addresses; those that carry a user and a password are secrets.
pub(crate) fn urls(scene: &Scene<'_>, out: &mut Vec<Finding>) {
    let text = scene.text;
    let bytes = text.as_bytes();
    for mark in SCHEME.find_iter(bytes) {
        let mut start = mark;
        while start > 0
            && (bytes[start - 1].is_ascii_alphanumeric()
                || matches!(bytes[start - 1], b'+' | b'-' | b'.'))
        {
            start -= 1;
        }
        let end = url_end(text, mark + 3);
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
        if authority.contains('.') && !authority.ends_with('.') {
            out.push(Finding::new(start..end, Category::Url, 70, Evidence::Shape, "url"));
        }
    }
    for start in WWW.find_iter(bytes) {
        if start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'/') {
            continue;
        }
        let end = url_end(text, start);
        let host = text[start + 4..end.max(start + 4)].split('/').next().unwrap_or("");
        if host.contains('.') && host.len() > 4 {
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

/// A pair of decimal degrees at `start`, where a digit is.
pub(crate) fn coordinates(scene: &Scene<'_>, start: usize) -> Option<Finding> {
    let text = scene.text;
    let sign = usize::from(text[..start].ends_with(['-', '+']));
    let first = decimal(&text[start..])?;
    let mut at = start + first.1;
    let lead = text[at..].bytes().take_while(|b| matches!(b, b',' | b';' | b' ' | 0xB0)).count();
    let announced = scene.label.any(Topics::GEO);
    if lead == 0 || lead > 3 || !text.is_char_boundary(at + lead) {
        return None;
    }
    at += lead;
    at += usize::from(text[at..].starts_with(['-', '+']));
    let second = decimal(&text[at..])?;
    let end = at + second.1;
    let fine = first.2 >= 3 && second.2 >= 3 || announced;
    let valid = first.0 <= 90.0 && second.0 <= 180.0;
    let comma = text[start + first.1..].starts_with([',', ';']);
    (fine && valid && comma).then(|| {
        Finding::new(
            start - sign..end,
            Category::GeoCoordinates,
            75,
            Evidence::Shape,
            "coordinates",
        )
    })
}

/// A decimal number at the beginning: value, length, decimals.
fn decimal(text: &str) -> Option<(f64, usize, usize)> {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&whole) || text.as_bytes().get(whole) != Some(&b'.') {
        return None;
    }
    let decimals = text[whole + 1..].bytes().take_while(u8::is_ascii_digit).count();
    let length = whole + 1 + decimals;
    (decimals > 0).then(|| (text[..length].parse().unwrap_or(f64::MAX), length, decimals))
}

/// Wallet addresses among words that mix letters and digits.
pub(crate) fn wallet(word: &str) -> bool {
    let bytes = word.as_bytes();
    let base58 = |b: &u8| b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'O' | b'I' | b'l');
    let mixed =
        || bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase);
    match bytes {
        [b'0', b'x', rest @ ..] => rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit),
        [b'1' | b'3', ..] => {
            (26..=35).contains(&bytes.len()) && bytes.iter().all(base58) && mixed()
        }
        [b'b', b'c', b'1', rest @ ..] => {
            (11..=87).contains(&rest.len())
                && rest.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn contacts() {
        check("Mail an: 'eva.muster@example.org'.", &["email:eva.muster@example.org"]);
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
        check("52.37021, 4.89517", &["geo-coordinates:52.37021, 4.89517"]);
    }
}
