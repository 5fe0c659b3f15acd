//! What a channel asks for, and its bytes for the target.

mod closed;
mod exec;
mod terminal;

pub(crate) use closed::Closed;
pub(crate) use exec::{ExecRequest, Plan, Shows};
pub(crate) use terminal::TerminalRequest;

use crate::streams::{ANSWER, END, INPUT, KEYS, WINDOW};
use crate::terminal::{Keys, Size};
use bytes::Bytes;
use portreeve_model::{Unit, Usage};
use portreeve_session::{Fault, Piece, Upload, put_stream};

/// The category of what nobody can look into.
pub(crate) const OPAQUE: &str = "opaque";

/// What is written to a command while it runs.
pub(crate) enum Input {
    Bytes(Vec<u8>),
    /// Keys of a terminal, and what they send.
    Keys(Keys, Vec<u8>),
    /// What the client's terminal would have said to a target that asked it.
    Answer(Vec<u8>),
    /// The window's size, which goes to the target by itself.
    Window(Size),
    End,
}

impl Upload for Input {
    fn read(self) -> Result<Piece, Fault> {
        let mut received = Vec::new();
        let (wire, usage) = match self {
            Self::Bytes(bytes) => {
                put_stream(INPUT, &bytes, &mut received);
                let usage = Usage::of(Unit::Messages, 1);
                (Bytes::from(bytes), usage)
            }
            Self::Keys(keys, bytes) => {
                put_stream(KEYS, keys.kept().as_bytes(), &mut received);
                (Bytes::from(bytes), Usage::of(Unit::Messages, 1))
            }
            Self::Answer(bytes) => {
                put_stream(ANSWER, &bytes, &mut received);
                (Bytes::from(bytes), Usage::default())
            }
            Self::Window(size) => {
                put_stream(WINDOW, size.to_string().as_bytes(), &mut received);
                (Bytes::new(), Usage::default())
            }
            Self::End => {
                put_stream(END, b"", &mut received);
                (Bytes::new(), Usage::default())
            }
        };
        Ok(Piece { received: received.into(), wire, usage })
    }
}
