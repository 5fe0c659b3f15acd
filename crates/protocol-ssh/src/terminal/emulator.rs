//! What a target writes, as operations on a screen.
//!
//! SPEC: ECMA-48; the control sequences of xterm where programs use them.

use super::ANSWER_BYTES_MAX;
use super::Size;
use super::cell::{Row, width};
use super::grid::{Grid, Pen, Point};
use super::keys::Keys;
use super::picture::{Modes, Picture, Waits};
use std::collections::VecDeque;
use vte::{Params, Perform};

/// Letters that were typed and have not been shown: of more, none is taken for typed.
const TYPED_MAX: usize = 4096;

/// A terminal as a target sees it.
pub(super) struct Emulator {
    parser: vte::Parser,
    screens: Screens,
}

/// The screens, and what is known beside them.
struct Screens {
    main: Grid,
    alternate: Grid,
    is_alternate: bool,
    /// Whether the other screen is to be the one in use.
    switches: Option<bool>,
    modes: Modes,
    /// Whether all of it was erased at once since the last picture.
    is_cleared: bool,
    rings: bool,
    answers: Vec<u8>,
    typed: VecDeque<char>,
    /// Where the line began that is being typed.
    began: Option<(u64, usize)>,
    /// Enters that were typed, and whose line was not left yet.
    enters: usize,
    lines: Vec<Line>,
    last: Option<char>,
}

/// A line that was left: from this place to the end of that row.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: (u64, usize),
    to: u64,
}

impl Emulator {
    pub(super) fn new(size: Size) -> Self {
        let screens = Screens {
            main: Grid::new(size, true),
            alternate: Grid::new(size, false),
            is_alternate: false,
            switches: None,
            modes: Modes::default(),
            is_cleared: false,
            rings: false,
            answers: Vec::new(),
            typed: VecDeque::new(),
            began: None,
            enters: 0,
            lines: Vec::new(),
            last: None,
        };
        Self { parser: vte::Parser::new(), screens }
    }

    /// Takes bytes up to where another screen comes into use, and says how many.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        self.parser.advance_until_terminated(&mut self.screens, bytes)
    }

    /// Goes over to the other screen, where that is due.
    pub(super) fn switch(&mut self) {
        self.screens.switch();
    }

    pub(super) fn grid(&mut self) -> &mut Grid {
        self.screens.grid()
    }

    pub(super) fn resize(&mut self, size: Size) {
        self.screens.main.resize(size);
        self.screens.alternate.resize(size);
    }

    pub(super) fn typed(&mut self, keys: &Keys) {
        self.screens.typed(keys);
    }

    /// The lines that were left since this was asked last.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.screens.lines);
        lines.iter().filter_map(|line| self.screens.text(*line)).collect()
    }

    pub(super) fn take_line_count(&mut self) -> u64 {
        std::mem::take(&mut self.grid().line_count)
    }

    pub(super) fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.screens.answers)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.screens.used().is_waiting()
    }

    /// The screen as the client may see it now, and the rows that have left it.
    pub(super) fn picture(&mut self, waits: Waits) -> (Picture, Vec<Row>) {
        let (modes, is_alternate) = (self.screens.modes, self.screens.is_alternate);
        let (is_cleared, rings) =
            (std::mem::take(&mut self.screens.is_cleared), std::mem::take(&mut self.screens.rings));
        let grid = self.screens.grid();
        let gone = std::mem::take(&mut grid.gone);
        let mut picture = grid.picture(waits);
        (picture.modes, picture.is_alternate) = (modes, is_alternate);
        (picture.is_cleared, picture.rings) = (is_cleared, rings);
        for row in gone.iter().rev().take(8).rev() {
            grid.remember(row.clone());
        }
        (picture, gone)
    }
}

/// Letters that turn the order of others round, which nobody reads as it stands.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lines of boxes.
///
/// SPEC: DEC special graphics, as xterm has it.
fn drawn(letter: char) -> char {
    const DRAWN: [char; 31] = [
        '\u{25c6}', '\u{2592}', '\u{2409}', '\u{240c}', '\u{240d}', '\u{240a}', '\u{b0}', '\u{b1}',
        '\u{2424}', '\u{240b}', '\u{2518}', '\u{2510}', '\u{250c}', '\u{2514}', '\u{253c}',
        '\u{23ba}', '\u{23bb}', '\u{2500}', '\u{23bc}', '\u{23bd}', '\u{251c}', '\u{2524}',
        '\u{2534}', '\u{252c}', '\u{2502}', '\u{2264}', '\u{2265}', '\u{3c0}', '\u{2260}',
        '\u{a3}', '\u{b7}',
    ];
    let at = u32::from(letter).checked_sub(0x60).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| DRAWN.get(at)).copied().unwrap_or(letter)
}

impl Screens {
    fn used(&self) -> &Grid {
        if self.is_alternate { &self.alternate } else { &self.main }
    }

