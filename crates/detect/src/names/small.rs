//! Names in small letters, as people write in chats and search fields: in a text without a capital
//! letter, a given name and a surname side by side, of which neither is a common word.

use super::builtin::MODEL;
use super::letters::Letters;
use super::lexicon::{COMMON, GIVEN, SURNAME};
use crate::context::scene::Scene;
use crate::finding::category::Category;
use crate::finding::cover::Cover;
use crate::finding::{Evidence, Finding};
use std::ops::Range;

/// Letters of the shortest word that is taken for a name.
const LETTERS_MIN: usize = 3;

/// Finds names of people in a text without capital letters; `from` is where the findings of this
/// text begin.
pub(crate) fn detect(scene: &Scene<'_>, from: usize, out: &mut Vec<Finding>) {
    let Some(model) = MODEL.as_ref() else { return };
    let text = scene.text;
    let known = |word: &Range<usize>| {
        let letters = Letters::at(text, word.start, word.end);
        if letters.count < LETTERS_MIN { 0 } else { model.lexicon.flags(letters.hash()) }
    };
    let is_name = |first: u8, second: u8| {
        let listed = second & (SURNAME | GIVEN) != 0;
        first & GIVEN != 0 && listed && (first | second) & COMMON == 0
    };
    let known_end = out.len();
    let mut taken = None;
    let mut words = words(text);
    // Of two words side by side one is the second of a pair: nearly all pairs end with that one.
    while let (Some(before), Some(word)) = (words.next(), words.next()) {
        let flags = known(&word);
        if flags & (GIVEN | SURNAME) == 0 || flags & COMMON != 0 {
            continue;
        }
        let mut add = |first: &Range<usize>, second: &Range<usize>| {
            let range = first.start..second.end;
            let beside = &text[first.end..second.start] == " ";
            let taken = taken.get_or_insert_with(|| Cover::of(out[from..known_end].iter()));
            let free = !taken.touches(&range);
            if beside && free {
                let category = Category::PersonName;
                out.push(Finding::new(range, category, 60, Evidence::Lexicon, "small letters"));
            }
            beside && free
        };
        let found = is_name(known(&before), flags) && add(&before, &word);
        let after = words.clone().next();
        if let Some(after) = after.filter(|after| !found && is_name(flags, known(after))) {
            add(&word, &after);
        }
    }
}

/// The words of a text, as ranges: what stands between white space, without marks around it.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text.as_bytes()[at..];
        let start = at + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let length = text.as_bytes()[start..].iter().position(u8::is_ascii_whitespace);
        at = length.map_or(text.len(), |length| start + length);
        let word = text[start..at].trim_start_matches(is_mark);
        let start = at - word.len();
        Some(start..start + word.trim_end_matches(is_mark).len())
    })
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn a_given_name_and_a_surname_in_small_letters() {
        check("hey is katarzyna kowalska in today", &["person-name:katarzyna kowalska"]);
        check("ping katarzyna about it", &[]);
        check("the will of mark may rose", &[]);
        check("“katarzyna kowalska”", &["person-name:katarzyna kowalska"]);
        check("Yes, katarzyna kowalska", &[]);
    }
}
