//! Programs that run others, or whose arguments are a language of their own.

use super::parse::{Unreadable, parse, unreadable};
use super::reader::{Reader, SENT_BYTES_MAX};
use super::streams::Takes;
use super::syntax::{Piece, Word, spelled};
use super::value::{Part, Value};
use super::variables::{is_harmless, may_be_set};
use super::words::numbers;
use super::{host, machine_called};
use portreeve_model::Action;

/// Programs that run what their arguments or their input say.
const INTERPRETERS: [&str; 62] = [
    "let",
    "getopts",
    "pushd",
    "popd",
    "fc",
    "bind",
    "complete",
    "compgen",
    "zmodload",
    "autoload",
    "emulate",
    "noglob",
    "nocorrect",
    ".",
    "source",
    "trap",
    "alias",
    "unalias",
    "hash",
    "enable",
    "shopt",
    "declare",
    "typeset",
    "local",
    "readonly",
    "mapfile",
    "readarray",
    "awk",
    "gawk",
    "mawk",
    "nawk",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "php",
    "lua",
    "tclsh",
    "expect",
    "vi",
    "vim",
    "nano",
    "ed",
    "ex",
    "emacs",
    "less",
    "more",
    "man",
    "make",
    "gcc",
    "cc",
    "gdb",
    "strace",
    "ltrace",
    "busybox",
    "chroot",
    "nsenter",
    "unshare",
    "script",
    "at",
    "batch",
    "parallel",
];
/// Others that are read by a function of their own.
const READ_HERE: [&str; 41] = [
    "cd",
    "export",
    "echo",
    "test",
    "[",
    "printf",
    "set",
    "exit",
    "return",
    "break",
    "continue",
    "wait",
    "umask",
    "shift",
    "unset",
    "read",
    "sudo",
    "doas",
    "su",
    "env",
    "timeout",
    "nice",
    "nohup",
    "ionice",
    "stdbuf",
    "setsid",
    "time",
    "command",
    "exec",
    "builtin",
    "xargs",
    "find",
    "eval",
    "sed",
    "ssh",
    "systemctl",
    "service",
    "getent",
    "ip",
    "scp",
    "psql",
];

/// Whether what a program does is not a matter of a row of a table.
pub(super) fn is_special(name: &str) -> bool {
    READ_HERE.contains(&name)
        || INTERPRETERS.contains(&name)
        || SHELLS.contains(&name)
        || name == "rsync"
        || name.starts_with("python")
}

/// What a shell does itself.
const OF_THE_SHELL: [&str; 15] = [
    "cd", "set", "unset", "read", "eval", "exec", "exit", "return", "break", "continue", "wait",
    "umask", "shift", "builtin", "export",
];

/// Whether a name is of something that a shell does itself, where it runs.
pub(super) fn is_of_the_shell(name: &str) -> bool {
    OF_THE_SHELL.contains(&name)
}
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "rbash"];

/// Letters of options: those that stand alone, and those that take the next word.
struct Letters {
    alone: &'static str,
    taking: &'static str,
    longs: &'static [&'static str],
}

