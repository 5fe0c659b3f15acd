//! Words and their pieces as a BERT model wants them, with the bytes of the text that each word
//! stands for. One kind of tokenizer, WordPiece, read from the `tokenizer.json` of Hugging Face;
//! every other kind is refused, because guessing would shift labels onto wrong words.
//!
//! Unlike the original, `[SEP]` and its like have no meaning within a text: a text cannot talk
//! to the model past the tokenizer.

use crate::error::{Error, Result};
use regex_automata::meta::Regex;
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest word that may be cut into pieces; what is longer is unknown.
const WORD_CHARS_MAX: usize = 200;

/// Entries of a vocabulary.
const VOCABULARY_MAX: usize = 1 << 20;

/// A word of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// The bytes of the text.
    pub(crate) range: Range<usize>,
    /// Its pieces among the tokens of the text; never empty.
    pub(crate) pieces: Range<usize>,
}

/// A text as a model sees it.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<i32>,
    pub(crate) words: Vec<Word>,
}

/// The tokens that stand around a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) before: i32,
    pub(crate) after: i32,
    pub(crate) filler: i32,
}

pub(crate) struct Tokenizer {
    vocabulary: HashMap<String, i32>,
    prefix: String,
    unknown: i32,
    word_chars_max: usize,
    words: Regex,
    normalizer: Normalizer,
    pub(crate) frame: Frame,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<Kind>,
    model: serde_json::Value,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    name: String,
    #[serde(default = "yes")]
    clean_text: bool,
    #[serde(default = "yes")]
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    #[serde(default = "yes")]
    lowercase: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct WordPiece {
    vocab: HashMap<String, u32>,
    #[serde(default = "unknown")]
    unk_token: String,
    #[serde(default = "prefix")]
    continuing_subword_prefix: String,
    #[serde(default = "chars_max")]
    max_input_chars_per_word: usize,
}

fn unknown() -> String {
    "[UNK]".to_owned()
}

fn prefix() -> String {
    "##".to_owned()
}

fn chars_max() -> usize {
    100
}

/// What stands alone: punctuation of Unicode, and the ASCII signs that BERT counts as such.
const MARKS: &str = r"\p{P}$+<=>^`|~";

/// Ideographs, of which each is a word.
const IDEOGRAPHS: &str = concat!(
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}",
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}",
);

impl Tokenizer {
    pub(crate) fn load(json: &str) -> Result<Self> {
        let file: File = serde_json::from_str(json).map_err(|error| refused(&error.to_string()))?;
        let normalizer = file.normalizer.ok_or_else(|| refused("it has no normalizer"))?;
        if normalizer.name != "BertNormalizer" {
            return Err(unsupported("normalizer", &normalizer.name, "BertNormalizer"));
        }
        let splitter = file.pre_tokenizer.map(|it| it.name).unwrap_or_default();
        if splitter != "BertPreTokenizer" {
            return Err(unsupported("pre-tokenizer", &splitter, "BertPreTokenizer"));
        }
        let kind = file.model.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
        if kind != "WordPiece" {
            return Err(unsupported("model", kind, "WordPiece"));
        }
        let model = WordPiece::deserialize(file.model).map_err(|e| refused(&e.to_string()))?;
        let added = file.added_tokens.into_iter().map(|it| (it.content, it.id));
        let mut vocabulary = HashMap::new();
        for (word, id) in model.vocab.into_iter().chain(added) {
            let id = i32::try_from(id).map_err(|_| refused("a token's number is too large"))?;
            vocabulary.insert(word, id);
        }
        if vocabulary.len() > VOCABULARY_MAX {
            return Err(refused(&format!("it has more than {VOCABULARY_MAX} tokens")));
        }
        if !(1..=WORD_CHARS_MAX).contains(&model.max_input_chars_per_word) {
            return Err(refused(&format!("words may have 1 to {WORD_CHARS_MAX} characters")));
        }
        let find = |word: &str| {
            let id = vocabulary.get(word).copied();
            id.ok_or_else(|| refused(&format!("its vocabulary has no `{}`", word.escape_debug())))
        };
        let frame = Frame { before: find("[CLS]")?, after: find("[SEP]")?, filler: find("[PAD]")? };
        let ideographs = if normalizer.handle_chinese_chars { IDEOGRAPHS } else { "" };
        let pattern = format!(r"[{MARKS}{ideographs}]|[^\s{MARKS}{ideographs}]+");
        Ok(Self {
            prefix: model.continuing_subword_prefix,
            unknown: find(&model.unk_token)?,
            word_chars_max: model.max_input_chars_per_word,
            words: Regex::new(&pattern).expect("the pattern is ours"),
            normalizer,
            frame,
            vocabulary,
        })
    }

    /// Cuts a text into words and pieces. A word that is nothing but invisible signs is none.
    pub(crate) fn split(&self, text: &str) -> Tokens {
        let mut tokens = Tokens::default();
        let mut plain = String::new();
        for found in self.words.find_iter(text) {
            plain.clear();
            self.normalizer.apply(&text[found.range()], &mut plain);
            if plain.is_empty() {
                continue;
            }
            let from = tokens.ids.len();
            self.pieces(&plain, &mut tokens.ids);
            let pieces = from..tokens.ids.len();
            tokens.words.push(Word { range: found.range(), pieces });
        }
        tokens
    }

