//! Numbers that are no house numbers and no postal codes, whatever the words of a long sentence
//! are: every address has a word with a capital or a word for a street beside its number.
//!
//! INVARIANT: [`super::address::detect`] and [`super::postal::detect`] find nothing beside them.

use crate::context::scene::Scene;
use crate::places::streets::{BEFORE, LEADS, NUMBERS};

/// Words before a number that an address may begin with, and one more.
const WORDS: usize = 7;

/// Whether all numbers of a text of ASCII, of which only the first word has a capital letter, are
/// mere counts.
pub(crate) fn are_counts(scene: &Scene<'_>) -> bool {
    let (bytes, words) = (scene.text.as_bytes(), &scene.traits.words);
    // Words that a hyphen ties are one, so that more are in reach.
    if memchr::memchr2(b'-', b'/', bytes).is_some() {
        return false;
    }
    let mut at = 0;
    while let Some(start) = words.find_digit(at) {
        let Some(word) = words.ascii_word(start) else { return false };
        let is_number = word.digits == word.all;
        let is_whole = start.checked_sub(1).is_none_or(|i| !bytes[i].is_ascii_alphanumeric());
        if !(is_number && is_whole && is_behind_plain_words(scene, start)) {
            return false;
        }
        at = start + word.length;
    }
    true
}

/// Whether enough words stand before a number, and none of them may begin an address.
fn is_behind_plain_words(scene: &Scene<'_>, number: usize) -> bool {
    let text = scene.text;
    let mut letters = scene.traits.words.letters_before(number);
    let mut end = number;
    for _ in 0..WORDS {
        let gap = letters.leading_zeros();
        letters = letters.checked_shl(gap).unwrap_or(0);
        let length = letters.leading_ones();
        letters = letters.checked_shl(length).unwrap_or(0);
        // Before the beginning of the text there is no word, wherever that would be.
        let stop = end.wrapping_sub(gap as usize);
        let start = stop.wrapping_sub(length as usize);
        let Some(word) = text.get(start..stop).filter(|word| !word.is_empty()) else {
            return false;
        };
        // Short words for streets have a point behind them, or a capital letter: `an` is a word.
        let is_street = || word.len() > 2 || text[stop..].trim_ascii_start().starts_with('.');
        let leads = || NUMBERS.contains(word) || BEFORE.contains(word) && is_street();
        if LEADS.contains(word) && leads() {
            return false;
        }
        end = start;
    }
    // The word with the capital is further away, and the last word was seen whole.
    letters != 0
}
