//! Matchers over chains: addresses of machines, dates, identifiers with check rules, telephone
//! numbers and values that a label announces. Each chain is walked once from the left; at a
//! group the surest matcher wins and the walk goes on behind its value.

use crate::chain::{Chain, Compact};
use crate::checks::rules::{Proof, RULES, Rule};
use crate::context::{self, Announced, Topics};
use crate::{Category, Evidence, Finding, dates, phone, special};
use std::sync::LazyLock;

/// The text that is being looked at and what is known about it.
pub(crate) struct Scene<'a> {
    pub(crate) text: &'a str,
    /// Topics of the column or field that the text comes from.
    pub(crate) label: Topics,
    /// The first and last byte of the text that are not white space.
    pub(crate) trimmed: (usize, usize),
}

impl Scene<'_> {
    pub(crate) fn is_whole(&self, start: usize, end: usize) -> bool {
        start <= self.trimmed.0 + 1 && end + 1 >= self.trimmed.1
    }
}

/// A match on a chain: the last group that belongs to it, and the finding if there is one.
/// Without a finding the groups are skipped (a time, a version, a UUID).
pub(crate) struct Hit {
    pub(crate) last: usize,
    pub(crate) finding: Option<Finding>,
}

/// Walks a chain; returns where to go on when it does not end with the chain.
pub(crate) fn walk(scene: &Scene<'_>, chain: &Chain, out: &mut Vec<Finding>) -> Option<usize> {
    let groups = chain.groups();
    // Short plain counts are the most frequent chains: nothing below wants them.
    let mut announced: Option<Announced> = None;
    let mut index = 0;
    while index < chain.starts() {
        if !chain.may_start(index) {
            index += 1;
            continue;
        }
        match at(scene, chain, index, &mut announced) {
            Some(hit) => {
                out.extend(hit.finding);
                index = hit.last + 1;
            }
            None => index += 1,
        }
    }
    groups.get(index).map(|group| group.start)
}

fn at(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let groups = chain.groups();
    let first = groups[index];
    let before = first.start.checked_sub(1).map(|i| bytes[i]);
    let word_end = chain.word_end(index);
    if let Some(hit) = machine(scene, chain, index, word_end) {
        return Some(hit);
    }
    if let Some(hit) = dates::numeric(scene, chain, index, word_end) {
        return Some(hit);
    }
    // `$12 000`, `v1`, `#12`, `/12`, `_12`, `=0x12` are not values unless announced.
    let detached = before.is_none_or(|b| {
        !(b >= 0x80
            || b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'$' | b'\\' | b'.' | b'-' | b'/' | b'@' | b'%'))
    });
    if first.digits >= 1 && first.len() <= 7 {
        let code = special::code(scene.text, first.start, groups[word_end].end);
        if let Some(finding) = code {
            return Some(Hit { last: word_end, finding: Some(finding) });
        }
    }
    if let Some(hit) = age(scene, chain, index, announced) {
        return Some(hit);
    }
    if first.is_numeric()
        && first.len() == 4
        && word_end == index
        && let Some(finding) = dates::written(scene, first.start)
    {
        return Some(Hit { last: index, finding: Some(finding) });
    }
    let digits: usize = groups[index..].iter().take(8).map(|g| g.digits).sum();
    if digits < 4 {
        return None;
    }
    let spaced = before.is_some_and(|b| b >= 0x80)
        && scene.text[..first.start].ends_with([
            '\u{a0}', '\u{202f}', '“', '„', '‘', '’', '«', '”', '–', '—', '№', 'º', '°',
        ]);
    if detached || spaced {
        if let Some(hit) = identifier(scene, chain, index, announced) {
            return Some(hit);
        }
        if let Some(hit) = phone::at(scene, chain, index, announced) {
            return Some(hit);
        }
        return labelled(scene, chain, index, announced);
    }
    if before.is_some_and(|b| b == b'/' || b == b'-' || b == b'.') {
        return None;
    }
    labelled(scene, chain, index, announced)
}

