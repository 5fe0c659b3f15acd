//! Numbers that are no house numbers and no postal codes, whatever the words of a long sentence are:
//! every address has a word with a capital or a word for a street beside its number.
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
    let mut front = &scene.text[..number];
    for _ in 0..WORDS {
        let (rest, word) = last_word(front);
        let behind = &scene.text[rest.len() + word.len()..];
        // Short words for streets have a point behind them, or a capital letter: `an` is a word.
        let is_street = || word.len() > 2 || behind.trim_ascii_start().starts_with('.');
        let leads = || NUMBERS.contains(word) || BEFORE.contains(word) && is_street();
        if word.is_empty() || LEADS.contains(word) && leads() {
            return false;
        }
        front = rest;
    }
    // The word with the capital is further away.
    front.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// The last word of a text of ASCII, and what stands before it.
fn last_word(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let others = bytes[..end].iter().rposition(|byte| !byte.is_ascii_alphanumeric());
    let start = others.map_or(0, |before| before + 1);
    (&text[..start], &text[start..end])
}
