//! Addresses that nothing but a postal code gives away (`Mašekova 215, 36819 Beli Manastir`,
//! `29 Mescall Lodge, West Lee, ID 71178`): from the code and its place the walk goes back to a
//! house number and the words beside it. And telephone numbers right behind an address or a name.

use crate::context::scene::Scene;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::names::tokens::{Kind, Token};
use crate::places::address::{british, code_end, is_house};

/// Most tokens between a house number and the postal code.
const BACK_MAX: usize = 14;

/// Most words of a place.
const PLACE_MAX: usize = 3;

/// Most words of a street, and most house numbers and units before a code.
const STREET_MAX: usize = 4;
const NUMBERS_MAX: usize = 3;

/// Finds both; `from` is where the findings of this text begin.
pub(crate) fn detect(scene: &Scene<'_>, tokens: &[Token], from: usize, out: &mut Vec<Finding>) {
    let text = scene.text;
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Number) {
        let Some((first, last)) = code(text, tokens, at) else { continue };
        let Some(street) = street(text, tokens, first) else { continue };
        let range = tokens[street].start as usize..tokens[last].end as usize;
        out.push(Finding::new(range, Category::Address, 86, Evidence::Shape, "postal"));
    }
    for index in from..out.len() {
        let Finding { end, category, .. } = out[index];
        if is_contact(category) {
            out.extend(phone(text, end, category));
        }
    }
}

fn is_contact(category: Category) -> bool {
    matches!(
        category,
        Category::Address | Category::Postcode | Category::Location | Category::PersonName
    )
}

