//! Matchers over chains: addresses of machines, dates, identifiers with check rules, telephone
//! numbers and values that a label announces. Each chain is walked once from the left; at a
//! group the surest matcher wins and the walk goes on behind its value.

pub(crate) mod chain;
mod dates;
pub(crate) mod geo;
mod hit;
mod labelled;
mod phone;
mod plates;
pub(crate) mod wallets;

use crate::checks::rules::{Proof, RULES, Rule};
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::context::{self, Announced};
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::signs::special;
use chain::{Chain, Compact, Group, is_escaped};
use hit::{Hit, topics};
use std::sync::LazyLock;

/// Walks a chain; returns where to go on when it does not end with the chain.
pub(crate) fn walk(scene: &Scene<'_>, chain: &Chain, out: &mut Vec<Finding>) -> Option<usize> {
    let groups = chain.groups();
    // Short plain counts are the most frequent chains: nothing below wants them.
    let mut announced: Option<Announced> = None;
    let mut index = 0;
    while index < chain.starts() {
        if let Some(hit) = tied(scene, chain, index) {
            out.extend(hit.finding);
            index += 1;
            continue;
        }
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

/// A value that is sure in itself and stands in a path, a name of a file or another word of
/// several parts: `/accounts/DE89…`, `4111….pdf`.
fn tied(scene: &Scene<'_>, chain: &Chain, index: usize) -> Option<Hit> {
    let group = chain.groups()[index];
    let name = match (group.len(), group.is_numeric()) {
        (15..=16, true) => "card",
        (15..=34, false) if group.digits >= 4 => "iban",
        _ => return None,
    };
    let bytes = scene.text.as_bytes();
    let is_mark = |b: &u8| matches!(b, b'/' | b'.' | b'=' | b'_' | b'#');
    let before = group.start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(is_mark);
    if !before && !bytes.get(group.end).is_some_and(is_mark) {
        return None;
    }
    let compact = Compact::of(bytes, &[group])?;
    let value = compact.value();
    let rule = RULES.iter().find(|rule| rule.name == name && (rule.check)(value))?;
    if crate::checks::uniform(value) {
        return None;
    }
    let (range, category) = (group.start..group.end, rule.category);
    let finding = Finding::new(range, category, 80, Evidence::Checksum, rule.name);
    Some(Hit { last: index, finding: Some(finding) })
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
    // A date with a time behind it has colons, as times and addresses of machines have.
    if let Some(hit) = dates::numeric(scene, chain, index, word_end) {
        return Some(hit);
    }
    if let Some(hit) = machine(scene, chain, index, word_end) {
        return Some(hit);
    }
    // `$12 000`, `v1`, `#12`, `/12`, `_12`, `=0x12` are not values unless announced.
    let detached = before.is_none_or(|b| {
        !(b >= 0x80
            || b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'$' | b'\\' | b'.' | b'-' | b'/' | b'@' | b'%'))
    }) || is_escaped(bytes, first.start);
    if first.digits >= 1 && first.len() <= 7 {
        let code = special::code(scene.text, first.start, groups[word_end].end);
        if let Some(finding) = code {
            return Some(Hit { last: word_end, finding: Some(finding) });
        }
    }
    if let Some(hit) = age(scene, chain, index) {
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
        // Plates have few digits, beside letters.
        let mixed = groups[index..].iter().take(4).any(|g| g.digits < g.len());
        return (digits >= 1 && detached && mixed)
            .then(|| labelled::at(scene, chain, index, announced))
            .flatten()
            .or_else(|| labelled::code(scene, chain, index));
    }
    let spaced = before.is_some_and(|b| b >= 0x80)
        && scene.text[..first.start].chars().next_back().is_some_and(is_boundary);
    if detached || spaced {
        // `+` opens telephone numbers and nothing else.
        if before != Some(b'+')
            && let Some(hit) = identifier(scene, chain, index, announced)
        {
            return Some(hit);
        }
        if let Some(hit) = phone::at(scene, chain, index, announced) {
            return Some(hit);
        }
        return labelled::at(scene, chain, index, announced)
            .or_else(|| labelled::code(scene, chain, index));
    }
    if before.is_some_and(|b| b == b'/' || b == b'.') {
        return None;
    }
    labelled::at(scene, chain, index, announced)
}

/// Whether a value may begin behind this character, which is no ASCII: quotation marks, blanks,
/// signs for number, and the letters of scripts that are written without spaces.
fn is_boundary(c: char) -> bool {
    matches!(
        c,
        '\u{a0}'
            | '\u{202f}'
            | '“'
            | '„'
            | '‘'
            | '’'
            | '«'
            | '”'
            | '–'
            | '—'
            | '…'
            | '№'
            | 'º'
            | '°'
            | '\u{0590}'..='\u{07ff}'
            | '\u{0900}'..='\u{109f}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{3000}'..='\u{d7ff}'
            | '\u{f900}'..='\u{ffef}'
    )
}

/// Whether four numbers behind a text are a version: behind `v`, the name of a product
/// (`Chrome/120.0.0.0`, SPEC: RFC 9110 section 10.1.5), or a word that says so.
fn is_after_product(before: &str) -> bool {
    const WORDS: [&str; 4] = ["version", "release", "build", "firmware"];
    if before.ends_with(['v', 'V', '.', '-']) {
        return true;
    }
    let word_of = |text: &str| {
        let start = text.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        (start, text.get(start..).unwrap_or_default().to_owned())
    };
    match before.strip_suffix('/') {
        // In a path, something else than a space stands before the name.
        Some(product) => {
            let (start, word) = word_of(product);
            let ahead = product.get(..start).unwrap_or_default();
            word.len() > 1 && (ahead.is_empty() || ahead.ends_with([' ', '(', ';', '"']))
        }
        None => {
            let said = before.trim_end_matches([' ', ':', '=', '"']);
            said.len() < before.len()
                && WORDS.iter().any(|word| word_of(said).1.eq_ignore_ascii_case(word))
        }
    }
}

/// IPv4 addresses; versions, times and UUIDs are skipped.
fn machine(scene: &Scene<'_>, chain: &Chain, index: usize, word_end: usize) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let word = &chain.groups()[index..=word_end];
    if word.len() < 2 {
        return None;
    }
    let range = word[0].start..word[word.len() - 1].end;
    if word.len() == 5 && word.iter().map(|g| g.end - g.start).eq([8, 4, 4, 4, 12]) {
        return Some(Hit { last: word_end, finding: None });
    }
    let dotted = word.len() >= 4
        && word[1..4].iter().all(|g| g.separator == b'.')
        && word.get(4).is_none_or(|g| g.separator != b'.');
    if dotted && word[..4].iter().all(|g| g.is_numeric() && g.len() <= 3) {
        let part = |i: usize| scene.text[word[i].start..word[i].end].parse::<u16>().unwrap_or(999);
        let version = is_after_product(&scene.text[..range.start])
            || (scene.label.any(Topics::VERSION) && scene.is_whole(range.start, range.end));
        let valid =
            (0..4).all(|i| part(i) < 256 && (word[i].len() == 1 || bytes[word[i].start] != b'0'));
        if valid && !version && (part(0) > 0 || part(3) == 0) {
            let net = word.get(4).filter(|g| word.len() == 5 && is_prefix_length(bytes, g));
            let range = word[0].start..net.unwrap_or(&word[3]).end;
            let finding = Finding::new(range, Category::IpAddress, 85, Evidence::Shape, "ipv4");
            return Some(Hit { last: word_end, finding: Some(finding) });
        }
        if version {
            return Some(Hit { last: word_end, finding: None });
        }
    }
    if word[1..].iter().any(|g| g.separator == b':') && !word.iter().any(|g| g.len() > 6) {
        return Some(Hit { last: word_end, finding: None });
    }
    hardware(scene, chain, (index, word_end))
}

/// Whether a group says how much of an address is that of the network: `/24`.
fn is_prefix_length(bytes: &[u8], group: &Group) -> bool {
    group.separator == b'/'
        && group.is_numeric()
        && group.len() <= 2
        && crate::checks::number(&bytes[group.start..group.end]) <= 32
}

/// MAC addresses with dashes, and in three blocks with points.
fn hardware(scene: &Scene<'_>, chain: &Chain, (index, last): (usize, usize)) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let word = &chain.groups()[index..=last];
    let mark = word[1].separator;
    let block = word[1].len();
    if !matches!((mark, block), (b'-', 2) | (b'.', 4)) {
        return None;
    }
    let inside = |b: &u8| b.is_ascii_hexdigit() || *b == mark;
    let (first, end) = (word[0].start, word[0].end);
    let start = first - bytes[..first].iter().rev().take(17).take_while(|b| inside(b)).count();
    let end = end + bytes[end..].iter().take(17).take_while(|b| inside(b)).count();
    let value = &bytes[start..end];
    let blocks = value.split(|b| *b == mark);
    let sizes = blocks.clone().all(|part| part.len() == block);
    // Three numbers of four digits are no address.
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    (sizes && blocks.count() * block == 12 && (letters || block == 2)).then(|| {
        let range = start..end;
        let finding = Finding::new(range, Category::MacAddress, 90, Evidence::Shape, "mac");
        Hit { last, finding: Some(finding) }
    })
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
        if bytes.get(end).is_some_and(|b| *b >= 0xC3 && *b < 0xE0) {
            continue;
        }
        for rule in &BY_LENGTH[length][usize::from(compact.numeric)] {
            // The separator of a Finnish number says the century.
            let value = compact.value();
            if rule.numeric && crate::checks::uniform(value) || !(rule.check)(value) {
                continue;
            }
            let Some(Judgement { score, evidence, loose }) =
                judge(scene, chain, (index, last), rule, &compact, announced)
            else {
                continue;
            };
            // What the label says is surer than a rule for numbers that are written otherwise.
            let label = loose
                .then(|| announced.and_then(|a| labelled::category_of(a.nearest.or(a.behind))));
            let (category, name) = match label.flatten() {
                Some((category, ..)) => (category, "labelled"),
                None => (rule.category, rule.name),
            };
            let finding = Finding::new(start..end, category, score, evidence, name);
            return Some(Hit { last, finding: Some(finding) });
        }
        if let Some(hit) = finnish(bytes, run, last) {
            return Some(hit);
        }
    }
    None
}

