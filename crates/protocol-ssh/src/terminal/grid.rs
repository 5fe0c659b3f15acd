//! A screen, and what moves on it.

use super::Size;
use super::cell::{BEHIND_WIDE, Cell, Glyph, Row};
use super::style::Style;
use std::collections::VecDeque;
use std::ops::Range;

/// As much of what was printed is looked through in the order in which it was.
const PRINTED_MAX: usize = 1024;
/// Rows above the screen that are looked through with it: what begins there may end here.
const ABOVE_MAX: usize = 8;
/// A gap on a row that stands for nothing, where a program moves over it: letters beside it are
/// read as one word.
const GAP_MAX: usize = 8;

/// A place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Point {
    pub(super) row: usize,
    pub(super) column: usize,
}

/// Something that was printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printed {
    pub(super) letter: char,
    /// The row's own number, and the column; none for what stands between two places.
    pub(super) at: Option<(u64, usize)>,
}

/// What the cursor has with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pen {
    pub(super) at: Point,
    pub(super) style: Style,
    /// Whether the next letter goes to the next row, since the last one took the last place.
    pub(super) is_full: bool,
    pub(super) is_origin: bool,
    /// Whether letters stand for lines of boxes, in each of two sets, and which is in use.
    pub(super) draws: [bool; 2],
    pub(super) set: usize,
}

/// A screen.
// INVARIANT: `rows` has `size.rows` rows; `pen.at` and `region` are on it.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) size: Size,
    pub(super) rows: Vec<Row>,
    pub(super) pen: Pen,
    saved: Pen,
    /// Rows that scroll.
    region: Range<usize>,
    tabs: Vec<bool>,
    pub(super) wraps: bool,
    pub(super) inserts: bool,
    next_id: u64,
    /// Whether rows that leave it at the top are to be seen above it.
    keeps: bool,
    /// Those that have left it, and were not shown yet.
    pub(super) gone: Vec<Row>,
    /// The last of those that were.
    pub(super) above: VecDeque<Row>,
    pub(super) printed: VecDeque<Printed>,
    /// Whether the cursor stands where the last letter has put it.
    pub(super) is_behind_print: bool,
    pub(super) line_count: u64,
}

impl Grid {
    pub(super) fn new(size: Size, keeps: bool) -> Self {
        let (columns, rows) = (usize::from(size.columns), usize::from(size.rows));
        let blank = |id| Row::blank(id, columns, Style::default());
        Self {
            size,
            rows: (0..).take(rows).map(blank).collect(),
            pen: Pen::default(),
            saved: Pen::default(),
            region: 0..rows,
            tabs: tabs(columns),
            wraps: true,
            inserts: false,
            next_id: u64::from(size.rows),
            keeps,
            gone: Vec::new(),
            above: VecDeque::new(),
            printed: VecDeque::new(),
            is_behind_print: false,
            line_count: 0,
        }
    }

    /// As it was in the beginning, but for what has left it.
    pub(super) fn reset(&mut self) {
        let mut fresh = Self::new(self.size, self.keeps);
        for row in &mut fresh.rows {
            self.next_id += 1;
            row.id = self.next_id;
        }
        fresh.next_id = self.next_id;
        fresh.gone = std::mem::take(&mut self.gone);
        fresh.above = std::mem::take(&mut self.above);
        fresh.line_count = self.line_count;
        *self = fresh;
    }

    pub(super) fn columns(&self) -> usize {
        usize::from(self.size.columns)
    }

    fn row(&mut self) -> &mut Row {
        &mut self.rows[self.pen.at.row]
    }

    fn blank_row(&mut self) -> Row {
        self.next_id += 1;
        Row::blank(self.next_id, self.columns(), self.pen.style.erased())
    }

    fn note(&mut self, letter: char, at: Option<(u64, usize)>) {
        if self.printed.len() >= PRINTED_MAX {
            self.printed.pop_front();
        }
        self.printed.push_back(Printed { letter, at });
    }

    /// What stands between the last letter and the next one, as somebody reads it.
    fn note_gap(&mut self) {
        if self.is_behind_print {
            return;
        }
        let here = (self.rows[self.pen.at.row].id, self.pen.at.column);
        let between = match self.printed.back().and_then(|last| last.at) {
            Some((row, column)) if row == here.0 => {
                let is_near = here.1 <= column + 1 + GAP_MAX;
                (!is_near).then_some(' ')
            }
            Some(_) => Some('\n'),
            None => None,
        };
        if let Some(between) = between {
            self.note(between, None);
        }
    }

