//! Bodies, by what they say that they are.

use super::head::{Of, ReplyHead, put_fields};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portreeve_screen::Form;
use portreeve_session::Unmaskable;
use portreeve_web::masking::{
    Collected, Documents, Events, JsonMasker, Known, Look, Tally, is_json, put_json,
};
use portreeve_web::multipart::{Part, boundary as boundary_of, parts};
use portreeve_web::{Address, Decoding, Rooms, Strike, charset};
use std::borrow::Cow;

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
    /// Its first bytes, until they are known to be more than a byte order mark; none behind them.
    start: Option<Vec<u8>>,
    form: BodyForm,
    /// The head in front of it, where nothing of it can show before its end: what cannot be
    /// masked is then a refusal, and no answer that breaks off.
    pub(super) head: Option<ReplyHead>,
    /// What takes the credential out of bytes that nobody looks into, once some have come.
    strike: Option<Strike>,
}

/// SPEC: RFC 8259 section 8.1: whoever reads a text may leave it out. It says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    /// The same, of long lines that are folded (RFC 5545, 6350): they are put together first.
    Folded(Collected),
    /// Several parts, each by what it says that it is.
    Parts(Parts),
    /// Nobody can look into it, and policy lets it pass.
    Opaque,
    /// Nobody can look into it.
    Refused(String),
}

/// A body of several parts, and what they are masked by.
#[derive(Debug)]
struct Parts {
    collected: Collected,
    boundary: String,
    passes: (Classified, bool),
    value_bytes_max: usize,
}

impl Parts {
    fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let boundary = &self.boundary;
        let body = self.collected.take_bytes();
        let found = parts(&body, boundary);
        let found =
            found.ok_or_else(|| Unmaskable("its parts have more than one reading".into()))?;
        for part in found {
            tally.usage.rows += 1;
            if part.is_of_a_form() && !part.is_clear() {
                return Err(Unmaskable("the name of a part has more than one reading".into()));
            }
            out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            put_fields(&part.fields, Of::Part, look, out, tally)?;
            out.extend_from_slice(b"\r\n");
            let kind = part.fields.get(header::CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let mut fields = part.fields.clone();
            if kind.is_empty() && part.file_name().is_none() {
                // SPEC: RFC 2046 section 5.1: without a type it is text.
                fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            }
            let within = (self.value_bytes_max, Rooms::default());
            let mut inner = match boundary_of(kind).is_some() {
                true => return Err(Unmaskable("its parts have parts".into())),
                false => Body::of(StatusCode::OK, &fields, self.passes, within),
            };
            match masked_whole(&part, look, tally) {
                Some(masked) => out.extend_from_slice(masked.as_bytes()),
                None => {
                    inner.push(part.body, look, out, tally)?;
                    inner.finish(look, out, tally)?;
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(())
    }
}

/// What stands in the place of a part that is masked by its name; none where it is looked into.
fn masked_whole(part: &Part<'_>, look: &Look<'_>, tally: &mut Tally<'_>) -> Option<String> {
    let known = look.names.known(part.name().unwrap_or_default());
    match known {
        Known::Masked(_) | Known::Called(_) => {
            let text = String::from_utf8_lossy(part.body);
            Some(look.mask(&known.category_of(&text)?, &text, tally))
        }
        Known::Shown | Known::Written(_) | Known::Nothing => None,
    }
}

impl Body {
    /// What a body of this status under these fields is.
    pub(crate) fn of(
        status: StatusCode,
        fields: &HeaderMap,
        passes: (Classified, bool),
        within: (usize, Rooms),
    ) -> Self {
        let mut codings = Vec::new();
        for value in fields.get_all(header::CONTENT_ENCODING) {
            codings.push(value.to_str().unwrap_or("?").to_ascii_lowercase());
        }
        let kind = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let charset = kind.and_then(|kind| charset(&kind.to_ascii_lowercase()));
        match Decoding::of(&codings.join(","), charset.as_deref()) {
            Ok(decoding) => {
                let form = BodyForm::of(status, fields, passes, within);
                let start = (!matches!(form, BodyForm::Opaque)).then(Vec::new);
                Self { decoding, start, form, head: None, strike: None }
            }
            // What a client gets says nothing of a coding: it could not read it either.
            Err(why) => {
                let form = BodyForm::Refused(why);
                let decoding = Decoding::default();
                Self { decoding, start: None, form, head: None, strike: None }
            }
        }
    }

    /// Bytes that wait for its end.
    pub(super) fn kept_bytes(&self) -> usize {
        match &self.form {
            BodyForm::Whole(_, collected) | BodyForm::Folded(collected) => collected.len(),
            BodyForm::Parts(parts) => parts.collected.len(),
            _ => 0,
        }
    }

    /// Whether nothing of it can show before its end.
    pub(super) const fn waits_for_end(&self) -> bool {
        matches!(self.form, BodyForm::Whole(..) | BodyForm::Folded(_) | BodyForm::Parts(_))
    }

    /// Takes the target's credential out of what has been put behind `from`, where nobody has
    /// looked into it.
    pub(super) fn strike(&mut self, address: &Address, from: usize, out: &mut Vec<u8>) {
        if !matches!(self.form, BodyForm::Opaque | BodyForm::Parts(_)) {
            return;
        }
        if self.strike.is_none() {
            self.strike = address.strike();
        }
        if let Some(strike) = &mut self.strike {
            let data = Bytes::from(out.split_off(from));
            out.extend_from_slice(&strike.push(data));
        }
    }

    /// What of that has waited for its end.
    pub(super) fn strike_end(&mut self, out: &mut Vec<u8>) {
        if let Some(strike) = &mut self.strike {
            out.extend_from_slice(&strike.finish());
        }
    }

    /// How many bytes there may be to look through where so many came.
    pub(super) fn work_bytes(&self, came: usize) -> usize {
        if self.decoding.is_needed() { usize::MAX } else { came }
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
            false => {
                let plain = self.decoding.push(data)?;
                self.form.push(&behind_mark(&mut self.start, plain), look, out, tally)
            }
        }
    }

    /// It ends here.
    pub(super) fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let plain = self.decoding.finish()?.into();
        self.form.push(&behind_mark(&mut self.start, plain), look, out, tally)?;
        self.form.push(&self.start.take().unwrap_or_default(), look, out, tally)?;
        self.form.finish(look, out, tally)
    }
}

/// The next bytes of a text, without a mark in front of the first.
fn behind_mark<'d>(start: &mut Option<Vec<u8>>, plain: Cow<'d, [u8]>) -> Cow<'d, [u8]> {
    let Some(mut first) = start.take() else { return plain };
    first.extend_from_slice(&plain);
    if first.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&first) {
        *start = Some(first);
        return Cow::Borrowed(&[]);
    }
    Cow::Owned(match first.starts_with(BYTE_ORDER_MARK) {
        true => first.split_off(BYTE_ORDER_MARK.len()),
        false => first,
    })
}

