//! Values that the words around them announce and no check rule knows: right behind a label, a few
//! words behind it (`the tax number of the customer is …`), before it (`… is my tax number`), or
//! alone in a cell whose column says what it is. And cells that are nothing but a document number.

use super::chain::{Chain, Group};
use super::hit::{Hit, topics};
use super::plates;
use crate::context::Announced;
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::text::words::{WordSet, small};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Longest value, longest text between a label and its value and most words in it.
const VALUE_MAX: usize = 34;
const GAP_MAX: usize = 48;
const GAP_WORDS_MAX: usize = 5;

/// Topics whose values are long and rarely anything else, so that a few words may stand between.
const FAR: Topics = Topics::NATIONAL
    .or(Topics::TAX)
    .or(Topics::COMPANY)
    .or(Topics::HEALTH)
    .or(Topics::PASSPORT)
    .or(Topics::DRIVER);

/// Topics whose values are written in blocks.
const BLOCKS: Topics = Topics::HEALTH.or(Topics::BANK).or(Topics::CARD);
const IDENTIFIER: Topics =
    Topics::NATIONAL.or(Topics::TAX).or(Topics::COMPANY).or(Topics::PASSPORT);

/// Words between a label and its value.
static FILLERS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "no|nr|number|num|numbers|is|id|n|code|card|ist|lautet|lauten|nummer|numero|número|numéro|\
         ending|in|with|of|the|est|es|je|er|är|on|jest|este|to|č|br|holder|details|st|license|\
         licence|as|was|le|la|el|il|het|è|é|o|e|е|ir|yra|to|są|είναι|huwa|hija|ná|suivant|\
         suivante|siguiente|seguente|seguinte|numer|číslo|szám|száma|număr|номер|αριθμός|αρ|broj|\
         številka|numeris|numurs|númer|numru|uimhir|nummeret|numeron|n°|nº|kod|kód|kodas|kods|\
         von|vom|van|de|del|di|du|da|mín|mitt|für|for|recorded|listed|av|af|på|с|се|za|ar|olan",
    )
});

/// Words that say that what stands before is the thing that follows: `… is my tax number`.
static LINKS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "is|ist|est|es|är|er|è|é|je|jest|to|on|este|e|е|είναι|yra|ir|huwa|sind|are|su|я|was|wäre|\
         correspond|corresponds|as|for|my|his|her|their|the|meine|die|das|mein|seine|ihre|mon|ma|\
         son|sa|à|le|la|mi|el|il|mio|mia|o|a|meu|minha|mijn|het|de|mitt|min|mit|mój|moje|moja|moj|\
         moje|minu|mans|mana|mano|moje|moja|моят|μου|το|ο|mín|mitt|minun|vårt|our|unsere|notre|tu|\
         az|a|als|como|come|comme|jako|som|kot|kao|ca",
    )
});

/// What a label announces, with the fewest digits and characters of such a value.
pub(crate) fn category_of(topics: Topics) -> Option<(Category, usize, usize)> {
    Some(if topics.any(Topics::POSTAL) {
        (Category::Postcode, 3, 4)
    } else if topics.any(Topics::PASSPORT) {
        (Category::Passport, 5, 6)
    } else if topics.any(Topics::DRIVER) {
        (Category::DriverLicence, 4, 6)
    } else if topics.any(Topics::HEALTH) {
        (Category::HealthId, 4, 5)
    } else if topics.any(Topics::BANK) {
        (Category::BankAccount, 5, 6)
    } else if topics.any(Topics::CARD) {
        (Category::Card, 12, 12)
    } else if topics.any(Topics::OTHER) {
        (Category::OtherId, 3, 4)
    } else if topics.any(Topics::PLATE) {
        (Category::VehiclePlate, 2, 5)
    } else if topics.any(Topics::COMPANY) && !topics.any(Topics::NATIONAL) {
        (Category::OtherId, 5, 6)
    } else if topics.any(Topics::NATIONAL) {
        (Category::NationalId, 5, 6)
    } else if topics.any(Topics::TAX) {
        (Category::TaxId, 6, 8)
    } else if topics.any(Topics::DEVICE) {
        (Category::DeviceId, 8, 8)
    } else {
        return None;
    })
}

/// How a value is tied to the words that announce it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// The whole cell of a column that says what it holds.
    Column,
    /// The label stands right before.
    Adjacent,
    /// A few words stand between label and value.
    Near,
    /// The label follows.
    Behind,
}

/// A value that begins with group `index` and that a label announces.
pub(crate) fn at(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let groups = chain.groups();
    let found = topics(scene, chain, index, announced);
    let start = groups[index].start;
    let all = groups.len() - 1;
    if !scene.label.is_empty() && scene.is_whole(start, groups[all].end) {
        let hit = value(scene, groups, (index, all), scene.label, Tie::Column);
        if hit.is_some() {
            return hit;
        }
    }
    let (tie, topics) = tie(scene, groups, index, &found)?;
    if topics.any(Topics::THING) {
        return None;
    }
    if topics.any(Topics::PLATE) {
        return plates::at(scene.text, groups, index);
    }
    let mut hit = value(scene, groups, (index, last_of(chain, index, topics)), topics, tie)?;
    if let Some(finding) = &mut hit.finding {
        finding.start = lead_in(scene.text, finding.start);
    }
    Some(hit)
}

