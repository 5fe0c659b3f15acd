//! Bodies of several parts (RFC 2046 section 5.1, RFC 7578), read in one way or not at all:
//! servers differ in what they make of everything else.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// More parts are nobody's form.
const PARTS_MAX: usize = 1_000;
/// The longest head of a part.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// SPEC: RFC 2046 section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<'b> {
    /// Its head, as it is written.
    pub head: &'b [u8],
    /// What that says.
    pub fields: HeaderMap,
    /// What it holds.
    pub body: &'b [u8],
}

/// The boundary that a type names, where it is a type of several parts and names one.
#[must_use]
pub fn boundary(kind: &str) -> Option<&str> {
    let (kind, parameters) = kind.split_once(';')?;
    if !kind.trim().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
        return None;
    }
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut boundaries =
        named.by_ref().filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let (_, value) = boundaries.next()?;
    let is_one = boundaries.next().is_none();
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=BOUNDARY_BYTES_MAX).contains(&value.len()) && !value.ends_with(' ');
    (is_one && fits && value.bytes().all(is_plain)).then_some(value)
}

/// The parts of a body; none where it can be read in more than one way.
#[must_use]
pub fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<Part<'b>>> {
    let first = format!("--{boundary}\r\n");
    let (next, last) = (format!("\r\n--{boundary}\r\n"), format!("\r\n--{boundary}--"));
    let mut rest = body.strip_prefix(first.as_bytes())?;
    let mut found = Vec::new();
    loop {
        let (part, _) = cut(rest, format!("\r\n--{boundary}").as_bytes())?;
        found.push(read(part)?);
        if found.len() > PARTS_MAX {
            return None;
        }
        let from = rest.get(part.len()..)?;
        match from.strip_prefix(next.as_bytes()) {
            Some(following) => rest = following,
            None => {
                let end = from.strip_prefix(last.as_bytes())?;
                return matches!(end, b"" | b"\r\n").then_some(found);
            }
        }
    }
}

/// What stands before a mark, and behind it.
fn cut<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|found| found == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

fn read(part: &[u8]) -> Option<Part<'_>> {
    let (head, body) = match part.strip_prefix(b"\r\n") {
        Some(body) => (&[][..], body),
        None => cut(part, b"\r\n\r\n")?,
    };
    if head.len() > HEAD_BYTES_MAX {
        return None;
    }
    let mut fields = HeaderMap::new();
    let text = std::str::from_utf8(head).ok()?;
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        // No folded lines, no name twice, nothing that ends a line for some and not for others.
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim_matches([' ', '\t'])).ok()?;
        if fields.insert(name, value).is_some() {
            return None;
        }
    }
    let encoding = fields.get("content-transfer-encoding").map(HeaderValue::as_bytes);
    let is_plain = encoding.is_none_or(|it| {
        [&b"7bit"[..], b"8bit", b"binary"].iter().any(|known| it.eq_ignore_ascii_case(known))
    });
    is_plain.then_some(Part { head, fields, body })
}

/// Names and values of what stands behind a word in a field, as far as they can be read. Values
/// are without their quotes.
pub fn parameters(said: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = said.split_once(';').map(|(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, behind) = rest.take()?.split_once('=')?;
        let behind = behind.trim_start();
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => behind
                .split_once(';')
                .map_or((behind.trim(), ""), |(value, rest)| (value.trim(), rest)),
        };
        rest = Some(behind.trim_start().trim_start_matches(';'));
        Some((name.trim(), value))
    })
}

impl Part<'_> {
    /// What a form calls it; none where that can be read in more than one way.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.parameter("name")
    }

    /// What a file in it is called, where it says so.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.parameter("filename")
    }

    /// Whether it is a field of a form.
    #[must_use]
    pub fn is_of_a_form(&self) -> bool {
        let said = self.fields.get(header::CONTENT_DISPOSITION).map(HeaderValue::as_bytes);
        let kind = said.map(|said| said.split(|byte| *byte == b';').next().unwrap_or_default());
        kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"form-data"))
    }

    /// Whether its disposition has one reading.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        let Some(said) = self.fields.get(header::CONTENT_DISPOSITION) else { return false };
        let Ok(said) = said.to_str() else { return false };
        let lower = said.to_ascii_lowercase();
        let once = |name: &str| lower.matches(name).count() <= 1;
        // Escapes and `filename*` are where servers differ.
        !said.contains(['\\', '*', '%'])
            && once(" name=")
            && once("filename=")
            && self.name().is_some()
    }

    fn parameter(&self, wanted: &str) -> Option<&str> {
        let said = self.fields.get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
        let mut found = parameters(said);
        found.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a.json\"\r\n\
        content-type: application/json\r\n\r\n{}\r\n--x--\r\n";

    #[test]
    fn a_form_has_parts() {
        let found = parts(FORM, "x").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name(), found[0].body), (Some("a"), &b"1"[..]));
        assert_eq!((found[1].name(), found[1].file_name()), (Some("file"), Some("a.json")));
        assert!(found.iter().all(|part| part.is_clear() && part.is_of_a_form()));
        assert_eq!(parts(b"--x\r\n\r\nbody\r\n--x--", "x").unwrap()[0].body, b"body");
    }

    #[test]
    fn what_has_two_readings_has_no_parts() {
        let check = |body: &[u8]| assert_eq!(parts(body, "x"), None, "{}", body.escape_ascii());
        check(b"");
        check(b"--x--");
        check(b"preamble\r\n--x\r\n\r\na\r\n--x--");
        check(b"--x\r\n\r\na\r\n--x--\r\n--x\r\n\r\nb\r\n--x--");
        check(b"--x\r\n\r\na\r\n--x");
        check(b"--x\n\na\n--x--");
        check(b"--x\r\n\r\na\r\n--x \r\n\r\nb\r\n--x--");
        check(b"--x\r\na: b\r\n c\r\n\r\na\r\n--x--");
        check(b"--x\r\na: b\r\na: c\r\n\r\na\r\n--x--");
        check(b"--x\r\ncontent-transfer-encoding: base64\r\n\r\na\r\n--x--");
        check(b"--x\r\nno field\r\n\r\na\r\n--x--");
    }

    #[test]
    fn names_have_one_reading() {
        let clear = |said: &str| {
            let body = format!("--x\r\ncontent-disposition: {said}\r\n\r\na\r\n--x--");
            parts(body.as_bytes(), "x").unwrap()[0].is_clear()
        };
        assert!(clear("form-data; name=\"a\""));
        assert!(clear("form-data; name=a; filename=\"b c.txt\""));
        assert!(!clear("form-data; name=a; filename=\"b; name=c.txt\""));
        assert!(!clear("form-data; name=\"a\"; name=\"b\""));
        assert!(!clear("form-data; name=\"a\\\"b\""));
        assert!(!clear("form-data; name=\"a\"; filename*=utf-8''b"));
        assert!(!clear("form-data"));
    }

    #[test]
    fn a_boundary_is_named_once() {
        assert_eq!(boundary("multipart/form-data; boundary=x"), Some("x"));
        assert_eq!(boundary("Multipart/Mixed; charset=utf-8; Boundary=\"a b\""), Some("a b"));
        for kind in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=x; boundary=y",
            "multipart/form-data; boundary=\"x",
            "text/plain; boundary=x",
        ] {
            assert_eq!(boundary(kind), None, "{kind}");
        }
    }
}
