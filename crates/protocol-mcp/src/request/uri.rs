//! One spelling for each URI, so that what is decided is what the server reads.
//!
//! SPEC: RFC 3986 sections 3, 5.2.4, 6.2.2; RFC 8089 for `file`. What servers are known to read
//! in two ways has no canonical form and is refused.

use portreeve_web::{is_plain_text, percent_decoded};
use std::fmt::Write as _;
use url::Url;

/// A URI in its one spelling.
///
/// # Errors
/// It has none, in words for the client.
pub(crate) fn canonical(uri: &str) -> Result<String, &'static str> {
    let spelled = spelled(uri)?;
    let seen = percent_decoded(&spelled);
    if std::str::from_utf8(&seen).is_ok_and(|seen| !is_plain_text(seen)) {
        return Err("a URI holds characters that nobody sees, or that stand for others");
    }
    let scheme = spelled.split(':').next().unwrap_or_default();
    match OF_BROWSERS.contains(&scheme) {
        true => as_browsers_read_it(spelled),
        false => Ok(spelled),
    }
}

/// A template of URIs in its one spelling (RFC 6570): its variables stand as they are.
///
/// # Errors
/// It has none, in words for the client.
pub(crate) fn canonical_template(template: &str) -> Result<String, &'static str> {
    canonical(&template.replace(['{', '}'], "x"))?;
    spelled(template)
}

/// Schemes whose addresses are read by the rules of browsers, which make one of many.
///
/// SPEC: WHATWG URL, section 4.2, "special schemes"; `file` has rules of its own here.
const OF_BROWSERS: [&str; 5] = ["ftp", "http", "https", "ws", "wss"];

/// An address that browsers, and what reads like them, do not read as another one: no other host,
/// port or path.
fn as_browsers_read_it(spelled: String) -> Result<String, &'static str> {
    let read = Url::parse(&spelled).map_err(|_| "a URL is none that browsers read")?;
    let is_named = read.host_str().is_some_and(|host| !host.ends_with('.'));
    let is_the_same = read.as_str() == spelled || read.as_str().strip_suffix('/') == Some(&spelled);
    match is_named && is_the_same {
        true => Ok(read.into()),
        false => Err("a URL is written as browsers write it: `https://host.example/path`"),
    }
}

/// A blank in its one spelling.
const BLANK: &str = "%20";

/// What a URI is made of, each part in one spelling.
fn spelled(uri: &str) -> Result<String, &'static str> {
    let (scheme, rest) = uri.split_once(':').ok_or("a URI begins with a scheme")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return Err("a URI begins with a scheme");
    }
    let scheme = scheme.to_ascii_lowercase();
    let (rest, tail) = match rest.find(['?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let Some(hierarchy) = rest.strip_prefix("//") else {
        if scheme == "file" || rest.starts_with('/') {
            return Err("a URI of a path is written `scheme://host/path`, `file:///path`");
        }
        return Ok(format!("{scheme}:{}{}", decoded(rest)?, decoded(tail)?));
    };
    let (authority, path) = match hierarchy.find('/') {
        Some(at) => hierarchy.split_at(at),
        None => (hierarchy, ""),
    };
    if scheme == "file" && !authority.is_empty() {
        return Err("a file is named without a host: `file:///path`");
    }
    if authority.contains('@') {
        return Err("a URI names somebody in front of its host");
    }
    if authority.is_empty() && path.is_empty() {
        return Err("a URI names neither a host nor a path");
    }
    let authority = decoded(authority)?;
    if authority.contains(BLANK) {
        return Err("a URI holds a blank in its host");
    }
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').skip(1) {
        match decoded(segment)?.as_str() {
            edge if edge.starts_with(BLANK) || edge.ends_with(BLANK) => {
                return Err("a part of a URI begins or ends with a blank, which servers leave out");
            }
            "." | ".." => return Err("a URI holds `.` or `..`, which servers resolve or not"),
            plain => segments.push(plain.to_owned()),
        }
    }
    let inner = segments.len().saturating_sub(1);
    if segments.iter().take(inner).any(String::is_empty) {
        return Err("a URI holds `//` in its path, which servers read in two ways");
    }
    let path = segments.iter().fold(String::new(), |path, segment| path + "/" + segment);
    Ok(format!("{scheme}://{authority}{path}{}", decoded(tail)?))
}