/// Where a word that is tied to the value begins: `MRN-442021`.
fn lead_in(text: &str, start: usize) -> usize {
    const LENGTH_MAX: usize = 8;
    let Some(front) = text[..start].strip_suffix('-') else { return start };
    let length = front.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let begin = front.len() - length;
    let whole = front[..begin].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    if whole && (1..=LENGTH_MAX).contains(&length) { begin } else { start }
}

/// How the value that begins with group `index` is announced, and as what.
fn tie(
    scene: &Scene<'_>,
    groups: &[Group],
    index: usize,
    found: &Announced,
) -> Option<(Tie, Topics)> {
    let start = groups[index].start;
    let start = match found.nearest.any(Topics::PLATE) {
        true => plates::before(scene.text, start),
        false => lead_in(scene.text, start),
    };
    if !found.nearest.is_empty() && found.nearest_end <= start {
        let gap = &scene.text[found.nearest_end..start];
        if is_filler(gap) {
            return Some((Tie::Adjacent, found.nearest));
        }
        if found.nearest.any(FAR) && !found.topics.any(Topics::THING) && is_phrase(gap) {
            return Some((Tie::Near, found.nearest));
        }
    }
    let end = groups[groups.len() - 1].end;
    if found.behind.any(FAR.or(Topics::PLATE)) && found.behind_start >= end {
        let gap = &scene.text[end..found.behind_start];
        if is_link(gap) {
            return Some((Tie::Behind, found.behind));
        }
    }
    None
}

/// The last group of a value of this kind: identifiers go on until they are long enough for one,
/// from a country's letters on, and blocks as long as blocks follow.
fn last_of(chain: &Chain, index: usize, topics: Topics) -> usize {
    let groups = chain.groups();
    let mut last = chain.word_end(index);
    let mut count: usize = groups[index..=last].iter().map(|g| g.digits).sum();
    while let Some(next) = groups.get(last + 1) {
        if next.separator != b' ' || next.digits == 0 || !chain.may_end(last + 1) {
            break;
        }
        let opened = last > index || groups[index].digits > 0 || groups[index].len() == 2;
        let block = topics.any(BLOCKS) && next.len() >= 2;
        if !(block || topics.any(IDENTIFIER) && count < 9 && opened) {
            break;
        }
        last += 1;
        count += next.digits;
    }
    // A single letter or digit closes a number: `XR 1001R5 8`, `379/493/0824 8`.
    if let Some(next) = groups.get(last + 1)
        && topics.any(IDENTIFIER)
        && next.separator == b' '
        && next.len() == 1
        && count >= 5
        && chain.may_end(last + 1)
    {
        last += 1;
    }
    last
}

/// The finding over groups `first..=last`, when they can be such a value.
fn value(
    scene: &Scene<'_>,
    groups: &[Group],
    (first, last): (usize, usize),
    topics: Topics,
    tie: Tie,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let run = &groups[first..=last];
    let (start, end) = (run[0].start, run[run.len() - 1].end);
    let digits: usize = run.iter().map(|g| g.digits).sum();
    let length = end - start;
    // No card has letters: `PAN` is a tax number then.
    let lettered = run.iter().any(|g| g.digits < g.len());
    let topics = if lettered { topics.without(Topics::CARD) } else { topics };
    let (category, digits_min, length_min) = category_of(topics)?;
    let year = length == 4 && (bytes[start] == b'1' || bytes[start] == b'2');
    if digits < digits_min
        || length < length_min
        || length > VALUE_MAX
        || year && category != Category::Postcode
        || is_amount(run) && category != Category::DriverLicence
    {
        return None;
    }
    let compact: usize = run.iter().map(Group::len).sum();
    let strong = digits >= 7 || digits >= 4 && compact > digits && compact >= 8;
    let score = match tie {
        Tie::Column | Tie::Adjacent => 80,
        Tie::Near | Tie::Behind if !strong || is_measured(&scene.text[end..]) => return None,
        Tie::Near | Tie::Behind => 66,
    };
    let finding = Finding::new(start..end, category, score, Evidence::Context, "labelled");
    Some(Hit { last, finding: Some(finding) })
}

/// `12.50`, `1.234.567,89`: decimals or thousands.
fn is_amount(run: &[Group]) -> bool {
    let numeric = run.iter().all(Group::is_numeric);
    let decimals = run[1..].iter().any(|g| g.separator == b'_')
        || matches!(run, [_, cents] if cents.separator == b'.' && cents.len() <= 2);
    numeric && decimals
}

