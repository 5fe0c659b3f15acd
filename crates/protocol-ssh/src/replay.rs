//! A recording read back. It reads only what was recorded, so what it cannot read it shows as
//! it is; it never fails.

use crate::streams::{COMMAND, END, ERRORS, FILE, INPUT, OUTPUT, SIGNAL, STATUS};

/// Something that passed over a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded<'a> {
    /// A command line.
    Command(&'a [u8]),
    /// What was written to a command.
    Input(&'a [u8]),
    /// What it wrote.
    Output(&'a [u8]),
    /// What it wrote as errors, and what the gateway said.
    Errors(&'a [u8]),
    /// What was in a file that was read.
    File(&'a [u8]),
    /// A side wrote no more.
    End,
    /// The number that it ended with.
    Status(&'a [u8]),
    /// The signal that ended it.
    Signal(&'a [u8]),
    /// What is none of these.
    Other(&'a [u8]),
}

/// Reads what passed with one record.
pub fn recorded(bytes: &[u8]) -> impl Iterator<Item = Recorded<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((stream, piece, behind)) = piece(rest) else {
            return Some(Recorded::Other(std::mem::take(&mut rest)));
        };
        rest = behind;
        Some(match stream {
            COMMAND => Recorded::Command(piece),
            INPUT => Recorded::Input(piece),
            OUTPUT => Recorded::Output(piece),
            ERRORS => Recorded::Errors(piece),
            FILE => Recorded::File(piece),
            END => Recorded::End,
            STATUS => Recorded::Status(piece),
            SIGNAL => Recorded::Signal(piece),
            _ => Recorded::Other(piece),
        })
    })
}

fn piece(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<5>()?;
    let [stream, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let (piece, rest) = rest.split_at_checked(length)?;
    Some((stream, piece, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_apart() {
        let mut bytes = Vec::new();
        portreeve_session::put_stream(COMMAND, b"ls", &mut bytes);
        portreeve_session::put_stream(OUTPUT, b"a\n", &mut bytes);
        portreeve_session::put_stream(STATUS, b"0", &mut bytes);
        let found: Vec<_> = recorded(&bytes).collect();
        let expect = [Recorded::Command(b"ls"), Recorded::Output(b"a\n"), Recorded::Status(b"0")];
        assert_eq!(found, expect);
        for length in 0..bytes.len() {
            assert!(recorded(&bytes[..length]).count() <= 3);
        }
        assert_eq!(recorded(b"odd").collect::<Vec<_>>(), [Recorded::Other(b"odd")]);
    }
}