    /// The longest pieces from the left, or the one unknown token.
    fn pieces(&self, word: &str, ids: &mut Vec<i32>) {
        let from = ids.len();
        let mut rest = word;
        let mut piece = String::new();
        if word.chars().count() > self.word_chars_max {
            rest = "";
        }
        while !rest.is_empty() {
            piece.clear();
            if ids.len() > from {
                piece.push_str(&self.prefix);
            }
            let head = piece.len();
            piece.push_str(rest);
            let found = loop {
                if let Some(id) = self.vocabulary.get(&piece) {
                    break Some(*id);
                }
                piece.pop();
                if piece.len() <= head {
                    break None;
                }
            };
            let Some(id) = found else {
                ids.truncate(from);
                break;
            };
            ids.push(id);
            rest = &rest[piece.len() - head..];
        }
        if ids.len() == from {
            ids.push(self.unknown);
        }
    }
}

impl Normalizer {
    fn apply(&self, word: &str, out: &mut String) {
        let strips = self.strip_accents.unwrap_or(self.lowercase);
        let visible = word.chars().filter(|c| !self.clean_text || !is_invisible(*c));
        let mut push = |c: char| {
            if self.lowercase {
                out.extend(c.to_lowercase());
            } else {
                out.push(c);
            }
        };
        if strips {
            visible.nfd().filter(|c| !is_combining_mark(*c)).for_each(&mut push);
        } else {
            visible.for_each(&mut push);
        }
    }
}

/// Controls and formats (soft hyphens, joiners, directions), which BERT removes.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{FFFD}' | '\u{E000}'..='\u{F8FF}' | '\u{E0001}'..='\u{E007F}')
}

fn unsupported(what: &str, name: &str, known: &str) -> Error {
    refused(&format!("its {what} is `{}`, and only `{known}` is supported", name.escape_debug()))
}

fn refused(why: &str) -> Error {
    Error::Tokenizer(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: [&str; 14] = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "anna", "Anna", "mu", "##ller", "##n", ".", "@", "中",
        "Mü", "##ller-",
    ];

    fn json(normalizer: &str) -> String {
        let vocab: serde_json::Map<_, _> =
            VOCABULARY.iter().enumerate().map(|(id, word)| ((*word).into(), id.into())).collect();
        serde_json::json!({
            "normalizer": serde_json::from_str::<serde_json::Value>(normalizer).unwrap(),
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocab},
        })
        .to_string()
    }

    /// Checks the words of a text, written `word:piece piece`.
    #[track_caller]
    fn check(normalizer: &str, text: &str, expect: &[&str]) {
        let tokenizer = Tokenizer::load(&json(normalizer)).unwrap();
        let tokens = tokenizer.split(text);
        let name = |id: &i32| VOCABULARY[usize::try_from(*id).unwrap()];
        let found: Vec<String> = tokens
            .words
            .iter()
            .map(|word| {
                let pieces: Vec<_> = tokens.ids[word.pieces.clone()].iter().map(name).collect();
                format!("{}:{}", &text[word.range.clone()], pieces.join(" "))
            })
            .collect();
        assert_eq!(found, expect);
    }

    const SMALL: &str = r#"{"type":"BertNormalizer","lowercase":true}"#;
    const CASED: &str = r#"{"type":"BertNormalizer","lowercase":false}"#;

    #[test]
    fn pieces_keep_their_place_in_the_text() {
        check(SMALL, "Anna  MÜLLER.", &["Anna:anna", "MÜLLER:mu ##ller", ".:."]);
        check(CASED, "Anna Müller", &["Anna:Anna", "Müller:Mü ##ller"]);
        check(SMALL, "An\u{AD}na u\u{308}", &["An\u{AD}na:anna", "u\u{308}:[UNK]"]);
        check(SMALL, "anna中anna@", &["anna:anna", "中:中", "anna:anna", "@:@"]);
        check(SMALL, "\u{200B} \u{FEFF}", &[]);
    }

    #[test]
    fn an_unknown_end_makes_the_word_unknown() {
        check(SMALL, "annax", &["annax:[UNK]"]);
        let long = "anna".repeat(26);
        check(SMALL, &long, &[&format!("{long}:[UNK]")]);
    }

    #[test]
    fn a_text_cannot_name_special_tokens() {
        check(SMALL, "[SEP]", &["[:[UNK]", "SEP:[UNK]", "]:[UNK]"]);
    }

    #[test]
    fn other_tokenizers_are_refused() {
        #[track_caller]
        fn refused(json: &str, why: &str) {
            let error = Tokenizer::load(json).err().expect("refused").to_string();
            assert!(error.contains(why), "{error}");
        }
        refused("{", "EOF");
        refused(&json("null"), "no normalizer");
        refused(&json(r#"{"type":"NFC"}"#), "its normalizer is `NFC`");
        refused(&json(SMALL).replace("WordPiece", "Unigram"), "`Unigram`");
        refused(&json(SMALL).replace("BertPre", "Metaspace"), "`MetaspaceTokenizer`");
        refused(&json(SMALL).replace("[CLS]", "<s>"), "no `[CLS]`");
        let long = r#""max_input_chars_per_word":100000,"unk_token""#;
        refused(&json(SMALL).replace(r#""unk_token""#, long), "1 to 200");
    }
}
