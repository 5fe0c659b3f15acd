//! A recording read back. It reads only what was recorded, so what it cannot read it shows as
//! it is; it never fails.

use crate::reply::letters as visible;
use crate::streams::{
    ANSWER, COMMAND, END, ERRORS, FILE, INPUT, KEYS, LINE, OUTPUT, RETURN, SCREEN, SIGNAL, STATUS,
    WINDOW,
};

use crate::terminal::{Played, Size};
use std::collections::HashMap;

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
    /// What a terminal showed.
    Screen(&'a [u8]),
    /// Keys that were pressed on it, without letters.
    Keys(&'a [u8]),
    /// A line as it stood on it when Enter was pressed: the gateway's reading.
    Line(&'a [u8]),
    /// How large it was, from here on: `80x24`.
    Window(&'a [u8]),
    /// What only a terminal makes use of.
    Terminal,
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
            SCREEN => Recorded::Screen(piece),
            KEYS => Recorded::Keys(piece),
            LINE => Recorded::Line(piece),
            WINDOW => Recorded::Window(piece),
            ANSWER | RETURN => Recorded::Terminal,
            END => Recorded::End,
            STATUS => Recorded::Status(piece),
            SIGNAL => Recorded::Signal(piece),
            _ => Recorded::Other(piece),
        })
    })
}

/// The terminals of a session, for playing. What was recorded is played on a screen of its own and
/// painted again, so that no recording can do anything to whoever plays it but paint.
#[derive(Debug, Default)]
pub struct Terminals(HashMap<u64, Played>);

impl Terminals {
    /// The terminal of an exchange has this size from here on, `80x24`.
    pub fn resize(&mut self, exchange: u64, size: &[u8]) -> (u16, u16) {
        let text = std::str::from_utf8(size).unwrap_or_default();
        let (columns, rows) = text.split_once('x').unwrap_or_default();
        let number = |text: &str| text.parse().unwrap_or_default();
        let size = Size::of(number(columns), number(rows));
        match self.0.get_mut(&exchange) {
            Some(played) => played.resize(size),
            None => {
                self.0.insert(exchange, Played::new(size));
            }
        }
        (size.columns, size.rows)
    }

    /// What the terminal of an exchange showed.
    pub fn paint(&mut self, exchange: u64, bytes: &[u8]) -> String {
        let played = self.0.entry(exchange).or_insert_with(|| Played::new(Size::of(0, 0)));
        String::from_utf8_lossy(&played.play(bytes)).into_owned()
    }
}

/// The letters of what a terminal showed.
#[must_use]
pub fn letters(paint: &str) -> String {
    visible(paint).unwrap_or_else(|| paint.to_owned())
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
