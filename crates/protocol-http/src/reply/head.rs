//! The head of an answer: what of it goes on, and how it is written.

use crate::digests::{is_of_a_body, looks_like_one};
use http::{HeaderMap, StatusCode};
use portreeve_screen::Form;
use portreeve_session::Unmaskable;
use portreeve_web::is_hop_by_hop;
use portreeve_web::masking::{Known, Look, Tally};
use portreeve_web::multipart::parameters;

/// The head of an answer, as the target sent it.
#[derive(Debug)]
pub(crate) struct ReplyHead {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    /// Stands before every path of the target where the client asks for it, without a slash
    /// at its end; empty where they are the same.
    pub(crate) prefix: String,
}

/// What is not shown, beside what tells the bytes of a body before it was masked: what would give
/// the client a state of its own at the target, what asks for the gateway's credential, and what
/// lets others keep an answer that was made for one caller.
const NOT_SHOWN: [&str; 14] = [
    "accept-ranges",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "edge-control",
    "etag",
    "proxy-authenticate",
    "server",
    "set-cookie",
    "set-cookie2",
    "surrogate-key",
    "vary",
    "www-authenticate",
];

/// Whether a field tells a cache or a proxy what to do, beside the one that all of them know.
fn is_for_caches(name: &str) -> bool {
    ["cache-control", "surrogate-control"].iter().any(|end| name.ends_with(end))
        || ["x-accel-", "x-sendfile", "x-lighttpd-send"].iter().any(|it| name.starts_with(it))
}

/// What is written by servers, not about people, and looks like numbers and dates. It passes as
/// long as it is written as it is meant to be.
const CLEAN: [(&str, Shape); 15] = [
    ("access-control-allow-credentials", are_words),
    ("access-control-allow-headers", are_words),
    ("access-control-allow-methods", are_words),
    ("access-control-expose-headers", are_words),
    ("access-control-max-age", is_number),
    ("age", is_number),
    ("allow", are_words),
    ("content-language", are_words),
    ("date", is_date),
    ("expires", is_date_or_number),
    ("last-modified", is_date),
    ("retry-after", is_date_or_number),
    ("strict-transport-security", are_directives),
    ("x-content-type-options", are_words),
    ("x-frame-options", are_words),
];

/// How what a field says is written.
type Shape = fn(&str) -> bool;

/// A name of a field with more digits says something about somebody.
const NAME_DIGITS_MAX: usize = 6;

/// No identifier of anybody is so short.
const DIGITS_MAX: usize = 10;

fn is_number(text: &str) -> bool {
    let text = text.trim_matches('"');
    text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn is_word(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*');
    text.len() <= 64 && digits <= 3 && text.bytes().all(is_plain)
}

fn are_words(text: &str) -> bool {
    text.split(',').all(|word| is_word(word.trim()))
}

fn are_directives(text: &str) -> bool {
    text.split([',', ';']).all(|directive| match directive.trim().split_once('=') {
        None => is_word(directive.trim()),
        Some((name, value)) => is_word(name) && is_number(value.trim()),
    })
}

/// SPEC: RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn is_date(text: &str) -> bool {
    const SHAPE: &[u8; 29] = b"Aaa, 00 Aaa 0000 00:00:00 GMT";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        other => byte == *other,
    };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits)
}

fn is_date_or_number(text: &str) -> bool {
    is_number(text) || is_date(text)
}