    /// Puts a letter that takes up so many places, 1 or 2.
    pub(super) fn print(&mut self, letter: char, width: usize, is_own: bool) {
        let columns = self.columns();
        let ends = self.pen.at.column + width > columns;
        if (self.pen.is_full || ends) && self.wraps {
            self.row().wraps = true;
            self.pen.at.column = 0;
            self.pen.is_full = false;
            self.line_feed();
            self.is_behind_print = true;
        }
        self.note_gap();
        let at = self.pen.at.column.min(columns.saturating_sub(width));
        let (style, inserts) = (self.pen.style, self.inserts);
        if inserts {
            self.insert(width);
        }
        let glyph = |letter| Glyph { letter, marks: None, style };
        let row = self.row();
        row.cells[at] = Cell { is_own, ..Cell::of(glyph(letter)) };
        if width == 2 {
            row.cells[at + 1] = Cell { is_own, ..Cell::of(glyph(BEHIND_WIDE)) };
        }
        row.mend(at);
        row.mend(at + width);
        if at + width == columns {
            row.wraps = false;
        }
        let id = row.id;
        self.note(letter, Some((id, at)));
        self.pen.at.column = at + width;
        self.pen.is_full = self.pen.at.column >= columns;
        self.pen.at.column = self.pen.at.column.min(columns - 1);
        self.is_behind_print = true;
    }

    /// Puts a mark on the last letter.
    pub(super) fn mark(&mut self, mark: char) {
        let Point { row, column } = self.pen.at;
        let at = if self.pen.is_full { Some(column) } else { column.checked_sub(1) };
        let cells = &mut self.rows[row].cells;
        let at = at.map(|at| match cells[at].glyph.letter {
            BEHIND_WIDE => at.saturating_sub(1),
            _ => at,
        });
        if let Some(at) = at.filter(|at| !cells[*at].is_blank()) {
            cells[at].mark(mark);
        }
    }

    fn moved(&mut self) {
        self.pen.is_full = false;
        self.is_behind_print = false;
    }

    pub(super) fn carriage_return(&mut self) {
        self.moved();
        self.pen.at.column = 0;
    }

    pub(super) fn line_feed(&mut self) {
        self.moved();
        self.line_count += 1;
        if self.pen.at.row + 1 == self.region.end {
            self.scroll_up(1, self.keeps);
        } else if self.pen.at.row + 1 < self.rows.len() {
            self.pen.at.row += 1;
        }
    }

    pub(super) fn reverse_line_feed(&mut self) {
        self.moved();
        if self.pen.at.row == self.region.start {
            self.scroll_down(1);
        } else {
            self.pen.at.row = self.pen.at.row.saturating_sub(1);
        }
    }

    /// The rows that scroll move up.
    pub(super) fn scroll_up(&mut self, count: usize, keeps: bool) {
        for _ in 0..count.min(self.region.len()) {
            let blank = self.blank_row();
            let row = self.rows.remove(self.region.start);
            self.rows.insert(self.region.end - 1, blank);
            if keeps && self.region.start == 0 {
                self.gone.push(row);
            }
        }
    }

    pub(super) fn scroll_down(&mut self, count: usize) {
        for _ in 0..count.min(self.region.len()) {
            let blank = self.blank_row();
            self.rows.remove(self.region.end - 1);
            self.rows.insert(self.region.start, blank);
        }
    }

    fn in_region(&self) -> bool {
        self.region.contains(&self.pen.at.row)
    }

    /// Rows come in at the cursor; those behind go down.
    pub(super) fn insert_rows(&mut self, count: usize) {
        if self.in_region() {
            let region = self.region.clone();
            self.region = self.pen.at.row..region.end;
            self.scroll_down(count);
            self.region = region;
            self.carriage_return();
        }
    }

    pub(super) fn delete_rows(&mut self, count: usize) {
        if self.in_region() {
            let region = self.region.clone();
            self.region = self.pen.at.row..region.end;
            self.scroll_up(count, false);
            self.region = region;
            self.carriage_return();
        }
    }

    /// Moves the cursor; what is counted from the region's beginning where that is wanted.
    pub(super) fn move_to(&mut self, row: usize, column: usize) {
        self.moved();
        let (from, to) = match self.pen.is_origin {
            true => (self.region.start, self.region.end - 1),
            false => (0, self.rows.len() - 1),
        };
        let row = from.saturating_add(row).min(to);
        self.pen.at = Point { row, column: column.min(self.columns() - 1) };
    }

    pub(super) fn move_to_column(&mut self, column: usize) {
        self.moved();
        self.pen.at.column = column.min(self.columns() - 1);
    }

    pub(super) fn move_up(&mut self, count: usize) {
        self.moved();
        let top = if self.in_region() { self.region.start } else { 0 };
        self.pen.at.row = self.pen.at.row.saturating_sub(count).max(top);
    }

    pub(super) fn move_down(&mut self, count: usize) {
        self.moved();
        let bottom = if self.in_region() { self.region.end } else { self.rows.len() };
        self.pen.at.row = self.pen.at.row.saturating_add(count).min(bottom - 1);
    }

    pub(super) fn move_right(&mut self, count: usize) {
        self.move_to_column(self.pen.at.column.saturating_add(count));
    }

    pub(super) fn move_left(&mut self, count: usize) {
        self.move_to_column(self.pen.at.column.saturating_sub(count));
    }

