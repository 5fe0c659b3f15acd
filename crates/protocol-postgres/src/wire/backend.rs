//! Messages that a server sends: reading RowDescription, writing what the gateway says
//! itself.

use super::asked::SECOND;
use super::frame::{put, put_text};
use super::sqlstate::{
    FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, SYNTAX_ERROR, UNDEFINED_TABLE,
};
use portreeve_decide::sql::Unknown;
use portreeve_model::{Object, Refusal, RefusalCode};
use portreeve_sql::ResultColumn;
use portreeve_wire::{Cursor, WireError};

/// The files of PostgreSQL's source in which a text is read, and what is no text in it found,
/// before anybody knows what it names.
const GRAMMAR: [&str; 6] = ["scan.l", "scan.c", "gram.y", "gram.c", "parser.c", "mbutils.c"];

/// Reads a RowDescription.
pub(crate) fn row_description(body: &[u8]) -> Result<Vec<ResultColumn>, WireError> {
    let mut cursor = Cursor::new(body);
    let count = cursor.u16()?;
    let mut columns = Vec::with_capacity(usize::from(count).min(64));
    for _ in 0..count {
        let name = String::from_utf8_lossy(cursor.until_nul()?).as_ref().into();
        let table = cursor.u32()?;
        let attribute = cursor.u16()?.cast_signed();
        let type_code = cursor.u32()?;
        cursor.take(6)?;
        let format = cursor.u16()?.cast_signed();
        columns.push(ResultColumn { name, table, attribute, type_code, format });
    }
    cursor.finish()?;
    Ok(columns)
}

/// The fields of an error or a notice, in the server's order.
pub(crate) fn error_fields(body: &[u8]) -> Result<Vec<(u8, String)>, WireError> {
    let mut cursor = Cursor::new(body);
    let mut fields = Vec::new();
    loop {
        match cursor.u8()? {
            0 => {
                cursor.finish()?;
                return Ok(fields);
            }
            code => {
                let text = String::from_utf8_lossy(cursor.until_nul()?).into_owned();
                fields.push((code, text));
            }
        }
    }
}

/// Writes an error (`E`) or a notice (`N`).
pub(crate) fn put_report(out: &mut Vec<u8>, tag: u8, fields: &[(u8, &str)]) {
    put(out, tag, |out| {
        for (code, text) in fields {
            out.push(*code);
            put_text(out, text);
        }
        out.push(0);
    });
}

/// Writes an error of the gateway's own.
pub(crate) fn put_error(
    out: &mut Vec<u8>,
    severity: &str,
    sqlstate: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) {
    let mut fields = vec![(b'S', severity), (b'V', severity), (b'C', sqlstate), (b'M', message)];
    fields.extend(detail.map(|detail| (b'D', detail)));
    fields.extend(hint.map(|hint| (b'H', hint)));
    put_report(out, b'E', &fields);
}

/// Writes a NoticeResponse in the gateway's own words.
pub(crate) fn put_notice(out: &mut Vec<u8>, message: &str, hint: &str) {
    let message = format!("portreeve: {message}");
    let fields =
        [(b'S', "NOTICE"), (b'V', "NOTICE"), (b'C', "00000"), (b'M', &*message), (b'H', hint)];
    put_report(out, b'N', &fields);
}

/// A refusal, with what the server itself would say where the command cannot be judged.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    refusal: Refusal,
    unknown: Option<Unknown>,
    /// How long the text is that the server reads as far as its grammar goes.
    chars: Option<usize>,
}

impl Refused {
    pub(crate) fn boxed(refusal: &Refusal, unknown: Option<&Unknown>) -> Box<Self> {
        Box::new(Self { refusal: refusal.clone(), unknown: unknown.cloned(), chars: None })
    }

    /// The same of a text that the server reads with a second command behind it.
    pub(crate) fn of_text(&self, text: &str) -> Box<Self> {
        Box::new(Self { chars: Some(text.chars().count()), ..self.clone() })
    }

    /// What the server says of the text alone: where it finds the second command too early, the
    /// text has ended; where it is within quotes, it is no part of them.
    pub(crate) fn of_the_text_alone(&self, fields: Vec<(u8, String)>) -> Vec<(u8, String)> {
        let Some(chars) = self.chars else { return fields };
        let behind = (chars + 2).to_string();
        let has_ended = fields.iter().any(|(code, text)| *code == b'P' && *text == behind);
        let alone = |(code, text): (u8, String)| match code {
            b'P' if has_ended => (code, (chars + 1).to_string()),
            b'M' if has_ended => (code, text.replace("at or near \";\"", "at end of input")),
            b'M' => (code, text.replace(SECOND, "")),
            _ => (code, text),
        };
        fields.into_iter().map(alone).collect()
    }