    fn grid(&mut self) -> &mut Grid {
        if self.is_alternate { &mut self.alternate } else { &mut self.main }
    }

    fn switch(&mut self) {
        let Some(is_alternate) = self.switches.take() else { return };
        if is_alternate == self.is_alternate {
            return;
        }
        if is_alternate {
            self.main.save();
            let pen = self.main.pen;
            self.alternate = Grid::new(self.main.size, false);
            self.alternate.pen = Pen { at: Point::default(), is_full: false, ..pen };
        }
        self.is_alternate = is_alternate;
        if !is_alternate {
            self.main.restore();
        }
    }

    fn typed(&mut self, keys: &Keys) {
        let here = (self.main.rows[self.main.pen.at.row].id, self.main.pen.at.column);
        if keys.is_given_up() {
            (self.enters, self.began) = (0, None);
            self.typed.clear();
        } else if self.enters == 0 {
            self.began.get_or_insert(here);
        }
        for letter in keys.letters() {
            if self.typed.len() < TYPED_MAX {
                self.typed.push_back(letter);
            }
        }
        self.enters += keys.enters();
        if keys.enters() > 0 && self.is_alternate {
            (self.enters, self.began) = (0, None);
        }
    }

    /// The line in which Enter was typed is left.
    fn left_line(&mut self) {
        if self.is_alternate || self.enters == 0 {
            return;
        }
        self.enters -= 1;
        self.typed.clear();
        let to = self.main.rows[self.main.pen.at.row].id;
        let from = self.began.take().unwrap_or((to, 0));
        self.lines.push(Line { from, to });
    }

