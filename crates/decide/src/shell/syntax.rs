//! A command line as it was read: plain values, and the one spelling in which it is sent on.
//!
//! What stands here has one meaning in every shell of the POSIX family. Writing it out again
//! quotes every letter that any of them could take for something else, so that a target's shell
//! cannot read it in another way than it was decided.

use super::parse::{Unreadable, parse_within, unreadable};
use std::fmt::Write;

/// Commands one after the other, each with what joins it to the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Script(pub(super) Vec<(Node, Joint)>);

impl Script {
    /// The same where it begins in a folder.
    pub(super) fn within(self, folder: &str) -> Self {
        let word = |text: &str| Word(vec![Piece::Text(text.to_owned())]);
        let words = vec![word("cd"), word(folder)];
        let moves = Node::Simple(Simple { words, ..Simple::default() });
        let group = Node::Group { script: self, shell: Shell::Same, redirects: Vec::new() };
        Self(vec![(moves, Joint::And), (group, Joint::Then)])
    }
}

/// What stands behind a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Joint {
    /// `;` or the end of a line.
    Then,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `&`.
    Beside,
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Node {
    Simple(Simple),
    /// Each writes what the next one reads.
    Pipe(Vec<Node>),
    Not(Box<Node>),
    /// In a shell of its own, or in this one.
    Group {
        script: Script,
        shell: Shell,
        redirects: Vec<Redirect>,
    },
    /// Conditions with what follows from each; what follows from none.
    If {
        arms: Vec<(Script, Script)>,
        otherwise: Script,
    },
    /// A body that runs as long as its condition says.
    Loop {
        until: bool,
        condition: Script,
        body: Script,
    },
    /// A body that runs for each of some words.
    For {
        name: String,
        words: Vec<Word>,
        body: Script,
    },
}

/// Which shell runs a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shell {
    Same,
    Another,
}

/// A program with its arguments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

/// Where a stream comes from or goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Redirect {
    /// Which stream, where it is not the usual one.
    pub(super) stream: Option<u8>,
    pub(super) to: Place,
}

impl Redirect {
    /// Which stream leads elsewhere.
    pub(super) fn stream(&self) -> u8 {
        let usual = match self.to {
            Place::Read(_) | Place::Here(_) | Place::HereWord(_) => 0,
            Place::Write(_) | Place::Append(_) | Place::Same(_) | Place::Closed => 1,
        };
        self.stream.unwrap_or(usual)
    }
}

impl Node {
    /// Where its streams lead, as far as that is said behind it.
    pub(super) fn redirects(&self) -> &[Redirect] {
        match self {
            Self::Simple(Simple { redirects, .. }) | Self::Group { redirects, .. } => redirects,
            Self::Pipe(_) | Self::Not(_) | Self::If { .. } => &[],
            Self::Loop { .. } | Self::For { .. } => &[],
        }
    }
}

/// The other end of a redirection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Read(Word),
    Write(Word),
    Append(Word),
    /// As another stream.
    Same(u8),
    Closed,
    /// A text that stands in the script itself.
    Here(String),
    HereWord(Word),
}

/// A word, in pieces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Word(pub(super) Vec<Piece>);

/// A piece of a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Exactly these letters.
    Text(String),
    /// A pattern for names of files: `*`, `?`, `[a-z]`.
    Glob(String),
    /// The home of whoever logs in.
    Home,
    Variable {
        name: String,
        is_quoted: bool,
    },
    /// What a script writes.
    Output {
        script: Script,
        is_quoted: bool,
    },
}

impl Word {
    /// The letters, where nothing in it depends on anything.
    pub(super) fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(letters) => text.push_str(letters),
                Piece::Glob(_) | Piece::Home | Piece::Variable { .. } | Piece::Output { .. } => {
                    return None;
                }
            }
        }
        Some(text)
    }
}

