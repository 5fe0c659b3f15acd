//! Terminals: a screen of the gateway's own stands between the target's program and the client.
//!
//! What a target writes is never passed on. It moves a cursor on a [`Grid`], as it would on a
//! terminal; values are looked for in what stands there and in what was printed, and covered; and
//! the client gets what changes the last [`Picture`] into the next, written by [`Painter`] with a
//! handful of sequences. So a value is found however it was painted, and no sequence of a target
//! reaches a client, or whoever plays a recording.
//!
//! Three rules:
//! - **What was covered stays covered** until something else is printed there: a value cannot be
//!   had in two pictures.
//! - **What ends at the cursor waits** a few milliseconds for the rest of it, unless it is what the
//!   client has just typed. A word that goes on after it has been shown waits for its end.
//! - **What the target does not show of what is typed is not kept** ([`Keys`]).
//!
//! | file | idea |
//! |---|---|
//! | `style`, `cell` | how letters look; a letter in its place |
//! | `grid` | a screen, and what moves on it |
//! | `emulator` | sequences as operations of the grid |
//! | `cover` | where values stand, and what takes their place |
//! | `picture` | a screen as a client sees it |
//! | `paint` | from one picture to the next |
//! | `keys` | what a client types |

mod cell;
mod cover;
mod emulator;
mod grid;
mod keys;
mod paint;
mod picture;
mod style;

#[cfg(test)]
mod tests;

pub(crate) use keys::Keys;
pub(crate) use picture::Waits;

use emulator::Emulator;
use paint::Painter;
use portreeve_model::{Detected, Unit, Usage};
use portreeve_screen::{Masking, Place, Screen, TextScreen};
use russh::Pty;
use std::sync::Arc;

/// The largest screen, and the one of a client that does not say.
const COLUMNS_MAX: u16 = 512;
const ROWS_MAX: u16 = 256;
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;
/// Of a target that asks the terminal more than this at once, the rest is not answered.
const ANSWER_BYTES_MAX: usize = 256;

/// How large a screen is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

impl Size {
    /// What a client says, within bounds.
    pub(crate) fn of(columns: u32, rows: u32) -> Self {
        let within = |count: u32, max: u16, standard: u16| match u16::try_from(count) {
            Ok(0) => standard,
            Ok(count) => count.min(max).max(2),
            Err(_) => max,
        };
        Self { columns: within(columns, COLUMNS_MAX, COLUMNS), rows: within(rows, ROWS_MAX, ROWS) }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

/// What a client asks of a terminal.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Window {
    /// The kind that it is, as programs of the target know it.
    pub(crate) kind: String,
    pub(crate) size: Size,
    pub(crate) modes: Vec<(Pty, u32)>,
}

/// What a client gets, and what stands in the recording beside it.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// For the client's terminal.
    pub(crate) bytes: Vec<u8>,
    /// Lines as they stood when Enter was pressed, with what was found in them covered.
    pub(crate) lines: Vec<String>,
    pub(crate) usage: Usage,
}

/// A terminal, from the first byte to the last.
pub(crate) struct Terminal {
    emulator: Emulator,
    painter: Painter,
    texts: TextScreen,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    pub(crate) fn new(size: Size, screen: &Arc<Screen>, place: Place) -> Self {
        Self {
            emulator: Emulator::new(size),
            painter: Painter::new(size),
            texts: TextScreen::new(screen, place, &[]),
        }
    }

    /// The client has pressed keys.
    pub(crate) fn typed(&mut self, keys: &Keys) {
        self.emulator.typed(keys);
    }

    /// The client's window has another size. Terminals put what they show in other places then,
    /// so all is painted anew.
    pub(crate) fn resize(&mut self, size: Size) {
        self.emulator.resize(size);
        self.painter.resize(size);
    }

    /// The target has written something.
    pub(crate) fn write(&mut self, mut bytes: &[u8], masking: &Masking<'_>) -> Shown {
        let mut shown = Shown::default();
        while !bytes.is_empty() {
            let taken = self.emulator.feed(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.show(Waits::Tail, masking, &mut shown);
            self.emulator.switch();
        }
        shown
    }

    /// Nothing of it has come for a while, or it has waited long enough.
    pub(crate) fn pause(&mut self, masking: &Masking<'_>) -> Shown {
        let mut shown = Shown::default();
        self.show(Waits::Drip, masking, &mut shown);
        shown
    }

    /// Nothing more comes: what waits is shown, and the client's terminal is left as it was found.
    pub(crate) fn finish(&mut self, masking: &Masking<'_>) -> Shown {
        let mut shown = Shown::default();
        self.show(Waits::Nothing, masking, &mut shown);
        self.painter.leave(&mut shown.bytes);
        shown
    }

    fn show(&mut self, waits: Waits, masking: &Masking<'_>, shown: &mut Shown) {
        cover::cover(self.emulator.grid(), &mut self.texts, masking);
        shown.lines.extend(self.emulator.take_lines());
        let (picture, gone) = self.emulator.picture(waits);
        let count = self.emulator.take_line_count();
        let usage = Usage::of(Unit::Rows, count);
        let before = shown.bytes.len();
        self.painter.paint(picture, gone, &mut shown.bytes);
        let messages = u64::from(shown.bytes.len() > before);
        shown.usage += usage.with(Unit::Messages, messages);
    }

    /// Whether something waits for more.
    pub(crate) fn is_waiting(&self) -> bool {
        self.emulator.is_waiting()
    }

    /// What the terminal says to a target that has asked it something.
    pub(crate) fn take_answers(&mut self) -> Vec<u8> {
        self.emulator.take_answers()
    }

    /// Takes what was counted so far.
    pub(crate) fn drain(&mut self, into: &mut Vec<Detected>) {
        self.texts.drain(into);
    }
}

/// A terminal's pictures, played again.
#[derive(Debug)]
pub(crate) struct Played(Terminal);

impl Played {
    pub(crate) fn new(size: Size) -> Self {
        let place = Place::unnamed("terminal");
        Self(Terminal::new(size, &Arc::new(Screen::default()), place))
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.0.resize(size);
    }

    /// Plays some of what was recorded, and gives what paints it.
    pub(crate) fn play(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let Terminal { emulator, painter, .. } = &mut self.0;
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let taken = emulator.feed(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
            let (picture, gone) = emulator.picture(Waits::Nothing);
            painter.paint(picture, gone, &mut out);
            emulator.switch();
        }
        emulator.take_answers();
        out
    }
}