    fn text(&self, line: Line) -> Option<String> {
        let rows = self.main.above.iter().chain(&self.main.gone).chain(&self.main.rows);
        let (mut text, mut is_in) = (String::new(), false);
        for row in rows {
            is_in |= row.id == line.from.0;
            if is_in {
                let from = if row.id == line.from.0 { line.from.1 } else { 0 };
                text.push_str(&row.text(from));
            }
            if row.id == line.to {
                break;
            }
        }
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn answer(&mut self, answer: &str) {
        if self.answers.len() + answer.len() <= ANSWER_BYTES_MAX {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }

    fn set_mode(&mut self, mode: u16, is_on: bool) {
        if mode == 4 {
            self.grid().inserts = is_on;
        }
    }

    fn set_private_mode(&mut self, mode: u16, is_on: bool) {
        match mode {
            1 => self.modes.application_cursor = is_on,
            6 => {
                self.grid().pen.is_origin = is_on;
                self.grid().move_to(0, 0);
            }
            7 => self.grid().wraps = is_on,
            25 => self.modes.hides_cursor = !is_on,
            47 | 1047 | 1049 => self.switches = Some(is_on),
            1000 | 1002 | 1003 => self.modes.mouse = if is_on { mode } else { 0 },
            1004 => self.modes.focus = is_on,
            1006 => self.modes.mouse_digits = is_on,
            2004 => self.modes.bracketed_paste = is_on,
            1048 if is_on => self.grid().save(),
            1048 => self.grid().restore(),
            _ => {}
        }
    }

    fn private(&mut self, parameters: &Params, action: char) {
        match action {
            'h' | 'l' => {
                for mode in parameters.iter().filter_map(|parts| parts.first()) {
                    self.set_private_mode(*mode, action == 'h');
                }
            }
            'J' | 'K' => self.erases(parameters, action),
            'n' if first(parameters, 0) == 6 => self.tell_cursor("?"),
            _ => {}
        }
    }

    fn erases(&mut self, parameters: &Params, action: char) {
        let what = first(parameters, 0);
        match action {
            // What is above the screen is the client's.
            'J' if what == 3 => {}
            'J' => {
                self.is_cleared |= what == 2;
                self.grid().erase_screen(what);
            }
            _ => self.grid().erase_row(what),
        }
    }

    fn tell_cursor(&mut self, sign: &str) {
        let Point { row, column } = self.used().pen.at;
        self.answer(&format!("\x1b[{sign}{};{}R", row + 1, column + 1));
    }

    fn move_cursor(&mut self, parameters: &Params, action: char) {
        let count = usize::from(first(parameters, 1).max(1));
        let grid = self.grid();
        match action {
            'A' => grid.move_up(count),
            'B' | 'e' => grid.move_down(count),
            'C' | 'a' => grid.move_right(count),
            'D' => grid.move_left(count),
            'E' => {
                grid.move_down(count);
                grid.carriage_return();
            }
            'F' => {
                grid.move_up(count);
                grid.carriage_return();
            }
            'G' | '`' => grid.move_to_column(count - 1),
            'd' => {
                let column = grid.pen.at.column;
                grid.move_to(count - 1, column);
            }
            'I' => grid.tab(count),
            'Z' => grid.back_tab(count),
            _ => {
                let column = usize::from(nth(parameters, 1, 1).max(1));
                grid.move_to(count - 1, column - 1);
            }
        }
    }
}

fn first(parameters: &Params, standard: u16) -> u16 {
    nth(parameters, 0, standard)
}

fn nth(parameters: &Params, at: usize, standard: u16) -> u16 {
    let found = parameters.iter().nth(at).and_then(|parts| parts.first().copied());
    found.filter(|found| *found != 0).unwrap_or(standard)
}

impl Perform for Screens {
    fn print(&mut self, letter: char) {
        if letter.is_control() || turns(letter) {
            return;
        }
        let pen = &self.used().pen;
        let draws = pen.draws.get(pen.set).copied().unwrap_or_default();
        let letter = if draws { drawn(letter) } else { letter };
        let is_own = self.typed.front() == Some(&letter);
        if is_own {
            self.typed.pop_front();
        }
        match width(letter) {
            0 => self.grid().mark(letter),
            width => {
                self.last = Some(letter);
                self.grid().print(letter, width.min(2), is_own);
            }
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x07 => self.rings = true,
            0x08 => self.grid().move_left(1),
            0x09 => self.grid().tab(1),
            0x0a..=0x0c => {
                self.left_line();
                self.grid().line_feed();
            }
            0x0d => self.grid().carriage_return(),
            0x0e => self.grid().pen.set = 1,
            0x0f => self.grid().pen.set = 0,
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, parameters: &Params, signs: &[u8], is_odd: bool, action: char) {
        if is_odd {
            return;
        }
        let count = usize::from(first(parameters, 1).max(1));
        match (signs, action) {
            ([b'?'], _) => self.private(parameters, action),
            ([b'>'], 'c') => self.answer("\x1b[>0;0;0c"),
            ([b'!'], 'p') => {
                let grid = self.grid();
                (grid.pen.style, grid.pen.is_origin) = (Default::default(), false);
                (grid.wraps, grid.inserts) = (true, false);
                self.modes = Modes { mouse: self.modes.mouse, ..Modes::default() };
            }
            ([], 'A'..='G' | 'H' | 'f' | 'd' | '`' | 'a' | 'e' | 'I' | 'Z') => {
                self.move_cursor(parameters, action);
            }
            ([], 'J' | 'K') => self.erases(parameters, action),
            ([], 'L') => self.grid().insert_rows(count),
            ([], 'M') => self.grid().delete_rows(count),
            ([], 'P') => self.grid().delete(count),
            ([], '@') => self.grid().insert(count),
            ([], 'X') => self.grid().erase(count),
            ([], 'S') => self.grid().scroll_up(count, false),
            ([], 'T') => self.grid().scroll_down(count),
            ([], 'b') => {
                let (columns, last) = (self.used().columns(), self.last);
                if let Some(letter) = last {
                    (0..count.min(columns)).for_each(|_| self.print(letter));
                }
            }
            ([], 'm') => self.grid().pen.style.read(parameters),
            ([], 'r') => {
                let bottom = usize::from(nth(parameters, 1, u16::MAX));
                self.grid().set_region(count - 1, bottom);
            }
            ([], 'h' | 'l') => {
                for mode in parameters.iter().filter_map(|parts| parts.first().copied()) {
                    self.set_mode(mode, action == 'h');
                }
            }
            ([], 's') => self.grid().save(),
            ([], 'u') => self.grid().restore(),
            ([], 'g') if first(parameters, 0) == 3 => self.grid().clear_tabs(),
            ([], 'g') => self.grid().set_tab(false),
            ([], 'n') if first(parameters, 0) == 5 => self.answer("\x1b[0n"),
            ([], 'n') if first(parameters, 0) == 6 => self.tell_cursor(""),
            // A VT220 with colours.
            ([], 'c') => self.answer("\x1b[?62;22c"),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, signs: &[u8], _: bool, byte: u8) {
        match (signs, byte) {
            ([], b'7') => self.grid().save(),
            ([], b'8') => self.grid().restore(),
            ([], b'D') => self.grid().line_feed(),
            ([], b'E') => {
                self.grid().carriage_return();
                self.grid().line_feed();
            }
            ([], b'M') => self.grid().reverse_line_feed(),
            ([], b'H') => self.grid().set_tab(true),
            ([], b'=') => self.modes.application_keypad = true,
            ([], b'>') => self.modes.application_keypad = false,
            ([], b'c') => {
                self.main.reset();
                (self.modes, self.switches) = (Modes::default(), Some(false));
                (self.is_cleared, self.began, self.enters) = (true, None, 0);
            }
            ([b'('], set) => self.grid().pen.draws[0] = set == b'0',
            ([b')'], set) => self.grid().pen.draws[1] = set == b'0',
            _ => {}
        }
    }

    /// A picture is to be made before another screen comes into use.
    fn terminated(&self) -> bool {
        self.switches.is_some()
    }
}
