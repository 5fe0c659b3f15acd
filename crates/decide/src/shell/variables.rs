//! Variables that a script sets to words that stand in it. One has known values only where every
//! way to its use sets it in the same shell: what it held before, nobody knows.

use super::reader::Value;
use super::syntax::{Node, Piece, Script, Simple, Word};
use std::collections::{BTreeMap, BTreeSet};

/// Most values of one variable.
const VALUES_MAX: usize = 64;
/// Most variables whose values are known at once.
const VARIABLES_MAX: usize = 64;

/// What each variable holds in one place of a script: one of these.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Vec<String>>);

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
    let names = ["COLUMNS", "DEBIAN_FRONTEND", "LANG", "LINES", "NO_COLOR", "TERM", "TZ"];
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
        self.0.get(name).map(Vec::as_slice)
    }

    /// It holds one of these from here on.
    pub(super) fn set(&mut self, name: &str, value: &Value) {
        match value {
            Value::Texts(texts) if texts.len() <= VALUES_MAX && self.0.len() < VARIABLES_MAX => {
                self.0.insert(name.to_owned(), texts.clone());
            }
            Value::Texts(_) | Value::Glob(_) | Value::Tree(_) | Value::Unknown => self.forget(name),
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// As it is where two ways meet: what only one of them has set may hold anything.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.retain(|name, values| {
            let Some(others) = other.0.get(name) else { return false };
            for value in others {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
            values.len() <= VALUES_MAX
        });
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

/// Adds variables into which a script puts an output together with something else: what is in it
/// may not look like what it is.
pub(super) fn note_pasted(script: &Script, pasted: &mut BTreeSet<String>) {
    let mut is_new = true;
    while std::mem::take(&mut is_new) {
        let mut note = |name: &str, word: &Word| {
            let holds = |piece: &Piece| match piece {
                Piece::Variable { name, .. } => pasted.contains(name),
                Piece::Text(_) | Piece::Glob(_) | Piece::Home | Piece::Output { .. } => false,
            };
            if is_pasted(word, |_| true) || word.0.iter().any(holds) {
                is_new |= pasted.insert(name.to_owned());
            }
        };
        each_simple(script, &mut |one| {
            match one {
                Step::Simple(simple) => {
                    simple.assignments.iter().for_each(|(name, word)| note(name, word));
                }
                Step::For(name, words) => words.iter().for_each(|word| note(name, word)),
            }
            true
        });
    }
}

/// Whether a word has something beside what is not known that could hide it: a digit before a
/// number, another output behind it.
pub(super) fn is_pasted(word: &Word, is_unknown: impl Fn(&Piece) -> bool) -> bool {
    let parts = |letter: char| letter.is_whitespace() || ":='\"()<>|".contains(letter);
    let ends = |piece: Option<&Piece>| match piece {
        None => true,
        Some(Piece::Text(text)) => text.chars().next_back().is_none_or(parts),
        Some(_) => false,
    };
    let begins = |piece: Option<&Piece>| match piece {
        None => true,
        Some(Piece::Text(text)) => text.chars().next().is_none_or(parts),
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
