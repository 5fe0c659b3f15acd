//! Goes through a script and notes what it needs.

use super::parse::{Unreadable, unreadable};
use super::path::{canonical, file};
use super::syntax::{Joint, Node, Piece, Place, Redirect, Script, Shell, Simple, Word};
use super::variables::{Variables, is_harmless, may_be_set};
use super::{Machine, Tree, host, program, stronger};
use portreeve_model::{Action, Change, Facts, Need, Object};
use std::collections::BTreeSet;

/// What a word may be when the command runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// One of these.
    Texts(Vec<String>),
    /// Files whose names fit a pattern, which begins behind this text.
    Glob(String),
    /// Whatever lies in a folder.
    Tree(String),
    Unknown,
}

/// Most values of one word, and most folders in which a command may run.
const VALUES_MAX: usize = 64;
/// How deep scripts may stand in arguments of others.
const SCRIPTS_DEEP_MAX: usize = 8;

impl Value {
    /// What a word may be. `home` is where `~` leads, if that is known.
    pub(super) fn of(word: &Word, variables: &Variables, home: Option<&str>) -> Self {
        let mut texts = vec![String::new()];
        let mut glob = None;
        for piece in &word.0 {
            let next: Vec<String> = match piece {
                Piece::Text(text) => vec![text.clone()],
                Piece::Home => match home {
                    Some(home) => vec![home.to_owned()],
                    None => return Self::Unknown,
                },
                Piece::Glob(_) => {
                    glob.get_or_insert_with(|| texts.first().cloned().unwrap_or_default());
                    vec!["*".to_owned()]
                }
                Piece::Variable { name, is_quoted } => match variables.values(name) {
                    Some(known) if *is_quoted || known.iter().all(|text| is_one_word(text)) => {
                        known.to_vec()
                    }
                    _ => return Self::Unknown,
                },
                Piece::Output { .. } => return Self::Unknown,
            };
            let mut joined = Vec::with_capacity(texts.len() * next.len());
            for text in &texts {
                joined.extend(next.iter().map(|next| format!("{text}{next}")));
            }
            texts = joined;
            if texts.len() > VALUES_MAX || texts.is_empty() {
                return Self::Unknown;
            }
        }
        match glob {
            None => Self::Texts(texts),
            Some(begin) if texts.len() == 1 => Self::Glob(begin),
            Some(_) => Self::Unknown,
        }
    }

    /// Its letters as far as they tell an option from an operand.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::Texts(texts) => {
                let is_operand = |text: &String| !text.starts_with('-') || text == "-";
                let is_known = texts.len() == 1 || texts.iter().all(is_operand);
                texts.first().filter(|_| is_known).cloned()
            }
            // They are written with `./` before them.
            Self::Glob(begin) if begin.is_empty() => Some("./".to_owned()),
            Self::Glob(begin) => (!begin.starts_with('-')).then(|| begin.clone()),
            Self::Tree(_) => Some("./".to_owned()),
            Self::Unknown => None,
        }
    }

    /// The rest of it.
    pub(super) fn behind(&self, at: usize) -> Self {
        match self {
            Self::Texts(texts) => {
                let rest = |text: &String| text.get(at..).unwrap_or_default().to_owned();
                Self::Texts(texts.iter().map(rest).collect())
            }
            Self::Glob(begin) => match begin.get(at..) {
                Some(rest) => Self::Glob(rest.to_owned()),
                None => Self::Unknown,
            },
            Self::Tree(_) | Self::Unknown => Self::Unknown,
        }
    }
}

/// Whether a text that stands bare stays one word, and the same one.
fn is_one_word(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    !text.is_empty() && text.chars().all(is_plain)
}

/// What was noted so far.
pub(super) struct Reader<'m> {
    pub(super) machine: &'m Machine<'m>,
    needs: Vec<Need>,
    trees: BTreeSet<Tree>,
    opaque: BTreeSet<Object>,
    is_raw: bool,
    facts: Facts,
    variables: Variables,
    /// Folders in which a command may run; none where nobody knows.
    pub(super) folders: Option<Vec<String>>,
    /// Whether a name depends on where commands begin.
    pub(super) is_relative: bool,
    programs: Vec<String>,
    shapes: Vec<String>,
    depth: usize,
}

impl<'m> Reader<'m> {
    pub(super) fn new(machine: &'m Machine<'m>) -> Self {
        Self {
            machine,
            needs: Vec::new(),
            trees: BTreeSet::new(),
            opaque: BTreeSet::new(),
            is_raw: false,
            facts: Facts::default(),
            variables: Variables::default(),
            folders: Some(vec![machine.home.to_owned()]),
            is_relative: false,
            programs: Vec::new(),
            shapes: Vec::new(),
            depth: 0,
        }
    }

    pub(super) fn into_analysis(self, wire: String) -> super::Analysis {
        let verb = match self.programs.as_slice() {
            [one] if one.len() <= 40 && !one.contains('/') => one.clone(),
            _ => "exec".to_owned(),
        };
        let source = self.source();
        super::Analysis {
            verb,
            fingerprint: self.shapes.join("; "),
            needs: self.needs,
            trees: self.trees.into_iter().collect(),
            facts: self.facts,
            opaque: self.opaque.into_iter().collect(),
            is_raw: self.is_raw,
            source,
            unread: None,
            wire,
        }
    }

