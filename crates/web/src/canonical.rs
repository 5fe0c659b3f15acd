//! One spelling for each path and query, so that what is decided is what the target reads.
//!
//! SPEC: RFC 3986 sections 2.1, 2.3, 5.2.4, 6.2.2. What servers are known to read in two ways
//! (encoded slashes and backslashes, parameters of segments, encodings of encodings) has no
//! canonical form and is refused.

use std::fmt::Write as _;
use thiserror::Error;

/// Why a target has no canonical form, in the client's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum Ambiguous {
    #[error("a path begins with `/`")]
    NoSlash,
    #[error("`%` is not followed by two hexadecimal digits")]
    Percent,
    #[error("a path holds an encoded `{0}`, which servers read in two ways")]
    Encoded(char),
    #[error("a path holds `{0}`, which servers read in two ways")]
    Bare(char),
    #[error("a path leaves its root")]
    Root,
    #[error("a path holds an encoding of an encoding")]
    Twice,
    #[error("a part of a path begins or ends with a space, or ends with a dot")]
    Edge,
    #[error("a path or query is not UTF-8")]
    NotUtf8,
}

/// A path in its canonical spelling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CanonicalPath {
    /// As it is sent.
    pub text: String,
    /// Its segments, decoded; an empty last one is left out.
    pub segments: Vec<String>,
}

impl CanonicalPath {
    /// The one spelling of a path.
    ///
    /// # Errors
    /// It has none.
    pub fn read(path: &str) -> Result<Self, Ambiguous> {
        if !path.starts_with('/') {
            return Err(Ambiguous::NoSlash);
        }
        let mut segments: Vec<String> = Vec::new();
        let mut ends_open = false;
        for raw in path.split('/').skip(1) {
            let segment = decode(raw, Place::Path)?;
            ends_open = false;
            match segment.as_str() {
                "" | "." => ends_open = true,
                ".." => {
                    segments.pop().ok_or(Ambiguous::Root)?;
                    ends_open = true;
                }
                _ => {
                    if is_encoded_again(&segment) {
                        return Err(Ambiguous::Twice);
                    }
                    if segment.trim() != segment || segment.ends_with('.') {
                        return Err(Ambiguous::Edge);
                    }
                    segments.push(segment);
                }
            }
        }
        let mut text = String::with_capacity(path.len());
        for segment in &segments {
            text.push('/');
            encode(segment, &mut text);
        }
        if ends_open || text.is_empty() {
            text.push('/');
        }
        Ok(Self { text, segments })
    }

    /// The path behind its first segment.
    pub fn behind_first(&self) -> Self {
        let segments: Vec<String> = self.segments.iter().skip(1).cloned().collect();
        let mut text: String = String::new();
        for segment in &segments {
            text.push('/');
            encode(segment, &mut text);
        }
        if self.text.ends_with('/') || text.is_empty() {
            text.push('/');
        }
        Self { text, segments }
    }

    /// The route: parts that name one thing among many are `{id}`. It is in lower case and
    /// without a format at its end, because there are servers that see no difference.
    pub fn route(&self) -> String {
        let mut route = String::new();
        let last = self.segments.len().saturating_sub(1);
        for (at, segment) in self.segments.iter().enumerate() {
            let word = if at == last { without_format(segment) } else { segment };
            route.push('/');
            match is_variable(word) {
                true => route.push_str("{id}"),
                false => route.push_str(&word.to_lowercase()),
            }
        }
        if route.is_empty() { "/".to_owned() } else { route }
    }
}

/// A query in its canonical spelling.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CanonicalQuery {
    /// As it is sent, without `?`; empty where there is none.
    pub text: String,
    /// Names and values, decoded, in their order.
    pub pairs: Vec<(String, String)>,
}

impl CanonicalQuery {
    /// The one spelling of a query.
    ///
    /// # Errors
    /// It has none.
    pub fn read(query: &str) -> Result<Self, Ambiguous> {
        let mut found = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name, Place::Query)?, decode(value, Place::Query)?);
            if !found.text.is_empty() {
                found.text.push('&');
            }
            encode(&name, &mut found.text);
            if pair.contains('=') {
                found.text.push('=');
                encode(&value, &mut found.text);
            }
            found.pairs.push((name, value));
        }
        Ok(found)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
}

fn decode(raw: &str, place: Place) -> Result<String, Ambiguous> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        match (byte, place) {
            (b'%', _) => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err(Ambiguous::Percent);
                };
                let byte = u8::try_from(high << 4 | low).map_err(|_| Ambiguous::Percent)?;
                if place == Place::Path && matches!(byte, b'/' | b'\\' | b';' | 0..=31 | 127) {
                    return Err(Ambiguous::Encoded(char::from(byte)));
                }
                bytes.push(byte);
            }
            (b'\\' | b';', Place::Path) => return Err(Ambiguous::Bare(char::from(byte))),
            (b'+', Place::Query) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| Ambiguous::NotUtf8)
}

