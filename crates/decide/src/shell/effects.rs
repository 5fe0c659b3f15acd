//! What the programs of the table do, said of a machine's objects.

use super::formats::{shows_lines, shows_parts_whole};
use super::parse::{Unreadable, unreadable};
use super::path::holds_doors;
use super::programs::{Misuse, Program, Programs, Shows, Use, Used, packed_names, repacked_names};
use super::reader::Reader;
use super::special::{is_of_the_shell, is_special};
use super::streams::Says;
use super::syntax::Word;
use super::value::Value;
use super::{host, machine_called};
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
        self.deeper(|reader| reader.call(words))
    }

    fn call(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let Some(first) = words.first() else { return Ok(()) };
        let value = self.value(first);
        let Some(name) = value.only() else {
            return unreadable("which program runs is not known beforehand");
        };
        if name.is_empty() || name.contains('=') {
            return unreadable(format!("`{name}` is no name of a program"));
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
        // What a loop may set is looked for by name before it is read.
        if is_of_the_shell(&own) && first.literal().is_none() {
            return unreadable(format!("`{own}` is the shell's own: write its name"));
        }
        // Of a word that becomes several, each could be an option, or a program.
        let takes_any = is_sayer(&own) || self.is_nobodys(&own);
        if !takes_any && !words.iter().all(|word| self.is_whole(word)) {
            return unreadable(
                "an output or a variable that is not quoted becomes any number of words: quote it",
            );
        }
        let values: Vec<Value> = words.iter().map(|word| self.value(word)).collect();
        if values.iter().any(Value::fits_options) {
            return unreadable(
                "a pattern that begins with `-` or `+` fits options, too: write `./` before it",
            );
        }
        self.ran(&own, shape(&own, &values));
        if self.special(&own, words)? {
            return Ok(());
        }
        let arguments: Vec<Value> = words.iter().skip(1).map(|word| self.value(word)).collect();
        self.listed(&own, &arguments)
    }

    /// Whether nobody knows what a program does.
    fn is_nobodys(&self, name: &str) -> bool {
        !is_special(name) && Programs::program(self.machine.programs, name).is_none()
    }

    /// A program of the table, or one that is not in it.
    pub(super) fn listed(&mut self, name: &str, arguments: &[Value]) -> Result<(), Unreadable> {
        let Some(row) = Programs::program(self.machine.programs, name) else {
            self.unknown(name);
            return Ok(());
        };
        if let Some(is_known) = self.is_asked_only(name, arguments) {
            match is_known {
                true => self.known(name),
                false => self.code(),
            }
            return Ok(());
        }
        // A pattern may fit one file or several: what the first and the last of them is counts.
        let is_glob = |argument: &Value| matches!(argument, Value::Glob(_));
        let times = |argument: &Value| if is_glob(argument) { 2 } else { 1 };
        let twice = |argument: &Value| vec![argument.clone(); times(argument)];
        let arguments: &[Value] = &arguments.iter().flat_map(twice).collect::<Vec<_>>();
        if arguments.iter().any(|argument| argument.part().is_none()) {
            return unreadable("which files or options are meant is not known beforehand");
        }
        let used = match row.uses(arguments, Value::part, Value::behind) {
            Ok(used) => used,
            Err(why) => return self.misused(name, row, arguments, &why),
        };
        if used.is_open {
            self.streams.says = Some(Says { is_data: true, is_open: true });
        }
        let contacts_none = row.contacts()
            && !used.uses.iter().any(|(wanted, _)| matches!(wanted, Use::Host | Use::Asked));
        match row.shows {
            // It asks what its input says.
            Shows::Texts if contacts_none => self.unknown(name),
            Shows::Texts if used.is_altered || Self::shortens(&used.uses) => self.unknown(name),
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
        if ENDS_OTHERS.contains(&name) {
            self.cuts_short(name);
            self.streams.killer.get_or_insert_with(|| name.to_owned());
        }
        if row.saves && !used.uses.iter().any(|(wanted, _)| *wanted == Use::Output) {
            self.note_change(Change::Create);
            self.write_place(&Value::Texts(vec![".".to_owned()]))?;
        }
        let makes = |(wanted, value): &(Use, Value)| {
            makes_names(*wanted, value) || row.saves && *wanted == Use::Address && is_hidden(value)
        };
        if row.fetches() && used.uses.iter().any(makes) {
            self.code();
        }
        self.input_of_call(name, row, arguments, &used);
        self.looks_here(row, &used)?;
        used.uses.iter().try_for_each(|(wanted, value)| self.used(*wanted, value))?;
        self.stored_by_call(name, &used.uses);
        self.put_home(arguments, &used)?;
        Ok(())
    }

    /// A program that is told of no place looks where it stands, or in all below.
    fn looks_here(&mut self, row: &Program, used: &Used<Value>) -> Result<(), Unreadable> {
        let names_nothing = |(wanted, _): &(Use, Value)| {
            matches!(
                wanted,
                Use::Text | Use::Pattern | Use::Patterns | Use::Format | Use::Shape | Use::Setting
            )
        };
        if !used.uses.iter().all(names_nothing) {
            return Ok(());
        }
        let here = Value::Texts(vec![".".to_owned()]);
        match (used.trees || row.walks(), row.looks_around()) {
            (true, _) => self.trees(Action::Read, &here),
            (false, true) => self.files(Action::Read, &here),
            (false, false) => Ok(()),
        }
    }

    /// A program of the table is called in a way that the table has not: what it shows may be cut
    /// or written in another way, and whatever could name a file may be read or written.
    fn misused(
        &mut self,
        name: &str,
        row: &Program,
        arguments: &[Value],
        why: &Misuse,
    ) -> Result<(), Unreadable> {
        self.unknown(name);
        let why = match why {
            Misuse::Option(option) => format!("what `{name}` does with `{option}` is not known"),
            Misuse::Argument(option) => {
                format!("`{option}` of `{name}` is given too much, or too little")
            }
            Misuse::Operands => format!("`{name}` is given more than it is known to take"),
        };
        self.why.get_or_insert(Unreadable(why));
        if row.administers {
            self.need(Action::Administer, host(self.machine.host));
        }
        let is_told = |value: &Value| {
            value.texts().is_some_and(|texts| texts.iter().any(|text| row.is_told_by(text)))
        };
        // It may be told by it to send what it reads, or whom to ask.
        if row.fetches() || row.contacts() || arguments.iter().any(is_told) {
            self.code();
            return Ok(());
        }
        for argument in arguments {
            let named = argument.each_text(|text| row.may_name(text));
            self.trees(Action::Read, &named)?;
            self.trees(Action::Write, &named)?;
        }
        Ok(())
    }

    fn used(&mut self, wanted: Use, value: &Value) -> Result<(), Unreadable> {
        match wanted {
            Use::Text | Use::Pattern | Use::Size => Ok(()),
            Use::Code => {
                self.code();
                Ok(())
            }
            Use::Lines => match value {
                Value::Texts(texts) if texts.iter().all(|text| shows_lines(text)) => Ok(()),
                Value::Texts(_) | Value::Glob(_) | Value::Tree(_) | Value::Unknown => unreadable(
                    "a format with widths, without blanks between its parts, or without `\\n` at \
                     its end cuts or hides what it shows",
                ),
            },
            Use::Format => match value {
                Value::Texts(texts) if texts.iter().all(|text| shows_parts_whole(text)) => Ok(()),
                Value::Texts(_) | Value::Glob(_) | Value::Tree(_) | Value::Unknown => unreadable(
                    "a format with widths, or without blanks between its parts, cuts or hides \
                     what it shows",
                ),
            },
            Use::Mounted => self.trees(Action::Read, value),
            Use::Read | Use::List | Use::Copy => self.files(Action::Read, value),
            Use::Patterns | Use::Input => self.fed(value, false),
            Use::InputTree => self.fed(value, true),
            Use::Packed => self.fed(&value.each_text(|text| packed_names(text)), false),
            Use::Repacked => self.repacked(value),
            Use::Tree => self.trees(Action::Read, value),
            Use::CopyTree => self.copied(value),
            Use::Output => self.shown_in(value),
            Use::Write => {
                self.note_change(Change::Change);
                self.files(Action::Write, value)
            }
            Use::Make => {
                self.note_change(Change::Create);
                self.made(value)
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
            Use::Host | Use::Asked | Use::Address | Use::Sent | Use::Shape | Use::Setting => {
                self.used_beside(wanted, value)
            }
        }
    }

    /// Files that are packed or unpacked, under whichever name they are found and left.
    fn repacked(&mut self, value: &Value) -> Result<(), Unreadable> {
        self.note_change(Change::Drop);
        let named = value.each_text(|text| repacked_names(text));
        self.trees(Action::Read, &named)?;
        self.trees(Action::Define, &named)?;
        self.trees(Action::Write, &named)
    }

    /// Folders that are copied with the links in them: those of the system lead anywhere.
    fn copied(&mut self, value: &Value) -> Result<(), Unreadable> {
        let named = match value {
            Value::Texts(texts) => texts.clone(),
            Value::Tree(folder) => vec![folder.clone()],
            Value::Glob(begin) => {
                vec![begin.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()]
            }
            Value::Unknown => Vec::new(),
        };
        for text in named {
            // What a pattern begins with in `/`.
            let text = if text.is_empty() && !value.is_relative() { "/".to_owned() } else { text };
            if self.paths(&text)?.iter().any(|path| holds_doors(path)) {
                return unreadable("links of the system lead anywhere, and are copied as they are");
            }
        }
        self.trees(Action::Read, value)
    }

    /// What a program shows goes into a file, or, for `-`, where it always goes.
    fn shown_in(&mut self, value: &Value) -> Result<(), Unreadable> {
        self.note_change(Change::Change);
        self.opened(&value.without(|text| text == "-"))
    }

    /// A machine is asked something.
    pub(super) fn asks(&mut self, name: &str) -> Result<(), Unreadable> {
        let Some(machine) = machine_called(name) else {
            return unreadable(format!("`{name}` is no name of a machine"));
        };
        self.need(Action::Write, machine);
        Ok(())
    }

    /// The same for what is no file: machines, and what this one goes by.
    fn used_beside(&mut self, wanted: Use, value: &Value) -> Result<(), Unreadable> {
        let begins = |texts: &[String]| texts.iter().all(|text| text.starts_with('+'));
        match (wanted, value) {
            (Use::Shape, Value::Texts(texts)) if begins(texts) => Ok(()),
            (Use::Shape | Use::Setting, _) => {
                self.note_change(Change::Change);
                self.need(Action::Administer, host(self.machine.host));
                Ok(())
            }
            (Use::Address, Value::Texts(texts)) => {
                for text in texts {
                    match machine_of(text).and_then(machine_called) {
                        Some(machine) => self.need(Action::Write, machine),
                        None => self.code(),
                    }
                }
                Ok(())
            }
            (Use::Sent, Value::Texts(texts)) if !texts.iter().any(|text| names_file(text)) => {
                Ok(())
            }
            (Use::Address | Use::Sent, _) => {
                self.code();
                Ok(())
            }
            (_, Value::Texts(texts)) => {
                for text in texts {
                    let is_word = wanted == Use::Asked && says_how_to_ask(text);
                    let name = text.strip_prefix('@').unwrap_or(text);
                    if is_word {
                        continue;
                    }
                    self.asks(name)?;
                }
                Ok(())
            }
            (_, Value::Glob(_) | Value::Tree(_) | Value::Unknown) => {
                unreadable("which machine is meant is not known beforehand")
            }
        }
    }

    /// Whether a call cuts what it works on, so that what is left may not look like what it is:
    /// `truncate` to a length that is not zero.
    fn shortens(uses: &[(Use, Value)]) -> bool {
        let mut sizes = uses.iter().filter(|(wanted, _)| *wanted == Use::Size);
        let is_none = |value: &Value| match value {
            Value::Texts(texts) => texts.iter().all(|text| text == "0"),
            Value::Glob(_) | Value::Tree(_) | Value::Unknown => false,
        };
        sizes.any(|(_, value)| !is_none(value))
    }

    /// Calls that the table alone does not tell from others: whether one is known to do no more
    /// than ask, or is code. None where the table says it.
    fn is_asked_only(&self, name: &str, arguments: &[Value]) -> Option<bool> {
        let texts: Option<Vec<&str>> = arguments.iter().map(Value::only).collect();
        let Some(texts) = texts else {
            return matches!(name, "ps" | "mount").then_some(false);
        };
        match (name, texts.as_slice()) {
            ("ps", texts) => shows_environments(texts).then_some(false),
            ("mount", []) | ("kill", ["-l" | "-L"]) => Some(true),
            ("mount", texts) => mounts_otherwise(texts).then_some(false),
            // It sends nothing: it asks whether somebody is there.
            ("kill", ["-0", numbers @ ..]) => {
                let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
                numbers.iter().all(is_number).then_some(true)
            }
            _ => None,
        }
    }
}

/// A command without its constants.
fn shape(name: &str, words: &[Value]) -> String {
    let mut shape = name.to_owned();
    for value in words.iter().skip(1) {
        let option = value.only().filter(|text| text.starts_with('-'));
        shape.push(' ');
        shape.push_str(option.unwrap_or("?"));
    }
    shape
}

/// Programs that end others.
const ENDS_OTHERS: [&str; 7] =
    ["kill", "pkill", "killall", "reboot", "shutdown", "poweroff", "halt"];

/// Whether a program shows its words one after the other, however many they are.
fn is_sayer(name: &str) -> bool {
    matches!(name, "echo" | "printf")
}

/// Whether `curl` makes several names of one: `{a,b}`, `[1-9]`, and `#1` for what it has made.
fn makes_names(wanted: Use, value: &Value) -> bool {
    let signs: &[char] = match wanted {
        Use::Address | Use::Input => &['{', '}', '[', ']'],
        Use::Output => &['#'],
        _ => return false,
    };
    value.texts().is_some_and(|texts| texts.iter().any(|text| text.contains(signs)))
}

/// Whether what an address names is saved under a name that could tell programs how to work.
fn is_hidden(address: &Value) -> bool {
    let name = |text: &String| text.rsplit('/').next().unwrap_or_default().starts_with('.');
    address.texts().is_none_or(|texts| texts.iter().any(name))
}

/// Whether a text that `curl` sends, or shows, names a file instead.
fn names_file(text: &str) -> bool {
    text.starts_with('@') || text.contains("%output")
}

/// The machine of an address; none where it cannot be said, or there is none: `file:///etc/passwd`.
fn machine_of(address: &str) -> Option<&str> {
    const KINDS: [&str; 4] = ["http", "https", "ftp", "ftps"];
    let rest = match address.split_once("://") {
        Some((kind, rest)) => KINDS.contains(&kind).then_some(rest)?,
        None => address,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit('@').next()?;
    let (name, port) = place.split_once(':').unwrap_or((place, "80"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let is_known = !name.is_empty() && name.chars().all(is_plain);
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_known && is_port).then_some(name)
}

/// Words of `dig` that are no names: options, and which records are asked for.
fn says_how_to_ask(text: &str) -> bool {
    const RECORDS: [&str; 13] =
        ["A", "AAAA", "ANY", "CAA", "CNAME", "IN", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "DS"];
    text.starts_with('+') || RECORDS.iter().any(|record| record.eq_ignore_ascii_case(text))
}

/// Whether `ps` shows environments, in which secrets stand, or cuts: an operand without a dash is
/// letters (`axe`), and what stands behind `o` in them is a format.
fn shows_environments(texts: &[&str]) -> bool {
    // Where the words are none of its usual ones, it reads all of them as letters.
    let is_letters =
        |text: &str| text.chars().all(|letter| "acefghjlmnrsuvwxSTLXHZ".contains(letter));
    let mut rest = texts.iter();
    // Of all formats together, in their order.
    let mut formats = Vec::new();
    while let Some(text) = rest.next() {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
        if let Some(format) = text.strip_prefix("--format") {
            let format = format.strip_prefix('=').or_else(|| rest.next().copied());
            formats.push(format.unwrap_or_default());
            continue;
        }
        if is_number || text.starts_with("--") {
            continue;
        }
        let (letters, takes) = match text.strip_prefix('-') {
            Some(letters) => (letters, "oOkptUuCgGqs"),
            None => (*text, "oOkpqU"),
        };
        let at = letters.find(|letter| takes.contains(letter)).unwrap_or(letters.len());
        let alone = letters.get(..at).unwrap_or_default();
        if !text.starts_with('-') && alone.contains('e') {
            return true;
        }
        let argument = match letters.get(at + 1..) {
            None => continue,
            Some("") => rest.next().copied().unwrap_or_default(),
            Some(inner) => inner,
        };
        match letters.get(at..=at) {
            // Others stand behind these.
            Some("O") => formats.extend([argument, "pid"]),
            Some("o") => formats.push(argument),
            _ if argument.contains('e') && is_letters(argument) => return true,
            _ => {}
        }
    }
    cuts_columns(&formats)
}

/// Whether columns of `ps` are cut: by a width, by that of a heading of one's own, or, where the
/// text of a column has no bound, by the column behind it. Or whether they show environments.
fn cuts_columns(formats: &[&str]) -> bool {
    const WITHOUT_BOUND: [&str; 14] = [
        "args", "cgname", "cgroup", "cmd", "comm", "command", "context", "exe", "fname", "label",
        "ucmd", "ucomm", "unit", "uunit",
    ];
    let names = || {
        let parts = formats.iter().flat_map(|format| format.split([',', ' ', '\t', '\n']));
        parts.filter(|name| !name.is_empty())
    };
    let before_last = names().count().saturating_sub(1);
    names().any(|name| name.contains(['=', ':']) || name.contains("env"))
        || names().take(before_last).any(|name| WITHOUT_BOUND.contains(&name))
}

/// Whether `mount` runs another program for a kind of file system, or names folders in options.
fn mounts_otherwise(texts: &[&str]) -> bool {
    const KINDS: [&str; 13] = [
        "auto", "btrfs", "cifs", "exfat", "ext2", "ext3", "ext4", "iso9660", "nfs", "nfs4",
        "tmpfs", "vfat", "xfs",
    ];
    let mut kinds = texts.iter().enumerate().filter_map(|(at, text)| {
        let letters = text.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
        match letters.split_once('t') {
            Some((before, _)) if before.contains('o') => None,
            Some((_, "")) => texts.get(at + 1).copied(),
            Some((_, kind)) => Some(kind),
            None => None,
        }
    });
    kinds.any(|kind| !KINDS.contains(&kind))
        || texts.iter().any(|text| text.contains("=/") || text.contains("dir="))
}
