//! Event streams (`text/event-stream`): what each event carries is masked as what it is.

use super::{Collected, Known, Look, Tally, is_json, put_json, utf8};
use crate::kept::Rooms;
use portreeve_model::Category;
use portreeve_screen::Form;
use portreeve_session::Unmaskable;

/// A stream of events, and how far it has come.
#[derive(Debug)]
pub struct Events {
    waiting: Collected,
    /// Of what the last event was the name, and nothing else: the next one could be its value.
    announced: Option<Category>,
}

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
        Self { waiting: Collected::new(bytes_max, rooms), announced: None }
    }

    /// More of it; gives the whole events: what they carry may stand on several lines.
    ///
    /// # Errors
    /// An event is too long, or not to be read.
    pub fn push(&mut self, data: &[u8]) -> Result<String, Unmaskable> {
        // An end may begin in what came before.
        let seen = self.waiting.kept.bytes().len().saturating_sub(3);
        self.waiting.add(data)?;
        let end = match events_end(self.waiting.kept.bytes().get(seen..).unwrap_or_default()) {
            0 => 0,
            end => seen + end,
        };
        plain_lines(self.waiting.kept.take_first(end))
    }

    /// The stream ends here; gives what is left of it.
    ///
    /// # Errors
    /// It is not to be read.
    pub fn finish(&mut self) -> Result<String, Unmaskable> {
        plain_lines(self.waiting.kept.take())
    }

    /// Events, with what they carry masked. What is on one line or several is JSON or text.
    ///
    /// # Errors
    /// Something cannot be masked.
    pub fn put(
        &mut self,
        events: &str,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        for event in Event::all(events) {
            let announced = self.announced.take();
            self.announced = event.announces(look);
            event.put(announced, look, out, tally)?;
        }
        Ok(())
    }
}

/// SPEC: HTML section 9.2.6: a line with another name is ignored by whoever reads it, and so is
/// what it says.
const FIELDS: [&str; 3] = ["event", "id", "retry"];

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
                    let name = line.split(':').next().unwrap_or_default();
                    if name.is_empty() || FIELDS.contains(&name) {
                        rest.push_str(line);
                        rest.push('\n');
                    }
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

    /// The category of what the event names and does not say: as all that it carries, or as the
    /// last of its comments.
    fn announces(&self, look: &Look<'_>) -> Option<Category> {
        let comment = self.fields.lines().rev().find_map(|line| line.strip_prefix(':'));
        let mut said = self.data.as_deref().into_iter().chain(comment);
        said.find_map(|it| {
            masked_as(look, it.trim().trim_matches([':', '"']).trim_end_matches(':'))
        })
    }

    /// Its lines without what they say, but for names of classified fields.
    fn names_alone(&self, look: &Look<'_>) -> String {
        let names = |line: &&str| {
            let named = line.strip_prefix("event:").map(str::trim);
            line.is_empty() || named.is_some_and(|name| masked_as(look, name).is_some())
        };
        let lines = self.fields.lines().filter(names);
        lines.fold(String::new(), |fields, line| fields + line + "\n")
    }

    fn put(
        &self,
        announced: Option<Category>,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        // What stands beside the data is a word, a number or a comment, each on its line.
        let values = self.fields.lines().filter_map(|line| line.split_once(':'));
        let values: Vec<&str> = values.map(|(_, value)| value.trim()).collect();
        let named = announced.or_else(|| values.iter().find_map(|it| masked_as(look, it)));
        // What is said beside a value may say it, too: an `id`, a comment.
        let fields = match &named {
            Some(_) => self.names_alone(look),
            None => {
                look.masked_document(&values.join("\n"), Form::Text, tally)?;
                self.fields.clone()
            }
        };
        let shown = look.screened_document(&fields, Form::Text, tally);
        out.extend_from_slice(shown.as_ref().unwrap_or(&fields).as_bytes());
        if let Some(carried) = &self.data {
            tally.usage.rows += 1;
            let mut masked = Vec::new();
            match named {
                Some(category) => {
                    masked.extend_from_slice(look.mask(&category, carried, tally).as_bytes());
                }
                None if is_json(carried) => put_json(carried, look, &mut masked, tally)?,
                None => {
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

/// The category of what a word names, where its value is masked.
fn masked_as(look: &Look<'_>, word: &str) -> Option<Category> {
    let is_word = !word.is_empty() && !word.contains(char::is_whitespace);
    // `salary.updated` says what of it has happened.
    let mut words = std::iter::once(word).chain(word.split(['.', ':', '/'])).filter(|_| is_word);
    words.find_map(|word| match look.names.known(word) {
        Known::Masked(category) | Known::Called(category) => Some(category),
        Known::Shown | Known::Written(_) | Known::Nothing => None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::tests::{Emails, masker, screen};

    fn masked(text: &str) -> Result<String, Unmaskable> {
        let masker = masker();
        let look = Look { names: &Emails, masker: &masker };
        let mut screen = screen();
        let (mut out, mut tally) = (Vec::new(), Tally::new(&mut screen));
        let mut events = Events::new(1000, Rooms::default());
        for piece in text.as_bytes().chunks(3) {
            let whole = events.push(piece)?;
            events.put(&whole, &look, &mut out, &mut tally)?;
        }
        let rest = events.finish()?;
        events.put(&rest, &look, &mut out, &mut tally)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_no_reader_of_events_reads_is_left_out() {
        let check = |text: &str, expect: &str| assert_eq!(masked(text).unwrap(), expect, "{text}");
        check("{\"email\": 7}\n\n", "\n");
        check("email: 7\ndata: x\n\n", "data: x\n\n");
        check("id,email\n1,7\n\ndata: x\n\n", "\ndata: x\n\n");
        check("<b>email</b>7", "");
        check(
            "id: 1\nevent: x\nretry: 5\n: hello\ndata: y\n\n",
            "id: 1\nevent: x\nretry: 5\n: hello\ndata: y\n\n",
        );
    }

    #[test]
    fn what_is_named_in_front_of_its_value_is_masked() {
        let check = |text: &str, expect: &str| assert_eq!(masked(text).unwrap(), expect, "{text}");
        check(
            "data: email\n\ndata: 7\n\ndata: 8\n\n",
            "data: email\n\ndata: [email]\n\ndata: 8\n\n",
        );
        check("data: \"email\":\n\ndata: {\"x\":7}\n\n", "data: [email]\n\ndata: [email]\n\n");
        check("event: email\ndata: 7\n\n", "event: email\ndata: [email]\n\n");
        check("data: email\ndata: 7\n\n", "data: [email]\n\n");
        check("event: email\nid: 7\n: 7\nretry: 7\ndata: 7\n\n", "event: email\ndata: [email]\n\n");
        check("event: email\nid: 7\n\n", "event: email\n\n");
        check("data: email\n\nid: 7\ndata: x\n\n", "data: email\n\ndata: [email]\n\n");
        check(": email\n\n: 7\n\n: 8\n\n", "\n\n: 8\n\n");
        check(": email\ndata: x\n\n: 7\n\n", "data: [email]\n\n\n");
        assert!(masked(": email=7\n\n").is_err());
    }
}
