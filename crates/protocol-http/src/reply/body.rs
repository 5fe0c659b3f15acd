//! Bodies, by what they say that they are.

use super::json::{Documents, JsonMasker};
use super::look::Look;
use super::tally::Tally;
use http::{HeaderMap, StatusCode, header};
use portreeve_screen::Form;
use portreeve_session::Unmaskable;

/// Whether anything of a route is classified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Classified {
    Nothing,
    Something,
}

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
    Whole(Form, Collected),
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
        classified: Classified,
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
        if fields.get_all(header::CONTENT_TYPE).iter().nth(1).is_some() {
            return opaque("it says two things of what it is".to_owned());
        }
        let whole = |form| Self::Whole(form, Collected::new(value_bytes_max));
        // Names of fields are read in JSON alone: other records could show what is classified.
        let records = |form| match classified {
            Classified::Something => {
                opaque(format!("classified fields are masked in JSON, not in `{kind}`"))
            }
            Classified::Nothing => whole(form),
        };
        match kind {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines" => {
                Self::Json(Box::new(JsonMasker::new(Documents::Many, value_bytes_max)))
            }
            "text/event-stream" => Self::Events(Collected::new(value_bytes_max)),
            "text/csv" | "text/tab-separated-values" => records(Form::Csv),
            "application/xml" | "text/xml" => records(Form::Xml),
            "application/x-www-form-urlencoded"
            | "application/javascript"
            | "text/javascript"
            | "application/yaml"
            | "application/x-yaml"
            | "text/yaml"
            | "application/sql" => records(Form::Text),
            "application/json" | "text/json" | "application/x-json" => {
                Self::Json(Box::new(JsonMasker::new(Documents::One, value_bytes_max)))
            }
            kind if kind.ends_with("+json") => {
                Self::Json(Box::new(JsonMasker::new(Documents::One, value_bytes_max)))
            }
            kind if kind.ends_with("+xml") => records(Form::Xml),
            kind if kind.starts_with("text/") => whole(Form::Text),
            kind => opaque(format!("nobody can look into `{kind}`")),
        }
    }

    /// Masks some of it.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
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
                // Whole events only: what they carry may stand on several lines.
                let ready = collected.bytes.drain(..events_end(&collected.bytes)).collect();
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
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        match self {
            Self::Empty | Self::Opaque | Self::Refused(_) => Ok(()),
            Self::Json(masker) => masker.finish(look, out, tally),
            Self::Events(collected) => {
                put_events(std::mem::take(&mut collected.bytes), look, out, tally)
            }
            Self::Whole(form, collected) => {
                let text = utf8(std::mem::take(&mut collected.bytes))?;
                tally.usage.rows +=
                    text.split(['\n', '\r']).filter(|line| !line.is_empty()).count() as u64;
                if is_json(&text) {
                    // It is what it is, whatever its type says.
                    return put_json(&text, look, out, tally);
                }
                let masked = look.masked_document(&text, *form, tally);
                out.extend_from_slice(masked.unwrap_or(text).as_bytes());
                Ok(())
            }
        }
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn put_json(
    text: &str,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    let mut document = JsonMasker::new(Documents::One, text.len());
    document.push(text.as_bytes(), look, out, tally)?;
    document.finish(look, out, tally)
}

/// Where the last whole event ends: behind an empty line, in either spelling of line ends.
fn events_end(bytes: &[u8]) -> usize {
    let end = |line: &[u8]| {
        bytes.windows(line.len()).rposition(|found| found == line).map_or(0, |at| at + line.len())
    };
    end(b"\n\n").max(end(b"\n\r\n"))
}

/// Whole events of a stream. What an event carries, on one line or several, is JSON or text.
fn put_events(
    events: Vec<u8>,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    let events = utf8(events)?.replace("\r\n", "\n");
    if events.contains('\r') || events.starts_with('\u{feff}') {
        return Err(Unmaskable("its lines end in a way that is not read".to_owned()));
    }
    for event in events.split_inclusive("\n\n") {
        let mut data: Vec<&str> = Vec::new();
        let mut rest = String::new();
        for line in event.lines() {
            match line.strip_prefix("data:") {
                Some(value) => data.push(value.strip_prefix(' ').unwrap_or(value)),
                None if line == "data" => data.push(""),
                None => {
                    rest.push_str(line);
                    rest.push('\n');
                }
            }
        }
        put_event(&rest, &data, look, out, tally)?;
    }
    Ok(())
}

fn put_event(
    rest: &str,
    data: &[&str],
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    let (fields, end) = match rest.strip_suffix("\n\n") {
        Some(fields) => (format!("{fields}\n"), "\n"),
        None if rest == "\n" => (String::new(), "\n"),
        None => (rest.to_owned(), ""),
    };
    let shown = look.masked_document(&fields, Form::Text, tally);
    out.extend_from_slice(shown.unwrap_or(fields).as_bytes());
    if !data.is_empty() {
        tally.usage.rows += 1;
        let carried = data.join("\n");
        let mut masked = Vec::new();
        match is_json(&carried) {
            true => put_json(&carried, look, &mut masked, tally)?,
            false => {
                let shown = look.masked_document(&carried, Form::Text, tally);
                masked.extend_from_slice(shown.unwrap_or(carried).as_bytes());
            }
        }
        for line in utf8(masked)?.split('\n') {
            out.extend_from_slice(format!("data: {line}\n").as_bytes());
        }
    }
    out.extend_from_slice(end.as_bytes());
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