impl ReplyHead {
    /// Writes what the client gets of it.
    pub(super) fn put(
        &self,
        look: &Look<'_>,
        authority: &str,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let status = shown_status(self.status);
        let reason = status.canonical_reason().unwrap_or("Status");
        out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).as_bytes());
        put_fields(&self.fields, Of::Answer(self, authority), look, out, tally)?;
        for (name, own) in [("cache-control", self.kept()), ("vary", self.varies())] {
            let shown = look.names.without_credential(&own).unwrap_or(own);
            out.extend_from_slice(format!("{name}: {shown}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Who may keep the answer: whoever asked, as long as the target says, and nobody else. What
    /// it shows is what policy shows this caller.
    ///
    /// SPEC: RFC 9111 section 5.2.2.
    fn kept(&self) -> String {
        let said = self.directives("cache-control");
        let own = said.filter(|directive| {
            let name = directive.split('=').next().unwrap_or_default().trim();
            !["private", "public", "s-maxage"].iter().any(|it| name.eq_ignore_ascii_case(it))
                && are_directives(directive)
        });
        std::iter::once("private").chain(own).collect::<Vec<_>>().join(", ")
    }

    /// What the answer depends on: on the caller's token, too.
    ///
    /// SPEC: RFC 9110 section 12.5.5.
    fn varies(&self) -> String {
        let said = self.directives("vary").filter(|word| is_word(word));
        let own: Vec<&str> =
            said.filter(|word| !word.eq_ignore_ascii_case("authorization")).collect();
        match own.contains(&"*") {
            true => "*".to_owned(),
            false => std::iter::once("Authorization").chain(own).collect::<Vec<_>>().join(", "),
        }
    }

    fn directives<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let values = self.fields.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty())
    }

    /// A redirect within the target leads through the gateway again.
    fn local(&self, location: &str, authority: &str) -> String {
        let own = location.split_once("//").and_then(|(scheme, rest)| {
            let is_absolute =
                ["", "http:", "https:"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
            let (named, path) = rest.split_at_checked(authority.len())?;
            (is_absolute && named.eq_ignore_ascii_case(authority)).then_some(path)
        });
        let path = own.unwrap_or(location);
        match path.as_bytes().first() {
            None | Some(b'?' | b'#') if own.is_some() => format!("{}/{path}", self.prefix),
            Some(b'/') if !path.starts_with("//") => format!("{}{path}", self.prefix),
            _ => location.to_owned(),
        }
    }

    /// Likewise for every target of a `Link` field (RFC 8288).
    fn local_links(&self, links: &str, authority: &str) -> String {
        let mut shown = String::new();
        let mut rest = links;
        while let Some((before, after)) = rest.split_once('<') {
            let Some((target, behind)) = after.split_once('>') else { break };
            shown.push_str(&format!("{before}<{}>", self.local(target, authority)));
            rest = behind;
        }
        shown + rest
    }
}

/// Whose head a field stands in.
#[derive(Clone, Copy)]
pub(super) enum Of<'h> {
    /// An answer, of a target that is called so.
    Answer(&'h ReplyHead, &'h str),
    /// A part of a body.
    Part,
}

