//! Messages that a client may send, as typed views. An allow-list: anything else ends
//! the session.

use portreeve_wire::{Cursor, WireError};

/// A client message, borrowed from its frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frontend<'a> {
    Query(&'a str),
    Parse {
        name: &'a str,
        text: &'a str,
        /// The types of parameters that the client knows; 0 where it does not.
        types: Vec<u32>,
    },
    Bind {
        portal: &'a str,
        statement: &'a str,
        /// None, one for all, or one for each parameter.
        param_formats: Vec<i16>,
        params: Vec<Option<&'a [u8]>>,
        formats: Vec<i16>,
    },
    DescribeStatement(&'a str),
    DescribePortal(&'a str),
    Execute {
        portal: &'a str,
    },
    CloseStatement(&'a str),
    ClosePortal(&'a str),
    Flush,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    Terminate,
    /// A fast-path call: names a function by number, so there is nothing to decide on.
    FunctionCall,
}

/// Why a client message is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrontendError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("unknown message type `{}`", char::from(*.0).escape_default())]
    Tag(u8),
    #[error("unknown kind `{}` in a message", char::from(*.0).escape_default())]
    Kind(u8),
}

/// Reads a message body.
pub(crate) fn read(tag: u8, body: &[u8]) -> Result<Frontend<'_>, FrontendError> {
    let mut cursor = Cursor::new(body);
    let message = match tag {
        b'Q' => Frontend::Query(cursor.text()?),
        b'P' => {
            let (name, text) = (cursor.text()?, cursor.text()?);
            let count = cursor.u16()?;
            let types = (0..count).map(|_| cursor.u32()).collect::<Result<_, _>>()?;
            Frontend::Parse { name, text, types }
        }
        b'B' => bind(&mut cursor)?,
        b'D' => match cursor.u8()? {
            b'S' => Frontend::DescribeStatement(cursor.text()?),
            b'P' => Frontend::DescribePortal(cursor.text()?),
            kind => return Err(FrontendError::Kind(kind)),
        },
        b'C' => match cursor.u8()? {
            b'S' => Frontend::CloseStatement(cursor.text()?),
            b'P' => Frontend::ClosePortal(cursor.text()?),
            kind => return Err(FrontendError::Kind(kind)),
        },
        b'E' => {
            let message = Frontend::Execute { portal: cursor.text()? };
            cursor.i32()?;
            message
        }
        b'H' => Frontend::Flush,
        b'S' => Frontend::Sync,
        b'd' => {
            cursor.rest();
            Frontend::CopyData
        }
        b'c' => Frontend::CopyDone,
        b'f' => {
            cursor.text()?;
            Frontend::CopyFail
        }
        b'X' => Frontend::Terminate,
        b'F' => {
            cursor.rest();
            Frontend::FunctionCall
        }
        tag => return Err(FrontendError::Tag(tag)),
    };
    cursor.finish()?;
    Ok(message)
}

fn bind<'a>(cursor: &mut Cursor<'a>) -> Result<Frontend<'a>, WireError> {
    let portal = cursor.text()?;
    let statement = cursor.text()?;
    let param_formats = formats(cursor)?;
    let count = cursor.u16()?;
    let params = (0..count).map(|_| cursor.optional_value()).collect::<Result<_, _>>()?;
    let formats = formats(cursor)?;
    Ok(Frontend::Bind { portal, statement, param_formats, params, formats })
}

fn formats(cursor: &mut Cursor<'_>) -> Result<Vec<i16>, WireError> {
    let count = cursor.u16()?;
    (0..count).map(|_| cursor.u16().map(u16::cast_signed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_of_a_message_must_be_accounted_for() {
        assert_eq!(read(b'Q', b"select 1\0"), Ok(Frontend::Query("select 1")));
        assert_eq!(read(b'Q', b"select 1\0x"), Err(WireError::Trailing(1).into()));
        assert_eq!(read(b'Q', b"select 1"), Err(WireError::Unterminated.into()));
        assert_eq!(read(b'Q', b"\xc3\0"), Err(WireError::NotUtf8.into()));
        assert_eq!(
            read(b'P', b"\0select\0\0\x01"),
            Err(WireError::Short { wanted: 4, left: 0 }.into())
        );
        assert_eq!(read(b'D', b"Xa\0"), Err(FrontendError::Kind(b'X')));
        assert_eq!(read(b'z', b""), Err(FrontendError::Tag(b'z')));
        assert_eq!(
            read(b'B', b"p\0s\0\0\0\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\x01"),
            Ok(Frontend::Bind {
                portal: "p",
                statement: "s",
                param_formats: vec![],
                params: vec![Some(b"x"), None],
                formats: vec![1]
            })
        );
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(tag: u8, body: Vec<u8>) {
            let _ = read(tag, &body);
        }
    }
}
