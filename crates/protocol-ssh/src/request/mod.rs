//! What a channel asks for, and its bytes for the target.

mod closed;
mod exec;

pub(crate) use closed::Closed;
pub(crate) use exec::{ExecRequest, Plan, Shows};

use crate::streams::{END, INPUT};
use bytes::Bytes;
use portreeve_model::{Unit, Usage};
use portreeve_session::{Fault, Piece, Upload, put_stream};

/// The category of what nobody can look into.
pub(crate) const OPAQUE: &str = "opaque";

/// What is written to a command while it runs.
pub(crate) enum Input {
    Bytes(Vec<u8>),
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
            Self::End => {
                put_stream(END, b"", &mut received);
                (Bytes::new(), Usage::default())
            }
        };
        Ok(Piece { received: received.into(), wire, usage })
    }
}
