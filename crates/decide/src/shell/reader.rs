//! Goes through a script and notes what it needs.

use super::parse::{Unreadable, unreadable};
use super::rename::{own_names, rename};

use super::streams::{Input, Streams, Touched, Written};
use super::syntax::{Joint, Node, Piece, Place, Redirect, Script, Shell, Simple, Word};
use super::value::{Value, bytes_of};
use super::variables::{Pasted, Variables, is_harmless, is_pasted, may_be_set, set_in};
use super::{Machine, Tree, host, program, stronger};
use portreeve_model::{Action, Change, Facts, Need, Object};
use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};

/// Most values of one word, and most folders in which a command may run.
pub(super) const VALUES_MAX: usize = 64;
/// Most things that one line may need.
const NEEDS_MAX: usize = 1000;
/// Most bytes that the values of one word, or of all variables at once, may have together.
pub(super) const VALUE_BYTES_MAX: usize = 128 << 10;
/// Most bytes that are put together, or gone through again, while one line is read: a short line
/// can double a value forty times.
pub(super) const WORK_BYTES_MAX: usize = 16 << 20;
/// Most bytes of the folders in which a command may run.
const FOLDER_BYTES_MAX: usize = 16 << 10;
/// The longest line that is sent: a system takes no longer argument of a program.
pub(super) const SENT_BYTES_MAX: usize = 128 << 10;
/// Scripts in arguments are read and written again: so many times their length is counted.
const SCRIPT_WORK: usize = 16;
/// How deep programs may stand in what other programs run, and commands in others.
const DEPTH_MAX: usize = 32;
/// How deep scripts may stand in arguments of others.
const SCRIPTS_DEEP_MAX: usize = 8;

/// Whether a variable is one that a login sets, and no script can: its words are no patterns.
fn is_one_the_login_sets(name: &str) -> bool {
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME"].contains(&name)
}

/// Folders in which it may be where two ways meet.
fn joined(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    let (mut folders, others) = (one?, other?);
    folders.extend(others);
    folders.sort();
    folders.dedup();
    let is_few = folders.len() <= VALUES_MAX && bytes_of(&folders) <= FOLDER_BYTES_MAX;
    is_few.then_some(folders)
}

/// What was noted so far.
pub(super) struct Reader<'m> {
    pub(super) machine: &'m Machine<'m>,
    home: String,
    /// How many bytes were put together so far.
    pub(super) spent: Cell<usize>,
    needs: Vec<Need>,
    known_needs: HashSet<Need>,
    /// Whether it needs more than anybody could look through.
    is_much: bool,
    pub(super) trees: BTreeSet<Tree>,
    opaque: BTreeSet<Object>,
    is_raw: bool,
    facts: Facts,
    pub(super) variables: Variables,
    /// Those that the script sets, by the names that it has for them.
    own_names: BTreeSet<String>,
    /// Those that hold an output together with something else.
    pasted: Pasted,
    /// Who writes to the streams of the line.
    pub(super) streams: Streams,
    /// Folders in which a command may run; none where nobody knows.
    pub(super) folders: Option<Vec<String>>,
    /// Whether a name depends on where commands begin.
    pub(super) is_relative: bool,
    /// Words that go behind those of the command which runs.
    pub(super) added: Vec<Word>,
    /// The script that the program which runs reads as its input, where it stands in the line.
    pub(super) here: Option<String>,
    /// Why a program is called in a way of which nobody knows what it does.
    pub(super) why: Option<Unreadable>,
    programs: Vec<String>,
    shapes: Vec<String>,
    depth: usize,
    scripts_deep: usize,
    /// Whether a shell shows each command with its words before it runs it.
    pub(super) traces: bool,
    /// Whether a word holds an output together with something else.
    has_pasted: bool,
    /// Whether something ends a program while it writes.
    pub(super) may_be_cut: bool,
    /// What the programs here are fed.
    pub(super) input: Input,
    /// What the part of the line that is read touches.
    pub(super) touched: Touched,
    /// The same of all that runs in the background.
    pub(super) touched_beside: Touched,
    /// Whether what runs in the background hands on what is not known beforehand.
    pub(super) passes_beside: bool,
    /// Whether it runs in the background.
    pub(super) is_beside: bool,
}

