//! JSON, masked as it streams by: values, keys and numbers, at any depth.
//!
//! What is not masked is copied byte for byte. What is not JSON does not pass, so that nothing
//! is read in two ways (RFC 8259; of a key that comes twice, both values are masked alike).

#[cfg(test)]
mod tests;

use super::look::WITHHELD;
use super::{Known, Look, Tally, halves, number};
use crate::files::{OPAQUE, Spelled};
use crate::kept::{Kept, Rooms};
use crate::names::is_no_name;
use portreeve_decide::mask::{Form, Masked, Masker, ValueKind};
use portreeve_model::Category;
use portreeve_session::Unmaskable;

/// Deeper documents are nobody's.
const DEPTH_MAX: usize = 256;
/// So often may a document stand as a text in another one.
const NESTED_MAX: u8 = 8;

/// Keys that say what there is, and nothing of whom it is about.
const KEYS_SHOWN: [&str; 28] = [
    "amount", "city", "code", "country", "currency", "data", "day", "display", "family", "first",
    "given", "home", "id", "items", "label", "last", "middle", "mobile", "month", "name",
    "primary", "state", "street", "type", "value", "work", "year", "zip",
];

/// How many documents a text holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Documents {
    /// One.
    One,
    /// One behind the other (NDJSON).
    Many,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    Value,
    /// Or the end of an array that is empty.
    ValueOrEnd,
    Key,
    /// Or the end of an object that is empty.
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// White space, or the next document where there may be many.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Container {
    Object,
    Array,
}

#[derive(Debug)]
struct Frame {
    container: Container,
    /// Length of the path outside of it.
    path_bytes: usize,
    /// What everything in it is, where it is classified as a whole.
    category: Option<Category>,
    /// The same, where its name has the words of a classified field among others.
    called: Option<Category>,
    /// How many values stood in it so far.
    entries: usize,
}

/// A record has no more members that are records or lists: an object that has is a list of them
/// under keys, and each of the others is an item of it.
const RECORDS_MAX: usize = 32;
/// The same of members of every kind.
const MEMBERS_MAX: usize = 256;

/// A token that is not complete yet.
#[derive(Debug)]
enum Token {
    None,
    /// With its quotes; whether the last byte escapes the next.
    Text {
        is_escaping: bool,
    },
    /// A number or a literal.
    Bare,
}

/// Where a document has come to.
#[derive(Debug)]
pub struct JsonMasker {
    documents: Documents,
    value_bytes_max: usize,
    expects: Expects,
    frames: Vec<Frame>,
    /// The keys that lead here, joined by dots; arrays have no name.
    path: String,
    /// What is known of the field there, once somebody has looked: of an array it is one.
    known: Option<Known>,
    token: Token,
    bytes: Kept,
    is_started: bool,
    /// In how many other documents it stands as a text.
    nested: u8,
    /// What the list says that is being read, its items put together: bytes as numbers, or texts.
    listed: Vec<u8>,
    rooms: Rooms,
    /// A list that may say a text item by item.
    spelled: Option<SpelledList>,
}

/// A list of bytes or letters, which waits until it is known what it says.
#[derive(Debug)]
struct SpelledList {
    said: Spelled,
    /// What would be shown of it, behind what is shown of the list around it.
    shown: Kept,
    /// Where its first item begins there.
    begin: usize,
}

/// So much of what a list says is kept at most, and half of it at least: more than any credential
/// has.
const LISTED_BYTES_MAX: usize = 8 << 10;

impl JsonMasker {
    /// The beginning of a text that holds so many, of values that have at most so many bytes.
    #[must_use]
    pub fn new(documents: Documents, value_bytes_max: usize, rooms: Rooms) -> Self {
        Self {
            documents,
            value_bytes_max,
            expects: Expects::Value,
            frames: Vec::new(),
            path: String::new(),
            known: None,
            token: Token::None,
            bytes: Kept::within(rooms.clone()),
            is_started: false,
            nested: 0,
            listed: Vec::new(),
            spelled: None,
            rooms,
        }
    }

    /// A document that stands as a text in this one, under the name of that text.
    fn inner(&self, text: &str) -> Result<Self, Unmaskable> {
        if self.nested >= NESTED_MAX {
            let why = format!("documents stand in more than {NESTED_MAX} others as texts");
            return Err(Unmaskable(why));
        }
        let (path, nested) = (self.path.clone(), self.nested + 1);
        Ok(Self { path, nested, ..Self::new(Documents::One, text.len(), Rooms::default()) })
    }

