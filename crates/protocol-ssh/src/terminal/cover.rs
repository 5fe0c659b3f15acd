//! Where values stand on a screen, and what takes their place.
//!
//! A screen is read three ways: row by row, as it was wrapped; with full rows joined to the next,
//! as programs break lines that place each row themselves; and in the order in which letters were
//! printed, over gaps that a cursor was moved across. What is found in any of them is covered on
//! the screen itself, so it cannot be seen later either.

use super::cell::{BEHIND_WIDE, Cell, Glyph, Look, Row};
use super::grid::Grid;
use portreeve_screen::{Masking, Span, TextScreen};
use std::collections::HashMap;

/// What fills the places of a value behind the words that stand for it.
const FILLING: char = '*';

/// A place among the rows above the screen that were not shown yet (`gone`), then those on it.
type At = (usize, usize);

/// A text, and where its letters stand.
#[derive(Default)]
struct Reading {
    text: String,
    /// Of each letter where in the text it begins, and its place; none for one that was shown.
    letters: Vec<(usize, Option<At>)>,
}

impl Reading {
    fn put(&mut self, letter: char, at: Option<At>) {
        self.letters.push((self.text.len(), at));
        self.text.push(letter);
    }
}

/// Covers what is found.
pub(super) fn cover(grid: &mut Grid, texts: &mut TextScreen, masking: &Masking<'_>) {
    for read in [by_rows, by_full_rows, by_time] {
        let Some(reading) = read(grid) else { continue };
        for span in texts.spans(&reading.text, masking) {
            cover_span(grid, &reading, &span, texts);
        }
    }
}

/// Rows with their places; those above that were shown have none.
fn rows(grid: &Grid) -> impl Iterator<Item = (Option<usize>, &Row)> {
    let above = grid.above.iter().map(|row| (None, row));
    let here = grid.gone.iter().chain(&grid.rows);
    above.chain(here.enumerate().map(|(at, row)| (Some(at), row)))
}

fn by_rows(grid: &Grid) -> Option<Reading> {
    let mut reading = Reading::default();
    for (at, row) in rows(grid) {
        put_row(at, row, 0, &mut reading);
        if !row.wraps {
            reading.put('\n', None);
        }
    }
    Some(reading)
}

/// None where no row is full that was not wrapped.
fn by_full_rows(grid: &Grid) -> Option<Reading> {
    let is_full = |row: &Row| row.cells.last().is_some_and(|cell| !cell.is_blank());
    if !rows(grid).any(|(_, row)| is_full(row) && !row.wraps) {
        return None;
    }
    let (mut reading, mut goes_on) = (Reading::default(), false);
    for (at, row) in rows(grid) {
        let indent = row.cells.iter().take_while(|cell| cell.is_blank()).count();
        put_row(at, row, if goes_on { indent } else { 0 }, &mut reading);
        goes_on = row.wraps || is_full(row);
        if !goes_on {
            reading.put('\n', None);
        }
    }
    Some(reading)
}

fn by_time(grid: &Grid) -> Option<Reading> {
    let numbered = grid.gone.iter().chain(&grid.rows).enumerate();
    let numbers: HashMap<u64, usize> = numbered.map(|(at, row)| (row.id, at)).collect();
    let mut reading = Reading::default();
    for printed in &grid.printed {
        let at = printed.at.and_then(|(row, column)| Some((*numbers.get(&row)?, column)));
        // Something else may stand there by now.
        let is_there =
            |at: &At| cell(grid, *at).is_some_and(|it| it.glyph.letter == printed.letter);
        reading.put(printed.letter, at.filter(is_there));
    }
    Some(reading)
}

fn put_row(at: Option<usize>, row: &Row, from: usize, reading: &mut Reading) {
    let end = match row.wraps {
        true => row.cells.len(),
        false => row.cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |end| end + 1),
    };
    for (column, cell) in row.cells.iter().enumerate().take(end).skip(from) {
        if cell.glyph.letter != BEHIND_WIDE {
            reading.put(cell.glyph.letter, at.map(|at| (at, column)));
        }
    }
}

fn cell(grid: &Grid, (row, column): At) -> Option<&Cell> {
    grid.gone.iter().chain(&grid.rows).nth(row)?.cells.get(column)
}

fn cell_mut(grid: &mut Grid, (row, column): At) -> Option<&mut Cell> {
    let gone = grid.gone.len();
    let row = match row.checked_sub(gone) {
        Some(row) => grid.rows.get_mut(row)?,
        None => grid.gone.get_mut(row)?,
    };
    row.cells.get_mut(column)
}

fn cover_span(grid: &mut Grid, reading: &Reading, span: &Span, texts: &mut TextScreen) {
    let from = reading.letters.partition_point(|(at, _)| *at < span.range.start);
    let letters = reading.letters.get(from..).unwrap_or_default().iter();
    let inside = letters.take_while(|(at, _)| *at < span.range.end);
    let mut places: Vec<At> = Vec::new();
    for (_, at) in inside {
        let Some((row, column)) = *at else { continue };
        places.push((row, column));
        let behind = cell(grid, (row, column + 1));
        if behind.is_some_and(|cell| cell.glyph.letter == BEHIND_WIDE) {
            places.push((row, column + 1));
        }
    }
    let wanted = if span.words.is_some() { Look::Covered } else { Look::Revealed };
    let is_done = |at: &At| cell(grid, *at).is_none_or(|cell| cell.look == wanted);
    if places.iter().all(is_done) {
        return;
    }
    texts.count(span);
    let Some(words) = &span.words else {
        for at in places {
            if let Some(cell) = cell_mut(grid, at) {
                cell.look = Look::Revealed;
            }
        }
        return;
    };
    let is_narrow = |letter: &char| super::cell::width(*letter) == 1;
    let mut words = words.chars().map(|letter| if is_narrow(&letter) { letter } else { FILLING });
    for at in places {
        if let Some(cell) = cell_mut(grid, at) {
            let letter = words.next().unwrap_or(FILLING);
            let style = cell.glyph.style;
            *cell = Cell {
                look: Look::Covered,
                is_own: cell.is_own,
                ..Cell::of(Glyph { letter, marks: None, style })
            };
        }
    }
}