/// Finnish numbers carry a sign between date and serial number.
fn finnish(bytes: &[u8], run: &[Group], last: usize) -> Option<Hit> {
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

/// How sure a value is, and whether it is written in other groups than usual.
struct Judgement {
    score: u8,
    evidence: Evidence,
    loose: bool,
}

/// Judges a value that passes the check of a rule by the way it is written and announced.
fn judge(
    scene: &Scene<'_>,
    chain: &Chain,
    (index, last): (usize, usize),
    rule: &Rule,
    compact: &Compact,
    announced: &mut Option<Announced>,
) -> Option<Judgement> {
    let range = chain.groups()[index].start..chain.groups()[last].end;
    let layout = compact.layout();
    let grouped = rule.layouts.split('|').any(|l| !l.is_empty() && l.as_bytes() == layout);
    let mark_count = layout.iter().filter(|b| !b.is_ascii_digit()).count();
    let plain = grouped || mark_count == 0;
    let freely = matches!(rule.name, "iban" | "card" | "fr-nir" | "uk-nino" | "it-codice-fiscale")
        && is_even(layout);
    // Blocks of one length before or behind belong to it: a card or an IBAN, no shorter number.
    let groups = chain.groups();
    let next = groups.get(last + 1).filter(|g| g.is_numeric() && g.separator == b' ');
    let goes_on = is_within_blocks(groups, (index, last), rule.name == "card");
    // An IBAN starts with a full block.
    if rule.name == "iban" && layout[1].is_ascii_digit() && mark_count > 1 {
        return None;
    }
    let found = topics(scene, chain, index, announced);
    let said = found.topics.any(rule.topics);
    let spaced = layout.contains(&b' ');
    if spaced && goes_on && (rule.proof == Proof::Grouped || rule.name == "card" && !said) {
        return None;
    }
    // Other groups than the usual ones are read where the number is announced and nothing follows.
    let loose = !(plain || freely);
    if loose && !(said && is_loose(layout) && next.is_none()) {
        return None;
    }
    if said {
        return Some(Judgement { score: 97, evidence: Evidence::ChecksumAndContext, loose });
    }
    let thing = found.topics.any(Topics::THING);
    let whole = scene.is_whole(range.start, range.end);
    let score = match rule.proof {
        // Lower-case words with digits (`ab12…` in hashes) are not identifiers.
        Proof::Sure => {
            let lower = scene.text[range].bytes().any(|b| b.is_ascii_lowercase());
            (!lower || whole || rule.name == "iban").then_some(88)
        }
        Proof::Dated => {
            let alone = whole && !is_counter(compact.value());
            (alone || scene.hidden || !thing && (grouped || found.topics.any(Topics::ANY)))
                .then_some(75)
        }
        Proof::Grouped => {
            let card = rule.category == Category::Card && whole;
            (grouped && !thing || card || scene.hidden && mark_count == 0).then_some(75)
        }
        Proof::Announced => (scene.hidden && compact.value().len() >= 9).then_some(60),
    };
    score.map(|score| Judgement { score, evidence: Evidence::Checksum, loose })
}

/// Whether a value stands in a row of blocks of one length that it does not divide evenly: then its
/// blocks are those of something else. Two cards side by side are two cards; a value that is sure
/// in itself may have other blocks before or behind it.
fn is_within_blocks(groups: &[Group], (index, last): (usize, usize), sure: bool) -> bool {
    let (size, count) = (groups[last].len(), last + 1 - index);
    let block = |group: &&Group| group.len() == size && group.digits > 0;
    let behind = groups[last + 1..].iter().take_while(|g| g.separator == b' ' && g.is_numeric());
    let behind = behind.take_while(block).count();
    let spaced = |i: &usize| matches!(groups[*i].separator, 0 | b' ');
    let before = (0..index).rev().filter(|_| groups[index].separator == b' ');
    let before = before.take_while(|i| spaced(i) && block(&&groups[*i])).count();
    let even = groups[index..=last].iter().all(|group| group.len() == size);
    match (before % count != 0, behind % count != 0) {
        _ if !even => before + behind > 0,
        (before, behind) if sure => before && behind,
        (before, behind) => before || behind,
    }
}

/// Whether one of the usual marks stands between all groups.
fn is_even(layout: &[u8]) -> bool {
    let mut marks = layout.iter().filter(|b| !b.is_ascii_digit());
    let first = marks.next();
    first.is_some_and(|first| matches!(first, b' ' | b'-' | b'.') && marks.all(|m| m == first))
}

/// Whether the groups can be those of one number, as somebody divided it.
fn is_loose(layout: &[u8]) -> bool {
    let marks = layout.iter().filter(|b| !b.is_ascii_digit());
    marks.clone().count() <= 6 && marks.clone().all(|m| matches!(m, b' ' | b'-' | b'.' | b'/'))
}

/// Milliseconds since 1970, of these years, and the numbers of articles (EAN-13).
fn is_counter(value: &[u8]) -> bool {
    let weights = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1];
    value.len() == 13
        && (matches!(value[..2], [b'1', b'6'..=b'9'])
            || crate::checks::weighted(value, &weights).is_multiple_of(10)
                && matches!(value[0], b'4' | b'5' | b'8'))
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
    " años,",
    " anos,",
    " years-old",
    " anos de idade",
    " años de edad",
    " ani,",
    " let,",
];

