//! The head of an answer: what of it goes on, and how it is written.

use http::{HeaderMap, StatusCode};
use portreeve_session::Unmaskable;
use portreeve_web::is_hop_by_hop;
use portreeve_web::masking::{Known, Look, Tally};

/// The head of an answer, as the target sent it.
#[derive(Debug)]
pub(crate) struct ReplyHead {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    /// Stands before every path of the target where the client asks for it, without a slash
    /// at its end; empty where they are the same.
    pub(crate) prefix: String,
}

/// What is not shown: what tells the bytes or the length of a body before it was masked, what
/// would give the client a state of its own at the target, and what asks for the gateway's
/// credential.
const NOT_SHOWN: [&str; 14] = [
    "accept-ranges",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-range",
    "digest",
    "etag",
    "proxy-authenticate",
    "repr-digest",
    "server",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
];

/// What is written by servers, not about people, and looks like numbers and dates.
const CLEAN: [&str; 18] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "allow",
    "cache-control",
    "content-language",
    "date",
    "expires",
    "last-modified",
    "retry-after",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
    "x-frame-options",
];

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
        for (name, value) in &self.fields {
            let name = name.as_str();
            if is_hop_by_hop(name) || NOT_SHOWN.contains(&name) {
                continue;
            }
            let text = std::str::from_utf8(value.as_bytes())
                .map_err(|_| Unmaskable(format!("the field `{name}` is not UTF-8")))?;
            let shown = self.shown((name, text), authority, look, tally);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            // A mask never breaks a line.
            out.extend(shown.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn shown(
        &self,
        (name, text): (&str, &str),
        authority: &str,
        look: &Look<'_>,
        tally: &mut Tally<'_>,
    ) -> String {
        let known = look.names.known(name);
        if let Known::Masked(category) = &known {
            return look.mask(category, text, tally);
        }
        // What looks like an address is nothing that a server says of itself.
        if CLEAN.contains(&name) && !text.contains('@') {
            return text.to_owned();
        }
        let text = match name {
            "content-type" => plain_type(text),
            "location" | "content-location" => self.local(text, authority),
            "link" => self.local_links(text, authority),
            _ => text.to_owned(),
        };
        look.masked_text(name, &known, &text, tally).unwrap_or(text)
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
/// the client.
fn shown_status(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            StatusCode::BAD_GATEWAY
        }
        other => other,
    }
}
