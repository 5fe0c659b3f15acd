//! What programs do with their arguments, as `programs.txt` says it. Of a program that is not in
//! it, or is called with an option that is not, nobody knows what it does.

use super::special::is_special;
use super::value::Part;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// Names nothing.
    Text,
    /// Says how something is shown.
    Format,
    /// A text that is looked for.
    Pattern,
    /// A file with texts that are looked for.
    Patterns,
    Read,
    /// Is read; `-` is what it is fed.
    Input,
    /// The same, with all in it.
    InputTree,
    /// The same, under this name or one with an ending of packed files.
    Packed,
    /// Is packed or unpacked: goes, and is written under another ending.
    Repacked,
    Tree,
    /// Is read; where it is so with all in it, links are made as they are found.
    Copy,
    CopyTree,
    List,
    Write,
    /// Is opened and written; `-` is what it shows.
    Output,
    Make,
    /// Is written, or files are written into it.
    Into,
    Drop,
    DropTree,
    /// Goes and comes to light elsewhere, with all in it.
    Move,
    /// Goes and is written, with all in it.
    DropWrite,
    Rights,
    Host,
    /// A machine that is asked, or asked about, beside words that say how.
    Asked,
    /// Where something is fetched from, or sent to.
    Address,
    /// A text that is sent there.
    Sent,
    /// A text that begins with `+`; anything else sets what the machine goes by.
    Shape,
    /// Sets what the machine goes by.
    Setting,
    /// Is seen at another place, with all in it.
    Mounted,
    /// The size that a file is given.
    Size,
    /// Says how lines are shown, each with its end.
    Lines,
    /// Names files, or programs, in a file or a word of its own.
    Code,
}

/// What an option takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Takes {
    Nothing,
    /// The rest of its word, or the next word.
    Argument(Use),
    /// Nothing, or a word behind `=` that names nothing.
    Optional,
    /// Nothing; what is shown does not end its line.
    Opens,
    /// Nothing; what is operated on is so with all in it.
    Trees,
}

/// How what a program shows is to be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Shows {
    /// Lines of what it read, and words of its own.
    #[default]
    Texts,
    /// Texts that need not look like what it read.
    Rewritten,
    /// No texts.
    Opaque,
}

/// A row of the table.
#[derive(Debug, Default)]
pub(super) struct Program {
    operands: Vec<Use>,
    /// Which of the operands stands for any number.
    repeats: Option<usize>,
    letters: HashMap<char, Takes>,
    longs: HashMap<String, Takes>,
    /// Options by which what it shows need not look like what it read: letters, and long ones.
    altering: HashSet<String>,
    pub(super) shows: Shows,
    pub(super) administers: bool,
    /// Whether what it shows is nobody's secret.
    pub(super) is_public: bool,
    /// Whether what begins with `+` is an option to it, which the row has not.
    has_plus: bool,
    /// Whether it writes into the folder where it runs, unless it is told a file.
    pub(super) saves: bool,
}

/// Arguments, with what each is.
pub(super) struct Used<A> {
    pub(super) uses: Vec<(Use, A)>,
    /// Whether it works on all that is in folders.
    pub(super) trees: bool,
    /// Whether what it shows does not end its line.
    pub(super) is_open: bool,
    /// Whether what it shows need not look like what it read.
    pub(super) is_altered: bool,
}

/// Why a call is not one that the table has.
pub(super) enum Misuse {
    /// One of its options is not there.
    Option(String),
    /// An option is given too much, or too little.
    Argument(String),
    /// There are more operands than it takes.
    Operands,
}

/// Programs by their names.
#[derive(Debug, Default)]
pub struct Programs(HashMap<String, Program>);

impl Programs {
    /// Reads rows of a machine's own, as the table has them: `names | operands | options | notes`.
    ///
    /// # Errors
    /// A row cannot be read, or is of a program that is known already: says which, and why.
    pub fn read(text: &str) -> Result<Self, String> {
        let programs = Self::of(text)?;
        let known = programs.0.keys().find(|name| TABLE.0.contains_key(*name) || is_special(name));
        match known {
            Some(name) => Err(format!(
                "`{name}` is known already\nhint: what it does is the same on every machine"
            )),
            None => Ok(programs),
        }
    }