/// What a walk through a script comes to.
pub(super) enum Met<'s> {
    /// A word, after the scripts in it.
    Word(&'s mut Word),
    /// A command, after its words.
    Simple(&'s mut Simple),
    /// The name of a loop's variable.
    For(&'s mut String),
}

/// Goes through a script and all scripts in its words.
pub(super) fn each_met(script: &mut Script, see: &mut impl FnMut(Met<'_>)) {
    script.0.iter_mut().for_each(|(node, _)| met_in_node(node, see));
}

fn met_in_node(node: &mut Node, see: &mut impl FnMut(Met<'_>)) {
    match node {
        Node::Simple(simple) => {
            let Simple { assignments, words, redirects } = simple;
            assignments.iter_mut().for_each(|(_, word)| met_in_word(word, see));
            words.iter_mut().for_each(|word| met_in_word(word, see));
            redirects.iter_mut().for_each(|redirect| met_in_redirect(redirect, see));
            see(Met::Simple(simple));
        }
        Node::Pipe(nodes) => nodes.iter_mut().for_each(|node| met_in_node(node, see)),
        Node::Not(node) => met_in_node(node, see),
        Node::Group { script, redirects, .. } => {
            each_met(script, see);
            redirects.iter_mut().for_each(|redirect| met_in_redirect(redirect, see));
        }
        Node::If { arms, otherwise } => {
            for (condition, then) in arms {
                each_met(condition, see);
                each_met(then, see);
            }
            each_met(otherwise, see);
        }
        Node::Loop { condition, body, .. } => {
            each_met(condition, see);
            each_met(body, see);
        }
        Node::For { name, words, body } => {
            see(Met::For(name));
            words.iter_mut().for_each(|word| met_in_word(word, see));
            each_met(body, see);
        }
    }
}

fn met_in_redirect(redirect: &mut Redirect, see: &mut impl FnMut(Met<'_>)) {
    match &mut redirect.to {
        Place::Read(word) | Place::Write(word) | Place::Append(word) | Place::HereWord(word) => {
            met_in_word(word, see);
        }
        Place::Same(_) | Place::Closed | Place::Here(_) => {}
    }
}

fn met_in_word(word: &mut Word, see: &mut impl FnMut(Met<'_>)) {
    for piece in &mut word.0 {
        if let Piece::Output { script, .. } = piece {
            each_met(script, see);
        }
    }
    see(Met::Word(word));
}

impl Word {
    /// The pieces that it has once it was written out and read again.
    fn settle(&mut self, home: &str) {
        let mut pieces: Vec<Piece> = Vec::new();
        if self.0.is_empty() {
            pieces.push(Piece::Text(String::new()));
        }
        if matches!(self.0.first(), Some(Piece::Glob(_))) {
            pieces.push(Piece::Text("./".to_owned()));
        }
        for piece in self.0.drain(..) {
            let piece = match piece {
                Piece::Home => Piece::Text(home.to_owned()),
                piece => piece,
            };
            match (pieces.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (Some(Piece::Glob(before)), Piece::Glob(text)) => before.push_str(&text),
                (_, piece) => pieces.push(piece),
            }
        }
        self.0 = pieces;
    }
}

/// The one spelling of a script that is sent: what it is read as is the script that was decided.
pub(super) fn spelled(script: &Script, home: &str) -> Result<String, Unreadable> {
    let line = Writer::write(script, home);
    let settled = |mut script: Script| {
        each_met(&mut script, &mut |met| {
            if let Met::Word(word) = met {
                word.settle(home);
            }
        });
        script
    };
    match parse_within(&line, 0).map(settled) {
        Ok(again) if again == settled(script.clone()) => Ok(line),
        Ok(_) | Err(_) => unreadable("written out with all its words quoted it is not the same"),
    }
}

/// Writes scripts out.
struct Writer<'h> {
    /// What stands for [`Piece::Home`].
    home: &'h str,
    /// Texts of the line that is being written, which follow behind its end.
    heres: Vec<String>,
}

/// Words that mean something where a program could stand.
const RESERVED: [&str; 17] = [
    "!", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "in", "select", "then", "until", "while",
];

impl<'h> Writer<'h> {
    /// The one spelling of a script.
    fn write(script: &Script, home: &'h str) -> String {
        let mut writer = Self { home, heres: Vec::new() };
        let mut out = String::new();
        writer.script(script, &mut out);
        writer.end_line(&mut out);
        out
    }

    fn script(&mut self, script: &Script, out: &mut String) {
        let last = script.0.len().saturating_sub(1);
        for (place, (node, joint)) in script.0.iter().enumerate() {
            self.node(node, out);
            match joint {
                Joint::Then if place == last => {}
                Joint::Then if self.heres.is_empty() => out.push_str("; "),
                Joint::Then => {}
                Joint::And => out.push_str(" && "),
                Joint::Or => out.push_str(" || "),
                Joint::Beside if place == last => out.push_str(" &"),
                Joint::Beside => out.push_str(" & "),
            }
            if matches!(joint, Joint::Then) {
                self.end_line(out);
            }
        }
    }

    /// Puts the texts that stand in the script behind its line.
    fn end_line(&mut self, out: &mut String) {
        if self.heres.is_empty() {
            return;
        }
        out.push('\n');
        for text in std::mem::take(&mut self.heres) {
            let _ = writeln!(out, "{text}{}", mark_for(&text));
        }
    }

    fn block(&mut self, open: &str, script: &Script, out: &mut String) {
        out.push_str(open);
        out.push(' ');
        self.script(script, out);
        self.end_line(out);
        if !out.ends_with(['&', '\n']) {
            out.push(';');
        }
        out.push(' ');
    }

    fn node(&mut self, node: &Node, out: &mut String) {
        match node {
            Node::Simple(simple) => self.simple(simple, out),
            Node::Pipe(nodes) => {
                for (place, node) in nodes.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { " | " });
                    self.node(node, out);
                }
            }
            Node::Not(node) => {
                out.push_str("! ");
                self.node(node, out);
            }
            Node::Group { script, shell, redirects } => {
                let (open, close) = match shell {
                    Shell::Same => ("{", "}"),
                    Shell::Another => ("(", ")"),
                };
                self.block(open, script, out);
                out.push_str(close);
                for redirect in redirects {
                    self.redirect(redirect, out);
                }
            }
            Node::If { arms, otherwise } => {
                for (place, (condition, then)) in arms.iter().enumerate() {
                    self.block(if place == 0 { "if" } else { "elif" }, condition, out);
                    self.block("then", then, out);
                }
                if !otherwise.0.is_empty() {
                    self.block("else", otherwise, out);
                }
                out.push_str("fi");
            }
            Node::Loop { until, condition, body } => {
                self.block(if *until { "until" } else { "while" }, condition, out);
                self.block("do", body, out);
                out.push_str("done");
            }
            Node::For { name, words, body } => {
                let _ = write!(out, "for {name} in");
                for word in words {
                    out.push(' ');
                    self.word(word, out);
                }
                out.push_str("; ");
                self.block("do", body, out);
                out.push_str("done");
            }
        }
    }

    fn simple(&mut self, simple: &Simple, out: &mut String) {
        let mut space = "";
        for (name, value) in &simple.assignments {
            let _ = write!(out, "{space}{name}=");
            self.word(value, out);
            space = " ";
        }
        for (place, word) in simple.words.iter().enumerate() {
            out.push_str(space);
            let literal = word.literal().filter(|text| {
                // Behind `time` a word is looked at as if it stood first.
                RESERVED.contains(&text.as_str()) || (place == 0 && text.contains('='))
            });
            match literal {
                Some(text) => enclose(&text, out),
                None => self.word(word, out),
            }
            space = " ";
        }
        for redirect in &simple.redirects {
            self.redirect(redirect, out);
        }
    }

    fn redirect(&mut self, redirect: &Redirect, out: &mut String) {
        out.push(' ');
        if let Some(stream) = redirect.stream {
            let _ = write!(out, "{stream}");
        }
        match &redirect.to {
            Place::Read(word) => self.redirected("< ", word, out),
            Place::Write(word) => self.redirected("> ", word, out),
            Place::Append(word) => self.redirected(">> ", word, out),
            Place::HereWord(word) => self.redirected("<<< ", word, out),
            Place::Same(stream) => {
                let _ = write!(out, ">&{stream}");
            }
            Place::Closed => out.push_str(">&-"),
            Place::Here(text) => {
                let _ = write!(out, "<<'{}'", mark_for(text));
                self.heres.push(text.clone());
            }
        }
    }

    fn redirected(&mut self, sign: &str, word: &Word, out: &mut String) {
        out.push_str(sign);
        self.word(word, out);
    }

    fn word(&mut self, word: &Word, out: &mut String) {
        if word.0.is_empty() {
            out.push_str("''");
        }
        if matches!(word.0.first(), Some(Piece::Glob(_))) {
            // A file that is called `-x` is no option then.
            out.push_str("./");
        }
        let mut pieces = word.0.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Text(_) | Piece::Home => {
                    // Texts side by side are one: read again, it is written the same way.
                    let mut text = self.text_of(piece).to_owned();
                    while let Some(next) =
                        pieces.next_if(|next| matches!(next, Piece::Text(_) | Piece::Home))
                    {
                        text.push_str(self.text_of(next));
                    }
                    quote(&text, out);
                }
                Piece::Glob(pattern) => out.push_str(pattern),
                Piece::Variable { name, is_quoted } => {
                    let mark = if *is_quoted { "\"" } else { "" };
                    let _ = write!(out, "{mark}${{{name}}}{mark}");
                }
                Piece::Output { script, is_quoted } => {
                    let mark = if *is_quoted { "\"" } else { "" };
                    let line = Writer::write(script, self.home);
                    // `$((` is arithmetic.
                    let blank = if line.starts_with('(') { " " } else { "" };
                    let _ = write!(out, "{mark}$({blank}{line}){mark}");
                }
            }
        }
    }

    fn text_of<'p>(&self, piece: &'p Piece) -> &'p str
    where
        'h: 'p,
    {
        match piece {
            Piece::Text(text) => text,
            Piece::Home => self.home,
            Piece::Glob(_) | Piece::Variable { .. } | Piece::Output { .. } => "",
        }
    }
}

