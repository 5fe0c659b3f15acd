//! Sentences without names: every capital letter begins a sentence, with a word that is known as a
//! common one and as nothing else, or that the model takes for none. Most texts are such, and need
//! not be taken apart.
//!
//! INVARIANT: [`super::detect`] finds nothing in them.

use super::letters::Letters;
use super::lexicon::COMMON;
use super::tokens::{TAIL_MAX, is_tied, split};
use super::{MODEL, Model, REACH};
use crate::context::scene::Scene;
use crate::text::traits::AsciiWord;
use std::ops::Range;

/// The capital letters of a text of ASCII, each of which begins a sentence and no name for all that
/// can be told without the list of words and the model; [`Capitals::are_plain`] asks those.
pub(crate) struct Capitals {
    pub(crate) count: usize,
}

impl Capitals {
    /// The capitals of a text that has some; nothing where one of them may begin a name.
    pub(crate) fn of(scene: &Scene<'_>) -> Option<Self> {
        let words = &scene.traits.words;
        let bytes = scene.text.as_bytes();
        let mut capitals = Self { count: 0 };
        let mut end = 0;
        while let Some(start) = words.find_capital(end) {
            let AsciiWord { length, upper, digits, .. } = words.ascii_word(start)?;
            let is_apart = capitals.count == 0 || is_far(scene, end, start);
            end = start + length;
            let is_word = upper == 1 && digits == 0 && length > 1;
            let is_alone = !matches!(bytes.get(end), Some(b'\'' | b'-'));
            if !(is_word && is_alone && is_apart && begins_sentence(&bytes[..start]))
                || is_tied(bytes, start, end)
            {
                return None;
            }
            capitals.count += 1;
        }
        (capitals.count > 0 && !scene.traits.high).then_some(capitals)
    }

    /// Whether none of them begins a name.
    pub(crate) fn are_plain(&self, scene: &Scene<'_>) -> bool {
        let words = &scene.traits.words;
        let mut at = 0;
        (0..self.count).all(|_| {
            let Some(start) = words.find_capital(at) else { return true };
            let Some(word) = words.ascii_word(start) else { return false };
            at = start + word.length;
            is_common(scene.text, start..at) || is_outside(scene, start)
        })
    }
}

/// Whether a word is known as a common one, and as nothing else.
fn is_common(text: &str, Range { start, end }: Range<usize>) -> bool {
    let flags = |model: &Model<'_>| model.lexicon.flags(Letters::at(text, start, end).hash());
    MODEL.as_ref().is_some_and(|model| flags(model) == COMMON)
}

/// Whether the model takes the word that begins at `start`, and has no other word of a name beside
/// it, for no part of a name. Only the words that its label hangs on are taken apart.
fn is_outside(scene: &Scene<'_>, start: usize) -> bool {
    /// Tokens before the word, and from it on, that its label hangs on.
    const BEFORE: usize = 1 + REACH;
    const FROM: usize = 1 + TAIL_MAX + REACH;
    /// Bytes in which they mostly are.
    const BEFORE_BYTES: usize = 32;
    const FROM_BYTES: usize = 48;
    // In the line of a log a name is believed later.
    if scene.traits.colon {
        return false;
    }
    let bytes = scene.text.as_bytes();
    // Cut at white space, nothing ties a word to what is not looked at.
    let is_space = u8::is_ascii_whitespace;
    let from = bytes[..start.saturating_sub(BEFORE_BYTES)].iter().rposition(is_space).unwrap_or(0);
    let behind = bytes.get(start + FROM_BYTES..).unwrap_or_default().iter().position(is_space);
    let to = behind.map_or(bytes.len(), |behind| start + FROM_BYTES + behind);
    let stretch = Stretch {
        bytes: &bytes[from..to],
        at: start - from,
        is_first: from == 0,
        is_last: to == bytes.len(),
    };
    super::with_scratch(|scratch, tokens| {
        if let Some(told) = scratch.outside.recall(&stretch) {
            return told;
        }
        split(&scene.text[..to], &scene.traits.words, from, tokens);
        let at = tokens.partition_point(|token| (token.start as usize) < start);
        let is_enough = (from == 0 || at >= BEFORE)
            && (to == bytes.len() || tokens.len() - at >= FROM)
            && tokens.get(at).is_some_and(|token| token.start as usize == start);
        let is_outside = |model| scratch.is_outside(scene.text, tokens, at, model);
        let told = is_enough && MODEL.as_ref().is_some_and(is_outside);
        scratch.outside.keep(&stretch, told);
        told
    })
}

/// A stretch around a word, which is all that the label of the word hangs on.
struct Stretch<'a> {
    bytes: &'a [u8],
    /// Where the word begins.
    at: usize,
    /// Whether the text begins and ends with it.
    is_first: bool,
    is_last: bool,
}

/// What was told of stretches before, which is what would be told now: in a column the same
/// sentences come again and again.
#[derive(Default)]
pub(super) struct Outside {
    kept: Vec<(Vec<u8>, bool)>,
    key: Vec<u8>,
}

impl Outside {
    /// Stretches that a thread remembers, and the longest of them.
    const KEPT: usize = 64;
    const BYTES_MAX: usize = 128;

    fn recall(&mut self, stretch: &Stretch<'_>) -> Option<bool> {
        let ends = u8::from(stretch.is_first) << 1 | u8::from(stretch.is_last);
        self.key.clear();
        self.key.extend_from_slice(stretch.bytes);
        self.key.extend([stretch.at.min(255) as u8, ends]);
        let (key, told) = self.kept.get(slot(&self.key))?;
        (*key == self.key).then_some(*told)
    }

    /// Remembers what is told of the stretch that was asked for last.
    fn keep(&mut self, stretch: &Stretch<'_>, told: bool) {
        if stretch.bytes.len() > Self::BYTES_MAX {
            return;
        }
        if self.kept.is_empty() {
            self.kept.resize(Self::KEPT, (Vec::new(), false));
        }
        let (key, kept) = &mut self.kept[slot(&self.key)];
        self.key.clone_into(key);
        *kept = told;
    }
}

fn slot(key: &[u8]) -> usize {
    super::remembered::hash(key) % Outside::KEPT
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