impl<'m> Reader<'m> {
    pub(super) fn new(machine: &'m Machine<'m>) -> Self {
        Self {
            machine,
            home: machine.home.to_owned(),
            spent: Cell::new(0),
            needs: Vec::new(),
            known_needs: HashSet::new(),
            is_much: false,
            trees: BTreeSet::new(),
            opaque: BTreeSet::new(),
            is_raw: false,
            facts: Facts::default(),
            variables: Variables::default(),
            own_names: BTreeSet::new(),
            pasted: Pasted::default(),
            streams: Streams::default(),
            folders: Some(vec![machine.home.to_owned()]),
            is_relative: false,
            added: Vec::new(),
            here: None,
            why: None,
            programs: Vec::new(),
            shapes: Vec::new(),
            depth: 0,
            scripts_deep: 0,
            traces: false,
            has_pasted: false,
            may_be_cut: false,
            input: Input::default(),
            touched: Touched::default(),
            touched_beside: Touched::default(),
            passes_beside: false,
            is_beside: false,
        }
    }

    /// Reads what stands in something else. Whatever can run itself goes through here.
    pub(super) fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return unreadable("commands stand too deep in each other");
        }
        read(self)?;
        self.depth -= 1;
        Ok(())
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
            may_be_cut: self.may_be_cut,
            unread: self.why,
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

    /// A script by itself, in a shell of its own.
    pub(super) fn read(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        let outer = std::mem::take(&mut self.variables);
        let names = std::mem::replace(&mut self.own_names, own_names(script));
        rename(script, &self.own_names);
        self.read_here(script)?;
        (self.variables, self.own_names) = (outer, names);
        Ok(())
    }

    /// A script that stands in another one, and shares its variables.
    pub(super) fn read_within(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        if !own_names(script).is_subset(&self.own_names) {
            return unreadable("`eval` sets a variable that the script around it does not");
        }
        rename(script, &self.own_names);
        self.read_here(script)
    }

    /// A script as if it stood here.
    fn read_here(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        self.scripts_deep += 1;
        if self.scripts_deep > SCRIPTS_DEEP_MAX {
            return unreadable("scripts stand too deep in each other");
        }
        if !self.pasted.note(script) {
            return unreadable("it sets variables more often than anybody could follow");
        }
        self.script(script)?;
        self.scripts_deep -= 1;
        Ok(())
    }

    /// What is known once all of a line was read.
    pub(super) fn end(&mut self) {
        self.met_beside();
        if self.traces && self.has_pasted {
            self.unknown("set");
            self.why.get_or_insert(Unreadable(
                "a shell that shows its commands (`-x`) would show an output beside letters"
                    .to_owned(),
            ));
        }
    }

    pub(super) fn value(&self, word: &Word) -> Value {
        Value::of(word, &self.variables, Some(&self.home), &self.spent)
    }

    /// Whether it needs, or puts together, more than anybody could look through.
    pub(super) fn is_too_much(&self) -> bool {
        self.is_much || self.spent.get() > WORK_BYTES_MAX
    }

    /// Counts a script in an argument, which is read for itself.
    pub(super) fn count_script(&self, text: &str) -> Result<(), Unreadable> {
        self.spent.set(self.spent.get() + SCRIPT_WORK * text.len());
        match self.is_too_much() {
            true => {
                unreadable("scripts in its arguments are longer than anybody could look through")
            }
            false => Ok(()),
        }
    }

    /// Whether what a word shows may not look like what it is.
    pub(super) fn pastes(&self, word: &Word) -> bool {
        let is_unknown = |piece: &Piece| match piece {
            Piece::Variable { name, .. } => self.variables.values(name).is_none(),
            Piece::Text(_) | Piece::Glob(_) | Piece::Home | Piece::Output { .. } => false,
        };
        let holds_pasted = |piece: &Piece| match piece {
            Piece::Variable { name, .. } => is_unknown(piece) && self.pasted.contains(name),
            Piece::Text(_) | Piece::Glob(_) | Piece::Home | Piece::Output { .. } => false,
        };
        is_pasted(word, is_unknown) || word.0.iter().any(holds_pasted)
    }

    /// The same run, with what it writes going to a stream of its own.
    pub(super) fn with_stream<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<(T, Written), Unreadable> {
        self.streams.open();
        self.in_stream(run)
    }

    /// The same in the stream that was opened.
    pub(super) fn in_stream<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<(T, Written), Unreadable> {
        let done = run(self)?;
        let (says, glued) = self.streams.close();
        if let Some(name) = glued {
            self.glues(&name);
        }
        Ok((done, says))
    }

    /// A program of this name ends others while they write: in the middle of a line, or of a value.
    pub(super) fn cuts_short(&mut self, name: &str) {
        self.may_be_cut = true;
        self.streams.cut(name);
    }

    /// What a program writes does not end its line, and stands beside what others write there.
    pub(super) fn glues(&mut self, name: &str) {
        self.unknown(name);
        self.why.get_or_insert(Unreadable(format!(
            "what `{name}` writes does not end its line, and could hide what is written beside it: \
             end it with `\\n`, or write it by itself"
        )));
    }

    fn script(&mut self, script: &mut Script) -> Result<(), Unreadable> {
        let mut rest = &mut script.0[..];
        while !rest.is_empty() {
            let ends = |(_, joint): &(Node, Joint)| matches!(joint, Joint::Then | Joint::Beside);
            let end = rest.iter().position(ends).map_or(rest.len(), |end| end + 1);
            let (list, behind) = rest.split_at_mut(end);
            rest = behind;
            // `A && B &` is all of it in a shell of its own.
            match list.last() {
                Some((_, Joint::Beside)) => {
                    self.beside(|reader| reader.apart(|reader| reader.list(list)))?;
                }
                _ => self.list(list)?,
            }
        }
        Ok(())
    }

    /// Commands that are joined by `&&` and `||`.
    fn list(&mut self, list: &mut [(Node, Joint)]) -> Result<(), Unreadable> {
        // Where it may be, and what variables may hold, whichever of them ran and how they ended.
        let mut folders = self.folders.clone();
        let mut variables: Option<Variables> = None;
        let mut all_succeeded = true;
        for (at, (node, joint)) in list.iter_mut().enumerate() {
            match at {
                0 => self.node(node)?,
                _ => self.perhaps(|reader| reader.node(node))?,
            }
            all_succeeded &= *joint == Joint::And && !matches!(node, Node::Not(_));
            folders = joined(folders, self.folders.clone());
            match &mut variables {
                None => variables = Some(self.variables.clone()),
                Some(variables) => variables.join(&self.variables),
            }
            if !all_succeeded {
                self.folders.clone_from(&folders);
                self.variables = variables.clone().unwrap_or_default();
            }
        }
        Ok(())
    }

    fn may_also_be(&mut self, (folders, variables): (Option<Vec<String>>, Variables)) {
        self.folders = joined(self.folders.take(), folders);
        self.variables.join(&variables);
    }

    fn place(&self) -> (Option<Vec<String>>, Variables) {
        (self.folders.clone(), self.variables.clone())
    }

    /// In a shell of its own: where that goes, this one stays.
    pub(super) fn apart(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let place = self.place();
        run(self)?;
        (self.folders, self.variables) = place;
        Ok(())
    }

    fn node(&mut self, node: &mut Node) -> Result<(), Unreadable> {
        self.deeper(|reader| reader.any_node(node))
    }

    fn any_node(&mut self, node: &mut Node) -> Result<(), Unreadable> {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Pipe(nodes) => self.pipe(nodes),
            Node::Not(node) => self.node(node),
            Node::Group { script, shell, redirects } => {
                let is_everywhere = self.streams.is_everywhere;
                self.redirects(redirects)?;
                self.placed(redirects, |reader| {
                    reader.with_input(redirects, |reader| match shell {
                        Shell::Same => reader.script(script),
                        Shell::Another => reader.apart(|reader| reader.script(script)),
                    })
                })?;
                self.streams.is_everywhere = is_everywhere;
                Ok(())
            }
            Node::If { arms, otherwise } => {
                let mut ends = Vec::new();
                for (condition, then) in arms {
                    self.script(condition)?;
                    let before = self.place();
                    self.perhaps(|reader| reader.script(then))?;
                    ends.push(self.place());
                    (self.folders, self.variables) = before;
                }
                self.perhaps(|reader| reader.script(otherwise))?;
                ends.into_iter().for_each(|end| self.may_also_be(end));
                Ok(())
            }
            Node::Loop { condition, body, .. } => {
                let names = [set_in(condition), set_in(body)];
                self.looped(names, |reader| {
                    reader.script(condition)?;
                    reader.script(body)
                })
            }
            Node::For { name, words, body } => {
                if !may_be_set(name) || is_harmless(name) {
                    return unreadable(format!("`{name}` tells the system how to work"));
                }
                if words.iter().any(|word| self.is_cut(word)) {
                    return unreadable("an output that is not quoted is cut at blanks");
                }
                self.outputs(words)?;
                self.has_pasted |= words.iter().any(|word| self.pastes(word));
                let value = self.one_of(words);
                self.looped([set_in(body), Some(BTreeSet::from([name.clone()]))], |reader| {
                    reader.variables.set(name, &value);
                    reader.script(body)
                })
            }
        }
    }

    fn pipe(&mut self, nodes: &mut [Node]) -> Result<(), Unreadable> {
        let last = nodes.len().saturating_sub(1);
        let is_fed = self.streams.is_fed_open;
        let (was_ended, killer) = (self.input.is_ended, self.streams.killer.take());
        let (mut is_data, mut stops, mut touched) = (false, Vec::new(), Vec::new());
        for (at, node) in nodes.iter_mut().enumerate() {
            // Some shells write to both, and read from both.
            let twice = [(at > 0).then_some(0), (at < last).then_some(1)];
            let redirects = node.redirects().iter().map(Redirect::stream);
            if redirects.into_iter().any(|stream| twice.contains(&Some(stream))) {
                return unreadable("a stream of a pipe leads elsewhere, too");
            }
            let mut says = None;
            let mut piped = |reader: &mut Self, node: &mut Node| match at == last {
                // Some shells run it in a shell of its own, others in this one.
                true => {
                    let before = reader.place();
                    reader.node(node)?;
                    reader.may_also_be(before);
                    Ok(())
                }
                false => {
                    let run = |reader: &mut Self| reader.apart(|it| it.node(node));
                    says = Some(reader.with_stream(run)?.1);
                    Ok(())
                }
            };
            let mut stopped = None;
            touched.push(self.touching(|reader| {
                match at {
                    0 => piped(reader, node)?,
                    _ => stopped = reader.fed_by(is_data, node, piped)?,
                }
                Ok(())
            })?);
            stops.push(stopped);
            if let Some(says) = says {
                (self.streams.is_fed_open, is_data) = (says.is_open, says.is_data);
                if let Some(name) = says.cut.filter(|_| is_data) {
                    self.cut_by(&name);
                }
            }
        }
        self.streams.is_fed_open = is_fed;
        self.ended_in_pipe(&stops, touched, was_ended)?;
        self.killed_in_pipe(killer);
        Ok(())
    }

    /// One of a pipe may have ended the others while those hand on what they have.
    fn killed_in_pipe(&mut self, before: Option<String>) {
        if let Some(name) = self.streams.killer.clone().filter(|_| self.touched.hands_on()) {
            self.cut_by(&name);
        }
        self.streams.killer = self.streams.killer.take().or(before);
    }

    /// What a variable holds that goes through some words.
    fn one_of(&self, words: &[Word]) -> Value {
        let mut texts = Vec::new();
        for word in words {
            // Words that stand bare are cut where they have blanks.
            let is_whole = word.0.iter().all(|piece| match piece {
                Piece::Text(_) | Piece::Home => true,
                Piece::Variable { is_quoted, .. } => *is_quoted,
                Piece::Glob(_) | Piece::Output { .. } => false,
            });
            match self.value(word) {
                Value::Texts(more) if is_whole && texts.len() + more.len() <= VALUES_MAX => {
                    texts.extend(more);
                }
                _ => return Value::Unknown,
            }
        }
        Value::Texts(texts)
    }

    /// Whether a word becomes several, cut where what is not known has blanks. What the login sets
    /// is no pattern, and seldom has blanks; where it counts how many words there are, see
    /// [`Self::is_one`].
    pub(super) fn is_cut(&self, word: &Word) -> bool {
        word.0.iter().any(|piece| match piece {
            Piece::Variable { name, .. } if is_one_the_login_sets(name) => false,
            piece => self.cuts(piece),
        })
    }

    fn cuts(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Output { is_quoted, .. } => !is_quoted,
            Piece::Variable { name, is_quoted } => {
                !is_quoted
                    && self.value(&Word(vec![piece.clone()])) == Value::Unknown
                    && name != "?"
                    && name != "$"
            }
            Piece::Text(_) | Piece::Glob(_) | Piece::Home => false,
        }
    }

    /// Whether a word stays one, whatever it holds, or becomes names of files that fit a pattern.
    pub(super) fn is_whole(&self, word: &Word) -> bool {
        !word.0.iter().any(|piece| self.cuts(piece))
    }

    /// Whether a word stays one word, whatever it holds. Where a program is called, nothing may be
    /// stepped over that could be more of them.
    pub(super) fn is_one(&self, word: &Word) -> bool {
        self.is_whole(word) && !word.0.iter().any(|piece| matches!(piece, Piece::Glob(_)))
    }

    /// Whether what a word holds can be shown by a program that complains of it.
    pub(super) fn is_one_plain(&self, word: &Word) -> bool {
        self.is_one(word) && !self.pastes(word)
    }

    /// What may run again where it has gone, or not at all: what it sets, nobody knows before.
    fn looped(
        &mut self,
        names: [Option<BTreeSet<String>>; 2],
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let [Some(one), Some(other)] = names else {
            return unreadable("`eval` stands in a loop");
        };
        let forget = |reader: &mut Self| {
            one.iter().chain(&other).for_each(|name| reader.variables.forget(name));
        };
        forget(self);
        let before = self.folders.clone();
        self.streams.loops += 1;
        self.perhaps(run)?;
        self.streams.loops -= 1;
        forget(self);
        if self.folders != before {
            return unreadable("a loop changes folders");
        }
        Ok(())
    }

    fn simple(&mut self, simple: &mut Simple) -> Result<(), Unreadable> {
        if let [only] = simple.words.as_slice()
            && only.literal().as_deref() == Some("cd")
        {
            // What it means by itself is what the login says.
            simple.words.push(Word(vec![Piece::Home]));
        }
        let is_everywhere = self.streams.is_everywhere;
        let is_for_one = !simple.words.is_empty();
        for (name, value) in &mut simple.assignments {
            let may_be = if is_for_one { is_harmless(name) } else { may_be_set(name) };
            if !may_be {
                return unreadable(format!("`{name}` tells the system how to work"));
            }
            self.outputs(std::slice::from_mut(value))?;
            let may_be = Value::of(value, &self.variables, None, &self.spent);
            // A program shows some of what it is told so in forms of its own: `TZ=… date +%Z`.
            if is_harmless(name) && !matches!(may_be, Value::Texts(_)) {
                return unreadable(format!(
                    "what `{name}` is set to is not known beforehand: write the value itself"
                ));
            }
            match is_for_one {
                true => self.variables.forget(name),
                false => self.variables.set(name, &may_be),
            }
        }
        self.redirects(&mut simple.redirects)?;
        self.outputs(&mut simple.words)?;
        self.here = self.input_of(&simple.redirects);
        if simple.words.is_empty() {
            self.has_pasted |= simple.assignments.iter().any(|(_, word)| self.pastes(word));
            self.streams.is_everywhere = is_everywhere;
            return Ok(());
        }
        let Simple { assignments, words, redirects } = simple;
        let mut shown = assignments.iter().map(|(_, word)| word).chain(words.iter());
        self.has_pasted |= shown.any(|word| self.pastes(word));
        let run = |reader: &mut Self| {
            let is_input = |word: &Word| {
                matches!(word.literal().as_deref(), Some("-" | "/dev/stdin" | "/dev/fd/0"))
            };
            if reader.streams.is_fed_open && words.iter().skip(1).any(is_input) {
                let name = words.first().and_then(Word::literal).unwrap_or_default();
                reader.glues(&name);
            }
            reader.streams.says = None;
            reader.run(words)?;
            words.append(&mut reader.added);
            let name = words.first().and_then(Word::literal).unwrap_or_default();
            reader.streams.wrote(&name);
            Ok(())
        };
        self.placed(redirects, |reader| reader.with_input(redirects, run))?;
        self.streams.is_everywhere = is_everywhere;
        Ok(())
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
                let is_fed = std::mem::take(&mut self.streams.is_fed_open);
                // All of it is read before it goes anywhere.
                let fragile = self.touched.fragile.take();
                let ((), says) =
                    self.with_stream(|reader| reader.apart(|reader| reader.script(script)))?;
                if let Some(name) = says.cut.filter(|_| says.is_data) {
                    self.cut_by(&name);
                }
                (self.streams.is_fed_open, self.touched.fragile) = (is_fed, fragile);
            }
        }
        Ok(())
    }

    /// What a program reads as its input, where that stands in the line.
    fn input_of(&self, redirects: &[Redirect]) -> Option<String> {
        redirects.iter().filter(|redirect| redirect.stream() == 0).find_map(|it| match &it.to {
            Place::Here(text) => Some(text.clone()),
            Place::HereWord(word) => self.value(word).only().map(str::to_owned),
            Place::Read(_) | Place::Write(_) | Place::Append(_) => None,
            Place::Same(_) | Place::Closed => None,
        })
    }

    fn redirects(&mut self, redirects: &mut [Redirect]) -> Result<(), Unreadable> {
        let streams: BTreeSet<u8> = redirects.iter().map(Redirect::stream).collect();
        if streams.len() < redirects.len() {
            return unreadable("a stream leads to two places: some shells write to both");
        }
        for redirect in redirects {
            let (action, word) = match &mut redirect.to {
                Place::Read(word) => (Action::Read, word),
                Place::Write(word) | Place::Append(word) => (Action::Write, word),
                Place::HereWord(word) => {
                    self.outputs(std::slice::from_mut(word))?;
                    if self.pastes(word) {
                        self.code();
                    }
                    continue;
                }
                Place::Same(_) | Place::Closed | Place::Here(_) => continue,
            };
            self.outputs(std::slice::from_mut(word))?;
            let value = self.value(word);
            match action {
                Action::Write => self.opened(&value)?,
                action => self.files(action, &value)?,
            }
        }
        Ok(())
    }

    pub(super) fn need(&mut self, action: Action, object: Object) {
        let need = Need { action, object };
        if self.known_needs.len() >= NEEDS_MAX {
            self.is_much = true;
        } else if self.known_needs.insert(need.clone()) {
            self.needs.push(need);
        }
    }

    /// Rows of a database are written; nobody is told how many.
    pub(super) fn writes_rows(&mut self, is_bounded: bool) {
        self.facts.untold = true;
        self.note_bounded(Action::Write, is_bounded);
    }

    pub(super) fn note_bounded(&mut self, action: Action, is_bounded: bool) {
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

    pub(super) fn shaped(&mut self, shape: String) {
        self.shapes.push(shape);
    }

    pub(super) fn ran(&mut self, name: &str, shape: String) {
        self.programs.push(name.to_owned());
        self.shapes.push(shape);
    }
}
