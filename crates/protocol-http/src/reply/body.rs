//! Bodies, by what they say that they are.

use super::json::{Documents, JsonMasker};
use super::look::Look;
use super::tally::Tally;
use http::{HeaderMap, StatusCode, header};
use portreeve_detect::ValueContext;
use portreeve_detect::mask::Container;
use portreeve_session::Unmaskable;

/// How a body is masked, and how far it has come.
#[derive(Debug)]
pub(crate) enum Body {
    /// There is none, or there may be none.
    Empty,
    /// Streams by.
    Json(Box<JsonMasker>),
    /// Events, one after the other (`text/event-stream`).
    Events(Collected),
    /// Is looked through as a whole.
    Whole(Container, Collected),
    /// Nobody can look into it, and policy lets it pass.
    Opaque,
    /// Nobody can look into it.
    Refused(String),
}

/// Bytes that wait until they can be looked through.
#[derive(Debug)]
pub(crate) struct Collected {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Collected {
    fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max }
    }

    fn add(&mut self, data: &[u8]) -> Result<(), Unmaskable> {
        if self.bytes.len() + data.len() > self.bytes_max {
            let max = self.bytes_max;
            return Err(Unmaskable(format!(
                "it is longer than {max} bytes (`limits.http.value_bytes_max`), and not JSON"
            )));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl Body {
    /// What a body of this status under these fields is.
    pub(crate) fn of(
        status: StatusCode,
        fields: &HeaderMap,
        passes_opaque: bool,
        value_bytes_max: usize,
    ) -> Self {
        if status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            return Self::Empty;
        }
        let opaque = |why: String| if passes_opaque { Self::Opaque } else { Self::Refused(why) };
        let text = |name: header::HeaderName| {
            fields.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase())
        };
        if let Some(coding) = text(header::CONTENT_ENCODING).filter(|coding| coding != "identity") {
            return opaque(format!("its encoding `{coding}` was not asked for"));
        }
        let Some(kind) = text(header::CONTENT_TYPE) else {
            // SPEC: RFC 9110 section 8.3: it may be anything.
            return opaque("it does not say what it is".to_owned());
        };
        let (kind, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
        let kind = kind.trim();
        if let Some(charset) = charset(parameters).filter(|name| !is_utf8(name)) {
            return opaque(format!("its charset `{charset}` is not UTF-8"));
        }
        let whole = |form| Self::Whole(form, Collected::new(value_bytes_max));
        match kind {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines" => {
                Self::Json(Box::new(JsonMasker::new(Documents::Many, value_bytes_max)))
            }
            "text/event-stream" => Self::Events(Collected::new(value_bytes_max)),
            "text/csv" | "text/tab-separated-values" => whole(Container::Csv),
            "application/xml" | "text/xml" => whole(Container::Xml),
            "application/x-www-form-urlencoded"
            | "application/javascript"
            | "application/yaml"
            | "application/sql" => whole(Container::Text),
            "application/json" => {
                Self::Json(Box::new(JsonMasker::new(Documents::One, value_bytes_max)))
            }
            kind if kind.ends_with("+json") => {
                Self::Json(Box::new(JsonMasker::new(Documents::One, value_bytes_max)))
            }
            kind if kind.ends_with("+xml") => whole(Container::Xml),
            kind if kind.starts_with("text/") => whole(Container::Text),
            kind => opaque(format!("nobody can look into `{kind}`")),
        }
    }

    /// Masks some of it.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Result<(), Unmaskable> {
        if data.is_empty() {
            return Ok(());
        }
        match self {
            Self::Empty => Err(Unmaskable("a body stands where none can".to_owned())),
            Self::Json(masker) => masker.push(data, look, out, tally),
            Self::Whole(_, collected) => collected.add(data),
            Self::Events(collected) => {
                collected.add(data)?;
                let whole = collected.bytes.iter().rposition(|byte| *byte == b'\n');
                let ready = collected.bytes.drain(..whole.map_or(0, |at| at + 1)).collect();
                put_events(ready, look, out, tally)
            }
            Self::Opaque => {
                out.extend_from_slice(data);
                Ok(())
            }
            Self::Refused(why) => Err(Unmaskable(why.clone())),
        }
    }

    /// It ends here.
    pub(super) fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Result<(), Unmaskable> {
        match self {
            Self::Empty | Self::Opaque | Self::Refused(_) => Ok(()),
            Self::Json(masker) => masker.finish(look, out, tally),
            Self::Events(collected) => {
                put_events(std::mem::take(&mut collected.bytes), look, out, tally)
            }
            Self::Whole(form, collected) => {
                let text = utf8(std::mem::take(&mut collected.bytes))?;
                tally.usage.rows += text.lines().count() as u64;
                let masked = look.masked_document(&text, *form, ValueContext::NONE, tally)?;
                out.extend_from_slice(masked.unwrap_or(text).as_bytes());
                Ok(())
            }
        }
    }
}

/// Whole lines of a stream of events. What an event carries is JSON or text.
fn put_events(
    lines: Vec<u8>,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally,
) -> Result<(), Unmaskable> {
    let lines = utf8(lines)?;
    for line in lines.split_inclusive('\n') {
        let Some(data) = line.strip_prefix("data:") else {
            put_text(line, look, out, tally)?;
            continue;
        };
        tally.usage.rows += 1;
        out.extend_from_slice(b"data:");
        if serde_json::from_str::<serde::de::IgnoredAny>(data).is_err() {
            put_text(data, look, out, tally)?;
            continue;
        }
        let mut document = JsonMasker::new(Documents::One, data.len());
        document.push(data.as_bytes(), look, out, tally)?;
        document.finish(look, out, tally)?;
    }
    Ok(())
}

fn put_text(
    text: &str,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally,
) -> Result<(), Unmaskable> {
    let masked = look.masked_document(text, Container::Text, ValueContext::NONE, tally)?;
    out.extend_from_slice(masked.as_deref().unwrap_or(text).as_bytes());
    Ok(())
}

fn utf8(bytes: Vec<u8>) -> Result<String, Unmaskable> {
    String::from_utf8(bytes).map_err(|_| Unmaskable("it is not UTF-8".to_owned()))
}

fn charset(parameters: &str) -> Option<String> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "charset").then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn is_utf8(charset: &str) -> bool {
    matches!(charset, "utf-8" | "utf8" | "us-ascii" | "ascii")
}