/// Whether a unit or a currency follows.
fn is_measured(tail: &str) -> bool {
    let tail = tail.trim_start_matches([' ', '\u{a0}']);
    tail.starts_with(['%', '€', '$', '£', '¥', '°'])
        || ["kr", "zł", "Kč", "lei", "Ft", "лв", "mg", "ml", "kg"]
            .iter()
            .any(|unit| tail.starts_with(unit))
}

/// Whether nothing but fillers stands between a label and its value.
fn is_filler(gap: &str) -> bool {
    gap.len() <= 24 && !gap.contains('\n') && words(gap).all(|w| FILLERS.contains(&w))
}

/// Whether the text between a label and its value is a piece of one sentence.
fn is_phrase(gap: &str) -> bool {
    gap.len() <= GAP_MAX
        && words(gap).count() <= GAP_WORDS_MAX
        && !gap.contains(['\n', '\t', ';', '|', '!', '?', '<', '>', '{', '}', '"', '/', '%'])
        && !gap.contains(". ")
        && !gap.bytes().any(|b| b.is_ascii_digit())
}

/// Whether a value is said to be what follows.
fn is_link(gap: &str) -> bool {
    let bracket = matches!(gap, " (" | "(" | " – " | " - ");
    let mut words = words(gap).peekable();
    bracket
        || gap.len() <= 24
            && words.peek().is_some()
            && gap.starts_with(' ')
            && words.all(|w| LINKS.contains(&w))
}

/// The words of a gap, in small letters.
fn words(gap: &str) -> impl Iterator<Item = Cow<'_, str>> {
    gap.split(|c: char| !c.is_alphanumeric() && !matches!(c, '°' | 'º'))
        .filter(|w| !w.is_empty())
        .map(small)
}

/// A text that is nothing but the number of a document or a plate, and comes from nowhere that has
/// a name: `A12803456`, `AA12345BB`, `KSD1287349`. Nobody writes a price or a count like that.
pub(crate) fn code(scene: &Scene<'_>, chain: &Chain, index: usize) -> Option<Hit> {
    let groups = chain.groups();
    let last = groups.len() - 1;
    if scene.named || index > 0 || scene.trimmed != (groups[0].start, groups[last].end) {
        return None;
    }
    let (start, end) = scene.trimmed;
    if !(8..=10).contains(&(end - start)) || groups.iter().all(Group::is_numeric) {
        return None;
    }
    let value = scene.text[start..end].to_ascii_uppercase();
    let shape: String = value
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .map(|c| if c.is_ascii_uppercase() { 'A' } else { c })
        .collect();
    let category = match shape.as_str() {
        "A9999999" | "A99999999" | "AA9999999" | "AA99999AA" | "9999999AA" => Category::Passport,
        "A999A9999" if value.starts_with(['M', 'S', 'R', 'O', 'D']) => Category::Passport,
        "AAA9999999" => Category::NationalId,
        "AAA-999AA" | "AAA 999AA" | "AAA999AA" => Category::VehiclePlate,
        _ => return None,
    };
    let finding = Finding::new(start..end, category, 52, Evidence::Shape, "document");
    Some(Hit { last, finding: Some(finding) })
}

#[cfg(test)]
mod tests {
    use crate::detector::{Detector, Options};
    use crate::tests::check;

    #[test]
    fn labels_stand_before_and_behind_and_a_few_words_away() {
        check("Steuernummer: 111/865/07752", &["tax-id:111/865/07752"]);
        check("die Steuernummer des Kunden ist 111/865/07752", &["tax-id:111/865/07752"]);
        check("62/118/40537 is my tax number", &["tax-id:62/118/40537"]);
        check("patient MRN ALPHA-442021 and", &["health-id:ALPHA-442021"]);
        check("the member id on file (W8842017) is wrong", &["health-id:W8842017"]);
        check("the tax on all of it came to 12345678 kr", &[]);
        check("tax of 1.234.567,89 in all", &[]);
    }

    #[test]
    fn columns_say_what_a_cell_is() {
        let find = |label: &str, text: &str| {
            let mut found = Vec::new();
            Detector::new(Options::default()).detect_labelled(label, text, &mut found);
            found.first().map(|f| (f.category.name(), text[f.range()].to_owned()))
        };
        assert_eq!(find("batch", "00 1234 567"), None, "no known label");
        let bank = Some(("bank-account", "00 1234 567".to_owned()));
        assert_eq!(find("account_number", "00 1234 567"), bank);
        assert_eq!(find("tax", "1234.50"), None, "an amount");
        assert_eq!(find("sku", "A12803456"), None, "a column with another name");
    }

    #[test]
    fn a_text_that_is_a_document_number() {
        check("A12803456", &["passport:A12803456"]);
        check("AB12345CD", &["passport:AB12345CD"]);
        check("A12803456 was shipped", &[]);
        check("1234567890", &[]);
    }
}