    /// Masks a piece of it.
    ///
    /// # Errors
    /// It is not JSON, or something in it cannot be masked.
    pub fn push(
        &mut self,
        piece: &[u8],
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        for byte in piece {
            match self.spelled.is_some() {
                false => self.byte(*byte, look, out, tally)?,
                true => self.byte_of_list(*byte, look, out, tally)?,
            }
        }
        Ok(())
    }

    /// A byte of a list that may say a text: what is shown of it waits until that is known.
    fn byte_of_list(
        &mut self,
        byte: u8,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let mut shown = self.spelled.as_mut().map(|list| list.shown.take()).unwrap_or_default();
        self.byte(byte, look, &mut shown, tally)?;
        let Some(list) = &mut self.spelled else {
            out.append(&mut shown);
            return Ok(());
        };
        if shown.len() > self.value_bytes_max {
            let max = self.value_bytes_max;
            let why = format!("a list of bytes is longer than {max} bytes (`value_bytes_max`)");
            return Err(Unmaskable(why));
        }
        list.shown.put(shown)
    }

    /// A list begins, whose items may say a text; what is shown of it stands behind `out`.
    fn begin_list(&mut self, known: &Known, out: &[u8]) {
        let is_hidden = self.frames.last().is_some_and(|frame| frame.category.is_some());
        let outer = self.spelled.take();
        if is_hidden || *known == Known::Shown {
            return;
        }
        // What is shown of the list around it goes with it.
        let (shown, begin) = match outer {
            Some(outer) => (outer.shown, out.len()),
            None => (Kept::within(self.rooms.clone()), 0),
        };
        self.spelled = Some(SpelledList { said: Spelled::default(), shown, begin });
    }

    /// The list is over: what it says as a whole may not be shown.
    fn end_list(&mut self, look: &Look<'_>, out: &mut Vec<u8>, tally: &mut Tally<'_>) {
        let Some(list) = self.spelled.take() else { return };
        let is_hidden = match list.said.into_text() {
            Some(Ok(text)) => look.would_mask(&text, tally),
            Some(Err(())) => !look.names.passes_opaque(),
            None => false,
        };
        if is_hidden {
            tally.mask(&Category::from(OPAQUE));
            out.truncate(list.begin);
            push_json(WITHHELD, out);
        }
    }

    /// The text ends here.
    ///
    /// # Errors
    /// It ends too early.
    pub fn finish(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        if matches!(self.token, Token::Bare) {
            self.complete_bare(look, out, tally)?;
        }
        match (&self.token, self.expects) {
            (Token::None, Expects::End) => Ok(()),
            (Token::None, Expects::Value) if self.frames.is_empty() && !self.is_cut() => Ok(()),
            _ => Err(malformed("it ends in the middle")),
        }
    }

    /// An empty text is no document, and none of many.
    fn is_cut(&self) -> bool {
        self.is_started && self.documents == Documents::One
    }

    fn byte(
        &mut self,
        byte: u8,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        match &mut self.token {
            Token::Text { is_escaping } => {
                let ends = byte == b'"' && !*is_escaping;
                *is_escaping = byte == b'\\' && !*is_escaping;
                self.keep(byte)?;
                return if ends { self.complete_text(look, out, tally) } else { Ok(()) };
            }
            Token::Bare if is_bare(byte) => return self.keep(byte),
            Token::Bare => self.complete_bare(look, out, tally)?,
            Token::None => {}
        }
        self.structure(byte, look, out, tally)
    }

    fn keep(&mut self, byte: u8) -> Result<(), Unmaskable> {
        if self.bytes.bytes().len() >= self.value_bytes_max {
            let max = self.value_bytes_max;
            return Err(Unmaskable(format!(
                "a value is longer than {max} bytes (`value_bytes_max`)"
            )));
        }
        self.bytes.push(byte)
    }

