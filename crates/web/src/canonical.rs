//! One spelling for each path and query, so that what is decided is what the target reads.
//!
//! SPEC: RFC 3986 sections 2.1, 2.3, 5.2.4, 6.2.2. What servers are known to read in two ways
//! (encoded slashes and backslashes, parameters of segments, encodings of encodings) has no
//! canonical form and is refused.

use crate::names::lower;
use crate::one;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

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
    #[error("a path holds characters that nobody sees, or that stand for others")]
    Unseen,
    #[error(
        "more than {SIGNED_MAX} parts of a path hold a dot or another sign, which servers differ in"
    )]
    Signed,
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
        Self::read_with_slashes(path)?.without_slashes()
    }

    /// The same where no part has an encoded slash in it.
    ///
    /// # Errors
    /// One has.
    pub fn without_slashes(self) -> Result<Self, Ambiguous> {
        match self.segments.iter().any(|segment| segment.contains('/')) {
            true => Err(Ambiguous::Encoded('/')),
            false => Ok(self),
        }
    }

    /// The one spelling of a path for a server that takes an encoded slash for a letter of a name.
    ///
    /// # Errors
    /// It has none.
    pub fn read_with_slashes(path: &str) -> Result<Self, Ambiguous> {
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
                    // Whoever decodes a slash does not get out of its part.
                    let mut names = segment.split('/');
                    if segment.contains('/') && names.any(|name| matches!(name, "" | "." | "..")) {
                        return Err(Ambiguous::Encoded('/'));
                    }
                    if segment.trim() != segment || segment.ends_with('.') {
                        return Err(Ambiguous::Edge);
                    }
                    if !is_plain_text(&segment) {
                        return Err(Ambiguous::Unseen);
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
        let path = Self { text, segments };
        let programs = path.segments.iter().filter(|segment| is_program(segment)).count();
        match path.stems().count() > SIGNED_MAX || programs > SIGNED_MAX {
            true => Err(Ambiguous::Signed),
            false => Ok(path),
        }
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
        route_of(self.segments.iter().map(String::as_str))
    }

    /// The segments of the paths that a server could see instead: one that takes what stands behind
    /// a dot for a format and behind another sign for a key or a parameter (`/people()`,
    /// `/people,x`), one that leaves out a session in the path (`/(S(x))/admin`), and one that runs
    /// a program in the middle of the path (`/index.php/admin`), for which the path is what stands
    /// behind it.
    #[must_use]
    pub fn other_paths(&self) -> BTreeSet<Vec<&str>> {
        let whole: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        let mut bare = whole.clone();
        let mut found = BTreeSet::new();
        for (at, stem) in self.stems() {
            let mut one = whole.clone();
            if let (Some(one), Some(bare)) = (one.get_mut(at), bare.get_mut(at)) {
                (*one, *bare) = (stem, stem);
            }
            found.insert(one);
        }
        let last = self.segments.len().saturating_sub(1);
        let programs = self.segments.iter().enumerate().take(last);
        for (at, _) in programs.filter(|(_, segment)| is_program(segment)) {
            for path in [&whole, &bare] {
                let (before, behind) = path.split_at(at);
                found.insert(path.get(..=at).unwrap_or_default().to_vec());
                found.insert(behind.get(1..).unwrap_or_default().to_vec());
                found.insert([before, behind.get(1..).unwrap_or_default()].concat());
            }
        }
        if whole.iter().any(|segment| is_session(segment)) {
            for path in [&whole, &bare] {
                found.insert(path.iter().filter(|segment| !is_session(segment)).copied().collect());
            }
        }
        found.insert(bare);
        found.remove(&whole);
        found
    }

    /// Whether the path ends in one thing among many, as far as its writing can prove that: what
    /// servers could read as several, or as all (`*`, `1,2`, `1-100`, `people()`), is none.
    #[must_use]
    pub fn ends_in_one(&self) -> bool {
        self.last_one().is_some_and(is_variable)
    }

    /// Whether the path ends in a word without any sign, which is not one for all of them.
    #[must_use]
    pub fn ends_in_a_word(&self) -> bool {
        let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        self.last_one().is_some_and(|word| word.chars().all(is_letter))
    }

    /// The last part without its format, where no part stands for several.
    fn last_one(&self) -> Option<&str> {
        let (last, before) = self.segments.split_last()?;
        let word = without_format(last);
        let is_file = word.len() < last.len() || has_ending(last);
        let is_one = one::is_one(word, is_file) && !before.iter().any(|it| one::is_several(it));
        is_one.then_some(word)
    }

    /// The parts of which a server could leave out an end, each without that.
    fn stems(&self) -> impl Iterator<Item = (usize, &str)> {
        let last = self.segments.len().saturating_sub(1);
        self.segments.iter().enumerate().filter_map(move |(at, segment)| {
            let word = if at == last { without_format(segment) } else { segment };
            let stem = stem(word)?;
            // What names one thing in the middle of a path is nothing that has formats.
            let has_format = word.get(stem.len()..).is_some_and(|end| end.starts_with('.'));
            let is_word = at == last || is_program(segment) || !is_variable(word);
            (is_word || !has_format).then_some((at, stem))
        })
    }
}

