//! Bytes, words and entities of a text: how it is walked fast, with no word on what is looked for.

pub(crate) mod bytes;
pub(crate) mod entities;
pub(crate) mod terms;
pub(crate) mod traits;
pub(crate) mod words;
