//! Event streams (`text/event-stream`): what each event carries is masked as what it is.

use super::{Collected, Look, Tally, is_json, put_json, utf8};
use crate::kept::Rooms;
use portreeve_screen::Form;
use portreeve_session::Unmaskable;

/// A stream of events, and how far it has come.
#[derive(Debug)]
pub struct Events(Collected);

/// One event, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its lines that are not data, each with its end.
    fields: String,
    /// What it carries; none where it carries nothing.
    pub data: Option<String>,
    /// What stands behind it: an empty line where it is complete.
    end: &'static str,
}

impl Events {
    /// One whose events have at most so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize, rooms: Rooms) -> Self {
        Self(Collected::new(bytes_max, rooms))
    }

    /// More of it; gives the whole events: what they carry may stand on several lines.
    ///
    /// # Errors
    /// An event is too long, or not to be read.
    pub fn push(&mut self, data: &[u8]) -> Result<String, Unmaskable> {
        // An end may begin in what came before.
        let seen = self.0.kept.bytes().len().saturating_sub(3);
        self.0.add(data)?;
        let end = match events_end(self.0.kept.bytes().get(seen..).unwrap_or_default()) {
            0 => 0,
            end => seen + end,
        };
        plain_lines(self.0.kept.take_first(end))
    }

    /// The stream ends here; gives what is left of it.
    ///
    /// # Errors
    /// It is not to be read.
    pub fn finish(&mut self) -> Result<String, Unmaskable> {
        plain_lines(self.0.kept.take())
    }
}

/// Events, with what they carry masked. What is on one line or several is JSON or text.
///
/// # Errors
/// Something cannot be masked.
pub fn put_events(
    events: &str,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    for event in Event::all(events) {
        event.put(look, out, tally)?;
    }
    Ok(())
}

impl Event {
    /// What it is called; `message` where it is not called anything.
    #[must_use]
    pub fn name(&self) -> &str {
        let mut named = self.fields.lines().filter_map(|line| line.strip_prefix("event:"));
        named.next_back().map_or("message", str::trim)
    }

    /// The events of a text, one after the other.
    pub fn all(events: &str) -> impl Iterator<Item = Self> {
        events.split_inclusive("\n\n").map(Self::read)
    }

    fn read(event: &str) -> Self {
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
        let (fields, end) = match rest.strip_suffix("\n\n") {
            Some(fields) => (format!("{fields}\n"), "\n"),
            None if rest == "\n" => (String::new(), "\n"),
            None => (rest, ""),
        };
        let data = (!data.is_empty()).then(|| data.join("\n"));
        Self { fields, data, end }
    }

    fn put(
        &self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        for value in self.fields.lines().filter_map(|line| line.split_once(':')) {
            // What stands beside the data is a word, a number or a comment.
            look.masked_document(value.1, Form::Text, tally)?;
        }
        let shown = look.screened_document(&self.fields, Form::Text, tally);
        out.extend_from_slice(shown.as_ref().unwrap_or(&self.fields).as_bytes());
        if let Some(carried) = &self.data {
            tally.usage.rows += 1;
            let mut masked = Vec::new();
            match is_json(carried) {
                true => put_json(carried, look, &mut masked, tally)?,
                false => {
                    let shown = match look.named(carried) {
                        Some(category) => Some(look.mask(&category, carried, tally)),
                        None => look.screened_document(carried, Form::Text, tally),
                    };
                    masked.extend_from_slice(shown.as_ref().unwrap_or(carried).as_bytes());
                }
            }
            put_event_data(&utf8(masked)?, out);
        }
        out.extend_from_slice(self.end.as_bytes());
        Ok(())
    }
}

/// What an event carries, on as many lines as it needs.
pub fn put_event_data(data: &str, out: &mut Vec<u8>) {
    for line in data.split('\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
}

/// Where the last whole event ends: behind an empty line, in either spelling of line ends.
fn events_end(bytes: &[u8]) -> usize {
    let end = |line: &[u8]| {
        bytes.windows(line.len()).rposition(|found| found == line).map_or(0, |at| at + line.len())
    };
    end(b"\n\n").max(end(b"\n\r\n"))
}

fn plain_lines(events: Vec<u8>) -> Result<String, Unmaskable> {
    let events = utf8(events)?.replace("\r\n", "\n");
    if events.contains('\r') || events.starts_with('\u{feff}') {
        return Err(Unmaskable("its lines end in a way that is not read".to_owned()));
    }
    Ok(events)
}