impl Reader<'_> {
    /// Reads a program that is not of the table. False where it is none of these.
    pub(super) fn special(&mut self, name: &str, words: &mut [Word]) -> Result<bool, Unreadable> {
        match name {
            "cd" => self.change_folder(words)?,
            "echo" => self.say(words)?,
            "test" | "[" => self.compare(name, words)?,
            "printf" => self.print(words)?,
            "set" => self.set(words)?,
            "exit" | "return" | "break" | "continue" | "wait" | "umask" | "shift" => {
                return numbers(words).map(|()| true);
            }
            "unset" | "read" => self.names(words)?,
            "export" => self.exported(words)?,
            "sudo" | "doas" => self.as_another(name, words)?,
            "su" => {
                self.need(Action::Administer, host(self.machine.host));
                self.code();
            }
            "env" => self.environment(words)?,
            "timeout" | "nice" | "nohup" | "ionice" | "stdbuf" | "setsid" | "time" | "command"
            | "exec" | "builtin" => self.around(name, words)?,
            "xargs" => {
                let why = "which files `xargs` names is not known, and it cuts lines: write \
                           `find … -exec PROGRAM {} +`";
                return unreadable(why);
            }
            "find" => self.find(words)?,
            "eval" => self.eval(words)?,
            "sed" => self.edit(words)?,
            "ssh" => self.elsewhere(words)?,
            "systemctl" | "service" => self.services(name, words),
            "getent" => self.look_up(words)?,
            "ip" => self.network(words)?,
            "scp" if words.iter().any(is_far_end) => {
                return unreadable("`scp` copies over SFTP here: leave out `-O`");
            }
            "rsync" => self.synchronize(words)?,
            "git-upload-pack" | "git-receive-pack" | "git-upload-archive" => {
                return self.repository(name, words).map(|()| false);
            }
            #[cfg(feature = "sql")]
            "psql" => self.psql(words)?,
            name if says_its_version(name, words) => self.known(name),
            name if SHELLS.contains(&name) => self.shell(words)?,
            name if INTERPRETERS.contains(&name) || name.starts_with("python") => self.code(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How many words the options behind a program's name take up; none where one is not known.
    fn options(&self, words: &[Word], letters: &Letters) -> Option<usize> {
        let mut at = 1;
        while let Some(word) = words.get(at) {
            let shown = match self.value(word).part()? {
                Part::Option(text) if text.starts_with('-') => text,
                Part::Option(_) | Part::Operand => return Some(at),
            };
            at += 1;
            match shown.as_str() {
                "--" => return Some(at),
                word if word.starts_with("--") => {
                    let is_known = letters.longs.iter().any(|long| match long.strip_suffix('=') {
                        Some(_) => word.starts_with(long),
                        None => word.split('=').next() == Some(long),
                    });
                    if !is_known {
                        return None;
                    }
                }
                word => {
                    let taking = word.find(|letter| letters.taking.contains(letter));
                    let alone = word.get(1..taking.unwrap_or(word.len())).unwrap_or_default();
                    if !alone.chars().all(|letter| letters.alone.contains(letter)) {
                        return None;
                    }
                    if taking.is_some_and(|at| at + 1 == word.len()) {
                        at = self.behind_argument(words, at)?;
                    }
                }
            }
        }
        Some(at)
    }

    /// Where it goes on behind an argument that names nothing; none where that could be more words
    /// than one, or hide what it holds from who reads of it in an error.
    fn behind_argument(&self, words: &[Word], at: usize) -> Option<usize> {
        words.get(at).filter(|word| self.is_one_plain(word)).map(|_| at + 1)
    }

    /// What is run behind so many words.
    fn inner(&mut self, words: &mut [Word], at: usize) -> Result<(), Unreadable> {
        match words.get_mut(at..) {
            Some(inner) if !inner.is_empty() => self.run(inner),
            _ => Ok(()),
        }
    }

    /// The same for a program that starts it: what belongs to a shell is not there.
    fn outer(&mut self, words: &mut [Word], at: usize) -> Result<(), Unreadable> {
        let name = words.get(at).and_then(Word::literal).unwrap_or_default();
        if OF_THE_SHELL.contains(&name.as_str()) {
            return unreadable(format!("`{name}` is the shell's own: no program starts it"));
        }
        self.apart(|reader| reader.inner(words, at))
    }

    fn change_folder(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let [_, word] = words else {
            return unreadable("`cd` takes one folder here");
        };
        let Value::Texts(texts) = self.value(word) else {
            return unreadable("which folder is meant is not known beforehand");
        };
        // Shells differ in what they do then: they go home, stay, or go back.
        if texts.iter().any(|text| text.is_empty() || text.starts_with(['-', '+'])) {
            return unreadable("`cd` takes one folder here");
        }
        let mut folders = Vec::new();
        for text in &texts {
            folders.extend(self.paths(text)?);
        }
        self.folders = Some(folders);
        Ok(())
    }

    /// `set -e` and the like say when to stop; the rest changes how a script is read.
    fn set(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let is_known = |word: &Word| {
            let word = word.literal().unwrap_or_default();
            let letters = word.strip_prefix('-').unwrap_or("?");
            word == "pipefail" || letters.chars().all(|letter| "euxo".contains(letter))
        };
        if words.len() < 2 {
            return unreadable("`set` shows variables in a form of its own");
        }
        let shows = |word: &Word| word.literal().is_some_and(|text| text.contains('x'));
        self.traces |= words.iter().skip(1).any(shows);
        match words.iter().skip(1).all(is_known) {
            true => Ok(()),
            false => unreadable("of `set` only `-e`, `-u`, `-x` and `-o pipefail` are read"),
        }
    }

    fn names(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let literals: Option<Vec<String>> = words.iter().map(Word::literal).collect();
        let Some([own, names @ ..]) = literals.as_deref() else {
            return unreadable("which variable is meant is not known beforehand");
        };
        let names: Vec<&String> = match (own.as_str(), names) {
            ("read", [option, names @ ..]) if option == "-r" => names.iter().collect(),
            (_, names) => names.iter().collect(),
        };
        if own == "read" && names.len() != 1 {
            return unreadable("`read` takes one name here: several cut a line at blanks");
        }
        let is_free = |name: &&&String| own == "unset" || !is_harmless(name);
        if !names.iter().all(|name| is_name(name) && may_be_set(name))
            || !names.iter().all(|name| is_free(&name))
        {
            return unreadable("it sets what is no variable, or tells the system how to work");
        }
        names.iter().for_each(|name| self.variables.forget(name));
        if own == "read" {
            self.takes_input(own, Takes::Line);
        }
        Ok(())
    }

    /// `export LC_ALL=C`: what every program behind it hears changes how it works, but for these.
    fn exported(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let is_known = |word: &Word| {
            let text = word.literal().unwrap_or_default();
            is_harmless(text.split('=').next().unwrap_or_default())
        };
        match words.len() > 1 && words.iter().skip(1).all(is_known) {
            true => Ok(()),
            false => {
                unreadable("of `export` only `LANG`, `LC_*`, `TERM`, `TZ` and the like are read")
            }
        }
    }

    fn as_another(&mut self, name: &str, words: &mut [Word]) -> Result<(), Unreadable> {
        self.need(Action::Administer, host(self.machine.host));
        let letters = Letters {
            alone: "nEHkSPb",
            taking: "ugpC",
            longs: &["--non-interactive", "--preserve-env", "--stdin", "--user=", "--group="],
        };
        match self.options(words, &letters) {
            Some(at) => self.outer(words, at),
            None => {
                self.unknown(name);
                self.code();
                Ok(())
            }
        }
    }

    fn environment(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        self.known("env");
        let letters = Letters { alone: "i", taking: "u", longs: &["--ignore-environment"] };
        let Some(mut at) = self.options(words, &letters) else {
            self.code();
            return Ok(());
        };
        while let Some(word) = words.get(at) {
            let value = self.value(word);
            let Some(text) = value.only() else {
                return unreadable("which program runs is not known beforehand");
            };
            match text.split_once('=') {
                Some((name, _)) if is_harmless(name) => at += 1,
                Some((name, _)) => {
                    return unreadable(format!("`{name}` tells the system how to work"));
                }
                None => break,
            }
        }
        if at >= words.len() {
            // By itself it shows what it is told, secrets in it as well.
            self.code();
        }
        self.outer(words, at)
    }

    /// Programs that run another one as it stands.
    fn around(&mut self, name: &str, words: &mut [Word]) -> Result<(), Unreadable> {
        let letters = match name {
            "timeout" => Letters {
                alone: "v",
                taking: "ks",
                longs: &["--preserve-status", "--foreground", "--verbose"],
            },
            "nice" => Letters { alone: "", taking: "n", longs: &[] },
            "ionice" => Letters { alone: "t", taking: "cn", longs: &[] },
            "stdbuf" => Letters { alone: "", taking: "ioe", longs: &[] },
            "setsid" => Letters { alone: "cfw", taking: "", longs: &[] },
            "time" => Letters { alone: "p", taking: "", longs: &[] },
            "command" => Letters { alone: "pvV", taking: "", longs: &[] },
            _ => Letters { alone: "", taking: "", longs: &[] },
        };
        self.known(name);
        let at = self.options(words, &letters).and_then(|at| match name {
            // How long it may take.
            "timeout" => {
                self.cuts_short(name);
                self.behind_argument(words, at)
            }
            _ => Some(at),
        });
        let Some(at) = at else {
            self.unknown(name);
            self.code();
            return Ok(());
        };
        let asks = |word: &Word| self.value(word).only().is_some_and(|it| it.contains(['v', 'V']));
        if name == "command" && words.iter().take(at).skip(1).any(asks) {
            return Ok(());
        }
        match name {
            "time" | "command" | "builtin" => self.inner(words, at),
            "timeout" => {
                let before = self.streams.ender.replace(name.to_owned());
                self.outer(words, at)?;
                self.streams.ender = before;
                Ok(())
            }
            // With redirections it moves the streams of all that follows.
            "exec" if words.len() < 2 => unreadable(
                "`exec` by itself moves streams of all that follows: write `{ …; } > FILE`",
            ),
            _ => self.outer(words, at),
        }
    }

    fn eval(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let Some(texts) = texts else {
            return unreadable("what `eval` runs is not known beforehand");
        };
        let text = texts.join(" ");
        self.count_script(&text)?;
        let mut script = parse(&text)?;
        self.read_within(&mut script)?;
        self.streams.is_counted = true;
        let line = spelled(&script, self.machine.home)?;
        for word in words.iter_mut().skip(1) {
            *word = Word(vec![Piece::Text(String::new())]);
        }
        if let Some(word) = words.get_mut(1) {
            *word = Word(vec![Piece::Text(line)]);
        }
        Ok(())
    }

    /// A script in an argument; gives its one spelling.
    fn script_in(&mut self, text: &str) -> Result<String, Unreadable> {
        self.count_script(text)?;
        let mut script = parse(text)?;
        self.read(&mut script)?;
        self.streams.is_counted = true;
        let line = spelled(&script, self.machine.home)?;
        // Quotes within quotes make it four times as long with each script in a script.
        match line.len() > SENT_BYTES_MAX {
            true => unreadable("with all its words quoted it is longer than a system takes"),
            false => Ok(line),
        }
    }

    /// `sh -c SCRIPT` is looked into; a shell that reads anything else runs what nobody sees. The
    /// script is the first word that is no option: `sh -c sh -c true` runs `sh`.
    fn shell(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let Some((text, traces)) = self.script_of(words) else {
            self.code();
            return Ok(());
        };
        self.traces |= traces;
        let folders = self.folders.clone();
        let line = self.script_in(&text)?;
        self.folders = folders;
        if let Some(word) = words.last_mut() {
            *word = Word(vec![Piece::Text(line)]);
        }
        Ok(())
    }

    /// The script that a shell is called with, and whether it shows what it runs.
    fn script_of(&self, words: &[Word]) -> Option<(String, bool)> {
        let letters = Letters { alone: "eluxc", taking: "", longs: &["--norc", "--noprofile"] };
        self.options(words, &letters).filter(|at| at + 1 == words.len())?;
        let values: Vec<Value> = words.iter().map(|word| self.value(word)).collect();
        let [_, options @ .., script] = values.as_slice() else { return None };
        let has = |letter: char| {
            let short = options.iter().filter_map(Value::only).filter(|it| !it.starts_with("--"));
            short.into_iter().any(|text| text.contains(letter))
        };
        let is_one = has('c') && script.part() == Some(Part::Operand);
        script.only().filter(|_| is_one).map(|text| (text.to_owned(), has('x')))
    }

    /// `sed -n '5,10p'` chooses lines; everything else rewrites them.
    fn edit(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let values: Vec<Value> = words.iter().skip(1).map(|word| self.value(word)).collect();
        let is_file = |value: &Value| value.part() == Some(Part::Operand);
        match values.as_slice() {
            [quiet, script, files @ ..]
                if quiet.only() == Some("-n")
                    && script.only().is_some_and(chooses_lines)
                    && files.iter().all(is_file) =>
            {
                self.known("sed");
                let is_input = |file: &&Value| matches!(file.only(), Some("-" | "/dev/stdin"));
                let times = files.iter().filter(is_input).count();
                let is_sure = files.len() == times && script.only().is_some_and(chooses_surely);
                let how = if is_sure { Takes::Whole } else { Takes::Blocks };
                let times = times.max(usize::from(files.is_empty())).min(2);
                (0..times).for_each(|_| self.takes_input("sed", how));
                files.iter().try_for_each(|value| self.fed(value, false))
            }
            _ => {
                self.code();
                Ok(())
            }
        }
    }

    fn elsewhere(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let letters = Letters { alone: "qTtvn46", taking: "lp", longs: &[] };
        let behind = self.options(words, &letters).and_then(|at| words.get(at..));
        let Some([word, rest @ ..]) = behind else {
            self.code();
            return Ok(());
        };
        // It looks for options behind the name once more.
        let is_command = |word: &Word| self.value(word).part() == Some(Part::Operand);
        let machine = |text: &String| {
            let name = text.rsplit('@').next().unwrap_or_default();
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
            name.chars().all(is_plain).then(|| machine_called(name)).flatten()
        };
        let value = self.value(word);
        let machines: Option<Vec<_>> =
            value.texts().and_then(|texts| texts.iter().map(machine).collect());
        let machines = machines.filter(|_| rest.first().is_none_or(is_command));
        let Some(machines) = machines else {
            self.code();
            return Ok(());
        };
        self.unknown("ssh");
        machines.into_iter().for_each(|machine| self.need(Action::Execute, machine));
        Ok(())
    }

    /// Asking about services is reading; everything else runs the machine. A name that leads to a
    /// file makes code of it: `service ../../tmp/x status` runs that.
    fn services(&mut self, name: &str, words: &[Word]) {
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let texts = texts.unwrap_or_else(|| vec!["/".to_owned()]);
        let is_known = |text: &String| match name {
            "service" if text.starts_with('-') => text == "--status-all",
            "systemctl" if text.starts_with('-') => match text.split_once('=') {
                None => UNIT_OPTIONS.contains(&text.as_str()),
                Some((option, names)) => {
                    ["--property", "--type", "--state"].contains(&option)
                        && names.split(',').all(is_name_of_a_service)
                }
            },
            _ => is_name_of_a_service(text),
        };
        self.known(name);
        if !texts.iter().all(is_known) || texts.iter().any(|text| text == "edit") {
            return self.code();
        }
        let asks = [
            "status",
            "is-active",
            "is-enabled",
            "is-failed",
            "is-system-running",
            "show",
            "list-units",
            "list-unit-files",
            "list-timers",
            "list-sockets",
            "list-dependencies",
        ];
        let is_asked = match (name, texts.as_slice()) {
            ("service", [_, verb]) => verb == "status",
            ("service", _) => false,
            (_, texts) => {
                // What stands behind `-p` is no verb, and the first other word is.
                let takes = |at: usize| {
                    at.checked_sub(1).and_then(|at| texts.get(at)).is_some_and(|it| it == "-p")
                };
                let mut verbs = texts
                    .iter()
                    .enumerate()
                    .filter(|(at, text)| !text.starts_with('-') && !takes(*at));
                verbs.next().is_none_or(|(_, verb)| asks.contains(&verb.as_str()))
                    && !texts.iter().any(|text| text == "--now")
            }
        };
        if !is_asked {
            self.need(Action::Administer, host(self.machine.host));
        }
    }

    /// `getent` shows what a file of the system holds, or asks who a machine is.
    fn look_up(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let texts = texts.unwrap_or_default();
        let Some((database, keys)) = texts.split_first() else {
            self.code();
            return Ok(());
        };
        let is_asked = matches!(database.as_str(), "hosts" | "ahosts" | "ahostsv4" | "ahostsv6");
        let file = match database.as_str() {
            "passwd" | "group" | "shadow" | "gshadow" | "services" | "protocols" | "networks"
            | "rpc" | "ethers" | "aliases" | "netgroup" | "hosts" => database.as_str(),
            "initgroups" => "group",
            "ahosts" | "ahostsv4" | "ahostsv6" => "hosts",
            _ => {
                self.code();
                return Ok(());
            }
        };
        // `-s` names a library that it loads.
        if keys.iter().any(|key| key.starts_with('-')) {
            self.code();
            return Ok(());
        }
        self.known("getent");
        if is_asked {
            keys.iter().try_for_each(|key| self.asks(key))?;
        }
        self.files(Action::Read, &Value::Texts(vec![format!("/etc/{file}")]))
    }

    /// Asking about the network is reading; everything else changes it. What is not written out
    /// (`ip net e NAME PROGRAM`), files of commands and programs for the kernel are code.
    fn network(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let texts: Vec<String> =
            words.iter().map(|word| word.literal().unwrap_or_else(|| "?".to_owned())).collect();
        let is_option = |text: &String| IP_OPTIONS.contains(&text.as_str());
        let options = texts.iter().skip(1).take_while(|text| is_option(text)).count();
        let rest: Vec<&str> = texts.iter().skip(1 + options).map(String::as_str).collect();
        self.known("ip");
        let is_asked = match rest.as_slice() {
            [object, "show" | "list" | "ls", "dev", name]
            | [object, "show" | "list" | "ls", name] => {
                IP_ASKS.contains(object) && is_name_of_a_service(name)
            }
            rest => rest.iter().all(|text| IP_ASKS.contains(text)),
        };
        if is_asked {
            return Ok(());
        }
        self.need(Action::Administer, host(self.machine.host));
        if let ["netns" | "vrf", "exec", name, ..] = rest.as_slice()
            && !name.starts_with('-')
        {
            return match self.behind_argument(words, options + 3) {
                Some(at) => self.outer(words, at),
                None => unreadable("which one is meant is not known beforehand"),
            };
        }
        let loads = |text: &&str| {
            ["xdp", "bpf", "obj"].iter().any(|begin| text.starts_with(begin))
                || text.starts_with(['-', '/', '.', '?'])
        };
        let is_known = match rest.as_slice() {
            ["netns", verb, ..] => matches!(*verb, "add" | "del" | "delete" | "list" | "pids"),
            [object, ..] => IP_ASKS.contains(object),
            [] => true,
        };
        if !is_known || rest.iter().any(loads) {
            self.code();
        }
        Ok(())
    }
}

/// Whether a text is the name of a variable, and nothing that a shell looks into.
fn is_name(text: &str) -> bool {
    let is_plain = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
    text.chars().all(is_plain) && text.chars().next().is_some_and(|it| !it.is_ascii_digit())
}

/// Whether a text is the name of a service, and no path to a file.
fn is_name_of_a_service(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.@-".contains(letter);
    !text.is_empty() && text.chars().all(is_plain) && !text.contains("..")
}

/// Whether a program is asked for its version, and for nothing else.
fn says_its_version(name: &str, words: &[Word]) -> bool {
    let is_one = name.starts_with("python") || ["git", "bash"].contains(&name);
    let is_named = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
    let [_, option] = words else { return false };
    is_one && is_named && option.literal().as_deref() == Some("--version")
}

/// Whether a word makes `scp` the far end of another one.
fn is_far_end(word: &Word) -> bool {
    matches!(word.literal().as_deref(), Some("-t" | "-f"))
}

/// Whether a script of `sed` only says which lines are shown.
fn chooses_lines(script: &str) -> bool {
    let Some(range) = script.strip_suffix('p') else { return false };
    !range.is_empty()
        && range.chars().all(|letter| letter.is_ascii_digit() || ",$".contains(letter))
}

/// Whether such a script is one that `sed` takes: from one line that there may be, to another.
fn chooses_surely(script: &str) -> bool {
    let is_line = |text: &str| {
        text == "$" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let lines = script.trim_end_matches('p');
    lines.split(',').count() <= 2 && lines.split(',').all(|text| !text.is_empty() && is_line(text))
}

/// Options of `systemctl` that change nothing but looks, or which units are meant.
const UNIT_OPTIONS: [&str; 11] = [
    "-p",
    "--no-pager",
    "-l",
    "--full",
    "--all",
    "-a",
    "--quiet",
    "-q",
    "--failed",
    "--now",
    "--no-block",
];
/// Options of `ip` that change nothing but looks.
const IP_OPTIONS: [&str; 11] =
    ["-4", "-6", "-o", "-s", "-d", "-br", "-brief", "-json", "-j", "-p", "-oneline"];
/// What `ip` is asked about, and how.
const IP_ASKS: [&str; 17] = [
    "a",
    "addr",
    "address",
    "l",
    "link",
    "r",
    "route",
    "n",
    "neigh",
    "neighbour",
    "neighbor",
    "rule",
    "show",
    "list",
    "ls",
    "s",
    "tunnel",
];