    fn structure(
        &mut self,
        byte: u8,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let may_begin = matches!(self.expects, Expects::Value | Expects::ValueOrEnd)
            || (self.expects == Expects::End && self.documents == Documents::Many);
        match (byte, self.expects) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (b'{', _) if may_begin => {
                self.open(Container::Object, look, tally)?;
                self.spelled = None;
                self.expects = Expects::KeyOrEnd;
            }
            (b'[', _) if may_begin => {
                let known = self.open(Container::Array, look, tally)?;
                self.expects = Expects::ValueOrEnd;
                out.push(byte);
                self.begin_list(&known, out);
                return Ok(());
            }
            (b'"', Expects::Key | Expects::KeyOrEnd) => return self.begin(byte),
            (b'"', _) if may_begin => return self.begin(byte),
            (byte, _) if may_begin && is_bare(byte) => return self.begin(byte),
            (b':', Expects::Colon) => self.expects = Expects::Value,
            (b',', Expects::CommaOrEnd) => {
                self.expects = match self.frames.last().map(|frame| frame.container) {
                    Some(Container::Object) => Expects::Key,
                    Some(Container::Array) | None => Expects::Value,
                };
            }
            (b'}', Expects::CommaOrEnd | Expects::KeyOrEnd) => self.close(Container::Object)?,
            (b']', Expects::CommaOrEnd | Expects::ValueOrEnd) => {
                self.check_list(look)?;
                self.listed.clear();
                self.end_list(look, out, tally);
                self.close(Container::Array)?;
            }
            _ => return Err(malformed("a byte stands where it cannot")),
        }
        out.push(byte);
        Ok(())
    }

    /// An item of a list says something: a byte of a buffer, a piece of a text.
    fn list(&mut self, item: &[u8], look: &Look<'_>) -> Result<(), Unmaskable> {
        if self.frames.last().is_none_or(|it| it.container != Container::Array) {
            return Ok(());
        }
        if self.listed.len() + item.len() > LISTED_BYTES_MAX {
            self.check_list(look)?;
            // What stands at its end may go on.
            let past = self.listed.len().saturating_sub(LISTED_BYTES_MAX / 2);
            self.listed.drain(..past);
        }
        self.listed.extend_from_slice(item.get(..LISTED_BYTES_MAX / 2).unwrap_or(item));
        Ok(())
    }

    /// One item more of a list that may say a text, or of none.
    fn spell(&mut self, item: Option<&[u8]>) {
        self.spelled = self.spelled.take().and_then(|list| {
            let said = list.said.with(item)?;
            Some(SpelledList { said, ..list })
        });
    }

    /// SECURITY: a list can say item by item what opens the target (`Buffer.toJSON` of Node).
    fn check_list(&self, look: &Look<'_>) -> Result<(), Unmaskable> {
        match look.names.without_credential(&String::from_utf8_lossy(&self.listed)) {
            Some(_) => Err(Unmaskable("it lists what opens the target".to_owned())),
            None => Ok(()),
        }
    }

    fn begin(&mut self, byte: u8) -> Result<(), Unmaskable> {
        self.is_started = true;
        self.bytes.clear();
        self.token = match byte {
            b'"' => Token::Text { is_escaping: false },
            _ => Token::Bare,
        };
        self.keep(byte)
    }

    fn open(
        &mut self,
        container: Container,
        look: &Look<'_>,
        tally: &mut Tally<'_>,
    ) -> Result<Known, Unmaskable> {
        self.is_started = true;
        if self.frames.len() >= DEPTH_MAX {
            return Err(Unmaskable(format!("it is more than {DEPTH_MAX} levels deep")));
        }
        self.count_item(RECORDS_MAX, tally);
        self.listed.clear();
        let known = self.known_here(look);
        let category = self.whole_category(&known);
        let called = self.called(&known);
        let path_bytes = self.path.len();
        self.frames.push(Frame { container, path_bytes, category, called, entries: 0 });
        Ok(known)
    }

    fn close(&mut self, container: Container) -> Result<(), Unmaskable> {
        match self.frames.pop() {
            Some(frame) if frame.container == container => {
                self.path.truncate(frame.path_bytes);
                self.known = None;
                self.complete();
                Ok(())
            }
            Some(_) | None => Err(malformed("a bracket closes another one")),
        }
    }

    /// What is known of the field that the path leads to.
    fn known_here(&mut self, look: &Look<'_>) -> Known {
        self.known.get_or_insert_with(|| look.names.known(&self.path)).clone()
    }

    /// A value is over.
    fn complete(&mut self) {
        self.expects = if self.frames.is_empty() { Expects::End } else { Expects::CommaOrEnd };
    }

    /// What stands in an array is an item of it, and so is each of many documents, and what an
    /// object has more of than a record has.
    fn count_item(&mut self, members_max: usize, tally: &mut Tally<'_>) {
        let is_item = match self.frames.last_mut() {
            Some(frame) => {
                frame.entries += 1;
                frame.container == Container::Array || frame.entries > members_max
            }
            None => self.documents == Documents::Many,
        };
        tally.usage.rows += u64::from(is_item);
    }

    /// What everything here is: as its own name says, or as everything around it is.
    fn whole_category(&self, known: &Known) -> Option<Category> {
        match known {
            Known::Masked(category) => Some(category.clone()),
            Known::Called(_) | Known::Shown | Known::Written(_) | Known::Nothing => {
                self.frames.last().and_then(|frame| frame.category.clone())
            }
        }
    }

    /// What something here may be, by the words of its name, or of what it stands in.
    fn called(&self, known: &Known) -> Option<Category> {
        match known {
            Known::Called(category) => Some(category.clone()),
            Known::Masked(_) | Known::Shown | Known::Written(_) => None,
            Known::Nothing => self.frames.last().and_then(|frame| frame.called.clone()),
        }
    }

    /// What a value here is masked as.
    fn category(&self, known: &Known, text: &str) -> Option<Category> {
        let called = || Known::Called(self.called(known)?).category_of(text);
        self.whole_category(known).or_else(called)
    }

    /// Counts a value, and says what is known of it; nothing where it is done, as something else
    /// stands in its place.
    fn begin_value(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Option<Known> {
        self.count_item(MEMBERS_MAX, tally);
        tally.usage.values += 1;
        let known = self.known_here(look);
        if let Known::Written(value) = known {
            out.extend_from_slice(value.as_bytes());
            self.complete();
            return None;
        }
        Some(known)
    }

    fn complete_text(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        self.token = Token::None;
        let text = self.text()?;
        if matches!(self.expects, Expects::Key | Expects::KeyOrEnd) {
            if is_no_name(&text) {
                let why = "a name is too long, or made of too many parts";
                return Err(Unmaskable(why.to_owned()));
            }
            let base = self.frames.last().map_or(0, |frame| frame.path_bytes);
            self.path.truncate(base);
            if base > 0 {
                self.path.push('.');
            }
            let begin = self.path.len();
            self.path.push_str(&text);
            self.known = self.outer_of_key(begin, look);
            self.expects = Expects::Colon;
            match self.shown_key(&text, look, tally) {
                Some(masked) => push_json(&masked, out),
                None => out.extend_from_slice(self.bytes.bytes()),
            }
            return Ok(());
        }
        self.spell(Spelled::letter(&text));
        let Some(known) = self.begin_value(look, out, tally) else { return Ok(()) };
        match self.category(&known, &text) {
            Some(category) => {
                tally.mask(&category);
                push_masked(look.masker, &category, text.as_bytes(), ValueKind::Text, out);
            }
            // What may be seen as a text is not all that may stand in it.
            None if is_json(&text) => {
                self.put_inner(&text, look, out, tally)?;
            }
            None => {
                let masked = look.masked_text(&self.path, &known, &text, tally);
                self.list(masked.as_ref().unwrap_or(&text).as_bytes(), look)?;
                match masked {
                    Some(masked) => push_json(&masked, out),
                    None => out.extend_from_slice(self.bytes.bytes()),
                }
            }
        }
        self.complete();
        Ok(())
    }

    /// What stands in the string that is complete. Half of a letter that takes two escapes, as a
    /// text has that somebody cut off, is shown as one that nobody knows.
    fn text(&mut self) -> Result<String, Unmaskable> {
        let read: Result<String, _> = serde_json::from_slice(self.bytes.bytes());
        if let Ok(text) = read {
            return Ok(text);
        }
        let whole = halves::replaced(self.bytes.bytes());
        let text = whole.as_deref().and_then(|whole| serde_json::from_slice(whole).ok());
        let text = text.ok_or_else(|| malformed("a string is not one"))?;
        self.bytes.clear();
        for byte in whole.unwrap_or_default() {
            self.bytes.push(byte)?;
        }
        Ok(text)
    }

    /// Whether a number or a literal can be a value here: `email_sent: true` is none.
    fn is_value(&self, known: &Known, value: &serde_json::Value) -> bool {
        !value.is_boolean() || self.whole_category(known).is_some()
    }

    /// What stands in the place of a key, where something does. In what is classified as a whole a
    /// key can be a value (`{"salary": {"4711": true}}`): there only those show that somebody has
    /// named, and words that say what there is.
    fn shown_key(&self, text: &str, look: &Look<'_>, tally: &mut Tally<'_>) -> Option<String> {
        let category = self.frames.last().and_then(|frame| frame.category.as_ref());
        let is_named =
            || KEYS_SHOWN.contains(&text) || look.names.known(&self.path) != Known::Nothing;
        match category.filter(|_| !is_named()) {
            Some(category) => Some(look.mask(category, text, tally)),
            None => look.masked_text("", &Known::Nothing, text, tally),
        }
    }

    /// What is known of a key of several names (`salary.amount`) by one of the outer ones, as if
    /// objects stood in each other.
    fn outer_of_key(&self, begin: usize, look: &Look<'_>) -> Option<Known> {
        let key = self.path.get(begin..).unwrap_or_default();
        let ends = key.match_indices('.').map(|(at, _)| begin + at);
        let outer = ends.filter_map(|end| self.path.get(..end));
        let mut known = outer.map(|path| look.names.known(path));
        known.find(|known| matches!(known, Known::Masked(_) | Known::Called(_)))
    }

    /// A text that is a document itself: what is classified in it is, too.
    fn put_inner(
        &self,
        text: &str,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        let (mut inner, mut masked) = (self.inner(text)?, Vec::with_capacity(text.len()));
        inner.push(text.as_bytes(), look, &mut masked, tally)?;
        inner.finish(look, &mut masked, tally)?;
        match masked == text.as_bytes() {
            true => out.extend_from_slice(self.bytes.bytes()),
            false => push_json(&String::from_utf8_lossy(&masked), out),
        }
        Ok(())
    }

    fn complete_bare(
        &mut self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Unmaskable> {
        self.token = Token::None;
        let value: serde_json::Value = serde_json::from_slice(self.bytes.bytes())
            .map_err(|_| malformed("a value is not one"))?;
        let Some(known) = self.begin_value(look, out, tally) else { return Ok(()) };
        let byte = value.as_u64().and_then(|number| u8::try_from(number).ok());
        self.list(byte.as_slice(), look)?;
        self.spell(byte.as_ref().map(std::slice::from_ref));
        let written = String::from_utf8_lossy(self.bytes.bytes());
        match self.category(&known, &written) {
            // That there is nothing is no value of anybody.
            Some(category) if !value.is_null() && self.is_value(&known, &value) => {
                tally.mask(&category);
                push_masked(
                    look.masker,
                    &category,
                    self.bytes.bytes(),
                    ValueKind::Json(Form::Text),
                    out,
                );
            }
            _ => {
                let masked = match value.is_number() {
                    // However it is written, it is one number.
                    true => match number::written_out(&written) {
                        Some(plain) => look.masked_text(&self.path, &known, &plain, tally),
                        None => look.masked_text(&self.path, &known, &written, tally),
                    },
                    false => None,
                };
                match masked {
                    Some(masked) => push_json(&masked, out),
                    None => out.extend_from_slice(self.bytes.bytes()),
                }
            }
        }
        self.complete();
        Ok(())
    }
}

/// Whether a text is a document: an object or an array.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A document that is all there.
///
/// # Errors
/// Something in it cannot be masked.
pub fn put_json(
    text: &str,
    look: &Look<'_>,
    out: &mut Vec<u8>,
    tally: &mut Tally<'_>,
) -> Result<(), Unmaskable> {
    let mut document = JsonMasker::new(Documents::One, text.len(), Rooms::default());
    document.push(text.as_bytes(), look, out, tally)?;
    document.finish(look, out, tally)
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

fn push_masked(
    masker: &Masker,
    category: &Category,
    value: &[u8],
    kind: ValueKind,
    out: &mut Vec<u8>,
) {
    let mut masked = Vec::new();
    match masker.mask(category, value, kind, &mut masked) {
        Masked::Null => out.extend_from_slice(b"null"),
        Masked::Replaced if kind == ValueKind::Text => {
            push_json(&String::from_utf8_lossy(&masked), out);
        }
        Masked::Replaced => out.extend_from_slice(&masked),
    }
}

fn push_json(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn malformed(why: &str) -> Unmaskable {
    Unmaskable(format!("the answer says that it is JSON, and {why}"))
}
