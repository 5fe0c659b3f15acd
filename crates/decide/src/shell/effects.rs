//! What the programs of the table do, said of a machine's objects.

use super::host;
use super::parse::{Unreadable, unreadable};
use super::programs::{Programs, Shows, Use};
use super::reader::{Reader, Value};
use super::syntax::Word;
use portreeve_model::{Action, Change};

/// Where programs of the system are.
const SYSTEM_FOLDERS: [&str; 7] = [
    "/bin/",
    "/sbin/",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
    "/opt/local/bin/",
];

impl Reader<'_> {
    /// A program runs with its arguments.
    pub(super) fn run(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let Some(first) = words.first() else { return Ok(()) };
        let Value::Texts(names) = self.value(first) else {
            return unreadable("which program runs is not known beforehand");
        };
        let [name] = names.as_slice() else {
            return unreadable("which program runs is not known beforehand");
        };
        if name.is_empty() {
            return unreadable("a program without a name");
        }
        let own = SYSTEM_FOLDERS.iter().find_map(|folder| name.strip_prefix(folder));
        let own = own.filter(|own| !own.contains('/')).unwrap_or(name);
        if own.contains('/') {
            // A file that somebody has put there.
            for path in self.paths(own)? {
                self.unknown(&path);
            }
            self.ran(own, own.to_owned());
            return Ok(());
        }
        let own = own.to_owned();
        self.ran(&own, self.shape(&own, words));
        if self.special(&own, words)? {
            return Ok(());
        }
        let arguments: Vec<Value> = words.iter().skip(1).map(|word| self.value(word)).collect();
        self.listed(&own, &arguments)
    }

    /// A program of the table, or one that is not in it.
    pub(super) fn listed(&mut self, name: &str, arguments: &[Value]) -> Result<(), Unreadable> {
        let Some(row) = Programs::program(self.machine.programs, name) else {
            self.unknown(name);
            return Ok(());
        };
        if arguments.iter().any(|argument| argument.shown().is_none()) {
            return unreadable("which files or options are meant is not known beforehand");
        }
        let Some(used) = row.uses(arguments, Value::shown, Value::behind) else {
            // What it shows may be cut or written in another way.
            self.unknown(name);
            return Ok(());
        };
        match row.shows {
            Shows::Texts => self.known(name),
            Shows::Rewritten => self.unknown(name),
            Shows::Opaque => {
                self.known(name);
                self.speaks(name);
            }
        }
        if row.administers {
            self.need(Action::Administer, host(self.machine.host));
        }
        let names_nothing = |(wanted, _): &(Use, Value)| {
            matches!(wanted, Use::Text | Use::Pattern | Use::Patterns | Use::Format)
        };
        if used.uses.iter().all(names_nothing) {
            let here = Value::Texts(vec![".".to_owned()]);
            match (used.trees || row.walks(), row.looks_around()) {
                (true, _) => self.trees(Action::Read, &here)?,
                (false, true) => self.files(Action::Read, &here)?,
                (false, false) => {}
            }
        }
        used.uses.iter().try_for_each(|(wanted, value)| self.used(*wanted, value))
    }

    fn used(&mut self, wanted: Use, value: &Value) -> Result<(), Unreadable> {
        match wanted {
            Use::Text | Use::Pattern => Ok(()),
            Use::Format => match value {
                Value::Texts(texts) if !texts.iter().any(|text| has_widths(text)) => Ok(()),
                Value::Texts(_) | Value::Glob(_) | Value::Tree(_) | Value::Unknown => {
                    unreadable("a format with widths cuts what it shows")
                }
            },
            Use::Patterns | Use::Read | Use::List => self.files(Action::Read, value),
            Use::Tree => self.trees(Action::Read, value),
            Use::Write => {
                self.note_change(Change::Change);
                self.files(Action::Write, value)
            }
            Use::Make => {
                self.note_change(Change::Create);
                self.files(Action::Define, value)
            }
            Use::Drop => {
                self.note_change(Change::Drop);
                self.files(Action::Define, value)
            }
            Use::Move => {
                self.note_change(Change::Drop);
                self.trees(Action::Read, value)?;
                self.trees(Action::Define, value)
            }
            Use::Into => {
                self.note_change(Change::Change);
                self.write_place(value)
            }
            Use::DropTree => {
                self.note_change(Change::Drop);
                self.trees(Action::Define, value)
            }
            Use::DropWrite => {
                self.note_change(Change::Change);
                self.trees(Action::Read, value)?;
                self.trees(Action::Write, value)
            }
            Use::Rights => {
                self.note_change(Change::Change);
                self.trees(Action::Administer, value)
            }
            Use::Host => match value {
                Value::Texts(names) => {
                    for name in names {
                        self.need(Action::Write, host(name));
                    }
                    Ok(())
                }
                Value::Glob(_) | Value::Tree(_) | Value::Unknown => {
                    unreadable("which machine is meant is not known beforehand")
                }
            },
        }
    }

    /// A command without its constants.
    fn shape(&self, name: &str, words: &[Word]) -> String {
        let mut shape = name.to_owned();
        for word in words.iter().skip(1) {
            let shown = self.value(word).shown().filter(|text| text.starts_with('-'));
            shape.push(' ');
            shape.push_str(shown.as_deref().unwrap_or("?"));
        }
        shape
    }
}

/// Whether a format says how long something may be: `%.3n`, `args:3`.
pub(super) fn has_widths(format: &str) -> bool {
    let is_width = |pair: &[u8]| match pair {
        [b'%', next] => next.is_ascii_digit() || b".-+ #*".contains(next),
        [b':', next] => next.is_ascii_digit(),
        _ => false,
    };
    format.as_bytes().windows(2).any(is_width)
}
