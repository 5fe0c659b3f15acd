//! Street addresses and postal codes, found from their numbers: a house number stands next to a
//! word for a street, a postal code next to a place. Words for streets are those of the
//! postal languages of Europe.

use crate::context;
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::names::tokens::{Kind, Token};
use crate::places::streets::{BEFORE, BEHIND, CELL_ENDS, END_BYTES_MAX, ENDS, NUMBERS, UNITS};
use std::borrow::Cow;

const WORDS_MAX: usize = 6;

/// A token in small letters; `small` is the text with its letters of ASCII in small ones.
fn lower<'a>(small: &'a str, token: &Token) -> Cow<'a, str> {
    let word = token.text(small);
    match token.kind {
        // Most marks are of ASCII, and none is in a list of words.
        Kind::Mark => Cow::Borrowed(word),
        _ if word.is_ascii() => Cow::Borrowed(word),
        _ => Cow::Owned(word.to_lowercase()),
    }
}

/// Whether a word has more letters than so many.
fn is_longer(word: &str, letters: usize) -> bool {
    word.as_bytes().get(..=letters).is_some_and(<[u8]>::is_ascii)
        || word.len() > letters && word.chars().nth(letters).is_some()
}

pub(crate) fn is_house(text: &str, token: &Token) -> bool {
    let word = token.text(text).as_bytes();
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = &text.as_bytes()[token.end as usize..];
    let fraction = matches!(rest, [b'.' | b',', b'0'..=b'9', ..] | [b'%', ..]);
    token.kind == Kind::Number && (1..=5).contains(&digits) && word.len() - digits <= 2 && !fraction
}

/// Finds addresses and postal codes; `from` is where the findings of this text begin, and `small`
/// the text with its letters of ASCII in small ones.
pub(crate) fn detect(
    scene: &Scene<'_>,
    small: &str,
    tokens: &[Token],
    from: usize,
    out: &mut Vec<Finding>,
) {
    let text = scene.text;
    let known = out.len();
    let mut places = None;
    let mut covered = 0;
    let has_slash = memchr::memchr(b'/', text.as_bytes()).is_some();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Number && !has_slash || (token.start as usize) < covered {
            continue;
        }
        if has_slash && let Some((first, last)) = numberless(scene, small, tokens, at) {
            let range = tokens[first].start as usize..tokens[last].end as usize;
            let finding = Finding::new(range, Category::Address, 86, Evidence::Lexicon, "street");
            covered = finding.end;
            out.push(finding);
            continue;
        }
        if token.kind != Kind::Number {
            continue;
        }
        let found = is_house(text, token)
            .then(|| {
                unit(small, tokens, at)
                    .or_else(|| before(scene, small, tokens, at))
                    .or_else(|| behind(small, tokens, at))
            })
            .flatten();
        if let Some((first, last)) = found {
            let last = extend(small, tokens, last);
            let first = number_before(text, tokens, first);
            let range = tokens[first].start as usize..tokens[last].end as usize;
            let finding = Finding::new(range, Category::Address, 86, Evidence::Lexicon, "street");
            covered = finding.end;
            out.push(finding);
        } else if let Some(finding) = british(text, tokens, at).or_else(|| {
            let places = places.get_or_insert_with(|| Places::of(&out[from..known]));
            postcode(scene, tokens, at, places, &out[known..])
        }) {
            covered = finding.end;
            out.push(finding);
        }
    }
}

/// A street whose house has no number: `Av. del Molino, s/n`, at the token `s`.
fn numberless(
    scene: &Scene<'_>,
    small: &str,
    tokens: &[Token],
    at: usize,
) -> Option<(usize, usize)> {
    if tokens.get(at + 1)?.mark != b'/' {
        return None;
    }
    let [s, slash, n, ..] = tokens[at..] else { return None };
    let is = |token: &Token, word: &str| token.text(scene.text).eq_ignore_ascii_case(word);
    let tight = s.end == slash.start && slash.end == n.start;
    if !(tight && is(&s, "s") && is(&n, "n")) {
        return None;
    }
    before(scene, small, tokens, at).map(|(first, _)| (first, at + 2))
}

/// Where the places and addresses that were found before begin, and where they end and whether
/// they are addresses; in order.
struct Places {
    starts: Vec<usize>,
    ends: Vec<(usize, bool)>,
}

/// Most bytes between a place and its code.
const GAP_BYTES: usize = 3;

impl Places {
    fn of(found: &[Finding]) -> Self {
        let places = || found.iter().filter_map(|f| Some((f, is_address(f)?)));
        let mut starts: Vec<usize> = places().map(|(place, _)| place.start).collect();
        let mut ends: Vec<(usize, bool)> = places().map(|(place, is)| (place.end, is)).collect();
        starts.sort_unstable();
        ends.sort_unstable();
        Self { starts, ends }
    }
}