/// Units that belong to the age in Romance languages once it is certain.
const YEARS: &[&str] = &[" años", " anos", " ans", " anni", " Jahre", " years", " meses", " éves"];

/// What makes years a time that something lasts, and no age.
const LASTING: &[&str] =
    &[" de evol", " de antig", " de durac", " de segui", " de trat", " de trabajo", " of service"];
const BEFORE_TIMES: &[&str] = &[
    "periodo de ",
    "período de ",
    "más de ",
    "mas de ",
    "después de ",
    "control de ",
    "plazo de ",
    "period of ",
    "term of ",
    "total de ",
    "aproximado de ",
    "partir de ",
    "course of ",
    "duration of ",
    "sentence of ",
];

fn age(scene: &Scene<'_>, chain: &Chain, index: usize) -> Option<Hit> {
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
    // All of these words begin with one of these bytes, and what stands before ends with a blank.
    let next = tail.as_bytes().first();
    let old =
        matches!(next, Some(b' ' | b'-' | b'y')) && OLD.iter().any(|words| tail.starts_with(words));
    let unit = (next == Some(&b' '))
        .then(|| YEARS.iter().find(|words| tail.starts_with(**words)))
        .flatten();
    let lasting = unit.is_some_and(|unit| {
        LASTING.iter().any(|words| tail[unit.len()..].starts_with(words))
            || BEFORE_TIMES.iter().any(|words| front.ends_with(words))
    });
    let told = unit.is_some()
        && !lasting
        && [" de ", " of ", " a los ", " aos ", " con ", " com "]
            .iter()
            .any(|w| front.ends_with(w))
        || front.ends_with(' ')
            && ["age of ", "aged ", "I'll turn ", "turned ", " im Alter von ", "à l'âge de "]
                .iter()
                .any(|words| front.ends_with(words));
    let labelled = || group.is_numeric() && context::is_word_before(text, group.start, Topics::AGE);
    if !(old || told || labelled()) || !chain.may_end(index) && !old {
        return None;
    }
    let end = group.start
        + group.digits
        + unit.map_or(0, |words| if *words == " years" { 0 } else { words.len() });
    let finding = Finding::new(group.start..end, Category::Age, 80, Evidence::Context, "age");
    Some(Hit { last: index, finding: Some(finding) })
}
