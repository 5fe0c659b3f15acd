//! Telephone numbers: international with a country code that exists, North American, and
//! national ones with a trunk zero or an announcement.

use super::chain::Chain;
use super::hit::{Hit, topics};
use crate::checks::{day_month, number};
use crate::context::Announced;
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};

/// Most digits of a number with its country code (E.164).
const DIGITS_MAX: usize = 15;

/// What else long numbers are.
const OTHER: Topics = Topics::NATIONAL
    .or(Topics::TAX)
    .or(Topics::COMPANY)
    .or(Topics::HEALTH)
    .or(Topics::BANK)
    .or(Topics::PASSPORT)
    .or(Topics::CARD);

/// Whether a country calling code may begin like this: the ranges that ITU-T E.164 leaves
/// unassigned are out.
fn has_country_code(digits: &[u8]) -> bool {
    !matches!(
        digits,
        [] | [b'0', ..]
            | [b'2', b'8', ..]
            | [b'3', b'8', b'4' | b'8', ..]
            | [b'8', b'3' | b'9', ..]
            | [b'9', b'7', b'8', ..]
            | [b'9', b'9', b'0' | b'1' | b'7' | b'9', ..]
    )
}

/// Matches a telephone number that starts with group `index`.
pub(crate) fn at(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let groups = chain.groups();
    let first = groups[index];
    if !first.is_numeric() {
        return None;
    }
    let mut start = first.start;
    let bracket = start > 0 && bytes[start - 1] == b'(';
    let plus = if bracket {
        start >= 2 && bytes[start - 2] == b'+' || bytes.get(start) == Some(&b'+')
    } else {
        start > 0 && bytes[start - 1] == b'+'
    };
    let double_zero = bytes[first.start..first.end].starts_with(b"00") && first.len() > 2
        || &bytes[first.start..first.end] == b"00";
    let international = plus || double_zero;
    if bracket || plus {
        start -= 1 + usize::from(bracket && plus);
    }
    let limit = if international { DIGITS_MAX } else { 12 };
    let number = read(bytes, chain, index, limit)?;
    let (digits, layout, last) = (number.digits(), number.layout(), number.last);
    let (count, group_count) = (digits.len(), layout.len());
    let end = groups[last].end;
    // What is announced is asked for last: most numbers are too short or too long.
    let counts = if plus { 7..=DIGITS_MAX } else { 6..=DIGITS_MAX };
    if !counts.contains(&count) {
        return None;
    }
    let found = topics(scene, chain, index, announced);
    let said =
        found.topics.any(Topics::PHONE) && !found.nearest.is_other_than(Topics::PHONE, OTHER);
    if !plus && scene.label.is_other_than(Topics::PHONE, OTHER) {
        return None;
    }
    let whole = scene.is_whole(start, end);
    let score = if plus {
        (count >= 7 && has_country_code(digits)).then_some(if count >= 8 { 92 } else { 75 })
    } else if double_zero {
        let real = count >= 10 && has_country_code(&digits[2..]);
        (real && (said || group_count > 1 || whole)).then_some(80)
    } else {
        national(scene, digits, layout, bracket, said, whole, found.topics, &groups[index..=last])
    }?;
    let evidence = if said { Evidence::Context } else { Evidence::Shape };
    let score = if said { score.max(90) } else { score };
    let finding = Finding::new(start..end, Category::Phone, score, evidence, "phone");
    Some(Hit { last, finding: Some(finding) })
}

/// The digits of a number, the lengths of its blocks and its last group.
struct Number {
    digits: [u8; DIGITS_MAX],
    digit_count: usize,
    layout: [usize; DIGITS_MAX],
    block_count: usize,
    last: usize,
}

impl Number {
    fn digits(&self) -> &[u8] {
        &self.digits[..self.digit_count]
    }

    fn layout(&self) -> &[usize] {
        &self.layout[..self.block_count]
    }
}

