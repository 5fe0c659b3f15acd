//! Names in small letters, as people write in chats and search fields: in a text without a capital
//! letter, a given name and a surname side by side, of which neither is a common word.

use super::MODEL;
use super::letters::Letters;
use super::lexicon::{COMMON, GIVEN, SURNAME};
use super::tokens::{Kind, Token};
use crate::numbers::Scene;
use crate::{Category, Evidence, Finding};

/// Letters of the shortest word that is taken for a name.
const LETTERS_MIN: usize = 3;

/// Finds names of people in a text whose words are all in small letters.
pub(crate) fn detect(
    scene: &Scene<'_>,
    tokens: &[Token],
    taken: &[Finding],
    out: &mut Vec<Finding>,
) {
    let Some(model) = MODEL.as_ref() else { return };
    if tokens.iter().any(Token::is_candidate) {
        return;
    }
    let known = |token: &Token| {
        let letters = Letters::of(scene.text, token);
        match token.kind {
            Kind::Lower if letters.count >= LETTERS_MIN => model.lexicon.flags(letters.hash()),
            _ => 0,
        }
    };
    let (mut at, mut first) = (1, tokens.first().map_or(0, known));
    while let Some(token) = tokens.get(at) {
        let second = known(token);
        let before = &tokens[at - 1];
        let (start, end) = (before.start as usize, token.end as usize);
        let listed = second & (SURNAME | GIVEN) != 0;
        let is_name = first & GIVEN != 0 && listed && (first | second) & COMMON == 0;
        let beside = &scene.text[before.end as usize..token.start as usize] == " ";
        let free = !taken.iter().any(|f| f.start < end && start < f.end);
        if is_name && beside && free {
            let category = Category::PersonName;
            out.push(Finding::new(start..end, category, 60, Evidence::Lexicon, "small letters"));
            first = 0;
        } else {
            first = second;
        }
        at += 1;
    }
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