    fn of(text: &str) -> Result<Self, String> {
        let mut programs = Self::default();
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let said = |why: String| format!("row {} of programs: {why}", at + 1);
            let columns: Vec<Vec<&str>> =
                line.split('|').map(|column| column.split_whitespace().collect()).collect();
            let [names, rest @ ..] = columns.as_slice() else { continue };
            if rest.len() > 3 || names.is_empty() {
                return Err(said("it is not `names | operands | options | notes`".to_owned()));
            }
            let column = |at: usize| rest.get(at).map(Vec::as_slice).unwrap_or_default();
            for name in names {
                if !is_plain_name(name) {
                    return Err(said(format!("`{name}` is no name of a program")));
                }
                let program = Program::read(column(0), column(1), column(2)).map_err(said)?;
                programs.0.insert((*name).to_owned(), program);
            }
        }
        Ok(programs)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The program of a name, of the machine's own or of the table.
    pub(super) fn program<'p>(own: Option<&'p Self>, name: &str) -> Option<&'p Program> {
        own.and_then(|own| own.0.get(name)).or_else(|| TABLE.0.get(name))
    }
}

fn is_plain_name(name: &str) -> bool {
    name == "["
        || name == ":"
        || name.chars().all(|it| it.is_ascii_alphanumeric() || "._+-".contains(it))
}

