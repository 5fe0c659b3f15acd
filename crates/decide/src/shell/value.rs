//! What a word may be when the command runs that it stands in.

use super::reader::{VALUE_BYTES_MAX, VALUES_MAX, WORK_BYTES_MAX};
use super::syntax::{Piece, Word};
use super::variables::Variables;
use std::cell::Cell;

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

/// What a program takes an argument for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// It begins with a sign of options: all its letters. Some programs take `+…` for an operand.
    Option(String),
    Operand,
}

impl Value {
    /// What a word may be. `home` is where `~` leads, if that is known; `spent` counts the bytes
    /// that were put together so far.
    pub(super) fn of(
        word: &Word,
        variables: &Variables,
        home: Option<&String>,
        spent: &Cell<usize>,
    ) -> Self {
        let any = "*".to_owned();
        let mut texts = vec![String::new()];
        let mut glob = None;
        let is_first =
            |piece: &Piece| word.0.first().is_some_and(|first| std::ptr::eq(first, piece));
        for piece in &word.0 {
            let next: &[String] = match piece {
                Piece::Text(text) => std::slice::from_ref(text),
                Piece::Home => match home {
                    Some(home) => std::slice::from_ref(home),
                    None => return Self::Unknown,
                },
                Piece::Glob(_) => {
                    if is_first(piece) {
                        // As it is written out.
                        texts = vec!["./".to_owned()];
                    }
                    glob.get_or_insert_with(|| texts.first().cloned().unwrap_or_default());
                    std::slice::from_ref(&any)
                }
                Piece::Variable { name, is_quoted } => match variables.values(name) {
                    Some(known) if *is_quoted || known.iter().all(|text| is_one_word(text)) => {
                        known
                    }
                    _ => return Self::Unknown,
                },
                Piece::Output { .. } => return Self::Unknown,
            };
            // Before any of it is put together.
            let (added, before) = (bytes_of(next) * texts.len(), bytes_of(&texts) * next.len());
            let is_long = added + before > VALUE_BYTES_MAX;
            spent.set(spent.get() + if next.len() > 1 { added + before } else { added });
            let is_many = next.is_empty() || texts.len() * next.len() > VALUES_MAX;
            if is_many || is_long || spent.get() > WORK_BYTES_MAX {
                return Self::Unknown;
            }
            match next {
                [one] => texts.iter_mut().for_each(|text| text.push_str(one)),
                many => {
                    let joined = |text: &String| {
                        many.iter().map(|next| format!("{text}{next}")).collect::<Vec<_>>()
                    };
                    texts = texts.iter().flat_map(joined).collect();
                }
            }
        }
        match glob {
            None => Self::Texts(texts),
            Some(begin)
                if texts.iter().all(|text| stays_below(text, &begin)) && texts.len() == 1 =>
            {
                Self::Glob(begin)
            }
            Some(_) => Self::Unknown,
        }
    }

    /// Its letters, where there is one text that it can be.
    pub(super) fn only(&self) -> Option<&str> {
        match self {
            Self::Texts(texts) => match texts.as_slice() {
                [text] => Some(text),
                _ => None,
            },
            Self::Glob(_) | Self::Tree(_) | Self::Unknown => None,
        }
    }

    /// Every text that it can be; none where nobody knows.
    pub(super) fn texts(&self) -> Option<&[String]> {
        match self {
            Self::Texts(texts) => Some(texts),
            Self::Glob(_) | Self::Tree(_) | Self::Unknown => None,
        }
    }

    /// Whether a program takes it for an option; none where it could be one or not.
    pub(super) fn part(&self) -> Option<Part> {
        let is_operand = |text: &str| !text.starts_with(['-', '+']) || text == "-";
        match self {
            Self::Texts(texts) if texts.iter().all(|text| is_operand(text)) => Some(Part::Operand),
            Self::Texts(_) => self.only().map(|text| Part::Option(text.to_owned())),
            Self::Glob(_) => (!self.fits_options()).then_some(Part::Operand),
            Self::Tree(_) => Some(Part::Operand),
            Self::Unknown => None,
        }
    }

    /// The same with what is made of each text.
    pub(super) fn each_text(&self, made: impl Fn(&String) -> Vec<String>) -> Self {
        match self {
            Self::Texts(texts) => Self::Texts(texts.iter().flat_map(made).collect()),
            Self::Glob(_) | Self::Tree(_) | Self::Unknown => self.clone(),
        }
    }

    /// The same without some of its texts.
    pub(super) fn without(&self, is_out: impl Fn(&str) -> bool) -> Self {
        self.each_text(|text| if is_out(text) { Vec::new() } else { vec![text.clone()] })
    }

    /// Whether what it names lies in the folder where the command runs.
    pub(super) fn is_relative(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.iter().all(|text| !text.starts_with('/')),
            Self::Glob(begin) | Self::Tree(begin) => !begin.starts_with('/'),
            Self::Unknown => false,
        }
    }

    /// Whether it is a pattern that names of files fit which look like options. One that begins
    /// with nothing (`"$X"*`) may, too; where its sign stands first, `./` is written before it.
    pub(super) fn fits_options(&self) -> bool {
        match self {
            Self::Glob(begin) => begin.is_empty() || begin.starts_with(['-', '+']),
            Self::Texts(_) | Self::Tree(_) | Self::Unknown => false,
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

pub(super) fn bytes_of(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// Whether whatever fits a pattern lies in the folder of what stands before it. Some shells let
/// `.?` fit `..`, and files of the system are doors to others.
fn stays_below(pattern: &str, begin: &str) -> bool {
    let folder = begin.rsplit_once('/').map_or("", |(folder, _)| folder);
    let names = pattern.get(folder.len()..).unwrap_or_default();
    let mut names = names.split('/').filter(|name| !name.is_empty());
    let is_one = names.clone().count() == 1;
    let is_root = begin.starts_with('/') && folder.is_empty();
    names.all(|name| !name.starts_with("..") && !name.starts_with(".*")) && (!is_root || is_one)
}

/// Whether a text that stands bare stays one word, and the same one.
fn is_one_word(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    !text.is_empty() && text.chars().all(is_plain)
}