/// Announced topics near a chain, looked up once a chain.
pub(crate) fn topics(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Announced {
    let groups = chain.groups();
    // Groups of letters may announce what follows them, and long chains carry several values.
    if index > 3 || index > 0 && groups[index - 1].digits == 0 {
        *announced = None;
    }
    *announced.get_or_insert_with(|| {
        let end = groups[groups.len() - 1].end;
        let mut found = context::around(scene.text, groups[index].start, end);
        found.topics = found.topics.or(scene.label);
        found
    })
}

/// IPv4 addresses; versions, times and UUIDs are skipped.
fn machine(scene: &Scene<'_>, chain: &Chain, index: usize, word_end: usize) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let word = &chain.groups()[index..=word_end];
    if word.len() < 2 {
        return None;
    }
    let range = word[0].start..word[word.len() - 1].end;
    if word[1..].iter().any(|g| g.separator == b':') && !word.iter().any(|g| g.len() > 6) {
        return Some(Hit { last: word_end, finding: None });
    }
    if word.len() == 5 && word.iter().map(|g| g.end - g.start).eq([8, 4, 4, 4, 12]) {
        return Some(Hit { last: word_end, finding: None });
    }
    let dotted = word.len() >= 4
        && word[1..4].iter().all(|g| g.separator == b'.')
        && word.get(4).is_none_or(|g| g.separator != b'.');
    if dotted && word[..4].iter().all(|g| g.is_numeric() && g.len() <= 3) {
        let part = |i: usize| scene.text[word[i].start..word[i].end].parse::<u16>().unwrap_or(999);
        let version =
            range.start > 0 && matches!(bytes[range.start - 1], b'v' | b'V' | b'.' | b'-');
        let valid =
            (0..4).all(|i| part(i) < 256 && (word[i].len() == 1 || bytes[word[i].start] != b'0'));
        if valid && !version && (part(0) > 0 || part(3) == 0) {
            let range = word[0].start..word[3].end;
            let finding = Finding::new(range, Category::IpAddress, 85, Evidence::Shape, "ipv4");
            return Some(Hit { last: word_end, finding: Some(finding) });
        }
        if version {
            return Some(Hit { last: word_end, finding: None });
        }
    }
    None
}

/// Rules by length of the compact value, numeric ones and others.
static BY_LENGTH: LazyLock<Vec<[Vec<&'static Rule>; 2]>> = LazyLock::new(|| {
    (0..=36)
        .map(|length| {
            let pick = |numeric: bool| {
                RULES
                    .iter()
                    .filter(|r| r.numeric == numeric && (r.length.0..=r.length.1).contains(&length))
                    .collect()
            };
            [pick(false), pick(true)]
        })
        .collect()
});

/// Identifiers with a check rule: the longest acceptable run of groups from `index`.
fn identifier(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let groups = chain.groups();
    for last in (index..groups.len().min(index + 10)).rev() {
        if !chain.may_end(last) {
            continue;
        }
        let run = &groups[index..=last];
        let length: usize = run.iter().map(|g| g.end - g.start).sum();
        if !(7..=34).contains(&length) || run.iter().map(|g| g.digits).sum::<usize>() < 4 {
            continue;
        }
        let Some(compact) = Compact::of(bytes, run) else { continue };
        let start = run[0].start;
        let end = run[run.len() - 1].end;
        if bytes.get(end).is_some_and(|b| *b >= 0xC3 && *b < 0xE2) {
            continue;
        }
        for rule in &BY_LENGTH[length][usize::from(compact.numeric)] {
            // The separator of a Finnish number says the century.
            let value = compact.value();
            if rule.numeric && crate::checks::uniform(value) || !(rule.check)(value) {
                continue;
            }
            let Some((score, evidence)) =
                judge(scene, chain, index, rule, &compact, start..end, announced)
            else {
                continue;
            };
            let finding = Finding::new(start..end, rule.category, score, evidence, rule.name);
            return Some(Hit { last, finding: Some(finding) });
        }
        if let Some(hit) = finnish(bytes, run, last) {
            return Some(hit);
        }
    }
    None
}