/// More parts with a sign are no path that anybody has thought of, and too many routes.
const SIGNED_MAX: usize = 6;

/// The route of a path with these segments.
#[must_use]
pub fn route_of<'s>(
    segments: impl DoubleEndedIterator<Item = &'s str> + ExactSizeIterator,
) -> String {
    let mut route = String::new();
    let last = segments.len().saturating_sub(1);
    for (at, segment) in segments.enumerate() {
        let word = if at == last { without_format(segment) } else { segment };
        route.push('/');
        match is_variable(word) {
            true => route.push_str("{id}"),
            false => route.extend(word.chars().flat_map(lower)),
        }
    }
    if route.is_empty() { "/".to_owned() } else { route }
}

/// Why no path has this route, in words for the operator; none where some could have it.
#[must_use]
pub fn no_route(name: &str) -> Option<String> {
    let path = match CanonicalPath::read(name) {
        Ok(path) => path,
        Err(why) => return Some(why.to_string()),
    };
    let template =
        |segment: &String| if segment.starts_with(':') { "{id}" } else { segment }.to_owned();
    let segments = path.segments.iter().map(template).collect();
    let route = CanonicalPath { text: String::new(), segments }.route();
    (route != name).then(|| format!("the route is `{route}`"))
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
            found.push(name, value, pair.contains('='));
        }
        Ok(found)
    }

    fn push(&mut self, name: String, value: String, has_value: bool) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        encode(&name, &mut self.text);
        if has_value {
            self.text.push('=');
            encode(&value, &mut self.text);
        }
        self.pairs.push((name, value));
    }

    /// Puts something else in the place of values; the rest stays as it is.
    pub fn mask(&mut self, mut mask: impl FnMut(&str, &str) -> Option<String>) {
        let before = std::mem::take(self);
        let parts: Vec<bool> = before.text.split('&').map(|pair| pair.contains('=')).collect();
        for ((name, value), has_value) in before.pairs.into_iter().zip(parts) {
            let value = mask(&name, &value).unwrap_or(value);
            let has_value = has_value || !value.is_empty();
            self.push(name, value, has_value);
        }
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
                let has_two_readings = matches!(byte, b'\\' | b';' | b'?' | b'#' | 0..=31 | 127);
                if place == Place::Path && has_two_readings {
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

/// Whether every character of a text is seen, and stands for itself alone: servers that
/// normalise read others as something else (`%EF%BD%81dmin`).
#[must_use]
pub fn is_plain_text(text: &str) -> bool {
    if text.is_ascii() {
        return true;
    }
    let is_unseen = |c: char| {
        matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{80}'..='\u{9f}'
        )
    };
    // Composed or decomposed, but nothing that becomes another letter.
    let is_normal = text.nfkc().eq(text.chars()) || text.nfkd().eq(text.chars());
    is_normal && !without_joined(text).chars().any(is_unseen)
}

/// A text without what joins pictures to one, which servers do not read as something else.
fn without_joined(text: &str) -> Cow<'_, str> {
    const JOINS: [char; 2] = ['\u{200d}', '\u{fe0f}'];
    if !text.contains(JOINS) {
        return Cow::Borrowed(text);
    }
    let is_picture = |c: char| {
        matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
    };
    let mut before = None;
    let mut rest = text.chars().peekable();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        let follows = |next: &char| is_picture(*next);
        let is_joint = match c {
            '\u{200d}' => before.is_some_and(is_picture) && rest.peek().is_some_and(follows),
            '\u{fe0f}' => before.is_some_and(is_picture),
            _ => false,
        };
        match is_joint {
            // It belongs to the picture before it.
            true => {}
            false => {
                plain.push(c);
                before = Some(c);
            }
        }
    }
    Cow::Owned(plain)
}

/// A segment without what says in which format it is wanted.
pub(crate) fn without_format(mut segment: &str) -> &str {
    while let Some((word, format)) = segment.rsplit_once('.') {
        let is_known = FORMATS.iter().any(|known| format.eq_ignore_ascii_case(known));
        if word.is_empty() || !is_known {
            break;
        }
        segment = word;
    }
    segment
}