/// A line that is not in a text.
fn mark_for(text: &str) -> String {
    let mut mark = "END".to_owned();
    while text.lines().any(|line| line == mark) {
        mark.push('_');
    }
    mark
}

/// Letters that mean themselves in every shell.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter)
}

fn quote(text: &str, out: &mut String) {
    // A shell may look up what stands behind a `=` at the beginning of a word.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) {
        out.push_str(text);
        return;
    }
    enclose(text, out);
}

/// Quotes what could stand bare, too.
fn enclose(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "'\\''"));
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the writer spells as something else is not sent.
    #[test]
    fn a_spelling_that_is_read_otherwise_is_none() {
        let word = |text: &str| Word(vec![Piece::Text(text.to_owned())]);
        let simple =
            |text: &str| Node::Simple(Simple { words: vec![word(text)], ..Simple::default() });
        let script = |node: Node| Script(vec![(node, Joint::Then)]);
        let home = "/srv/d";
        assert_eq!(spelled(&script(simple("a b")), home).as_deref(), Ok("'a b'"));
        let within = Node::Pipe(vec![simple("a"), simple("b")]);
        assert!(spelled(&script(Node::Pipe(vec![within, simple("c")])), home).is_err());
        let odd = Piece::Variable { name: "x y".to_owned(), is_quoted: true };
        let words = vec![word("a"), Word(vec![odd])];
        assert!(
            spelled(&script(Node::Simple(Simple { words, ..Simple::default() })), home).is_err()
        );
        let words = vec![word("a"), Word(vec![Piece::Home, Piece::Text("/b".to_owned())])];
        let done = spelled(&script(Node::Simple(Simple { words, ..Simple::default() })), home);
        assert_eq!(done.as_deref(), Ok("a /srv/d/b"));
    }
}