    /// Whether an error of the server's tells what the gateway has found, and no more.
    ///
    /// SECURITY: what a text names that cannot be read here nobody has decided on. Errors of the
    /// server's scanner and grammar tell nothing of it, those of names and types do; where they
    /// are raised no client chooses. Of a system catalog that is closed, that it is not there is
    /// all that may be told.
    pub(crate) fn is_told_by(&self, fields: &[(u8, String)]) -> bool {
        let field = |code: u8| {
            fields.iter().find(|(known, _)| *known == code).map(|(_, text)| text.as_str())
        };
        let Some(unknown) = &self.unknown else { return true };
        match unknown.sqlstate {
            // It finds two commands in every text, so that only counts where they are the fault.
            SYNTAX_ERROR => field(b'F').is_some_and(|file| {
                let is_same = || field(b'M') == Some(unknown.message.as_str());
                GRAMMAR.contains(&file) || file == "postgres.c" && is_same()
            }),
            INSUFFICIENT_PRIVILEGE => field(b'C') == Some(UNDEFINED_TABLE),
            // What code raises has a context, whatever code it chooses.
            _ => {
                let class = field(b'C').and_then(|code| code.get(..2));
                class.is_some_and(|class| OF_TEXTS.contains(&class)) && field(b'W').is_none()
            }
        }
    }
}

/// Classes of errors that tell of a text: a constant that is none of its type, what is not
/// supported, a schema that is not there, names and types, what is too much.
const OF_TEXTS: [&str; 5] = ["22", "0A", "3F", "42", "54"];

/// Writes a refusal as an ordinary error. What the server would refuse as well has the
/// server's own code, words and position.
pub(crate) fn put_refused(out: &mut Vec<u8>, refused: &Refused) {
    match &refused.unknown {
        Some(unknown) if refused.refusal.code == RefusalCode::Unknown => {
            put_unknown(out, unknown, &refused.refusal);
        }
        Some(_) | None => put_refusal(out, &refused.refusal),
    }
}

fn put_unknown(out: &mut Vec<u8>, unknown: &Unknown, refusal: &Refusal) {
    let own = unknown.sqlstate == INSUFFICIENT_PRIVILEGE;
    let message =
        if own { format!("portreeve: {}", unknown.message) } else { unknown.message.clone() };
    let detail = format!("request: {}", refusal.request);
    let position = unknown.position.map(|position| position.to_string());
    let mut fields = vec![
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', unknown.sqlstate),
        (b'M', &*message),
        (b'D', &*detail),
    ];
    let near = suggestion(unknown);
    let asks_plainly = unknown.sqlstate == FEATURE_NOT_SUPPORTED;
    let hint = refusal.hint.as_deref().filter(|_| asks_plainly).or(near.as_deref());
    fields.extend(hint.map(|hint| (b'H', hint)));
    fields.extend(position.as_deref().map(|position| (b'P', position)));
    put_report(out, b'E', &fields);
}

/// What may have been meant.
fn suggestion(unknown: &Unknown) -> Option<String> {
    let near: Vec<String> = unknown.candidates.iter().map(written).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(", or ")))
}

/// Writes what the server has said of a refused text: with what may have been meant, where it
/// has no advice itself.
pub(crate) fn put_told(out: &mut Vec<u8>, fields: &[(u8, String)], refused: &Refused) {
    let mut told: Vec<(u8, &str)> =
        fields.iter().map(|(code, text)| (*code, text.as_str())).collect();
    let suggestion = refused.unknown.as_ref().and_then(suggestion);
    if let Some(suggestion) = &suggestion
        && !told.iter().any(|(code, _)| *code == b'H')
    {
        told.push((b'H', suggestion));
    }
    put_report(out, b'E', &told);
}

/// An object as a statement names it.
fn written(object: &Object) -> String {
    format!("\"{}\"", object.path.join("."))
}

/// Writes a refusal of the gateway's own.
pub(crate) fn put_refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    let sqlstate = match refusal.code {
        RefusalCode::Denied
        | RefusalCode::Unknown
        | RefusalCode::NotApproved
        | RefusalCode::ReviewPending
        | RefusalCode::LimitExceeded
        | RefusalCode::Unmaskable => "42501",
        RefusalCode::Unsupported => "0A000",
        RefusalCode::Revoked => "57P01",
        RefusalCode::Unrecordable => "58030",
        // What a driver may send again without asking.
        RefusalCode::DefinitionsChanged => "40001",
        RefusalCode::WithheldAfterChange => "55000",
    };
    let mut detail = String::new();
    if let Some(rule) = &refusal.rule {
        detail.push_str(&format!("rule: {rule}, "));
    }
    if let Some(review) = &refusal.review {
        detail.push_str(&format!("review: {review}, "));
    }
    detail.push_str(&format!("request: {}", refusal.request));
    let message = format!("portreeve: {}", refusal.message);
    // Many families have one SQLSTATE: programs tell them apart by this.
    let family = serde_json::to_value(refusal.code).unwrap_or_default();
    let mut fields = vec![
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', sqlstate),
        (b'M', &*message),
        (b'D', &*detail),
    ];
    fields.extend(refusal.hint.as_deref().map(|hint| (b'H', hint)));
    fields.extend(family.as_str().map(|family| (b'R', family)));
    put_report(out, b'E', &fields);
}

/// Writes ReadyForQuery.
pub(crate) fn put_ready(out: &mut Vec<u8>, status: u8) {
    put(out, b'Z', |out| out.push(status));
}

/// Writes a ParameterStatus.
pub(crate) fn put_parameter(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    });
}