    /// The one file that is read, where nothing else is.
    fn source(&self) -> Option<Object> {
        let mut files = self.needs.iter().filter(|need| {
            need.action == Action::Read && need.object.kind == portreeve_model::ObjectKind::FILE
        });
        let one = files.next()?;
        let is_alone = files.next().is_none() && self.trees.is_empty() && self.opaque.is_empty();
        is_alone.then(|| one.object.clone())
    }

    /// A script by itself, with its own variables.
    pub(super) fn read(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > SCRIPTS_DEEP_MAX {
            return unreadable("scripts stand too deep in each other");
        }
        let outer = std::mem::replace(&mut self.variables, Variables::of(script));
        self.script(script)?;
        self.variables = outer;
        self.depth -= 1;
        Ok(())
    }

    pub(super) fn value(&self, word: &Word) -> Value {
        Value::of(word, &self.variables, Some(self.machine.home))
    }

    fn script(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        let mut before = self.folders.clone();
        for (node, joint) in &mut script.0 {
            match joint {
                Joint::Beside => self.apart(|reader| reader.node(node))?,
                Joint::Then | Joint::And | Joint::Or => self.node(node)?,
            }
            if *joint != Joint::And {
                // It may have failed.
                self.may_also_be_in(before);
                before = self.folders.clone();
            }
        }
        Ok(())
    }

    fn may_also_be_in(&mut self, others: Option<Vec<String>>) {
        self.folders = match (self.folders.take(), others) {
            (Some(mut folders), Some(others)) => {
                folders.extend(others);
                folders.sort();
                folders.dedup();
                (folders.len() <= VALUES_MAX).then_some(folders)
            }
            _ => None,
        };
    }

    /// In a shell of its own: where that goes, this one stays.
    fn apart(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let folders = self.folders.clone();
        run(self)?;
        self.folders = folders;
        Ok(())
    }