/// Finnish numbers carry a sign between date and serial number.
fn finnish(bytes: &[u8], run: &[crate::chain::Group], last: usize) -> Option<Hit> {
    let [date, serial] = run else { return None };
    if date.len() != 6 || serial.len() != 4 || serial.separator != b'-' {
        return None;
    }
    let value = bytes[date.start..serial.end].to_ascii_uppercase();
    (date.is_numeric() && crate::checks::identifiers::fi_hetu(&value)).then(|| Hit {
        last,
        finding: Some(Finding::new(
            date.start..serial.end,
            Category::NationalId,
            90,
            Evidence::Checksum,
            "fi-hetu",
        )),
    })
}

fn judge(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    rule: &Rule,
    compact: &Compact,
    range: std::ops::Range<usize>,
    announced: &mut Option<Announced>,
) -> Option<(u8, Evidence)> {
    let grouped =
        rule.layouts.split('|').any(|l| !l.is_empty() && l.as_bytes() == compact.layout());
    // Spaces only join groups of one value when it is usually written so.
    let loose = compact.layout().contains(&b' ') && !grouped;
    let spaced_freely =
        matches!(rule.name, "iban" | "card" | "fr-nir" | "uk-nino" | "it-codice-fiscale");
    if loose && !spaced_freely {
        return None;
    }
    let mut marks = compact.layout().iter().copied().filter(|b| !b.is_ascii_digit());
    let first_mark = marks.next();
    let odd = first_mark.is_some_and(|first| {
        !matches!(first, b' ' | b'-' | b'.') || marks.clone().any(|m| m != first)
    });
    let mark_count = usize::from(first_mark.is_some()) + marks.count();
    if !grouped && mark_count > 0 && (odd || !rule.layouts.is_empty() && !spaced_freely) {
        return None;
    }
    // An IBAN starts with a full block.
    if rule.name == "iban"
        && mark_count > 1
        && compact.layout()[1].is_ascii_digit() == (compact.layout()[0] < b'4')
        && compact.layout()[0] < b'4'
    {
        return None;
    }
    let found = topics(scene, chain, index, announced);
    if found.topics.any(rule.topics) {
        return Some((97, Evidence::ChecksumAndContext));
    }
    let thing = found.topics.any(Topics::THING);
    let whole = scene.is_whole(range.start, range.end);
    match rule.proof {
        Proof::Sure => {
            // Lower-case words with digits (`ab12…` in hashes) are not identifiers.
            let raw = &scene.text[range];
            let lower = raw.bytes().any(|b| b.is_ascii_lowercase());
            (!lower || whole || rule.name == "iban").then_some((88, Evidence::Checksum))
        }
        Proof::Dated if whole || found.topics.any(Topics::ANY) && !thing || grouped && !thing => {
            Some((75, Evidence::Checksum))
        }
        Proof::Grouped if grouped && !thing => Some((75, Evidence::Checksum)),
        Proof::Grouped if rule.category == Category::Card && whole => {
            Some((75, Evidence::Checksum))
        }
        Proof::Dated | Proof::Grouped | Proof::Announced => None,
    }
}

/// Fillers between a label and its value.
fn is_filler(text: &str) -> bool {
    if text.len() > 24 || text.contains('\n') {
        return false;
    }
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).all(|word| {
        matches!(
            word.to_ascii_lowercase().as_str(),
            "no" | "nr"
                | "number"
                | "num"
                | "is"
                | "id"
                | "n"
                | "code"
                | "card"
                | "ist"
                | "lautet"
                | "nummer"
                | "numero"
                | "número"
                | "numéro"
                | "ending"
                | "in"
                | "with"
                | "of"
                | "the"
                | "est"
                | "es"
                | "je"
                | "er"
                | "är"
                | "on"
                | "jest"
                | "este"
                | "to"
                | "č"
                | "br"
                | "holder"
                | "details"
                | "details:"
                | "st"
                | "license"
                | "licence"
                | "as"
        )
    })
}