/// The longest number that starts with group `index` and may end where it does.
fn read(bytes: &[u8], chain: &Chain, index: usize, limit: usize) -> Option<Number> {
    let groups = chain.groups();
    let (mut digits, mut layout) = ([0; DIGITS_MAX], [0; DIGITS_MAX]);
    let (mut digit_count, mut block_count) = (0, 0);
    let mut best = None;
    for (place, group) in groups.iter().enumerate().skip(index) {
        let block = &bytes[group.start..group.end];
        let last = before_extension(block).filter(|_| place > index);
        let number = last.unwrap_or(block);
        if last.is_none() && !group.is_numeric()
            || digit_count + number.len() > limit
            || place > index && matches!(group.separator, b':' | b'_' | b',')
        {
            break;
        }
        // INVARIANT: the limit is at most DIGITS_MAX, and every block has a digit.
        digits[digit_count..][..number.len()].copy_from_slice(number);
        layout[block_count] = number.len();
        (digit_count, block_count) = (digit_count + number.len(), block_count + 1);
        // `…815-Fax`: a word that is tied to the number does not belong to it.
        let word_next = groups.get(place + 1).is_some_and(|g| g.digits == 0);
        if (chain.may_end(place) || word_next) && digit_count >= 5 {
            best = Some((place, digit_count, block_count));
        }
        if last.is_some() {
            break;
        }
    }
    let (last, digit_count, block_count) = best?;
    Some(Number { digits, digit_count, layout, block_count, last })
}

/// The last block of a number that an extension follows: `0198x6039`.
fn before_extension(group: &[u8]) -> Option<&[u8]> {
    let at = group.iter().position(|b| *b == b'x')?;
    let (number, extension) = (&group[..at], &group[at + 1..]);
    let numeric = number.iter().chain(extension).all(u8::is_ascii_digit);
    (numeric && number.len() >= 3 && (2..=6).contains(&extension.len())).then_some(number)
}

#[expect(clippy::too_many_arguments, reason = "one judgement over plain facts")]
fn national(
    scene: &Scene<'_>,
    digits: &[u8],
    layout: &[usize],
    bracket: bool,
    said: bool,
    whole: bool,
    topics: Topics,
    groups: &[super::chain::Group],
) -> Option<u8> {
    let count = digits.len();
    if !(6..=12).contains(&count) {
        return None;
    }
    let thing = topics.any(Topics::THING);
    let other = topics.any(OTHER);
    if said {
        return Some(85);
    }
    if scene.label.any(Topics::THING) || other {
        return None;
    }
    // `070415 120455`: a day and a time of day.
    if layout == [6, 6] && is_day(&digits[..6]) && is_time(&digits[6..]) {
        return None;
    }
    let zero = digits[0] == b'0' && digits.get(1) != Some(&b'0');
    // A closed plan that is written in brackets, dashes or dots: (202) 555-0123.
    let american = layout == [3, 3, 4] && digits[0] >= b'2' && digits[3] >= b'2';
    let marks = groups[1..].iter().any(|g| g.separator != b' ');
    if american && (bracket || marks) && !thing {
        return Some(75);
    }
    let dotted = groups[1..].iter().all(|g| g.separator == b'.') && layout.len() == 2;
    let pieces = layout.len() >= 2 && layout[1..].iter().all(|len| *len >= 2) && !dotted;
    if zero && pieces && (9..=12).contains(&count) && !thing {
        return Some(65);
    }
    if bracket && pieces && count >= 7 && !thing {
        return Some(65);
    }
    if whole && scene.label.is_empty() {
        let written = pieces && count >= 7 && layout[0] <= 5;
        let bare = layout.len() == 1 && zero && (9..=11).contains(&count);
        return (written || bare).then_some(if written { 62 } else { 55 });
    }
    None
}

/// Whether six digits are a day, year or day first.
fn is_day(digits: &[u8]) -> bool {
    let part = |at: usize| number(&digits[at..at + 2]);
    day_month(part(4), part(2)) || day_month(part(0), part(2)) || day_month(part(2), part(0))
}

/// Whether six digits are a time of day.
fn is_time(digits: &[u8]) -> bool {
    let part = |at: usize| number(&digits[at..at + 2]);
    part(0) < 24 && part(2) < 60 && part(4) < 61
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn numbers_of_many_plans() {
        check("call +49 (0)171 123-45 67 now", &["phone:+49 (0)171 123-45 67"]);
        check("Tel. 030/1234567", &["phone:030/1234567"]);
        check("ring (202) 555-0123", &["phone:(202) 555-0123"]);
        check("01 23 45 67 89 est le mien", &["phone:01 23 45 67 89"]);
        check("or +1-724-672-0198x6039", &["phone:+1-724-672-0198x6039"]);
        check("block 0123456789 bytes", &[]);
        check("070415 120455 I queue drained", &[]);
        check("call 070415 120455", &["phone:070415 120455"]);
        check("+999 12", &[]);
    }
}