    fn node(&mut self, node: &mut Node) -> Result<(), Unreadable> {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Pipe(nodes) => {
                nodes.iter_mut().try_for_each(|node| self.apart(|reader| reader.node(node)))
            }
            Node::Not(node) => self.node(node),
            Node::Group { script, shell, redirects } => {
                self.redirects(redirects)?;
                match shell {
                    Shell::Same => self.script(script),
                    Shell::Another => self.apart(|reader| reader.script(script)),
                }
            }
            Node::If { arms, otherwise } => {
                let before = self.folders.clone();
                for (condition, then) in arms {
                    self.script(condition)?;
                    self.script(then)?;
                    self.may_also_be_in(before.clone());
                }
                self.script(otherwise)?;
                self.may_also_be_in(before);
                Ok(())
            }
            Node::Loop { condition, body, .. } => self.looped(|reader| {
                reader.script(condition)?;
                reader.script(body)
            }),
            Node::For { name, words, body } => {
                if !may_be_set(name) {
                    return unreadable(format!("`{name}` tells the system how to work"));
                }
                if words.iter().any(|word| self.is_cut(word)) {
                    return unreadable("an output that is not quoted is cut at blanks");
                }
                self.outputs(words)?;
                self.looped(|reader| reader.script(body))
            }
        }
    }

    /// Whether a word becomes several, cut where what is not known has blanks.
    pub(super) fn is_cut(&self, word: &Word) -> bool {
        word.0.iter().any(|piece| match piece {
            Piece::Output { is_quoted, .. } => !is_quoted,
            Piece::Variable { name, is_quoted } => {
                !is_quoted
                    && self.value(&Word(vec![piece.clone()])) == Value::Unknown
                    && name != "?"
                    && name != "$"
            }
            Piece::Text(_) | Piece::Glob(_) | Piece::Home => false,
        })
    }

    /// What may run again where it has gone.
    fn looped(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let before = self.folders.clone();
        run(self)?;
        if self.folders != before {
            return unreadable("a loop changes folders");
        }
        Ok(())
    }

    fn simple(&mut self, simple: &mut Simple) -> Result<(), Unreadable> {
        let is_for_one = !simple.words.is_empty();
        for (name, value) in &mut simple.assignments {
            let may_be = if is_for_one { is_harmless(name) } else { may_be_set(name) };
            if !may_be {
                return unreadable(format!("`{name}` tells the system how to work"));
            }
            self.outputs(std::slice::from_mut(value))?;
        }
        self.redirects(&mut simple.redirects)?;
        self.outputs(&mut simple.words)?;
        match simple.words.is_empty() {
            true => Ok(()),
            false => self.run(&mut simple.words),
        }
    }

    /// The scripts whose outputs stand in words, and the folders whose names do.
    fn outputs(&mut self, words: &mut [Word]) -> Result<(), Unreadable> {
        for word in words.iter() {
            if word.0.iter().any(|piece| matches!(piece, Piece::Glob(_))) {
                self.files(Action::Read, &self.value(word))?;
            }
        }
        for piece in words.iter_mut().flat_map(|word| &mut word.0) {
            if let Piece::Output { script, .. } = piece {
                self.apart(|reader| reader.script(script))?;
            }
        }
        Ok(())
    }

    fn redirects(&mut self, redirects: &mut [Redirect]) -> Result<(), Unreadable> {
        for redirect in redirects {
            let (action, word) = match &mut redirect.to {
                Place::Read(word) => (Action::Read, word),
                Place::Write(word) | Place::Append(word) => (Action::Write, word),
                Place::HereWord(word) => {
                    self.outputs(std::slice::from_mut(word))?;
                    continue;
                }
                Place::Same(_) | Place::Closed | Place::Here(_) => continue,
            };
            self.outputs(std::slice::from_mut(word))?;
            let value = self.value(word);
            self.files(action, &value)?;
        }
        Ok(())
    }

    pub(super) fn need(&mut self, action: Action, object: Object) {
        let need = Need { action, object };
        if !self.needs.contains(&need) {
            self.needs.push(need);
        }
    }

    /// Something happens to files, each of which is named.
    pub(super) fn files(&mut self, action: Action, value: &Value) -> Result<(), Unreadable> {
        let texts = match value {
            Value::Texts(texts) => texts,
            Value::Glob(begin) => {
                let folder = begin.rsplit_once('/').map_or("", |(folder, _)| folder);
                let folder = if begin.starts_with('/') && folder.is_empty() { "/" } else { folder };
                return self.tree(action, folder);
            }
            Value::Tree(folder) => return self.tree(action, folder),
            Value::Unknown => return unreadable("which file is meant is not known beforehand"),
        };
        for text in texts {
            if matches!(
                text.as_str(),
                "-" | "/dev/null" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr"
            ) {
                continue;
            }
            for path in self.paths(text)? {
                self.need(action, file(self.machine.host, &path));
                self.note_bounded(action, true);
            }
        }
        Ok(())
    }

    /// The same for whatever is in folders.
    pub(super) fn trees(&mut self, action: Action, value: &Value) -> Result<(), Unreadable> {
        match value {
            Value::Texts(texts) => texts
                .iter()
                .filter(|text| *text != "-")
                .try_for_each(|text| self.tree(action, text)),
            Value::Glob(_) | Value::Tree(_) | Value::Unknown => self.files(action, value),
        }
    }

    /// A file is written, or files are written into a folder of that name.
    pub(super) fn write_place(&mut self, value: &Value) -> Result<(), Unreadable> {
        self.files(Action::Write, value)?;
        if let Value::Texts(texts) = value {
            for folder in texts.iter().filter(|text| *text != "-") {
                for folder in self.paths(folder)? {
                    self.trees.insert(Tree { action: Action::Write, folder });
                }
            }
        }
        Ok(())
    }

    fn tree(&mut self, action: Action, folder: &str) -> Result<(), Unreadable> {
        for folder in self.paths(folder)? {
            self.need(action, file(self.machine.host, &folder));
            self.trees.insert(Tree { action, folder });
            self.note_bounded(action, false);
        }
        Ok(())
    }

    /// Where a name leads, from wherever the command may run.
    pub(super) fn paths(&mut self, text: &str) -> Result<Vec<String>, Unreadable> {
        if text.starts_with('/') {
            return Ok(vec![canonical(text, "")?]);
        }
        self.is_relative = true;
        match self.folders.clone() {
            Some(folders) => folders.iter().map(|folder| canonical(text, folder)).collect(),
            None => unreadable("in which folder it runs is not known beforehand"),
        }
    }

    fn note_bounded(&mut self, action: Action, is_bounded: bool) {
        if matches!(action, Action::Write | Action::Define | Action::Administer) {
            let before = self.facts.bounded.unwrap_or(true);
            self.facts.bounded = Some(before && is_bounded);
        }
    }

    pub(super) fn note_change(&mut self, change: Change) {
        self.facts.change = stronger(self.facts.change, change);
    }

    /// A program runs that is known, by its name.
    pub(super) fn known(&mut self, name: &str) {
        self.need(Action::Read, program(self.machine.host, name));
    }

    /// A program runs of which nobody knows what it does.
    pub(super) fn unknown(&mut self, name: &str) {
        let object = program(self.machine.host, name);
        self.opaque.insert(object.clone());
        self.need(Action::Execute, object);
    }

    /// A program speaks a protocol of its own.
    pub(super) fn speaks(&mut self, name: &str) {
        self.is_raw = true;
        self.opaque.insert(program(self.machine.host, name));
    }

    /// Code runs that nobody looks into.
    pub(super) fn code(&mut self) {
        let object = host(self.machine.host);
        self.opaque.insert(object.clone());
        self.need(Action::Execute, object);
    }

    pub(super) fn ran(&mut self, name: &str, shape: String) {
        self.programs.push(name.to_owned());
        self.shapes.push(shape);
    }
}
