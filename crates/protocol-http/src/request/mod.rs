//! What a request asks for, and its bytes for the target.

mod command;
mod head;
mod identity;
mod masked;
mod outgoing;
mod overrides;
mod routes;

pub(crate) use command::Plan;
pub(crate) use head::{Head, RefusedHead};
pub(crate) use masked::{Outgoing, masked};

use bytes::{Bytes, BytesMut};
use outgoing::is_json;
use overrides::{
    names_member, overrides_in_form, overrides_in_json, overrides_in_part, overrides_in_text,
};
use portreeve_model::{ApprovedStatement, Parameter, ParameterFormat, Refusal, RequestContent};
use portreeve_session::{CommandUse, Request, shown_text};
use portreeve_web::Decoding;
use portreeve_web::multipart::{boundary, parts};

/// What a body may not say, whatever policy says of it.
///
/// # Errors
/// It would be read as another request than is decided, or in more than one way.
pub(crate) fn check_body(head: &Head, body: &[u8]) -> Result<(), RefusedHead> {
    let whole = head.content_type().unwrap_or_default();
    if let Some(parts) = boundary(whole).and_then(|boundary| parts(body, boundary)) {
        let overrides = parts
            .iter()
            .any(|part| overrides_in_part(&String::from_utf8_lossy(part.head), part.body));
        return if overrides { Err(RefusedHead::OverrideInBody) } else { Ok(()) };
    }
    let text = String::from_utf8_lossy(body);
    let kind = whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let read = overrides_in_json(&text);
    let overrides = match kind.as_str() {
        // What one server cannot read, another one can: with comments, `NaN`, half a letter.
        kind if is_json(kind) => read.map_err(RefusedHead::NotJson)?,
        "application/x-www-form-urlencoded" => overrides_in_form(&text),
        // A server may read a document as what it is, whatever its type says.
        _ if text.trim_start().starts_with('{') && read.is_ok() => read == Ok(true),
        // Frameworks look for methods in forms and in members of documents.
        kind if is_written(kind, &text) => names_member(&text),
        _ => overrides_in_text(&text),
    };
    if overrides { Err(RefusedHead::OverrideInBody) } else { Ok(()) }
}

/// Whether a body of this type is a text or a document that is no form: there a method is a word.
/// What does not say what it is may be read as a form, and so may what has no blank.
fn is_written(kind: &str, text: &str) -> bool {
    let is_one = kind.starts_with("text/") || ["xml", "yaml"].iter().any(|it| kind.ends_with(it));
    is_one && text.trim().contains(char::is_whitespace)
}

/// A body without its content coding, and JSON without the mark that some libraries put in front of
/// it: what is decided and sent is what it says.
///
/// # Errors
/// It is not encoded so, or longer than so many bytes without.
pub(crate) fn plain_body(
    fields: &http::HeaderMap,
    body: Bytes,
    bytes_max: usize,
) -> Result<Bytes, RefusedHead> {
    let body = decoded(fields, body, bytes_max)?;
    let kind = fields.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    let has_mark = is_json(&kind.trim().to_ascii_lowercase()) && body.starts_with(BYTE_ORDER_MARK);
    Ok(if has_mark { body.slice(BYTE_ORDER_MARK.len()..) } else { body })
}

/// SPEC: RFC 8259 section 8.1: whoever reads JSON may ignore it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn decoded(fields: &http::HeaderMap, body: Bytes, bytes_max: usize) -> Result<Bytes, RefusedHead> {
    let codings = fields.get_all(http::header::CONTENT_ENCODING).iter();
    let codings: Vec<&str> = codings.map(|value| value.to_str().unwrap_or("?")).collect();
    let codings = codings.join(",").to_ascii_lowercase();
    if codings.is_empty() {
        return Ok(body);
    }
    let mut decoding = Decoding::of(&codings, None).map_err(|_| RefusedHead::Encoded)?;
    let mut plain = Vec::new();
    for piece in body.chunks(PIECE_BYTES) {
        plain.extend_from_slice(&decoding.push(piece).map_err(|_| RefusedHead::Encoded)?);
        if plain.len() > bytes_max {
            return Err(RefusedHead::Encoded);
        }
    }
    plain.extend(decoding.finish().map_err(|_| RefusedHead::Encoded)?);
    if plain.len() > bytes_max { Err(RefusedHead::Encoded) } else { Ok(plain.into()) }
}

/// As much of a body as is decoded at once.
const PIECE_BYTES: usize = 64 << 10;

/// One request, ready to be decided.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) plan: Plan,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// As whom the target is asked.
    pub(crate) role: String,
}

impl HttpRequest {
    fn message(&self, head: Vec<u8>) -> Bytes {
        let mut message = BytesMut::with_capacity(head.len() + self.body.len());
        message.extend_from_slice(&head);
        message.extend_from_slice(&self.body);
        message.freeze()
    }

    fn shown_body(&self) -> Option<Parameter> {
        if self.body.is_empty() {
            return None;
        }
        let value = shown_text(&self.body);
        let type_name = self.head.content_type().unwrap_or_default().to_owned();
        Some(Parameter { type_name, format: ParameterFormat::Text, value })
    }
}

impl Request for HttpRequest {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.plan.command)
    }

    fn received(&self) -> Bytes {
        self.message(self.head.to_record())
    }

    fn content(&self) -> RequestContent {
        let head = &self.head;
        let statement = ApprovedStatement {
            text: format!("{} {}", head.method, head.target()),
            names: Vec::new(),
            parameters: self.shown_body().into_iter().collect(),
        };
        RequestContent {
            role: self.role.clone(),
            statements: vec![statement],
            settings: head.settings(),
            ..RequestContent::default()
        }
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        match refused {
            Some(_) => (Bytes::new(), ()),
            None => (self.message(self.head.to_target(self.body.len())), ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_word_in_prose() {
        let check = |kind: &'static str, body: &str| {
            let mut fields = http::HeaderMap::new();
            fields.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
            let path = portreeve_web::CanonicalPath::read("/x").unwrap();
            let head =
                Head::new((http::Method::POST, path, None), &fields, ("h", &[]), None).unwrap();
            check_body(&head, body.as_bytes()).is_err()
        };
        let prose = "Rails reads `_method`, others X-HTTP-Method-Override:\n_method=DELETE\n";
        for kind in ["text/plain", "text/markdown; charset=utf-8", "application/xml", "text/yaml"] {
            assert!(!check(kind, prose), "{kind}");
            assert!(check(kind, "{\"_method\": \"DELETE\"}"), "{kind}");
        }
        for kind in ["application/x-www-form-urlencoded", "application/octet-stream"] {
            assert!(check(kind, "a=1&_method=DELETE"), "{kind}");
        }
    }

    #[test]
    fn a_mark_in_front_of_json_says_nothing() {
        let plain = |kind: &'static str, body: &'static str| {
            let mut fields = http::HeaderMap::new();
            fields.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
            plain_body(&fields, Bytes::from_static(body.as_bytes()), 100).unwrap()
        };
        assert_eq!(plain("Application/JSON; charset=utf-8", "\u{feff}{\"a\":1}"), "{\"a\":1}");
        assert_eq!(plain("application/json", "\u{feff}\u{feff}1"), "\u{feff}1");
        assert_eq!(plain("text/plain", "\u{feff}a"), "\u{feff}a");
    }
}