/// Whether a place is an address.
fn is_address(finding: &Finding) -> Option<bool> {
    match finding.category {
        Category::Address => Some(true),
        Category::Location => Some(false),
        _ => None,
    }
}

/// Another number in front of the street, as in `6343 Skogstien 226`.
fn number_before(text: &str, tokens: &[Token], first: usize) -> usize {
    match first.checked_sub(1) {
        Some(i)
            if is_house(text, &tokens[i])
                && !tokens[first].newline
                && tokens[first].start - tokens[i].end == 1 =>
        {
            i
        }
        _ => first,
    }
}

/// A street before the house number: `Hauptstraße 5`, `rue de la Paix 12`, `ul. Słowicza 10`.
fn before(scene: &Scene<'_>, smalls: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let text = scene.text;
    let mut name = at.checked_sub(1)?;
    while name > 0 && (tokens[name].mark == b',' || NUMBERS.contains(&lower(smalls, &tokens[name])))
    {
        if tokens[name + 1].newline {
            return None;
        }
        name -= 1;
    }
    if tokens[at].newline || at - name > 4 {
        return None;
    }
    let word = &tokens[name];
    let small = lower(smalls, word);
    let capital = word.is_candidate() || word.kind == Kind::Mixed;
    // English words that end like streets.
    let plain = || matches!(&*small, "during" | "spring" | "string" | "offering");
    let compound = capital && is_longer(&small, 5) && ENDS.ends(&small, END_BYTES_MAX) && !plain();
    let cell = scene.trimmed == (word.start as usize, tokens[at].end as usize)
        && is_longer(&small, 5)
        && CELL_ENDS.ends(&small, END_BYTES_MAX);
    let named = name > 0
        && word.kind != Kind::Mark
        && tokens[name - 1].is_candidate()
        && BEHIND.contains(small.trim_end_matches('.'));
    if compound || cell && capital {
        return Some((back(tokens, name, 1), at));
    }
    if named {
        return Some((back(tokens, name - 1, 2), at));
    }
    if let Some(first) = street_word(text, smalls, tokens, name) {
        return Some((first, at));
    }
    // A street that nothing names, where an address is announced.
    let labelled = word.kind == Kind::Capital && {
        let start = word.start as usize;
        let found = context::around(scene, start, start);
        found.nearest.any(Topics::STREET) && start - found.nearest_end < 24 && found.nearest_end > 0
    };
    (labelled && is_longer(word.text(text), 2)).then(|| (back(tokens, name, 2), at))
}

/// The word for a street in front of the name that ends with token `name`.
fn street_word(text: &str, smalls: &str, tokens: &[Token], name: usize) -> Option<usize> {
    let mut index = name;
    let mut words = 0;
    let mut has_name = false;
    let mut lower_name = false;
    while words < WORDS_MAX {
        let token = &tokens[index];
        let long = |letters| is_longer(token.text(smalls), letters);
        let follows = words > 0 && token.kind != Kind::Mark;
        if follows && (has_name || lower_name && long(4)) {
            let small = lower(smalls, token);
            let short = || {
                let next = &tokens[index + 1];
                let capital = token.text(text).chars().next().is_some_and(char::is_uppercase);
                let short_fits = matches!(next.mark, b'.' | b'/')
                    || matches!(&*small, "bd" | "av" | "an" | "am" | "im" if capital);
                !is_longer(&small, 2) && !short_fits
            };
            if BEFORE.contains(&small) && !short() {
                return Some(index);
            }
        }
        // A word that ends a sentence is no part of a street: `calle abajo. Unas 12`.
        let ends = token.mark == b'.'
            && index > 0
            && tokens[index - 1].kind == Kind::Lower
            && tokens[index - 1].end - tokens[index - 1].start > 4
            && tokens.get(index + 1).is_some_and(|next| next.start > token.end);
        if ends {
            break;
        }
        has_name |= token.is_candidate();
        lower_name |= token.kind == Kind::Lower && long(3);
        if token.kind == Kind::Mark && !matches!(token.mark, b'.' | b'-' | b'\'' | b'/')
            || token.newline
            || index == 0
        {
            break;
        }
        words += usize::from(token.kind != Kind::Mark);
        index -= 1;
    }
    None
}

