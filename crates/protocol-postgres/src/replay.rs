//! A recording as lines for people: statements, and results as the client saw them.
//!
//! It reads only what was recorded, so what it cannot read it says so and goes on; it
//! never fails.

use crate::backend::{error_fields, row_description};
use crate::frame::{Frame, next_of};
use crate::frontend::{Frontend, read};
use bytes::{Bytes, BytesMut};
use portreeve_model::Direction;
use portreeve_wire::Cursor;
use std::collections::HashMap;

/// Follows one session's recording.
#[derive(Debug, Default)]
pub struct Replay {
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
    from_client: BytesMut,
    to_client: BytesMut,
    formats: Vec<i16>,
}

/// Longest text of one value that is shown.
const VALUE_CHARS_MAX: usize = 120;

impl Replay {
    /// Starts at the session's beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next recorded bytes and gives the lines that they complete.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8]) -> Vec<String> {
        let inbox = match direction {
            Direction::FromClient => &mut self.from_client,
            Direction::ToClient => &mut self.to_client,
            Direction::Subjects => return Vec::new(),
        };
        inbox.extend_from_slice(bytes);
        let mut run: Bytes = match crate::frame::take_whole_messages(inbox, usize::MAX) {
            Ok(run) => run,
            Err(error) => {
                inbox.clear();
                return vec![format!("? not readable: {error}")];
            }
        };
        let mut lines = Vec::new();
        while let Some(frame) = next_of(&mut run) {
            match direction {
                Direction::FromClient => self.client(&frame, &mut lines),
                Direction::ToClient => self.server(&frame, &mut lines),
                Direction::Subjects => {}
            }
        }
        lines
    }

    fn client(&mut self, frame: &Frame, lines: &mut Vec<String>) {
        match read(frame.tag, frame.body()) {
            Ok(Frontend::Query(text)) => lines.push(format!("> {text}")),
            Ok(Frontend::Parse { name, text }) => {
                self.statements.insert(name.into(), text.into());
            }
            Ok(Frontend::Bind { portal, statement, params, .. }) => {
                let text = self.statements.get(statement).cloned().unwrap_or_default();
                let params: Vec<_> = params.iter().map(|param| value(*param, 0)).collect();
                let shown = if params.is_empty() {
                    text
                } else {
                    format!("{text}  [{}]", params.join(", "))
                };
                self.portals.insert(portal.into(), shown);
            }
            Ok(Frontend::Execute { portal }) => {
                let text = self.portals.get(portal).map_or("?", String::as_str);
                lines.push(format!("> {text}"));
            }
            Ok(Frontend::CopyData) => {
                lines.push(format!("> copy data, {} bytes", frame.body().len()));
            }
            Ok(Frontend::CopyFail) => lines.push("> copy abandoned".into()),
            Ok(Frontend::Terminate) => lines.push("> goodbye".into()),
            Ok(_) => {}
            Err(error) => lines.push(format!("> not readable: {error}")),
        }
    }

    fn server(&mut self, frame: &Frame, lines: &mut Vec<String>) {
        match frame.tag {
            b'T' => match row_description(frame.body()) {
                Ok(fields) => {
                    self.formats = fields.iter().map(|field| field.format).collect();
                    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
                    lines.push(format!("  {}", names.join(" | ")));
                }
                Err(error) => lines.push(format!("  not readable: {error}")),
            },
            b'D' => lines.push(self.row(frame.body())),
            b'd' => {
                let text = String::from_utf8_lossy(frame.body());
                lines.push(format!("  {}", shorten(text.trim_end())));
            }
            b'C' => {
                let tag = String::from_utf8_lossy(frame.body());
                lines.push(format!("= {}", tag.trim_end_matches('\0')));
            }
            b's' => lines.push("= more rows wait".into()),
            b'E' | b'N' => lines.extend(report(frame)),
            b'A' => lines.push("  notification".into()),
            _ => {}
        }
    }

    fn row(&self, body: &[u8]) -> String {
        let mut cursor = Cursor::new(body);
        let count = cursor.u16().unwrap_or_default();
        let values: Vec<_> = (0..usize::from(count))
            .map_while(|column| {
                let format = self.formats.get(column).copied().unwrap_or_default();
                cursor.optional_value().ok().map(|bytes| value(bytes, format))
            })
            .collect();
        format!("  {}", values.join(" | "))
    }
}

fn value(bytes: Option<&[u8]>, format: i16) -> String {
    let Some(bytes) = bytes else { return "∅".into() };
    match std::str::from_utf8(bytes) {
        Ok(text) if format == 0 || text.chars().all(|c| !c.is_control()) => shorten(text),
        _ => bytes.iter().take(32).fold("\\x".to_owned(), |hex, byte| hex + &format!("{byte:02x}")),
    }
}

fn shorten(text: &str) -> String {
    let plain: String = text
        .chars()
        .take(VALUE_CHARS_MAX)
        // A recording must not be able to drive the terminal of whoever reads it.
        .map(|c| if c.is_control() { '·' } else { c })
        .collect();
    if text.chars().nth(VALUE_CHARS_MAX).is_some() { plain + "…" } else { plain }
}

fn report(frame: &Frame) -> Vec<String> {
    let fields = error_fields(frame.body()).unwrap_or_default();
    let field = |code: u8| {
        fields.iter().find(|(known, _)| *known == code).map_or("", |(_, text)| text.as_str())
    };
    let mut lines = vec![format!("! {} {}: {}", field(b'S'), field(b'C'), shorten(field(b'M')))];
    for (code, name) in [(b'D', "detail"), (b'H', "hint")] {
        if !field(code).is_empty() {
            lines.push(format!("!   {name}: {}", shorten(field(code))));
        }
    }
    lines
}
