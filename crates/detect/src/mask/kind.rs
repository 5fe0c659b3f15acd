//! Types of values, as far as a replacement has to fit them.

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValueKind {
    /// Text in whatever form.
    Text,
    /// A whole number of so many bytes.
    Integer {
        /// 2, 4 or 8.
        bytes: u8,
    },
    /// Any other number, or one whose width is not known.
    Number,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A moment, `YYYY-MM-DD HH:MM:SS` (or with `T`), with or without fraction and zone.
    Timestamp,
    /// A UUID.
    Uuid,
    /// A network address, with or without the length of its prefix.
    Inet,
    /// A truth value.
    Bool,
    /// A JSON document.
    Json,
    /// Everything else.
    Other,
}