/// The first of up to `most` more capitalised words before `name`.
fn back(tokens: &[Token], name: usize, most: usize) -> usize {
    let mut first = name;
    while first > 0
        && name - first < most
        && !tokens[first].newline
        && matches!(tokens[first - 1].kind, Kind::Capital)
        && tokens[first].start - tokens[first - 1].end == 1
    {
        first -= 1;
    }
    first
}

/// A street behind the house number: `12 rue de la Paix`, `69 Gordon Terrace`.
fn behind(smalls: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let mut next = at + 1;
    if tokens.get(next).is_some_and(|t| t.mark == b',') {
        next += 1;
    }
    // A second number may stand between, as in `935 69 Gordon Terrace`.
    if next == at + 1 && tokens.get(next).is_some_and(|t| is_house(smalls, t) && !t.newline) {
        next += 1;
    }
    let first = tokens.get(next).filter(|t| !t.newline)?;
    let small = lower(smalls, first);
    let dotted = tokens.get(next + 1).is_some_and(|t| t.mark == b'.');
    if BEFORE.contains(&small)
        && (is_longer(&small, 2)
            || dotted && matches!(&*small, "ul" | "ул" | "al" | "tř")
            || small == "bd"
            || small == "av")
        && !matches!(&*small, "place" | "square" | "cours" | "route" | "via")
    {
        let mut last = next;
        while last + 1 < tokens.len() && last - next < WORDS_MAX {
            let token = &tokens[last + 1];
            let fits = token.is_candidate()
                || token.kind == Kind::Lower
                || matches!(token.mark, b'.' | b'-' | b'\'');
            if !fits || token.newline {
                break;
            }
            last += 1;
        }
        while last > next && !tokens[last].is_candidate() {
            last -= 1;
        }
        return (last > next).then_some((at, last));
    }
    let mut last = next;
    for step in 0..4 {
        let token = tokens.get(next + step).filter(|t| !t.newline)?;
        if !(token.is_candidate() || token.kind == Kind::Number && step > 0) {
            return None;
        }
        let small = lower(smalls, token);
        let compound = is_longer(&small, 6) && ENDS.ends(&small, END_BYTES_MAX);
        if step > 0 && BEHIND.contains(&small) || compound {
            last = next + step;
            break;
        }
        if step == 3 {
            return None;
        }
    }
    (last >= next && tokens[last].kind != Kind::Number).then_some((at, last))
}

/// `Apt. 12`, `Suite 828`.
fn unit(smalls: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let mut word = at.checked_sub(1)?;
    if tokens[word].mark == b'.' {
        word = word.checked_sub(1)?;
    }
    let fits = tokens[word].kind == Kind::Capital
        && tokens[word].text(smalls).len() > 2
        && !tokens[at].newline
        && UNITS.contains(&lower(smalls, &tokens[word]));
    fits.then_some((word, at))
}

/// Floors, doors and units behind an address: `, 3º B`, `/12`, `7B`, `Apt. 4`.
fn extend(smalls: &str, tokens: &[Token], last: usize) -> usize {
    let mut end = last;
    let mut index = last + 1;
    let mut tries = 0;
    while let Some(token) = tokens.get(index) {
        if token.newline || tries > 5 {
            break;
        }
        let short = token.end - token.start <= 3;
        let small = short && (token.kind == Kind::Number || token.kind == Kind::Initial)
            || UNITS.contains(&lower(smalls, token));
        if small {
            end = index;
            tries = 0;
        } else if token.kind != Kind::Mark
            || matches!(token.mark, b';' | b'(' | b')' | b':')
            || token.mark == b'.'
                && index + 1 < tokens.len()
                && tokens[index + 1].start > token.end
                && end + 1 == index
                && tokens[end].kind == Kind::Number
        {
            break;
        }
        tries += 1;
        index += 1;
    }
    end
}

