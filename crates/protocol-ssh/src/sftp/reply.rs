//! Answers to a client: made here, with what a target has said masked.

use super::packet::{packet, put_bytes, put_number};
use super::{Attributes, Entry, Status, VERSION, kind};
use crate::reply::letters;
use crate::request::OPAQUE;
use crate::streams::{FILE, OUTPUT};
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object, Unit, Usage};
use portreeve_screen::{Form, Masking, Place, Screen, Shown as Masks, TextScreen};
use portreeve_session::{End, Masked, Reply, Snapshot, Unmaskable, put_stream};
use std::sync::Arc;

/// By what the contents of a file, and names in a folder, are masked.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) screen: Arc<Screen>,
    pub(crate) snapshot: Arc<Snapshot>,
    /// The file or folder.
    pub(crate) object: Object,
}

/// What an answer says.
pub(crate) enum Shown<'a> {
    Version,
    Status(Status),
    Handle(u32),
    /// A file that is looked through as a whole; what may be shown of it is left in `into`.
    File {
        handle: u32,
        raw: &'a [u8],
        into: &'a mut Vec<u8>,
    },
    /// A folder whose names are looked through; what may be shown of them is left in `into`.
    Folder {
        handle: u32,
        raw: &'a [Entry],
        into: &'a mut Vec<Entry>,
    },
    /// Some of what was looked through.
    Data(&'a [u8]),
    Attributes(&'a Attributes),
    /// Of a file that would be looked through: its size is that of what would be shown.
    FileAttributes {
        attributes: &'a Attributes,
        raw: &'a [u8],
        into: &'a mut Vec<u8>,
    },
    /// A path in its one spelling.
    Path(&'a str),
    /// Some names that were looked through.
    Names(&'a [Entry]),
}

/// An answer to the request of this number.
pub(crate) struct ReplyPacket<'a> {
    pub(crate) id: u32,
    pub(crate) content: &'a Content,
    pub(crate) shown: Shown<'a>,
}

impl Reply for ReplyPacket<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let Self { id, content, shown } = self;
        let mut looked = Looked::new(content, masker);
        let (mut bytes, mut body) = (Vec::new(), Vec::new());
        let mut usage = Usage::of(Unit::Messages, 1);
        put_number(id, &mut body);
        let kind = match shown {
            Shown::Version => {
                body.clear();
                put_number(VERSION, &mut body);
                put_bytes(b"posix-rename@openssh.com", &mut body);
                put_bytes(b"1", &mut body);
                kind::VERSION
            }
            Shown::Status(status) => {
                put_status(status, status.words(), &mut body);
                kind::STATUS
            }
            Shown::Handle(handle) => {
                put_bytes(&handle.to_be_bytes(), &mut body);
                kind::HANDLE
            }
            Shown::File { handle, raw, into } => {
                usage += looked.put_file(raw, into, &mut bytes)?;
                put_bytes(&handle.to_be_bytes(), &mut body);
                kind::HANDLE
            }
            Shown::Data(data) => {
                put_bytes(data, &mut body);
                kind::DATA
            }
            Shown::Attributes(attributes) => {
                attributes.put(&mut body);
                kind::ATTRS
            }
            Shown::FileAttributes { attributes, raw, into } => {
                // What cannot be shown has the size that it has.
                let shown = looked.file(raw);
                let size = shown.as_ref().map_or(raw.len(), Vec::len) as u64;
                *into = shown.unwrap_or_default();
                Attributes { size: Some(size), ..attributes.clone() }.put(&mut body);
                kind::ATTRS
            }
            Shown::Path(path) => {
                let name = path.as_bytes().to_vec();
                let attributes = Attributes::default();
                put_names(&[Entry { line: name.clone(), name, attributes }], &mut body);
                kind::NAME
            }
            Shown::Folder { handle, raw, into } => {
                usage += looked.put_folder(raw, into, &mut bytes);
                put_bytes(&handle.to_be_bytes(), &mut body);
                kind::HANDLE
            }
            Shown::Names(entries) => {
                put_names(entries, &mut body);
                kind::NAME
            }
        };
        put_stream(OUTPUT, &packet(kind, &body), &mut bytes);
        let mut detected = Vec::new();
        looked.texts.drain(&mut detected);
        let end = Some(End::Completed);
        Ok(Masked { bytes: bytes.into(), usage, detected, end, ..Masked::default() })
    }
}