/// SPEC: RFC 9112 section 6.3.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl BodyForm {
    fn of(
        status: StatusCode,
        fields: &HeaderMap,
        (classified, passes_opaque): (Classified, bool),
        (value_bytes_max, rooms): (usize, Rooms),
    ) -> Self {
        if has_no_body(status) {
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
        let is_several = status != StatusCode::PARTIAL_CONTENT && kind.starts_with("multipart/");
        let written = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if let Some(boundary) = written.and_then(boundary_of).filter(|_| is_several) {
            return Self::Parts(Parts {
                collected: Collected::new(value_bytes_max, rooms),
                boundary: boundary.to_owned(),
                passes: (classified, passes_opaque),
                value_bytes_max,
            });
        }
        let whole = |form| Self::Whole(form, Collected::new(value_bytes_max, rooms.clone()));
        let json = |documents| {
            Self::Json(Box::new(JsonMasker::new(documents, value_bytes_max, rooms.clone())))
        };
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
            | "application/json-lines" => json(Documents::Many),
            "text/event-stream" => Self::Events(Events::new(value_bytes_max, rooms)),
            "text/csv" | "text/tab-separated-values" => records(Form::Csv),
            "application/xml" | "text/xml" => records(Form::Xml),
            "application/x-www-form-urlencoded"
            | "application/javascript"
            | "text/javascript"
            | "application/yaml"
            | "application/x-yaml"
            | "text/yaml"
            | "application/sql" => records(Form::Text),
            "application/json" | "text/json" | "application/x-json" => json(Documents::One),
            kind if kind.ends_with("+json") => json(Documents::One),
            kind if kind.ends_with("+xml") => records(Form::Xml),
            // What stands there is written in another form than it is read.
            "text/rtf" => opaque("nobody can look into `text/rtf`".to_owned()),
            "text/calendar" | "text/vcard" | "text/x-vcard" | "text/directory" => {
                Self::Folded(Collected::new(value_bytes_max, rooms))
            }
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
            Self::Whole(_, collected) | Self::Folded(collected) => collected.add(data),
            Self::Parts(parts) => parts.collected.add(data),
            Self::Events(events) => {
                let whole = events.push(data)?;
                events.put(&whole, look, out, tally)
            }
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
            Self::Events(events) => {
                let rest = events.finish()?;
                events.put(&rest, look, out, tally)
            }
            Self::Parts(parts) => parts.finish(look, out, tally),
            Self::Folded(collected) => {
                let text = unfolded(&collected.take()?);
                tally.usage.rows += rows(&text);
                let masked = look.masked_document(&text, Form::Text, tally)?;
                out.extend_from_slice(masked.unwrap_or(text).as_bytes());
                Ok(())
            }
            Self::Whole(form, collected) => {
                let text = collected.take()?;
                tally.usage.rows += rows(&text);
                if is_json(&text) {
                    // It is what it is, whatever its type says.
                    return put_json(&text, look, out, tally);
                }
                let masked = look.masked_document(&text, *form, tally)?;
                out.extend_from_slice(masked.unwrap_or(text).as_bytes());
                Ok(())
            }
        }
    }
}

