//! A terminal recording, asciicast version 2: a header, then what appeared when.
//!
//! SPEC: <https://docs.asciinema.org/manual/asciicast/v2/>

use super::super::super::output::visible;
use super::super::player::remark;
use super::{Output, Session, Sink};
use crate::wiring::{Lines, Seen};
use portreeve_model::Record;
use std::io::Write;

/// The terminal that a player should have. Longer lines are wrapped by it.
const COLUMNS: u16 = 120;
const ROWS: u16 = 40;

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

pub(super) struct Asciicast {
    output: Output,
    lines: Lines,
    has_header: bool,
    is_terminal: bool,
}

/// What a terminal showed with one record.
#[derive(Default)]
struct Terminal {
    size: Option<(u16, u16)>,
    paint: String,
}

impl Terminal {
    fn of(seen: &[Seen]) -> Option<Self> {
        let (mut terminal, mut is_terminal) = (Self::default(), false);
        for seen in seen {
            match seen {
                Seen::Resized { columns, rows } => terminal.size = Some((*columns, *rows)),
                Seen::Painted { paint, .. } => terminal.paint.push_str(paint),
                _ => continue,
            }
            is_terminal = true;
        }
        is_terminal.then_some(terminal)
    }
}

impl Asciicast {
    pub(super) fn new(output: Output) -> Self {
        Self { output, lines: Lines::new(), has_header: false, is_terminal: false }
    }

    /// Plays what a terminal showed.
    fn play(
        &mut self,
        session: &Session,
        after_us: u64,
        terminal: &Terminal,
    ) -> anyhow::Result<()> {
        if let Some((columns, rows)) = terminal.size {
            if self.has_header {
                self.event(after_us, "r", &format!("{columns}x{rows}"))?;
            } else {
                self.header(session, (columns, rows))?;
            }
        }
        self.is_terminal = true;
        match terminal.paint.is_empty() {
            true => Ok(()),
            false => self.event(after_us, "o", &terminal.paint),
        }
    }

    fn event(&mut self, after_us: u64, kind: &str, text: &str) -> anyhow::Result<()> {
        let (seconds, micros) = (after_us / 1_000_000, after_us % 1_000_000);
        let text = serde_json::to_string(text)?;
        Ok(writeln!(self.output, "[{seconds}.{micros:06}, \"{kind}\", {text}]")?)
    }

    fn header(&mut self, session: &Session, size: (u16, u16)) -> anyhow::Result<()> {
        let title = format!("{} on {}", session.chain, session.resource);
        let header = serde_json::json!({
            "version": 2, "width": size.0, "height": size.1,
            "timestamp": session.began_us / 1_000_000, "title": visible(&title),
        });
        self.has_header = true;
        Ok(writeln!(self.output, "{header}")?)
    }
}

impl Sink for Asciicast {
    fn take(&mut self, session: &Session, record: &Record, seen: &[Seen]) -> anyhow::Result<()> {
        let after_us = record.at_us.saturating_sub(session.began_us);
        if let Some(terminal) = Terminal::of(seen) {
            return self.play(session, after_us, &terminal);
        }
        if self.is_terminal {
            // What stands between the pictures of a terminal would stand in them.
            return Ok(());
        }
        let mut lines = self.lines.of(seen);
        lines.extend(remark(&record.event));
        if lines.is_empty() {
            return Ok(());
        }
        if !self.has_header {
            self.header(session, (COLUMNS, ROWS))?;
        }
        // The only terminal codes in it are ours.
        let text: String = lines.iter().map(|line| shown(line)).collect();
        self.event(after_us, "o", &text)
    }

    fn end(&mut self, _: &Session) -> anyhow::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<Output> {
        Ok(self.output)
    }
}

/// A line with its end: statements bold, refusals and errors red.
fn shown(line: &str) -> String {
    let colour = match line.as_bytes().first() {
        Some(b'>') => BOLD,
        Some(b'!') => RED,
        _ => "",
    };
    let plain = if colour.is_empty() { "" } else { PLAIN };
    format!("{colour}{}{plain}\r\n", visible(line).replace('\n', "\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_wrote_cannot_drive_the_players_terminal() {
        assert_eq!(shown("  1 | a"), "  1 | a\r\n");
        let line = shown("> select '\u{1b}[2J'\nfrom x");
        assert_eq!(line, format!("{BOLD}> select '\\u{{1b}}[2J'\r\nfrom x{PLAIN}\r\n"));
    }
}