impl Program {
    /// What each argument is. `part` says what one is taken for; where that is not known it could
    /// be an option, so that nobody knows what is done.
    pub(super) fn uses<A: Clone>(
        &self,
        arguments: &[A],
        part: impl Fn(&A) -> Option<Part>,
        behind: impl Fn(&A, usize) -> A,
    ) -> Result<Used<A>, Misuse> {
        let (mut uses, mut operands) = (Vec::new(), Vec::new());
        let (mut trees, mut is_open, mut is_altered) = (false, false, false);
        let (mut has_pattern, mut has_place, mut is_ended) = (false, false, false);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let unknown = || Misuse::Argument("?".to_owned());
            let word = match part(argument).ok_or_else(unknown)? {
                Part::Option(word) if self.has_plus && word.starts_with('+') => {
                    return Err(Misuse::Option(word));
                }
                Part::Option(word) if !is_ended && word.starts_with('-') => word,
                Part::Option(_) | Part::Operand => {
                    operands.push(argument.clone());
                    continue;
                }
            };
            if word == "--" {
                is_ended = true;
                continue;
            }
            let found = match word.strip_prefix("--") {
                Some(long) => self.long(long)?,
                None => self.short(&word)?,
            };
            is_altered |= found.is_altered;
            trees |= found.trees;
            is_open |= found.is_open;
            if let Some((wanted, inner)) = found.argument {
                let value = match inner {
                    Some(at) => behind(argument, at),
                    None => rest.next().ok_or(Misuse::Argument(word))?.clone(),
                };
                has_place |= wanted == Use::Into;
                has_pattern |= matches!(wanted, Use::Pattern | Use::Patterns);
                uses.push((wanted, value));
            }
        }
        let has = Given { trees, has_pattern, has_place };
        uses.extend(self.operands(operands, &has).ok_or(Misuse::Operands)?);
        Ok(Used { uses, trees, is_open, is_altered })
    }

    /// Texts in an argument of a call that is not read which could name files.
    pub(super) fn may_name(&self, text: &str) -> Vec<String> {
        let named = self.named_in(text);
        match self.operands.iter().any(|operand| matches!(operand, Use::Packed | Use::Repacked)) {
            true => named.iter().flat_map(|name| repacked_names(name)).collect(),
            false => named,
        }
    }

    fn named_in(&self, text: &str) -> Vec<String> {
        if text.is_empty() || text == "-" && self.reads_input() {
            return Vec::new();
        }
        if let Some(long) = text.strip_prefix("--") {
            return long.split_once('=').map(|(_, path)| path.to_owned()).into_iter().collect();
        }
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return vec![text.to_owned()];
        };
        let is_alone =
            |letter: &char| matches!(self.letters.get(letter), Some(Takes::Nothing | Takes::Trees));
        let behind = letters.char_indices().filter(|(_, letter)| !is_alone(letter));
        let rest = behind.filter_map(|(at, letter)| letters.get(at + letter.len_utf8()..));
        rest.filter(|rest| !rest.is_empty()).take(MAY_NAME_MAX).map(str::to_owned).collect()
    }

    /// Whether a word could be the beginning of an option by which it is told files, or programs,
    /// by a file or a word of its own.
    pub(super) fn is_told_by(&self, text: &str) -> bool {
        let Some(long) = text.strip_prefix("--").filter(|long| !long.is_empty()) else {
            return false;
        };
        let name = long.split('=').next().unwrap_or_default();
        let is_code = |(known, takes): (&String, &Takes)| {
            *takes == Takes::Argument(Use::Code) && known.starts_with(name)
        };
        self.longs.iter().any(is_code)
    }

    pub(super) fn reads_input(&self) -> bool {
        let is_input = |operand: &Use| matches!(operand, Use::Input | Use::InputTree | Use::Packed);
        self.operands.iter().any(is_input)
    }

    fn long(&self, word: &str) -> Result<Found, Misuse> {
        let (name, value) = match word.split_once('=') {
            Some((name, _)) => (name, Some(name.len() + "--=".len())),
            None => (word, None),
        };
        let Some(takes) = self.longs.get(name) else {
            return Err(Misuse::Option(format!("--{name}")));
        };
        let found = Found { is_altered: self.altering.contains(name), ..Found::default() };
        Ok(match (takes, value) {
            (Takes::Nothing | Takes::Optional, None) | (Takes::Optional, Some(_)) => found,
            (Takes::Trees, None) => Found { trees: true, ..found },
            (Takes::Opens, None) => Found { is_open: true, ..found },
            (Takes::Argument(wanted), value) => Found { argument: Some((*wanted, value)), ..found },
            (Takes::Nothing | Takes::Trees | Takes::Opens, Some(_)) => {
                return Err(Misuse::Argument(format!("--{name}")));
            }
        })
    }

    fn short(&self, word: &str) -> Result<Found, Misuse> {
        // Some take whole words behind one dash.
        if let Some(Takes::Nothing) = self.longs.get(word) {
            return Ok(Found::default());
        }
        let mut found = Found::default();
        for (at, letter) in word.char_indices().skip(1) {
            let Some(takes) = self.letters.get(&letter) else {
                return Err(Misuse::Option(format!("-{letter}")));
            };
            found.is_altered |= self.altering.contains(letter.encode_utf8(&mut [0; 4]));
            match takes {
                Takes::Nothing => {}
                Takes::Trees => found.trees = true,
                Takes::Opens => found.is_open = true,
                // The rest of the word is what it takes.
                Takes::Optional => return Ok(found),
                Takes::Argument(wanted) => {
                    let behind = at + letter.len_utf8();
                    let inner = (behind < word.len()).then_some(behind);
                    found.argument = Some((*wanted, inner));
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    fn operands<A>(&self, given: Vec<A>, has: &Given) -> Option<Vec<(Use, A)>> {
        let Given { trees, has_pattern, has_place } = *has;
        let mut wanted = self.operands.clone();
        let mut repeats = self.repeats;
        if has_place && wanted.last() == Some(&Use::Into) {
            wanted.pop();
        }
        if has_pattern && wanted.first() == Some(&Use::Pattern) {
            wanted.remove(0);
            repeats = repeats.map(|at| at.saturating_sub(1));
        }
        if let Some(at) = repeats {
            let (one, rest) = (wanted.remove(at), wanted.len());
            let more = given.len().saturating_sub(rest);
            wanted.splice(at..at, std::iter::repeat_n(one, more));
        }
        if given.len() > wanted.len() {
            return None;
        }
        let as_tree = |wanted| match wanted {
            Use::Read | Use::List if trees => Use::Tree,
            Use::Input if trees => Use::InputTree,
            Use::Copy if trees => Use::CopyTree,
            Use::Drop if trees => Use::DropTree,
            wanted => wanted,
        };
        Some(wanted.into_iter().map(as_tree).zip(given).collect())
    }

    /// What it looks at where it is given nothing: `ls` the folder that it runs in.
    pub(super) fn looks_around(&self) -> bool {
        self.operands.contains(&Use::List)
    }

    /// Whether it contacts a machine.
    pub(super) fn contacts(&self) -> bool {
        self.operands.iter().any(|operand| matches!(operand, Use::Host | Use::Asked))
    }

    /// Whether it fetches what an address names.
    pub(super) fn fetches(&self) -> bool {
        self.operands.contains(&Use::Address)
    }

    /// Whether it goes through all of that, with what is in it.
    pub(super) fn walks(&self) -> bool {
        self.repeats.is_some() && self.operands.contains(&Use::Tree)
    }
}

/// Names under which a program that unpacks looks for a file: where none is there, with an ending.
pub(super) fn packed_names(name: &str) -> Vec<String> {
    let is_whole = ["-", "/dev/stdin"].contains(&name);
    let mut names = vec![name.to_owned()];
    if !is_whole && !PACKED.iter().any(|end| name.ends_with(end)) {
        names.extend(PACKED.iter().map(|end| format!("{name}{end}")));
    }
    names
}

/// The same with those under which it leaves what it has made.
pub(super) fn repacked_names(name: &str) -> Vec<String> {
    let mut names = packed_names(name);
    names.extend(PACKED.iter().filter_map(|end| name.strip_suffix(end)).map(str::to_owned));
    names.extend(name.strip_suffix(".tgz").map(|name| format!("{name}.tar")));
    names
}

/// Endings that such programs add by themselves.
const PACKED: [&str; 13] =
    [".tgz", ".gz", "-gz", ".z", "-z", "_z", ".Z", ".bz2", ".bz", ".xz", ".lzma", ".zst", ".lz4"];

/// What options have said of operands.
struct Given {
    trees: bool,
    has_pattern: bool,
    has_place: bool,
}

/// Most places of one word of letters from which on it could be a name.
const MAY_NAME_MAX: usize = 32;

#[derive(Default)]
struct Found {
    is_altered: bool,
    trees: bool,
    is_open: bool,
    /// What an option takes, and where in its word that begins; else it is the next word.
    argument: Option<(Use, Option<usize>)>,
}

static TABLE: LazyLock<Programs> =
    LazyLock::new(|| Programs::of(include_str!("programs.txt")).expect("the tests read every row"));

impl Program {
    fn read(operands: &[&str], options: &[&str], notes: &[&str]) -> Result<Self, String> {
        let mut program = Self::default();
        for operand in operands {
            let name = operand.trim_end_matches('*');
            if name.len() < operand.len() {
                program.repeats = Some(program.operands.len());
            }
            program.operands.push(use_said(name)?);
        }
        options.iter().try_for_each(|option| program.read_option(option))?;
        for note in notes {
            match *note {
                "rewrites" => program.shows = Shows::Rewritten,
                "opaque" => program.shows = Shows::Opaque,
                "administers" => program.administers = true,
                "public" => program.is_public = true,
                "plus" => program.has_plus = true,
                "saves" => program.saves = true,
                note => {
                    return Err(format!(
                        "`{note}` is no note: `rewrites`, `opaque`, `administers`, `public`, \
                         `plus` or `saves`"
                    ));
                }
            }
        }
        Ok(program)
    }

    fn read_option(&mut self, option: &str) -> Result<(), String> {
        if !option.starts_with('-') || option.len() < 2 {
            return Err(format!("`{option}` is no option"));
        }
        let (option, is_altering) = match option.strip_suffix('!') {
            Some(option) => (option, true),
            None => (option, false),
        };
        let (name, takes) = match option.split_once([':', '^']) {
            None => (option, Takes::Nothing),
            Some((name, "tree")) if option.contains('^') => (name, Takes::Trees),
            Some((name, "open")) => (name, Takes::Opens),
            Some((name, "none")) => (name, Takes::Optional),
            Some((name, wanted)) => (name, Takes::Argument(use_said(wanted)?)),
        };
        if is_altering {
            let known = name.strip_prefix("--").map(str::to_owned);
            let last = || name.chars().next_back().map(String::from).unwrap_or_default();
            self.altering.insert(known.unwrap_or_else(last));
        }
        if let Some(long) = name.strip_prefix("--") {
            self.longs.insert(long.to_owned(), takes);
            return Ok(());
        }
        let letters: Vec<char> = name.chars().skip(1).collect();
        if let [letter] = letters.as_slice() {
            self.letters.insert(*letter, takes);
            return Ok(());
        }
        // The last letter is the one that something is said of.
        let last = letters.len().saturating_sub(1);
        for (at, letter) in letters.into_iter().enumerate() {
            self.letters.insert(letter, if at == last { takes } else { Takes::Nothing });
        }
        if takes == Takes::Nothing {
            self.longs.insert(name.to_owned(), Takes::Nothing);
        }
        Ok(())
    }
}

fn use_said(word: &str) -> Result<Use, String> {
    use_named(word).ok_or_else(|| {
        format!(
            "`{word}` is no use of an argument: `text`, `format`, `pattern`, `patterns`, `read`, \
             `input`, `inputtree`, `copy`, `tree`, `list`, `write`, `output`, `make`, `into`, \
             `move`, `drop`, `droptree`, `dropwrite`, `rights`, \
             `host`, `asked`, `address`, `sent`, `shape`, `setting`, `mounted`, `size`, \
             `packed`, `repacked`, `lines` or `code`"
        )
    })
}

fn use_named(word: &str) -> Option<Use> {
    Some(match word {
        "text" => Use::Text,
        "format" => Use::Format,
        "pattern" => Use::Pattern,
        "patterns" => Use::Patterns,
        "read" => Use::Read,
        "input" => Use::Input,
        "inputtree" => Use::InputTree,
        "packed" => Use::Packed,
        "repacked" => Use::Repacked,
        "copy" => Use::Copy,
        "output" => Use::Output,
        "tree" => Use::Tree,
        "list" => Use::List,
        "write" => Use::Write,
        "make" => Use::Make,
        "into" => Use::Into,
        "move" => Use::Move,
        "drop" => Use::Drop,
        "droptree" => Use::DropTree,
        "dropwrite" => Use::DropWrite,
        "rights" => Use::Rights,
        "host" => Use::Host,
        "asked" => Use::Asked,
        "address" => Use::Address,
        "sent" => Use::Sent,
        "shape" => Use::Shape,
        "setting" => Use::Setting,
        "mounted" => Use::Mounted,
        "size" => Use::Size,
        "lines" => Use::Lines,
        "code" => Use::Code,
        _ => return None,
    })
}
