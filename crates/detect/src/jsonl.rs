//! The line protocol of `portreeve detect --jsonl text|columns`: one JSON object a line in and
//! out, offsets in Unicode code points.

use crate::columns::{Column, classify};
use crate::context::value::ValueContext;
use crate::detector::Detector;
use crate::finding::Finding;
use crate::mask::{Container, Malformed, Method, detect_document, mask};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

#[derive(Deserialize)]
struct TextRow<'a> {
    id: serde_json::Value,
    #[serde(borrow)]
    text: Cow<'a, str>,
    ctx: Option<Context>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    column: Option<String>,
}

#[derive(Serialize)]
struct TextAnswer<'a> {
    id: serde_json::Value,
    spans: Spans<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<&'a str>,
}

/// One finding in the line protocol.
#[derive(Serialize)]
struct Span {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    label: &'static str,
    score: f64,
    category: &'static str,
    rule: &'static str,
}

#[derive(Deserialize)]
struct ColumnRow {
    id: serde_json::Value,
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    column: Option<String>,
    #[serde(default)]
    neighbours: Vec<String>,
    #[serde(default)]
    sample_values: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct ColumnAnswer {
    id: serde_json::Value,
    category: &'static str,
    score: f64,
    reasons: Vec<String>,
}

/// One line of `--jsonl text`, for who searches it with more than a detector.
pub struct TextLine<'a>(TextRow<'a>);

impl<'a> TextLine<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is not an object with `id` and `text`.
    pub fn read(line: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(line).map(Self)
    }

    /// The text to be searched.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The name of the column that the text is from; empty when it is from none.
    #[must_use]
    pub fn label(&self) -> &str {
        self.0.ctx.as_ref().and_then(|it| it.column.as_deref()).unwrap_or_default()
    }

    /// The line that answers it, for findings that are sorted.
    ///
    /// # Errors
    /// Never for what a line can hold.
    pub fn answer(self, found: &[Finding]) -> serde_json::Result<String> {
        let spans = Spans { text: &self.0.text, found };
        serde_json::to_string(&TextAnswer { id: self.0.id, spans, masked: None })
    }
}

/// The answer to a line that is not as the protocol wants it: its `id`, where it can be read, and
/// why. It holds no other word of the line.
#[must_use]
pub fn refused_line(line: &str, why: &str) -> String {
    #[derive(Deserialize)]
    struct Id {
        id: serde_json::Value,
    }
    let id = serde_json::from_str(line).map_or(serde_json::Value::Null, |row: Id| row.id);
    serde_json::json!({ "id": id, "error": why }).to_string()
}

/// Answers one line of `--jsonl text`.
///
/// # Errors
/// When the line is not an object with `id` and `text`.
pub fn text_line(detector: &Detector, line: &str) -> serde_json::Result<String> {
    let line = TextLine::read(line)?;
    let mut found = Vec::new();
    detector.scan_long(line.text(), ValueContext::of(line.label(), &[]), &mut found);
    line.answer(&found)
}