/// `EC1A 1BB`.
pub(crate) fn british(text: &str, tokens: &[Token], at: usize) -> Option<Finding> {
    let first = tokens[at].text(text).as_bytes();
    let second = tokens.get(at + 1).filter(|t| !t.newline && t.start - tokens[at].end <= 1)?;
    let inward = second.text(text).as_bytes();
    let area = first.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let district = &first[area..];
    let fits = (1..=2).contains(&area)
        && !b"QVX".contains(&first[0])
        && matches!(district, [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9' | b'A'..=b'Z'])
        && matches!(inward, [b'0'..=b'9', b'A'..=b'Z', b'A'..=b'Z'])
        && !inward[1..].iter().any(|b| b"CIKMOV".contains(b));
    let range = tokens[at].start as usize..second.end as usize;
    fits.then(|| Finding::new(range, Category::Postcode, 76, Evidence::Shape, "uk-postcode"))
}

/// The last token of a postal code that starts with token `at`: `53-320`, `111 22`, `1012 AB`.
pub(crate) fn code_end(tokens: &[Token], at: usize, digits: usize, length: usize) -> Option<usize> {
    let mut last = at;
    let next = tokens.get(at + 1);
    let after = tokens.get(at + 2);
    let tight = |a: &Token, b: &Token, gap: u32| b.start - a.end == gap && !b.newline;
    let size = |t: &Token| (t.end - t.start) as usize;
    let code = match (digits, next, after) {
        (2, Some(dash), Some(rest))
            if dash.mark == b'-'
                && rest.kind == Kind::Number
                && size(rest) == 3
                && tight(dash, rest, 0) =>
        {
            last = at + 2;
            true
        }
        (4, Some(dash), Some(rest))
            if dash.mark == b'-'
                && rest.kind == Kind::Number
                && size(rest) == 3
                && tight(dash, rest, 0) =>
        {
            last = at + 2;
            true
        }
        (3, Some(rest), _)
            if rest.kind == Kind::Number && size(rest) == 2 && tight(&tokens[at], rest, 1) =>
        {
            last = at + 1;
            true
        }
        (4, Some(rest), _)
            if rest.kind == Kind::Caps && size(rest) == 2 && tight(&tokens[at], rest, 1) =>
        {
            last = at + 1;
            true
        }
        (4..=6, _, _) => length == digits || length == digits + 2 && digits == 4,
        _ => false,
    };
    code.then_some(last)
}

/// A postal code next to a place or an address.
fn postcode(
    scene: &Scene<'_>,
    tokens: &[Token],
    at: usize,
    places: &Places,
    found: &[Finding],
) -> Option<Finding> {
    let text = scene.text;
    let token = &tokens[at];
    let word = token.text(text);
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let start = token.start as usize;
    if start > 0
        && matches!(text.as_bytes()[start - 1], b'.' | b'/' | b'_' | b'#' | b'$' | b':' | b'+')
    {
        return None;
    }
    let last = code_end(tokens, at, digits, word.len())?;
    let numeric = word.len() == digits;
    let year = digits == 4
        && last == at
        && matches!(word.as_bytes()[0], b'1' | b'2')
        && numeric
        && (1800..=2100).contains(&word.parse::<u32>().unwrap_or(0));
    let range = start..tokens[last].end as usize;
    // Place and code touch; an address may be a comma away.
    let gap = |a: usize, b: usize| {
        text.get(a..b).is_some_and(|g| g.chars().all(|c| matches!(c, ' ' | ',' | '\n' | '-')))
    };
    let low = range.start.saturating_sub(GAP_BYTES);
    let from = places.ends.partition_point(|(end, _)| *end < low);
    let old = places.ends[from..].iter().copied();
    // What was found here ends in the order of the text, and begins before what follows.
    let from = found.partition_point(|f| f.end < low);
    let new = found[from..].iter().filter_map(|f| Some((f.end, is_address(f)?)));
    let ends_near = |(end, address): (usize, bool)| {
        gap(end, range.start) && (address || !year && (digits == 5 || end == range.start))
    };
    let before = old.take_while(|(end, _)| *end <= range.start).any(ends_near)
        || new.take_while(|(end, _)| *end <= range.start).any(ends_near);
    let from = places.starts.partition_point(|start| *start < range.end);
    let near = places.starts[from..].iter().take_while(|s| **s <= range.end + GAP_BYTES);
    let mut near = near.copied();
    let after = near.any(|s| gap(range.end, s) && !text[range.end..s].contains('\n'));
    // A country's letters are a word of their own: `ORD-2024` is an order.
    let prefix = ["D-", "A-", "CH-", "F-"].iter().any(|country| {
        let before = text[..start].strip_suffix(country);
        before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
    });
    if !(!year && (before || after) || year && before && after || prefix) {
        return None;
    }
    Some(Finding::new(range, Category::Postcode, 66, Evidence::Context, "postcode"))
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn streets_of_several_languages() {
        check("ul. Słowicza 10", &["address:ul. Słowicza 10"]);
        check("12 rue de la Paix", &["address:12 rue de la Paix"]);
        check("Gartenstraße 5a", &["address:Gartenstraße 5a"]);
        check("69 Gordon Terrace", &["address:69 Gordon Terrace"]);
        check("Av. del Prado, s/n", &["address:Av. del Prado, s/n"]);
        check("calle Mayor 26, 3.º izq", &["address:calle Mayor 26, 3.º izq"]);
        check("EC1A 1BB", &["postcode:EC1A 1BB"]);
        check("it is 5 ways to go 12 times", &[]);
    }
}
