//! Reads a command line. What has one meaning in every shell of the POSIX family is read; what
//! has not, or is seldom meant well, is unreadable and says so.

use super::syntax::{Joint, Node, Place, Redirect, Script, Shell, Simple, Word};
use thiserror::Error;

/// The longest command line.
const LINE_BYTES_MAX: usize = 64 << 10;
/// How deep commands may stand in each other. Whatever goes through what was read (the writer, the
/// search for variables) calls itself as deep as the parser did, and no deeper.
const DEPTH_MAX: usize = 24;

/// Why a command line cannot be read: the client's own words and ours.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

pub(super) fn unreadable<T>(why: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable(why.into()))
}

/// Reads all of a text.
pub(super) fn parse(text: &str) -> Result<Script, Unreadable> {
    if text.len() > LINE_BYTES_MAX {
        return unreadable(format!("the command is longer than {LINE_BYTES_MAX} bytes"));
    }
    parse_within(text, 0)
}

/// The same, however long it is, for a text that stands so deep in another one.
pub(super) fn parse_within(text: &str, depth: usize) -> Result<Script, Unreadable> {
    if text.chars().any(|letter| letter.is_control() && letter != '\t' && letter != '\n') {
        return unreadable("it holds control characters");
    }
    let mut parser = Parser { text, at: 0, depth, here: None };
    let script = parser.script()?;
    if parser.at < text.len() {
        let rest: String = parser.rest().chars().take(20).collect();
        return unreadable(format!("what `{rest}` means here cannot be said"));
    }
    if parser.here.is_some() {
        return unreadable("a here-document does not begin on the next line");
    }
    Ok(script)
}

/// A place in a text.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    // INVARIANT: at a boundary of characters, at most the length of the text.
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Where the line ends behind which texts of here-documents stand, and where those end.
    here: Option<(usize, usize)>,
}

/// Words that end a list, where a command could stand.
const CLOSING: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "}", "esac"];

/// Words that begin what is not read.
const UNREAD: [&str; 5] = ["case", "function", "select", "coproc", "[["];