/// Why a line could not be masked. It holds no word of the line.
#[derive(Debug)]
pub enum LineError {
    /// The line is not an object with `id` and `text`.
    Line(serde_json::Error),
    /// The text in it is not what the container says.
    Text(Malformed),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::Text(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LineError {}

/// Answers one line of `--jsonl text` with the masked text beside the spans.
///
/// # Errors
/// When the line is not an object with `id` and `text`, or the text is not what the container says.
pub fn masked_line(
    detector: &Detector,
    line: &str,
    container: Container,
    method: &Method,
) -> Result<String, LineError> {
    let row: TextRow<'_> = serde_json::from_str(line).map_err(LineError::Line)?;
    let label = row.ctx.and_then(|c| c.column).unwrap_or_default();
    let mut found = Vec::new();
    match container {
        Container::Text => {
            detector.scan_long(&row.text, ValueContext::of(&label, &[]), &mut found);
        }
        Container::Json | Container::Csv | Container::Sql | Container::Array | Container::Xml => {
            detect_document(detector, &row.text, container, &mut found).map_err(LineError::Text)?;
        }
    }
    let masked = mask(&row.text, container, &found, method).map_err(LineError::Text)?;
    let spans = Spans { text: &row.text, found: &found };
    let answer = TextAnswer { id: row.id, spans, masked: Some(&masked.text) };
    serde_json::to_string(&answer).map_err(LineError::Line)
}

/// Answers one line of `--jsonl columns`.
///
/// # Errors
/// When the line is not an object with `id`.
pub fn column_line(line: &str) -> serde_json::Result<String> {
    let row: ColumnRow = serde_json::from_str(line)?;
    let values: Vec<String> = row
        .sample_values
        .iter()
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        .collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let neighbours: Vec<&str> = row.neighbours.iter().map(String::as_str).collect();
    let verdict = classify(&Column {
        table: row.table.as_deref().unwrap_or_default(),
        name: row.column.as_deref().unwrap_or_default(),
        values: &values,
        neighbours: &neighbours,
        ..Column::default()
    });
    serde_json::to_string(&ColumnAnswer {
        id: row.id,
        category: verdict.as_ref().map_or("NONE", |v| v.category.label()),
        score: verdict.as_ref().map_or(0.0, |v| f64::from(v.score) / 100.0),
        reasons: verdict.map(|v| v.reasons).unwrap_or_default(),
    })
}

/// Findings of a text, sorted. They are written one by one: a text may have millions.
struct Spans<'a> {
    text: &'a str,
    found: &'a [Finding],
}

impl Serialize for Spans<'_> {
    /// Byte offsets become code points in one walk over the text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut at = 0;
        let mut points = 0;
        let mut point = |byte: usize| {
            points += self.text[at..byte].chars().count();
            at = byte;
            points
        };
        serializer.collect_seq(self.found.iter().map(|f| Span {
            start: point(f.start),
            end: point(f.end),
            label: f.category.label(),
            score: f64::from(f.score) / 100.0,
            category: f.category.name(),
            rule: f.rule,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_code_points() {
        let line = r#"{"id":"a","text":"Größe: eva@example.org","lang":"de"}"#;
        let answer = text_line(&Detector::default(), line).unwrap();
        let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (value["spans"][0]["start"].as_u64(), value["spans"][0]["end"].as_u64()),
            (Some(7), Some(22))
        );
        assert_eq!(value["spans"][0]["type"], "EMAIL");
    }

    #[test]
    fn masked_text_stands_beside_the_spans() {
        let line = r#"{"id":1,"text":"{\"a\": \"eva@example.org\"}"}"#;
        let masked = |container| {
            let answer = masked_line(&Detector::default(), line, container, &Method::Redact);
            let answer: serde_json::Value = serde_json::from_str(&answer.unwrap()).unwrap();
            assert_eq!(answer["spans"][0]["start"], 7);
            answer["masked"].as_str().unwrap().to_owned()
        };
        assert_eq!(masked(Container::Json), r#"{"a": "[email]"}"#);
        assert_eq!(masked(Container::Text), r#"{"a": "[email]"}"#);
        let broken = r#"{"id":1,"text":"{\"a\": "}"#;
        let error = masked_line(&Detector::default(), broken, Container::Json, &Method::Redact);
        assert!(matches!(error, Err(LineError::Text(_))));
    }

    #[test]
    fn columns_answer_none_or_a_category() {
        let line = r#"{"id":1,"column":"e-mail","sample_values":["a@b.org",null,3]}"#;
        assert!(column_line(line).unwrap().contains("\"EMAIL\""));
        assert!(
            column_line(r#"{"id":1,"column":"x","sample_values":[]}"#).unwrap().contains("NONE")
        );
        assert!(column_line("nonsense").is_err());
    }
}