/// Whether a segment ends as names of files do.
fn has_ending(segment: &str) -> bool {
    let ending = segment.rsplit_once('.').map_or("", |(_, ending)| ending);
    (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What stands in front of the first sign of a segment, where servers could read all that follows
/// as a format, a key or a parameter, whatever it is: none where that makes no difference.
fn stem(segment: &str) -> Option<&str> {
    let name = segment.trim_start_matches('.');
    let is_sign = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-');
    let sign = segment.len() - name.len() + name.find(is_sign)?;
    let stem = segment.get(..sign).filter(|stem| !stem.is_empty())?;
    let is_one_route = is_variable(stem) && is_variable(segment);
    (!is_one_route && !is_version(segment)).then_some(stem)
}

/// What ASP.NET takes out of a path before it is read: `(S(…))`, `(A(…)F(…))`.
fn is_session(segment: &str) -> bool {
    segment.starts_with('(') && segment.ends_with(')')
}

/// `v1.2`: what versions of an interface are called.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    number.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a segment names a program that a server could run, with the rest of the path as what
/// it is asked for.
///
/// SPEC: RFC 3875 section 4.1.5 (`PATH_INFO`).
fn is_program(segment: &str) -> bool {
    const ENDINGS: [&str; 17] = [
        "action", "ashx", "asmx", "asp", "aspx", "cfm", "cgi", "dll", "do", "fcgi", "jsp", "jspx",
        "phar", "php", "phtml", "pl", "py",
    ];
    let is_one = |ending: &str| {
        let plain = ending.trim_end_matches(|c: char| c.is_ascii_digit());
        ENDINGS.iter().any(|known| plain.eq_ignore_ascii_case(known))
    };
    segment.split('.').skip(1).any(is_one)
}

/// Formats in which the same thing is asked for.
const FORMATS: [&str; 36] = [
    "atom", "csv", "doc", "docx", "geojson", "htm", "html", "ics", "js", "json", "jsonl", "jsonp",
    "kml", "md", "ndjson", "ods", "odt", "pdf", "php", "rdf", "rss", "rtf", "svg", "text", "toml",
    "tsv", "ttl", "txt", "vcf", "xhtml", "xls", "xlsx", "xml", "yaml", "yml", "zip",
];

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

    /// The routes of the paths that a server could see instead.
    fn other_routes(path: &CanonicalPath) -> BTreeSet<String> {
        let own = path.route();
        let routes = path.other_paths().into_iter().map(|segments| route_of(segments.into_iter()));
        routes.filter(|route| *route != own).collect()
    }

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
        check("/%F0%9F%91%A8%E2%80%8D%F0%9F%92%BB", "/%F0%9F%91%A8%E2%80%8D%F0%9F%92%BB");
        check("/%E2%9D%A4%EF%B8%8F", "/%E2%9D%A4%EF%B8%8F");
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
        check("/admin%3fx", Ambiguous::Encoded('?'));
        check("/admin%23", Ambiguous::Encoded('#'));
        check("/ad%C2%ADmin", Ambiguous::Unseen);
        check("/admin%E2%80%8B", Ambiguous::Unseen);
        check("/admin%E2%80%8Dx", Ambiguous::Unseen);
        check("/admin%EF%B8%8F", Ambiguous::Unseen);
        check("/%EF%BD%81dmin", Ambiguous::Unseen);
        check("/%E2%84%AAelvin", Ambiguous::Unseen);
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
        check("/ADM%C4%B0N", "/admin");
        check("/adm%C4%B1n", "/admin");
        check("/.well-known/oauth2", "/.well-known/oauth2");
        for format in ["pdf", "htm", "json.xml", "Atom"] {
            check(&format!("/payouts.{format}"), "/payouts");
        }
        check("/api/users.list", "/api/users.list");
        check("/.json", "/.json");
    }

    #[test]
    fn a_route_has_one_name() {
        for name in ["/", "/people", "/people/{id}", "/api/users.list", "/crème"] {
            assert_eq!(no_route(name), None, "{name}");
        }
        for (name, route) in [
            ("/People", "`/people`"),
            ("/people/", "`/people`"),
            ("//people", "`/people`"),
            ("/people/42", "`/people/{id}`"),
            ("/people/:id", "`/people/{id}`"),
            ("/people/{customer}", "`/people/{id}`"),
            ("/people.json", "`/people`"),
            ("/people?x=1", "`/{id}`"),
            ("/a%20b", "`/{id}`"),
            ("people/{id}", "begins with `/`"),
            ("/a/../..", "leaves its root"),
        ] {
            assert!(no_route(name).is_some_and(|why| why.contains(route)), "{name}");
        }
    }

    #[test]
    fn what_stands_behind_a_dot_could_be_a_format_that_nobody_knows() {
        let check = |path: &str, expect: &[&str]| {
            let others = other_routes(&CanonicalPath::read(path).unwrap());
            assert_eq!(others.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{path}");
        };
        for ending in
            ["foo", "1", "123", "abcdefghijk", "json-x", "j%21", "x%20y", "foo.bar", "foo.json"]
        {
            check(&format!("/payouts.{ending}"), &["/payouts"]);
        }
        check("/a/payouts.foo.bar", &["/a/payouts"]);
        check("/api/users.list", &["/api/users"]);
        check("/a.b/payouts", &["/a/payouts"]);
        check("/a.b/c.d", &["/a.b/c", "/a/c", "/a/c.d"]);
        check("/people/ann.lovelace@example.org", &["/people/ann"]);
        check("/people/ann@example.org", &["/people/ann"]);
        for plain in [
            "/payouts",
            "/payouts.json",
            "/v1.2",
            "/v1.2/people",
            "/x/42.foo",
            "/.env",
            "/.well-known/x",
            "/files/report-2024.final.pdf",
            "/people/ann.lovelace@example.org/orders/1.5",
        ] {
            check(plain, &[]);
        }
        let many = "/a.b".repeat(SIGNED_MAX);
        assert!(other_routes(&CanonicalPath::read(&many).unwrap()).len() <= SIGNED_MAX + 1);
        assert_eq!(CanonicalPath::read(&format!("{many}/c.d")), Err(Ambiguous::Signed));
    }

    #[test]
    fn a_slash_may_be_a_letter_of_a_name() {
        let path = CanonicalPath::read_with_slashes("/projects/group%2fproject/x").unwrap();
        assert_eq!(path.text, "/projects/group%2Fproject/x");
        assert_eq!(path.route(), "/projects/{id}/x");
        assert_eq!(other_routes(&path).into_iter().collect::<Vec<_>>(), ["/projects/group/x"]);
        assert_eq!(path.without_slashes(), Err(Ambiguous::Encoded('/')));
        for path in ["/a%2F..%2Fb", "/%2Fa", "/a%2F", "/a%2F%2E%2fb", "/a%252Fb", "/a%2F%2Fb"] {
            assert!(CanonicalPath::read_with_slashes(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_stands_behind_a_sign_could_be_left_out() {
        let check = |path: &str, expect: &[&str]| {
            let others = other_routes(&CanonicalPath::read(path).unwrap());
            assert_eq!(others.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{path}");
        };
        for ending in [
            "()",
            "(42)",
            ",",
            "!",
            "'",
            ":",
            "@x",
            "~",
            "*",
            "%20x",
            ":cancel",
            "$",
            "=1",
            "&x",
            "%7C",
            "%22",
            "%5E",
            "%60",
            "+",
            "%2B",
            "(id='x.y')",
        ] {
            check(&format!("/payouts{ending}"), &["/payouts"]);
        }
        check("/a/payouts(42)/x", &["/a/payouts/x"]);
        check("/(S(abc))/admin", &["/admin"]);
        check("/x/(A(b)F(c))/admin", &["/x/admin"]);
        for plain in ["/people/42,", "/x/42-7", "/people/2026-11-30T10:00", "/@payouts", "/~ann"] {
            check(plain, &[]);
        }
        let programs = "/.php".repeat(SIGNED_MAX + 1);
        assert_eq!(CanonicalPath::read(&programs), Err(Ambiguous::Signed));
        let formats = format!("/a{}", ".json".repeat(20_000));
        let small = std::thread::Builder::new().stack_size(128 << 10);
        let read = small.spawn(move || CanonicalPath::read(&formats).unwrap().route());
        assert_eq!(read.unwrap().join().unwrap(), "/a");
    }

    #[test]
    fn a_program_could_be_asked_for_what_stands_behind_it() {
        let check = |path: &str, expect: &[&str]| {
            let others = other_routes(&CanonicalPath::read(path).unwrap());
            for route in expect {
                assert!(others.contains(*route), "{path}: {others:?}");
            }
        };
        check("/payouts.php/x", &["/payouts", "/x"]);
        check("/index.php/admin", &["/admin", "/index"]);
        check("/shop/Index.PHP/Admin.foo", &["/admin", "/shop/admin", "/shop/index"]);
        check("/a.jsp/b/c.cgi/d", &["/b/c.cgi/d", "/d", "/a"]);
        check("/index.php5/admin", &["/admin"]);
    }

    #[test]
    fn queries_are_spelled_once_and_keep_their_order() {
        let query = CanonicalQuery::read("b=%41+c&a&&e=a%26b").unwrap();
        assert_eq!(query.text, "b=A%20c&a&e=a%26b");
        assert_eq!(query.pairs[2], ("e".to_owned(), "a&b".to_owned()));
    }
}