impl<'t> Parser<'t> {
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Goes over a text, if it stands here.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let stands = self.rest().starts_with(text);
        self.at += if stands { text.len() } else { 0 };
        stands
    }

    fn skip_blanks(&mut self) {
        loop {
            if self.take(" ") || self.take("\t") || self.take("\\\n") {
                continue;
            }
            if self.rest().starts_with('#') {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
            return;
        }
    }

    /// Over the end of a line, and the texts of here-documents behind it.
    fn take_line_end(&mut self) -> bool {
        if !self.rest().starts_with('\n') {
            return false;
        }
        match self.here {
            Some((line_end, end)) if line_end == self.at => {
                self.at = end;
                self.here = None;
            }
            _ => self.at += 1,
        }
        true
    }

    fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if !self.take_line_end() {
                return;
            }
        }
    }

    /// The unquoted word that stands here, as far as it may be a reserved one.
    fn reserved(&self) -> &'t str {
        let ends = |letter: char| letter.is_ascii_whitespace() || ";&|()<>".contains(letter);
        let rest = self.rest();
        rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default()
    }

    fn expect(&mut self, word: &str) -> Result<(), Unreadable> {
        self.skip_lines();
        if self.reserved() == word {
            self.at += word.len();
            return Ok(());
        }
        unreadable(format!("`{word}` is missing"))
    }

    /// Reads what stands in something else. Whatever can stand in itself goes through here.
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return unreadable("commands stand too deep in each other");
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    /// Commands up to the end, a closing bracket, or a word that closes what is around.
    pub(super) fn script(&mut self) -> Result<Script, Unreadable> {
        self.deeper(Self::commands)
    }

    fn commands(&mut self) -> Result<Script, Unreadable> {
        let mut script = Script::default();
        let mut is_due = false;
        loop {
            self.skip_lines();
            let is_over = matches!(self.peek(), None | Some(')'));
            if is_over || CLOSING.contains(&self.reserved()) {
                if is_due {
                    return unreadable("nothing stands behind `&&` or `||`");
                }
                return Ok(script);
            }
            let node = self.pipe_or_not()?;
            let joint = self.joint()?;
            is_due = matches!(joint, Joint::And | Joint::Or);
            script.0.push((node, joint));
        }
    }

    fn joint(&mut self) -> Result<Joint, Unreadable> {
        self.skip_blanks();
        if self.rest().starts_with(";;") {
            return unreadable("`;;` ends nothing here");
        }
        Ok(match () {
            () if self.take("&&") => Joint::And,
            () if self.take("||") => Joint::Or,
            () if self.take("&") => Joint::Beside,
            () if self.take(";") || self.take_line_end() => Joint::Then,
            () if matches!(self.peek(), None | Some(')')) => Joint::Then,
            () => {
                let rest: String = self.rest().chars().take(20).collect();
                return unreadable(format!("what `{rest}` means here cannot be said"));
            }
        })
    }

    fn pipe_or_not(&mut self) -> Result<Node, Unreadable> {
        if self.reserved() != "!" {
            return self.pipe();
        }
        self.at += 1;
        self.skip_blanks();
        match self.reserved() {
            "!" => unreadable("`! !` is not read"),
            _ => Ok(Node::Not(Box::new(self.pipe()?))),
        }
    }

    fn pipe(&mut self) -> Result<Node, Unreadable> {
        let mut nodes = vec![self.command()?];
        loop {
            self.skip_blanks();
            let is_pipe = self.rest().starts_with('|') && !self.rest().starts_with("||");
            if !is_pipe {
                break;
            }
            self.at += 1;
            if self.rest().starts_with('&') {
                return unreadable("`|&` is not read: write `2>&1 |`");
            }
            self.skip_lines();
            nodes.push(self.command()?);
        }
        match (nodes.len(), nodes.pop()) {
            (1, Some(node)) => Ok(node),
            (_, Some(last)) => {
                nodes.push(last);
                Ok(Node::Pipe(nodes))
            }
            (_, None) => unreadable("nothing stands here"),
        }
    }

    fn command(&mut self) -> Result<Node, Unreadable> {
        self.deeper(Self::any_command)
    }

    fn any_command(&mut self) -> Result<Node, Unreadable> {
        if self.rest().starts_with("((") {
            return unreadable("arithmetic is not read");
        }
        if self.take("(") {
            let script = self.script()?;
            if !self.take(")") {
                return unreadable("`)` is missing");
            }
            return self.group(script, Shell::Another);
        }
        let word = self.reserved();
        if UNREAD.contains(&word) {
            return unreadable(format!("`{word}` is not read"));
        }
        match word {
            "{" => {
                self.at += 1;
                let script = self.script()?;
                self.expect("}")?;
                self.group(script, Shell::Same)
            }
            "if" => self.conditions().and_then(|node| self.placed(node)),
            "while" | "until" => {
                self.at += word.len();
                let condition = self.script()?;
                let body = self.body()?;
                self.placed(Node::Loop { until: word == "until", condition, body })
            }
            "for" => self.for_each().and_then(|node| self.placed(node)),
            _ => self.simple(),
        }
    }

    /// `while …; done < FILE` is `{ while …; done; } < FILE`.
    fn placed(&mut self, node: Node) -> Result<Node, Unreadable> {
        let redirects = self.redirects()?;
        match redirects.is_empty() {
            true => Ok(node),
            false => {
                let script = Script(vec![(node, Joint::Then)]);
                Ok(Node::Group { script, shell: Shell::Same, redirects })
            }
        }
    }

    fn group(&mut self, script: Script, shell: Shell) -> Result<Node, Unreadable> {
        if script.0.is_empty() {
            return unreadable("nothing stands between brackets");
        }
        let redirects = self.redirects()?;
        Ok(Node::Group { script, shell, redirects })
    }

    fn redirects(&mut self) -> Result<Vec<Redirect>, Unreadable> {
        let mut redirects = Vec::new();
        self.skip_blanks();
        while let Some(redirect) = self.redirect(&mut redirects)? {
            redirects.push(redirect);
            self.skip_blanks();
        }
        Ok(redirects)
    }

    fn conditions(&mut self) -> Result<Node, Unreadable> {
        self.expect("if")?;
        let (mut arms, mut otherwise) = (Vec::new(), Script::default());
        loop {
            let condition = self.script()?;
            self.expect("then")?;
            arms.push((condition, self.script()?));
            self.skip_lines();
            match self.reserved() {
                "elif" => self.at += "elif".len(),
                "else" => {
                    self.at += "else".len();
                    otherwise = self.script()?;
                    break;
                }
                _ => break,
            }
        }
        self.expect("fi")?;
        Ok(Node::If { arms, otherwise })
    }

    fn for_each(&mut self) -> Result<Node, Unreadable> {
        self.expect("for")?;
        self.skip_blanks();
        let name = self.name();
        if name.is_empty() {
            return unreadable("`for` has no name");
        }
        self.expect("in")?;
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            match self.word()? {
                Some(word) => words.push(word),
                None => break,
            }
        }
        if !self.take(";") && !self.take_line_end() {
            return unreadable("`do` is missing");
        }
        Ok(Node::For { name, words, body: self.body()? })
    }

    fn body(&mut self) -> Result<Script, Unreadable> {
        self.expect("do")?;
        let body = self.script()?;
        self.expect("done")?;
        if body.0.is_empty() {
            return unreadable("a loop without a body");
        }
        Ok(body)
    }

    /// A name of a variable, or nothing.
    pub(super) fn name(&mut self) -> String {
        let rest = self.rest();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            return String::new();
        }
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }

    fn simple(&mut self) -> Result<Node, Unreadable> {
        let mut simple = Simple::default();
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect(&mut simple.redirects)? {
                simple.redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                simple.assignments.push(assignment);
                continue;
            }
            match self.word()? {
                Some(word) => simple.words.push(word),
                None => break,
            }
        }
        if self.rest().starts_with('(') {
            return unreadable("functions are not read");
        }
        let has_nothing = simple.assignments.is_empty() && simple.redirects.is_empty();
        match simple.words.first().map(Word::literal) {
            None if has_nothing => unreadable("a command is missing"),
            Some(Some(name)) if name.contains('=') => {
                unreadable(format!("`{name}` is no plain assignment"))
            }
            _ => Ok(Node::Simple(simple)),
        }
    }

    fn assignment(&mut self) -> Result<Option<(String, Word)>, Unreadable> {
        let start = self.at;
        let name = self.name();
        if name.is_empty() || !self.take("=") {
            self.at = start;
            return Ok(None);
        }
        if self.rest().starts_with('(') {
            return unreadable("lists in variables are not read");
        }
        let value = self.word()?.unwrap_or_default();
        if value.literal().is_some_and(|text| text.contains(":~")) {
            return unreadable("`~` stands within a value");
        }
        Ok(Some((name, value)))
    }

    /// A redirection, if one stands here. `&>` is two.
    fn redirect(&mut self, others: &mut Vec<Redirect>) -> Result<Option<Redirect>, Unreadable> {
        let rest = self.rest();
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let after = rest.get(digits..).unwrap_or_default();
        if rest.starts_with("&>") {
            self.at += "&>".len();
            let to = if self.take(">") {
                Place::Append(self.target()?)
            } else {
                Place::Write(self.target()?)
            };
            others.push(Redirect { stream: None, to });
            return Ok(Some(Redirect { stream: Some(2), to: Place::Same(1) }));
        }
        if !after.starts_with(['<', '>']) {
            return Ok(None);
        }
        let stream = match rest.get(..digits).unwrap_or_default() {
            "" => None,
            number => match number.parse() {
                Ok(stream) if stream <= 9 => Some(stream),
                _ => return unreadable(format!("there is no stream {number}")),
            },
        };
        self.at += digits;
        let to = self.place()?;
        Ok(Some(Redirect { stream, to }))
    }

    fn place(&mut self) -> Result<Place, Unreadable> {
        if self.rest().starts_with("<(") || self.rest().starts_with(">(") {
            return unreadable("a process in the place of a file is not read");
        }
        Ok(match () {
            () if self.take("<<<") => Place::HereWord(self.target()?),
            () if self.take("<<") => self.here()?,
            () if self.take("<>") => return unreadable("`<>` is not read"),
            () if self.take("<&") => return unreadable("`<&` is not read"),
            () if self.take(">&") => match self.peek() {
                Some('-') => {
                    self.step();
                    Place::Closed
                }
                Some(digit @ ('1' | '2')) => {
                    self.step();
                    Place::Same(if digit == '1' { 1 } else { 2 })
                }
                _ => return unreadable("`>&` leads to 1, 2 or nowhere (`>&-`)"),
            },
            () if self.take(">>") => Place::Append(self.target()?),
            () if self.take(">|") || self.take(">") => Place::Write(self.target()?),
            () if self.take("<") => Place::Read(self.target()?),
            () => return unreadable("a redirection without a sign"),
        })
    }

    fn target(&mut self) -> Result<Word, Unreadable> {
        self.skip_blanks();
        match self.word()? {
            Some(word) => Ok(word),
            None => unreadable("a redirection leads nowhere"),
        }
    }

    /// The text of a here-document, which stands behind the line.
    fn here(&mut self) -> Result<Place, Unreadable> {
        let is_stripped = self.take("-");
        self.skip_blanks();
        let start = self.at;
        let Some(mark) = self.word()?.and_then(|word| word.literal()) else {
            return unreadable("a here-document has no plain end mark");
        };
        let spelled = self.text.get(start..self.at).unwrap_or_default();
        let is_quoted = spelled.contains(['\'', '"', '\\']);
        let (line_end, begins) = match self.here {
            Some(known) => known,
            None => match self.rest().find('\n') {
                Some(length) => (self.at + length, self.at + length + 1),
                None => return unreadable("a here-document has no text"),
            },
        };
        let (mut body, mut at) = (String::new(), begins);
        for line in self.text.get(begins..).unwrap_or_default().split_inclusive('\n') {
            at += line.len();
            let line = if is_stripped { line.trim_start_matches('\t') } else { line };
            if line.trim_end_matches('\n') == mark {
                if !is_quoted && body.contains(['$', '`', '\\']) {
                    return unreadable("a here-document is not quoted: write `<<'END'`");
                }
                self.here = Some((line_end, at));
                return Ok(Place::Here(body));
            }
            body.push_str(line);
        }
        unreadable(format!("the end mark `{mark}` is missing"))
    }
}
