//! A letter in its place.

use super::style::Style;

/// Marks that a letter may carry; more of them are not shown.
const MARKS_MAX: usize = 8;

/// What stands in a place behind a letter that takes up two.
pub(super) const BEHIND_WIDE: char = '\0';

/// What is to be seen in a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Glyph {
    pub(super) letter: char,
    /// What stands on the letter: accents and the like.
    pub(super) marks: Option<Box<str>>,
    pub(super) style: Style,
}

/// What is known of what stands in a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Look {
    /// Nothing was found there.
    #[default]
    Plain,
    /// It stands for a value that was found.
    Covered,
    /// It is a part of a value that policy shows, and counted.
    Revealed,
}

/// A place of a screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub(super) glyph: Glyph,
    pub(super) look: Look,
    /// Whether it is what the client has just typed.
    pub(super) is_own: bool,
    /// Whether the client has seen it.
    pub(super) is_shown: bool,
}

impl Glyph {
    pub(super) fn blank(style: Style) -> Self {
        Self { letter: ' ', marks: None, style }
    }

    /// Whether nothing is to be seen, not even a colour.
    pub(super) fn is_empty(&self) -> bool {
        self.letter == ' ' && self.marks.is_none() && self.style == Style::default()
    }
}

impl Cell {
    pub(super) fn blank(style: Style) -> Self {
        Self::of(Glyph::blank(style))
    }

    pub(super) fn of(glyph: Glyph) -> Self {
        Self { glyph, look: Look::Plain, is_own: false, is_shown: false }
    }

    /// Another mark stands on it.
    pub(super) fn mark(&mut self, mark: char) {
        let marks = self.glyph.marks.take().unwrap_or_default();
        let mut marks = String::from(marks);
        if marks.chars().count() < MARKS_MAX {
            marks.push(mark);
        }
        self.glyph.marks = Some(marks.into());
    }

    pub(super) fn is_blank(&self) -> bool {
        self.glyph.letter == ' '
    }
}

/// A row of a screen.
// INVARIANT: `cells` has one for each column.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its own for as long as there is a terminal, wherever it goes.
    pub(super) id: u64,
    pub(super) cells: Vec<Cell>,
    /// Whether the next row goes on with it, since there was no more room.
    pub(super) wraps: bool,
}

impl Row {
    pub(super) fn blank(id: u64, columns: usize, style: Style) -> Self {
        Self { id, cells: vec![Cell::blank(style); columns], wraps: false }
    }

    pub(super) fn clear(&mut self, from: usize, to: usize, style: Style) {
        let to = to.min(self.cells.len());
        let Some(cells) = self.cells.get_mut(from..to) else { return };
        cells.fill(Cell::blank(style));
        self.mend(from);
        self.mend(to);
        if to == self.cells.len() {
            self.wraps = false;
        }
    }

    /// A letter that takes up two places, and of which one is gone before or behind `at`, goes.
    pub(super) fn mend(&mut self, at: usize) {
        let is_half = self.cells.get(at).is_some_and(|cell| cell.glyph.letter == BEHIND_WIDE);
        let before = at.checked_sub(1).and_then(|before| self.cells.get(before));
        let is_wide = before.is_some_and(|cell| width(cell.glyph.letter) == 2);
        if is_half && !is_wide {
            self.cells[at] = Cell::blank(self.cells[at].glyph.style);
        }
        if is_wide && !is_half {
            let style = self.cells[at - 1].glyph.style;
            self.cells[at - 1] = Cell::blank(style);
        }
    }

    pub(super) fn resize(&mut self, columns: usize) {
        self.cells.resize(columns, Cell::blank(Style::default()));
        self.mend(columns);
        self.wraps = false;
    }

    /// Its letters, without what is blank at its end.
    pub(super) fn text(&self, from: usize) -> String {
        let cells = self.cells.get(from..).unwrap_or_default();
        let letters = cells.iter().map(|cell| cell.glyph.letter);
        let text: String = letters.filter(|letter| *letter != BEHIND_WIDE).collect();
        text.trim_end().to_owned()
    }
}

/// How many places a letter takes up; none for marks.
pub(super) fn width(letter: char) -> usize {
    unicode_width::UnicodeWidthChar::width(letter).unwrap_or_default()
}
