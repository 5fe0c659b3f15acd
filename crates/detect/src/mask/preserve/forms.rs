//! Addresses that have a form: e-mail, web, hardware.

use super::letters;
use crate::mask::draws::Draws;

/// Replaces an e-mail address by one in a reserved domain (RFC 2606 section 2): as long as the
/// value, but for the shortest domains. What is no plain address is replaced letter by letter.
pub(super) fn email(draws: &mut Draws<'_>, value: &str) -> Option<String> {
    let Some((local, domain)) = value.rsplit_once('@') else {
        return letters::plain(draws, value);
    };
    let local = letters::plain(draws, local)?;
    Some(format!("{local}@{}", host(draws, domain)))
}

/// A host in a reserved domain that is as long as another one.
fn host(draws: &mut Draws<'_>, domain: &str) -> String {
    let length = domain.chars().count();
    let tail = if length > ".invalid".len() { ".invalid" } else { ".test" };
    let kept = length.saturating_sub(tail.len()).max(1);
    let mut out = String::with_capacity(domain.len());
    for (at, c) in domain.chars().take(kept).enumerate() {
        // Labels end in letters, and so does what stands before the tail.
        let inner = at > 0 && at + 1 < kept;
        out.push(match letters::other(draws, c) {
            '.' | '-' if !inner => letters::other(draws, 'a'),
            other => other,
        });
    }
    out + tail
}

/// Replaces a web address: scheme, `www.` and port stay, the host is in a reserved domain, and
/// every letter and digit of the rest is another one.
pub(super) fn url(draws: &mut Draws<'_>, value: &str) -> String {
    let (scheme, rest) = match value.find("://") {
        Some(at) => value.split_at(at + 3),
        None => ("", value),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, address) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let (name, port) = match address.rsplit_once(':') {
        Some((name, port)) if digits(port) => (name, &address[name.len()..]),
        _ => (address, ""),
    };
    let (www, name) = name.split_at(if name.starts_with("www.") { 4 } else { 0 });
    let user = escaped(draws, user);
    let name = host(draws, name);
    let path = escaped(draws, path);
    [scheme, &user, www, &name, port, &path].concat()
}

/// Replaces letters and digits; percent escapes stay such, of printable characters.
fn escaped(draws: &mut Draws<'_>, part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut digits = 0;
    for c in part.chars() {
        digits = if c == '%' { 2 } else { digits };
        out.push(match digits {
            2 if c != '%' => char::from(b"4567"[usize::from(draws.below(4))]),
            1 => char::from(b"0123456789"[usize::from(draws.below(10))]),
            _ => letters::other(draws, c),
        });
        digits -= usize::from(c != '%' && digits > 0);
    }
    out
}

/// Replaces a hardware address by a locally administered one (IEEE 802, 48 bits): no maker has it.
pub(super) fn hardware(draws: &mut Draws<'_>, value: &str) -> String {
    let drawn = letters::hex(draws, value);
    let upper = value.bytes().any(|byte| byte.is_ascii_uppercase());
    let local = if upper { b"26AE" } else { b"26ae" };
    let second = char::from(local[usize::from(draws.below(4))]);
    let mut seen = 0;
    let place = |c: char| {
        seen += usize::from(c.is_ascii_hexdigit());
        if seen == 2 && c.is_ascii_hexdigit() { second } else { c }
    };
    drawn.chars().map(place).collect()
}
