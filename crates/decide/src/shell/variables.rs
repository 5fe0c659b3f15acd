//! Variables that a script sets to words that stand in it: whichever of them a variable holds
//! when it is used, it is one of these.

use super::reader::Value;
use super::syntax::{Node, Piece, Script, Simple, Word};
use std::collections::BTreeMap;

/// Most values of one variable.
const VALUES_MAX: usize = 64;
/// How often values may depend on values.
const ROUNDS_MAX: usize = 4;

/// What each variable may hold; nothing where nobody knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Option<Vec<String>>>);

/// Names by which a shell, or what it starts, is told how to work, and those that a login sets.
fn is_the_systems(name: &str) -> bool {
    let beginnings = ["BASH", "COMP", "DIR", "HIST", "LD_", "PROMPT", "PS", "SSH", "XDG_", "ZSH"];
    let names = [
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
    names.contains(&name) || beginnings.iter().any(|begin| name.starts_with(begin))
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
    pub(super) fn of(script: &Script) -> Self {
        let mut variables = Self::default();
        for _ in 0..ROUNDS_MAX {
            let before = variables.clone();
            variables.script(script);
            if variables == before {
                return variables;
            }
        }
        // They depend on each other in ways that nobody follows.
        variables.0.values_mut().for_each(|values| *values = None);
        variables
    }

    /// What one may hold; none where nobody knows.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.0.get(name)?.as_deref()
    }

    fn add(&mut self, name: &str, value: &Value) {
        let known = self.0.entry(name.to_owned()).or_insert_with(|| Some(Vec::new()));
        match (known.as_mut(), value) {
            (Some(known), Value::Texts(texts)) => {
                for text in texts {
                    if !known.contains(text) {
                        known.push(text.clone());
                    }
                }
                if known.len() > VALUES_MAX {
                    self.forget(name);
                }
            }
            (_, Value::Glob(_) | Value::Tree(_) | Value::Unknown) => self.forget(name),
            (None, Value::Texts(_)) => {}
        }
    }

    fn forget(&mut self, name: &str) {
        self.0.insert(name.to_owned(), None);
    }

    fn script(&mut self, script: &Script) {
        script.0.iter().for_each(|(node, _)| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Pipe(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Not(node) => self.node(node),
            Node::Group { script, .. } => self.script(script),
            Node::If { arms, otherwise } => {
                for (condition, then) in arms {
                    self.script(condition);
                    self.script(then);
                }
                self.script(otherwise);
            }
            Node::Loop { condition, body, .. } => {
                self.script(condition);
                self.script(body);
            }
            Node::For { name, words, body } => {
                for word in words {
                    let value = Value::of(word, self, None);
                    // Words that stand bare are cut where they have blanks.
                    let is_whole = word.0.iter().all(|piece| match piece {
                        Piece::Text(_) | Piece::Home => true,
                        Piece::Variable { is_quoted, .. } => *is_quoted,
                        Piece::Glob(_) | Piece::Output { .. } => false,
                    });
                    self.add(name, if is_whole { &value } else { &Value::Unknown });
                }
                self.script(body);
            }
        }
    }

    fn simple(&mut self, simple: &Simple) {
        for (name, word) in &simple.assignments {
            let value = Value::of(word, self, None);
            self.add(name, &value);
        }
        self.scripts_in(&simple.words);
        let literal = |word: &Word| word.literal().unwrap_or_default();
        if simple.words.first().map(literal).as_deref() == Some("read") {
            for word in simple.words.iter().skip(1) {
                self.forget(&literal(word));
            }
        }
    }

    fn scripts_in(&mut self, words: &[Word]) {
        for piece in words.iter().flat_map(|word| &word.0) {
            if let Piece::Output { script, .. } = piece {
                self.script(script);
            }
        }
    }
}
