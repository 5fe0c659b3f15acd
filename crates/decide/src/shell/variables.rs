//! Variables that a script sets to words that stand in it. One has known values only where every
//! way to its use sets it in the same shell: what it held before, nobody knows.

use super::reader::VALUE_BYTES_MAX;
use super::syntax::{Node, Piece, Script, Simple, Word};
use super::value::{Value, bytes_of};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

/// Most values of one variable.
const VALUES_MAX: usize = 64;
/// Most variables whose values are known at once.
const VARIABLES_MAX: usize = 64;

/// Most assignments whose ways are followed.
const ASSIGNMENTS_MAX: usize = 2000;

/// What each variable holds in one place of a script: one of these.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Rc<[String]>>);

/// Beginnings of names by which a shell, or what it starts, is told how to work.
const SYSTEM_BEGINNINGS: &[&str] = &[
    "BASH",
    "COMP",
    "COPROC",
    "DIR",
    "EPOCH",
    "GROUPS",
    "HIST",
    "HOST",
    "LD_",
    "MAPFILE",
    "PG",
    "PIPESTATUS",
    "PROMPT",
    "PS",
    "READLINE",
    "SSH",
    "XDG_",
    "ZSH",
];
/// Names of the same kind.
const SYSTEM_NAMES: &[&str] = &[
    "_",
    "ARGC",
    "COLUMNS",
    "LINES",
    "argv",
    "CPUTYPE",
    "EGID",
    "ERRNO",
    "EUID",
    "FUNCNAME",
    "GID",
    "KEYTIMEOUT",
    "MACHTYPE",
    "MATCH",
    "MBEGIN",
    "MEND",
    "OSTYPE",
    "SHLVL",
    "SRANDOM",
    "STTY",
    "TIMEFMT",
    "TTY",
    "TTYIDLE",
    "USERNAME",
    "VENDOR",
    "ZDOTDIR",
    "cdpath",
    "fignore",
    "fpath",
    "mailpath",
    "manpath",
    "match",
    "mbegin",
    "mend",
    "module_path",
    "path",
    "pipestatus",
    "prompt",
    "psvar",
    "signals",
    "status",
    "watch",
    "CDPATH",
    "ENV",
    "FIGNORE",
    "FPATH",
    "FUNCNEST",
    "GLOBIGNORE",
    "HOME",
    "IFS",
    "INPUTRC",
    "LINENO",
    "LOGNAME",
    "MAIL",
    "MAILPATH",
    "MAILCHECK",
    "NULLCMD",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "PATH",
    "POSIXLY_CORRECT",
    "PPID",
    "PWD",
    "RANDOM",
    "READNULLCMD",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "TMOUT",
    "TMPDIR",
    "UID",
    "USER",
];

/// Names by which a shell, or what it starts, is told how to work, and those that a login sets.
fn is_the_systems(name: &str) -> bool {
    SYSTEM_NAMES.contains(&name) || SYSTEM_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// Whether what a program gets to hear by this name changes nothing but its language and looks.
pub(super) fn is_harmless(name: &str) -> bool {
    // `COLUMNS` is none: programs cut what they show at it.
    let names = ["DEBIAN_FRONTEND", "LANG", "NO_COLOR", "TERM", "TZ"];
    names.contains(&name) || name.starts_with("LC_")
}

/// Whether a script may set it.
pub(super) fn may_be_set(name: &str) -> bool {
    is_harmless(name) || !is_the_systems(name)
}

impl Variables {
    /// What one holds; none where nobody knows.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        // Whoever logs in, and some shells, set these.
        if is_harmless(name) {
            return None;
        }
        self.0.get(name).map(|values| &**values)
    }

    /// It holds one of these from here on.
    pub(super) fn set(&mut self, name: &str, value: &Value) {
        self.forget(name);
        let fits = |texts: &[String]| {
            texts.len() <= VALUES_MAX
                && self.0.len() < VARIABLES_MAX
                && self.bytes() + bytes_of(texts) <= VALUE_BYTES_MAX
        };
        match value {
            Value::Texts(texts) if fits(texts) => {
                self.0.insert(name.to_owned(), texts.as_slice().into());
            }
            Value::Texts(_) | Value::Glob(_) | Value::Tree(_) | Value::Unknown => {}
        }
    }

    fn bytes(&self) -> usize {
        self.0.values().map(|values| bytes_of(values)).sum()
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// As it is where two ways meet: what only one of them has set may hold anything.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.retain(|name, values| {
            let Some(others) = other.0.get(name) else { return false };
            if Rc::ptr_eq(values, others) {
                return true;
            }
            let known: HashSet<&String> = values.iter().collect();
            let more = others.iter().filter(|value| !known.contains(value));
            let joined: Vec<String> = values.iter().chain(more).cloned().collect();
            *values = joined.into();
            values.len() <= VALUES_MAX
        });
        if self.bytes() > VALUE_BYTES_MAX {
            self.0.clear();
        }
    }
}