/// The tokens of a postal code at number `at`, with the place or state beside it.
fn code(text: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    if british(text, tokens, at).is_some() {
        let pair = tokens[at].end - tokens[at].start < 5;
        return Some((at, at + usize::from(pair)));
    }
    let word = tokens[at].text(text);
    if let Some(last) = irish(text, tokens, at) {
        return Some((at, last));
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits < 3 {
        return None;
    }
    let before = at.checked_sub(1).map(|i| &tokens[i]);
    let state = before.is_some_and(|t| t.kind == Kind::Caps && t.end - t.start == 2);
    if state && digits == 5 && word.len() == 5 {
        return Some((at - 1, at));
    }
    // `4832YT` is Dutch; other codes with letters are read above.
    let dutch = digits == 4 && word.len() == 6 && word.ends_with(|c: char| c.is_ascii_uppercase());
    let last =
        code_end(tokens, at, digits, word.len()).filter(|_| dutch || word.len() == digits)?;
    let behind = last + 1 + usize::from(tokens.get(last + 1).is_some_and(|t| t.mark == b','));
    let place = tokens.get(behind).is_some_and(|t| {
        matches!(t.kind, Kind::Capital | Kind::Caps) && t.end - t.start > 2 && behind - last <= 2
    });
    // Letters of a country stand before the code: `H-1732`, `ΤΚ 368 19`.
    let lettered = before.is_some_and(|t| t.mark == b'-')
        && at >= 2
        && tokens[at - 2].is_candidate()
        && tokens[at - 2].end - tokens[at - 2].start <= 2;
    let labelled = before.is_some_and(|t| t.text(text) == "ΤΚ");
    let first = at - if lettered { 2 } else { usize::from(labelled) };
    if place {
        // `Beli Manastir` has two words.
        let more = tokens[behind + 1..].iter().take(PLACE_MAX - 1).zip(&tokens[behind..]);
        let tied = |pair: &(&Token, &Token)| {
            pair.0.kind == Kind::Capital && !pair.0.newline && pair.0.start - pair.1.end == 1
        };
        return Some((first, behind + more.take_while(tied).count()));
    }
    // Or the place comes first: `Sabugal, 781930`.
    let comma = before.is_some_and(|t| t.mark == b',')
        && at >= 2
        && tokens[at - 2].kind == Kind::Capital
        && digits >= 5;
    comma.then(|| (at - 1, last))
}

/// The last token of an Irish code that begins at `at`: `D65 CXRF`, `D99R429`.
fn irish(text: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let word = tokens[at].text(text).as_bytes();
    let routing = matches!(word, [b'A'..=b'Y', b'0'..=b'9', b'0'..=b'9' | b'W', ..]);
    let unique =
        |w: &[u8]| w.len() == 4 && w.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if routing && word.len() == 7 && unique(&word[3..]) {
        return Some(at);
    }
    let next = tokens.get(at + 1).filter(|t| !t.newline && t.start - tokens[at].end == 1)?;
    (routing && word.len() == 3 && unique(next.text(text).as_bytes())).then_some(at + 1)
}

/// The first token of the street before token `first`, when there is a house number.
fn street(text: &str, tokens: &[Token], first: usize) -> Option<usize> {
    let low = first.saturating_sub(BACK_MAX);
    let mut start = None;
    let mut edge = first;
    for _ in 0..NUMBERS_MAX {
        let Some(house) = (low..edge).rev().find(|i| tokens[*i].kind == Kind::Number) else {
            break;
        };
        if !is_house(text, &tokens[house]) || !tokens[house..first].iter().all(|t| fits(text, t)) {
            break;
        }
        // The line breaks before the code at most twice.
        if tokens[house + 1..=first].iter().filter(|t| t.newline).count() > 2 {
            break;
        }
        let Some(begin) = words_before(tokens, house).or_else(|| number_first(tokens, house))
        else {
            break;
        };
        start = Some(begin);
        edge = begin;
    }
    start
}

/// Small words that may stand between a house number and the code.
const SMALL: &[&str] = &["lgh", "bus", "bte", "th", "tv", "mf", "bis", "ter", "nan"];

/// Whether a token may stand between a house number and the code.
fn fits(text: &str, token: &Token) -> bool {
    match token.kind {
        Kind::Mark => matches!(token.mark, b',' | b'.' | b'/' | b'-' | b'\'' | b'?'),
        Kind::Mixed => false,
        Kind::Lower => SMALL.contains(&token.text(text)),
        Kind::Capital | Kind::Caps | Kind::Initial | Kind::Number => token.end - token.start <= 24,
    }
}

/// The first word of a street that the number follows: `Eerik Pyhän katu 53`, `Canale Arnaldo, 81`.
fn words_before(tokens: &[Token], house: usize) -> Option<usize> {
    let mut at = house;
    let marked = at.checked_sub(1).is_some_and(|i| matches!(tokens[i].mark, b',' | b'.'));
    if marked && !tokens[at].newline {
        at -= 1;
    }
    let mut begin = None;
    for _ in 0..STREET_MAX {
        if tokens[at].newline || at == 0 {
            break;
        }
        let token = &tokens[at - 1];
        let word = matches!(token.kind, Kind::Capital | Kind::Caps | Kind::Initial | Kind::Lower);
        if !(word || token.mark == b'.') {
            break;
        }
        at -= 1;
        if token.is_candidate() {
            begin = Some(at);
        }
    }
    begin
}

/// A number that begins the address: `29 Mescall Lodge`.
fn number_first(tokens: &[Token], house: usize) -> Option<usize> {
    let next = tokens.get(house + 1)?;
    let opens = house == 0
        || tokens[house].newline
        || matches!(tokens[house - 1].mark, b',' | b':' | b';' | b'|');
    (opens && next.is_candidate() && !next.newline).then_some(house)
}

/// A telephone number behind the end of an address or a name.
fn phone(text: &str, end: usize, category: Category) -> Option<Finding> {
    const GAP_MAX: usize = 4;
    const LENGTH_MAX: usize = 26;
    let rest = text.get(end..)?;
    let gap = rest.bytes().take_while(|b| matches!(b, b' ' | b',' | b';' | b'|' | b'\n' | b'\t'));
    let gap = gap.count();
    let rest = &rest[gap..];
    let opens = rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '('));
    if !opens || !(1..=GAP_MAX).contains(&gap) {
        return None;
    }
    let length = rest
        .bytes()
        .take(LENGTH_MAX)
        .take_while(|b| {
            b.is_ascii_digit() || matches!(b, b' ' | b'(' | b')' | b'-' | b'.' | b'/' | b'+' | b'x')
        })
        .count();
    let value = rest[..length].trim_end_matches(|c: char| !c.is_ascii_digit());
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let least = if category == Category::PersonName { 9 } else { 7 };
    let after = rest.as_bytes().get(value.len());
    let ends = after.is_none_or(|b| !b.is_ascii_alphanumeric() && *b < 0x80 && *b != b':');
    let fits = (least..=if value.starts_with('+') { 15 } else { 12 }).contains(&digits)
        && ends
        && !is_date(value);
    let start = end + gap;
    fits.then(|| {
        let range = start..start + value.len();
        Finding::new(range, Category::Phone, 62, Evidence::Shape, "behind-contact")
    })
}

/// Whether a value is written like a date.
fn is_date(value: &str) -> bool {
    let parts: Vec<usize> = value.split(['-', '/', '.', ' ']).take(4).map(str::len).collect();
    matches!(parts.as_slice(), [4, 1..=2, 1..=2, ..] | [1..=2, 1..=2, 2 | 4, ..])
        && value.contains(['-', '/', '.'])
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn addresses_known_by_their_postal_code() {
        check("Mašekova 215, 36819 Beli Manastir", &["address:Mašekova 215, 36819 Beli Manastir"]);
        check(
            "49 Jodie Springs\nWest Lee, ID 71178",
            &["address:49 Jodie Springs\nWest Lee, ID 71178"],
        );
        check("in version 12, 36819 bytes", &[]);
        check("Chapter 12 and 36819 rows", &[]);
    }

    #[test]
    fn numbers_behind_contacts() {
        check(
            "Hájová 53, 913 58 Hažín, 2542012472",
            &["address:Hájová 53, 913 58 Hažín", "phone:2542012472"],
        );
    }
}
