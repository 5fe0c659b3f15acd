//! Bounded reading of bytes from outside (floor 0).
//!
//! [`Cursor`] walks a message that is wholly in memory. It never panics, never reads
//! past the end, and never trusts a length that it has not compared with what is
//! there. It is not a stream: how many bytes make a message is the protocol's matter.
//!
//! ```
//! use portreeve_wire::Cursor;
//!
//! let mut cursor = Cursor::new(b"\x00\x02ab\x00rest");
//! assert_eq!(cursor.u16(), Ok(2));
//! assert_eq!(cursor.until_nul(), Ok(&b"ab"[..]));
//! assert_eq!(cursor.rest(), b"rest");
//! ```

pub mod proxy_header;

use thiserror::Error;

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum WireError {
    /// Fewer bytes than the message's own lengths ask for.
    #[error("message ends early: `{wanted}` bytes wanted, `{left}` left")]
    Short {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes left.
        left: usize,
    },
    /// A string without its terminating zero byte.
    #[error("string without terminator")]
    Unterminated,
    /// A negative length where none is allowed.
    #[error("negative length `{0}`")]
    Negative(i64),
    /// Bytes after the end of the message's last field.
    #[error("`{0}` bytes after the end of the message")]
    Trailing(usize),
    /// Text that is not UTF-8.
    #[error("text is not valid UTF-8")]
    NotUtf8,
}

/// Reads fields from a message, front to back.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// Takes exactly `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let Some((taken, left)) = self.left.split_at_checked(count) else {
            return Err(WireError::Short { wanted: count, left: self.left.len() });
        };
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((taken, left)) = self.left.split_first_chunk::<N>() else {
            return Err(WireError::Short { wanted: N, left: self.left.len() });
        };
        self.left = left;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes, big-endian, signed.
    pub fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A value whose signed 32-bit length goes before it; `-1` is an absent one.
    pub fn optional_value(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length =
                    usize::try_from(length).map_err(|_| WireError::Negative(length.into()))?;
                self.take(length).map(Some)
            }
        }
    }

    /// The bytes before the next zero byte; takes the zero byte too.
    pub fn until_nul(&mut self) -> Result<&'a [u8], WireError> {
        let end = self.left.iter().position(|byte| *byte == 0).ok_or(WireError::Unterminated)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Ok(taken)
    }

    /// As [`Cursor::until_nul`], as text.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.until_nul()?).map_err(|_| WireError::NotUtf8)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    /// Ends the reading; anything left is an error.
    pub fn finish(self) -> Result<(), WireError> {
        match self.left.len() {
            0 => Ok(()),
            trailing => Err(WireError::Trailing(trailing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_never_trusted() {
        assert_eq!(
            Cursor::new(&[0, 0, 0, 9, 1]).optional_value(),
            Err(WireError::Short { wanted: 9, left: 1 })
        );
        assert_eq!(Cursor::new(&[0xff; 4]).optional_value(), Ok(None));
        assert_eq!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xfe]).optional_value(),
            Err(WireError::Negative(-2))
        );
        assert_eq!(Cursor::new(b"abc").until_nul(), Err(WireError::Unterminated));
        assert_eq!(Cursor::new(b"\xff\0").text(), Err(WireError::NotUtf8));
        assert_eq!(Cursor::new(b"x").finish(), Err(WireError::Trailing(1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, steps: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            for step in steps {
                let before = cursor.remaining();
                let _ = match step % 6 {
                    0 => cursor.u8().map(drop),
                    1 => cursor.u16().map(drop),
                    2 => cursor.i32().map(drop),
                    3 => cursor.optional_value().map(drop),
                    4 => cursor.text().map(drop),
                    _ => cursor.take(usize::from(step)).map(drop),
                };
                prop_assert!(cursor.remaining() <= before);
            }
        }
    }
}