/// Whether a server that decodes twice would see something else.
fn is_encoded_again(segment: &str) -> bool {
    let hexadecimal = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    segment.match_indices('%').any(|(at, _)| segment.get(at + 1..at + 3).is_some_and(hexadecimal))
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Allowed in a path, and without a meaning that servers differ in.
            b'@' | b':' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' => {
                out.push(char::from(byte));
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// Everything encoded but what RFC 3986 section 2.3 calls unreserved, and these.
pub(crate) fn encode_strictly(bytes: &[u8], kept: &str) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            byte if kept.as_bytes().contains(byte) => out.push(char::from(*byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// A segment without what says in which format it is wanted.
fn without_format(segment: &str) -> &str {
    match segment.rsplit_once('.') {
        Some((word, format)) if FORMATS.iter().any(|known| format.eq_ignore_ascii_case(known)) => {
            word
        }
        _ => segment,
    }
}

const FORMATS: [&str; 8] = ["csv", "html", "json", "jsonl", "txt", "xml", "yaml", "yml"];

/// Whether a segment names one thing among many: a number in any spelling, a UUID, a hash, an
/// address. Words are names of collections and actions.
fn is_variable(segment: &str) -> bool {
    let word = segment.trim_start_matches(['.', '_', '$', '~', ':']);
    let is_word = word.chars().next().is_some_and(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '~'));
    let digits = segment.chars().filter(|c| c.is_numeric()).count();
    let is_hexadecimal = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    !is_word || digits >= 3 || segment.len() > WORD_BYTES_MAX || (is_hexadecimal && digits > 0)
}

/// The longest segment that is taken for a word.
const WORD_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_one() {
        let check = |path: &str, expect: &str| {
            assert_eq!(CanonicalPath::read(path).unwrap().text, expect, "{path}");
        };
        check("/", "/");
        check("/admin", "/admin");
        check("//admin", "/admin");
        check("/x/../admin", "/admin");
        check("/x/%2e%2E/admin", "/admin");
        check("/./a/.//b/", "/a/b/");
        check("/%61dmin", "/admin");
        check("/a%20b/%C3%A9", "/a%20b/%C3%A9");
        check("/a/..", "/");
        check("/me@x.org", "/me@x.org");
    }

    #[test]
    fn what_servers_read_in_two_ways_has_no_canonical_form() {
        let check = |path: &str, expect: Ambiguous| {
            assert_eq!(CanonicalPath::read(path), Err(expect), "{path}");
        };
        check("admin", Ambiguous::NoSlash);
        check("/a%2Fb", Ambiguous::Encoded('/'));
        check("/a%5cb", Ambiguous::Encoded('\\'));
        check("/a\\b", Ambiguous::Bare('\\'));
        check("/admin;x=1", Ambiguous::Bare(';'));
        check("/a%00", Ambiguous::Encoded('\0'));
        check("/a%0d%0aX", Ambiguous::Encoded('\r'));
        check("/..", Ambiguous::Root);
        check("/a/../../b", Ambiguous::Root);
        check("/%252e%252e/admin", Ambiguous::Twice);
        check("/a%zz", Ambiguous::Percent);
        check("/a%2", Ambiguous::Percent);
        check("/a%20", Ambiguous::Edge);
        check("/%20a/b", Ambiguous::Edge);
        check("/payouts.", Ambiguous::Edge);
        check("/%ff", Ambiguous::NotUtf8);
    }

    #[test]
    fn routes_name_their_variable_parts() {
        let check = |path: &str, expect: &str| {
            assert_eq!(CanonicalPath::read(path).unwrap().route(), expect, "{path}");
        };
        check("/", "/");
        check("/api/v1/customers", "/api/v1/customers");
        check("/customers/42/orders/", "/customers/{id}/orders");
        check("/u/0191d0a4-0000-7000-8000-000000000001", "/u/{id}");
        check("/u/ann@example.org", "/u/{id}");
        check("/orders/ORD-2024-17", "/orders/{id}");
        for one in ["42", "+42", "%2B42", "42.json", "4_2", "-1", "42,", "0x2a", "%D9%A4%D9%A2"] {
            check(&format!("/secret/{one}"), "/secret/{id}");
        }
        check("/Admin", "/admin");
        check("/payouts.JSON", "/payouts");
        check("/.well-known/oauth2", "/.well-known/oauth2");
    }

    #[test]
    fn queries_are_spelled_once_and_keep_their_order() {
        let query = CanonicalQuery::read("b=%41+c&a&&e=a%26b").unwrap();
        assert_eq!(query.text, "b=A%20c&a&e=a%26b");
        assert_eq!(query.pairs[2], ("e".to_owned(), "a&b".to_owned()));
    }
}
