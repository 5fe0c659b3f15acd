//! Who writes to one stream. A text that does not end its line stands in front of what another
//! program writes there: `printf 9; cat card.txt` shows a number that nobody knows. And what
//! programs read from one, and which files they touch.

use super::path::lies_in;
use std::collections::BTreeSet;

/// What a command writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Says {
    /// Whether some of it is not known beforehand.
    pub(super) is_data: bool,
    /// Whether it does not end its line.
    pub(super) is_open: bool,
}

/// What a stream holds together.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) is_data: bool,
    pub(super) is_open: bool,
    /// Who ends a program while it writes to it.
    pub(super) cut: Option<String>,
}

/// What was written to a stream so far.
#[derive(Debug, Default)]
struct Stream {
    writers: usize,
    is_data: bool,
    /// A program whose text does not end its line.
    open: Option<String>,
    cut: Option<String>,
    /// Whether only what is written everywhere goes there, as to errors in a file.
    is_aside: bool,
    /// Whether somebody in the background goes on writing to it.
    goes_on: Option<String>,
    data_writers: usize,
    last: String,
}

/// The streams of a line, each within the one that goes on behind it.
#[derive(Debug, Default)]
pub(super) struct Streams {
    within: Vec<Stream>,
    /// What the program that runs writes, where it has said so.
    pub(super) says: Option<Says>,
    /// Whether what it reads may not end its line.
    pub(super) is_fed_open: bool,
    /// Whether it writes to another stream of those around it.
    pub(super) is_everywhere: bool,
    /// How many loops stand around it: what runs again stands beside itself.
    pub(super) loops: usize,
    /// Whether what it writes was counted as that of the script which it runs.
    pub(super) is_counted: bool,
    /// Who may end all that runs here while it writes: `timeout`.
    pub(super) ender: Option<String>,
    /// Who ends others of the same line, whichever those are: `kill`.
    pub(super) killer: Option<String>,
}

impl Streams {
    pub(super) fn open(&mut self) {
        let (open, cut) = (self.ender.clone(), self.ender.clone());
        self.within.push(Stream { open, cut, ..Stream::default() });
    }

    /// The same for a stream that what is written everywhere goes to, beside another one.
    pub(super) fn open_aside(&mut self) {
        self.open();
        self.within.last_mut().into_iter().for_each(|stream| stream.is_aside = true);
    }

    /// How many have written to the stream what is not known beforehand.
    pub(super) fn data_writers(&self) -> usize {
        self.within.iter().rfind(|stream| !stream.is_aside).map_or(0, |it| it.data_writers)
    }

    /// Whoever has written last goes on with it while others run.
    pub(super) fn goes_on(&mut self) {
        for stream in self.within.iter_mut().filter(|stream| stream.data_writers > 0) {
            stream.goes_on = Some(stream.last.clone());
        }
    }

    /// What the stream holds together, and the program whose text hides what stands beside it.
    pub(super) fn close(&mut self) -> (Written, Option<String>) {
        let Stream { writers, is_data, open, cut, .. } = self.within.pop().unwrap_or_default();
        let written = Written { is_data, is_open: open.is_some(), cut };
        (written, open.filter(|_| writers > 1 && is_data))
    }

    /// Something that writes here may be ended by a program of this name.
    pub(super) fn cut(&mut self, name: &str) {
        for stream in &mut self.within {
            stream.open.get_or_insert_with(|| name.to_owned());
            stream.cut.get_or_insert_with(|| name.to_owned());
        }
    }

