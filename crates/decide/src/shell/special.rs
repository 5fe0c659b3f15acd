//! Programs that run others, or whose arguments are a language of their own.

use super::effects::has_widths;
use super::host;
use super::parse::{Unreadable, parse, unreadable};
use super::reader::{Reader, Value};
use super::syntax::{Piece, Word, Writer};
use super::variables::{is_harmless, may_be_set};
use portreeve_model::{Action, Change};

/// Programs that run what their arguments or their input say.
const INTERPRETERS: [&str; 50] = [
    ".",
    "source",
    "trap",
    "alias",
    "unalias",
    "hash",
    "enable",
    "shopt",
    "export",
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
            "echo" => self.known(name),
            "test" | "[" => self.known(name),
            "printf" => self.print(words)?,
            "set" => self.set(words)?,
            "exit" | "return" | "break" | "continue" | "wait" | "umask" | "shift" => {}
            "unset" | "read" => self.names(words)?,
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
            "systemctl" | "service" => self.services(name, words)?,
            "ip" => self.network(words),
            "scp" if words.iter().any(is_far_end) => {
                return unreadable("`scp` copies over SFTP here: leave out `-O`");
            }
            "rsync" => self.synchronize(words)?,
            "curl" | "wget" => self.fetch(name, words)?,
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
            let shown = self.value(word).shown()?;
            at += 1;
            match shown.as_str() {
                "--" => return Some(at),
                word if word.starts_with("--") => {
                    let name = word.split('=').next().unwrap_or_default();
                    if !letters.longs.contains(&name) {
                        return None;
                    }
                }
                word if word.len() > 1 && word.starts_with('-') => {
                    let taking = word.find(|letter| letters.taking.contains(letter));
                    let alone = word.get(1..taking.unwrap_or(word.len())).unwrap_or_default();
                    if !alone.chars().all(|letter| letters.alone.contains(letter)) {
                        return None;
                    }
                    at += usize::from(taking.is_some_and(|at| at + 1 == word.len()));
                }
                _ => return Some(at - 1),
            }
        }
        Some(at)
    }

    /// What is run behind so many words.
    fn inner(&mut self, words: &mut [Word], at: usize) -> Result<(), Unreadable> {
        match words.get_mut(at..) {
            Some(inner) if !inner.is_empty() => self.run(inner),
            _ => Ok(()),
        }
    }

    fn change_folder(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let home = || Value::Texts(vec![self.machine.home.to_owned()]);
        let value = words.get(1).map_or_else(home, |word| self.value(word));
        let Value::Texts(texts) = value else {
            return unreadable("which folder is meant is not known beforehand");
        };
        if words.len() > 2 || texts.iter().any(|text| text.starts_with('-')) {
            return unreadable("`cd` takes one folder here");
        }
        let mut folders = Vec::new();
        for text in &texts {
            folders.extend(self.paths(text)?);
        }
        self.folders = Some(folders);
        Ok(())
    }

    /// `%s` and numbers show words whole; the rest may cut them.
    fn print(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let format = words.get(1).and_then(Word::literal).unwrap_or_else(|| "%".to_owned());
        let mut places = format.split('%').skip(1).peekable();
        let mut is_plain = true;
        while let Some(place) = places.next() {
            match place.chars().next() {
                Some('s' | 'd' | 'i') => {}
                // `%%`.
                None if places.peek().is_some() => drop(places.next()),
                _ => is_plain = false,
            }
        }
        // Each piece of a word that is cut gets the format.
        let is_whole = !words.iter().any(|word| self.is_cut(word));
        if is_plain && is_whole {
            self.known("printf");
        } else {
            self.unknown("printf");
        }
        Ok(())
    }

    /// `set -e` and the like say when to stop; the rest changes how a script is read.
    fn set(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let is_known = |word: &Word| {
            let word = word.literal().unwrap_or_default();
            let letters = word.strip_prefix('-').unwrap_or("?");
            word == "pipefail" || letters.chars().all(|letter| "euxo".contains(letter))
        };
        match words.iter().skip(1).all(is_known) {
            true => Ok(()),
            false => unreadable("of `set` only `-e`, `-u`, `-x` and `-o pipefail` are read"),
        }
    }

    fn names(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let is_known = |word: &Word| {
            let word = word.literal().unwrap_or_else(|| "PATH".to_owned());
            word == "-r" || !word.starts_with('-') && may_be_set(&word)
        };
        let takes_lines = words.first().and_then(Word::literal).as_deref() == Some("read");
        let names = words.iter().skip(1).filter(|word| word.literal().as_deref() != Some("-r"));
        if takes_lines && names.count() != 1 {
            return unreadable("`read` takes one name here: several cut a line at blanks");
        }
        match words.iter().skip(1).all(is_known) {
            true => Ok(()),
            false => unreadable("it sets what tells the system how to work"),
        }
    }

    fn as_another(&mut self, name: &str, words: &mut [Word]) -> Result<(), Unreadable> {
        self.need(Action::Administer, host(self.machine.host));
        let letters = Letters {
            alone: "nEHkSPb",
            taking: "ugpC",
            longs: &["--non-interactive", "--preserve-env", "--stdin", "--user", "--group"],
        };
        match self.options(words, &letters) {
            // `--user NAME` would hide a program.
            Some(at) if !self.has_long_without_value(words, at) => self.inner(words, at),
            _ => {
                self.unknown(name);
                self.code();
                Ok(())
            }
        }
    }

    fn has_long_without_value(&self, words: &[Word], until: usize) -> bool {
        let options = words.iter().take(until).filter_map(|word| self.value(word).shown());
        let mut longs = options.filter(|word| word.starts_with("--") && word.len() > 2);
        longs.any(|word| matches!(word.as_str(), "--user" | "--group"))
    }

    fn environment(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        self.known("env");
        let letters = Letters { alone: "i", taking: "u", longs: &["--ignore-environment"] };
        let Some(mut at) = self.options(words, &letters) else {
            self.code();
            return Ok(());
        };
        while let Some(word) = words.get(at) {
            let Some(text) = self.value(word).shown() else {
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
        self.inner(words, at)
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
        // How long it may take.
        let own = usize::from(name == "timeout");
        self.known(name);
        let Some(at) = self.options(words, &letters) else {
            self.unknown(name);
            self.code();
            return Ok(());
        };
        let shown = |word: &Word| self.value(word).shown().unwrap_or_default();
        let asks = words.iter().take(at).skip(1).any(|word| shown(word).contains(['v', 'V']));
        if name == "command" && asks {
            return Ok(());
        }
        self.inner(words, at + own)
    }

    fn eval(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let Some(texts) = texts else {
            return unreadable("what `eval` runs is not known beforehand");
        };
        let line = self.script_in(&texts.join(" "))?;
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
        let mut script = parse(text)?;
        self.read(&mut script)?;
        Ok(Writer::write(&script, self.machine.home))
    }

    /// `sh -c SCRIPT` is looked into; a shell that reads anything else runs what nobody sees.
    fn shell(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let letters = Letters { alone: "elux", taking: "c", longs: &["--norc", "--noprofile"] };
        let script = self.options(words, &letters);
        let is_last = |at: usize| at == words.len();
        let asks = |word: &Word| {
            let shown = word.literal().unwrap_or_default();
            shown.starts_with('-') && !shown.starts_with("--") && shown.ends_with('c')
        };
        let before = words.len().checked_sub(2).and_then(|at| words.get(at));
        let (Some(at), true) = (script, before.is_some_and(asks)) else {
            self.code();
            return Ok(());
        };
        let text = words.last().and_then(Word::literal).filter(|_| is_last(at));
        let Some(text) = text else {
            self.code();
            return Ok(());
        };
        let folders = self.folders.clone();
        let line = self.script_in(&text)?;
        self.folders = folders;
        if let Some(word) = words.last_mut() {
            *word = Word(vec![Piece::Text(line)]);
        }
        Ok(())
    }

    /// `sed -n '5,10p'` chooses lines; everything else rewrites them.
    fn edit(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let values: Vec<Value> = words.iter().skip(1).map(|word| self.value(word)).collect();
        let texts: Option<Vec<String>> = values.iter().map(Value::shown).collect();
        let texts = texts.unwrap_or_default();
        match texts.as_slice() {
            [quiet, script, files @ ..]
                if quiet == "-n"
                    && chooses_lines(script)
                    && files.iter().all(|file| !file.starts_with('-')) =>
            {
                self.known("sed");
                values.iter().skip(2).try_for_each(|value| self.files(Action::Read, value))
            }
            _ => {
                self.code();
                Ok(())
            }
        }
    }

    fn elsewhere(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let letters = Letters { alone: "qTtvn46", taking: "lp", longs: &[] };
        let at = self.options(words, &letters);
        let Some(Value::Texts(names)) =
            at.and_then(|at| words.get(at)).map(|word| self.value(word))
        else {
            self.code();
            return Ok(());
        };
        self.unknown("ssh");
        for name in names {
            let name = name.rsplit('@').next().unwrap_or_default().to_owned();
            self.need(Action::Execute, host(&name));
        }
        Ok(())
    }

    /// Asking about services is reading; everything else runs the machine.
    fn services(&mut self, name: &str, words: &[Word]) -> Result<(), Unreadable> {
        let asks = ["status", "is-active", "is-enabled", "is-failed", "show", "list-units"];
        let texts = words.iter().skip(1).filter_map(|word| self.value(word).shown());
        let texts: Vec<String> = texts.collect();
        let options = ["--no-pager", "-l", "--full", "--all", "--quiet", "-q", "--failed"];
        let is_known = |text: &String| !text.starts_with('-') || options.contains(&text.as_str());
        self.known(name);
        let is_asked = texts.iter().any(|text| asks.contains(&text.as_str()));
        if texts.len() + 1 != words.len() || !texts.iter().all(is_known) || !is_asked {
            self.need(Action::Administer, host(self.machine.host));
        }
        Ok(())
    }

    /// The far end of `rsync`: it sends a folder, or writes one.
    fn synchronize(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        self.unknown("rsync");
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let texts = texts.unwrap_or_default();
        let behind = texts.iter().position(|text| text == ".");
        let (Some("--server"), Some(behind)) = (texts.first().map(String::as_str), behind) else {
            return Ok(());
        };
        self.speaks("rsync");
        let folders = texts.get(behind + 1..).unwrap_or_default().to_vec();
        match texts.iter().any(|text| text == "--sender") {
            true => self.trees(Action::Read, &Value::Texts(folders)),
            false => self.trees(Action::Write, &Value::Texts(folders)),
        }
    }

    /// Asking about the network is reading; everything else changes it.
    fn network(&mut self, words: &[Word]) {
        let asks = [
            "-4", "-6", "-o", "-s", "-br", "-brief", "-json", "-j", "a", "addr", "address", "l",
            "link", "r", "route", "n", "neigh", "rule", "show", "list", "ls", "s",
        ];
        self.known("ip");
        let is_asked = |word: &Word| word.literal().is_some_and(|it| asks.contains(&it.as_str()));
        if !words.iter().skip(1).all(is_asked) {
            self.need(Action::Administer, host(self.machine.host));
        }
    }

    /// What goes out to another machine, and what comes back, is not looked into.
    fn fetch(&mut self, name: &str, words: &[Word]) -> Result<(), Unreadable> {
        self.unknown(name);
        for word in words.iter().skip(1) {
            let Value::Texts(texts) = self.value(word) else { continue };
            for text in texts {
                if let Some((_, rest)) = text.split_once("://") {
                    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                    let name = authority.rsplit('@').next().unwrap_or_default();
                    let name = name.split(':').next().unwrap_or_default();
                    if !name.is_empty() {
                        self.need(Action::Write, host(name));
                    }
                }
            }
        }
        Ok(())
    }

    /// `find`: where it begins, which files it means, and what it does with them.
    fn find(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        let is_place = |word: &Word| {
            let shown = self.value(word).shown();
            shown.is_some_and(|text| !text.starts_with('-') && text != "(" && text != "!")
        };
        let places = words.iter().skip(1).take_while(|word| is_place(word)).count();
        let mut roots: Vec<Value> =
            words.iter().skip(1).take(places).map(|word| self.value(word)).collect();
        if roots.is_empty() {
            roots.push(Value::Texts(vec![".".to_owned()]));
        }
        self.known("find");
        roots.iter().try_for_each(|root| self.trees(Action::Read, root))?;
        let mut at = places + 1;
        while at < words.len() {
            let Some(test) = words.get(at).and_then(Word::literal) else {
                return unreadable("an argument of `find` is not known beforehand");
            };
            at += 1;
            match test.as_str() {
                "-exec" | "-execdir" => at = self.find_runs(words, at, &roots)?,
                "-delete" => {
                    self.note_change(Change::Drop);
                    roots.iter().try_for_each(|root| self.trees(Action::Define, root))?;
                }
                "-newer" | "-samefile" => {
                    let value = words.get(at).map_or(Value::Unknown, |word| self.value(word));
                    self.files(Action::Read, &value)?;
                    at += 1;
                }
                "-printf" => {
                    let format = words.get(at).and_then(Word::literal);
                    if format.is_none_or(|format| has_widths(&format)) {
                        return unreadable("a format with widths cuts what it shows");
                    }
                    at += 1;
                }
                test if FIND_TAKES.contains(&test) => at += 1,
                test if FIND_ALONE.contains(&test) => {}
                test => {
                    return unreadable(format!("`{test}` of `find` is not read"));
                }
            }
        }
        Ok(())
    }

    /// The program between `-exec` and `;` or `+`; where it ends.
    fn find_runs(
        &mut self,
        words: &mut [Word],
        at: usize,
        roots: &[Value],
    ) -> Result<usize, Unreadable> {
        let ends = |word: &Word| matches!(word.literal().as_deref(), Some(";" | "+"));
        let Some(count) = words.get(at..).and_then(|rest| rest.iter().position(ends)) else {
            return unreadable("`-exec` does not end");
        };
        let inner = words.get(at..at + count).unwrap_or_default();
        let name = inner.first().and_then(Word::literal).unwrap_or_default();
        let mut arguments = Vec::new();
        for word in inner.iter().skip(1) {
            match word.literal() {
                Some(text) if text == "{}" => {
                    arguments.extend(roots.iter().flat_map(|root| self.all_in(root)));
                }
                Some(text) if text.contains("{}") => arguments.push(Value::Unknown),
                _ => arguments.push(self.value(word)),
            }
        }
        let is_plain = super::programs::program(&name).is_some() && name != "find";
        match is_plain {
            true => self.listed(&name, &arguments)?,
            false => self.code(),
        }
        Ok(at + count + 1)
    }

    fn all_in(&self, root: &Value) -> Vec<Value> {
        match root {
            Value::Texts(texts) => texts.iter().cloned().map(Value::Tree).collect(),
            other => vec![other.clone()],
        }
    }
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

const FIND_TAKES: [&str; 29] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-size",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newermt",
    "-maxdepth",
    "-mindepth",
    "-perm",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-links",
    "-inum",
    "-fstype",
    "-used",
];
const FIND_ALONE: [&str; 22] = [
    "(",
    ")",
    "!",
    "-not",
    "-a",
    "-and",
    "-o",
    "-or",
    "-print",
    "-print0",
    "-ls",
    "-prune",
    "-quit",
    "-depth",
    "-empty",
    "-readable",
    "-writable",
    "-executable",
    "-nouser",
    "-xdev",
    "-mount",
    "-true",
];
