//! Bodies, by what they say that they are.

use http::{HeaderMap, StatusCode, header};
use portreeve_screen::Form;
use portreeve_session::Unmaskable;
use portreeve_web::Decoding;
use portreeve_web::masking::{
    Collected, Documents, Events, JsonMasker, Look, Tally, is_json, put_events, put_json,
};

/// Whether anything of a route is classified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Classified {
    Nothing,
    Something,
}

/// A body, as it is read and masked, and how far it has come.
#[derive(Debug)]
pub(crate) struct Body {
    decoding: Decoding,
    form: BodyForm,
}

/// How a body is masked.
#[derive(Debug)]
enum BodyForm {
    /// There is none, or there may be none.
    Empty,
    /// Streams by.
    Json(Box<JsonMasker>),
    /// Events, one after the other (`text/event-stream`).
    Events(Events),
    /// Is looked through as a whole.
    Whole(Form, Collected),
    /// Nobody can look into it, and policy lets it pass.
    Opaque,
    /// Nobody can look into it.
    Refused(String),
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
        let mut codings = Vec::new();
        for value in fields.get_all(header::CONTENT_ENCODING) {
            codings.push(value.to_str().unwrap_or("?").to_ascii_lowercase());
        }
        let kind = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let charset = kind.and_then(|kind| charset(&kind.to_ascii_lowercase()));
        match Decoding::of(&codings.join(","), charset.as_deref()) {
            Ok(decoding) => {
                let form = BodyForm::of(status, fields, classified, passes_opaque, value_bytes_max);
                Self { decoding, form }
            }
            // What a client gets says nothing of a coding: it could not read it either.
            Err(why) => Self { decoding: Decoding::default(), form: BodyForm::Refused(why) },
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
        match data.is_empty() {
            true => Ok(()),
            false => self.form.push(&self.decoding.push(data)?, look, out, tally),
        }
    }

    /// It ends here.
    pub(super) fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        self.form.push(&self.decoding.finish()?, look, out, tally)?;
        self.form.finish(look, out, tally)
    }
}

impl BodyForm {
    fn of(
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
        let Some(kind) = text(header::CONTENT_TYPE) else {
            // SPEC: RFC 9110 section 8.3: it may be anything.
            return opaque("it does not say what it is".to_owned());
        };
        let kind = kind.split(';').next().unwrap_or_default().trim();
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
            "text/event-stream" => Self::Events(Events::new(value_bytes_max)),
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

    fn push(
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
            Self::Events(events) => put_events(&events.push(data)?, look, out, tally),
            Self::Opaque => {
                out.extend_from_slice(data);
                Ok(())
            }
            Self::Refused(why) => Err(Unmaskable(why.clone())),
        }
    }

    fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        match self {
            Self::Empty | Self::Opaque | Self::Refused(_) => Ok(()),
            Self::Json(masker) => masker.finish(look, out, tally),
            Self::Events(events) => put_events(&events.finish()?, look, out, tally),
            Self::Whole(form, collected) => {
                let text = collected.take()?;
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

fn charset(kind: &str) -> Option<String> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "charset").then(|| value.trim().trim_matches('"').to_owned())
    })
}
