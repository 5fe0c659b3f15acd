//! From the picture that a client sees to the next.
//!
//! Where the client's cursor stood when it began is not known, so the first row of a screen is the
//! row where that was, and rows below come into being as line feeds move down to them. Once the
//! last row is reached, or all is erased, both screens stand on each other.

use super::Size;
use super::cell::{BEHIND_WIDE, Glyph, Row};
use super::grid::Point;
use super::picture::{Line, Modes, Picture};
use super::style::Style;
use std::io::Write;

/// Blanks that are written where they are to be passed over.
const BLANKS_MAX: usize = 8;

/// Writes pictures.
#[derive(Debug)]
pub(super) struct Painter {
    /// What the client sees.
    shown: Picture,
    /// What it will see again when it leaves the other screen, and how far down that reached.
    behind: Option<(Picture, usize)>,
    /// The last row that there is at the client's.
    // INVARIANT: less than the number of rows.
    reached: usize,
    style: Style,
    /// Where the client's cursor is; in a column of its own behind the last one where the next
    /// letter goes to the next row.
    at: Point,
    is_stale: bool,
}

impl Painter {
    pub(super) fn new(size: Size) -> Self {
        Self {
            shown: Picture::blank(usize::from(size.rows), usize::from(size.columns)),
            behind: None,
            reached: 0,
            style: Style::default(),
            at: Point::default(),
            is_stale: false,
        }
    }

    /// Where anything stands is not known any more.
    pub(super) fn resize(&mut self, size: Size) {
        let blank = Picture::blank(usize::from(size.rows), usize::from(size.columns));
        let (modes, is_alternate) = (self.shown.modes, self.shown.is_alternate);
        self.shown = Picture { modes, is_alternate, ..blank };
        self.reached = self.reached.min(self.shown.rows.len() - 1);
        // What the client sees when it leaves the other screen is not known, either.
        self.behind = None;
        self.at = Point::default();
        self.is_stale = true;
    }

    /// Brings the client from what it sees to the next picture; rows that have left the screen
    /// since go up before that.
    pub(super) fn paint(&mut self, next: Picture, gone: Vec<Row>, out: &mut Vec<u8>) {
        self.switch(next.is_alternate, out);
        if next.rings {
            out.push(0x07);
        }
        if self.is_stale {
            self.clear(out);
        }
        self.scroll(gone, out);
        if next.is_cleared {
            self.clear(out);
        }
        for row in 0..next.rows.len().min(self.shown.rows.len()) {
            let before = row.checked_sub(1).and_then(|before| next.rows.get(before));
            let wraps_into = before.is_some_and(|before| before.wraps);
            if let Some(line) = next.rows.get(row) {
                self.paint_row(row, line, wraps_into, out);
            }
        }
        let (cursor, modes) = (next.cursor, next.modes);
        self.shown = Picture { is_cleared: false, rings: false, modes: self.shown.modes, ..next };
        self.move_to(cursor, out);
        self.set(modes, out);
    }

    /// Leaves the client's terminal as it was found.
    pub(super) fn leave(&mut self, out: &mut Vec<u8>) {
        self.switch(false, out);
        self.set(Modes::default(), out);
        self.wear(Style::default(), out);
    }

    fn switch(&mut self, is_alternate: bool, out: &mut Vec<u8>) {
        if is_alternate == self.shown.is_alternate {
            return;
        }
        self.wear(Style::default(), out);
        let (rows, columns) =
            (self.shown.rows.len(), self.shown.rows.first().map_or(0, |row| row.glyphs.len()));
        let modes = self.shown.modes;
        if is_alternate {
            let blank = Picture { modes, is_alternate, ..Picture::blank(rows, columns) };
            let mut behind = std::mem::replace(&mut self.shown, blank);
            behind.cursor = self.at;
            self.behind = Some((behind, self.reached));
            out.extend_from_slice(b"\x1b[?1049h");
            self.clear(out);
        } else {
            out.extend_from_slice(b"\x1b[?1049l");
            let behind = self.behind.take();
            self.is_stale |= behind.is_none();
            let blank = || (Picture::blank(rows, columns), self.reached);
            let (behind, reached) = behind.unwrap_or_else(blank);
            (self.at, self.reached) = (behind.cursor, reached);
            self.shown = Picture { modes, ..behind };
        }
    }

    /// Nothing is to be seen, and both screens stand on each other.
    fn clear(&mut self, out: &mut Vec<u8>) {
        self.wear(Style::default(), out);
        out.extend_from_slice(b"\x1b[H\x1b[2J");
        for row in &mut self.shown.rows {
            *row = Line::blank(row.glyphs.len());
        }
        (self.at, self.reached) = (Point::default(), self.shown.rows.len() - 1);
        self.is_stale = false;
    }

    /// Rows go up and out of the screen, as many at a time as there are.
    fn scroll(&mut self, gone: Vec<Row>, out: &mut Vec<u8>) {
        let rows = self.shown.rows.len();
        let mut gone = gone.into_iter().peekable();
        while gone.peek().is_some() {
            let mut count = 0;
            let mut wraps_into = false;
            for row in gone.by_ref().take(rows) {
                let columns = self.shown.rows[count].glyphs.len();
                let mut glyphs: Vec<Glyph> =
                    row.cells.into_iter().map(|cell| cell.glyph).take(columns).collect();
                glyphs.resize(columns, Glyph::blank(Style::default()));
                let line = Line { glyphs, wraps: row.wraps };
                self.paint_row(count, &line, wraps_into, out);
                wraps_into = line.wraps;
                self.shown.rows[count] = line;
                count += 1;
            }
            self.wear(Style::default(), out);
            let last = Point { row: rows - 1, column: 0 };
            self.move_to(last, out);
            out.extend(std::iter::repeat_n(b'\n', count));
            let columns = self.shown.rows[0].glyphs.len();
            self.shown.rows.drain(..count);
            self.shown.rows.resize(rows, Line::blank(columns));
        }
    }

