//! Sentences without names: every capital letter begins a sentence, with a word that is known as a
//! common one and as nothing else, or that the model takes for none where it begins the text. Most
//! texts are such, and need not be taken apart.
//!
//! INVARIANT: [`super::detect`] finds nothing in them.

use super::letters::Letters;
use super::lexicon::COMMON;
use super::tokens::{TAIL_MAX, is_tied, split};
use super::{MODEL, Model, REACH};
use crate::context::scene::Scene;
use crate::text::traits::AsciiWord;
use std::ops::Range;

/// The capital letters of a text of ASCII of which none begins a name for all that can be told from
/// the words alone; [`Capitals::are_plain`] asks the list and the model.
pub(crate) struct Capitals {
    pub(crate) count: usize,
    /// The first word with one.
    first: Range<usize>,
}

impl Capitals {
    /// The capitals of a text that has some; nothing where one of them may begin a name.
    pub(crate) fn of(scene: &Scene<'_>) -> Option<Self> {
        let words = &scene.traits.words;
        let bytes = scene.text.as_bytes();
        let mut capitals = Self { count: 0, first: 0..0 };
        let mut end = 0;
        while let Some(start) = words.find_capital(end) {
            let AsciiWord { length, upper, digits, .. } = words.ascii_word(start)?;
            let is_apart = capitals.count == 0 || is_far(scene, end, start);
            end = start + length;
            let is_word = upper == 1 && digits == 0 && length > 1;
            let is_alone = !matches!(bytes.get(end), Some(b'\'' | b'-'));
            if !(is_word && is_alone && is_apart && begins_sentence(&bytes[..start]))
                || is_tied(bytes, start, end)
                || capitals.count > 0 && !is_common(scene.text, start..end)
            {
                return None;
            }
            if capitals.count == 0 {
                capitals.first = start..end;
            }
            capitals.count += 1;
        }
        (capitals.count > 0 && !scene.traits.high).then_some(capitals)
    }

    /// Whether none of them begins a name.
    pub(crate) fn are_plain(&self, scene: &Scene<'_>) -> bool {
        is_common(scene.text, self.first.clone()) || is_outside(scene, self.first.start)
    }
}

/// Whether a word is known as a common one, and as nothing else.
fn is_common(text: &str, Range { start, end }: Range<usize>) -> bool {
    let flags = |model: &Model<'_>| model.lexicon.flags(Letters::at(text, start, end).hash());
    MODEL.as_ref().is_some_and(|model| flags(model) == COMMON)
}

/// Whether the model takes the first word of a text, which begins at `start`, for no part of a name.
/// Only the words that its labels hang on are taken apart.
fn is_outside(scene: &Scene<'_>, start: usize) -> bool {
    /// Words of which the labels of the first one are told.
    const WORDS: usize = 1 + TAIL_MAX + REACH;
    /// Where they end for certain: marks are told from words only when they are taken apart.
    const WORDS_TAKEN: usize = 8;
    let (text, words) = (scene.text, &scene.traits.words);
    let next = words.starts().nth(WORDS_TAKEN).unwrap_or(text.len());
    let is_cut = text.as_bytes()[next - 1].is_ascii_whitespace();
    let head = &text[..if is_cut { next } else { text.len() }];
    // In the line of a log a name is believed later.
    if scene.traits.colon || !scene.text[..start].trim_ascii().is_empty() {
        return false;
    }
    super::with_tokens(|scratch, tokens| {
        split(head, words, tokens);
        let is_enough = head.len() == text.len() || tokens.len() >= WORDS;
        is_enough && MODEL.as_ref().is_some_and(|model| scratch.is_outside(text, tokens, model))
    })
}

/// Whether a sentence begins behind a text: at the beginning, or behind a mark that ends one.
fn begins_sentence(front: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'.' | b'!' | b'?');
    let is_apart = front.last().is_none_or(|byte| is_end(byte) || byte.is_ascii_whitespace());
    is_apart && front.trim_ascii_end().last().is_none_or(is_end)
}

/// Whether so many words stand between two capitals that no name has both.
fn is_far(scene: &Scene<'_>, end: usize, start: usize) -> bool {
    /// Tokens that may stand between two words of one name, and one more.
    const WORDS_MIN: u32 = 4;
    /// What is asked for at once.
    const BYTES_MAX: usize = 128;
    start - end <= BYTES_MAX
        && scene.traits.words.starts_within(end..start).count_ones() >= WORDS_MIN
        // Words that a hyphen ties are one.
        && memchr::memchr(b'-', &scene.text.as_bytes()[end..start]).is_none()
}