pub(crate) fn put_status(status: Status, words: &str, body: &mut Vec<u8>) {
    put_number(status.number(), body);
    put_bytes(words.as_bytes(), body);
    put_bytes(b"en", body);
}

fn put_names(entries: &[Entry], body: &mut Vec<u8>) {
    put_number(u32::try_from(entries.len()).unwrap_or(u32::MAX), body);
    for entry in entries {
        put_bytes(&entry.name, body);
        put_bytes(&entry.line, body);
        entry.attributes.put(body);
    }
}

fn lines(content: &[u8]) -> u64 {
    let ends = content.iter().filter(|byte| **byte == b'\n').count() as u64;
    ends + u64::from(content.last().is_some_and(|byte| *byte != b'\n'))
}

struct Looked<'a> {
    content: &'a Content,
    masker: &'a Masker,
    texts: TextScreen,
}

impl<'a> Looked<'a> {
    fn new(content: &'a Content, masker: &'a Masker) -> Self {
        let place = Place::of(Arc::new(content.object.clone()), "file");
        let texts = TextScreen::new(&content.screen, place, &[]).beside();
        Self { content, masker, texts }
    }

    fn text(&mut self, text: &str, form: Form) -> Option<Vec<u8>> {
        let snapshot = &self.content.snapshot;
        let reveals = |object: &Object, category: &Category| snapshot.reveals(object, category);
        let masking = Masking { masker: self.masker, reveals: &reveals };
        let mut out = Vec::new();
        match self.texts.text(text, form, &masking, &mut out) {
            Masks::AsIs => None,
            Masks::Replaced => Some(out),
            Masks::Null => Some(Vec::new()),
        }
    }

    /// Puts what may be shown of a file on record, and leaves it for what reads it.
    fn put_file(
        &mut self,
        raw: &[u8],
        into: &mut Vec<u8>,
        bytes: &mut Vec<u8>,
    ) -> Result<Usage, Unmaskable> {
        *into = self.file(raw)?;
        put_stream(FILE, into, bytes);
        Ok(Usage::of(Unit::Rows, lines(into)))
    }

    /// The same for the names in a folder.
    fn put_folder(&mut self, raw: &[Entry], into: &mut Vec<Entry>, bytes: &mut Vec<u8>) -> Usage {
        for (at, entry) in raw.iter().enumerate() {
            let names = [&entry.name, &entry.line].map(|name| std::str::from_utf8(name));
            let [name, line] = match names {
                [Ok(name), Ok(line)] => [name, line].map(|name| self.name(name)),
                // Nobody can ask for it, and it hides no other.
                _ => [(); 2].map(|()| format!("[not UTF-8, {}]", at + 1).into_bytes()),
            };
            into.push(Entry { name, line, attributes: entry.attributes.clone() });
        }
        let names: Vec<&[u8]> = into.iter().map(|entry| &entry.name[..]).collect();
        put_stream(FILE, &names.join(&b'\n'), bytes);
        Usage::of(Unit::Rows, into.len() as u64)
    }

    /// What may be shown of a file.
    fn file(&mut self, raw: &[u8]) -> Result<Vec<u8>, Unmaskable> {
        let text = std::str::from_utf8(raw).ok().filter(|text| !text.contains('\0'));
        let Some(text) = text else {
            let Content { snapshot, object, .. } = self.content;
            return match snapshot.reveals(object, &Category::from(OPAQUE)) {
                true => Ok(raw.to_vec()),
                false => Err(Unmaskable("it is not text".to_owned())),
            };
        };
        let form = form_of(self.content.object.path.last().map_or("", String::as_str));
        let plain = letters(text);
        let text = plain.as_deref().unwrap_or(text);
        Ok(self.text(text, form).unwrap_or_else(|| text.as_bytes().to_vec()))
    }

    /// What may be shown of a name.
    fn name(&mut self, name: &str) -> Vec<u8> {
        self.text(name, Form::Text).unwrap_or_else(|| name.as_bytes().to_vec())
    }
}

/// What a file is, by its name.
fn form_of(path: &str) -> Form {
    match path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("json") => Form::Json,
        Some("csv" | "tsv") => Form::Csv,
        Some("sql") => Form::Sql,
        Some("xml") => Form::Xml,
        Some(_) | None => Form::Text,
    }
}