/// How many rows a text has: lines, or rows of tables where there are more of these.
fn rows(text: &str) -> u64 {
    let lines = text.split(['\n', '\r']).filter(|line| !line.is_empty()).count();
    let marked = text.match_indices('<').filter(|(at, _)| {
        let tag = text.get(at + 1..at + 3).unwrap_or_default();
        ["tr", "li"].iter().any(|it| tag.eq_ignore_ascii_case(it))
    });
    lines.max(marked.count()) as u64
}

/// A text whose lines that begin with a space belong to the line before.
fn unfolded(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.replace("\n ", "").replace("\n\t", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    use portreeve_decide::mask::{MaskKey, Masker};
    use portreeve_model::{Category, MaskMethod, Object};
    use portreeve_screen::{Place, TextScreen};
    use portreeve_web::masking::Names;
    use std::collections::HashMap;
    use std::sync::Arc;

    /// Names of which these are classified.
    struct IncomeAndUser;

    impl Names for IncomeAndUser {
        fn known(&self, path: &str) -> Known {
            match path.rsplit('.').next() {
                Some("salary") => Known::Masked(Category::from("income")),
                Some("x-user") => Known::Masked(Category::from("email")),
                _ => Known::Nothing,
            }
        }

        fn named_in(&self, text: &str) -> Option<Category> {
            text.contains("salary").then(|| Category::from("income"))
        }

        fn reveals(&self, _: &Object, _: &Category) -> bool {
            false
        }

        fn passes_opaque(&self) -> bool {
            false
        }

        fn without_credential(&self, _: &str) -> Option<String> {
            None
        }
    }

    fn masked_parts(head: &str) -> String {
        let masker = Masker::new(HashMap::new(), MaskMethod::Redact, MaskKey::new([7; 32]));
        let look = Look { names: &IncomeAndUser, masker: &masker };
        let mut screen = TextScreen::new(&Arc::default(), Place::unnamed("body"), &[]);
        let (mut out, mut tally) = (Vec::new(), Tally::new(&mut screen));
        let mut fields = HeaderMap::new();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=x");
        fields.insert(header::CONTENT_TYPE, kind);
        let within = (10_000, Rooms::default());
        let mut body =
            Body::of(StatusCode::OK, &fields, (super::Classified::Something, false), within);
        let text = format!("--x\r\n{head}\r\n\r\nhello\r\n--x--\r\n");
        body.push(text.as_bytes(), &look, &mut out, &mut tally).unwrap();
        body.finish(&look, &mut out, &mut tally).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_head_of_a_part_shows_no_more_than_that_of_an_answer() {
        let check = |head: &str, expect: &str| {
            let expect = format!("--x\r\n{expect}\r\n\r\nhello\r\n--x--\r\n");
            assert_eq!(masked_parts(head), expect);
        };
        check("salary: 4711", "salary: [income]");
        check("x-user: ann lovelace", "x-user: [email]");
        check("x-note: salary=4711", "x-note: [income]");
        check("etag: abc\r\nset-cookie: a=b\r\nx-a: b", "x-a: b");
        check(
            "content-disposition: form-data; name=\"a\"; salary=4711",
            "content-disposition: form-data; name=\"a\"; salary=\"[income]\"",
        );
        check(
            "content-disposition: form-data; name=\"a\"; filename=\"salary-4711.txt\"\r\n\
             content-type: text/plain",
            "content-disposition: form-data; name=\"a\"; filename=\"[income]\"\r\n\
             content-type: text/plain",
        );
        check(
            "content-disposition: form-data; name=\"a b\"",
            "content-disposition: form-data; name=\"a b\"",
        );
    }

    #[test]
    fn rows_of_a_table_stand_on_one_line_too() {
        assert_eq!((rows("a\n\nb\r\n"), rows("")), (2, 0));
        assert_eq!(rows(&"<TR><td>1</td></TR>".repeat(500)), 500);
        assert_eq!(rows("<ul><li>a<li>b</ul>\nc\nd"), 3);
    }

    #[test]
    fn a_mark_in_front_of_a_text_is_left_out_in_whatever_pieces() {
        let check = |text: &[u8], expect: &[u8]| {
            for step in 1..=text.len() {
                let mut start = Some(Vec::new());
                let mut out = Vec::new();
                for piece in text.chunks(step) {
                    out.extend_from_slice(&behind_mark(&mut start, piece.into()));
                }
                out.extend(start.unwrap_or_default());
                assert_eq!(out, expect, "{step}");
            }
        };
        check(b"\xef\xbb\xbf{}", b"{}");
        check(b"\xef\xbb", b"\xef\xbb");
        check(b"\xef\xbb\xbf", b"");
        check(b"\xef\xbb\xbf\xef\xbb\xbf1", b"\xef\xbb\xbf1");
        check(b"{}", b"{}");
    }
}