/// Every variable that a script may set, wherever in it; none where it could be any.
pub(super) fn set_in(script: &Script) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    each_simple(script, &mut |one| match one {
        Step::Simple(simple) => {
            names.extend(simple.assignments.iter().map(|(name, _)| name.clone()));
            let literals: Vec<String> = simple.words.iter().filter_map(Word::literal).collect();
            if literals.iter().any(|word| word == "eval") {
                return false;
            }
            if literals.iter().any(|word| word == "read" || word == "unset") {
                names.extend(literals);
            }
            true
        }
        Step::For(name, _) => {
            names.insert(name.to_owned());
            true
        }
    })
    .then_some(names)
}

/// Variables into which scripts put an output together with something else: what is in them may
/// not look like what it is.
#[derive(Debug, Default)]
pub(super) struct Pasted {
    names: BTreeSet<String>,
    /// Which variables are set to what a variable holds.
    takers: BTreeMap<String, BTreeSet<String>>,
    assignments: usize,
}

impl Pasted {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Adds those of a script; false where it sets more than is followed.
    pub(super) fn note(&mut self, script: &Script) -> bool {
        let Self { names, takers, assignments } = self;
        let mut fresh: Vec<String> = Vec::new();
        let mut note = |name: &str, word: &Word| {
            *assignments += 1;
            let mut is_new = is_pasted(word, |_| true);
            for piece in &word.0 {
                if let Piece::Variable { name: from, .. } = piece {
                    is_new |= names.contains(from);
                    takers.entry(from.clone()).or_default().insert(name.to_owned());
                }
            }
            if is_new {
                fresh.push(name.to_owned());
            }
            *assignments <= ASSIGNMENTS_MAX
        };
        let is_followed = each_simple(script, &mut |one| match one {
            Step::Simple(simple) => simple.assignments.iter().all(|(name, word)| note(name, word)),
            Step::For(name, words) => words.iter().all(|word| note(name, word)),
        });
        // Each name goes on to those that take it once.
        while let Some(name) = fresh.pop() {
            if self.names.insert(name.clone()) {
                fresh.extend(self.takers.get(&name).into_iter().flatten().cloned());
            }
        }
        is_followed
    }
}

/// Whether a word has something beside what is not known that could hide it: a digit before a
/// number, another output behind it.
pub(super) fn is_pasted(word: &Word, is_unknown: impl Fn(&Piece) -> bool) -> bool {
    let ends = |piece: Option<&Piece>| match piece {
        None => true,
        Some(Piece::Text(text)) => text.is_empty() || parts(text.chars().rev()),
        Some(_) => false,
    };
    let begins = |piece: Option<&Piece>| match piece {
        None => true,
        Some(Piece::Text(text)) => text.is_empty() || parts(text.chars()),
        Some(_) => false,
    };
    word.0.iter().enumerate().any(|(at, piece)| {
        let may_be = match piece {
            Piece::Output { .. } => true,
            Piece::Variable { .. } => is_unknown(piece),
            Piece::Text(_) | Piece::Glob(_) | Piece::Home => false,
        };
        let before = at.checked_sub(1).and_then(|before| word.0.get(before));
        may_be && !(ends(before) && begins(word.0.get(at + 1)))
    })
}

/// Whether letters part what stands beside the first of them from what stands behind it. `9:` and
/// `9'` are read as the beginning of what follows, as a time, an address or a name is.
fn parts(mut letters: impl Iterator<Item = char>) -> bool {
    match letters.next() {
        Some(':' | '\'') => letters.next().is_some_and(char::is_whitespace),
        Some(letter) => letter.is_whitespace() || "=\"()<>|".contains(letter),
        None => false,
    }
}

/// What sets variables.
enum Step<'s> {
    Simple(&'s Simple),
    For(&'s str, &'s [Word]),
}

/// Goes through a script and all that stand in it, as long as it is wanted.
fn each_simple(script: &Script, see: &mut impl FnMut(Step<'_>) -> bool) -> bool {
    script.0.iter().all(|(node, _)| each_of_node(node, see))
}

fn each_of_node(node: &Node, see: &mut impl FnMut(Step<'_>) -> bool) -> bool {
    match node {
        Node::Simple(simple) => {
            let values = simple.assignments.iter().map(|(_, word)| word);
            values.chain(&simple.words).all(|word| each_in_word(word, see))
                && see(Step::Simple(simple))
        }
        Node::Pipe(nodes) => nodes.iter().all(|node| each_of_node(node, see)),
        Node::Not(node) => each_of_node(node, see),
        Node::Group { script, .. } => each_simple(script, see),
        Node::If { arms, otherwise } => {
            let mut arms = arms.iter();
            arms.all(|(condition, then)| each_simple(condition, see) && each_simple(then, see))
                && each_simple(otherwise, see)
        }
        Node::Loop { condition, body, .. } => each_simple(condition, see) && each_simple(body, see),
        Node::For { name, words, body } => {
            words.iter().all(|word| each_in_word(word, see))
                && see(Step::For(name, words))
                && each_simple(body, see)
        }
    }
}

fn each_in_word(word: &Word, see: &mut impl FnMut(Step<'_>) -> bool) -> bool {
    word.0.iter().all(|piece| match piece {
        Piece::Output { script, .. } => each_simple(script, see),
        Piece::Text(_) | Piece::Glob(_) | Piece::Home | Piece::Variable { .. } => true,
    })
}
