//! What a value is, as far as masking must know: protocols map their types to it.

/// How a value is written on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// As people read it.
    Text,
    /// As the protocol packs it.
    Binary,
}

/// The type of a value. When in doubt it is [`ValueKind::Other`]: that is masked as NULL,
/// which is valid in every type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValueKind {
    /// Text whose bytes are the characters themselves, in whatever form.
    Text,
    /// A whole number of so many bytes; binary is two's complement, high byte first.
    Integer {
        /// 2, 4 or 8.
        bytes: u8,
        /// Its form.
        form: Form,
    },
    /// Any other number.
    Number,
    /// A day; text is `YYYY-MM-DD`, binary is days from 2000-01-01 in four bytes, high first.
    Date(Form),
    /// A moment; text is `YYYY-MM-DD HH:MM:SS`, with or without fraction and zone, binary is
    /// microseconds from 2000-01-01 in eight bytes, high first.
    Timestamp(Form),
    /// A UUID; binary is its 16 bytes.
    Uuid(Form),
    /// A network address.
    Inet,
    /// A truth value.
    Bool,
    /// A JSON document; binary is its text behind a byte 1.
    Json(Form),
    /// Raw bytes.
    Bytes,
    /// Everything else: arrays, composites, ranges, what nobody knows.
    Other,
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use]
pub enum Masked {
    /// The bytes to send were appended to the output.
    Replaced,
    /// Nothing was appended: NULL is to be sent.
    Null,
}
