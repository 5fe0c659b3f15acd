//! A screen as a client sees it.

use super::cell::{Cell, Glyph};
use super::grid::{Grid, Point};
use super::style::Style;

/// How a terminal is set that a client's keys go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Modes {
    pub(super) application_cursor: bool,
    pub(super) application_keypad: bool,
    pub(super) bracketed_paste: bool,
    pub(super) focus: bool,
    pub(super) hides_cursor: bool,
    /// Which movements of the mouse are told, by the number of the mode; 0 for none.
    pub(super) mouse: u16,
    pub(super) mouse_digits: bool,
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) glyphs: Vec<Glyph>,
    pub(super) wraps: bool,
}

/// A screen, all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Picture {
    pub(super) rows: Vec<Line>,
    pub(super) cursor: Point,
    pub(super) modes: Modes,
    pub(super) is_alternate: bool,
    /// Whether all of it was erased before it was painted.
    pub(super) is_cleared: bool,
    pub(super) rings: bool,
}

/// What is not shown yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waits {
    /// A word that ends at the cursor: more of it may be on its way.
    Tail,
    /// More of a word that was shown when it was thought to be whole.
    Drip,
    Nothing,
}

impl Line {
    pub(super) fn blank(columns: usize) -> Self {
        Self { glyphs: vec![Glyph::blank(Style::default()); columns], wraps: false }
    }
}

impl Picture {
    pub(super) fn blank(rows: usize, columns: usize) -> Self {
        Self {
            rows: vec![Line::blank(columns); rows],
            cursor: Point::default(),
            modes: Modes::default(),
            is_alternate: false,
            is_cleared: false,
            rings: false,
        }
    }
}

impl Grid {
    /// What a client may see now. What waits looks as if it had not been written.
    pub(super) fn picture(&mut self, waits: Waits) -> Picture {
        let columns = self.columns();
        let mut picture = Picture::blank(0, 0);
        picture.cursor = self.pen.at;
        if self.pen.is_full {
            picture.cursor.column = columns;
        }
        let held = self.held(waits);
        let from = held.first().copied();
        for (at, row) in self.rows.iter_mut().enumerate() {
            let mut glyphs = Vec::with_capacity(columns);
            for (column, cell) in row.cells.iter_mut().enumerate() {
                let here = Point { row: at, column };
                if from.is_some_and(|from| from <= here) && held.contains(&here) {
                    glyphs.push(Glyph::blank(Style::default()));
                } else {
                    cell.is_shown = true;
                    glyphs.push(cell.glyph.clone());
                }
            }
            picture.rows.push(Line { glyphs, wraps: row.wraps });
        }
        if let Some(from) = from {
            picture.cursor = from;
        }
        picture
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.held(Waits::Tail).is_empty()
    }

    /// The places of the word that ends at the cursor, from its beginning, as far as it waits.
    fn held(&self, waits: Waits) -> Vec<Point> {
        if waits == Waits::Nothing || !self.is_behind_print {
            return Vec::new();
        }
        let word = self.word_before_cursor();
        let is_new = |at: &&Point| {
            let cell = self.cell(**at);
            !cell.is_own && !cell.is_shown
        };
        let Some(first) = word.iter().position(|at| is_new(&at)) else { return Vec::new() };
        let (before, new) = word.split_at(first);
        let is_letter = |at: &Point| self.cell(*at).glyph.letter.is_alphanumeric();
        // What the client has typed is no beginning of something that the target goes on with.
        let was_shown = before.iter().any(|at| is_letter(at) && !self.cell(*at).is_own);
        match waits {
            Waits::Tail => new.to_vec(),
            Waits::Drip if was_shown && new.iter().any(is_letter) => new.to_vec(),
            Waits::Drip | Waits::Nothing => Vec::new(),
        }
    }

    fn word_before_cursor(&self) -> Vec<Point> {
        let mut at = self.pen.at;
        if self.pen.is_full {
            at.column += 1;
        }
        let mut word = Vec::new();
        loop {
            at = match (at.column, at.row) {
                (0, row) if row > 0 && self.rows[row - 1].wraps => {
                    Point { row: row - 1, column: self.columns() - 1 }
                }
                (0, _) => break,
                (column, row) => Point { row, column: column - 1 },
            };
            if self.cell(at).is_blank() {
                break;
            }
            word.push(at);
        }
        word.reverse();
        word
    }

    fn cell(&self, at: Point) -> &Cell {
        &self.rows[at.row].cells[at.column]
    }
}
