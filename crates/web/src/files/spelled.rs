//! What a list says item by item: bytes as numbers (`Buffer.toJSON` of Node), letters as texts.

use super::begins::{begins_surely, is_known};
use super::codes::text_of;

/// What the items of a list say so far, put together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelled {
    said: Vec<u8>,
    items: usize,
}

/// A list of fewer items says nothing.
const ITEMS_MIN: usize = 8;
/// A list of fewer numbers is no file.
const FILE_ITEMS_MIN: usize = 16;

impl Spelled {
    /// The letter that a text is; none where it is more than one, or none.
    pub(crate) fn letter(text: &str) -> Option<&[u8]> {
        let mut letters = text.chars();
        (letters.next().is_some() && letters.next().is_none()).then_some(text.as_bytes())
    }

    /// With one item more; none where that is neither a byte nor a letter.
    pub(crate) fn with(mut self, item: Option<&[u8]>) -> Option<Self> {
        self.said.extend_from_slice(item?);
        self.items += 1;
        Some(self)
    }

    /// The text that it says, or that it is a file; none where it is numbers like others.
    pub(crate) fn into_text(self) -> Option<Result<String, ()>> {
        if self.items < ITEMS_MIN {
            return None;
        }
        let is_long = self.items >= FILE_ITEMS_MIN;
        // Many lists of numbers begin with a few zeros.
        let begins = is_known(&self.said) && !self.said.starts_with(&[0; 2]);
        match is_long && (begins || begins_surely(&self.said)) {
            true => Some(Err(())),
            false => text_of(self.said).map(Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<Result<String, ()>> {
        let mut items = bytes.iter().map(std::slice::from_ref);
        items.try_fold(Spelled::default(), |list, item| list.with(Some(item)))?.into_text()
    }

    #[test]
    fn a_list_says_a_text_a_file_or_numbers() {
        assert_eq!(of(b"salary: 4711"), Some(Ok("salary: 4711".to_owned())));
        assert_eq!(of(b"\x89PNG\r\n\x1a\n and so on"), Some(Err(())));
        assert_eq!(of(b"s\0a\0l\0a\0r\0y\0:\x004\x007\0"), Some(Err(())));
        assert_eq!(of(b"short"), None);
        assert_eq!(of(&[1, 2, 3, 255, 0, 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]), None);
        assert_eq!(of(&[0; 40]), None);
        assert_eq!(Spelled::letter("é"), Some("é".as_bytes()));
        assert_eq!((Spelled::letter("ab"), Spelled::letter("")), (None, None));
        assert!(Spelled::default().with(None).is_none());
    }
}