/// A part with the encodings of plain characters undone.
fn decoded(part: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '%' => {
                let digits = rest.get(..2).ok_or("`%` is not followed by two digits")?;
                let byte = u8::from_str_radix(digits, 16)
                    .map_err(|_| "`%` is not followed by two digits")?;
                rest = rest.get(2..).unwrap_or_default();
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        out.push(byte.into());
                    }
                    0..b' ' | 0x7f | b'/' | b'\\' | b'%' => {
                        return Err("a URI holds an encoded sign that servers read in two ways");
                    }
                    other => {
                        let _ = write!(out, "%{other:02X}");
                    }
                }
            }
            '\\' => return Err("a URI holds a backslash, which servers read in two ways"),
            // Names of files hold blanks, and servers list them as they are.
            ' ' => out.push_str(BLANK),
            c if c.is_control() || c.is_whitespace() => {
                return Err("a URI holds a control character, or a blank that is no space");
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_resource_are_one() {
        let check = |uri: &str, expect: &str| assert_eq!(canonical(uri).as_deref(), Ok(expect));
        check("file:///secret/b", "file:///secret/b");
        check("FILE:///%73ecret/b", "file:///secret/b");
        check("notes://today", "notes://today");
        check("Notes://to%64ay?x=%7e#Y", "notes://today?x=~#Y");
        check("mail:eva", "mail:eva");
        check("file:///a%c3%a4/", "file:///a%C3%A4/");
        check("demo://resource/dynamic/text/1", "demo://resource/dynamic/text/1");
        check("https://intra.example/a%c3%a4?x=1#y", "https://intra.example/a%C3%A4?x=1#y");
        check("HTTPS://intra.example:8443", "https://intra.example:8443/");
        check("https://xn--mnchen-3ya.example/x", "https://xn--mnchen-3ya.example/x");
        check("memory:///x", "memory:///x");
        check("file:///home/a%20b.txt", "file:///home/a%20b.txt");
        check("file:///home/a b.txt", "file:///home/a%20b.txt");
        check("https://intra.example/a%20b?q=x%20y", "https://intra.example/a%20b?q=x%20y");
        let template = "HTTPS://intra.example/{id}/x{?q}";
        assert_eq!(canonical_template(template).unwrap(), "https://intra.example/{id}/x{?q}");
        assert!(canonical_template("https:{host}/x").is_err());
    }

    #[test]
    fn what_servers_read_in_two_ways_has_no_spelling() {
        for uri in [
            "secret",
            "file:/secret/b",
            "file://localhost/secret/b",
            "file:///x/../secret/b",
            "file:///x/%2e%2e/secret/b",
            "file:///./secret/b",
            "file:////secret/b",
            "file:///secret//b",
            "file:///secret\\b",
            "file:///sec\tret/b",
            "file:///secret%2fb",
            "file:///secret/b%00",
            "file:///%2573ecret/b",
            "file:///secret/ b",
            "file:///secret/b%20",
            "file:///secret%20/b",
            "https://intra%20.example/b",
            "file:///secret/a\u{a0}b",
            "a:///%zz",
            "a:/%",
            ":x",
            "1a:x",
            // Others read these as `https://intra.example/secret`.
            "https:intra.example/secret",
            "https:/intra.example/secret",
            "HTTPS://INTRA.example/secret",
            "https:///intra.example/secret",
            "https://intra.example:443/secret",
            "https://@intra.example/secret",
            "https://u:p@intra.example/secret",
            "https://intra。example/secret",
            "https://intra.exam\u{ad}ple/secret",
            "https://intra.example./secret",
            "https://intra%2eexample:/secret",
            "http://0x7f.1/secret",
            "db://u@prod/x",
            "db://?x",
            "file:///%E2%80%8Bsecret/b",
            "file:///\u{200b}secret/b",
            "file:///se\u{17f}ret/b",
            "mail:e\u{200b}va",
        ] {
            assert!(canonical(uri).is_err(), "{uri}");
        }
    }
}