    /// A program has run.
    pub(super) fn wrote(&mut self, name: &str) {
        if std::mem::take(&mut self.is_counted) {
            return;
        }
        // `cp FILE /dev/stderr` is not silent.
        if is_silent(name) && !self.is_everywhere {
            return;
        }
        let own = self.says.take().unwrap_or(Says { is_data: true, is_open: false });
        let is_fed = self.is_fed_open && name != "wc";
        let says = Says { is_data: own.is_data || is_fed, is_open: own.is_open || is_fed };
        let own_place = self.within.iter().rposition(|stream| !stream.is_aside);
        let from = if self.is_everywhere { 0 } else { own_place.unwrap_or_default() };
        for stream in self.within.iter_mut().skip(from) {
            if stream.is_aside && !self.is_everywhere {
                continue;
            }
            stream.writers += if self.loops > 0 { 2 } else { 1 };
            stream.is_data |= says.is_data;
            stream.data_writers += usize::from(says.is_data);
            name.clone_into(&mut stream.last);
            // Two write in turns, each in the middle of what the other one writes.
            if let Some(other) = &stream.goes_on {
                stream.open.get_or_insert_with(|| other.clone());
            }
            if says.is_open && stream.open.is_none() {
                stream.open = Some(name.to_owned());
            }
        }
    }
}

/// Whether a program shows nothing of what is not known beforehand.
pub(super) fn is_silent(name: &str) -> bool {
    SILENT.contains(&name)
}

/// Programs that write nothing, or lines of their own.
const SILENT: [&str; 28] = [
    ":", "[", "break", "cd", "chmod", "chown", "continue", "cp", "exit", "false", "kill", "mkdir",
    "mv", "read", "return", "rm", "rmdir", "set", "shift", "sleep", "test", "touch", "true",
    "truncate", "umask", "unlink", "unset", "wait",
];

/// Where an input comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Source {
    /// From who asks, or from the line itself: it is known.
    #[default]
    Known,
    Pipe,
    /// From a file, in which a program can go back.
    File,
}

/// What programs one after the other read as their input.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    pub(super) source: Source,
    /// Who may have stopped in the middle of a block.
    pub(super) left: Option<String>,
    pub(super) has_reader: bool,
    /// Whether somebody has surely read all of it.
    pub(super) is_ended: bool,
    /// How many loops stand around the place where it begins.
    pub(super) loops: usize,
}

/// How a program takes its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Takes {
    /// A line, and no letter behind it.
    Line,
    /// Blocks, and goes back to where it has stopped, if that can be.
    Back,
    /// Blocks, and may stop after any of them.
    Blocks,
    /// All of it.
    Whole,
}

/// What a part of a line does to files, and what becomes of it where it is ended.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Paths, each with whether all that is in it is meant.
    pub(super) read: BTreeSet<(String, bool)>,
    pub(super) written: BTreeSet<(String, bool)>,
    /// Who would leave half a value somewhere if nobody took what it shows.
    pub(super) fragile: Option<String>,
    /// Whether what is not known beforehand goes from one program to another.
    pub(super) passes: bool,
}

impl Touched {
    pub(super) fn add(&mut self, other: Self) {
        self.read.extend(other.read);
        self.written.extend(other.written);
        self.fragile = self.fragile.take().or(other.fragile);
        self.passes |= other.passes;
    }

    /// Whether it hands on what is not known beforehand: to another program, or into a file.
    pub(super) fn hands_on(&self) -> bool {
        self.passes || !self.written.is_empty()
    }

    /// A file that one of two writes while the other one reads or writes it.
    pub(super) fn meets(&self, other: &Self) -> Option<String> {
        met(&self.written, &other.read)
            .or_else(|| met(&self.written, &other.written))
            .or_else(|| met(&self.read, &other.written))
    }
}

pub(super) fn met(
    some: &BTreeSet<(String, bool)>,
    others: &BTreeSet<(String, bool)>,
) -> Option<String> {
    let is_met = |(path, is_tree): &(String, bool)| {
        others.iter().any(|(other, is_other_tree)| {
            path == other
                || *is_tree && lies_in(other, path)
                || *is_other_tree && lies_in(path, other)
        })
    };
    some.iter().find(|one| is_met(one)).map(|(path, _)| path.clone())
}