    fn paint_row(&mut self, row: usize, next: &Line, wraps_into: bool, out: &mut Vec<u8>) {
        let shown = &self.shown.rows[row].glyphs;
        let differs = |at: &usize| shown.get(*at) != next.glyphs.get(*at);
        let columns = next.glyphs.len();
        let Some(mut first) = (0..columns).find(differs) else { return };
        let mut last = (0..columns).rfind(differs).unwrap_or(first);
        let is_behind =
            |at: usize| next.glyphs.get(at).is_some_and(|glyph| glyph.letter == BEHIND_WIDE);
        if is_behind(first) {
            first -= 1;
        }
        if is_behind(last + 1) {
            last += 1;
        }
        let end = next.glyphs.iter().rposition(|glyph| !glyph.is_empty()).map_or(0, |at| at + 1);
        let erases = last >= end;
        let goes_on = wraps_into
            && first == 0
            && end > 0
            && row
                .checked_sub(1)
                .is_some_and(|before| self.at == Point { row: before, column: columns });
        if goes_on {
            // The terminal goes to the next row by itself, and knows that it is one line.
            self.at = Point { row, column: 0 };
            self.reached = self.reached.max(row);
        } else {
            self.move_to(Point { row, column: first.min(end) }, out);
        }
        for glyph in next.glyphs.get(self.at.column..end.min(last + 1)).unwrap_or_default() {
            self.put(glyph, out);
        }
        self.at.column = self.at.column.max(end.min(last + 1));
        if erases {
            self.wear(Style::default(), out);
            out.extend_from_slice(b"\x1b[K");
        }
    }

    fn put(&mut self, glyph: &Glyph, out: &mut Vec<u8>) {
        if glyph.letter == BEHIND_WIDE {
            return;
        }
        self.wear(glyph.style, out);
        let mut bytes = [0; 4];
        out.extend_from_slice(glyph.letter.encode_utf8(&mut bytes).as_bytes());
        if let Some(marks) = &glyph.marks {
            out.extend_from_slice(marks.as_bytes());
        }
    }

    fn wear(&mut self, style: Style, out: &mut Vec<u8>) {
        if self.style != style {
            style.put(out);
            self.style = style;
        }
    }

    fn move_to(&mut self, to: Point, out: &mut Vec<u8>) {
        let columns = self.shown.rows[0].glyphs.len();
        if self.at == to {
            return;
        }
        if self.at.column >= columns || self.at.row != to.row && to.column == 0 {
            self.turn_back(out);
        }
        if to.row > self.at.row {
            let existing = to.row.min(self.reached);
            let is_next = to.row == self.at.row + 1 && to.column == 0;
            if existing > self.at.row && !is_next {
                let _ = write!(out, "\x1b[{}B", existing - self.at.row);
                self.at.row = existing;
            }
            if to.row > self.at.row {
                // A line feed may bring in a row, which has the colours of the pen.
                self.turn_back(out);
                self.wear(Style::default(), out);
                out.extend(std::iter::repeat_n(b'\n', to.row - self.at.row));
                self.at.row = to.row;
                self.reached = self.reached.max(to.row);
            }
        } else if to.row < self.at.row {
            let _ = write!(out, "\x1b[{}A", self.at.row - to.row);
            self.at.row = to.row;
        }
        // The place behind the last one is reached by a letter only.
        let column = to.column.min(columns - 1);
        if column == 0 {
            self.turn_back(out);
        } else if column > self.at.column && self.is_empty_to(column) {
            // As a program would have written them: `Password: `.
            self.wear(Style::default(), out);
            out.extend(std::iter::repeat_n(b' ', column - self.at.column));
        } else if column > self.at.column {
            let _ = write!(out, "\x1b[{}C", column - self.at.column);
        } else if self.at.column - column <= 3 {
            out.extend(std::iter::repeat_n(0x08, self.at.column - column));
        } else {
            let _ = write!(out, "\x1b[{}D", self.at.column - column);
        }
        self.at.column = column;
    }

    /// Whether there is nothing to be seen between the cursor and a place near behind it.
    fn is_empty_to(&self, column: usize) -> bool {
        let row = self.shown.rows.get(self.at.row).map(|row| row.glyphs.as_slice());
        let between = row.and_then(|row| row.get(self.at.column..column)).unwrap_or_default();
        between.len() <= BLANKS_MAX && between.iter().all(Glyph::is_empty)
    }

    fn turn_back(&mut self, out: &mut Vec<u8>) {
        if self.at.column > 0 {
            out.push(b'\r');
            self.at.column = 0;
        }
    }

    fn set(&mut self, next: Modes, out: &mut Vec<u8>) {
        let now = self.shown.modes;
        let mut switch = |mode: u16, was: bool, is: bool| {
            if was != is {
                let _ = write!(out, "\x1b[?{mode}{}", if is { 'h' } else { 'l' });
            }
        };
        switch(1, now.application_cursor, next.application_cursor);
        switch(2004, now.bracketed_paste, next.bracketed_paste);
        switch(1004, now.focus, next.focus);
        switch(25, !now.hides_cursor, !next.hides_cursor);
        for mode in [1000, 1002, 1003] {
            switch(mode, now.mouse == mode, next.mouse == mode);
        }
        switch(1006, now.mouse_digits, next.mouse_digits);
        if now.application_keypad != next.application_keypad {
            out.extend_from_slice(if next.application_keypad { b"\x1b=" } else { b"\x1b>" });
        }
        self.shown.modes = next;
    }
}