/// What a label announces, with the fewest digits and characters of such a value.
fn announced_category(topics: Topics) -> Option<(Category, usize, usize)> {
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
        (Category::OtherId, 6, 8)
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

/// A value right behind a label that announces it.
fn labelled(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let groups = chain.groups();
    let last = chain.word_end(index);
    let (start, mut end) = (groups[index].start, groups[last].end);
    let found = topics(scene, chain, index, announced);
    let whole = scene.is_whole(start, end) && !scene.label.is_empty();
    let adjacent = found.nearest_end > 0
        && found.nearest_end <= start
        && is_filler(&scene.text[found.nearest_end..start]);
    let topics = if adjacent {
        found.nearest
    } else if whole {
        scene.label
    } else {
        return None;
    };
    if topics.any(Topics::THING) && !whole {
        return None;
    }
    let mut last = last;
    // Numbers that are written in blocks go on as long as blocks follow.
    while topics.any(Topics::HEALTH.or(Topics::BANK).or(Topics::CARD)) && last + 1 < groups.len() {
        let next = groups[last + 1];
        if next.separator != b' ' || next.digits == 0 || next.len() < 2 || !chain.may_end(last + 1)
        {
            break;
        }
        last += 1;
        end = next.end;
    }
    // So do identifiers, from a country's letters on and until they are long enough for one.
    let identifier = Topics::NATIONAL.or(Topics::TAX).or(Topics::COMPANY);
    let mut count: usize = groups[index..=last].iter().map(|g| g.digits).sum();
    while topics.any(identifier) && count < 9 && last + 1 < groups.len() {
        let next = groups[last + 1];
        let opened = last > index || groups[index].digits > 0 || groups[index].len() == 2;
        if next.separator != b' ' || next.digits == 0 || !opened || !chain.may_end(last + 1) {
            break;
        }
        last += 1;
        count += next.digits;
        end = next.end;
    }
    let digits: usize = groups[index..=last].iter().map(|g| g.digits).sum();
    let length = end - start;
    let (category, digits_min, length_min) = announced_category(topics)?;
    let year = length == 4 && (bytes[start] == b'1' || bytes[start] == b'2');
    if digits < digits_min
        || length < length_min
        || length > 34
        || year && category != Category::Postcode
    {
        return None;
    }
    let finding = Finding::new(start..end, category, 72, Evidence::Context, "labelled");
    Some(Hit { last, finding: Some(finding) })
}

/// Words that make a small number an age.
const OLD: &[&str] = &[
    " years old",
    "-year-old",
    " year old",
    " years of age",
    "-years-old",
    " yo ",
    " y/o",
    "yo ",
    " Jahre alt",
    "-jährige",
    " ans,",
    " anni,",
    " jaar oud",
    " år gammal",
    " år gammel",
    " lat,",
    "-vuotias",
    " vuotta vanha",
    " éves",
    "-годишн",
    " ετών",
    " years-old",
    " anos de idade",
    " años de edad",
    " ani,",
    " let,",
];

/// Units that belong to the age in Romance languages once it is certain.
const YEARS: &[&str] = &[" años", " anos", " ans", " anni", " Jahre", " years", " meses", " éves"];

fn age(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    announced: &mut Option<Announced>,
) -> Option<Hit> {
    let group = chain.groups()[index];
    if group.digits == 0 || group.digits > 3 {
        return None;
    }
    let text = scene.text;
    let number = text[group.start..group.start + group.digits].parse::<u16>().ok()?;
    if number == 0 || number > 115 {
        return None;
    }
    let tail = &text[group.start + group.digits..];
    let front = &text[..group.start];
    let old = OLD.iter().any(|words| tail.starts_with(words));
    let unit = YEARS.iter().find(|words| tail.starts_with(**words));
    let told = unit.is_some() && (front.ends_with(" de ") || front.ends_with(" of "))
        || ["age of ", "aged ", "I'll turn ", "turned ", " im Alter von ", "à l'âge de "]
            .iter()
            .any(|words| front.ends_with(words));
    let mut labelled = || {
        let found = topics(scene, chain, index, announced);
        group.is_numeric()
            && found.nearest.any(Topics::AGE)
            && found.nearest_end <= group.start
            && text[found.nearest_end..group.start]
                .chars()
                .all(|c| matches!(c, ':' | ' ' | '=' | '"' | '(' | '.'))
    };
    if !(old || told || labelled()) || !chain.may_end(index) && !old {
        return None;
    }
    let end = group.start
        + group.digits
        + unit.map_or(0, |words| if *words == " years" { 0 } else { words.len() });
    let finding = Finding::new(group.start..end, Category::Age, 80, Evidence::Context, "age");
    Some(Hit { last: index, finding: Some(finding) })
}
