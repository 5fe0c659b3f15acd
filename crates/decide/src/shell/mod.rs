//! What a shell command does: programs that run, files that are read, written and removed,
//! machines that are contacted.
//!
//! A command line is read by a grammar that every shell of the POSIX family shares, programs are
//! looked up in a table of what they do with their arguments, and everything is written out again
//! in one spelling, which is what the target gets. What is not read so is *code that nobody can
//! look into*: `execute` on the machine. It is no copy of a shell: it expands nothing that it does
//! not know, and knows no target.
//!
//! ```
//! use portreeve_decide::shell::{Machine, analyze};
//!
//! let machine = Machine { host: "web", home: "/srv/deploy", programs: None };
//! let found = analyze("cat app.log | grep -c error", &machine);
//! let needs: Vec<String> =
//!     found.needs.iter().map(|need| format!("{} {}", need.action, need.object)).collect();
//! assert_eq!(needs, ["read web.cat", "read web./srv/deploy/app.log", "read web.grep"]);
//! assert_eq!(found.wire, "cd /srv/deploy && { cat app.log | grep -c error; }");
//! ```

mod effects;
mod far;
mod files;
mod find;
mod formats;
mod parse;
mod path;
mod programs;
#[cfg(feature = "sql")]
mod psql;
mod reader;
mod rename;
mod shared;
mod special;
mod streams;
mod syntax;
mod value;
mod variables;
mod word;
mod words;

#[cfg(test)]
mod tests;

pub use parse::Unreadable;
pub use path::{canonical, file, lies_in, tells_programs};
pub use programs::Programs;

use parse::parse;
use portreeve_model::{Action, Change, Facts, Need, Object, ObjectKind};
use reader::Reader;
use std::collections::BTreeSet;
use syntax::spelled;

/// The machine on which a command is to run.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// What policies call it.
    pub host: &'a str,
    /// Where commands begin: an absolute path.
    pub home: &'a str,
    /// Programs that it has beside those of the table.
    pub programs: Option<&'a Programs>,
}

/// A folder of which a command reads, writes or removes whatever is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tree {
    /// What is done.
    pub action: Action,
    /// The folder's path.
    pub folder: String,
}

/// What is known of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Analysis {
    /// For people and records: the program, where there is one alone.
    pub verb: String,
    /// Equal for commands that differ in constants only.
    pub fingerprint: String,
    /// Everything that must be allowed; each once.
    pub needs: Vec<Need>,
    /// Folders that stand in the needs for all that is in them.
    pub trees: Vec<Tree>,
    /// What policy may ask about it as a whole.
    pub facts: Facts,
    /// Of what nobody can say that personal data would be found in what it shows.
    pub opaque: Vec<Object>,
    /// Whether it speaks a protocol of its own, in which nothing can be masked.
    pub is_raw: bool,
    /// The one file that everything it shows comes from, if it is one.
    pub source: Option<Object>,
    /// Whether what it shows may end anywhere, in the middle of a value as well.
    pub may_be_cut: bool,
    /// Why it, or a program in it, is not understood.
    pub unread: Option<Unreadable>,
    /// The line for the target's shell.
    pub wire: String,
}

/// Says what a command does on a machine.
#[must_use]
pub fn analyze(line: &str, machine: &Machine<'_>) -> Analysis {
    let read = || {
        let mut script = parse(line)?;
        if script.0.is_empty() {
            return parse::unreadable("it is empty");
        }
        let mut reader = Reader::new(machine);
        reader.with_stream(|reader| reader.read(&mut script))?;
        reader.end();
        if reader.is_too_much() {
            return parse::unreadable("it needs more than anybody could look through");
        }
        let script = if reader.is_relative { script.within(machine.home) } else { script };
        let line = spelled(&script, machine.home)?;
        if line.len() > reader::SENT_BYTES_MAX {
            return parse::unreadable("with all its words quoted it is longer than a system takes");
        }
        Ok((line, reader))
    };
    match read() {
        Ok((line, reader)) => reader.into_analysis(line),
        Err(why) => unread(line, machine, why),
    }
}

/// What nobody has understood may do anything.
fn unread(line: &str, machine: &Machine<'_>, why: Unreadable) -> Analysis {
    let host = host(machine.host);
    Analysis {
        verb: "exec".to_owned(),
        fingerprint: "?".to_owned(),
        needs: vec![Need { action: Action::Execute, object: host.clone() }],
        trees: Vec::new(),
        facts: Facts { bounded: Some(false), ..Facts::default() },
        opaque: vec![host],
        is_raw: false,
        source: None,
        may_be_cut: true,
        unread: Some(why),
        wire: line.to_owned(),
    }
}

impl Analysis {
    /// Asks for each of these files, too, where it lies in a folder that stands for all that is in
    /// it: what policies say of one file by name holds for a command that names its folder.
    pub fn ask_for_named(&mut self, host: &str, files: impl Iterator<Item = impl AsRef<str>>) {
        let mut needs: BTreeSet<Need> = BTreeSet::new();
        for path in files {
            let path = path.as_ref();
            for tree in self.trees.iter().filter(|tree| lies_in(path, &tree.folder)) {
                needs.insert(Need { action: tree.action, object: file(host, path) });
            }
        }
        self.needs.extend(needs);
    }
}

/// A machine as an object.
#[must_use]
pub fn host(name: &str) -> Object {
    Object { kind: ObjectKind::HOST, path: vec![name.to_owned()] }
}

/// A machine that a command names, in one spelling: small letters, no dot at its end, and of
/// addresses the usual form. None where it could be another spelling of an address.
fn machine_called(name: &str) -> Option<Object> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_number = |part: &str| {
        let digits = part.strip_prefix("0x").unwrap_or(part);
        digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (part != digits || part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // Systems read `127.1`, `0177.0.0.1` and `2130706433` as addresses, too.
    let is_address = name.split('.').all(is_number);
    let is_usual = !is_address || name.parse::<std::net::Ipv4Addr>().is_ok();
    let is_named = !name.is_empty() && !name.ends_with('.');
    (is_named && is_usual).then(|| host(&name))
}

/// A program of a machine as an object.
#[must_use]
pub fn program(host: &str, name: &str) -> Object {
    Object { kind: ObjectKind::PROGRAM, path: vec![host.to_owned(), name.to_owned()] }
}

/// A terminal of a user of a machine as an object.
#[must_use]
pub fn terminal(host: &str, user: &str) -> Object {
    Object { kind: ObjectKind::TERMINAL, path: vec![host.to_owned(), user.to_owned()] }
}

/// The stronger of two changes.
fn stronger(one: Option<Change>, other: Change) -> Option<Change> {
    Some(one.map_or(other, |one| one.max(other)))
}