    pub(super) fn tab(&mut self, count: usize) {
        for _ in 0..count.min(self.columns()) {
            let from = self.pen.at.column + 1;
            let stop = self.tabs.iter().skip(from).position(|is_stop| *is_stop);
            let column = stop.map_or(self.columns() - 1, |stop| from + stop);
            self.move_to_column(column);
        }
        // What stands before a tab and what behind it are two words.
        self.note(' ', None);
    }

    pub(super) fn back_tab(&mut self, count: usize) {
        for _ in 0..count.min(self.columns()) {
            let before = self.tabs.get(..self.pen.at.column).unwrap_or_default();
            let column = before.iter().rposition(|is_stop| *is_stop).unwrap_or_default();
            self.move_to_column(column);
        }
    }

    pub(super) fn set_tab(&mut self, is_stop: bool) {
        self.tabs[self.pen.at.column] = is_stop;
    }

    pub(super) fn clear_tabs(&mut self) {
        self.tabs.fill(false);
    }

    /// Erases of the row: behind the cursor (0), before it (1), all (2).
    pub(super) fn erase_row(&mut self, what: u16) {
        self.pen.is_full = false;
        let (column, columns) = (self.pen.at.column, self.columns());
        let style = self.pen.style.erased();
        let (from, to) = match what {
            0 => (column, columns),
            1 => (0, column + 1),
            _ => (0, columns),
        };
        self.row().clear(from, to, style);
    }

    /// Erases of the screen, likewise.
    pub(super) fn erase_screen(&mut self, what: u16) {
        self.erase_row(what);
        let (row, style) = (self.pen.at.row, self.pen.style.erased());
        let (rows, columns) = (self.rows.len(), self.columns());
        let range = match what {
            0 => row + 1..rows,
            1 => 0..row,
            _ => 0..rows,
        };
        self.rows[range].iter_mut().for_each(|row| row.clear(0, columns, style));
    }

    pub(super) fn erase(&mut self, count: usize) {
        let (column, style) = (self.pen.at.column, self.pen.style.erased());
        let to = column.saturating_add(count);
        self.pen.is_full = false;
        self.row().clear(column, to, style);
    }

    /// Places come in at the cursor; those behind go right.
    pub(super) fn insert(&mut self, count: usize) {
        let (column, columns) = (self.pen.at.column, self.columns());
        let count = count.min(columns - column);
        let style = self.pen.style.erased();
        self.pen.is_full = false;
        let row = self.row();
        row.cells.truncate(columns - count);
        row.cells.splice(column..column, std::iter::repeat_n(Cell::blank(style), count));
        row.mend(column);
        row.mend(column + count);
        row.mend(columns);
        row.wraps = false;
    }

    pub(super) fn delete(&mut self, count: usize) {
        let (column, columns) = (self.pen.at.column, self.columns());
        let count = count.min(columns - column);
        let style = self.pen.style.erased();
        self.pen.is_full = false;
        let row = self.row();
        row.cells.drain(column..column + count);
        row.cells.resize(columns, Cell::blank(style));
        row.mend(column);
        row.wraps = false;
    }

    /// Which rows scroll; all of them where that is none.
    pub(super) fn set_region(&mut self, top: usize, bottom: usize) {
        let rows = self.rows.len();
        let bottom = bottom.min(rows);
        self.region = if top + 1 < bottom { top..bottom } else { 0..rows };
        self.move_to(0, 0);
    }

    pub(super) fn save(&mut self) {
        self.saved = self.pen;
    }

    pub(super) fn restore(&mut self) {
        self.moved();
        self.pen = self.saved;
        self.pen.at.row = self.pen.at.row.min(self.rows.len() - 1);
        self.pen.at.column = self.pen.at.column.min(self.columns() - 1);
        self.pen.is_full = false;
    }

    /// The screen has another size: rows are cut or get longer, and at the bottom go or come.
    pub(super) fn resize(&mut self, size: Size) {
        self.size = size;
        let (columns, count) = (self.columns(), usize::from(size.rows));
        while self.rows.len() > count {
            if self.pen.at.row + 1 < self.rows.len() {
                self.rows.pop();
                continue;
            }
            let row = self.rows.remove(0);
            self.pen.at.row = self.pen.at.row.saturating_sub(1);
            // It was to be seen already.
            self.remember(row);
        }
        while self.rows.len() < count {
            self.next_id += 1;
            self.rows.push(Row::blank(self.next_id, columns, Style::default()));
        }
        self.rows.iter_mut().for_each(|row| row.resize(columns));
        self.region = 0..count;
        self.tabs = tabs(columns);
        self.moved();
        self.pen.at.row = self.pen.at.row.min(count - 1);
        self.pen.at.column = self.pen.at.column.min(columns - 1);
        self.saved = Pen { at: Point::default(), ..self.saved };
    }

    /// A row that has been shown is above the screen.
    pub(super) fn remember(&mut self, row: Row) {
        if self.above.len() >= ABOVE_MAX {
            self.above.pop_front();
        }
        self.above.push_back(row);
    }
}

/// A stop every eight columns.
fn tabs(columns: usize) -> Vec<bool> {
    (0..columns).map(|column| column % 8 == 0).collect()
}