/// Writes the fields of a head that may show, as far as they may.
///
/// SECURITY: whatever head it is: what a field says in an answer it says in a part of one.
pub(super) fn put_fields(
    fields: &HeaderMap,
    of: Of<'_>,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    for (name, value) in fields {
        let name = name.as_str();
        if is_hop_by_hop(name) || NOT_SHOWN.contains(&name) || is_for_caches(name) {
            continue;
        }
        // A name that says something about somebody is none that anybody knows.
        if name.bytes().filter(u8::is_ascii_digit).count() > NAME_DIGITS_MAX {
            continue;
        }
        let text = std::str::from_utf8(value.as_bytes())
            .map_err(|_| Unmaskable(format!("the field `{name}` is not UTF-8")))?;
        let known = look.names.known(name);
        // An operator may have said that it says nothing of anybody.
        if known != Known::Shown && (is_of_a_body(name) || looks_like_one(name, text)) {
            continue;
        }
        let shown = shown((name, text), &known, (of, look), tally);
        let shown = look.names.without_credential(&shown).unwrap_or(shown);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        // A mask never breaks a line.
        out.extend(shown.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

fn shown(
    (name, text): (&str, &str),
    known: &Known,
    (of, look): (Of<'_>, &Look<'_>),
    tally: &mut Tally<'_>,
) -> String {
    if let Some(category) = known.category_of(text) {
        return look.mask(&category, text, tally);
    }
    let is_clean = |(known, fits): &(&str, Shape)| *known == name && fits(text);
    if CLEAN.iter().any(is_clean) {
        return text.to_owned();
    }
    let text = match (name, of) {
        ("content-type", _) => plain_type(text),
        ("content-disposition", Of::Part) if *known != Known::Shown => {
            return disposition(text, look, tally);
        }
        ("location" | "content-location", Of::Answer(head, authority)) => {
            head.local(text, authority)
        }
        ("link", Of::Answer(head, authority)) => head.local_links(text, authority),
        _ => text.to_owned(),
    };
    look.masked_text(name, known, &text, tally).unwrap_or(text)
}

/// What a part says of itself: each parameter is a field, but for the one that names the part and
/// says nothing of what is in it. What is no parameter is left out.
fn disposition(text: &str, look: &Look<'_>, tally: &mut Tally<'_>) -> String {
    let kind = text.split(';').next().unwrap_or_default().trim();
    let mut all = if is_word(kind) { kind } else { "attachment" }.to_owned();
    for (name, value) in parameters(text) {
        let name = name.to_ascii_lowercase();
        if !is_word(&name) {
            continue;
        }
        let shown = match name.as_str() {
            "name" => look.screened_document(value, Form::Text, tally),
            name => shown_parameter((name, value), look, tally),
        };
        match shown {
            Some(shown) => all.push_str(&format!("; {name}=\"{}\"", shown.replace('"', "'"))),
            // SPEC: RFC 8187 section 3.2: no quotes stand around it.
            None if name.ends_with('*') => all.push_str(&format!("; {name}={value}")),
            None => all.push_str(&format!("; {name}=\"{value}\"")),
        }
    }
    all
}

/// What of the value of a parameter is shown; none where that is all of it.
fn shown_parameter(
    (name, value): (&str, &str),
    look: &Look<'_>,
    tally: &mut Tally<'_>,
) -> Option<String> {
    let known = look.names.known(name);
    if let Some(category) = known.category_of(value) {
        return Some(look.mask(&category, value, tally));
    }
    if let Some(shown) = look.masked_text(name, &known, value, tally) {
        return Some(shown);
    }
    // A name in there could stand before its value: `salary-4711.txt`.
    let begin = format!("{name}=\"");
    let shown = look.masked_text(name, &known, &format!("{begin}{value}\""), tally)?;
    let inner = shown.strip_prefix(&begin).and_then(|it| it.strip_suffix('"'));
    Some(inner.unwrap_or(&shown).to_owned())
}

/// A type with nothing behind it but what says how its bytes are to be read.
fn plain_type(text: &str) -> String {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_owned();
    let told = parts.filter_map(|part| {
        let name = part.split('=').next().unwrap_or_default();
        match () {
            // Whatever it was, it is UTF-8 now.
            () if name.eq_ignore_ascii_case("charset") => Some("charset=utf-8"),
            () if name.eq_ignore_ascii_case("boundary") => Some(part),
            () => None,
        }
    });
    told.fold(kind, |kind, part| format!("{kind}; {part}"))
}

/// The client is known; a target that asks who it is means the gateway, which is no fault of
/// the client. Nobody has asked it for another protocol.
fn shown_status(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        | StatusCode::SWITCHING_PROTOCOLS => StatusCode::BAD_GATEWAY,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_themselves_has_a_shape() {
        let fits =
            |name: &str, text: &str| CLEAN.iter().any(|(known, fits)| *known == name && fits(text));
        assert!(fits("date", "Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(fits("retry-after", "120") && fits("expires", "0") && fits("expires", "-1"));
        assert!(fits("strict-transport-security", "max-age=63072000; includeSubDomains"));
        assert!(fits("allow", "GET, HEAD"));
        assert!(!fits("allow", "4111111111111111") && !fits("retry-after", "4111111111111111"));
        assert!(!fits("date", "ann.lovelace@example.org"));
    }

    #[test]
    fn an_answer_for_one_caller_is_kept_by_nobody_else() {
        let head = |said: &[(&'static str, &str)]| {
            let mut fields = HeaderMap::new();
            for (name, value) in said {
                fields.append(*name, value.parse().unwrap());
            }
            let head = ReplyHead { status: StatusCode::OK, fields, prefix: String::new() };
            (head.kept(), head.varies())
        };
        let check = |said: &[(&'static str, &str)], kept: &str, varies: &str| {
            assert_eq!(head(said), (kept.to_owned(), varies.to_owned()), "{said:?}");
        };
        check(&[], "private", "Authorization");
        check(
            &[("cache-control", "public, s-maxage=86400"), ("vary", "Accept")],
            "private",
            "Authorization, Accept",
        );
        check(
            &[("cache-control", "Public, S-Maxage = 9, max-age=60"), ("cache-control", "no-store")],
            "private, max-age=60, no-store",
            "Authorization",
        );
        check(&[("cache-control", "private=\"a\"")], "private", "Authorization");
        check(&[("vary", "authorization, Origin")], "private", "Authorization, Origin");
        check(&[("vary", "*")], "private", "*");
        check(&[("vary", "DE89370400440532013000")], "private", "Authorization");
        check(&[("cache-control", "max-age=4111111111111111")], "private", "Authorization");
    }
}
